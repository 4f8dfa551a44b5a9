#include "proto/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/loop.h"
#include "base/mem.h"
#include "proto/address.h"
#include "proto/conn_internal.h"
#include "proto/frame.h"
#include "proto/tls.h"

enum {
    KEEPALIVE_S = 60, /* an agent's side */
    ASKING_S = 1,     /* ours, who wait for an answer */
    ASKING_TIMES = 10,
    DOUBT_SENT_MS = 400,
    DOUBT_IDLE_MS = 1100,
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

void conn_fail(struct conn *c, const struct err *e)
{
    struct err copy = *e;

    if (c->phase == CONN_CLOSED)
        return;
    if (c->phase != CONN_CONNECTING)
        conn_flush(c); /* sends the peer an alert with the reason */
    release(c);
    c->cfg.on.closed(c->cfg.on.arg, &copy);
}

void conn_fail_later(struct conn *c, int uv_status, const char *doing)
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
        conn_flush(c);
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

void conn_watch(struct conn *c)
{
    enum wait w = WAIT_IDLE;
    int64_t timeout_ms;

    if (c->phase == CONN_CLOSED || c->broken.code != 0 || c->resumed)
        return; /* or the timer is at 0 already */
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

void conn_go_on_later(struct conn *c)
{
    if (c->phase == CONN_CLOSED || c->advancing || c->resumed || c->broken.code != 0)
        return;
    c->resumed = true;
    uv_timer_start(&c->timer, on_timer, 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct conn *c = timer->data;
    static const char *const what[] = {
        [WAIT_NOTHING] = "nothing",
        [WAIT_HELLO] = "the peer did not finish its handshake and hello",
        [WAIT_FRAME] = "the peer began a message and did not finish it",
        [WAIT_WRITE] = "the peer does not take what is sent to it",
        [WAIT_IDLE] = "the peer has sent nothing, its connection is closed",
    };
    struct err e = c->broken;

    if (e.code == 0 && c->resumed) {
        c->resumed = false;
        c->wait = WAIT_NOTHING;
        conn_advance(c);
        return;
    }
    if (e.code == 0)
        err_set(&e, ERR_TIMEOUT, NULL, "%s (%lld ms)", what[c->wait],
                (long long)timeout_of(c, c->wait));
    conn_fail(c, &e);
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

/* A caller wants to know soon that a host has gone; best effort, like all of keepalive. */
static void keep_alive(struct conn *c)
{
    int seconds = ASKING_S, times = ASKING_TIMES;
    uv_os_fd_t fd;

    uv_tcp_keepalive(&c->tcp, 1, c->client ? ASKING_S : KEEPALIVE_S);
    if (!c->client || uv_fileno((const uv_handle_t *)&c->tcp, &fd) < 0)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof(times));
}

static void begin_tls(struct conn *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    keep_alive(c);
    c->phase = CONN_TLS;
    conn_start_reading(c);
    if (c->client)
        conn_advance(c); /* the first word is the client's */
    conn_watch(c);
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
        conn_fail(c, &e);
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
    conn_watch(c);
    *ret_conn = c;
    return 0;
}

int conn_accept(const struct conn_config *cfg, int fd, const char *address, struct conn **ret_conn,
                struct err *reterr)
{
    struct conn *c = new_conn(cfg);
    int r = uv_tcp_open(&c->tcp, fd);

    if (r < 0) {
        release(c);
        return err_set(reterr, ERR_SYS, NULL, "accepting a connection failed: %s", uv_strerror(r));
    }
    STR_COPY(c->address, address);
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

bool conn_is_doubtful(const struct conn *c)
{
    struct tcp_info info;
    socklen_t bytes = sizeof(info);
    uv_os_fd_t fd;

    if (c->phase == CONN_CLOSED || uv_fileno((const uv_handle_t *)&c->tcp, &fd) < 0 ||
        getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0)
        return true;
    return info.tcpi_last_ack_recv >= (info.tcpi_unacked ? DOUBT_SENT_MS : DOUBT_IDLE_MS);
}

const char *conn_address(const struct conn *c)
{
    return c->address;
}

const struct hello *conn_peer_hello(const struct conn *c)
{
    return &c->peer;
}

int conn_version(const struct conn *c)
{
    int64_t ours = c->cfg.self.version_max, theirs = c->peer.version_max;

    return (int)(theirs < ours ? theirs : ours);
}

enum peer_role conn_peer_role(const struct conn *c)
{
    return tls_peer_role(c->tls);
}
