#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/refusals.h"
#include "proto/rpc.h"

/*
 * Invariants:
 *   1. At most `max_connections` sessions. A newcomer to a full house takes the place of one that
 *      has proven less: first those without a hello, then agents; controllers keep theirs.
 *   2. At most one request of a session is in hand, and at most `max_connections` in all, counting
 *      those whose peer has gone away.
 *   3. The handler sees no request of an agent but observe.
 */

enum {
    MAX_CONNECTIONS = 64,
    HELLO_TIMEOUT_MS = 5000,
    IDLE_TIMEOUT_MS = 600000,
    STALL_TIMEOUT_MS = 10000,
    BACKLOG = 512,
};

struct rpc_server {
    uv_tcp_t listener;
    struct loop *loop;
    struct conn_config cfg; /* of each session, but for `on.arg` */
    size_t max_connections;
    struct session *sessions; /* newest first */
    size_t n_sessions;
    struct in_hand *requests;
    size_t n_requests;
    struct refusals *refusals; /* told to the owner, but not too often */
    rpc_handler_fn handler;
    void *arg;
};

struct session {
    struct rpc_server *server;
    struct session *next;
    struct conn *conn;
    struct in_hand *request; /* NULL: none */
};

struct in_hand {
    struct rpc_request request; /* first: what the handler sees */
    struct in_hand *next;
    struct rpc_server *server; /* NULL: freed */
    struct session *session;   /* NULL: the peer has gone away */
    struct arena *arena;
};

/* ---- sessions ---------------------------------------------------------------------------- */

static void session_free(struct session *n)
{
    struct rpc_server *s = n->server;
    struct session **at = &s->sessions;

    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    s->n_sessions--;
    if (n->request)
        n->request->session = NULL;
    mem_free(n);
}

/* How much has it proven? */
static int rank(const struct session *n)
{
    if (conn_phase(n->conn) != CONN_UP)
        return 0;
    return conn_peer_role(n->conn) == PEER_AGENT ? 1 : 2;
}

static bool same_host(const struct session *a, const struct session *b)
{
    const char *x = conn_address(a->conn), *y = conn_address(b->conn);
    size_t n = (size_t)(strrchr(x, ':') - x);

    return n == (size_t)(strrchr(y, ':') - y) && strncmp(x, y, n) == 0;
}

/* Who makes room: of the lowest rank, from the host with most of that rank, the oldest. So one host
 * that floods us mostly pushes out itself. NULL: only controllers are there. */
static struct session *choose_victim(const struct rpc_server *s)
{
    struct session *victim = NULL;
    int lowest = 2;
    size_t most = 0;

    for (const struct session *n = s->sessions; n; n = n->next)
        lowest = rank(n) < lowest ? rank(n) : lowest;
    for (struct session *n = s->sessions; lowest < 2 && n; n = n->next) {
        size_t count = 0;
        if (rank(n) != lowest)
            continue;
        for (const struct session *m = s->sessions; m; m = m->next)
            count += rank(m) == lowest && same_host(m, n);
        if (count >= most) { /* the list is newest first: equals are the older ones */
            most = count;
            victim = n;
        }
    }
    return victim;
}

/* ---- requests ---------------------------------------------------------------------------- */

/* Encode a reply so that it fits into a frame. Output of what was run may be left out; a crontab
 * that was asked for may not: nobody shall take a part for the whole. */
static char *encode_reply(const struct reply *reply, enum verb v, int version, struct arena *a)
{
    char *json = field_to_text_at(&reply_table, reply, version, a);
    size_t len = strlen(json);
    struct reply *small;

    if (len <= FRAME_CAP_BYTES)
        return json;
    small = arena_alloc(a, sizeof(*small));
    *small = *reply;
    small->text = NULL;
    if (v == VERB_CRON_SHOW) {
        small->ok = false;
        STR_COPY(small->code, err_name(ERR_TOO_LONG));
        STR_PRINTF(small->msg, "the crontab does not fit: the reply has %zu bytes of at most %d",
                   len, FRAME_CAP_BYTES);
    } else {
        small->text = arena_strdup(a, "(output left out: too long)");
    }
    return field_to_text_at(&reply_table, small, version, a);
}

