#include "proto/conn.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/address.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/tls.h"

/*
 * Invariants:
 *   1. Nothing of the peer's data is looked at before its certificate has been accepted (tls.c).
 *   2. At every moment of TLS, HELLO and UP at most one of the three deadlines runs; a deadline is
 *      never pushed on by bytes that complete nothing.
 *   3. `closed` is called at most once, and not for conn_close().
 *   4. The struct lives until both handles are closed: after any callback `phase` may be read.
 */

enum {
    READ_BYTES = 16384,
    HELLO_CAP_BYTES = 1024,
    KEEPALIVE_S = 60,
};

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
    bool advancing; /* advance() runs */
    bool resumed;   /* advance() is to run from the loop */
    bool client;
    size_t unsent;     /* bytes handed to libuv, not yet taken */
    struct err broken; /* a failure to be told from the loop */
    struct tls *tls;
    struct buf plain;  /* decrypted, not yet delivered */
    size_t delivering; /* bytes at its front: the frame that the owner looks at now */
    struct hello peer;
    char address[ADDRESS_BYTES];
};

struct write {
    uv_write_t req;
    struct conn *conn;
    size_t len;
    char bytes[];
};

/* ---- the end ----------------------------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    if (--c->open_handles > 0)
        return;
    tls_free(c->tls);
    buf_free(&c->plain);
    mem_free(c);
}

static void release(struct conn *c)
{
    c->phase = CONN_CLOSED;
    uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

static void on_timer(uv_timer_t *timer);
static void flush(struct conn *c);

static void fail(struct conn *c, const struct err *e)
{
    struct err copy = *e;

    if (c->phase == CONN_CLOSED)
        return;
    if (c->phase != CONN_CONNECTING)
        flush(c); /* an alert tells the peer why */
    release(c);
    c->cfg.on.closed(c->cfg.on.arg, &copy);
}

/* Not from inside a caller's function, and not before what the peer has sent was read: its alert
 * says more than our failed write. */
