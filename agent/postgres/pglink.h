/*
 * A libpq connection's socket on the event loop. Inside of agent/postgres/pgconn.h.
 *
 * Invariant: `watch` polls the socket that libpq has now. It is closed before each PQconnectPoll
 * and before PQfinish: libpq may close its socket in them (when it tries the next address, or
 * another way of encrypting), and a socket must not be closed while it is polled.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct pglink_watch;

struct pglink {
    uv_loop_t *uv;
    PGconn *pq; /* NULL: closed */
    struct pglink_watch *watch;
    void (*ready)(void *arg); /* the socket is ready for what was watched for */
    void *arg;
    bool accepted; /* as far as it was noticed: ask pglink_was_accepted() */
};

enum pglink_progress { PGLINK_FAILED, PGLINK_CONNECTING, PGLINK_OPEN };

/* Begin; `ready` will be called when pglink_connect() is to be. */
enum pglink_progress pglink_open(struct pglink *l, const char *conninfo);
/* Go on, when `ready` has been called. Open: it does not block from now on. */
enum pglink_progress pglink_connect(struct pglink *l);
/* Call `ready` once the socket is readable, or also when it is writable, or the other side is
 * gone. */
void pglink_watch(struct pglink *l, bool writable_too);
void pglink_close(struct pglink *l);
/* Somebody listens there: the last attempt, closed or not, got beyond connect(2). */
bool pglink_was_accepted(const struct pglink *l);

/* What libpq says about it, as one line. */
void pglink_error(const struct pglink *l, char *ret_line, size_t bytes);
/* Text of several lines as one. */
void pglink_one_line(const char *text, char *ret_line, size_t bytes);
