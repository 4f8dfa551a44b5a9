#include "base/mem.h"
#include "proto/conn_internal.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/tls.h"

enum {
    READ_BYTES = 16384,
    HELLO_CAP_BYTES = 1024,
    KEEP_BYTES = 8192, /* a larger buffer is freed when it is empty */
};

bool conn_is_ready(const struct conn *c)
{
    return !c->paused && c->unsent <= FRAME_CAP_BYTES;
}

static void take_hello(struct conn *c, const char *json, size_t len)
{
    struct err e = {0};
    int r = hello_read(json, len, &c->cfg.self, &c->peer, &e);

    /* ours goes out even if theirs was wrong: they will want to say why, too */
    if (!c->client) {
        struct err sending;
        int s = conn_send_hello(c, &sending);
        if (r == 0 && s < 0) {
            e = sending;
            r = s;
        }
    }
    if (r == 0)
        r = hello_check_identity(&c->peer, tls_context_cluster(c->cfg.tls), tls_peer_role(c->tls),
                                 tls_peer_node(c->tls), &e);
    if (r < 0) {
        conn_fail(c, &e);
        return;
    }
    c->phase = CONN_UP;
    conn_watch(c);
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
        conn_fail(c, &e);
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
    c->wait = WAIT_NOTHING; /* a frame was completed: idle time starts again */
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
    conn_fail(c, &e);
}

static int handshake(struct conn *c, struct err *reterr)
{
    int r = tls_handshake(c->tls, reterr);

    if (r == 1) {
        c->phase = CONN_HELLO;
        if (c->client)
            r = conn_send_hello(c, reterr) < 0 ? reterr->code : 1;
    }
    if (r >= 0)
        conn_flush(c);
    return r;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    (void)handle;
    (void)suggested;
    *ret_buf = uv_buf_init(mem_alloc(READ_BYTES), READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = stream->data;

    if (n > 0)
        tls_feed(c->tls, buf->base, (size_t)n);
    mem_free(buf->base);
    if (n > 0)
        conn_advance(c);
    else if (n < 0)
        peer_gone(c, (int)n);
}

void conn_start_reading(struct conn *c)
{
    int r = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);

    if (r < 0 && r != UV_EALREADY)
        conn_fail_later(c, r, "receiving failed");
}

static void receive(struct conn *c)
{
    struct err e = {0};
    bool delivered = true, full = true;
    int r = 1;

    while (r == 1 && full && delivered) {
        r = tls_read(c->tls, &c->plain, &e);
        full = c->plain.len == c->plain.cap;
        delivered = false;
        while (conn_is_ready(c) && c->plain.len > 0 && take_frame(c))
            delivered = true;
        if (c->phase == CONN_CLOSED)
            return;
    }
    if (r < 0) {
        conn_fail(c, &e);
        return;
    }
    if (r == 0 && conn_is_ready(c)) {
        peer_gone(c, UV_EOF);
        return;
    }
    if (c->plain.len == 0 && c->plain.size > KEEP_BYTES) {
        size_t cap = c->plain.cap;
        buf_free(&c->plain);
        buf_init(&c->plain, cap);
    }
    conn_flush(c); /* answers to key updates: who asks for them without end and does not take them
                    * is not read any further */
    c->full = full || r == 0 || c->unsent > FRAME_CAP_BYTES;
    if (c->full)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else
        conn_start_reading(c);
}

void conn_advance(struct conn *c)
{
    struct err e = {0};

    if (c->phase == CONN_TLS && handshake(c, &e) < 0) {
        conn_fail(c, &e);
        return;
    }
    if (c->phase == CONN_HELLO || c->phase == CONN_UP) {
        c->advancing = true;
        receive(c);
        c->advancing = false;
    }
    conn_watch(c);
}

void conn_pause(struct conn *c)
{
    c->paused = true;
}

void conn_resume(struct conn *c)
{
    c->paused = false;
    conn_go_on_later(c);
}
