/*
 * The tables of docs/protocol.md, sections 4, 5 and 7: an open transition, by the record's state
 * and the direction. The first match applies. A new switchover after its CLAIM is at the same row
 * as a `resume` after its TAKEOVER: there is one way forward and one way back.
 */
#include "controller/decide/planner_view.h"

/* ---- which nodes -------------------------------------------------------------------------- */

static uint32_t each(const struct planner_view *v, uint32_t among,
                     bool (*is)(const struct planner_view *v, int node))
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((among & planner_bit(i)) && is(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static const uint32_t all = UINT32_MAX;

static uint32_t old(const struct planner_view *v)
{
    return planner_bit(planner_old(v));
}

static uint32_t target(const struct planner_view *v)
{
    return planner_bit(planner_target(v));
}

static uint32_t suspects(const struct planner_view *v)
{
    return planner_suspects(v, planner_target(v));
}

static uint32_t without_fence(const struct planner_view *v) /* one at a time: FENCE is no fan-out */
{
    return planner_bit(planner_first(each(v, suspects(v), planner_unfenced)));
}

/* seize: whoever answers and may write or start; a held target too */
static bool to_fence(const struct planner_view *v, int node)
{
    bool target = node == planner_target(v);

    if (!planner_answers(v, node))
        return false;
    if (target) /* held; or promoted by hand, and its watch has not stopped it yet */
        return planner_writable(v, node) || (v->nodes[node].held && !v->nodes[node].fenced);
    return !planner_known_not_writable(v, node) &&
           (!v->nodes[node].fenced || planner_writable(v, node) ||
            planner_fence_unfinished(v, node));
}

static uint32_t fence_old(const struct planner_view *v)
{
    return each(v, suspects(v) | target(v), to_fence);
}

static uint32_t silent(const struct planner_view *v)
{
    return planner_silent(v, planner_target(v));
}

static uint32_t silent_seen_writable(const struct planner_view *v)
{
    return planner_seen_writable(v, planner_target(v));
}

static bool not_in_record(const struct planner_view *v, int node)
{
    return planner_confirmed(v, node) && !planner_graded(v, node);
}

static bool not_confirmed(const struct planner_view *v, int node)
{
    return !planner_confirmed(v, node);
}

static bool no_grade_at_all(const struct planner_view *v, int node)
{
    return !planner_confirmed(v, node) && !planner_graded(v, node);
}

static uint32_t cuttable(const struct planner_view *v)
{
    return v->cut_possible ? planner_bit(planner_first(each(v, silent(v), not_confirmed))) : 0;
}

static uint32_t cuttable_flip(const struct planner_view *v)
{
    return v->cut_possible ? planner_bit(planner_first(each(v, silent(v), no_grade_at_all))) : 0;
}

static uint32_t gradable(const struct planner_view *v)
{
    return each(v, silent(v), not_in_record);
}

static uint32_t unproven(const struct planner_view *v)
{
    return planner_bit(planner_first(each(v, silent(v), not_confirmed)));
}

static uint32_t ungraded(const struct planner_view *v)
{
    return planner_bit(planner_first(each(v, silent(v), no_grade_at_all)));
}

static bool g3_unheard(const struct planner_view *v, int node)
{
    return !planner_known_not_writable(v, node) &&
           register_grade_of(&v->d, v->nodes[node].name) == GRADE_G3;
}

static bool may_receive(const struct planner_view *v, int node)
{
    return planner_standby(v, node) && (v->nodes[node].receiving || !planner_done(v, STEP_DETACH));
}

static uint32_t to_detach(const struct planner_view *v)
{
    return each(v, all, may_receive);
}

static uint32_t to_follow(const struct planner_view *v)
{
    return each(v, all, planner_not_following);
}

static bool has_jobs_on(const struct planner_view *v, int node)
{
    return planner_answers(v, node) && !v->nodes[node].cron_off && node != planner_owner(v);
}

static uint32_t with_jobs_on(const struct planner_view *v)
{
    return each(v, all, has_jobs_on);
}

/* ---- conditions --------------------------------------------------------------------------- */

static bool old_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_old(v));
}

static bool old_writable(const struct planner_view *v)
{
    return planner_writable(v, planner_old(v));
}

static bool old_has_cron(const struct planner_view *v)
{
    return old_writable(v) && !v->nodes[planner_old(v)].cron_off;
}

/* Section 4: UNFENCE whenever its mark is set, running or not. A FENCE that was cut short leaves a
 * primary that runs, may not have its jobs on, and would not come back from its next start. */
