#include "controller/cluster/observe.h"

#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/name_servers.h"

enum {
    READ_TIMEOUT_MS = 3000, /* `status` answers within 5 s, whatever is dead */
    SURVEY_TIMEOUT_MS = 3500,
};

/* ---- DNS ------------------------------------------------------------------------------------- */

struct dns_look {
    struct cluster *cl;
    struct world *w;
    struct agents_look *agents; /* whom to ask for evidence once the owner is known; or NULL */
    bool read_done, survey_done, key_done;
    bool key_wanted; /* once the register has been read */
    struct dns_op *key;
};

static void ask_witnesses(struct agents_look *l);

static void take_key(void *arg, const struct err *e)
{
    struct dns_look *look = arg;

    look->key = NULL;
    look->w->key_error = e ? *e : (struct err){.code = 0};
    dns_words_name_key(look->cl, &look->w->key_error);
    look->w->key_tried = true;
    look->key_done = true;
}

static void take_rehearsal(void *arg, int rcode, const struct err *e)
{
    struct dns_look *look = arg;

    look->w->key_proven = rcode == 0;
    take_key(arg, e);
}

/* What a move will write, as it is now; before there is a record, only: may the key update at
 * all? */
static void try_key(struct dns_look *look)
{
    const struct dns_view *now = &look->w->d;
    struct cluster *cl = look->cl;

    look->w->key_proven = false;
    if (now->status == DNS_VIEW_OK && now->cname_present && now->n_txt == 1 && now->txt[0])
        look->key = dns_rehearse(cl->loop, &cl->zone, now, READ_TIMEOUT_MS, take_rehearsal, look);
    else
        look->key = dns_probe_update(cl->loop, &cl->zone, READ_TIMEOUT_MS, take_key, look);
}

static void take_view(void *arg, const struct dns_view *view, const struct err *e)
{
    struct dns_look *look = arg;

    look->w->d = *view;
    look->w->d_error = e ? *e : (struct err){.code = 0};
    dns_words_name_key(look->cl, &look->w->d_error);
    look->read_done = true;
    if (look->key_wanted)
        try_key(look);
    if (look->agents)
        ask_witnesses(look->agents);
}

static void take_survey(void *arg, const struct dns_survey *survey, const struct err *e)
{
    struct dns_look *look = arg;

    (void)e; /* each NS has its own status; the primary's error comes with the read */
    if (survey)
        look->w->survey = *survey;
    else
        look->w->survey.n = 0;
    look->w->survey_done = survey != NULL;
    look->survey_done = true;
}

/* ---- agents ---------------------------------------------------------------------------------- */

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

/* All that is asked of agents in one look. A peer takes one request after the other, so what a
 * witness sees comes after how it is itself. */
struct agent_ask {
    struct agents_look *look;
    int node;
    bool evidence;
};

struct agents_look {
    struct cluster *cl;
    struct world *w;
    struct agent_ask asks[2 * CLUSTER_NODES_MAX];
    size_t n_asks, open;
    bool done;
    int64_t sent_ms;
};

static void on_agent(void *arg, const struct reply *reply, const struct err *e)
{
    struct agent_ask *ask = arg;
    struct agents_look *l = ask->look;
    struct world_node *n = &l->w->nodes[ask->node];
    int64_t rtt_ms = n->rtt_ms, skew_ms = n->skew_ms;

    if (!reply) {
        n->answered = false;
        n->unanswered++;
        n->error = *e;
    } else if (*reply->obs.node) {
        /* a refusal carries an observation too, unless the peer is no agent at all */
        world_take_reply(l->w, ask->node, reply, l->sent_ms);
    }
    if (ask->evidence && reply) {
        world_take_evidence(l->w, ask->node, reply);
        n->rtt_ms = rtt_ms; /* this one was slow because of another */
        n->skew_ms = skew_ms;
    }
    l->done = --l->open == 0;
}

static void ask_agent(struct agents_look *l, int node, const struct request *q, int64_t timeout_ms)
{
    struct agent_ask *ask = &l->asks[l->n_asks++];

    *ask = (struct agent_ask){.look = l, .node = node, .evidence = q->verb == VERB_EVIDENCE};
    l->open++;
    l->done = false;
    rpc_call(l->cl->peers[node], q, timeout_ms, on_agent, ask);
}

/* By the record; while DNS does not respond, by the newest one that an agent has seen. */
static int owner_as_known(const struct config *c, const struct world *w)
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
    int owner = owner_as_known(&cl->config, w);

    return owner >= 0 && !w->nodes[owner].answered;
}

