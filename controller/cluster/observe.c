#include "controller/cluster/observe.h"

#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/cluster_look.h"

/* ---- what has been answered ------------------------------------------------------------------ */

void world_take_reply(struct world *w, int node, const struct reply *reply, int64_t sent_mono_ms)
{
    struct world_node *n = &w->nodes[node];

    n->answered = true;
    n->obs = reply->obs;
    n->version = reply->version;
    n->error = (struct err){.code = 0};
    n->looked_ms = clock_mono_ms();
    n->unanswered = 0;
    n->rtt_ms = n->looked_ms - sent_mono_ms;
    n->skew_ms = reply->obs.wall_ms - (clock_wall_ms() - n->rtt_ms / 2);
    if (reply->obs.seq > n->last_seq)
        n->last_seq = reply->obs.seq;
}

void world_take_evidence(struct world *w, int witness, const struct reply *reply)
{
    if (reply->obs.n_evidence == 0)
        return;
    w->evidence.seen[witness] = reply->obs.evidence[0];
    w->evidence.from |= 1U << witness;
}

void world_evidence_request(const struct config_node *target, struct request *q)
{
    q->verb = VERB_EVIDENCE;
    STR_COPY(q->upstream.node, target->name);
    STR_COPY(q->upstream.address, target->address);
    STR_COPY(q->upstream.host, target->target);
    q->upstream.port = target->port;
    STR_COPY(q->target_agent, target->agent);
}

/* ---- the record ------------------------------------------------------------------------------ */

int world_owner_as_known(const struct config *c, const struct world *w)
{
    struct record newest = {.epoch = 0}, r;

    if (w->d.status == DNS_VIEW_OK)
        return w->d.record_valid ? config_node_index(c, w->d.record.owner) : -1;
    for (size_t i = 0; i < w->n_nodes; i++)
        if (register_parse(w->nodes[i].obs.seen, &r, NULL) == 0 && r.epoch > newest.epoch)
            newest = r;
    return newest.epoch ? config_node_index(c, newest.owner) : -1;
}

bool world_owner_is_silent(const struct cluster *cl, const struct world *w)
{
    int owner = world_owner_as_known(&cl->config, w);

    return owner >= 0 && !w->nodes[owner].answered;
}

bool world_record_is_behind(const struct world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++)
        if (w->d.status == DNS_VIEW_OK && w->d.record_valid && w->nodes[i].answered &&
            w->nodes[i].obs.epoch > w->d.record.epoch)
            return true;
    return false;
}

bool world_record_elsewhere(const struct world *w, struct record *ret)
{
    int64_t epoch = 0;

    for (size_t i = 0; w->d.status == DNS_VIEW_SILENT && w->survey_done && i < w->survey.n; i++)
        if (w->survey.ns[i].record_valid && w->survey.ns[i].record.epoch > epoch) {
            *ret = w->survey.ns[i].record;
            epoch = ret->epoch;
        }
    return epoch > 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_looked(void *arg, struct world *w)
{
    bool *done = arg;

    (void)w;
    *done = true;
}

static void look(struct cluster *cl, struct world *w, unsigned what, uint32_t nodes)
{
    bool done = false;

    cluster_look(cl, w, what, nodes, 0, on_looked, &done);
    loop_wait(cl->loop, &done, -1, NULL); /* each part has a time of its own, so this ends */
}

void world_observe(struct cluster *cl, struct world *w, unsigned what)
{
    look(cl, w, what, UINT32_MAX);
}

void world_observe_nodes(struct cluster *cl, struct world *w, uint32_t nodes)
{
    look(cl, w, OBSERVE_AGENTS, nodes);
}

void world_observe_node(struct cluster *cl, struct world *w, int node)
{
    world_observe_nodes(cl, w, 1U << node);
}