static bool old_marked(const struct planner_view *v)
{
    return !old_writable(v) || planner_marked(v, planner_old(v));
}

static bool old_cannot_return(const struct planner_view *v)
{
    return !planner_can_return(v, planner_old(v));
}

static bool old_without_cron(const struct planner_view *v)
{
    return !v->nodes[planner_old(v)].cron_on;
}

static bool old_behind_mark(const struct planner_view *v)
{
    return old_writable(v) && !planner_done(v, STEP_CATCHUP);
}

/* It has to answer after the stop, for FLIP: one that has died since CLAIM is noticed while A still
 * writes. */
static bool old_dns_unasked(const struct planner_view *v)
{
    return old_writable(v) && !planner_done(v, STEP_ASK_DNS);
}

static bool old_unknown(const struct planner_view *v)
{
    return planner_unknown(v, planner_old(v));
}

/* The mark is there, a clean stop is not, or not even a FENCE of this command could tell where it
 * was: without its shutdown checkpoint nothing can be verified. */
static bool old_unclean(const struct planner_view *v)
{
    const struct planner_node *n = &v->nodes[planner_old(v)];

    return !n->clean || (!n->shutdown_lsn && planner_done(v, STEP_FENCE));
}

/* It stopped cleanly only after the FENCE had timed out: another FENCE records where (section 4,
 * row 5). */
static bool old_stop_unseen(const struct planner_view *v)
{
    return !v->nodes[planner_old(v)].shutdown_lsn;
}

static bool unverified(const struct planner_view *v)
{
    return !planner_done(v, STEP_VERIFY);
}

static bool late_flip(const struct planner_view *v)
{
    return v->marks.late_flip;
}

static bool target_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_target(v));
}

static bool target_fenced(const struct planner_view *v)
{
    int to = planner_target(v);

    return v->nodes[to].fenced && !planner_standby(v, to);
}

static bool target_no_standby(const struct planner_view *v)
{
    return !planner_standby(v, planner_target(v));
}

static bool target_writable(const struct planner_view *v)
{
    return planner_writable(v, planner_target(v));
}

static bool target_held(const struct planner_view *v)
{
    return v->nodes[planner_target(v)].held;
}

static bool target_not_revoked(const struct planner_view *v)
{
    return !planner_revoked(v, planner_target(v));
}

static bool target_without_cron(const struct planner_view *v)
{
    return target_writable(v) && !v->nodes[planner_target(v)].cron_on;
}

static bool target_no_checkpoint(const struct planner_view *v)
{
    return target_writable(v) &&
           v->nodes[planner_target(v)].control_tli < v->nodes[planner_target(v)].tli;
}

static bool less_wal(const struct planner_view *v)
{
    return !planner_most_wal(v, planner_target(v));
}

static bool timeline_unfit(const struct planner_view *v)
{
    return !planner_timeline_fits(v, planner_target(v));
}

static bool loss_not_accepted(const struct planner_view *v)
{
    return !planner_done(v, STEP_LOSS);
}

static bool no_evidence(const struct planner_view *v)
{
    return !planner_done(v, STEP_EVIDENCE_AGAIN);
}

