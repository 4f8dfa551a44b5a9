#include "agent/look/gather.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

struct gather {
    struct agent *agent;
    int waiting;
    struct dns_op *dns;
    struct gather_peer {
        struct gather *w;
        struct rpc_call *call;
        size_t index;
    } calls[CLUSTER_NODES_MAX];
    struct timer *timer;
    struct gathered seen;
    gather_fn fn;
    void *arg;
};

static void gather_free(struct gather *w)
{
    timer_free(w->timer);
    dns_op_cancel(w->dns);
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        if (w->calls[i].call)
            rpc_call_cancel(w->calls[i].call);
    mem_free(w);
}

void gather_cancel(struct gather *w)
{
    if (w)
        gather_free(w);
}

static void finish(void *arg)
{
    struct gather *w = arg;
    gather_fn fn = w->fn;

    fn(w->arg, &w->seen);
    gather_free(w);
}

static void one_done(struct gather *w)
{
    if (--w->waiting == 0)
        w->timer = timer_start(w->agent->loop, 0, finish, w);
}

/* ---- D --------------------------------------------------------------------------------------- */

static void on_d(void *arg, const struct dns_view *view, const struct err *e)
{
    struct gather *w = arg;
    struct gathered *s = &w->seen;

    w->dns = NULL;
    if (view->status != DNS_VIEW_OK) {
        STR_PRINTF(s->d_text, "silent (%s)", e->msg);
    } else if (view->n_txt == 1 && view->record_valid) {
        s->d_answered = true;
        s->d = view->record;
        STR_PRINTF(s->d_text, "epoch %" PRId64 ", %s, owner %s", s->d.epoch,
                   register_state_names[s->d.state], s->d.owner);
    } else {
        /* a zone without our record, or with another: older than anything this node has seen */
        s->d_answered = true;
        s->d_absent = view->n_txt == 0;
        s->d.epoch = -1;
        s->d.sysid = w->agent->config->binding.sysid;
        s->d.state = REGISTER_CLAIM; /* names no final owner: row 5 or 11, never a fence */
        STR_COPY(s->d_text,
                 view->n_txt == 0 ? "there is no ownership record" : "it is not readable");
    }
    one_done(w);
}

/* ---- peers ----------------------------------------------------------------------------------- */

static void fill_peer(const struct node_obs *o, struct guard_peer *p)
{
    struct record seen;

    p->answered = true;
    p->writable = obs_may_commit(&o->pg);
    p->in_recovery = o->pg.role == PG_RECOVERY;
    p->epoch = o->epoch;
    p->seen_state = -1;
    if (register_parse(o->seen, &seen, NULL) == 0) {
        p->seen_epoch = seen.epoch;
        p->seen_state = seen.state;
        STR_COPY(p->seen_owner, seen.owner);
        STR_COPY(p->seen_nonce, seen.nonce);
    }
}

static void tell_peer(struct gathered *s, const char *node, const char *what)
{
    size_t used = strlen(s->peers_text);

    str_printf(s->peers_text + used, sizeof(s->peers_text) - used, "%s%s %s", used ? ", " : "",
               node, what);
}

static void on_peer(void *arg, const struct reply *reply, const struct err *e)
{
    struct gather_peer *p = arg;
    struct gather *w = p->w;
    const char *node = w->agent->config->peers[p->index].node;

    (void)e;
    p->call = NULL;
    if (reply)
        fill_peer(&reply->obs, &w->seen.peers[p->index]);
    tell_peer(&w->seen, node, reply ? pg_role_names[reply->obs.pg.role] : "silent");
    one_done(w);
}

void gather_nothing(const struct agent *g, const char *why, struct gathered *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->n_peers = g->config->n_peers;
    STR_PRINTF(ret->d_text, "not asked (%s)", why);
}

struct gather *gather_start(struct agent *g, gather_fn fn, void *arg)
{
    static const struct request observe = {.verb = VERB_OBSERVE, .timeout_ms = AGENT_PEER_MS};
    struct gather *w = mem_alloc(sizeof(*w));
    const struct config *c = g->config;

    w->agent = g;
    w->fn = fn;
    w->arg = arg;
    w->seen.n_peers = c->n_peers;
    w->waiting = 2 + (int)c->n_peers;
    w->dns = dns_read(g->loop, &c->zone, NULL, DNS_READ_REGISTER, c->dns.timeout_ms, on_d, w);
    for (size_t i = 0; i < c->n_peers; i++) {
        w->calls[i].w = w;
        w->calls[i].index = i;
        w->calls[i].call = rpc_call(g->peers[i], &observe, AGENT_PEER_MS, on_peer, &w->calls[i]);
    }
    one_done(w);
    return w;
}

/* ---- deciding -------------------------------------------------------------------------------- */

struct guard_view gather_view(const struct agent *g, const struct agent_state *s,
                              const struct facts *f, const struct gathered *seen)
{
    return (struct guard_view){
        .node = g->config->agent.node,
        .state_readable = s != NULL,
        .state = s,
        .facts = f,
        .register_matches = true, /* a foreign state is not readable (agent/state/state.c) */
        .d_answered = seen->d_answered,
        .d_absent = seen->d_absent,
        .d = &seen->d,
        .peers = seen->peers,
        .n_peers = seen->n_peers,
    };
}

void gather_decide(const struct agent *g, const struct agent_state *s, const struct facts *f,
                   const struct gathered *seen, struct guard_decision *ret)
{
    const struct guard_view v = gather_view(g, s, f, seen);

    rules_guard_decide(&v, ret);
}

void gather_missing(const struct agent *g, int row, const struct gathered *seen, char *ret_text,
                    size_t bytes)
{
    const struct config *c = g->config;
    char peers[CLUSTER_NODES_MAX * NODE_NAME_BYTES] = "";

    ret_text[0] = '\0';
    if (row != GUARD_ROW_ELSE || (seen && seen->d_answered))
        return;
    for (size_t i = 0; i < c->n_peers; i++) {
        size_t used = strlen(peers);

        if (!seen || !seen->peers[i].answered)
            str_printf(peers + used, sizeof(peers) - used, "%s%s", used ? ", " : "",
                       c->peers[i].node);
    }
    (void)str_printf(ret_text, bytes,
                     "missing: the zone's primary (%s), or without it the word of every other node"
                     "%s%s%s; either releases it automatically; where neither comes back: "
                     "`pgtandem unfence %s`",
                     c->dns.server, peers[0] ? " (" : "", peers,
                     !peers[0] ? " that it is a standby of the same record"
                     : seen    ? " did not respond)"
                               : ")",
                     c->agent.node);
}
