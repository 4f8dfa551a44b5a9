#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/knock.h"
#include "proto/rpc.h"

/*
 * A peer has at most one connection and one request on it; further calls wait in order.
 *
 *   WAITING --link up--> SENT --reply--> gone
 *      \___________________\____error, deadline____> FAILED --next turn of the loop--> gone
 *
 * Invariants:
 *   1. `fn` is called from the loop only, once; not at all for a cancelled call.
 *   2. A call leaves the list before its `fn`: there the caller may do anything, even free
 *      the peer.
 *   3. A connection on which a call was abandoned is closed: its reply must answer no other call.
 *   4. A request that changes something is handed to at most one connection.
 */

enum {
    VERSIONS = PROTO_VERSION - PROTO_VERSION_MIN + 1,
    VIGIL_MS = 200, /* how often a link that something is awaited on is looked at */
    PATIENCE_KNOCKS =
        4, /* unanswered knocks in a row before a request that changes something fails */
};
enum call_state { CALL_WAITING, CALL_SENT, CALL_FAILED };

struct rpc_call {
    uv_timer_t timer; /* the deadline; when FAILED: now */
    struct rpc_peer *peer;
    struct rpc_call *next;
    enum call_state state;
    bool changes; /* the verb does */
    bool on_kept; /* sent on a connection that an earlier call had opened */
    bool retried;
    char *json[VERSIONS]; /* the request as each protocol version has it, oldest first */
    int needs;            /* the lowest version that says all of it */
    char needs_what[64];  /* the verb or field that needs it */
    int64_t timeout_ms;
    rpc_reply_fn fn;
    void *arg;
    struct err e;
};

struct rpc_peer {
    struct loop *loop;
    struct tls_context *tls;
    struct hello self;
    char node[NODE_NAME_BYTES];
    char address[ADDRESS_BYTES];
    struct conn *conn; /* NULL: none */
    bool conn_used;    /* a reply has come on it */
    char also[ADDRESS_BYTES];
    struct knock *knock; /* while the connection is being opened, or is in doubt; with `also` */
    bool host_heard;
    bool knocked_open;   /* the knock began on a connection that was open */
    unsigned silences;   /* knocks in a row without an answer */
    struct timer *vigil; /* looks at an open link while a call waits */
    struct rpc_call *calls;
};

static void on_up(void *arg);
static void on_frame(void *arg, const char *json, size_t len);
static void on_closed(void *arg, const struct err *e);
static void on_call_timer(uv_timer_t *timer);

/* ---- calls ------------------------------------------------------------------------------- */

static void call_unlink(struct rpc_call *c)
{
    for (struct rpc_call **at = &c->peer->calls; *at; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            return;
        }
    }
}

static void on_call_closed(uv_handle_t *handle)
{
    struct rpc_call *c = handle->data;

    for (size_t i = 0; i < VERSIONS; i++)
        mem_free(c->json[i]);
    mem_free(c);
}

static void call_free(struct rpc_call *c)
{
    uv_close((uv_handle_t *)&c->timer, on_call_closed);
}

static void call_finish(struct rpc_call *c, const struct reply *reply, const struct err *e)
{
    call_unlink(c);
    c->fn(c->arg, reply, e);
    call_free(c);
}

static void call_fail(struct rpc_call *c, const struct err *e)
{
    if (c->state == CALL_FAILED)
        return;
    c->state = CALL_FAILED;
    c->e = *e;
    err_set_node(&c->e, c->peer->node);
    uv_timer_start(&c->timer, on_call_timer, 0, 0);
}

static struct rpc_call *first_call(const struct rpc_peer *p)
{
    struct rpc_call *c = p->calls;

    while (c && c->state == CALL_FAILED)
        c = c->next;
    return c;
}

/* ---- the connection ---------------------------------------------------------------------- */

static void end_knock(struct rpc_peer *p)
{
    knock_free(p->knock);
    p->knock = NULL;
    timer_free(p->vigil);
    p->vigil = NULL;
}

static void drop_conn(struct rpc_peer *p)
{
    end_knock(p);
    conn_close(p->conn);
    p->conn = NULL;
    p->conn_used = p->host_heard = false;
    p->silences = 0;
}

static void fail_all(struct rpc_peer *p, const struct err *e)
{
    for (struct rpc_call *c = p->calls; c; c = c->next)
        call_fail(c, e);
}

