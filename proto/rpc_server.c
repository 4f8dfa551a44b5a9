#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/listener.h"
#include "proto/refusals.h"
#include "proto/rpc.h"

/*
 * Invariants:
 *   1. At most `max_connections` sessions, and of one host at most a quarter of them that have not
 *      shown who they are. A newcomer to a full house takes the place of one that has proven less:
 *      first those without a hello (but not in their first SHELTER_MS), then agents; controllers
 *      keep theirs. Else the newcomer is reset, before anything is allocated for it.
 *   2. At most one request of a session is in hand, and at most `max_connections` in all, counting
 *      those whose peer has gone away.
 *   3. The handler sees no request of an agent but observe.
 */

enum {
    MAX_CONNECTIONS = 64,
    HELLO_TIMEOUT_MS = 5000,
    IDLE_TIMEOUT_MS = 600000,
    STALL_TIMEOUT_MS = 10000,
    SHELTER_MS = 250, /* for this long no newcomer replaces a peer that is still shaking hands */
};

struct rpc_server {
    struct listener *listener;
    struct conn_config cfg; /* of each session, but for `on.arg` */
    size_t max_connections;
    size_t max_unproven;      /* of one host */
    struct session *sessions; /* newest first */
    size_t n_sessions;
    struct in_hand *requests;
    size_t n_requests;
    struct refusals *refusals; /* reported to the owner, but not too often */
    rpc_handler_fn handler;
    void *arg;
};

struct session {
    struct rpc_server *server;
    struct session *next;
    struct conn *conn;
    int64_t since_ms;
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
    return conn_peer_role(n->conn) == PEER_CONTROLLER ? 2 : 1;
}

static bool same_host(const char *x, const char *y)
{
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
            count += rank(m) == lowest && same_host(conn_address(m->conn), conn_address(n->conn));
        if (count >= most) { /* the list is newest first: equals are the older ones */
            most = count;
            victim = n;
        }
    }
    return victim;
}

/* ---- requests ---------------------------------------------------------------------------- */

/* Encode a reply so that it fits into a frame. Output of what was run may be left out; a crontab
 * that was asked for may not: no one must take a part for the whole. */
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
    if (!verb_open_to((enum verb)q->verb, conn_peer_role(n->conn)))
        return conn_peer_role(n->conn) == PEER_MONITOR
                   ? "a monitor may look (observe, evidence, inspect) and nothing else"
                   : "agents obey controllers; another agent may only observe";
    /* half of the places are for controllers: no other peer keeps a fence waiting */
    if (n->server->n_requests >=
        n->server->max_connections / (conn_peer_role(n->conn) == PEER_CONTROLLER ? 1 : 2))
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

/* ---- newcomers --------------------------------------------------------------------------- */

/* Who has to go so that somebody from `address` may come. *ret_full: someone has to. */
static struct session *victim_for(const struct rpc_server *s, const char *address, bool *ret_full)
{
    struct session *oldest = NULL, *victim;
    size_t unproven = 0;

    for (struct session *n = s->sessions; n; n = n->next) {
        if (rank(n) > 0 || !same_host(conn_address(n->conn), address))
            continue;
        unproven++;
        oldest = n; /* the list is newest first */
    }
    *ret_full = unproven >= s->max_unproven || s->n_sessions >= s->max_connections;
    victim = unproven >= s->max_unproven ? oldest : choose_victim(s);
    if (victim && rank(victim) == 0 && clock_mono_ms() - victim->since_ms < SHELTER_MS)
        return NULL;
    return victim;
}

static bool make_room(struct rpc_server *s, const char *address)
{
    bool full;
    struct session *victim = victim_for(s, address, &full);
    struct err e;

    if (!full)
        return true;
    if (!victim) {
        err_set(&e, ERR_REFUSED, NULL,
                "too many connections: at most %zu, and %zu of one host that have not shown who "
                "they are",
                s->max_connections, s->max_unproven);
        refusals_tell(s->refusals, &e, address);
        return false;
    }
    err_set(&e, ERR_REFUSED, NULL, "dropped to make room for another");
    refusals_tell(s->refusals, &e, conn_address(victim->conn));
    conn_close(victim->conn);
    session_free(victim);
    return true;
}

static bool on_newcomer(void *arg, int fd, const char *address)
{
    struct rpc_server *s = arg;
    struct conn_config cfg = s->cfg;
    struct session *n;
    struct err e;

    if (!make_room(s, address))
        return false;
    n = mem_alloc(sizeof(*n));
    n->server = s;
    n->since_ms = clock_mono_ms();
    cfg.on.arg = n;
    if (conn_accept(&cfg, fd, address, &n->conn, &e) < 0) {
        refusals_tell(s->refusals, &e, address);
        mem_free(n);
        return false;
    }
    n->next = s->sessions;
    s->sessions = n;
    s->n_sessions++;
    return true;
}

static void on_accept_failed(void *arg, const struct err *e)
{
    struct rpc_server *s = arg;

    refusals_tell(s->refusals, e, "");
}

/* ---- the server -------------------------------------------------------------------------- */

static void set_limits(struct rpc_server *s, const struct rpc_limits *given)
{
    struct rpc_limits l = given ? *given : (struct rpc_limits){0};

    s->max_connections = l.max_connections > 0 ? (size_t)l.max_connections : MAX_CONNECTIONS;
    s->max_unproven = s->max_connections >= 8 ? s->max_connections / 4 : 2;
    s->cfg.hello_timeout_ms = l.hello_timeout_ms > 0 ? l.hello_timeout_ms : HELLO_TIMEOUT_MS;
    s->cfg.idle_timeout_ms = l.idle_timeout_ms > 0 ? l.idle_timeout_ms : IDLE_TIMEOUT_MS;
    s->cfg.stall_timeout_ms = STALL_TIMEOUT_MS;
}

int rpc_server_start(struct loop *l, struct tls_context *tls, const char *cluster, const char *node,
                     const char *listen_address, const struct rpc_limits *limits,
                     rpc_handler_fn handler, rpc_log_fn log, void *arg,
                     struct rpc_server **ret_server, struct err *reterr)
{
    struct rpc_server *s = mem_alloc(sizeof(*s));
    const struct listener_events events = {on_newcomer, on_accept_failed, s};
    int r = listener_start(l, listen_address, &events, &s->listener, reterr);

    if (r < 0) {
        mem_free(s);
        return r;
    }
    s->cfg = (struct conn_config){
        .loop = l,
        .tls = tls,
        .on = {.up = on_up, .frame = on_frame, .closed = on_closed},
    };
    hello_fill(&s->cfg.self, PEER_AGENT, cluster, node);
    set_limits(s, limits);
    s->handler = handler;
    s->arg = arg;
    s->refusals = refusals_new(l, limits ? limits->log_minute_ms : 0, log, arg);
    *ret_server = s;
    return 0;
}

int rpc_server_port(const struct rpc_server *s)
{
    return listener_port(s->listener);
}

void rpc_server_free(struct rpc_server *s)
{
    if (!s)
        return;
    listener_free(s->listener);
    while (s->sessions) {
        conn_close(s->sessions->conn);
        session_free(s->sessions);
    }
    for (struct in_hand *h = s->requests; h; h = h->next)
        h->server = NULL;
    refusals_free(s->refusals);
    mem_free(s);
}
