/* What conn.c, conn_send.c and conn_receive.c share. Nobody else includes it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "proto/conn.h"

/*
 * Invariants:
 *   1. Nothing of the peer's data is looked at before its certificate has been accepted (tls.c).
 *   2. The one timer is for `wait`, or at 0 for `broken` and `resumed`; a deadline is never pushed
 *      on by bytes that complete nothing.
 *   3. `closed` is called at most once, and not for conn_close().
 *   4. The struct lives until both handles are closed: after any callback `phase` may be read.
 */

enum wait { WAIT_NOTHING, WAIT_HELLO, WAIT_FRAME, WAIT_WRITE, WAIT_IDLE };

struct conn {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connecting;
    int open_handles;
    struct conn_config cfg;
    enum conn_phase phase;
    enum wait wait; /* what the timer is for */
    bool paused;    /* the owner is busy with a frame */
    bool full;      /* not reading: a whole frame waits behind the one in hand */
    bool advancing; /* conn_advance() runs */
    bool resumed;   /* conn_advance() is to run from the loop */
    bool client;
    size_t unsent;     /* bytes handed to libuv, not yet taken */
    struct err broken; /* a failure to be reported from the loop */
    struct tls *tls;
    struct buf plain;  /* decrypted, not yet delivered */
    size_t delivering; /* bytes at its front: the frame that the owner looks at now */
    struct hello peer;
    char address[ADDRESS_BYTES];
};

/* conn.c */
void conn_fail(struct conn *c, const struct err *e); /* now: the owner hears of it at once */
/* Not from inside a caller's function, and not before what the peer has sent was read: its alert
 * says more than our failed write. */
void conn_fail_later(struct conn *c, int uv_status, const char *doing);
/* What are we waiting for now? A new wait starts its deadline, the same one goes on. */
void conn_watch(struct conn *c);
void conn_go_on_later(struct conn *c); /* conn_advance() from the loop */

/* conn_send.c */
void conn_flush(struct conn *c); /* hand all ciphertext that is ready to libuv */
int conn_send_frame(struct conn *c, const char *json, size_t len, struct err *reterr);
int conn_send_hello(struct conn *c, struct err *reterr);

/* conn_receive.c */
void conn_start_reading(struct conn *c);
/* Go on with the handshake; decrypt and deliver as far as the bytes reach and the owner is
 * ready. */
void conn_advance(struct conn *c);
/* May frames be delivered? Not while the owner is busy, nor while the peer does not take
 * answers. */
bool conn_is_ready(const struct conn *c);
