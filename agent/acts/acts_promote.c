/*
 * PROMOTE and REVOKE.
 *
 *     PROMOTE: look, persist PROMOTING, read D, promote, mark, look, persist done
 *     REVOKE:  look, persist REVOKED; never PROMOTING: done. Else stop, remove what could still
 *              promote, look: promoted after all -> start as it is, "forward only";
 *              not -> start as a standby, clear PROMOTING
 *
 * The durable PROMOTING is the point of no return: once it is there, only REVOKE proves that the
 * promotion has not happened and never will.
 */
#include <string.h>

#include "agent/acts/acts.h"
#include "base/err.h"
#include "base/log.h"

enum { SYNC_MARK_MS = 2000 };

/* ---- PROMOTE --------------------------------------------------------------------------------- */

static void promote_intent(struct act *a)
{
    struct agent_state admitted, next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &admitted);

    if (r == RULE_OBEY)
        r = rules_promote(&admitted, &a->f, a->q->epoch, a->q->txn, &next);
    act_obey(a, r, &next);
}

static void promote_permitted(struct act *a)
{
    enum rule r = rules_promote_permitted(&a->s, a->agent->config->agent.node, a->q->nonce, &a->d);

    act_obey(a, r, NULL);
}

static void promote_do(struct act *a)
{
    if (a->f.role == PG_WRITABLE) /* an earlier try's answer was lost */
        act_next(a);
    else if (act_set_aside(a)) /* a promotion removes standby.signal alone */
        postgres_promote(a->agent->pg, act_left_ms(a), act_done, a);
}

/* The first commit of the new timeline; its own disk is enough for this one. */
static void promote_mark(struct act *a)
{
    postgres_mark(a->agent->pg, a->q->txn, false, act_left_ms(a), act_done, a);
}

static void on_sync_mark(void *arg, const struct err *e)
{
    struct act *a = arg;

    if (e) /* synchronous standbys may still have to follow: reported, not an error */
        buf_printf(&a->text, "a commit under the default synchronous_commit is not confirmed: %s",
                   e->msg);
    act_next(a);
}

static void promote_mark_sync(struct act *a)
{
    int64_t ms = act_left_ms(a) / 2;

    postgres_mark(a->agent->pg, a->q->txn, true, ms < SYNC_MARK_MS ? ms : SYNC_MARK_MS,
                  on_sync_mark, a);
}

static void promote_done(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_promote_done(&a->s, &a->f, &next);

    act_obey(a, r, &next);
}

static const act_phase_fn promote_phases[] = {
    act_look,     promote_intent,    act_read_d, promote_permitted, promote_do,
    promote_mark, promote_mark_sync, act_look,   promote_done,      NULL,
};
const struct act_kind act_promote = {.name = "promote", .phases = promote_phases};

/* ---- REVOKE ---------------------------------------------------------------------------------- */

static void revoke_intent(struct act *a)
{
    struct agent_state admitted, next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &admitted);

    if (r == RULE_OBEY)
        r = rules_revoke(&admitted, a->q->epoch, &next);
    act_obey(a, r, &next);
}

static void revoke_stop(struct act *a)
{
    switch (rules_revoke_work(&a->s, &a->f)) {
    case REVOKE_NOTHING:
        act_finish(a);
        break;
    case REVOKE_TOO_LATE:
        act_refuse(a, RULE_PROMOTED);
        break;
    case REVOKE_UNDO_PROMOTION:
        postgres_end_children(a->agent->pg); /* the promote signal file too */
        postgres_stop(a->agent->pg, false, act_left_ms(a), act_done, a);
        break;
    }
}

/* PostgreSQL removes standby.signal before it writes the new timeline's history: stopped in
 * between it is not promoted, and would come up writable on the old timeline. */
static void revoke_signal(struct act *a)
{
    struct err e;

    postgres_look_files(&a->agent->config->postgresql, &a->pg);
    a->f = rules_facts(&a->pg);
    postgres_end_children(a->agent->pg);
    if (!rules_promoted(&a->s, &a->f) && !a->pg.standby_signal &&
        postgres_signal_create(&a->agent->config->postgresql,
                               "# pgtandem: the promotion was revoked\n", &e) < 0) {
        act_fail(a, &e);
        return;
    }
    act_look_files(a);
}

/* Running again in any case: as a standby, or as what it had become. */
static void on_revoke_started(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct err why;

    if (rules_promoted(&a->s, &a->f)) {
        if (e)
            log_err(LOG_LEVEL_ERROR, e);
        act_refuse(a, RULE_PROMOTED);
    } else if (e) {
        act_fail(a, e);
    } else if (!rules_revoke_observed(&a->s, &a->f)) {
        err_set(&why, ERR_INCOMPLETE, "run the command again",
                "stopped, it did not show that the promotion had not happened: pg_control says "
                "\"%s\" on timeline %lld",
                pg_control_state_names[a->pg.control_state], (long long)a->pg.control_tli);
        act_fail(a, &why);
    } else {
        act_next(a);
    }
}

static void revoke_start(struct act *a)
{
    act_start_then(a, on_revoke_started);
}

static void revoke_done(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_revoke_done(&a->s, &next);

    act_obey(a, r, &next);
}

static const act_phase_fn revoke_phases[] = {
    act_look, revoke_intent, revoke_stop, revoke_signal, revoke_start, revoke_done, NULL,
};
const struct act_kind act_revoke = {.name = "revoke", .phases = revoke_phases};
