#include "agent/acts/act.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cron/cron.h"
#include "agent/look/gather.h"
#include "agent/look/observe.h"
#include "agent/node/answer.h"
#include "agent/state/permit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    LOCK_RETRY_MS = 20,
    DEFAULT_TIMEOUT_MS = 60000,
    OWN_TIMEOUT_MS = 120000,
    TEXT_CAP_BYTES = 4096,
    MARGIN_MS = 200, /* before the caller gives up: to look once more and to answer */
};

/* ---- the end of an act ----------------------------------------------------------------------- */
static void start_first(struct agent *g);

static void act_free(struct act *a)
{
    timer_free(a->timer);
    dns_op_cancel(a->d_op);
    gather_cancel(a->gather);
    for (size_t i = 0; i < DNS_NS_MAX; i++)
        dns_op_cancel(a->others[i].op);
    if (a->lock >= 0)
        close(a->lock);
    buf_free(&a->text);
    mem_free(a->data);
    mem_free(a);
}

static void start_next(struct agent *g)
{
    if (g->queue)
        start_first(g);
    else if (g->stopping && g->idle)
        g->idle(g);
}

/* Always the first of the queue. */
static void leave(struct act *a)
{
    struct agent *g = a->agent;

    g->queue = a->next;
    act_free(a);
    start_next(g);
}

static void answer(struct act *a, const struct node_obs *obs)
{
    struct reply *reply = answer_new(obs, &a->seq.e);

    reply->text = a->text.len > 0 ? a->text.data : NULL;
    ran_fill(&a->ran, reply);
    answer_send(a->rpc, reply);
}

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct act *a = arg;

    answer(a, obs);
    leave(a);
}

/* What a->s has and the file has not is in the answer; then it goes to the disk, still under the
 * lock. */
static void on_observed_late(void *arg, const struct node_obs *obs)
{
    struct act *a = arg;
    struct node_obs now = *obs;
    struct err e;

    if (now.state_ok)
        now.fence.shutdown_lsn = a->s.fence_lsn;
    answer(a, &now);
    if (agent_save(a->agent, &a->s, &e) < 0)
        log_err(LOG_LEVEL_ERROR, &e);
    leave(a);
}