static void ask_witnesses(struct agents_look *l)
{
    const struct config *c = &l->cl->config;
    struct world *w = l->w;
    struct request q = {.timeout_ms = EVIDENCE_TIMEOUT_MS};
    int owner = owner_as_known(c, w);

    if (owner < 0)
        return;
    world_evidence_request(&c->nodes[owner], &q);
    STR_COPY(q.by, l->cl->by);
    w->evidence.about = owner;
    w->evidence.began_ms = clock_mono_ms();
    w->evidence.from = 0;
    for (int i = 0; i < (int)c->n_nodes; i++)
        if (i != owner)
            ask_agent(l, i, &q, EVIDENCE_TIMEOUT_MS + l->cl->config.limits.agent_timeout_ms);
}

static void begin_agents(struct agents_look *l, const bool *wanted)
{
    struct request look = {.verb = VERB_OBSERVE};

    look.timeout_ms = l->cl->config.limits.agent_timeout_ms;
    STR_COPY(look.by, l->cl->by);
    l->sent_ms = clock_mono_ms();
    l->done = true;
    for (size_t i = 0; i < l->w->n_nodes; i++)
        if (wanted[i])
            ask_agent(l, (int)i, &look, look.timeout_ms);
}

/* ---- all ------------------------------------------------------------------------------------- */

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

static void look_once(struct cluster *cl, struct world *w, unsigned what)
{
    struct agents_look *agents = mem_alloc(sizeof(*agents));
    struct dns_look look = {.cl = cl,
                            .w = w,
                            .agents = what & OBSERVE_EVIDENCE ? agents : NULL,
                            .key_wanted = (what & OBSERVE_KEY) && (what & OBSERVE_DNS)};
    struct dns_op *read = NULL, *survey = NULL;
    bool wanted[CLUSTER_NODES_MAX];

    w->n_nodes = cl->config.n_nodes;
    w->certificate_known = cl->tls != NULL;
    w->certificate_days = cl->tls ? tls_context_days_left(cl->tls, clock_wall_ms()) : 0;
    *agents = (struct agents_look){.cl = cl, .w = w, .done = true};
    memset(wanted, true, sizeof(wanted));
    if (what & OBSERVE_DNS)
        read = dns_read(cl->loop, &cl->zone, NULL,
                        DNS_READ_REGISTER | DNS_READ_ALIAS | DNS_READ_SERIAL |
                            (what & OBSERVE_KEY ? DNS_READ_DNSSEC : 0),
                        READ_TIMEOUT_MS, take_view, &look);
    if (what & OBSERVE_SURVEY)
        survey = dns_survey(cl->loop, &cl->zone, SURVEY_TIMEOUT_MS, take_survey, &look);
    if ((what & OBSERVE_KEY) && !look.key_wanted)
        try_key(&look);
    if (what & OBSERVE_AGENTS)
        begin_agents(agents, wanted);
    if ((what & OBSERVE_EVIDENCE) && !(what & OBSERVE_DNS))
        ask_witnesses(agents);
    if (read && loop_wait(cl->loop, &look.read_done, READ_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(read);
    if (survey && loop_wait(cl->loop, &look.survey_done, SURVEY_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(survey);
    if (survey && w->survey_done)
        name_servers_keep(cl->config.journal.directory, &cl->zone, &w->survey);
    if (look.key && loop_wait(cl->loop, &look.key_done, READ_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(look.key);
    /* each call has its own deadline, so this ends */
    loop_wait(cl->loop, &agents->done, -1, NULL);
    mem_free(agents);
}

void world_observe(struct cluster *cl, struct world *w, unsigned what)
{
    look_once(cl, w, what);
    if ((what & OBSERVE_DNS) && world_record_is_behind(w))
        look_once(cl, w, OBSERVE_DNS);
}

void world_observe_nodes(struct cluster *cl, struct world *w, uint32_t nodes)
{
    bool wanted[CLUSTER_NODES_MAX];
    struct agents_look agents = {.cl = cl, .w = w};

    w->n_nodes = cl->config.n_nodes;
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        wanted[i] = nodes & (1U << i);
    begin_agents(&agents, wanted);
    loop_wait(cl->loop, &agents.done, -1, NULL);
}

void world_observe_node(struct cluster *cl, struct world *w, int node)
{
    world_observe_nodes(cl, w, 1U << node);
}
