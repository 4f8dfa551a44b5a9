#include "agent/cron/cron_system.h"

#include <dirent.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/crontab.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { FILE_CAP_BYTES = 256 * 1024, COMMANDS_MAX = 512 };

struct found {
    struct arena *arena;
    char **commands;
    size_t n;
    const char *user;
};

/* "USER COMMAND": there a user comes before the command. */
static void take_job(struct found *f, char *command)
{
    size_t user = strcspn(command, " \t");
    const char *rest = command + user + strspn(command + user, " \t");

    if (f->n < COMMANDS_MAX && user == strlen(f->user) && memcmp(command, f->user, user) == 0)
        f->commands[f->n++] = arena_strdup(f->arena, rest);
}

static void read_one(struct found *f, const char *path)
{
    char *text, **commands;
    size_t len;

    if (file_read(path, FILE_CAP_BYTES, f->arena, &text, &len, NULL) < 0 ||
        crontab_commands(text, len, CRONTAB_ALL, true, f->arena, &commands, NULL) < 0)
        return;
    for (; *commands; commands++)
        take_job(f, *commands);
}

char **cron_system_commands(struct arena *a)
{
    const struct passwd *me = getpwuid(geteuid());
    struct found f = {.arena = a, .user = me ? me->pw_name : ""};
    DIR *dir = opendir("/etc/cron.d");
    char path[320];

    f.commands = arena_alloc(a, (COMMANDS_MAX + 1) * sizeof(*f.commands));
    read_one(&f, "/etc/crontab");
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.' && STR_PRINTF(path, "/etc/cron.d/%s", e->d_name))
            read_one(&f, path);
    if (dir)
        closedir(dir);
    return f.commands;
}
