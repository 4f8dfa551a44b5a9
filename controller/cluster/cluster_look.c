#include "controller/cluster/cluster_look.h"

#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/name_servers.h"
#include "controller/cluster/observe.h"

enum {
    READ_TIMEOUT_MS = 3000, /* `status` answers within 5 s, whatever is dead */
    SURVEY_TIMEOUT_MS = 3500,
};

/* What is asked of one agent. A peer takes one request after the other, so what a witness sees
 * comes after how it is itself. */
struct agent_ask {
    struct cluster_look *look;
    struct rpc_call *call; /* NULL: it has answered */
    int node;
    bool evidence, over;
};

struct cluster_look {
    struct cluster *cl;
    struct world *w;
    unsigned what;
    uint32_t nodes;
    int64_t within_ms; /* 0: no limit of the caller's */
    cluster_look_fn fn;
    void *arg;
    size_t open;     /* parts that have not answered; one more while parts are being begun */
    bool again;      /* the record is being read once more */
    bool key_wanted; /* the update key is tried once the register has been read */
    struct dns_op *read, *survey, *key;
    struct agent_ask asks[2 * CLUSTER_NODES_MAX];
    size_t n_asks;
    int64_t sent_ms;
    struct timer *end;
};

static int64_t within(const struct cluster_look *l, int64_t usual_ms)
{
    return l->within_ms > 0 && l->within_ms < usual_ms ? l->within_ms : usual_ms;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void read_register(struct cluster_look *l);

static void end(void *arg)
{
    struct cluster_look *l = arg;
    cluster_look_fn fn = l->fn;
    struct world *w = l->w;

    arg = l->arg;
    timer_free(l->end);
    mem_free(l);
    fn(arg, w);
}

/* One part has answered. The last ends the look from a timer, so that whoever began it is never
 * called back while beginning it, nor an answer's caller left with a look that is gone. */
static void close_part(struct cluster_look *l)
{
    if (--l->open > 0)
        return;
    if ((l->what & OBSERVE_DNS) && !l->again && world_record_is_behind(l->w)) {
        l->again = true;
        read_register(l);
        return;
    }
    l->end = timer_start(l->cl->loop, 0, end, l);
}

/* ---- agents ---------------------------------------------------------------------------------- */

static void on_agent(void *arg, const struct reply *reply, const struct err *e)
{
    struct agent_ask *ask = arg;
    struct cluster_look *l = ask->look;
    struct world_node *n = &l->w->nodes[ask->node];
    int64_t rtt_ms = n->rtt_ms, skew_ms = n->skew_ms;

    ask->call = NULL;
    ask->over = true;
    if (!reply && ask->evidence && (l->what & OBSERVE_AGENTS)) {
        /* it waited behind the node's own look, which says whether the node answers */
    } else if (!reply) {
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
    close_part(l);
}

static void ask_agent(struct cluster_look *l, int node, const struct request *q, int64_t timeout_ms)
{
    struct agent_ask *ask = &l->asks[l->n_asks++];

    *ask = (struct agent_ask){.look = l, .node = node, .evidence = q->verb == VERB_EVIDENCE};
    l->open++;
    struct rpc_call *call = rpc_call(l->cl->peers[node], q, within(l, timeout_ms), on_agent, ask);
    ask->call = ask->over ? NULL : call; /* it may have failed at once */
}

static void ask_agents(struct cluster_look *l)
{
    struct request q = {.verb = VERB_OBSERVE};

    q.timeout_ms = within(l, l->cl->config.limits.agent_timeout_ms);
    STR_COPY(q.by, l->cl->by);
    l->sent_ms = clock_mono_ms();
    for (size_t i = 0; i < l->w->n_nodes; i++)
        if (l->nodes & (1U << i))
            ask_agent(l, (int)i, &q, q.timeout_ms);
}

static void ask_witnesses(struct cluster_look *l)
{
    const struct config *c = &l->cl->config;
    struct request q = {.timeout_ms = within(l, EVIDENCE_TIMEOUT_MS)};
    struct world *w = l->w;
    int owner = world_owner_as_known(c, w);

    if (owner < 0)
        return;
    world_evidence_request(&c->nodes[owner], &q);
    STR_COPY(q.by, l->cl->by);
    w->evidence.about = owner;
    w->evidence.began_ms = clock_mono_ms();
    w->evidence.from = 0;
    for (int i = 0; i < (int)c->n_nodes; i++)
        if (i != owner)
            ask_agent(l, i, &q, EVIDENCE_TIMEOUT_MS + c->limits.agent_timeout_ms);
}

/* ---- DNS ------------------------------------------------------------------------------------- */

static void take_key(void *arg, const struct err *e)
{
    struct cluster_look *l = arg;

    l->key = NULL;
    l->w->key_error = e ? *e : (struct err){.code = 0};
    dns_words_name_key(l->cl, &l->w->key_error);
    l->w->key_tried = true;
    close_part(l);
}

static void take_rehearsal(void *arg, int rcode, const struct err *e)
{
    struct cluster_look *l = arg;

    l->w->key_proven = rcode == 0;
    take_key(l, e);
}

/* What a move will write, as it is now; before there is a record, only: may the key update at
 * all? */
static void try_key(struct cluster_look *l)
{
    const struct dns_view *now = &l->w->d;
    struct cluster *cl = l->cl;
    int64_t ms = within(l, READ_TIMEOUT_MS);

    l->open++;
    l->w->key_proven = false;
    if (now->status == DNS_VIEW_OK && now->cname_present && now->n_txt == 1 && now->txt[0])
        l->key = dns_rehearse(cl->loop, &cl->zone, now, ms, take_rehearsal, l);
    else
        l->key = dns_probe_update(cl->loop, &cl->zone, ms, take_key, l);
}

static void take_view(void *arg, const struct dns_view *view, const struct err *e)
{
    struct cluster_look *l = arg;

    l->read = NULL;
    l->w->d = *view;
    l->w->d_error = e ? *e : (struct err){.code = 0};
    dns_words_name_key(l->cl, &l->w->d_error);
    if (l->key_wanted && !l->again)
        try_key(l);
    if ((l->what & OBSERVE_EVIDENCE) && !l->again)
        ask_witnesses(l);
    close_part(l);
}

static void read_register(struct cluster_look *l)
{
    l->open++;
    l->read = dns_read(l->cl->loop, &l->cl->zone, NULL,
                       DNS_READ_REGISTER | DNS_READ_ALIAS | DNS_READ_SERIAL |
                           (l->what & OBSERVE_KEY ? DNS_READ_DNSSEC : 0),
                       within(l, READ_TIMEOUT_MS), take_view, l);
}

static void take_survey(void *arg, const struct dns_survey *survey, const struct err *e)
{
    struct cluster_look *l = arg;

    (void)e; /* each NS has its own status; the primary's error comes with the read */
    l->survey = NULL;
    if (survey)
        l->w->survey = *survey;
    else
        l->w->survey.n = 0;
    l->w->survey_done = survey != NULL;
    if (survey)
        name_servers_keep(l->cl->config.journal.directory, &l->cl->zone, &l->w->survey);
    close_part(l);
}

/* ---- all ------------------------------------------------------------------------------------- */

struct cluster_look *cluster_look(struct cluster *c, struct world *w, unsigned what, uint32_t nodes,
                                  int64_t within_ms, cluster_look_fn done, void *arg)
{
    struct cluster_look *l = mem_alloc(sizeof(*l));

    *l = (struct cluster_look){.cl = c,
                               .w = w,
                               .what = what,
                               .nodes = nodes,
                               .within_ms = within_ms,
                               .fn = done,
                               .arg = arg,
                               .open = 1,
                               .key_wanted = (what & OBSERVE_KEY) && (what & OBSERVE_DNS)};
    w->n_nodes = c->config.n_nodes;
    w->certificate_known = c->tls != NULL;
    w->certificate_days = c->tls ? tls_context_days_left(c->tls, clock_wall_ms()) : 0;
    if (what & OBSERVE_DNS)
        read_register(l);
    if (what & OBSERVE_SURVEY) {
        l->open++;
        l->survey = dns_survey(c->loop, &c->zone, within(l, SURVEY_TIMEOUT_MS), take_survey, l);
    }
    if ((what & OBSERVE_KEY) && !l->key_wanted)
        try_key(l);
    if (what & OBSERVE_AGENTS)
        ask_agents(l);
    if ((what & OBSERVE_EVIDENCE) && !(what & OBSERVE_DNS))
        ask_witnesses(l);
    close_part(l);
    return l;
}

void cluster_look_cancel(struct cluster_look *l)
{
    if (!l)
        return;
    dns_op_cancel(l->read);
    dns_op_cancel(l->survey);
    dns_op_cancel(l->key);
    for (size_t i = 0; i < l->n_asks; i++)
        rpc_call_cancel(l->asks[i].call);
    timer_free(l->end);
    mem_free(l);
}
