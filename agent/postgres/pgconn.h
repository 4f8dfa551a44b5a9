/*
 * One libpq connection on the event loop that never blocks it (PostgreSQL, 34.4 Asynchronous
 * Command Processing). It opens when there is something to ask, stays open, costs nothing while
 * idle, and opens again after the server has cut it. Statements queue; each has a deadline of its
 * own.
 *
 * A statement that passes its deadline takes the connection with it: the libpq of PostgreSQL 15 can
 * not cancel without blocking. pgconn_pid() lets another connection cancel it before that. But a
 * new connection is kept for some seconds: a busy host is slow to open one, and to answer its first
 * statements.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;
struct pgconn;

enum { PGCONN_RESULTS_MAX = 4, PGCONN_PARAMS_MAX = 4 };

/* What became of a statement: its results, in order, or the error. Valid in the callback only. */
struct pgconn_reply {
    const struct err *e;  /* NULL: all is well */
    const char *sqlstate; /* of the server's error, "" otherwise */
    const PGresult *results[PGCONN_RESULTS_MAX];
    size_t n_results;
    const char *notice; /* the last warning while it ran, or "" */
    const PGconn *raw;  /* for PQserverVersion, PQparameterStatus; NULL when not connected */
};
typedef void (*pgconn_fn)(void *arg, const struct pgconn_reply *r);

/* `conninfo` is copied; hosts in it must be addresses or socket directories (a name would block).
 * `label` names it in errors ("PostgreSQL here"). */
struct pgconn *pgconn_new(struct loop *l, const char *conninfo, const char *label);
void pgconn_free(struct pgconn *c); /* no more callbacks; NULL is fine */

/* Queue a statement. Without parameters it goes by the simple protocol, so that it may be several
 * statements at once (or a replication command); with parameters ($1 …, copied, text) it is one.
 * `fn` is called exactly once unless pgconn_free() comes first, never from inside this call. */
void pgconn_query(struct pgconn *c, const char *sql, const char *const *params, size_t n_params,
                  int64_t timeout_ms, pgconn_fn fn, void *arg);

/* Open it now, if it is closed, so that a later statement finds it ready. A failure is
 * forgotten. */
void pgconn_warm(struct pgconn *c, int64_t timeout_ms);

bool pgconn_is_open(const struct pgconn *c);
/* Which connection this is: another number after each opening, 0 while there is none. What a
 * session keeps (prepared statements) is gone when it has changed. */
unsigned pgconn_session(const struct pgconn *c);
int pgconn_pid(const struct pgconn *c); /* backend that runs our statement, 0 none */
/* Has anyone accepted the last connection attempt (a listening port, even if it then refused
 * us)? */
bool pgconn_was_accepted(const struct pgconn *c);
