/*
 * A link and its streams are freed when their last libuv handle has closed: `handles` counts them,
 * the open UDP socket and each stream one. After link_close() no callback leaves this file.
 */
#include "dnsupdate/link.h"

#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/wire.h"

enum { DATAGRAM_BYTES = 4096, CHUNK_BYTES = 4096, RECEIVE_CAP_BYTES = 65537 };

struct stream {
    uv_tcp_t tcp;
    uv_connect_t connect;
    struct link *link;
    struct stream *next;
    struct buf received;
    char chunk[CHUNK_BYTES];
};

struct link {
    struct loop *loop;
    struct sockaddr_storage to;
    struct link_events events;
    bool closed;
    int handles;
    bool udp_open;
    uv_udp_t udp;
    char datagram[DATAGRAM_BYTES];
    struct stream *streams; /* the newest first */
};

struct write {
    uv_write_t req;
    uint8_t bytes[2 + WIRE_REQUEST_BYTES];
};

static bool parse_port(const char *text, int *ret_port)
{
    long long port;

    if (!str_to_int(text, 1, 65535, &port))
        return false;
    *ret_port = (int)port;
    return true;
}

bool link_address(const char *text, struct sockaddr_storage *ret_address)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    const char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');
    char host[64];
    int port = 53;

    if (text[0] == '[') {
        if (!bracket || (bracket[1] && (bracket[1] != ':' || !parse_port(bracket + 2, &port))) ||
            !STR_COPY(host, text + 1))
            return false;
        host[bracket - text - 1] = '\0';
    } else {
        if (!STR_COPY(host, text))
            return false;
        if (colon && strchr(text, ':') == colon) { /* one colon: IPv4 and a port */
            if (!parse_port(colon + 1, &port))
                return false;
            host[colon - text] = '\0';
        }
    }
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&address) != 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&address) != 0)
        return false;
    *ret_address = address;
    return true;
}

bool link_sibling(const char *server, const char *ip, char *ret_address, size_t bytes)
{
    struct sockaddr_storage address;
    int port;

    if (!link_address(server, &address))
        return false;
    port = ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
    if (port == 53)
        return str_copy(ret_address, bytes, ip);
    return str_printf(ret_address, bytes, strchr(ip, ':') ? "[%s]:%d" : "%s:%d", ip, port);
}

static void release(struct link *k)
{
    if (--k->handles == 0 && k->closed)
        mem_free(k);
}

struct link *link_open(struct loop *l, const struct sockaddr_storage *to,
                       const struct link_events *events)
{
    struct link *k = mem_alloc(sizeof(*k));

    k->loop = l;
    k->to = *to;
    k->events = *events;
    return k;
}

static void failed(struct link *k, bool tcp, int sys)
{
    if (!k->closed)
        k->events.failed(k->events.arg, tcp, sys);
}

/* ---- UDP ------------------------------------------------------------------------------------- */

static void on_udp_closed(uv_handle_t *handle)
{
    release(handle->data);
}

static void udp_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct link *k = handle->data;

    (void)suggested;
    *buf = uv_buf_init(k->datagram, sizeof(k->datagram));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags)
{
    struct link *k = udp->data;

    if (n < 0)
        failed(k, false, (int)n);
    else if (from && !k->closed && !(flags & UV_UDP_PARTIAL))
        k->events.received(k->events.arg, (const uint8_t *)buf->base, (size_t)n);
}

static int udp_open(struct link *k)
{
    int rc = uv_udp_init(loop_uv(k->loop), &k->udp);

    if (rc < 0)
        return rc;
    k->udp.data = k;
    k->udp_open = true;
    k->handles++;
    rc = uv_udp_connect(&k->udp, (const struct sockaddr *)&k->to);
    if (rc == 0)
        rc = uv_udp_recv_start(&k->udp, udp_alloc, on_datagram);
    if (rc < 0) {
        k->udp_open = false;
        uv_close((uv_handle_t *)&k->udp, on_udp_closed);
    }
    return rc;
}

static int udp_send(struct link *k, const uint8_t *wire, size_t len)
{
    uint8_t copy[WIRE_REQUEST_BYTES];
    uv_buf_t buf = uv_buf_init((char *)copy, (unsigned)len);
    int rc = k->udp_open ? 0 : udp_open(k);

    if (rc < 0)
        return rc;
    memcpy(copy, wire, len);
    rc = uv_udp_try_send(&k->udp, &buf, 1, NULL);
    /* an ICMP error of an earlier datagram is reported here once; this one was not sent: again */
    if (rc == UV_ECONNREFUSED)
        rc = uv_udp_try_send(&k->udp, &buf, 1, NULL);
    return rc < 0 ? rc : 0;
}

