/*
 * EVIDENCE: what this node sees of one that may be lost: its agent, its port, a connection to it,
 * our own walreceiver. All at once, each with the same deadline, which is a process's: a busy
 * primary must get to answer. A host that answers no SYN at all (proto/knock.h) ends it sooner.
 *
 *   probe, agent, knock ──all but the knock came, or no SYN answered──> our own look ──> answer
 *
 * The probe of PostgreSQL cannot be cancelled: if the host does not respond it ends by its own
 * deadline, and what it says then is lost. So the look lives until both it and the answer are
 * through.
 */
#include "agent/look/evidence.h"

#include <string.h>
#include <strings.h>

#include "agent/look/observe.h"
#include "agent/node/agent.h"
#include "agent/node/answer.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"
#include "proto/knock.h"
#include "proto/rpc.h"

enum { EVIDENCE_MS = 2000 };

struct look {
    struct agent *agent;
    struct rpc_request *r; /* NULL: answered */
    struct rpc_peer *peer;
    struct knock *knock;
    struct timer *timer;
    bool probing, asking; /* PostgreSQL, the agent */
    struct obs_peer seen;
};

static void look_free(struct look *k)
{
    if (k->r || k->probing)
        return;
    mem_free(k);
}

/* Did it hear from that node? A host by name, or none known, may be it. */
static bool may_be_of(const char *host, const char *address)
{
    return strcmp(host, address) == 0 || !address_is_ip(host);
}

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct look *k = arg;
    struct reply *reply = answer_new(obs, NULL);
    const struct obs_pg *pg = &obs->pg;

    k->seen.receiver_streaming = strcmp(pg->receiver_status, "streaming") == 0 &&
                                 (strcmp(pg->receiver_host, k->r->q.upstream.address) == 0 ||
                                  strcasecmp(pg->receiver_host, k->r->q.upstream.node) == 0 ||
                                  strcasecmp(pg->receiver_host, k->r->q.upstream.host) == 0);
    k->seen.last_lsn = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
    if (pg->role == PG_RECOVERY && pg->replay_delay_ms >= 0)
        k->seen.last_lsn_wall_ms = obs->wall_ms - pg->replay_delay_ms;
    if (may_be_of(pg->heard_host, k->r->q.upstream.address)) {
        k->seen.heard_wall_ms = pg->heard_wall_ms;
        if (pg->heard_lsn > k->seen.last_lsn)
            k->seen.last_lsn = pg->heard_lsn;
    }
    reply->obs.evidence[0] = k->seen;
    reply->obs.n_evidence = 1;
    answer_send(k->r, reply);
    k->r = NULL;
    look_free(k);
}

/* From the loop: the peer's own callback is not the place to free it. */
static void last_look(void *arg)
{
    struct look *k = arg;

    timer_free(k->timer);
    knock_free(k->knock);
    rpc_peer_free(k->peer);
    observe_node(k->agent, AGENT_LOOK_MS, false, on_observed, k);
}

static void conclude(struct look *k)
{
    if (!k->timer)
        k->timer = timer_start(k->agent->loop, 0, last_look, k);
}

static void on_knock(void *arg, bool heard)
{
    if (!heard)
        conclude(arg);
}

static void on_probe(void *arg, const struct postgres_probe_result *p)
{
    struct look *k = arg;

    k->probing = false;
    k->seen.port_open = p->port_open;
    k->seen.writable_seen |= p->connected && p->writable;
    k->seen.in_recovery_seen |= p->connected && p->in_recovery;
    if (!k->r)
        look_free(k);
    else if (!k->asking)
        conclude(k);
}

static void on_agent(void *arg, const struct reply *reply, const struct err *e)
{
    struct look *k = arg;

    (void)e;
    k->asking = false;
    if (reply) {
        k->seen.agent_answers = true;
        k->seen.writable_seen |= obs_may_commit(&reply->obs.pg);
        k->seen.in_recovery_seen |= reply->obs.pg.role == PG_RECOVERY;
    }
    if (!k->probing)
        conclude(k);
}

/* Both ports of the host; the agent's is asked by name, PostgreSQL's is in `upstream`. */
static void ask_agent(struct look *k, const struct request *q, int64_t ms)
{
    static const struct request observe = {.verb = VERB_OBSERVE, .timeout_ms = EVIDENCE_MS};
    struct agent *g = k->agent;
    char pg[ADDRESS_BYTES];

    k->asking = true;
    k->peer = rpc_peer_new(g->loop, g->tls, g->config->agent.cluster, q->upstream.node,
                           q->target_agent, PEER_AGENT, g->config->agent.node);
    rpc_call(k->peer, &observe, ms, on_agent, k);
    address_join(q->upstream.address, q->upstream.port, pg);
    k->knock = knock_start(g->loop, (const char *const[]){q->target_agent, pg}, 2, on_knock, k);
}

/* A monitor names a node and no address: where we connect, with our credentials, we know. */
static bool as_configured(const struct config *c, struct request *q)
{
    const struct config_peer *peer = config_peer(c, q->upstream.node);

    if (!peer)
        return false;
    STR_COPY(q->upstream.address, peer->address);
    STR_COPY(q->target_agent, peer->agent);
    q->upstream.port = peer->port;
    return true;
}

int evidence_answer(struct agent *g, struct rpc_request *r, struct err *reterr)
{
    struct request *q = &r->q;
    int64_t ms =
        q->timeout_ms > 0 && q->timeout_ms / 2 < EVIDENCE_MS ? q->timeout_ms / 2 : EVIDENCE_MS;

    if (r->from_role != PEER_CONTROLLER && !as_configured(g->config, q))
        return err_set(reterr, ERR_REFUSED, "ask about a node of the cluster",
                       "evidence: \"%s\" is no peer of this node", q->upstream.node);
    struct look *k = mem_alloc(sizeof(*k));
    k->agent = g;
    k->r = r;
    STR_COPY(k->seen.node, q->upstream.node);
    k->probing = true;
    postgres_probe(g->pg, &q->upstream, ms, on_probe, k);
    if (q->target_agent[0] && q->upstream.node[0])
        ask_agent(k, q, ms);
    return 0;
}
