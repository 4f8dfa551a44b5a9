/* The parts of one inspection (agent/look/inspect.h). Each fills its own members of the struct;
 * what it cannot see it says in the member for that, and goes on. They may block, but for
 * PostgreSQL's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/node/config.h"
#include "proto/inspect.h"

struct loop;
struct pgconn_reply;

/* PostgreSQL: settings, rules, rights, activity; of a standby also each database. Until
 * `deadline_ms` (monotonic). */
void inspect_pg(struct loop *l, const struct postgres_config *c, int64_t deadline_ms,
                struct inspect *i);
/* One database of a standby: what it uses that this host does not have. */
struct inspect_database {
    const struct postgres_config *config;
    const char *name;
    const char *library_directory; /* $libdir */
    const char *extensions; /* "name version" of each that can be had, a line each; NULL: unknown */
};
void inspect_pg_database(struct loop *l, const struct inspect_database *d, int64_t deadline_ms,
                         struct inspect *i);

/* What could not be asked, and why: for lack of time (`late`, the first), of a right (`denied`,
 * all), or else (`problem`, the first). */
void inspect_note(struct inspect *i, const char *what, const struct pgconn_reply *r);

/* $libdir as the packages have it; proven by a library that each server has. False: not found. */
bool inspect_library_directory(const char *bin_directory, char *ret_directory, size_t bytes);

/* Directories and what is free; the paths of tablespaces are there already (inspect_pg). */
void inspect_mounts(const struct postgres_config *c, struct inspect *i);
/* The server's certificate: names and expiry; settings are there already. */
void inspect_certificate(const struct postgres_config *c, const char *alias, struct inspect *i);
/* Cron's other places, systemd's timers, backup programs' configurations. */
void inspect_jobs(const struct postgres_config *c, struct inspect *i);

/* The value of a setting that has been read, "" if it was not. */
const char *inspect_setting_value(const struct inspect *i, const char *name);
/* One more row, cut at its end into a hash if it is too long, if there is room. */
void inspect_add_text(struct inspect_text *rows, size_t *n, size_t max, const char *text);
/* The first 16 hexadecimal digits of the text's sha256. */
void inspect_hash(const char *text, char ret_hash[17]);