static void send_reply(struct session *n, const struct reply *reply, enum verb v)
{
    AUTO(arena) a = arena_new();
    char *json = encode_reply(reply, v, conn_version(n->conn), a);
    struct err e;

    if (conn_send(n->conn, json, strlen(json), &e) < 0)
        refusals_tell(n->server->refusals, &e, conn_address(n->conn));
}

static void refuse(struct session *n, int code, const char *msg)
{
    struct reply reply = {.ok = false};

    STR_COPY(reply.code, err_name(code));
    STR_COPY(reply.msg, msg);
    send_reply(n, &reply, VERB_OBSERVE);
}

void rpc_answer(struct rpc_request *r, const struct reply *reply)
{
    struct in_hand *h = r->internal;
    struct session *n = h->session;

    if (h->server) {
        struct in_hand **at = &h->server->requests;
        while (*at != h)
            at = &(*at)->next;
        *at = h->next;
        h->server->n_requests--;
    }
    if (n) {
        n->request = NULL;
        send_reply(n, reply, (enum verb)r->q.verb);
        conn_resume(n->conn);
    }
    arena_free(h->arena);
}

/* What the server itself says no to; NULL: the handler decides. */
static const char *objection(const struct session *n, const struct request *q)
{
    if (conn_peer_role(n->conn) == PEER_AGENT && q->verb != (int)VERB_OBSERVE)
        return "agents obey controllers; another agent may only observe";
    if (n->server->n_requests >= n->server->max_connections)
        return "too many requests are in hand";
    return NULL;
}

static void on_frame(void *arg, const char *json, size_t len)
{
    struct session *n = arg;
    struct rpc_server *s = n->server;
    struct arena *a = arena_new();
    struct in_hand *h = arena_alloc(a, sizeof(*h));
    struct err e = {0};
    const char *no = NULL;

    if (field_from_text(&request_table, json, len, &h->request.q, a, &e) < 0)
        e.code = ERR_PROTOCOL;
    field_make_printable(&request_table, &h->request.q);
    if (e.code == 0 && (no = objection(n, &h->request.q)) != NULL)
        err_set(&e, ERR_REFUSED, NULL, "%s: %s", verb_names[h->request.q.verb], no);
    if (e.code != 0) {
        refusals_tell(s->refusals, &e, conn_address(n->conn));
        refuse(n, e.code, e.msg);
        arena_free(a);
        return;
    }
    h->arena = a;
    h->server = s;
    h->session = n;
    h->next = s->requests;
    s->requests = h;
    s->n_requests++;
    n->request = h;
    h->request.internal = h;
    h->request.from_role = conn_peer_role(n->conn);
    STR_COPY(h->request.from_node, conn_peer_hello(n->conn)->node);
    STR_COPY(h->request.from_address, conn_address(n->conn));
    conn_pause(n->conn);
    s->handler(s->arg, &h->request);
}

static void on_up(void *arg)
{
    (void)arg;
}

static void on_closed(void *arg, const struct err *e)
{
    struct session *n = arg;

    /* that a peer which was up goes away is no news */
    if (e->code != ERR_UNREACHABLE || !conn_peer_hello(n->conn)->version_max)
        refusals_tell(n->server->refusals, e, conn_address(n->conn));
    session_free(n);
}

/* ---- the listener ------------------------------------------------------------------------ */

