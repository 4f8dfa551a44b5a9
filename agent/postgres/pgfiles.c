#include "agent/postgres/pgfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/postgres/pgarchive.h"
#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pghistory.h"
#include "agent/postgres/pgorphan.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    PATH_BYTES = 512,
    PID_FILE_CAP_BYTES = 8192,
    VERSION_CAP_BYTES = 64,
    PID_FILE_STATUS_LINE = 8,
};

/* ---- processes ------------------------------------------------------------------------------- */

bool pgfiles_is_zombie(int pid)
{
    char path[64];
    char *text;
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/stat", pid);
    if (file_read(path, 4096, a, &text, NULL, NULL) < 0)
        return false;

    const char *after_name = strrchr(text, ')');

    return after_name && (after_name[1] == ' ') && (after_name[2] == 'Z' || after_name[2] == 'X');
}

/* 1: its working directory is PGDATA (every process of a server stays there); 0: another one;
 * -1: unknown. */
static int works_in(int pid, const char *data_directory)
{
    char path[64];
    struct stat here, there;

    STR_PRINTF(path, "/proc/%d/cwd", pid);
    if (stat(path, &here) < 0 || stat(data_directory, &there) < 0)
        return -1;
    return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* PostgreSQL runs only as the owner of PGDATA. After a power cut the pid that is left in
 * postmaster.pid is soon another daemon's: boots hand out nearly the same pids. */
static bool is_somebody_elses(int pid, const char *data_directory)
{
    char path[64], *text;
    const char *line;
    unsigned effective;
    struct stat there;
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/status", pid);
    if (file_read(path, PID_FILE_CAP_BYTES, a, &text, NULL, NULL) < 0 ||
        stat(data_directory, &there) < 0)
        return false;
    line = strstr(text, "\nUid:");
    return line && sscanf(line, "\nUid: %*u %u", &effective) == 1 && effective != there.st_uid;
}

static bool is_alive(int pid, const char *data_directory)
{
    if (kill(pid, 0) < 0 && errno == ESRCH)
        return false;
    if (pgfiles_is_zombie(pid) || is_somebody_elses(pid, data_directory))
        return false;
    return works_in(pid, data_directory) != 0;
}

const char *pgfiles_line(const char *text, int number)
{
    for (int i = 1; i < number && text; i++) {
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return text;
}

bool pgfiles_postmaster(const char *data_directory, struct pgpostmaster *ret_postmaster)
{
    char path[PATH_BYTES];
    char *text;
    struct pgpostmaster found = {.pid = 0};
    struct err e = {0};
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "%s/postmaster.pid", data_directory);
    if (file_read(path, PID_FILE_CAP_BYTES, a, &text, NULL, &e) < 0) {
        if (e.sys == ENOENT)
            return false;
        STR_COPY(found.problem, e.msg);
        *ret_postmaster = found;
        return true;
    }
    found.pid = abs((int)strtol(text, NULL, 10)); /* negative: a standalone backend */
    if (found.pid <= 0 || !is_alive(found.pid, data_directory))
        return false;

    const char *status = pgfiles_line(text, PID_FILE_STATUS_LINE);

    if (status) {
        size_t n = strcspn(status, " \n");

        if (n < sizeof(found.status))
            memcpy(found.status, status, n);
    }
    *ret_postmaster = found;
    return true;
}

/* ---- the look -------------------------------------------------------------------------------- */

bool pgfiles_has(const struct postgres_config *c, const char *name)
{
    char path[PATH_BYTES];

    return STR_PRINTF(path, "%s/%s", c->data_directory, name) && file_exists(path);
}

long pgfiles_major(const struct postgres_config *c)
{
    char path[PATH_BYTES];
    char *text;
    long long major = 0;
    AUTO(arena) a = arena_new();

    if (!STR_PRINTF(path, "%s/PG_VERSION", c->data_directory) ||
        file_read(path, VERSION_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return str_to_int(text, 9, 99, &major) ? (long)major : 0;
}

static int64_t count_free_bytes(const char *data_directory)
{
    char path[PATH_BYTES];
    struct statvfs fs;

    if (!STR_PRINTF(path, "%s/pg_wal", data_directory) || statvfs(path, &fs) < 0)
        return -1;
    return (int64_t)(fs.f_bavail * fs.f_frsize);
}

/* A postmaster removes its pid file only after its last child has ended, and writes "shut down"
 * only when none is left that could commit. Anything else has to be looked for. */
static bool has_ended_well(const char *data_directory, int control_state)
{
    char path[PATH_BYTES];

    return (control_state == CONTROL_SHUTDOWNED ||
            control_state == CONTROL_SHUTDOWNED_IN_RECOVERY) &&
           STR_PRINTF(path, "%s/postmaster.pid", data_directory) && !file_exists(path);
}

bool pgfiles_orphans(const char *data_directory, int control_state, struct pgorphans *ret)
{
    *ret = (struct pgorphans){.n = 0};
    if (!has_ended_well(data_directory, control_state))
        pgorphan_find(data_directory, ret);
    return ret->n > 0 || ret->unknown;
}

void pgfiles_gone(const char *data_directory, struct obs_pg *pg)
{
    struct pgorphans orphans;

    pgfiles_orphans(data_directory, pg->control_state, &orphans);
    pg->role = orphans.n > 0 || orphans.unknown ? PG_UNKNOWN : PG_STOPPED;
    pg->orphans = orphans.unknown ? -1 : orphans.n;
    pg->orphan_pid = orphans.n > 0 ? orphans.pids[0] : 0;
    if (orphans.unknown)
        STR_PRINTF(pg->problem,
                   "the postmaster is gone, but it is not known whether processes of it live on: "
                   "%.100s",
                   orphans.problem);
    else if (orphans.n > 0)
        STR_PRINTF(pg->problem,
                   "the postmaster is gone, but %d of its processes live on (PID %d) and may still "
                   "commit",
                   orphans.n, orphans.pids[0]);
}

static void say_stopping(struct obs_pg *pg)
{
    char words[160];

    pgarchive_words(pg, words, sizeof(words));
    STR_PRINTF(pg->problem, "still stopping%s", words);
}

void pgfiles_look(const struct postgres_config *c, struct obs_pg *ret_pg,
                  struct pgcontrol *ret_control)
{
    struct pgpostmaster postmaster = {.pid = 0};
    struct pghistory history;
    struct err e = {0};
    int64_t tli;
    bool there = pgfiles_postmaster(c->data_directory, &postmaster);
    struct obs_pg pg = {
        .role = postmaster.pid ? PG_STARTING : PG_UNKNOWN,
        .standby_signal = pgfiles_has(c, "standby.signal"),
        .recovery_signal = pgfiles_has(c, "recovery.signal"),
        .promote_signal = pgfiles_has(c, "promote"), /* PROMOTE_SIGNAL_FILE since version 9.4 */
        .newest_history_tli = pghistory_newest(c->data_directory),
        .stopping = there && strcmp(postmaster.status, "stopping") == 0,
        .free_bytes = count_free_bytes(c->data_directory),
        .replay_delay_ms = -1,
    };

    pgarchive_look(c->data_directory, postmaster.pid, &pg);
    *ret_control = (struct pgcontrol){.state = CONTROL_UNREADABLE};
    if (pgcontrol_read(c->data_directory, ret_control, &e) < 0)
        STR_COPY(pg.problem, e.msg);
    if (postmaster.problem[0])
        STR_COPY(pg.problem, postmaster.problem);
    else if (pg.stopping)
        say_stopping(&pg);
    pg.sysid = ret_control->sysid;
    pg.control_state = ret_control->state;
    pg.control_tli = ret_control->tli;
    pg.control_checkpoint = ret_control->checkpoint;
    if (ret_control->changed_s > 0 && ret_control->changed_s < INT32_MAX)
        pg.control_wall_ms = ret_control->changed_s * 1000;
    if (!there)
        pgfiles_gone(c->data_directory, &pg);
    pg.min_recovery_lsn = ret_control->min_recovery_lsn;
    pg.min_recovery_tli = ret_control->min_recovery_tli;
    tli = pg.min_recovery_tli > pg.control_tli ? pg.min_recovery_tli : pg.control_tli;
    if (tli > 0 && pghistory_read(c->data_directory, tli, &history)) {
        memcpy(pg.history, history.rows, history.n * sizeof(history.rows[0]));
        pg.n_history = history.n;
    }
    *ret_pg = pg;
}

void postgres_look_files(const struct postgres_config *c, struct obs_pg *ret_pg)
{
    struct pgcontrol control;

    pgfiles_look(c, ret_pg, &control);
}

/* ---- standby.signal -------------------------------------------------------------------------- */

static int open_data_directory(const struct postgres_config *c, struct stat *ret_st, int *ret_fd,
                               struct err *reterr)
{
    int dir = open(c->data_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir < 0 || fstat(dir, ret_st) < 0) {
        int sys = errno;

        if (dir >= 0)
            close(dir);
        return err_sys(reterr, sys, "is data_directory right, and does this user own it?",
                       "cannot open %s", c->data_directory);
    }
    *ret_fd = dir;
    return 0;
}

static int write_text(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The server takes a signal file that it cannot stat() for absent, so the file is made where it
 * belongs (a file renamed into place would bring its own SELinux label) and belongs to PGDATA's
 * owner. What it says is for people: its being there is what counts, so a text that did not fit on
 * a full disk is not a failure. */
int postgres_signal_create(const struct postgres_config *c, const char *text, struct err *reterr)
{
    static const char hint[] = "PostgreSQL must not be started here until the file is there";
    struct stat directory, st;
    AUTO(fd) dir = -1;
    int r = open_data_directory(c, &directory, &dir, reterr);

    if (r < 0)
        return r;

    AUTO(fd)
    fd = openat(dir, "standby.signal", O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                0600);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(reterr, errno, hint, "cannot create %s/standby.signal", c->data_directory);
    if (!S_ISREG(st.st_mode))
        return err_set(reterr, ERR_INVALID, hint, "%s/standby.signal is not a regular file",
                       c->data_directory);
    if (st.st_uid != directory.st_uid && fchown(fd, directory.st_uid, directory.st_gid) < 0)
        return err_sys(reterr, errno, hint, "%s/standby.signal belongs to user %u, PGDATA to %u",
                       c->data_directory, (unsigned)st.st_uid, (unsigned)directory.st_uid);

    bool written = ftruncate(fd, 0) == 0 && write_text(fd, text) == 0;

    if (fsync(fd) < 0 || fsync(dir) < 0)
        return err_sys(reterr, errno, hint, "cannot fsync %s/standby.signal", c->data_directory);
    (void)written;
    return 0;
}

/* Renamed to a name that the server does not know, so that a person sees what was there. */
int postgres_recovery_signal_set_aside(const struct postgres_config *c, bool *ret_was_there,
                                       struct err *reterr)
{
    static const char hint[] = "remove the file by hand: with it, the next start of a primary ends "
                               "in a recovery from the archive";
    char from[PATH_BYTES], to[PATH_BYTES];

    *ret_was_there = pgfiles_has(c, "recovery.signal");
    if (!*ret_was_there)
        return 0;
    if (!STR_PRINTF(from, "%s/recovery.signal", c->data_directory) ||
        !STR_PRINTF(to, "%s/recovery.signal.set-aside", c->data_directory))
        return err_set(reterr, ERR_TOO_LONG, NULL, "data_directory is too long");
    if (rename(from, to) < 0)
        return err_sys(reterr, errno, hint, "cannot rename %s", from);
    return file_sync_dir_of(to, reterr);
}

int postgres_signal_remove(const struct postgres_config *c, struct err *reterr)
{
    char path[PATH_BYTES];

    if (!STR_PRINTF(path, "%s/standby.signal", c->data_directory))
        return err_set(reterr, ERR_TOO_LONG, NULL, "data_directory is too long");
    return file_remove(path, reterr);
}