static void open_conn(struct rpc_peer *p)
{
    struct conn_config cfg = {
        .loop = p->loop,
        .tls = p->tls,
        .self = p->self,
        .peer_node = p->node,
        .on = {.up = on_up, .frame = on_frame, .closed = on_closed, .arg = p},
    };
    struct err e;

    if (conn_connect(&cfg, p->address, &p->conn, &e) < 0) {
        p->conn = NULL;
        err_prefix(&e, "agent %s (%s)", p->node, p->address);
        fail_all(p, &e);
    }
}

static int too_old(const struct rpc_call *c, int version, struct err *reterr)
{
    const struct rpc_peer *p = c->peer;

    err_set(reterr, ERR_SKEW, NULL,
            "agent %s (%s) speaks protocol %d, \"%s\" came with protocol %d; nothing was sent",
            p->node, p->address, version, c->needs_what, c->needs);
    err_set_hint(reterr,
                 "Install this version of pgtandem on %s, then there: systemctl restart "
                 "pgtandem-agent (PostgreSQL goes on); then run the command again.",
                 p->node);
    return ERR_SKEW;
}

static int send_call(struct rpc_call *c, struct err *reterr)
{
    struct conn *conn = c->peer->conn;
    int version = conn_version(conn);
    const char *json = c->json[version - PROTO_VERSION_MIN];

    if (version < c->needs)
        return too_old(c, version, reterr);
    return conn_send(conn, json, strlen(json), reterr);
}

/* ---- is the host still there? ----------------------------------------------------------------
 *
 * While the connection is being opened the host is knocked at once. On an open one with a call in
 * hand the kernel's acknowledgements are looked at, and a knock follows only where they stay away.
 */

static void on_knocked(void *arg, bool heard);
static void sent_call_lost(struct rpc_call *c, const struct err *why);
static void pump(struct rpc_peer *p);

static void knock_now(struct rpc_peer *p)
{
    p->knocked_open = conn_phase(p->conn) != CONN_CONNECTING;
    p->knock = knock_start(p->loop, (const char *const[]){p->address, p->also}, 2, on_knocked, p);
}

static void knock(struct rpc_peer *p)
{
    if (p->also[0] && !p->knock && !p->host_heard && conn_phase(p->conn) == CONN_CONNECTING)
        knock_now(p);
}

static void on_vigil(void *arg)
{
    struct rpc_peer *p = arg;
    const struct rpc_call *c = first_call(p);

    timer_free(p->vigil);
    p->vigil = NULL;
    if (!c || !p->conn || p->knock)
        return;
    if (conn_phase(p->conn) != CONN_CONNECTING && conn_is_doubtful(p->conn))
        knock_now(p);
    else
        p->vigil = timer_start(p->loop, VIGIL_MS, on_vigil, p);
}

static void keep_vigil(struct rpc_peer *p)
{
    if (p->also[0] && p->conn && !p->vigil && !p->knock && first_call(p))
        p->vigil = timer_start(p->loop, VIGIL_MS, on_vigil, p);
}

/* A request that changes something is abandoned later than a query: nothing else will do it. */
static bool is_patient(const struct rpc_peer *p, const struct rpc_call *c)
{
    return c->changes && p->silences < PATIENCE_KNOCKS;
}

static void give_up_host(struct rpc_peer *p)
{
    struct rpc_call *sent = first_call(p);
    struct err e;

    err_set(&e, ERR_UNREACHABLE, "Is the host up, does a firewall drop packets?",
            "its host does not respond: no answer to %d connection requests within %d ms, here or "
            "at %s",
            KNOCK_TRIES * (int)p->silences, KNOCK_MS * (int)p->silences, p->also);
    if (sent && sent->state == CALL_SENT) {
        sent->retried = true; /* there is no host to try it with */
        drop_conn(p);
        sent_call_lost(sent, &e);
        pump(p); /* the others have not been tried yet */
        return;
    }
    err_prefix(&e, "agent %s (%s)", p->node, p->address);
    for (struct rpc_call *c = p->calls; c; c = c->next)
        if (!is_patient(p, c))
            call_fail(c, &e);
    if (!first_call(p))
        drop_conn(p);
    else
        knock_now(p);
}

