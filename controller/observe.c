#include "controller/observe.h"

#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/session.h"

enum {
    READ_TIMEOUT_MS = 3000, /* `status` answers within 5 s, whatever is dead */
    SURVEY_TIMEOUT_MS = 3500,
};

/* ---- DNS ------------------------------------------------------------------------------------- */

struct dns_look {
    struct session *s;
    struct world *w;
    bool read_done, survey_done, key_done;
    bool key_wanted; /* once the register has been read */
    struct dns_op *key;
};

static void take_key(void *arg, const struct err *e)
{
    struct dns_look *look = arg;

    look->key = NULL;
    look->w->key_error = e ? *e : (struct err){.code = 0};
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
    struct session *s = look->s;

    look->w->key_proven = false;
    if (now->status == DNS_VIEW_OK && now->cname_present && now->n_txt == 1 && now->txt[0])
        look->key = dns_rehearse(s->loop, &s->zone, now, READ_TIMEOUT_MS, take_rehearsal, look);
    else
        look->key = dns_probe_update(s->loop, &s->zone, READ_TIMEOUT_MS, take_key, look);
}

static void take_view(void *arg, const struct dns_view *view, const struct err *e)
{
    struct dns_look *look = arg;

    look->w->d = *view;
    look->w->d_error = e ? *e : (struct err){.code = 0};
    look->read_done = true;
    if (look->key_wanted)
        try_key(look);
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
    n->rtt_ms = n->looked_ms - sent_mono_ms;
    n->skew_ms = reply->obs.wall_ms - (clock_wall_ms() - n->rtt_ms / 2);
    if (reply->obs.seq > n->last_seq)
        n->last_seq = reply->obs.seq;
}

static void observe_agents(struct session *s, struct world *w, const bool *wanted)
{
    AUTO(arena) a = arena_new();
    struct request look = {.verb = VERB_OBSERVE};
    const struct request *q[CLUSTER_NODES_MAX];
    struct rpc_peer *peers[CLUSTER_NODES_MAX];
    struct rpc_result *results = arena_alloc(a, CLUSTER_NODES_MAX * sizeof(*results));
    int64_t timeout_ms = s->config.limits.agent_timeout_ms, sent = clock_mono_ms();

    look.timeout_ms = timeout_ms;
    STR_COPY(look.by, s->by);
    for (size_t i = 0; i < w->n_nodes; i++) {
        q[i] = &look;
        peers[i] = wanted[i] ? s->peers[i] : NULL;
    }
    rpc_fanout(s->loop, peers, q, w->n_nodes, timeout_ms, a, results);
    for (size_t i = 0; i < w->n_nodes; i++) {
        if (!peers[i])
            continue;
        w->nodes[i].answered = false;
        w->nodes[i].error = results[i].e;
        /* a refusal carries an observation too, unless the peer is no agent at all */
        if (results[i].reply && *results[i].reply->obs.node) {
            world_take_reply(w, (int)i, results[i].reply, sent);
            w->nodes[i].rtt_ms = results[i].elapsed_ms;
        }
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

void world_observe(struct session *s, struct world *w, unsigned what)
{
    struct dns_look look = {
        .s = s, .w = w, .key_wanted = (what & OBSERVE_KEY) && (what & OBSERVE_DNS)};
    struct dns_op *read = NULL, *survey = NULL;
    bool wanted[CLUSTER_NODES_MAX];

    w->n_nodes = s->config.n_nodes;
    w->certificate_known = s->tls != NULL;
    w->certificate_days = s->tls ? tls_context_days_left(s->tls, clock_wall_ms()) : 0;
    memset(wanted, true, sizeof(wanted));
    if (what & OBSERVE_DNS)
        read =
            dns_read(s->loop, &s->zone, NULL, DNS_READ_REGISTER | DNS_READ_ALIAS | DNS_READ_SERIAL,
                     READ_TIMEOUT_MS, take_view, &look);
    if (what & OBSERVE_SURVEY)
        survey = dns_survey(s->loop, &s->zone, SURVEY_TIMEOUT_MS, take_survey, &look);
    if ((what & OBSERVE_KEY) && !look.key_wanted)
        try_key(&look);
    if (what & OBSERVE_AGENTS)
        observe_agents(s, w, wanted);
    if (read && loop_wait(s->loop, &look.read_done, READ_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(read);
    if (survey && loop_wait(s->loop, &look.survey_done, SURVEY_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(survey);
    if (look.key && loop_wait(s->loop, &look.key_done, READ_TIMEOUT_MS + 500, NULL) < 0)
        dns_op_cancel(look.key);
}

void world_observe_node(struct session *s, struct world *w, int node)
{
    bool wanted[CLUSTER_NODES_MAX] = {false};

    w->n_nodes = s->config.n_nodes;
    wanted[node] = true;
    observe_agents(s, w, wanted);
}