static enum log_level level_of(const struct act *a)
{
    return a->kind->quiet ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

/* The agent's own acts are of no transition: the step is theirs, the epoch the durable one. */
void act_log(const struct act *a, enum log_level level, const char *event, const char *fmt, ...)
{
    char text[1600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    log_line(level, "act=%s %s step=%s txn=%s epoch=%" PRId64 " %s", a->kind->name, event,
             a->q->step[0] ? a->q->step : a->kind->name, a->q->txn[0] ? a->q->txn : "-",
             a->q->epoch > 0 ? a->q->epoch : a->s.epoch, text);
}

static void log_end(const struct act *a, const struct err *e)
{
    long long ms = (long long)(clock_mono_ms() - a->started_ms);

    if (!e)
        act_log(a, level_of(a), "done", "ms=%lld%s%s", ms, a->text.len ? ": " : "", a->text.data);
    else
        act_log(a, LOG_LEVEL_WARNING, "refused", "ms=%lld code=%s: %s%s%s", ms, err_name(e->code),
                e->msg, e->hint[0] ? "; " : "", e->hint);
}

/* ---- phases ---------------------------------------------------------------------------------- */
static bool call_phase(void *arg, size_t at)
{
    struct act *a = arg;
    act_phase_fn phase = a->phases[at];

    if (phase)
        phase(a);
    return phase != NULL;
}

static void start_phases(struct act *a, const act_phase_fn *phases, sequence_end_fn end)
{
    a->phases = phases;
    sequence_start(&a->seq, call_phase, end, a);
}

/* ---- tails ----------------------------------------------------------------------------------- */
static void on_tail_observed(void *arg, const struct node_obs *obs)
{
    struct act *a = arg;
    struct act **at = &a->agent->tails;

    answer(a, obs);
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    act_free(a);
}

static void on_tail_end(void *arg, const struct err *e)
{
    struct act *a = arg;

    log_end(a, e);
    observe_node(a->agent, AGENT_LOOK_MS, false, on_tail_observed, a);
}

/* It waits already when the next act starts: that one may make it stale. */
static void begin_tail(struct act *a)
{
    struct agent *g = a->agent;

    g->queue = a->next;
    a->next = g->tails;
    g->tails = a;
    start_phases(a, a->kind->tail, on_tail_end);
    start_next(g);
}

/* Another command has taken over: a caller waiting for an earlier one is refused as stale (A5). */
static void end_stale_tails(struct agent *g, const struct agent_state *s)
{
    for (struct act *a = g->tails, *next; a; a = next) {
        next = a->next;
        if (a->seq.state == SEQUENCE_ENDED || a->q->epoch >= s->epoch)
            continue;
        a->kind->forsake(a);
        a->s = *s;
        act_refuse(a, RULE_STALE);
    }
}

/* ---- the end of a turn ----------------------------------------------------------------------- */
/* The lock goes first: whoever sees the answer may ask for more at once, the guard too. */
static void on_end(void *arg, const struct err *e)
{
    struct act *a = arg;
    bool waits = !e && a->kind->tail;

    if (!waits)
        log_end(a, e);
    if (a->permit)
        permit_withdraw(&a->agent->config->binding);
    a->agent->acting = NULL;
    a->ran = a->agent->ran;
    if (a->late) {
        observe_node(a->agent, AGENT_LOOK_MS, false, on_observed_late, a);
        return;
    }
    if (a->lock >= 0)
        close(a->lock);
    a->lock = -1;
    if (waits) {
        begin_tail(a);
        return;
    }
    if (a->rpc) {
        observe_node(a->agent, AGENT_LOOK_MS, false, on_observed, a);
        return;
    }
    leave(a);
}

/* ---- its beginning --------------------------------------------------------------------------- */
static void fail_before_phases(struct act *a, const struct err *e)
{
    a->seq = (struct sequence){.arg = a, .state = SEQUENCE_ENDED, .e = *e};
    on_end(a, e);
}

/* A job of this node (agent/jobs/job.h, J4) that cannot bear it. */
static int refuse_excluded(const struct act *a, struct err *reterr)
{
    const struct agent *g = a->agent;

    if (!a->rpc || !(g->job_excludes & (UINT32_C(1) << a->q->verb)))
        return 0;
    return err_set(reterr, ERR_REFUSED, "wait for its end, or `pgtandem cancel` it",
                   "the job %s of this node, asked for by %s, excludes %s", g->job_seen.kind,
                   g->job_seen.by, a->kind->name);
}

static void take_lock(void *arg)
{
    struct act *a = arg;
    struct agent *g = a->agent;
    struct err e = {0};

    timer_free(a->timer);
    a->timer = NULL;
    int r = 0;
    if (clock_mono_ms() >= a->deadline_ms)
        r = err_set(&e, ERR_TIMEOUT, "nothing was done; run the command again",
                    "timed out waiting for the guard, which is at work on this node");
    else
        r = state_lock(&g->config->binding, 0, &a->lock, &e);
    if (r == ERR_HELD) { /* the guard is at work: it takes a few seconds at most */
        a->timer = timer_start(g->loop, LOCK_RETRY_MS, take_lock, a);
        return;
    }
    if (r == 0)
        r = agent_state(g, &a->s, &e);
    if (r == 0)
        r = refuse_excluded(a, &e);
    if (r < 0)
        fail_before_phases(a, &e);
    else
        start_phases(a, a->kind->phases, on_end);
}

static void start_first(struct agent *g)
{
    struct act *a = g->queue;

    timer_free(a->timer);
    a->timer = NULL;
    a->started_ms = clock_mono_ms();
    g->acting = a->kind->name;
    g->acting_mono_ms = a->started_ms;
    g->ran.n = 0;
    act_log(a, level_of(a), "begins", "seq=%" PRId64 " by=%s reason=\"%s\"", a->q->seq, a->q->by,
            a->q->reason);
    take_lock(a);
}

/* The caller learns in time that the agent is busy: an answer after its deadline would look as if
 * this node did not respond and were gone. */
static void on_too_late(void *arg)
{
    struct act *a = arg;
    struct agent *g = a->agent;
    struct act **at = &g->queue;
    struct err e;

    timer_free(a->timer);
    a->timer = NULL;
    err_set(&e, ERR_TIMEOUT, "nothing was done; run the command again when that has ended",
            "timed out waiting for another operation on this node: %s has been running for %" PRId64
            " s",
            g->acting ? g->acting : "one", (clock_mono_ms() - g->acting_mono_ms) / 1000);
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    a->next = g->tails;
    g->tails = a;
    a->started_ms = clock_mono_ms();
    a->seq = (struct sequence){.arg = a, .state = SEQUENCE_ENDED, .e = e};
    log_end(a, &e);
    observe_node(g, AGENT_LOOK_MS, false, on_tail_observed, a);
}

static void on_turn(void *arg)
{
    struct act *a = arg;

    timer_free(a->timer);
    a->timer = NULL;
    start_first(a->agent);
}

static struct act *act_new(struct agent *g, const struct act_kind *kind, int64_t timeout_ms)
{
    struct act *a = mem_alloc(sizeof(*a));
    struct act **end = &g->queue;

    a->agent = g;
    a->kind = kind;
    a->lock = -1;
    a->deadline_ms = clock_mono_ms() + timeout_ms;
    buf_init(&a->text, TEXT_CAP_BYTES);
    while (*end)
        end = &(*end)->next;
    *end = a;
    if (g->queue == a) /* from the loop: the caller still fills it in */
        a->timer = timer_start(g->loop, 0, on_turn, a);
    return a;
}

void act_request(struct agent *g, const struct act_kind *kind, struct rpc_request *r)
{
    int64_t timeout_ms = r->q.timeout_ms > 0 ? r->q.timeout_ms : DEFAULT_TIMEOUT_MS;
    int64_t margin_ms = timeout_ms / 4 < MARGIN_MS ? timeout_ms / 4 : MARGIN_MS;
    struct act *a = act_new(g, kind, timeout_ms - margin_ms);

    a->rpc = r;
    a->q = &r->q;
    if (g->queue != a)
        a->timer = timer_start(g->loop, act_left_ms(a), on_too_late, a);
}

struct act *act_own(struct agent *g, const struct act_kind *kind, const char *by,
                    const char *reason)
{
    struct act *a = act_new(g, kind, OWN_TIMEOUT_MS);

    STR_COPY(a->own.by, by);
    STR_COPY(a->own.reason, reason);
    a->q = &a->own;
    return a;
}

static void drop_list(struct act **list)
{
    while (*list) {
        struct act *a = *list;

        *list = a->next;
        act_free(a);
    }
}

void act_drop_all(struct agent *g)
{
    drop_list(&g->queue);
    drop_list(&g->tails);
}

/* ---- for phases ------------------------------------------------------------------------------ */
int64_t act_left_ms(const struct act *a)
{
    int64_t left_ms = a->deadline_ms - clock_mono_ms();

    return left_ms > 1 ? left_ms : 1;
}

bool act_is_emergency(const struct act *a)
{
    return !a->rpc || a->q->immediate;
}

void act_next(struct act *a)
{
    sequence_next(&a->seq);
}

void act_finish(struct act *a)
{
    sequence_finish(&a->seq);
}

void act_fail(struct act *a, const struct err *e)
{
    sequence_fail(&a->seq, e);
}

void act_refuse(struct act *a, enum rule why)
{
    struct err e;

    err_set(&e, err_from_name(rule_code(why)), rule_hint(why), "%s", rule_text(why));
    if (why == RULE_STALE)
        err_prefix(&e, "(%" PRId64 ", %" PRId64 ") after (%" PRId64 ", %" PRId64 ")", a->q->epoch,
                   a->q->seq, a->s.epoch, a->s.seq);
    act_fail(a, &e);
}

void act_done(void *act, const struct err *e)
{
    struct act *a = act;

    sequence_next_or_fail(&a->seq, e);
}

void act_obey(struct act *a, enum rule r, const struct agent_state *next)
{
    if (r != RULE_OBEY)
        act_refuse(a, r);
    else if (!next || act_save(a, next))
        act_next(a);
}

void act_save_late(struct act *a, const struct agent_state *next)
{
    a->s = *next;
    a->late = true;
}

bool act_save(struct act *a, const struct agent_state *next)
{
    struct err e;

    if (agent_save(a->agent, next, &e) < 0) {
        act_fail(a, &e);
        return false;
    }
    a->s = *next;
    end_stale_tails(a->agent, next);
    return true;
}
