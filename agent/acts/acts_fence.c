/*
 * FENCE and UNFENCE.
 *
 *     FENCE:   look, persist the mark, cron off, standby.signal, stop, observe, persist the LSN
 *     UNFENCE: look, admit, read D, remove the signal, start, observe writable, clear the mark
 *
 * A crash between any two leaves the mark set: the guard (row 2) then keeps PostgreSQL down, or
 * PostgreSQL comes up as a standby automatically.
 */
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "proto/senders.h"

/* ---- FENCE ----------------------------------------------------------------------------------- */

void act_fence_sign(const struct act *a, struct agent_state *next)
{
    /* a FENCE that goes on with an earlier one: the stop was asked for then */
    if (!next->fence_wall_ms || !a->s.fenced || a->s.fence_standby_only || a->f.role == PG_WRITABLE)
        next->fence_wall_ms = clock_wall_ms();
    STR_COPY(next->fence_by, a->q->by);
    STR_COPY(next->fence_reason, a->q->reason);
}

/* The last look before no node can write: is there a node to take over? */
static bool target_is_attached(struct act *a)
{
    const struct upstream *to = &a->q->upstream;
    uint32_t senders = senders_of(&a->pg, to->node, to->address);
    struct err e;

    if (!to->node[0])
        return true;
    if (a->f.role == PG_UNKNOWN && !a->f.orphans && !a->s.fenced) { /* up, and too busy to say */
        err_set(&e, ERR_TIMEOUT, "run the command again when the load is lower",
                "PostgreSQL here did not respond in time, so it is not known whether %s is "
                "attached; nothing was stopped",
                to->node);
        act_fail(a, &e);
        return false;
    }
    if (a->f.role != PG_WRITABLE)
        return true;
    for (size_t i = 0; i < OBS_SENDERS_MAX; i++)
        if ((senders & (1U << i)) && strcmp(a->pg.senders[i].state, "streaming") == 0)
            return true;
    err_set(&e, ERR_REFUSED, "PostgreSQL's log on both nodes says why the connection ended.",
            "%s is not attached: %s; nothing was stopped", to->node,
            senders ? "its walsender here does not stream" : "there is no walsender for it here");
    act_fail(a, &e);
    return false;
}

static void fence_intent(struct act *a)
{
    struct agent_state admitted, next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &admitted);

    if (r == RULE_OBEY)
        r = rules_fence(&admitted, &a->f, &next);
    if (r != RULE_OBEY) {
        act_refuse(a, r);
        return;
    }
    if (!target_is_attached(a))
        return;
    act_fence_sign(a, &next);
    act_obey(a, RULE_OBEY, &next);
}

/* In an emergency (seize, watch, guard) a crontab that cannot be edited must not keep the database
 * writable: the failure is reported. In the planned case it ends the fence before anything has
 * stopped. */
static void on_cron(void *arg, const struct err *e)
{
    struct act *a = arg;

    if (e && !act_is_emergency(a)) {
        act_fail(a, e);
        return;
    }
    if (e) {
        log_err(LOG_LEVEL_ERROR, e);
        buf_printf(&a->text, "cron could not be turned off: %s. ", e->msg);
    }
    act_next(a);
}

void act_fence_cron(struct act *a)
{
    cron_off(a->agent->cron, NULL, on_cron, a);
}

/* The stop ended well, but not for the move: the fence is observed and recorded all the same. */
static void on_stopped(void *arg, const struct err *e)
{
    struct act *a = arg;

    if (e && e->code == ERR_UNREACHABLE) {
        a->target_lost = *e;
        act_next(a);
    } else if (e &&
               !a->rpc) { /* watch, hold: the jobs go off all the same; what is seen then fails */
        log_err(LOG_LEVEL_ERROR, e);
        act_next(a);
    } else {
        act_done(a, e);
    }
}

void act_fence_stop(struct act *a)
{
    const struct upstream *target = a->q->upstream.node[0] ? &a->q->upstream : NULL;

    if (a->q->immediate)
        postgres_stop(a->agent->pg, true, act_left_ms(a), act_done, a);
    else
        postgres_stop_for(a->agent->pg, &a->pg, target, act_is_emergency(a), act_left_ms(a),
                          on_stopped, a);
}

