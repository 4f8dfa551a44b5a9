/*
 * The files of PostgreSQL's configuration. Grammar (src/backend/utils/misc/guc-file.l): a line is
 * `name = value` or `name value`, `#` begins a comment, a value in quotes has '' or \' for a quote
 * and C-like backslashes; `include`, `include_if_exists` and `include_dir` are relative to the file
 * that they stand in.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "agent/postgres/pgopts.h"
#include "agent/postgres/pgsettings.h"
#include "agent/postgres/postgres.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    PATH_BYTES = 512,
    FILE_CAP_BYTES = 4 << 20,
    DEPTH_MAX = 10, /* as in PostgreSQL */
    NAME_BYTES = 64,
    VALUE_BYTES = 2048,
};

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t\r");
}

/* The setting's name at the start of a line; "" for a comment or an empty one. Returns what follows
 * the name and the optional '='. */
static const char *line_name(const char *line, char *ret_name, size_t bytes)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.$";
    size_t n;

    line = skip_blanks(line);
    n = strspn(line, letters);
    if (n >= bytes)
        n = 0;
    memcpy(ret_name, line, n);
    ret_name[n] = '\0';
    line = skip_blanks(line + n);
    return *line == '=' ? skip_blanks(line + 1) : line;
}

static char unescape(const char **at)
{
    char c = **at;

    if (c >= '0' && c <= '7') {
        unsigned v = 0;

        for (int i = 0; i < 3 && **at >= '0' && **at <= '7'; i++, (*at)++)
            v = v * 8 + (unsigned)(**at - '0');
        (*at)--;
        return (char)(unsigned char)v;
    }
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* The value that `at` begins with, unquoted. False: cut or malformed. */
static bool line_value(const char *at, char *ret_value, size_t bytes)
{
    size_t n = 0;
    bool quoted = *at == '\'';

    for (at += quoted; *at && *at != '\n'; at++) {
        char c = *at;

        if (quoted && c == '\'') {
            if (at[1] != '\'')
                break;
            at++;
        } else if (quoted && c == '\\' && at[1] && at[1] != '\n') {
            at++;
            c = unescape(&at);
        } else if (!quoted && strchr(" \t\r#", c)) {
            break;
        }
        if (n + 1 >= bytes)
            return false;
        ret_value[n++] = c;
    }
    ret_value[n] = '\0';
    return !quoted || *at == '\'';
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

/* ---- all files, in PostgreSQL's order -------------------------------------------------------- */

/* A line that sets something; `value` NULL: malformed, or too long. False: it could not be used. */
typedef bool (*setting_fn)(void *arg, const char *name, const char *value, const char *file,
                           int line);

struct walk {
    setting_fn fn;
    void *arg;
    bool all;
};

static void walk_file(struct walk *w, const char *path, bool may_be_missing, int depth);

/* `value` relative to the directory of `file` */
static bool relative_to(const char *file, const char *value, char *ret_path, size_t bytes)
{
    const char *slash = strrchr(file, '/');

    if (value[0] == '/' || !slash)
        return str_copy(ret_path, bytes, value);
    return str_printf(ret_path, bytes, "%.*s/%s", (int)(slash - file), file, value);
}

static int is_included(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return entry->d_name[0] != '.' && n >= 6 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* include_dir: the files whose names end in .conf and do not begin with a dot, in byte order. */
static void walk_directory(struct walk *w, const char *path, int depth)
{
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_included, by_bytes);

    w->all &= n >= 0;
    for (int i = 0; i < n; i++) {
        char file[PATH_BYTES];

        if (STR_PRINTF(file, "%s/%s", path, entries[i]->d_name))
            walk_file(w, file, false, depth);
        else
            w->all = false;
        free(entries[i]);
    }
    free(entries);
}

static void walk_line(struct walk *w, const char *path, const char *line, int number, int depth)
{
    char name[NAME_BYTES], value[VALUE_BYTES], file[PATH_BYTES];
    const char *rest = line_name(line, name, sizeof(name));
    bool include = strcasecmp(name, "include") == 0;
    bool if_exists = strcasecmp(name, "include_if_exists") == 0;
    bool directory = strcasecmp(name, "include_dir") == 0;

    if (!name[0])
        return;
    bool complete = line_value(rest, value, sizeof(value));
    if (!include && !if_exists && !directory)
        w->all &= w->fn(w->arg, name, complete ? value : NULL, path, number);
    else if (!complete || !relative_to(path, value, file, sizeof(file)))
        w->all = false;
    else if (directory)
        walk_directory(w, file, depth + 1);
    else
        walk_file(w, file, if_exists, depth + 1);
}

static void walk_file(struct walk *w, const char *path, bool may_be_missing, int depth)
{
    char *text;
    int number = 0;
    struct err e = {0};
    AUTO(arena) a = arena_new();

    if (depth > DEPTH_MAX) {
        w->all = false;
        return;
    }
    if (file_read(path, FILE_CAP_BYTES, a, &text, NULL, &e) < 0) {
        w->all &= may_be_missing && e.sys == ENOENT;
        return;
    }
    for (const char *line = text; *line; line = next_line(line))
        walk_line(w, path, line, ++number, depth);
}

/* agent.conf knows where the main file is; else what the last postmaster was started with does. */
static bool main_file(const struct postgres_config *c, char *ret_path, size_t bytes)
{
    struct pgopts o;

    if (c->config_file[0])
        return str_copy(ret_path, bytes, c->config_file);
    if (pgopts_read(c->data_directory, &o) && o.config_file[0])
        return str_copy(ret_path, bytes, o.config_file);
    return str_printf(ret_path, bytes, "%s/postgresql.conf", c->data_directory);
}

/* False: not every file could be read, or a line could not be used. */
static bool walk_all(const struct postgres_config *c, setting_fn fn, void *arg)
{
    struct walk w = {.fn = fn, .arg = arg, .all = true};
    char path[PATH_BYTES];

    if (main_file(c, path, sizeof(path)))
        walk_file(&w, path, false, 0);
    else
        w.all = false;
    if (STR_PRINTF(path, "%s/postgresql.auto.conf", c->data_directory))
        walk_file(&w, path, true, 0);
    return w.all;
}

static bool keep_conninfo(void *arg, const char *name, const char *value, const char *file,
                          int line)
{
    struct pgsettings_found *found = arg;

    if (strcasecmp(name, "primary_conninfo") != 0)
        return true;
    return value && STR_COPY(found->value, value) && STR_PRINTF(found->place, "%s:%d", file, line);
}

bool pgsettings_file_conninfo(const struct postgres_config *c, struct pgsettings_found *ret)
{
    *ret = (struct pgsettings_found){.value = ""};
    return walk_all(c, keep_conninfo, ret);
}

struct wanted {
    struct pgsetting *list;
    size_t n;
};

static bool keep_wanted(void *arg, const char *name, const char *value, const char *file, int line)
{
    const struct wanted *w = arg;

    for (size_t i = 0; i < w->n; i++) {
        struct pgsetting *s = &w->list[i];

        if (strcasecmp(name, s->name) != 0)
            continue;
        s->line = line;
        STR_COPY(s->file, file);
        STR_COPY(s->value, value ? value : "?"); /* cut, if it is longer: it is set */
        return value != NULL;
    }
    return true;
}

bool pgsettings_of_files(const struct postgres_config *c, struct pgsetting *list, size_t n)
{
    struct wanted w = {.list = list, .n = n};

    for (size_t i = 0; i < n; i++) {
        list[i].line = 0;
        list[i].value[0] = list[i].file[0] = '\0';
    }
    return walk_all(c, keep_wanted, &w);
}

/* ---- postgresql.auto.conf -------------------------------------------------------------------- */

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* As ALTER SYSTEM writes it: quotes and backslashes doubled. */
static void add_setting(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, "%s = '", name);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_add(b, value, 1);
        buf_add(b, value, 1);
    }
    buf_str(b, "'\n");
}

