/* A statement that waits for its turn, and the queue of them. Inside of agent/postgres/pgconn.h. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/postgres/pgconn.h"

struct pgstatement {
    struct pgstatement *next;
    char *sql; /* NULL: only wants the connection open */
    char *params[PGCONN_PARAMS_MAX];
    size_t n_params;
    int64_t deadline_ms, timeout_ms;
    pgconn_fn fn; /* NULL: the result is not wanted */
    void *arg;
};

struct pgstatement *pgstatement_new(const char *sql, const char *const *params, size_t n_params,
                                    pgconn_fn fn, void *arg);
void pgstatement_free(struct pgstatement *s);

/* Put it at the end; its time begins now. */
void pgstatement_push(struct pgstatement **queue, struct pgstatement *s, int64_t timeout_ms);
void pgstatement_unlink(struct pgstatement **queue, const struct pgstatement *s);
/* The one whose deadline comes first; NULL when the queue is empty. */
struct pgstatement *pgstatement_earliest(struct pgstatement *queue);