static bool g3_not_waited(const struct planner_view *v)
{
    return !planner_done(v, STEP_WAIT_WATCH) && each(v, suspects(v), g3_unheard) != 0;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct planner_row claim_forward[] = {
    PLANNER_END ("claim: old owner silent",                             old_silent,      old,           WHY_OWNER_SILENT,  4),
    PLANNER_STEP("claim: held, stopped or in recovery without a fence", NULL,            without_fence, STEP_FENCE),
    PLANNER_END ("claim: target silent",                                target_silent,   target,        WHY_TO_SILENT,     4),
    PLANNER_STEP("claim: old owner writable, its jobs on",              old_has_cron,    old,           STEP_CRON_OFF),
    PLANNER_STEP("claim: old owner writable",                           old_behind_mark, old,           STEP_CATCHUP),
    PLANNER_STEP("claim: old owner writable, DNS not asked again",      old_dns_unasked, NULL,          STEP_ASK_DNS),
    PLANNER_STEP("claim: old owner writable, target caught up",         old_writable,    old,           STEP_FENCE),
    PLANNER_END ("claim: old owner unknown",                            old_unknown,     old,           WHY_OWNER_UNKNOWN, 4),
    PLANNER_END ("claim: old owner fenced without a clean stop",        old_unclean,     old,           WHY_NO_CLEAN_STOP, 4),
    PLANNER_STEP("claim: old owner fenced, its stop not seen",          old_stop_unseen, old,           STEP_FENCE),
    PLANNER_STEP("claim: old owner fenced, target answers",             unverified,      target,        STEP_VERIFY),
    PLANNER_STEP("claim: old owner fenced, target verified",            NULL,            target,        STEP_FLIP),
    {0},
};

static const struct planner_row claim_back[] = {
    PLANNER_END ("claim: old owner silent",                         old_silent,        old,                     WHY_OWNER_SILENT, 4),
    PLANNER_STEP("claim: a flip may still arrive",                  late_flip,         NULL,                    STEP_TAKEOVER),
    PLANNER_STEP("claim: another held, stopped or without a fence", NULL,              planner_unfenced_others, STEP_FENCE),
    PLANNER_STEP("claim: without a fence",                          old_cannot_return, without_fence,           STEP_FENCE),
    PLANNER_END ("claim: old owner unknown",                        old_unknown,       old,                     WHY_OWNER_UNKNOWN, 4),
    PLANNER_END ("claim: old owner has never been the primary",     old_cannot_return, old,                     WHY_NO_WAY_BACK,  4),
    PLANNER_STEP("claim: old owner not writable, or marked",        old_marked,        old,                     STEP_UNFENCE),
    PLANNER_STEP("claim: others' jobs on",                          NULL,              with_jobs_on,            STEP_CRON_STRAY),
    PLANNER_STEP("claim: old owner writable, its jobs off",         old_without_cron,  old,                     STEP_CRON_BACK),
    PLANNER_STEP("claim: a standby does not follow the owner",      NULL,              to_follow,               STEP_FOLLOW_BACK),
    PLANNER_STEP("claim: old owner as before",                      NULL,              old,                     STEP_STABLE_BACK),
    {0},
};

static const struct planner_row seize_forward[] = {
    PLANNER_STEP("seize: a node answers that may write or start",     NULL,              fence_old,            STEP_FENCE_OLD),
    PLANNER_END ("seize: silent, but seen writable",                  NULL,              silent_seen_writable, WHY_SEEN_WRITABLE, 4),
    PLANNER_STEP("seize: old owner silent, a hook can cut it",        NULL,              cuttable,             STEP_CUT),
    PLANNER_END ("seize: old owner silent, no grade",                 NULL,              unproven,             WHY_NO_GRADE,      4),
    PLANNER_STEP("seize: a grade to be recorded",                     NULL,              gradable,             STEP_GRADE),
    PLANNER_END ("seize: target silent",                              target_silent,     target,               WHY_TO_SILENT,     4),
    PLANNER_STEP("seize: target fenced",                              target_fenced,     target,               STEP_RAISE),
    PLANNER_END ("seize: target no standby",                          target_no_standby, target,               WHY_TO_UNFIT,      4),
    PLANNER_STEP("seize: standbys may still receive",                 NULL,              to_detach,            STEP_DETACH),
    PLANNER_END ("seize: another has more WAL",                       less_wal,          target,               WHY_NOT_MOST_WAL,  4),
    PLANNER_END ("seize: history or timeline ID",                     timeline_unfit,    target,               WHY_TIMELINE,      4),
    PLANNER_STEP("seize: loss not accepted",                          loss_not_accepted, old,                  STEP_LOSS),
    PLANNER_STEP("seize: evidence again",                             no_evidence,       silent,               STEP_EVIDENCE_AGAIN),
    PLANNER_STEP("seize: old owner fenced, or G2/G3 confirmed again", NULL,              target,               STEP_FLIP),
    {0},
};

static const struct planner_row seize_back[] = {
    PLANNER_END ("seize: old owner silent",            old_silent,        old,           WHY_OWNER_SILENT,  4),
    PLANNER_STEP("seize: old owner without a fence",   old_cannot_return, without_fence, STEP_FENCE),
    PLANNER_END ("seize: the owner was never primary", old_cannot_return, old,           WHY_NEVER_PRIMARY, 4),
    PLANNER_STEP("seize: old owner answers",           NULL,              old,           STEP_UNDO),
    {0},
};

static const struct planner_row flip_forward[] = {
    PLANNER_STEP("flip: held, stopped or in recovery without a fence",   NULL,                  without_fence,        STEP_FENCE),
    PLANNER_END ("flip: target silent",                                  target_silent,         target,               WHY_NEW_OWNER_SILENT, 4),
    PLANNER_STEP("flip: target promoted, but held",                      target_held,           target,               STEP_RELEASE),
    PLANNER_STEP("flip: target writable, others' jobs on",               target_writable,       with_jobs_on,         STEP_CRON_STRAY),
    PLANNER_STEP("flip: target writable, its jobs off",                  target_without_cron,   target,               STEP_CRON_ON),
    PLANNER_STEP("flip: target writable, a standby does not follow it",  target_writable,       to_follow,            STEP_FOLLOW),
    PLANNER_STEP("flip: target writable, pg_control older",              target_no_checkpoint,  target,               STEP_CHECKPOINT),
    PLANNER_STEP("flip: target writable",                                target_writable,       target,               STEP_STABLE),
    PLANNER_END ("flip: target promoted, and down",                      planner_promoted_down, target,               WHY_PROMOTED_DOWN,    4),
    PLANNER_END ("flip: target no standby",                              target_no_standby,     target,               WHY_NEW_OWNER_DOWN,   4),
    PLANNER_STEP("flip: a hook can cut old owner",                       NULL,                  cuttable_flip,        STEP_CUT),
    PLANNER_END ("flip: target in recovery, old owner silent, no G2/G3", NULL,                  ungraded,             WHY_NO_GRADE,         4),
    PLANNER_STEP("flip: a grade to be recorded",                         NULL,                  gradable,             STEP_GRADE),
    PLANNER_STEP("flip: G3: the watch has its time",                     g3_not_waited,         target,               STEP_WAIT_WATCH),
    PLANNER_END ("flip: silent, but seen writable",                      NULL,                  silent_seen_writable, WHY_SEEN_WRITABLE,    4),
    PLANNER_STEP("flip: target in recovery, old owner fenced or G2/G3",  NULL,                  target,               STEP_PROMOTE),
    {0},
};

static const struct planner_row flip_back[] = {
    PLANNER_STEP("flip: ours, and it came late",                       late_flip,             NULL,          STEP_TAKEOVER),
    PLANNER_STEP("flip: held, stopped or in recovery without a fence", NULL,                  without_fence, STEP_FENCE),
    PLANNER_END ("flip: target silent",                                target_silent,         target,        WHY_NEW_OWNER_SILENT, 4),
    PLANNER_END ("flip: target writable",                              target_writable,       target,        WHY_FORWARD_ONLY,     4),
    PLANNER_END ("flip: target promoted, but held",                    target_held,           target,        WHY_FORWARD_ONLY,     4),
    PLANNER_END ("flip: target promoted, and down",                    planner_promoted_down, target,        WHY_PROMOTED_DOWN,    4),
    PLANNER_END ("flip: target promoted, and in recovery",             planner_promoted,      target,        WHY_FORWARD_ONLY,     4),
    PLANNER_END ("flip: old owner silent or without its past",         old_cannot_return,     old,           WHY_NO_WAY_BACK,      4),
    PLANNER_STEP("flip: target in recovery",                           target_not_revoked,    target,        STEP_REVOKE),
    PLANNER_STEP("flip: target revoked",                               NULL,                  old,           STEP_UNDO),
    {0},
};

static const struct planner_row undo[] = {
    PLANNER_END ("undo: old owner silent",                         old_silent,        old,                     WHY_OWNER_SILENT, 4),
    PLANNER_STEP("undo: another held, stopped or without a fence", NULL,              planner_unfenced_others, STEP_FENCE),
    PLANNER_STEP("undo: without a fence",                          old_cannot_return, without_fence,           STEP_FENCE),
    PLANNER_END ("undo: old owner has never been the primary",     old_cannot_return, old,                     WHY_NO_WAY_BACK,  4),
    PLANNER_STEP("undo: old owner not writable, or marked",        old_marked,        old,                     STEP_UNFENCE),
    PLANNER_STEP("undo: others' jobs on",                          NULL,              with_jobs_on,            STEP_CRON_STRAY),
    PLANNER_STEP("undo: old owner writable, its jobs off",         old_without_cron,  old,                     STEP_CRON_BACK),
    PLANNER_STEP("undo: a standby does not follow the owner",      NULL,              to_follow,               STEP_FOLLOW_BACK),
    PLANNER_STEP("undo: old owner as before",                      NULL,              old,                     STEP_STABLE_BACK),
    {0},
};
/* clang-format on */

const struct planner_row *planner_rows(const struct planner_view *v, bool back)
{
    switch (v->d.state) {
    case REGISTER_CLAIM:
        return back ? claim_back : claim_forward;
    case REGISTER_SEIZE:
        return back ? seize_back : seize_forward;
    case REGISTER_FLIP:
        return back ? flip_back : flip_forward;
    case REGISTER_UNDO:
        return undo;
    default:
        return planner_stable_rows(v);
    }
}
