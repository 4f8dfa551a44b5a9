/*
 * What is scheduled outside the crontab that is managed: it does not move with the role. An entry
 * counts if it runs as the owner of the data directory, or names PostgreSQL's programs or the data
 * directory. Files are read, nothing is run: systemd's timers count if a target wants them.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/look/inspect_parts.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum { PATH_BYTES = 512, FILE_CAP_BYTES = 256 * 1024, LINE_BYTES = 1024, FILES_MAX = 256 };

static const char *const programs[] = {
    "psql",      "pg_dump",    "pg_basebackup", "pg_restore",   "pg_receivewal", "vacuumdb",
    "reindexdb", "pgbackrest", "barman",        "wal-g",        "wal-e",         "pg_repack",
    "pg_rman",   "pgbench",    "clusterdb",     "pg_probackup",
};

struct look {
    const struct postgres_config *c;
    const char *owner; /* the name of the data directory's owner, who is us */
    struct inspect *i;
};

static void add_foreign_job(struct look *k, const char *place, const char *what, const char *hashed)
{
    struct inspect *i = k->i;

    i->jobs_count++;
    if (i->n_jobs == sizeof(i->jobs) / sizeof(i->jobs[0]))
        return;
    struct inspect_job *job = &i->jobs[i->n_jobs++];
    STR_COPY(job->place, place);
    STR_COPY(job->what, what);
    inspect_hash(hashed, job->hash);
}

static void unread(struct look *k, const char *path)
{
    size_t used = strlen(k->i->jobs_unread);

    (void)str_printf(k->i->jobs_unread + used, sizeof(k->i->jobs_unread) - used, "%s%s",
                     used ? ", " : "", path);
}

/* The program or directory that makes this text one of ours, or NULL. */
static const char *touches(const struct look *k, const char *text)
{
    for (size_t n = 0; n < sizeof(programs) / sizeof(programs[0]); n++)
        if (strstr(text, programs[n]))
            return programs[n];
    return strstr(text, k->c->data_directory) ? "the data directory" : NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

static char *slurp(struct look *k, const char *path, struct arena *a)
{
    char *text;
    struct stat st;

    if (stat(path, &st) < 0) {
        if (errno == EACCES)
            unread(k, path);
        return NULL;
    }
    if (!S_ISREG(st.st_mode))
        return NULL;
    if (file_read(path, FILE_CAP_BYTES, a, &text, NULL, NULL) < 0) {
        unread(k, path);
        return NULL;
    }
    return text;
}

typedef void (*file_fn)(struct look *k, const char *path);

/* Each file of a directory, but those that editors and packages leave behind. */
static void each_file(struct look *k, const char *directory, file_fn fn)
{
    DIR *d = opendir(directory);
    char path[PATH_BYTES];
    int n = 0;

    if (!d) {
        if (errno == EACCES)
            unread(k, directory);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(d)) && n < FILES_MAX; n++)
        if (entry->d_name[0] != '.' && !strchr(entry->d_name, '~') &&
            STR_PRINTF(path, "%s/%s", directory, entry->d_name))
            fn(k, path);
    closedir(d);
}

/* ---- cron ------------------------------------------------------------------------------------ */

/* The word at *at, which moves behind it and the blanks. */
static bool word(const char **at, char *ret, size_t bytes)
{
    size_t n = strcspn(*at, " \t");

    (void)str_printf(ret, bytes, "%.*s", (int)n, *at);
    *at += n;
    *at += strspn(*at, " \t");
    return n > 0;
}

/* "m h dom mon dow [user] command", or "@daily [user] command"; comments and VAR=value are none. */
static void judge_line(struct look *k, const char *path, int number, const char *line,
                       bool has_user)
{
    char ignored[64], user[64] = "root", place[112], what[64];
    const char *at = line + strspn(line, " \t"), *program;

    if (!strchr("0123456789*@", at[0]) || !at[0])
        return;
    for (int n = at[0] == '@' ? 1 : 5; n > 0; n--)
        if (!word(&at, ignored, sizeof(ignored)))
            return;
    if (has_user && !word(&at, user, sizeof(user)))
        return;
    program = touches(k, at);
    if (!program && strcmp(user, k->owner) != 0)
        return;
    if (!program) {
        word(&at, ignored, sizeof(ignored));
        program = strrchr(ignored, '/') ? strrchr(ignored, '/') + 1 : ignored;
    }
    STR_PRINTF(place, "%.100s:%d", path, number);
    STR_PRINTF(what, "%.20s: %.40s", user, program);
    add_foreign_job(k, place, what, line);
}