static void make_room(struct rpc_server *s)
{
    struct session *victim;
    struct err e;

    if (s->n_sessions < s->max_connections || !(victim = choose_victim(s)))
        return;
    err_set(&e, ERR_REFUSED, NULL, "dropped to make room: all %zu connections are in use",
            s->max_connections);
    refusals_tell(s->refusals, &e, conn_address(victim->conn));
    conn_close(victim->conn);
    session_free(victim);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct rpc_server *s = listener->data;
    struct session *n;
    struct conn_config cfg = s->cfg;
    struct err e;

    if (status < 0) {
        err_set(&e, ERR_SYS, NULL, "accepting a connection failed: %s", uv_strerror(status));
        refusals_tell(s->refusals, &e, "");
        return;
    }
    make_room(s);
    n = mem_alloc(sizeof(*n));
    n->server = s;
    cfg.on.arg = n;
    if (conn_accept(&cfg, listener, &n->conn, &e) < 0) {
        refusals_tell(s->refusals, &e, "");
        mem_free(n);
        return;
    }
    if (s->n_sessions >= s->max_connections) {
        err_set(&e, ERR_REFUSED, NULL, "refused: controllers use all %zu connections",
                s->max_connections);
        refusals_tell(s->refusals, &e, conn_address(n->conn));
        conn_close(n->conn);
        mem_free(n);
        return;
    }
    n->next = s->sessions;
    s->sessions = n;
    s->n_sessions++;
}

static void on_listener_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void set_limits(struct rpc_server *s, const struct rpc_limits *given)
{
    struct rpc_limits l = given ? *given : (struct rpc_limits){0};

    s->max_connections = l.max_connections > 0 ? (size_t)l.max_connections : MAX_CONNECTIONS;
    s->cfg.hello_timeout_ms = l.hello_timeout_ms > 0 ? l.hello_timeout_ms : HELLO_TIMEOUT_MS;
    s->cfg.idle_timeout_ms = l.idle_timeout_ms > 0 ? l.idle_timeout_ms : IDLE_TIMEOUT_MS;
    s->cfg.stall_timeout_ms = STALL_TIMEOUT_MS;
}

int rpc_server_start(struct loop *l, struct tls_context *tls, const char *cluster, const char *node,
                     const char *listen_address, const struct rpc_limits *limits,
                     rpc_handler_fn handler, rpc_log_fn log, void *arg,
                     struct rpc_server **ret_server, struct err *reterr)
{
    struct sockaddr_storage address;
    struct rpc_server *s;
    int r = address_parse(listen_address, &address, reterr);

    if (r < 0)
        return r;
    s = mem_alloc(sizeof(*s));
    s->loop = l;
    s->cfg = (struct conn_config){
        .loop = l,
        .tls = tls,
        .on = {.up = on_up, .frame = on_frame, .closed = on_closed},
    };
    hello_fill(&s->cfg.self, PEER_AGENT, cluster, node);
    set_limits(s, limits);
    s->handler = handler;
    s->arg = arg;
    uv_tcp_init(loop_uv(l), &s->listener);
    s->listener.data = s;
    r = uv_tcp_bind(&s->listener, (const struct sockaddr *)&address, 0);
    if (r == 0)
        r = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
    if (r < 0) {
        uv_close((uv_handle_t *)&s->listener, on_listener_closed);
        return err_set(reterr, ERR_SYS,
                       r == UV_EADDRINUSE ? "Does another agent run there? ss -tlnp" : NULL,
                       "listening on %s failed: %s", listen_address, uv_strerror(r));
    }
    s->refusals = refusals_new(l, log, arg);
    *ret_server = s;
    return 0;
}

int rpc_server_port(const struct rpc_server *s)
{
    struct sockaddr_storage address;
    int bytes = sizeof(address);
    char text[ADDRESS_BYTES];
    long long port = 0;

    if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&address, &bytes) == 0)
        str_to_int(strrchr(address_text((const struct sockaddr *)&address, text), ':') + 1, 0,
                   65535, &port);
    return (int)port;
}

void rpc_server_free(struct rpc_server *s)
{
    if (!s)
        return;
    while (s->sessions) {
        conn_close(s->sessions->conn);
        session_free(s->sessions);
    }
    for (struct in_hand *h = s->requests; h; h = h->next)
        h->server = NULL;
    refusals_free(s->refusals);
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
