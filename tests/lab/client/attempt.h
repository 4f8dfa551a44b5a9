/*
 * One attempt to reach the database through its alias: resolve the name, connect, ask one
 * statement, take in one row. Nothing here waits: the caller polls and calls attempt_advance().
 *
 * The name is resolved anew in each attempt, by the system's resolver (getaddrinfo_a), and the
 * address handed to libpq, which would block otherwise.
 */
#ifndef LAB_ATTEMPT_H
#define LAB_ATTEMPT_H

#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

struct pg_conn;

/* where to and what to ask; borrowed by each attempt until it is idle again */
struct target {
    const char *alias;
    const char *port;
    const char *user;
    const char *database;
    const char *application;
    const char *sql; /* $1 is the attempt's id; returns one row: a value, the server's address */
    int64_t timeout_us;
    bool keep; /* the connection stays for the next attempt */
};

enum attempt_state {
    ATTEMPT_IDLE,
    ATTEMPT_RESOLVING,
    ATTEMPT_CONNECTING,
    ATTEMPT_ASKING,
    ATTEMPT_ENDED,  /* read the result, then attempt_release() */
    ATTEMPT_ORPHAN, /* released, but the resolver still holds the request */
};

struct attempt {
    enum attempt_state state;
    const struct target *target;
    int64_t id;
    int64_t started_us; /* monotonic */
    int64_t ended_us;
    bool acknowledged;
    bool asked;    /* the statement was sent: without an answer its fate is unknown */
    bool answered; /* a row has come; the end of the transaction has not */
    char address[64];
    char text[240]; /* the row's value, or what went wrong, on one line */

    struct pg_conn *conn; /* ours */
    struct gaicb request;
    struct addrinfo hints;
    short events; /* what to poll the connection's socket for */
};

int64_t monotonic_us(void);

/* On an idle attempt; one with a kept connection asks at once. */
void attempt_start(struct attempt *a, const struct target *t, int64_t id);
/* As far as it goes without waiting. Ends it by its deadline at the latest. */
void attempt_advance(struct attempt *a, int64_t now_us);
/* What to poll for; fd is -1 while there is nothing. */
struct pollfd attempt_pollfd(const struct attempt *a);
/* After ATTEMPT_ENDED: closes the connection unless it is kept and sound. */
void attempt_release(struct attempt *a);
void attempt_close(struct attempt *a);

#endif
