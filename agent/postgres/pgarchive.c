#include "agent/postgres/pgarchive.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/messages.h"

enum {
    PATH_BYTES = 512,
    SMALL_CAP_BYTES = 8192,
    /* a healthy archiver takes a file at once: only after this the processes are searched */
    WAITING_S = 2,
};

/* ---- files ----------------------------------------------------------------------------------- */

static void look_at_files(const char *data_directory, struct obs_pg *pg)
{
    char path[PATH_BYTES];
    const struct dirent *entry;
    time_t now = time(NULL), oldest = 0;
    DIR *dir;

    pg->ready_files = pg->ready_oldest_s = -1;
    if (!STR_PRINTF(path, "%s/pg_wal/archive_status", data_directory) || !(dir = opendir(path)))
        return;
    pg->ready_files = 0;
    while ((entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        struct stat st;

        if (len <= 6 || strcmp(entry->d_name + len - 6, ".ready") != 0)
            continue;
        pg->ready_files++;
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && (!oldest || st.st_mtime < oldest))
            oldest = st.st_mtime;
    }
    closedir(dir);
    if (oldest)
        pg->ready_oldest_s = now > oldest ? (int64_t)(now - oldest) : 0;
}

/* ---- processes ------------------------------------------------------------------------------- */

/* Its parent and when it was started, in seconds since the boot. */
static bool parent_of(int pid, int *ret_parent, double *ret_started_s)
{
    char path[64], *text;
    unsigned long long ticks;
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/stat", pid);
    if (file_read(path, SMALL_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return false;
    const char *after_name = strrchr(text, ')');
    if (!after_name || sscanf(after_name + 1,
                              " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                              "%*d %*d %llu",
                              ret_parent, &ticks) != 2)
        return false;
    *ret_started_s = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return true;
}

static bool is_archiver(int pid)
{
    char path[64], *text;
    AUTO(arena) a = arena_new();

    STR_PRINTF(path, "/proc/%d/cmdline", pid);
    return file_read(path, SMALL_CAP_BYTES, a, &text, NULL, NULL) == 0 &&
           strncmp(text, "postgres: ", 10) == 0 && strstr(text, "archiver");
}

/* A child of `parent`, the archiver or whatever it is; 0 none. */
static int child_of(int parent, bool archiver, double *ret_started_s)
{
    int found = 0, its_parent;
    const struct dirent *entry;
    DIR *dir = opendir("/proc");

    while (dir && !found && (entry = readdir(dir)) != NULL) {
        int pid =
            isdigit((unsigned char)entry->d_name[0]) ? (int)strtol(entry->d_name, NULL, 10) : 0;

        if (pid > 0 && parent_of(pid, &its_parent, ret_started_s) && its_parent == parent &&
            (!archiver || is_archiver(pid)))
            found = pid;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* How long archive_command has been running; -1 it does not run (archive_library has no process of
 * its own). */
static int64_t archiving_s(int postmaster_pid)
{
    struct timespec up;
    double started_s;
    int archiver = child_of(postmaster_pid, true, &started_s);

    if (!archiver || !child_of(archiver, false, &started_s) ||
        clock_gettime(CLOCK_BOOTTIME, &up) < 0)
        return -1;
    return (double)up.tv_sec > started_s ? (int64_t)((double)up.tv_sec - started_s) : 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

void pgarchive_look(const char *data_directory, int postmaster_pid, struct obs_pg *pg)
{
    look_at_files(data_directory, pg);
    pg->archiving_s = -1;
    if (postmaster_pid > 0 && pg->ready_oldest_s >= WAITING_S)
        pg->archiving_s = archiving_s(postmaster_pid);
}

void pgarchive_words(const struct obs_pg *pg, char *text, unsigned long bytes)
{
    if (pg->ready_files <= 0)
        text[0] = '\0';
    else if (pg->archiving_s >= 0)
        str_printf(text, bytes,
                   ": waiting for archive_command, which has been running for %" PRId64
                   " s (%" PRId64 " WAL files to archive)",
                   pg->archiving_s, pg->ready_files);
    else
        str_printf(text, bytes,
                   ": waiting for the archiver (%" PRId64 " WAL files to archive, the oldest for "
                   "%" PRId64 " s)",
                   pg->ready_files, pg->ready_oldest_s);
}
