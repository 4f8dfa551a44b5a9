/*
 * A postmaster of our own making: spawned in its own session, its output appended to the log file,
 * reaped when it ends. It survives the agent.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct loop;
struct pgspawn;
struct postgres_config;

enum { PGSPAWN_SETTINGS_MAX = 4 };

/* Start it, as a server that cannot leave recovery automatically (agent/postgres/pgrecovery.h),
 * with the settings `more` ("name=value", NULL-terminated; NULL: none) in force whatever the files
 * say. Returns as soon as the process is there. */
int pgspawn_start(struct loop *l, const struct postgres_config *c, const char *const *more,
                  struct pgspawn **ret_spawn, struct err *reterr);
bool pgspawn_ended(const struct pgspawn *s);
int pgspawn_status(const struct pgspawn *s);          /* once ended: -1 by a signal */
const char *pgspawn_command(const struct pgspawn *s); /* for people */
/* What it wrote to the log since the start, its last lines on one line: for an error message. */
void pgspawn_log_tail(const struct pgspawn *s, char *ret_text, size_t bytes);
/* Forget it; it runs on. NULL is fine. */
void pgspawn_free(struct pgspawn *s);