static void judge_crontab(struct look *k, const char *path, bool has_user)
{
    AUTO(arena) a = arena_new();
    char *text = slurp(k, path, a);
    int number = 1;

    for (char *line = text; line; number++) {
        char *end = strchr(line, '\n');

        if (end)
            *end = '\0';
        judge_line(k, path, number, line, has_user);
        line = end ? end + 1 : NULL;
    }
}

static void cron_d(struct look *k, const char *path)
{
    judge_crontab(k, path, true);
}

/* A script that run-parts starts as root. */
static void cron_daily(struct look *k, const char *path)
{
    AUTO(arena) a = arena_new();
    const char *text = slurp(k, path, a), *program = text ? touches(k, text) : NULL;
    char what[64];

    STR_PRINTF(what, "root: %.40s", program ? program : "");
    if (program)
        add_foreign_job(k, path, what, text);
}

static void cron_places(struct look *k)
{
    static const char *const parts[] = {"/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly",
                                        "/etc/cron.monthly"};

    judge_crontab(k, "/etc/crontab", true);
    each_file(k, "/etc/cron.d", cron_d);
    for (size_t n = 0; n < sizeof(parts) / sizeof(parts[0]); n++)
        each_file(k, parts[n], cron_daily);
    judge_crontab(k,
                  file_exists("/var/spool/cron/crontabs") ? "/var/spool/cron/crontabs/root"
                                                          : "/var/spool/cron/root",
                  false);
}

/* ---- systemd --------------------------------------------------------------------------------- */

static const char *const unit_directories[] = {"/etc/systemd/system", "/run/systemd/system",
                                               "/usr/local/lib/systemd/system",
                                               "/usr/lib/systemd/system", "/lib/systemd/system"};

/* The unit's own file, the first that systemd would find. */
static char *unit_text(struct look *k, const char *unit, struct arena *a)
{
    char path[PATH_BYTES];

    for (size_t n = 0; n < sizeof(unit_directories) / sizeof(unit_directories[0]); n++)
        if (STR_PRINTF(path, "%s/%s", unit_directories[n], unit) && file_exists(path))
            return slurp(k, path, a);
    return NULL;
}

/* The value of the first "key=" line; false if there is none. */
static bool unit_value(const char *text, const char *key, char *ret, size_t bytes)
{
    size_t len = strlen(key);

    for (const char *at = text; (at = strstr(at, key)); at += len)
        if ((at == text || at[-1] == '\n') && at[len] == '=') {
            at += len + 1;
            return str_printf(ret, bytes, "%.*s", (int)strcspn(at, "\r\n"), at);
        }
    return false;
}

static void judge_timer(struct look *k, const char *path)
{
    AUTO(arena) a = arena_new();
    const char *name = strrchr(path, '/') + 1, *program;
    size_t stem = strlen(name) > 6 ? strlen(name) - 6 : 0;
    char service[112], user[64] = "root", what[64];
    char *timer, *text;

    if (stem == 0 || strcmp(name + stem, ".timer") != 0)
        return;
    timer = unit_text(k, name, a);
    if (!timer || !unit_value(timer, "Unit", service, sizeof(service)))
        STR_PRINTF(service, "%.*s.service", (int)stem, name);
    text = unit_text(k, service, a);
    if (!text)
        return;
    (void)unit_value(text, "User", user, sizeof(user));
    program = touches(k, text);
    if (!program && strcmp(user, k->owner) != 0)
        return;
    STR_PRINTF(what, "%.20s: %.40s", user, program ? program : service);
    add_foreign_job(k, name, what, text);
}

static void timer_places(struct look *k)
{
    static const char *const targets[] = {"timers.target.wants", "multi-user.target.wants",
                                          "basic.target.wants"};
    char path[PATH_BYTES];

    for (size_t t = 0; t < sizeof(targets) / sizeof(targets[0]); t++)
        for (size_t n = 0; n < 4; n++) /* /lib is /usr/lib by now: not twice */
            if (STR_PRINTF(path, "%s/%s", unit_directories[n], targets[t]))
                each_file(k, path, judge_timer);
}

/* ---- programs that make backups by themselves ------------------------------------------------ */

static void configuration(struct look *k, const char *path)
{
    AUTO(arena) a = arena_new();
    const char *text = slurp(k, path, a);

    if (text)
        add_foreign_job(k, path, "its configuration", text);
}

void inspect_jobs(const struct postgres_config *c, struct inspect *i)
{
    const struct passwd *owner = getpwuid(geteuid());
    struct look k = {.c = c, .owner = owner ? owner->pw_name : "postgres", .i = i};

    cron_places(&k);
    timer_places(&k);
    configuration(&k, "/etc/pgbackrest.conf");
    configuration(&k, "/etc/pgbackrest/pgbackrest.conf");
    configuration(&k, "/etc/barman.conf");
    each_file(&k, "/etc/barman.d", configuration);
}