static void fail_later(struct conn *c, int uv_status, const char *doing)
{
    if (c->broken.code != 0 || c->phase == CONN_CLOSED)
        return;
    err_set(&c->broken, ERR_UNREACHABLE, NULL, "%s: %s", doing, uv_strerror(uv_status));
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

void conn_close(struct conn *c)
{
    if (!c || c->phase == CONN_CLOSED)
        return;
    if (c->phase == CONN_UP) {
        tls_goodbye(c->tls);
        flush(c);
    }
    release(c);
}

/* ---- deadlines --------------------------------------------------------------------------- */

static int64_t timeout_of(const struct conn *c, enum wait w)
{
    switch (w) {
    case WAIT_NOTHING:
        return 0;
    case WAIT_HELLO:
        return c->cfg.hello_timeout_ms;
    case WAIT_FRAME:
    case WAIT_WRITE:
        return c->cfg.stall_timeout_ms;
    case WAIT_IDLE:
        return c->cfg.idle_timeout_ms;
    }
    return 0;
}

/* What are we waiting for now? A new wait starts its deadline, the same one goes on. */
static void watch(struct conn *c)
{
    enum wait w = WAIT_IDLE;
    int64_t timeout_ms;

    if (c->phase == CONN_CLOSED || c->broken.code != 0 || c->resumed)
        return; /* or the timer stands at 0 already */
    if (c->phase != CONN_UP)
        w = WAIT_HELLO;
    else if (c->unsent > 0)
        w = WAIT_WRITE;
    else if (c->paused)
        w = WAIT_NOTHING;
    else if (c->plain.len > 0)
        w = WAIT_FRAME;
    if (w == c->wait)
        return;
    c->wait = w;
    timeout_ms = timeout_of(c, w);
    uv_update_time(c->timer.loop);
    if (timeout_ms > 0)
        uv_timer_start(&c->timer, on_timer, (uint64_t)timeout_ms, 0);
    else
        uv_timer_stop(&c->timer);
}

/* May frames be delivered? Not while the owner is busy, nor while the peer does not take answers. */
static bool is_ready(const struct conn *c)
{
    return !c->paused && c->unsent <= FRAME_CAP_BYTES;
}

/* Deliver what waits, from the loop. */
static void go_on_later(struct conn *c)
{
    if (c->phase == CONN_CLOSED || c->advancing || c->resumed || c->broken.code != 0)
        return;
    c->resumed = true;
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

/* ---- sending ----------------------------------------------------------------------------- */

static void on_written(uv_write_t *req, int status)
{
    struct write *w = req->data;
    struct conn *c = w->conn;
    bool was_ready = is_ready(c);

    c->unsent -= w->len;
    mem_free(w);
    if (c->phase == CONN_CLOSED)
        return;
    if (status < 0)
        fail_later(c, status, "sending failed");
    else if (!was_ready && is_ready(c))
        go_on_later(c);
    watch(c);
}

/* Hand all ciphertext that is ready to libuv. */
static void flush(struct conn *c)
{
    struct buf out;
    uv_buf_t bytes;
    int r;

    buf_init(&out, SIZE_MAX / 4);
    tls_output(c->tls, &out);
    if (out.len > 0) {
        struct write *w = mem_alloc(sizeof(*w) + out.len);
        w->conn = c;
        w->req.data = w;
        w->len = out.len;
        memcpy(w->bytes, out.data, out.len);
        bytes = uv_buf_init(w->bytes, (unsigned)out.len);
        c->unsent += out.len;
        r = uv_write(&w->req, (uv_stream_t *)&c->tcp, &bytes, 1, on_written);
        if (r < 0) {
            c->unsent -= out.len;
            mem_free(w);
            fail_later(c, r, "sending failed");
        }
    }
    buf_free(&out);
}

static int send_frame(struct conn *c, const char *json, size_t len, struct err *reterr)
{
    struct buf out;
    int r;

    buf_init(&out, FRAME_HEADER_BYTES + FRAME_CAP_BYTES);
    r = frame_put(&out, json, len, reterr);
    if (r == 0)
        r = tls_write(c->tls, out.data, out.len, reterr);
    buf_free(&out);
    if (r == 0)
        flush(c);
    return r;
}

int conn_send(struct conn *c, const char *json, size_t len, struct err *reterr)
{
    int r;

    assert(c->phase == CONN_UP);
    r = send_frame(c, json, len, reterr);
    watch(c);
    return r;
}

static int send_hello(struct conn *c, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *json = field_to_text(&hello_table, &c->cfg.self, a);

    return send_frame(c, json, strlen(json), reterr);
}

/* ---- receiving --------------------------------------------------------------------------- */

static void take_hello(struct conn *c, const char *json, size_t len)
{
    struct err e = {0};
    int r = hello_read(json, len, &c->cfg.self, &c->peer, &e);

    /* ours goes out even if theirs was wrong: they will want to say why, too */
    if (!c->client) {
        struct err sending;
        int s = send_hello(c, &sending);
        if (r == 0 && s < 0) {
            e = sending;
            r = s;
        }
    }
    if (r == 0)
        r = hello_check_identity(&c->peer, tls_context_cluster(c->cfg.tls), tls_peer_role(c->tls),
                                 tls_peer_node(c->tls), &e);
    if (r < 0) {
        fail(c, &e);
        return;
    }
    c->phase = CONN_UP;
    watch(c);
    c->cfg.on.up(c->cfg.on.arg);
}

/* Deliver one frame. False: there is none (or no more, after a failure). */
static bool take_frame(struct conn *c)
{
    struct err e;
    const char *json;
    size_t len;
    int r = frame_get(c->plain.data, c->plain.len,
                      c->phase == CONN_UP ? FRAME_CAP_BYTES : HELLO_CAP_BYTES, &json, &len, &e);

    if (r < 0)
        fail(c, &e);
    if (r <= 0)
        return false;
    c->delivering = frame_size(len);
    if (c->phase == CONN_HELLO)
        take_hello(c, json, len);
    else
        c->cfg.on.frame(c->cfg.on.arg, json, len);
    if (c->phase == CONN_CLOSED)
        return false;
    buf_consume(&c->plain, c->delivering);
    c->delivering = 0;
    c->wait = WAIT_NOTHING; /* a frame was completed: idle time starts anew */
    return true;
}

static void peer_gone(struct conn *c, int uv_status)
{
    static const char *const when[] = {
        [CONN_CONNECTING] = "while connecting",
        [CONN_TLS] = "during the TLS handshake",
        [CONN_HELLO] = "before its hello",
        [CONN_UP] = "",
        [CONN_CLOSED] = "",
    };
    struct err e;

    if (uv_status == UV_EOF || uv_status == UV_ECONNRESET)
        err_set(&e, ERR_UNREACHABLE, NULL, "the peer closed the connection%s%s",
                c->phase == CONN_UP ? "" : " ", when[c->phase]);
    else
        err_set(&e, ERR_UNREACHABLE, NULL, "the connection broke: %s", uv_strerror(uv_status));
    fail(c, &e);
}

static int handshake(struct conn *c, struct err *reterr)
{
    int r = tls_handshake(c->tls, reterr);

    if (r == 1) {
        c->phase = CONN_HELLO;
        if (c->client)
            r = send_hello(c, reterr) < 0 ? reterr->code : 1;
    }
    if (r >= 0)
        flush(c);
    return r;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(mem_alloc(READ_BYTES), READ_BYTES);
}

static void advance(struct conn *c);

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    if (n > 0)
        tls_feed(c->tls, buf->base, (size_t)n);
    mem_free(buf->base);
    if (n > 0)
        advance(c);
    else if (n < 0)
        peer_gone(c, (int)n);
}

static void start_reading(struct conn *c)
{
    int r = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);

    if (r < 0 && r != UV_EALREADY)
        fail_later(c, r, "receiving failed");
}

