#include "agent/postgres/pgopts.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/postgres/pgrecovery.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_CAP_BYTES = 65536, ARGUMENT_BYTES = 1024 };

/* The next argument of `PROGRAM "a" "b"`; nothing in it is escaped. NULL: there is none. */
static const char *next_argument(const char *at, char *ret, size_t bytes)
{
    const char *begin = strstr(at, " \"");
    const char *end;

    if (!begin)
        return NULL;
    begin += 2;
    end = strstr(begin, "\" \"");
    if (!end)
        end = strrchr(begin, '"');
    if (!end)
        return NULL;
    str_printf(ret, bytes, "%.*s", (int)(end - begin), begin);
    return end + 1;
}

static bool same_directory(const char *a, const char *b)
{
    struct stat x, y;

    return strcmp(a, b) == 0 ||
           (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static void add_other(struct pgopts *o, const char *option, const char *value)
{
    size_t len = strlen(o->others);

    str_printf(o->others + len, sizeof(o->others) - len, "%s%s%s%s", len ? " " : "", option,
               value[0] ? " " : "", value);
}

/* `name=value` of -c or of a long option */
static void take_setting(struct pgopts *o, const char *option, const char *setting)
{
    static const char config_file[] = "config_file=";

    if (strncmp(setting, config_file, sizeof(config_file) - 1) == 0)
        STR_COPY(o->config_file, setting + sizeof(config_file) - 1);
    else if (!pgrecovery_is_option(setting) && strncmp(setting, "primary_", 8) != 0)
        add_other(o, option, setting);
}

/* Options whose value is an argument of its own (postgres --help). */
static bool takes_value(const char *argument)
{
    return argument[0] == '-' && argument[1] && !argument[2] &&
           strchr("BcDdfhkNpStvW", argument[1]);
}

void pgopts_parse(const char *text, const char *data_directory, struct pgopts *ret_opts)
{
    struct pgopts o = {.config_file = ""};
    char argument[ARGUMENT_BYTES], value[ARGUMENT_BYTES];

    while ((text = next_argument(text, argument, sizeof(argument))) != NULL) {
        value[0] = '\0';
        if (takes_value(argument)) {
            const char *after = next_argument(text, value, sizeof(value));

            text = after ? after : text;
        }
        if (strcmp(argument, "-c") == 0)
            take_setting(&o, "-c", value);
        else if (strncmp(argument, "--", 2) == 0)
            take_setting(&o, "-c", argument + 2);
        else if (strcmp(argument, "-D") != 0)
            add_other(&o, argument, value);
        else if (!same_directory(value, data_directory) && !o.config_file[0])
            STR_PRINTF(o.config_file, "%s/postgresql.conf", value);
    }
    *ret_opts = o;
}

bool pgopts_read(const char *data_directory, struct pgopts *ret_opts)
{
    char path[512];
    char *text;
    AUTO(arena) a = arena_new();

    if (!STR_PRINTF(path, "%s/postmaster.opts", data_directory) ||
        file_read(path, FILE_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    text[strcspn(text, "\n")] = '\0';
    pgopts_parse(text, data_directory, ret_opts);
    return true;
}