int pgsettings_edit(const char *text, const char *const *names, const char *const *values, size_t n,
                    struct buf *ret_text, struct err *reterr)
{
    char name[NAME_BYTES];

    for (size_t i = 0; i < n; i++)
        if (strpbrk(values[i], "\r\n"))
            return err_set(reterr, ERR_INVALID, NULL, "the value for %s holds a line break",
                           names[i]);
    for (const char *line = text; *line; line = next_line(line)) {
        const char *end = next_line(line);

        line_name(line, name, sizeof(name));
        if (is_one_of(name, names, n))
            continue;
        buf_add(ret_text, line, (size_t)(end - line));
        if (end[-1] != '\n')
            buf_str(ret_text, "\n");
    }
    for (size_t i = 0; i < n; i++)
        add_setting(ret_text, names[i], values[i]);
    if (!buf_ok(ret_text))
        return err_set(reterr, ERR_TOO_LONG, NULL, "the configuration file is too long");
    return 0;
}

int pgsettings_auto_conf(const struct postgres_config *c, const char *const *names,
                         const char *const *values, size_t n, struct err *reterr)
{
    char path[PATH_BYTES];
    char empty[] = "";
    char *text = empty;
    struct buf b;
    struct stat st;
    struct err e = {0};
    AUTO(arena) a = arena_new();

    if (!STR_PRINTF(path, "%s/postgresql.auto.conf", c->data_directory))
        return err_set(reterr, ERR_TOO_LONG, NULL, "data_directory is too long");

    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(reterr, ERR_SYS, "make it a file that PostgreSQL's user can write",
                       "%s is not a regular file", path);

    int r = file_read(path, FILE_CAP_BYTES, a, &text, NULL, &e);

    if (r < 0 && e.sys != ENOENT) {
        if (reterr)
            *reterr = e;
        return r;
    }
    buf_init(&b, FILE_CAP_BYTES);
    r = pgsettings_edit(text, names, values, n, &b, reterr);
    if (r == 0)
        r = file_replace(path, b.data, b.len, 0600, reterr);
    buf_free(&b);
    return r;
}