/* Decrypt and deliver as far as the bytes reach and the owner is ready. */
static void receive(struct conn *c)
{
    struct err e = {0};
    bool delivered = true, full = true;
    int r = 1;

    while (r == 1 && full && delivered) {
        r = tls_read(c->tls, &c->plain, &e);
        full = c->plain.len == c->plain.cap;
        delivered = false;
        while (is_ready(c) && c->plain.len > 0 && take_frame(c))
            delivered = true;
        if (c->phase == CONN_CLOSED)
            return;
    }
    if (r < 0) {
        fail(c, &e);
        return;
    }
    if (r == 0 && is_ready(c)) {
        peer_gone(c, UV_EOF);
        return;
    }
    flush(c); /* answers to key updates */
    c->full = full || r == 0;
    if (c->full)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        start_reading(c);
}

static void advance(struct conn *c)
{
    struct err e = {0};

    if (c->phase == CONN_TLS && handshake(c, &e) < 0) {
        fail(c, &e);
        return;
    }
    if (c->phase == CONN_HELLO || c->phase == CONN_UP) {
        c->advancing = true;
        receive(c);
        c->advancing = false;
    }
    watch(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    static const char *const what[] = {
        [WAIT_NOTHING] = "nothing",
        [WAIT_HELLO] = "the peer did not finish its handshake and hello",
        [WAIT_FRAME] = "the peer began a message and did not finish it",
        [WAIT_WRITE] = "the peer does not take what is sent to it",
        [WAIT_IDLE] = "the peer has been silent, its connection is closed",
    };
    struct err e = c->broken;

    if (e.code == 0 && c->resumed) {
        c->resumed = false;
        c->wait = WAIT_NOTHING;
        advance(c);
        return;
    }
    if (e.code == 0)
        err_set(&e, ERR_TIMEOUT, NULL, "%s (%lld ms)", what[c->wait],
                (long long)timeout_of(c, c->wait));
    fail(c, &e);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
}

void conn_resume(struct conn *c)
{
    c->paused = false;
    go_on_later(c);
}

/* ---- the beginning ----------------------------------------------------------------------- */

static struct conn *new_conn(const struct conn_config *cfg)
{
    struct conn *c = mem_alloc(sizeof(*c));

    c->cfg = *cfg;
    c->client = cfg->peer_node != NULL;
    c->tls = tls_new(cfg->tls, cfg->peer_node);
    c->cfg.peer_node = NULL; /* not ours to keep */
    buf_init(&c->plain, FRAME_HEADER_BYTES + FRAME_CAP_BYTES);
    uv_tcp_init(loop_uv(cfg->loop), &c->tcp);
    uv_timer_init(loop_uv(cfg->loop), &c->timer);
    c->tcp.data = c->timer.data = c;
    c->open_handles = 2;
    return c;
}

static void begin_tls(struct conn *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    uv_tcp_keepalive(&c->tcp, 1, KEEPALIVE_S);
    c->phase = CONN_TLS;
    start_reading(c);
    if (c->client)
        advance(c); /* the first word is the client's */
    watch(c);
}

static int connect_error(int uv_status, struct err *reterr)
{
    switch (uv_status) {
    case UV_ECONNREFUSED:
        return err_set(reterr, ERR_UNREACHABLE, "Is the agent running there?",
                       "connection refused");
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
        return err_set(reterr, ERR_UNREACHABLE, "Is the host up, the network whole?",
                       "no route: %s", uv_strerror(uv_status));
    case UV_ETIMEDOUT:
        return err_set(reterr, ERR_UNREACHABLE, "Is the host up, does a firewall drop packets?",
                       "timed out connecting");
    default:
        return err_set(reterr, ERR_UNREACHABLE, NULL, "connecting failed: %s",
                       uv_strerror(uv_status));
    }
}

static void on_connected(uv_connect_t *req, int status)
{
    struct conn *c = req->data;
    struct err e;

    if (c->phase == CONN_CLOSED)
        return;
    if (status < 0) {
        connect_error(status, &e);
        fail(c, &e);
        return;
    }
    begin_tls(c);
}

int conn_connect(const struct conn_config *cfg, const char *address, struct conn **ret_conn,
                 struct err *reterr)
{
    struct sockaddr_storage to;
    struct conn *c;
    int r = address_parse(address, &to, reterr);

    if (r < 0)
        return r;
    c = new_conn(cfg);
    c->connecting.data = c;
    STR_COPY(c->address, address);
    r = uv_tcp_connect(&c->connecting, &c->tcp, (const struct sockaddr *)&to, on_connected);
    if (r < 0) {
        release(c);
        return connect_error(r, reterr);
    }
    watch(c);
    *ret_conn = c;
    return 0;
}

int conn_accept(const struct conn_config *cfg, uv_stream_t *listener, struct conn **ret_conn,
                struct err *reterr)
{
    struct conn *c = new_conn(cfg);
    struct sockaddr_storage from;
    int bytes = sizeof(from), r = uv_accept(listener, (uv_stream_t *)&c->tcp);

    if (r == 0)
        r = uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&from, &bytes);
    if (r < 0) {
        release(c);
        return err_set(reterr, ERR_SYS, NULL, "accepting a connection failed: %s", uv_strerror(r));
    }
    address_text((const struct sockaddr *)&from, c->address);
    begin_tls(c);
    *ret_conn = c;
    return 0;
}

/* ---- questions --------------------------------------------------------------------------- */

enum conn_phase conn_phase(const struct conn *c)
{
    return c->phase;
}

bool conn_is_stale(const struct conn *c)
{
    uv_os_fd_t fd;
    char byte;

    if (c->phase != CONN_UP || c->broken.code != 0 || c->plain.len > c->delivering ||
        uv_fileno((const uv_handle_t *)&c->tcp, &fd) < 0)
        return true;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

const char *conn_address(const struct conn *c)
{
    return c->address;
}

const struct hello *conn_peer_hello(const struct conn *c)
{
    return &c->peer;
}

enum peer_role conn_peer_role(const struct conn *c)
{
    return tls_peer_role(c->tls);
}