static void on_knocked(void *arg, bool heard)
{
    struct rpc_peer *p = arg;
    const struct rpc_call *c = first_call(p);

    end_knock(p);
    /* its own SYN was answered */
    heard |= !p->knocked_open && conn_phase(p->conn) != CONN_CONNECTING;
    p->silences = heard ? 0 : p->silences + 1;
    p->host_heard = heard;
    if (heard)
        keep_vigil(p);
    else if (c && c->state == CALL_SENT && is_patient(p, c))
        knock_now(p);
    else
        give_up_host(p);
}

/* Give the first call what it needs next: a connection, or to be sent. */
static void pump(struct rpc_peer *p)
{
    struct rpc_call *c = first_call(p);
    struct err e;

    if (!c || c->state == CALL_SENT)
        return;
    if (p->conn_used && conn_is_stale(p->conn))
        drop_conn(p);
    if (!p->conn)
        open_conn(p);
    if (p->conn)
        knock(p);
    if (!p->conn || conn_phase(p->conn) != CONN_UP)
        return;
    if (send_call(c, &e) < 0) {
        call_fail(c, &e);
        if (e.code != ERR_SKEW)
            drop_conn(p);
        pump(p);
        return;
    }
    c->state = CALL_SENT;
    c->on_kept = p->conn_used;
    keep_vigil(p);
}

static void on_up(void *arg)
{
    end_knock(arg);
    pump(arg);
}

/* The connection ended while `c` was sent on it. */
static void sent_call_lost(struct rpc_call *c, const struct err *why)
{
    struct err e = *why;

    if (!c->changes && c->on_kept && !c->retried) {
        c->retried = true;
        c->state = CALL_WAITING;
        return;
    }
    if (c->changes) {
        e.code = ERR_TIMEOUT;
        err_set_hint(&e, "Look at the node: pgtandem status");
        err_prefix(&e, "the request was sent and may have been obeyed");
    }
    err_prefix(&e, "agent %s (%s)", c->peer->node, c->peer->address);
    call_fail(c, &e);
}

static void on_closed(void *arg, const struct err *e)
{
    struct rpc_peer *p = arg;
    struct rpc_call *c = first_call(p);
    struct err named = *e;

    end_knock(p);
    p->conn = NULL;
    p->conn_used = p->host_heard = false;
    p->silences = 0;
    if (c && c->state == CALL_SENT) {
        sent_call_lost(c, e);
        pump(p); /* the others have not been tried yet */
        return;
    }
    err_prefix(&named, "agent %s (%s)", p->node, p->address);
    fail_all(p, &named);
}

static void on_frame(void *arg, const char *json, size_t len)
{
    struct rpc_peer *p = arg;
    struct rpc_call *c = first_call(p);
    AUTO(arena) a = arena_new();
    struct reply *reply = arena_alloc(a, sizeof(*reply));
    struct err e;

    if (!c || c->state != CALL_SENT) {
        drop_conn(p); /* a reply without a request */
        return;
    }
    if (field_from_text(&reply_table, json, len, reply, a, &e) < 0) {
        drop_conn(p);
        e.code = ERR_PROTOCOL;
        err_prefix(&e, "agent %s (%s): its reply cannot be read%s", p->node, p->address,
                   c->changes ? ", the request may have been obeyed" : "");
        call_fail(c, &e);
        pump(p);
        return;
    }
    reply->version = conn_version(p->conn);
    field_make_printable(&reply_table, reply);
    p->conn_used = true;
    call_unlink(c);
    pump(p);
    c->fn(c->arg, reply, NULL);
    call_free(c);
}

/* ---- deadlines --------------------------------------------------------------------------- */

static void deadline_error(const struct rpc_call *c, struct err *e)
{
    static const char *const silent[] = {
        [CONN_CONNECTING] = "timed out connecting",
        [CONN_TLS] = "it accepted the connection and did not finish the TLS handshake",
        [CONN_HELLO] = "no hello came",
        [CONN_UP] = "earlier calls were not answered, this one was not sent",
        [CONN_CLOSED] = "no connection",
    };
    const struct rpc_peer *p = c->peer;
    enum conn_phase phase = p->conn ? conn_phase(p->conn) : CONN_CLOSED;

    if (c->state == CALL_SENT)
        err_set(e, ERR_TIMEOUT, "Look at the node: pgtandem status",
                "agent %s (%s): no reply within %lld ms%s", p->node, p->address,
                (long long)c->timeout_ms, c->changes ? "; the request may have been obeyed" : "");
    else
        err_set(e, ERR_UNREACHABLE,
                phase == CONN_CONNECTING ? "Is the host up, does a firewall drop packets?"
                                         : "Is the agent stopped or overloaded?",
                "agent %s (%s): %s within %lld ms", p->node, p->address, silent[phase],
                (long long)c->timeout_ms);
}

