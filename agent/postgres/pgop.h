/*
 * Inside of agent/postgres/postgres.h: the object, and what all its operations have in common. An
 * operation is a struct that starts with a struct pgop; it lives from pgop_new() to pgop_end(),
 * which calls back.
 *
 * Invariants
 *   - An operation ends exactly once, never from inside the call that began it.
 *   - An operation that waits for a statement or a child ends only after that has come back; it
 *     gives each of them a deadline. So nothing ever calls into an operation that is gone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/postgres/pgconn.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"

struct child;
struct pgkept;
struct pglook;
struct pgop;
struct pgspawn;
struct timer;

struct postgres {
    struct loop *loop;
    struct postgres_config config;
    char node[NODE_NAME_BYTES];
    struct pgconn *observe; /* short statements */
    struct pgconn *act;     /* statements that may take their time, one operation after the other */
    struct pgop *ops;       /* all that have not ended */
    struct pglook *look;    /* agent/postgres/pgobserve.c */
    struct ran_log *ran;    /* what operations run is noted there; NULL nowhere */
    struct pgkept *kept;    /* agent/postgres/pgkept.c: what primary_conninfo said before */
    struct pgspawn *spawn; /* agent/postgres/pgspawn.c: the postmaster that we started, NULL none */
};

/* A connection as the agent makes it, closed yet (agent/postgres/pgconn.h). Timeout 0: none. */
struct pgconn *postgres_connection(struct loop *l, const struct postgres_config *c,
                                   const char *database, int statement_timeout_ms);

typedef void (*pgop_step_fn)(struct pgop *op);

struct pgop {
    struct postgres *p;
    struct pgop *next;
    const char *what; /* "stop", for messages */
    postgres_done_fn fn;
    void *arg;
    int64_t timeout_ms, deadline_ms;
    struct timer *timer;
    pgop_step_fn step;    /* what the timer runs */
    int64_t poll_ms;      /* the last pause of pgop_poll */
    struct child *child;  /* a command that is running */
    const char *command;  /* that one */
    pgop_step_fn release; /* frees what the operation owns besides; `fn` is NULL if it calls back */
};

/* `bytes`: of the struct that begins with the pgop. */
void *pgop_new(struct postgres *p, size_t bytes, const char *what, int64_t timeout_ms,
               postgres_done_fn fn, void *arg);
/* Calls back (e NULL: done) and frees. */
void pgop_end(struct pgop *op, const struct err *e);
/* The same with an error made here. */
void pgop_fail(struct pgop *op, int code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Frees without calling back. */
void pgop_drop(struct pgop *op);

int64_t pgop_left_ms(const struct pgop *op); /* until the deadline; at least 1 */
bool pgop_late(const struct pgop *op);

/* Run `step` after so long, instead of what was to run. */
void pgop_after(struct pgop *op, int64_t ms, pgop_step_fn step);
/* Run `step` after a pause that grows from `first_ms` to `most_ms` with each call. */
void pgop_poll(struct pgop *op, int64_t first_ms, int64_t most_ms, pgop_step_fn step);

/* A statement on the act connection (agent/postgres/pgconn.h), within the operation's deadline. */
void pgop_act(struct pgop *op, const char *sql, const char *const *params, size_t n_params,
              pgconn_fn fn);
/* The same on the observe connection. */
void pgop_ask(struct pgop *op, const char *sql, pgconn_fn fn);

/* Wait until the walreceiver is gone and the replay has drained, as postgres_detach() does. */
void postgres_drain(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);

/* One text value of a result, "" for NULL or no such row. */
const char *pgop_text(const struct pgconn_reply *r, size_t result, int row, int column);
bool pgop_true(const struct pgconn_reply *r, size_t result, int row, int column);

/* A configured command ("systemctl stop postgresql@15-main"), split at blanks, never a shell. Then
 * `next` runs, or the operation fails with what the command said. */
void pgop_command(struct pgop *op, const char *command, pgop_step_fn next);

/* reload_command, or pg_reload_conf() on the act connection. Then `next`. */
void pgop_reload(struct pgop *op, pgop_step_fn next);
