/*
 * EVIDENCE: what this node sees of one that may be lost: its agent, its port, a connection to it,
 * our own walreceiver. All at once; each has the same deadline.
 */
#include <string.h>

#include "agent/acts.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { EVIDENCE_MS = 2000 };

struct look {
    struct agent *agent;
    struct rpc_request *r;
    struct rpc_peer *peer;
    struct timer *timer;
    int waiting; /* probe, agent, and ourselves */
    struct obs_peer seen;
};

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct look *k = arg;
    struct reply *reply = mem_alloc(sizeof(*reply));
    const struct obs_pg *pg = &obs->pg;

    k->seen.receiver_streaming = strcmp(pg->receiver_status, "streaming") == 0 &&
                                 strcmp(pg->receiver_host, k->r->q.upstream.address) == 0;
    k->seen.last_lsn = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
    if (pg->role == PG_RECOVERY && pg->replay_delay_ms >= 0)
        k->seen.last_lsn_wall_ms = obs->wall_ms - pg->replay_delay_ms;
    reply->ok = true;
    reply->obs = *obs;
    reply->obs.evidence[0] = k->seen;
    reply->obs.n_evidence = 1;
    rpc_answer(k->r, reply);
    mem_free(reply);
    mem_free(k);
}

/* From the loop: the peer's own callback is not the place to free it. */
static void last_look(void *arg)
{
    struct look *k = arg;

    timer_free(k->timer);
    rpc_peer_free(k->peer);
    agent_observe(k->agent, AGENT_LOOK_MS, false, on_observed, k);
}

static void one_done(struct look *k)
{
    if (--k->waiting == 0)
        k->timer = timer_start(k->agent->loop, 0, last_look, k);
}

static void on_probe(void *arg, const struct postgres_probe_result *p)
{
    struct look *k = arg;

    k->seen.port_open = p->port_open;
    k->seen.writable_seen |= p->connected && p->writable;
    k->seen.in_recovery_seen |= p->connected && p->in_recovery;
    one_done(k);
}

static void on_agent(void *arg, const struct reply *reply, const struct err *e)
{
    struct look *k = arg;

    (void)e;
    if (reply) {
        k->seen.agent_answers = true;
        k->seen.writable_seen |= reply->obs.pg.role == PG_WRITABLE;
        k->seen.in_recovery_seen |= reply->obs.pg.role == PG_RECOVERY;
    }
    one_done(k);
}

void evidence_answer(struct agent *g, struct rpc_request *r)
{
    static const struct request observe = {.verb = VERB_OBSERVE, .timeout_ms = EVIDENCE_MS};
    struct look *k = mem_alloc(sizeof(*k));
    const struct request *q = &r->q;
    int64_t ms =
        q->timeout_ms > 0 && q->timeout_ms / 2 < EVIDENCE_MS ? q->timeout_ms / 2 : EVIDENCE_MS;

    k->agent = g;
    k->r = r;
    STR_COPY(k->seen.node, q->upstream.node);
    k->waiting = 3;
    postgres_probe(g->pg, &q->upstream, ms, on_probe, k);
    if (q->target_agent[0] && q->upstream.node[0]) {
        k->peer = rpc_peer_new(g->loop, g->tls, g->config->agent.cluster, q->upstream.node,
                               q->target_agent, PEER_AGENT, g->config->agent.node);
        rpc_call(k->peer, &observe, ms, on_agent, k);
    } else {
        one_done(k);
    }
    one_done(k);
}
