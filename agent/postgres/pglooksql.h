/*
 * What a look asks the server: three statements in one round trip (the node, its walsenders, its
 * slots), for PostgreSQL 12 to 18. The names of the columns are those of struct obs_pg, struct
 * obs_sender and struct obs_slot; those that begin with '_' are for agent/postgres/pgobserve.c.
 * They need pg_monitor.
 */
#pragma once

struct buf;
struct postgres_config;

enum { PGLOOKSQL_RESULTS = 3, PGLOOKSQL_CAP_BYTES = 8192 };

/* Append the statements as they are; or as PREPARE; and what then runs them. */
void pglooksql_plain(const struct postgres_config *c, struct buf *b);
void pglooksql_prepare(const struct postgres_config *c, struct buf *b);
extern const char pglooksql_execute[];
