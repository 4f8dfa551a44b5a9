#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "proto/conn_internal.h"
#include "proto/frame.h"
#include "proto/tls.h"

struct write {
    uv_write_t req;
    struct conn *conn;
    size_t len;
    char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
    struct write *w = req->data;
    struct conn *c = w->conn;
    bool was_ready = conn_is_ready(c);

    c->unsent -= w->len;
    mem_free(w);
    if (c->phase == CONN_CLOSED)
        return;
    if (status < 0)
        conn_fail_later(c, status, "sending failed");
    else if (!was_ready && conn_is_ready(c))
        conn_go_on_later(c);
    conn_watch(c);
}

void conn_flush(struct conn *c)
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
            conn_fail_later(c, r, "sending failed");
        }
    }
    buf_free(&out);
}

int conn_send_frame(struct conn *c, const char *json, size_t len, struct err *reterr)
{
    struct buf out;
    int r;

    buf_init(&out, FRAME_HEADER_BYTES + FRAME_CAP_BYTES);
    r = frame_put(&out, json, len, reterr);
    if (r == 0)
        r = tls_write(c->tls, out.data, out.len, reterr);
    buf_free(&out);
    if (r == 0)
        conn_flush(c);
    return r;
}

int conn_send(struct conn *c, const char *json, size_t len, struct err *reterr)
{
    int r;

    assert(c->phase == CONN_UP);
    r = conn_send_frame(c, json, len, reterr);
    conn_watch(c);
    return r;
}

int conn_send_hello(struct conn *c, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *json = field_to_text(&hello_table, &c->cfg.self, a);

    return conn_send_frame(c, json, strlen(json), reterr);
}
