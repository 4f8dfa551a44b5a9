/*
 * One connection: a libuv TCP stream, TLS, frames, the hello each way, deadlines. Both sides use
 * it.
 *
 *   CONNECTING --tcp--> TLS --handshake--> HELLO --peer's hello--> UP
 *        \______________\_________________\_______________________\____> CLOSED
 *
 * Events come from the loop only, never from inside a function of this header. After `closed`, or
 * after conn_close(), there are no more events and the connection frees itself. Received JSON is
 * untrusted, and valid in the callback only.
 *
 * Memory: at most one frame (80 KiB) and one network read (16 KiB) received, and what was sent and
 * not yet taken by the peer. Before UP a frame may have 1 KiB.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "proto/messages.h"

struct conn;
struct err;
struct loop;
struct tls_context;

enum conn_phase { CONN_CONNECTING, CONN_TLS, CONN_HELLO, CONN_UP, CONN_CLOSED };

struct conn_events {
    void (*up)(void *arg);
    void (*frame)(void *arg, const char *json, size_t len);
    void (*closed)(void *arg, const struct err *e); /* by the peer, an error or a deadline */
    void *arg;
};

struct conn_config {
    struct loop *loop;
    struct tls_context *tls;
    struct hello self;        /* what we say */
    const char *peer_node;    /* client: the agent that we call (copied); NULL: server */
    int64_t hello_timeout_ms; /* from the start until UP; 0: the caller has its own deadline */
    int64_t idle_timeout_ms;  /* UP and nothing begun; 0: for ever */
    int64_t
        stall_timeout_ms; /* UP, a frame begun or bytes that the peer does not take; 0: for ever */
    struct conn_events on;
};

/* Call `address` (IP:port). ERR_UNREACHABLE or ERR_CONFIG at once; everything else comes later. */
int conn_connect(const struct conn_config *cfg, const char *address, struct conn **ret_conn,
                 struct err *reterr);
/* The server's side of an accepted socket, whose other end is `address`. On success `fd` is the
 * connection's. */
int conn_accept(const struct conn_config *cfg, int fd, const char *address, struct conn **ret_conn,
                struct err *reterr);

/* Send one frame; only when UP. ERR_TOO_LONG: nothing was sent. */
int conn_send(struct conn *c, const char *json, size_t len, struct err *reterr);

/* No frame events between these two: the next frame waits, at most one. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

void conn_close(struct conn *c); /* politely; NULL is fine */

enum conn_phase conn_phase(const struct conn *c);
/* An idle connection that the peer has closed, or on which it said something unasked. Looks at the
 * socket itself, as the loop may not have run for a while. */
bool conn_is_stale(const struct conn *c);
/* The other end's kernel has not answered for longer than one that lives takes: 400 ms for what was
 * sent, 1,100 ms for a keepalive. A reason to knock, no more. */
bool conn_is_doubtful(const struct conn *c);
const char *conn_address(const struct conn *c);            /* the other end, IP:port */
const struct hello *conn_peer_hello(const struct conn *c); /* when UP */
int conn_version(const struct conn *c);                    /* when UP: what both speak */
enum peer_role conn_peer_role(const struct conn *c); /* proven by certificate, from HELLO on */
