/*
 * Orphans: processes of a data directory that live on without their postmaster. Most end by
 * themselves within milliseconds; a backend in a loop of commits does not, since it looks for its
 * postmaster only when it waits for its client. While one lives, commits are acknowledged: a node
 * with orphans is not stopped, whatever postmaster.pid says.
 *
 * Found by what cannot be left behind: the working directory (every process of a server stays in
 * PGDATA, unless its own code leaves it) and the shared memory segment that each of them is
 * attached to (key and id in line 7 of postmaster.pid, where that file has been removed the key
 * that PostgreSQL makes of PGDATA's inode). PostgreSQL's own interlock at a start rests on that
 * segment too (src/backend/port/sysv_shmem.c).
 */
#pragma once

#include <stdbool.h>

enum { PGORPHAN_MAX = 64 };

struct pgorphans {
    int n;                  /* found; more than fit are found once these are gone */
    int pids[PGORPHAN_MAX]; /* as they were a moment ago: pgorphan_signal() looks again */
    bool unknown;           /* whether there are any (more) */
    char problem[200];      /* why not; "" known */
};

/* Ask only where there is no live postmaster: while there is one, all of its processes are found.
 */
void pgorphan_find(const char *data_directory, struct pgorphans *ret);

/* A signal to exactly that process, held by a pidfd while it is looked at again. 0, also if it has
 * gone or is no orphan any more; or a negative errno. */
int pgorphan_signal(const char *data_directory, int pid, int signal_number);