void act_fence_observe(struct act *a)
{
    struct agent_state next;
    struct err e;

    postgres_look_files(&a->agent->config->postgresql, &a->pg);
    /* a promotion that was under way removes it, also after we made it */
    if (!a->pg.standby_signal && a->pg.role == PG_STOPPED)
        a->pg.standby_signal = postgres_signal_create(&a->agent->config->postgresql,
                                                      "# pgtandem: fenced\n", NULL) == 0;
    a->f = rules_facts(&a->pg);
    if (!rules_fence_observed(&a->s, &a->f, a->q->immediate)) {
        err_set(&e, ERR_INCOMPLETE, "the fence's mark is set; run the command again",
                "fenced, but not as it should be: PostgreSQL is %s, pg_control says \"%s\", "
                "standby.signal is %s%s%s",
                pg_role_names[a->pg.role], pg_control_state_names[a->pg.control_state],
                a->pg.standby_signal ? "there" : "missing", a->pg.problem[0] ? ": " : "",
                a->pg.problem);
        act_fail(a, &e);
        return;
    }
    rules_fence_done(&a->s, &a->f, &next);
    bool promoted =
        next.fence_tli != a->s.fence_tli || next.fence_was_primary != a->s.fence_was_primary;
    next.fence_lsn = a->pg.control_state == CONTROL_SHUTDOWNED ? a->pg.control_checkpoint : 0;
    if (a->target_lost.code) {
        if (act_save(a, &next))
            act_fail(a, &a->target_lost);
        return;
    }
    /* Writing has stopped and everybody waits. Without the LSN nothing can be verified, and the
     * next FENCE finds it out again. */
    if (a->rpc && !promoted) {
        act_save_late(a, &next);
        act_next(a);
    } else if (act_save(a, &next)) {
        act_next(a);
    }
}

static const act_phase_fn fence_phases[] = {
    act_look,       fence_intent, act_fence_cron,    act_signal,
    act_fence_stop, act_disarm,   act_fence_observe, NULL,
};
const struct act_kind act_fence = {.name = "fence", .phases = fence_phases};

/* ---- UNFENCE --------------------------------------------------------------------------------- */

static void unfence_permitted(struct act *a)
{
    enum rule r = rules_unfence_permitted(&a->s, a->agent->config->agent.node, a->q->nonce, &a->d);

    if (r == RULE_NOT_FENCED && a->f.role == PG_WRITABLE)
        act_finish(a); /* done by an earlier try */
    else if (r != RULE_OBEY)
        act_refuse(a, r);
    else
        act_next(a);
}

/* A server that runs (or ran last) as a standby, by pg_control. */
static bool is_in_recovery(const struct obs_pg *pg)
{
    return pg->control_state == CONTROL_IN_ARCHIVE_RECOVERY ||
           pg->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY;
}

/* Not started, or still the standby that it was: the signal goes back, so that whoever starts it
 * later gets a standby. A primary that is still in crash recovery goes on: that was permitted. */
static void on_primary_started(void *arg, const struct err *e)
{
    struct act *a = arg;

    postgres_look_files(&a->agent->config->postgresql, &a->pg);
    if (e && (a->pg.role == PG_STOPPED || is_in_recovery(&a->pg)))
        postgres_signal_create(&a->agent->config->postgresql,
                               "# pgtandem: fenced; the last start failed\n", NULL);
    act_done(a, e);
}

void act_start_primary(struct act *a)
{
    bool standby = a->pg.standby_signal || is_in_recovery(&a->pg);
    struct err e;

    if (!act_set_aside(a)) /* as long as standby.signal hides it */
        return;
    if (postgres_signal_remove(&a->agent->config->postgresql, &e) < 0) {
        act_fail(a, &e);
        return;
    }
    switch ((enum pg_role)a->f.role) {
    case PG_WRITABLE:
        act_next(a);
        break;
    case PG_STOPPED:
        act_start_then(a, on_primary_started);
        break;
    case PG_STARTING: /* as a primary, by an earlier try: a restart would repeat its recovery */
        if (standby)
            act_restart_then(a, on_primary_started);
        else
            act_start_then(a, on_primary_started);
        break;
    case PG_UNKNOWN:
    case PG_RECOVERY:
        act_restart_then(a, on_primary_started);
        break;
    }
}

void act_unfence_done(struct act *a)
{
    struct agent_state next;
    struct err e;

    if (a->f.role != PG_WRITABLE) {
        err_set(&e, ERR_INCOMPLETE, "PostgreSQL's log on this node says why",
                "PostgreSQL was started and is %s, not writable", pg_role_names[a->f.role]);
        act_fail(a, &e);
        return;
    }
    enum rule r = rules_unfence_done(&a->s, &next);
    act_obey(a, r, &next);
}

static const act_phase_fn unfence_phases[] = {
    act_look,          act_admit,
    act_read_d,        unfence_permitted,
    act_start_primary, act_look_after_start,
    act_unfence_done,  NULL,
};
const struct act_kind act_unfence = {.name = "unfence", .phases = unfence_phases};
