/*
 * The table of verbs. Controllers command; other agents may only look (guard and rejoin do). What
 * changes something waits for its turn (agent/acts/act.h); what only looks is answered at once.
 */
#include "agent/server.h"
#include "agent/node/answer.h"

#include <jansson.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "agent/jobs/canary.h"
#include "agent/jobs/job.h"
#include "agent/look/evidence.h"
#include "agent/look/inspect.h"
#include "agent/look/observe.h"
#include "agent/look/rehearse.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    OBSERVE_MS = 800,
    CRON_FRESH_MS = 1000, /* how often looks may call crontab(1) */
};

/* One answered look, or one answer without an observation of PostgreSQL. */
struct asked {
    struct agent *agent;
    struct rpc_request *r;
    struct err e;
    char *text;
};

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct asked *k = arg;
    struct reply *reply = answer_new(obs, &k->e);

    reply->text = k->text;
    answer_send(k->r, reply);
    mem_free(k->text);
    mem_free(k);
}

static struct asked *asked_new(struct agent *g, struct rpc_request *r)
{
    struct asked *k = mem_alloc(sizeof(*k));

    k->agent = g;
    k->r = r;
    return k;
}

static void observe(struct agent *g, struct rpc_request *r)
{
    int64_t ms = OBSERVE_MS;
    int64_t now_ms = clock_mono_ms();
    bool fresh = now_ms - g->cron_fresh_mono_ms > CRON_FRESH_MS;

    if (r->q.timeout_ms > 0 && r->q.timeout_ms * 3 / 4 < ms)
        ms = r->q.timeout_ms * 3 / 4;
    if (fresh)
        g->cron_fresh_mono_ms = now_ms;
    observe_node(g, ms, fresh, on_observed, asked_new(g, r));
}

static void refuse_with(struct agent *g, struct rpc_request *r, const struct err *e)
{
    struct asked *k = asked_new(g, r);

    k->e = *e;
    observe_node(g, AGENT_LOOK_MS, false, on_observed, k);
}

static void refuse(struct agent *g, struct rpc_request *r, int code, const char *hint,
                   const char *msg)
{
    struct err e;

    err_set(&e, code, hint, "%s", msg);
    refuse_with(g, r, &e);
}

static void on_crontab(void *arg, const char *text, const struct err *e)
{
    struct asked *k = arg;

    json_t *json = e ? NULL : json_string(text);

    if (e)
        k->e = *e;
    else if (!json) /* what is shown is what sync and adopt write back: not with '?' for letters */
        err_set(&k->e, ERR_INVALID, "convert it: crontab -l | iconv -f latin1 -t utf-8 | crontab -",
                "the crontab is not UTF-8 text");
    else
        k->text = mem_strdup(text);
    json_decref(json);
    observe_node(k->agent, AGENT_LOOK_MS, false, on_observed, k);
}

static int64_t inspect_ms(const struct rpc_request *r)
{
    return r->q.timeout_ms > 0 ? agent_part_ms(r->q.timeout_ms) : INSPECT_MS;
}

static void on_inspected(void *arg, const char *json, const struct err *e)
{
    struct asked *k = arg;

    if (e)
        k->e = *e;
    else
        k->text = mem_strdup(json);
    observe_node(k->agent, AGENT_LOOK_MS, false, on_observed, k);
}

static void tell_evidence(struct agent *g, struct rpc_request *r)
{
    struct err e;

    if (evidence_answer(g, r, &e) < 0)
        refuse_with(g, r, &e);
}

static void show_crontab(struct agent *g, struct rpc_request *r)
{
    cron_read(g->cron, on_crontab, asked_new(g, r));
}

static void inspect(struct agent *g, struct rpc_request *r)
{
    inspect_ask(g, inspect_ms(r), on_inspected, asked_new(g, r));
}

static void ask_canary(struct agent *g, struct rpc_request *r)
{
    job_ask(g, &canary_job, r);
}

/* ---- what each verb is ----------------------------------------------------------------------- */

/* A look is answered beside whatever goes on; an act has its turn. */
static const struct {
    void (*look)(struct agent *g, struct rpc_request *r);
    const struct act_kind *act;
} handlers[VERB_COUNT] = {
    [VERB_OBSERVE] = {.look = observe},           [VERB_EVIDENCE] = {.look = tell_evidence},
    [VERB_CRON_SHOW] = {.look = show_crontab},    [VERB_INSPECT] = {.look = inspect},
    [VERB_REHEARSE] = {.look = rehearse_answer},  [VERB_CANARY] = {.look = ask_canary},
    [VERB_JOB_CANCEL] = {.look = job_cancel},     [VERB_ARM] = {.act = &act_arm},
    [VERB_CRON_OFF] = {.act = &act_cron_off},     [VERB_CRON_ON] = {.act = &act_cron_on},
    [VERB_CHECKPOINT] = {.act = &act_checkpoint}, [VERB_FENCE] = {.act = &act_fence},
    [VERB_UNFENCE] = {.act = &act_unfence},       [VERB_DETACH] = {.act = &act_detach},
    [VERB_PROMOTE] = {.act = &act_promote},       [VERB_REVOKE] = {.act = &act_revoke},
    [VERB_FOLLOW] = {.act = &act_follow},         [VERB_SLOTS] = {.act = &act_slots},
    [VERB_REJOIN] = {.act = &act_rejoin},         [VERB_CRON_WRITE] = {.act = &act_cron_write},
};

static void on_request(void *arg, struct rpc_request *r)
{
    struct agent *g = arg;
    enum verb verb = (enum verb)r->q.verb;
    struct err e;

    if (!verb_open_to(verb, r->from_role)) { /* as the server has said already */
        log_warning("refused: %s %s (%s) asked for %s", peer_role_names[r->from_role], r->from_node,
                    r->from_address, verb_names[verb]);
        refuse(g, r, ERR_REFUSED, "agents obey controllers only", "you are not a controller");
    } else if (g->stopping && verb != VERB_OBSERVE) {
        refuse(g, r, ERR_UNREACHABLE, "try again when it is back", "this agent is being stopped");
    } else if (handlers[verb].look) {
        handlers[verb].look(g, r);
    } else if (agent_may_act(g, verb_names[verb], &e) < 0) {
        log_warning("refused: %s at the command of %s: %s", verb_names[verb], r->q.by, e.msg);
        refuse_with(g, r, &e);
    } else {
        act_request(
            g, verb == VERB_UNFENCE && r->q.by_word ? &act_unfence_by_word : handlers[verb].act, r);
    }
}

static void on_refused_peer(void *arg, const struct err *e, const char *address)
{
    (void)arg;
    log_warning("refused a connection from %s: %s", address, e->msg);
}

int server_start(struct agent *g, struct rpc_server **ret_server, struct err *reterr)
{
    static const struct rpc_limits limits = {0};
    const struct config_agent *c = &g->config->agent;

    return rpc_server_start(g->loop, g->tls, c->cluster, c->node, c->listen, &limits, on_request,
                            on_refused_peer, g, ret_server, reterr);
}