static void on_call_timer(uv_timer_t *timer)
{
    struct rpc_call *c = timer->data;
    struct rpc_peer *p = c->peer;
    bool first = first_call(p) == c;

    if (c->state != CALL_FAILED) {
        deadline_error(c, &c->e);
        err_set_node(&c->e, p->node);
        call_unlink(c);
        /* a link that is still coming up goes on for those who wait for it */
        if (first && (c->state == CALL_SENT || !first_call(p))) {
            drop_conn(p);
            pump(p);
        }
    }
    call_finish(c, NULL, &c->e);
}

/* The request in each version's words: which one is wanted shows only when the link is up. */
static int encode(struct rpc_call *c, const struct request *q, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    const struct field *newest = NULL;
    size_t len = 0;

    c->needs = field_version_needed(&request_table, q, &newest);
    STR_COPY(c->needs_what, newest ? newest->name : "");
    if (verb_since((enum verb)q->verb) >= c->needs) {
        c->needs = verb_since((enum verb)q->verb);
        STR_COPY(c->needs_what, verb_names[q->verb]);
    }
    for (int i = 0; i < VERSIONS; i++) {
        c->json[i] = mem_strdup(field_to_text_at(&request_table, q, PROTO_VERSION_MIN + i, a));
        len = strlen(c->json[i]);
    }
    if (len > FRAME_CAP_BYTES)
        return err_set(reterr, ERR_TOO_LONG, NULL,
                       "the request for %s is %zu bytes, at most %d fit", c->peer->node, len,
                       FRAME_CAP_BYTES);
    return 0;
}

struct rpc_call *rpc_call(struct rpc_peer *p, const struct request *q, int64_t timeout_ms,
                          rpc_reply_fn fn, void *arg)
{
    struct rpc_call *c = mem_alloc(sizeof(*c)), **at = &p->calls;
    struct err e;

    c->peer = p;
    c->changes = verb_changes((enum verb)q->verb);
    c->timeout_ms = timeout_ms;
    c->fn = fn;
    c->arg = arg;
    uv_timer_init(loop_uv(p->loop), &c->timer);
    c->timer.data = c;
    uv_update_time(loop_uv(p->loop));
    uv_timer_start(&c->timer, on_call_timer, timeout_ms > 0 ? (uint64_t)timeout_ms : 0, 0);
    while (*at)
        at = &(*at)->next;
    *at = c;
    if (encode(c, q, &e) < 0)
        call_fail(c, &e);
    pump(p);
    return c;
}

void rpc_call_cancel(struct rpc_call *c)
{
    struct rpc_peer *p;

    if (!c)
        return;
    p = c->peer;
    call_unlink(c);
    if (c->state == CALL_SENT) {
        drop_conn(p);
        pump(p);
    }
    call_free(c);
}

/* ---- peers ------------------------------------------------------------------------------- */

struct rpc_peer *rpc_peer_new(struct loop *l, struct tls_context *tls, const char *cluster,
                              const char *node, const char *address, enum peer_role self_role,
                              const char *self_node)
{
    struct rpc_peer *p = mem_alloc(sizeof(*p));

    p->loop = l;
    p->tls = tls;
    hello_fill(&p->self, self_role, cluster, self_node);
    STR_COPY(p->node, node);
    STR_COPY(p->address, address);
    return p;
}

void rpc_peer_free(struct rpc_peer *p)
{
    if (!p)
        return;
    while (p->calls) {
        struct rpc_call *c = p->calls;
        p->calls = c->next;
        call_free(c);
    }
    drop_conn(p);
    mem_free(p);
}

void rpc_peer_knock(struct rpc_peer *p, const char *host, int64_t port)
{
    address_join(host, port, p->also);
}
