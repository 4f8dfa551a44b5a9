#include "agent/postgres/pgorphan.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/postgres/pgfiles.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    PATH_BYTES = 512,
    SMALL_CAP_BYTES = 8192,
    TABLE_CAP_BYTES = 1 << 20, /* /proc/sysvipc/shm, /proc/PID/maps */
    PID_FILE_SHM_LINE = 7,
};

struct search {
    const char *data_directory;
    struct stat st;    /* of it */
    bool has_segment;  /* a shared memory segment that may be this cluster's */
    unsigned long key; /* … its key and id */
    int id;
};

/* ---- the segment ----------------------------------------------------------------------------- */

static bool segment_from_pid_file(struct search *s)
{
    char path[PATH_BYTES], *text;
    const char *line;
    AUTO(arena) a = arena_new();

    if (!STR_PRINTF(path, "%s/postmaster.pid", s->data_directory) ||
        file_read(path, SMALL_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    line = pgfiles_line(text, PID_FILE_SHM_LINE);
    return line && sscanf(line, "%lu %d", &s->key, &s->id) == 2;
}

/* postmaster.pid has been removed: by the key that PostgreSQL tries first, PGDATA's inode. */
static bool segment_from_inode(struct search *s)
{
    unsigned long key = (unsigned long)(unsigned)s->st.st_ino;
    char *text;
    AUTO(arena) a = arena_new();

    if (file_read("/proc/sysvipc/shm", TABLE_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    for (const char *line = pgfiles_line(text, 2); line && *line; line = pgfiles_line(line, 2)) {
        int found_key, id;

        if (sscanf(line, "%d %d", &found_key, &id) == 2 && (unsigned)found_key == key) {
            s->key = key;
            s->id = id;
            return true;
        }
    }
    return false;
}

/* How many are attached to it; 0 also where the segment is gone, or is another one by now: ids and
 * keys are handed out again after a boot. */
static unsigned long attached(const struct search *s)
{
    struct shmid_ds ds;

    if (!s->has_segment || shmctl(s->id, IPC_STAT, &ds) < 0)
        return 0;
    if ((unsigned)ds.shm_perm.__key != (unsigned)s->key || ds.shm_perm.uid != s->st.st_uid)
        return 0;
    return ds.shm_nattch;
}

/* ---- one process ----------------------------------------------------------------------------- */

/* PostgreSQL's own name (a person's shell may be in PGDATA too), or one that cannot be read. */
static bool is_named_postgres(int pid)
{
    char path[64], *comm;
    struct err e = {0};
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/comm", pid);
    if (file_read(path, SMALL_CAP_BYTES, a, &comm, NULL, &e) < 0)
        return e.sys != ENOENT && e.sys != ESRCH;
    return strncmp(comm, "postgres", 8) == 0 || strncmp(comm, "postmaster", 10) == 0;
}

static bool is_of_user(int pid, unsigned uid)
{
    char path[64], *text;
    const char *line;
    unsigned effective;
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/status", pid);
    if (file_read(path, SMALL_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    line = strstr(text, "\nUid:");
    return line && sscanf(line, "\nUid: %*u %u", &effective) == 1 && effective == uid;
}

/* Its working directory is a data directory: it is then known which server it belongs to. */
static bool is_in_a_data_directory(int pid)
{
    char path[64];
    struct stat st;

    STR_PRINTF(path, "/proc/%d/cwd/global/pg_control", pid);
    return stat(path, &st) == 0;
}

/* "7f12…-7f13… rw-s 00000000 00:01 32769    /SYSV0052e2c1 (deleted)": the inode is the id. */
static bool maps_segment(int pid, int id)
{
    char path[64], *text, wanted[24];
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/maps", pid);
    STR_PRINTF(wanted, " %d ", id);
    if (file_read(path, TABLE_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    for (const char *at = text; (at = strstr(at, "/SYSV")) != NULL; at++) {
        const char *line = at;

        while (line > text && line[-1] != '\n')
            line--;
        const char *found = strstr(line, wanted);

        if (found && found < at)
            return true;
    }
    return false;
}

/* A process of this data directory: its working directory is there, or it is attached to
 * the server's shared memory and works in no other data directory. What cannot be looked into
 * counts by user and name. */
static bool is_ours(const struct search *s, bool look_for_segment, int pid)
{
    char path[64];
    struct stat cwd;

    STR_PRINTF(path, "/proc/%d/cwd", pid);
    if (pid == getpid() || pgfiles_is_zombie(pid))
        return false;
    if (stat(path, &cwd) == 0) {
        if (cwd.st_dev == s->st.st_dev && cwd.st_ino == s->st.st_ino)
            return is_named_postgres(pid);
        return look_for_segment && is_of_user(pid, s->st.st_uid) && !is_in_a_data_directory(pid) &&
               maps_segment(pid, s->id);
    }
    return (errno == EACCES || errno == EPERM) && is_of_user(pid, s->st.st_uid) &&
           is_named_postgres(pid);
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool search_new(const char *data_directory, struct search *s)
{
    *s = (struct search){.data_directory = data_directory};
    if (stat(data_directory, &s->st) < 0)
        return false;
    s->has_segment = segment_from_pid_file(s) || segment_from_inode(s);
    return true;
}

static void go_through(const struct search *s, bool look_for_segment, struct pgorphans *ret)
{
    const struct dirent *entry;
    DIR *dir = opendir("/proc");

    while (dir && (errno = 0, entry = readdir(dir)) != NULL) {
        int pid =
            isdigit((unsigned char)entry->d_name[0]) ? (int)strtol(entry->d_name, NULL, 10) : 0;

        if (pid > 0 && ret->n < PGORPHAN_MAX && is_ours(s, look_for_segment, pid))
            ret->pids[ret->n++] = pid;
    }
    if (!dir || errno) {
        ret->unknown = true;
        STR_PRINTF(ret->problem, "/proc cannot be read (%s)", strerror(errno));
    }
    if (dir)
        closedir(dir);
}

void pgorphan_find(const char *data_directory, struct pgorphans *ret)
{
    struct search s;
    unsigned long before;

    *ret = (struct pgorphans){.n = 0};
    if (!search_new(data_directory, &s)) {
        if (errno == ENOENT || errno == ENOTDIR)
            return; /* no data directory, no process in it */
        ret->unknown = true;
        STR_PRINTF(ret->problem, "%s cannot be looked at (%s)", data_directory, strerror(errno));
        return;
    }
    before = attached(&s);
    go_through(&s, before > 0, ret);
    if (ret->n == 0 && !ret->unknown && before > 0 && attached(&s) > 0) {
        ret->unknown = true;
        STR_PRINTF(ret->problem,
                   "shared memory segment %d of it is attached to by %lu processes that cannot be "
                   "seen from here",
                   s.id, attached(&s));
    }
}

int pgorphan_signal(const char *data_directory, int pid, int signal_number)
{
    struct search s;
    AUTO(fd) fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0)
        return errno == ESRCH ? 0 : -errno;
    if (!search_new(data_directory, &s) || !is_ours(&s, attached(&s) > 0, pid))
        return 0;
    if (syscall(SYS_pidfd_send_signal, fd, signal_number, NULL, 0) < 0 && errno != ESRCH)
        return -errno;
    return 0;
}