/* ---- TCP ------------------------------------------------------------------------------------- */

static void on_stream_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;
    struct link *k = s->link;

    buf_free(&s->received);
    mem_free(s);
    release(k);
}

static void stream_close(struct stream *s)
{
    struct stream **p = &s->link->streams;

    if (uv_is_closing((uv_handle_t *)&s->tcp))
        return;
    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    uv_close((uv_handle_t *)&s->tcp, on_stream_closed);
}

static void stream_failed(struct stream *s, int sys)
{
    struct link *k = s->link;

    if (uv_is_closing((uv_handle_t *)&s->tcp))
        return;
    stream_close(s);
    failed(k, true, sys);
}

static void stream_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = handle->data;

    (void)suggested;
    *buf = uv_buf_init(s->chunk, sizeof(s->chunk));
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = stream->data;
    struct link *k = s->link;

    if (n < 0) {
        stream_failed(s, (int)n);
        return;
    }
    buf_add(&s->received, buf->base, (size_t)n);
    if (!buf_ok(&s->received)) {
        stream_failed(s, UV_EMSGSIZE);
        return;
    }
    while (!k->closed && s->received.len >= 2) {
        const uint8_t *bytes = (const uint8_t *)s->received.data;
        size_t len = wire_get16(bytes);

        if (s->received.len < 2 + len)
            return;
        k->events.received(k->events.arg, bytes + 2, len);
        buf_consume(&s->received, 2 + len);
    }
}

static void on_connected(uv_connect_t *req, int status)
{
    struct stream *s = req->handle->data;

    if (status == 0)
        status = uv_read_start(req->handle, stream_alloc, on_bytes);
    if (status < 0)
        stream_failed(s, status);
}

static struct stream *stream_open(struct link *k, int *ret_sys)
{
    struct stream *s = mem_alloc(sizeof(*s));
    int rc = uv_tcp_init(loop_uv(k->loop), &s->tcp);

    if (rc < 0) {
        mem_free(s);
        *ret_sys = rc;
        return NULL;
    }
    s->link = k;
    s->tcp.data = s;
    s->next = k->streams;
    k->streams = s;
    k->handles++;
    buf_init(&s->received, RECEIVE_CAP_BYTES + CHUNK_BYTES);
    uv_tcp_nodelay(&s->tcp, 1);
    rc = uv_tcp_connect(&s->connect, &s->tcp, (const struct sockaddr *)&k->to, on_connected);
    if (rc < 0) {
        stream_close(s);
        *ret_sys = rc;
        return NULL;
    }
    return s;
}

static void on_written(uv_write_t *req, int status)
{
    struct stream *s = req->handle->data;

    mem_free(req->data);
    if (status < 0)
        stream_failed(s, status);
}

static int tcp_send(struct link *k, bool fresh, const uint8_t *wire, size_t len)
{
    int rc = 0;
    struct stream *s = k->streams && !fresh ? k->streams : stream_open(k, &rc);
    struct write *w;

    if (!s)
        return rc;
    w = mem_alloc(sizeof(*w));
    w->req.data = w;
    wire_put16(w->bytes, (uint16_t)len);
    memcpy(w->bytes + 2, wire, len);
    uv_buf_t buf = uv_buf_init((char *)w->bytes, (unsigned)(2 + len));
    rc = uv_write(&w->req, (uv_stream_t *)&s->tcp, &buf, 1, on_written);
    if (rc < 0) {
        mem_free(w);
        stream_close(s);
    }
    return rc;
}

void link_send(struct link *k, enum link_way way, const uint8_t *wire, size_t len)
{
    int rc =
        way == LINK_UDP ? udp_send(k, wire, len) : tcp_send(k, way == LINK_TCP_FRESH, wire, len);

    if (rc < 0)
        failed(k, way != LINK_UDP, rc);
}

void link_close(struct link *k)
{
    if (!k)
        return;
    k->closed = true;
    k->handles++; /* this call's own, so that the link outlives the loop below */
    if (k->udp_open)
        uv_close((uv_handle_t *)&k->udp, on_udp_closed);
    k->udp_open = false;
    while (k->streams)
        stream_close(k->streams);
    release(k);
}
