/*
 * What the files of a data directory show without asking the server: is there a postmaster, which
 * signal files are there. All synchronous and quick. postgres_look_files(),
 * postgres_signal_create() and postgres_signal_remove() of agent/postgres/postgres.h are here too.
 */
#pragma once

#include <stdbool.h>

#include "proto/messages.h"

struct pgcontrol;
struct pgorphans;
struct postgres_config;

/* From postmaster.pid (PostgreSQL: src/include/utils/pidfile.h). */
struct pgpostmaster {
    int pid;           /* 0: the file is there, or may be, but cannot be read */
    char problem[200]; /* then: why */
    char status[16]; /* "starting" "stopping" "ready" "standby" (up, hot_standby off); "" unknown */
};

/* False: no live postmaster. A pid file left behind by a crash, and a pid that another program has
 * now, do not count; if that cannot be determined, the process counts, and so does a file that
 * cannot be read. */
bool pgfiles_postmaster(const char *data_directory, struct pgpostmaster *ret_postmaster);

/* There is no live postmaster. Are processes of it still alive, or is that unknown? After a clean
 * stop (pg_control's state, and no pid file) none can be: nothing is searched then. */
bool pgfiles_orphans(const char *data_directory, int control_state, struct pgorphans *ret);
/* There is no live postmaster: what `pg` then has for role, orphans and problem. A node is stopped
 * only when no process of it is left that could commit. pg->control_state must be set. */
void pgfiles_gone(const char *data_directory, struct obs_pg *pg);

/* A zombie has ended: it only waits to be reaped. */
bool pgfiles_is_zombie(int pid);
/* The beginning of a line, counted from 1; NULL: there are not so many. */
const char *pgfiles_line(const char *text, int number);

/* As postgres_look_files(), and also gives what was read of pg_control (zeroed if unreadable). */
void pgfiles_look(const struct postgres_config *c, struct obs_pg *ret_pg,
                  struct pgcontrol *ret_control);

/* PG_VERSION of the data directory: what the server speaks before it has been asked. 0: unknown. */
long pgfiles_major(const struct postgres_config *c);

/* PGDATA/name is there. */
bool pgfiles_has(const struct postgres_config *c, const char *name);
