#include "controller/cluster/rehearse.h"

#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/observe.h"

enum { CANARY_TIMEOUT_MS = 95000 };

struct asked {
    struct rehearse *rehearse;
    struct rpc_peer *peer;
    struct world_node *node;
    struct request q;
};

struct rehearse {
    struct cluster *cluster;
    struct asked asked[CLUSTER_NODES_MAX];
    size_t open;
    bool done, again;
};

static const struct rehearsal *same(const struct rehearsals *in, const struct rehearsal *r)
{
    for (size_t i = 0; i < in->n; i++)
        if (in->list[i].kind == r->kind && strcmp(in->list[i].node, r->node) == 0)
            return &in->list[i];
    return NULL;
}

/* Those that ran out of time, as they are now; another's silence takes nothing away. */
static void take_again(struct world_node *n, const struct rehearsals *got, struct arena *arena)
{
    struct rehearsal *all = arena_alloc(arena, n->n_rehearsals * sizeof(*all));

    for (size_t i = 0; i < n->n_rehearsals; i++) {
        const struct rehearsal *again = n->rehearsals[i].late ? same(got, &n->rehearsals[i]) : NULL;

        all[i] = again ? *again : n->rehearsals[i];
    }
    n->rehearsals = all;
}

static void read_rehearsals(struct asked *a, const char *text)
{
    struct arena *arena = a->rehearse->cluster->arena;
    struct rehearsals *got = arena_alloc(arena, sizeof(*got));
    struct world_node *n = a->node;

    if (field_from_text(&rehearsals_table, text, strlen(text), got, arena, &n->rehearsal_error) < 0)
        return;
    if (a->rehearse->again && n->n_rehearsals > 0) {
        take_again(n, got, arena);
        return;
    }
    /* a canary comes after the others */
    struct rehearsal *all = arena_alloc(arena, (n->n_rehearsals + got->n) * sizeof(*all) + 1);

    if (n->n_rehearsals)
        memcpy(all, n->rehearsals, n->n_rehearsals * sizeof(*all));
    memcpy(all + n->n_rehearsals, got->list, got->n * sizeof(*all));
    n->rehearsals = all;
    n->n_rehearsals += got->n;
}

static void take_rehearsals(void *arg, const struct reply *reply, const struct err *e)
{
    struct asked *a = arg;
    struct world_node *n = a->node;

    n->rehearsal_error = (struct err){.code = 0};
    if (!reply) {
        n->rehearsal_error = *e;
    } else if (!reply->ok) {
        err_set(&n->rehearsal_error, err_from_name(reply->code), reply->hint, "%s", reply->msg);
    } else {
        read_rehearsals(a, reply->text ? reply->text : "");
    }
    a->rehearse->done = --a->rehearse->open == 0;
}

static void ask(struct rehearse *r, struct world *w, size_t node, int64_t timeout_ms)
{
    struct cluster *cl = r->cluster;
    const struct config *c = &cl->config;
    struct asked *a = &r->asked[node];

    a->rehearse = r;
    a->node = &w->nodes[node];
    a->q.timeout_ms = timeout_ms;
    STR_COPY(a->q.by, cl->by);
    a->peer = rpc_peer_new(cl->loop, cl->tls, c->cluster.name, c->nodes[node].name,
                           c->nodes[node].agent, tls_context_role(cl->tls), "");
    rpc_peer_knock(a->peer, c->nodes[node].address, c->nodes[node].port);
    r->open++;
    r->done = false;
    rpc_call(a->peer, &a->q, timeout_ms, take_rehearsals, a);
}

/* Looked for just now and not heard: to wait for it once more would be part of the outage. */
static bool silent(const struct world *w, size_t node)
{
    return !w->nodes[node].answered && w->nodes[node].error.code != 0;
}

static void fill_upstreams(struct request *q, const struct config *c, const struct world *w,
                           size_t node, int to, bool lost)
{
    q->verb = VERB_REHEARSE;
    q->archive = (int)node == to;
    if (lost && (int)node == to)
        return;
    for (size_t i = 0; i < c->n_nodes; i++) {
        struct upstream *up = &q->rehearse[q->n_rehearse];

        if (i == node || ((int)node != to && (int)i != to) || silent(w, i))
            continue;
        STR_COPY(up->node, c->nodes[i].name);
        STR_COPY(up->address, c->nodes[i].address);
        STR_COPY(up->host, c->nodes[i].target);
        up->port = c->nodes[i].port;
        q->n_rehearse++;
    }
}

struct rehearse *rehearse_start(struct cluster *cl, struct world *w, int to, bool lost)
{
    struct rehearse *r = arena_alloc(cl->arena, sizeof(*r));

    *r = (struct rehearse){.cluster = cl, .done = true};
    for (size_t i = 0; i < cl->config.n_nodes; i++) {
        w->nodes[i].rehearsals = NULL;
        w->nodes[i].n_rehearsals = 0;
        w->nodes[i].rehearsal_error = (struct err){.code = 0};
        if (silent(w, i)) {
            w->nodes[i].rehearsal_error = w->nodes[i].error;
            continue;
        }
        fill_upstreams(&r->asked[i].q, &cl->config, w, i, to, lost);
        ask(r, w, i, lost ? REHEARSE_TIMEOUT_LOST_MS : REHEARSE_TIMEOUT_MS);
    }
    return r;
}

bool rehearse_is_late(const struct world_node *n)
{
    if (n->answered && n->n_rehearsals == 0)
        return n->rehearsal_error.code == ERR_TIMEOUT;
    for (size_t i = 0; n->answered && i < n->n_rehearsals; i++)
        if (n->rehearsals[i].late)
            return true;
    return false;
}

struct rehearse *rehearse_again(struct cluster *cl, struct world *w, int to, int64_t timeout_ms)
{
    struct rehearse *r = arena_alloc(cl->arena, sizeof(*r));

    *r = (struct rehearse){.cluster = cl, .again = true};
    for (size_t i = 0; i < cl->config.n_nodes; i++)
        if (rehearse_is_late(&w->nodes[i])) {
            fill_upstreams(&r->asked[i].q, &cl->config, w, i, to, false);
            ask(r, w, i, timeout_ms);
        }
    return r->open ? r : NULL;
}

void rehearse_end(struct rehearse *r)
{
    if (!r)
        return;
    loop_wait(r->cluster->loop, &r->done, -1, NULL); /* each call has its own deadline */
    rehearse_drop(r);
}

void rehearse_drop(struct rehearse *r)
{
    for (size_t i = 0; r && i < CLUSTER_NODES_MAX; i++) {
        rpc_peer_free(r->asked[i].peer);
        r->asked[i].peer = NULL;
    }
}

void rehearse_canary(struct cluster *cl, struct world *w, int node)
{
    struct rehearse *r = arena_alloc(cl->arena, sizeof(*r));

    *r = (struct rehearse){.cluster = cl, .done = true};
    r->asked[node].q.verb = VERB_CANARY;
    ask(r, w, (size_t)node, CANARY_TIMEOUT_MS);
    rehearse_end(r);
}
