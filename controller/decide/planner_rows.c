/*
 * The tables of docs/protocol.md, sections 4, 5 and 7: an open transition, by the record's state
 * and the direction. First match. A fresh switchover after its CLAIM stands at the same row as a
 * `resume` after its TAKEOVER: there is one way forward and one way back.
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

static uint32_t a(const struct planner_view *v)
{
    return planner_bit(planner_old(v));
}

static uint32_t b(const struct planner_view *v)
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
    return each(v, suspects(v) | b(v), to_fence);
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

static bool not_following(const struct planner_view *v, int node)
{
    return planner_not_following(v, node) && node != planner_owner(v);
}

static uint32_t to_follow(const struct planner_view *v)
{
    return planner_writable(v, planner_owner(v)) ? each(v, all, not_following) : 0;
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

static bool a_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_old(v));
}

static bool a_writable(const struct planner_view *v)
{
    return planner_writable(v, planner_old(v));
}

static bool a_has_cron(const struct planner_view *v)
{
    return a_writable(v) && !v->nodes[planner_old(v)].cron_off;
}

/* Section 4: UNFENCE whenever its mark is set, running or not. A FENCE that was cut short leaves a
 * primary that runs, may not have its jobs on, and would not come back from its next start. */
static bool a_marked(const struct planner_view *v)
{
    return !a_writable(v) || planner_marked(v, planner_old(v));
}

static bool a_cannot_return(const struct planner_view *v)
{
    return !planner_can_return(v, planner_old(v));
}

static bool a_without_cron(const struct planner_view *v)
{
    return !v->nodes[planner_old(v)].cron_on;
}

static bool a_behind_mark(const struct planner_view *v)
{
    return a_writable(v) && !planner_done(v, STEP_CATCHUP);
}

/* It has to answer after the stop, for FLIP: one that has died since CLAIM is noticed while A still
 * writes. */
static bool a_dns_unasked(const struct planner_view *v)
{
    return a_writable(v) && !planner_done(v, STEP_ASK_DNS);
}

/* The mark is there, a clean stop is not: without its shutdown checkpoint nothing can be verified.
 */
static uint32_t unclean(const struct planner_view *v)
{
    return planner_fenced(v, planner_old(v)) && !v->nodes[planner_old(v)].clean ? a(v) : 0;
}

/* It stopped cleanly after the FENCE had given up: a FENCE again records where (section 4, row 5).
 */
static bool a_stop_unseen(const struct planner_view *v)
{
    const struct planner_node *n = &v->nodes[planner_old(v)];

    return n->fenced && n->clean && !n->shutdown_lsn;
}

static bool unverified(const struct planner_view *v)
{
    return !planner_done(v, STEP_VERIFY);
}

static bool late_flip(const struct planner_view *v)
{
    return v->marks.late_flip;
}

static bool b_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_target(v));
}

static bool b_fenced(const struct planner_view *v)
{
    int to = planner_target(v);

    return planner_answers(v, to) && v->nodes[to].fenced && !planner_standby(v, to);
}

static bool b_no_standby(const struct planner_view *v)
{
    return !planner_standby(v, planner_target(v));
}

static bool b_writable(const struct planner_view *v)
{
    return planner_writable(v, planner_target(v));
}

static bool b_held(const struct planner_view *v)
{
    return planner_answers(v, planner_target(v)) && v->nodes[planner_target(v)].held;
}

static bool b_not_revoked(const struct planner_view *v)
{
    return !planner_revoked(v, planner_target(v));
}

static bool b_without_cron(const struct planner_view *v)
{
    return b_writable(v) && !v->nodes[planner_target(v)].cron_on;
}

static bool b_no_checkpoint(const struct planner_view *v)
{
    return b_writable(v) &&
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
    PLANNER_END ("claim: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLANNER_STEP("claim: held, stopped or in recovery without a fence", NULL, without_fence, STEP_FENCE),
    PLANNER_END ("claim: B silent",                     b_silent,        b,      WHY_TO_SILENT, 4),
    PLANNER_STEP("claim: A writable, its jobs on",      a_has_cron,      a,      STEP_CRON_OFF),
    PLANNER_STEP("claim: A writable",                   a_behind_mark,   a,      STEP_CATCHUP),
    PLANNER_STEP("claim: A writable, DNS not asked again", a_dns_unasked, NULL,  STEP_ASK_DNS),
    PLANNER_STEP("claim: A writable, B caught up",      a_writable,      a,      STEP_FENCE),
    PLANNER_END ("claim: A fenced without a clean stop", NULL,           unclean, WHY_NO_CLEAN_STOP, 4),
    PLANNER_STEP("claim: A fenced, its stop not seen",  a_stop_unseen,   a,      STEP_FENCE),
    PLANNER_STEP("claim: A fenced, B answers",          unverified,      b,      STEP_VERIFY),
    PLANNER_STEP("claim: A fenced, B verified",         NULL,            b,      STEP_FLIP),
    {0},
};

static const struct planner_row claim_back[] = {
    PLANNER_END ("claim: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLANNER_STEP("claim: a flip may still arrive",      late_flip,       NULL,   STEP_TAKEOVER),
    PLANNER_STEP("claim: another held, stopped or without a fence", NULL, planner_unfenced_others, STEP_FENCE),
    PLANNER_STEP("claim: without a fence",              a_cannot_return, without_fence,   STEP_FENCE),
    PLANNER_END ("claim: A has never been the primary", a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLANNER_STEP("claim: A not writable, or marked",    a_marked,        a,      STEP_UNFENCE),
    PLANNER_STEP("claim: others' jobs on",              NULL,            with_jobs_on,  STEP_CRON_STRAY),
    PLANNER_STEP("claim: A writable, its jobs off",     a_without_cron,  a,      STEP_CRON_BACK),
    PLANNER_STEP("claim: a standby does not follow the owner",             NULL,            to_follow, STEP_FOLLOW_BACK),
    PLANNER_STEP("claim: A as before",                  NULL,            a,      STEP_STABLE_BACK),
    {0},
};

static const struct planner_row seize_forward[] = {
    PLANNER_STEP("seize: a node answers that may write or start", NULL,  fence_old, STEP_FENCE_OLD),
    PLANNER_END ("seize: silent, but seen writable",    NULL, silent_seen_writable, WHY_SEEN_WRITABLE, 4),
    PLANNER_STEP("seize: A silent, a hook can cut it",  NULL,            cuttable, STEP_CUT),
    PLANNER_END ("seize: A silent, no grade",           NULL,            unproven, WHY_NO_GRADE, 4),
    PLANNER_STEP("seize: a grade to be recorded",       NULL,            gradable, STEP_GRADE),
    PLANNER_END ("seize: B silent",                     b_silent,        b,      WHY_TO_SILENT, 4),
    PLANNER_STEP("seize: B fenced",                     b_fenced,        b,      STEP_RAISE),
    PLANNER_END ("seize: B no standby",                 b_no_standby,    b,      WHY_TO_UNFIT, 4),
    PLANNER_STEP("seize: standbys may still receive",   NULL,            to_detach, STEP_DETACH),
    PLANNER_END ("seize: another has more WAL",         less_wal,        b,      WHY_NOT_MOST_WAL, 4),
    PLANNER_END ("seize: history or timeline ID",       timeline_unfit,  b,      WHY_TIMELINE, 4),
    PLANNER_STEP("seize: loss not accepted",            loss_not_accepted, a,    STEP_LOSS),
    PLANNER_STEP("seize: evidence again",               no_evidence,     silent,   STEP_EVIDENCE_AGAIN),
    PLANNER_STEP("seize: A fenced, or G2/G3 confirmed again", NULL,       b,      STEP_FLIP),
    {0},
};

static const struct planner_row seize_back[] = {
    PLANNER_END ("seize: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLANNER_STEP("seize: A without a fence",            a_cannot_return, without_fence,   STEP_FENCE),
    PLANNER_END ("seize: the owner was never primary",  a_cannot_return, a,      WHY_NEVER_PRIMARY, 4),
    PLANNER_STEP("seize: A answers",                    NULL,            a,      STEP_UNDO),
    {0},
};

static const struct planner_row flip_forward[] = {
    PLANNER_STEP("flip: held, stopped or in recovery without a fence", NULL, without_fence, STEP_FENCE),
    PLANNER_END ("flip: B silent",                      b_silent,        b,      WHY_NEW_OWNER_SILENT, 4),
    PLANNER_STEP("flip: B promoted, but held",          b_held,          b,      STEP_RELEASE),
    PLANNER_STEP("flip: B writable, others' jobs on",   b_writable,      with_jobs_on,  STEP_CRON_STRAY),
    PLANNER_STEP("flip: B writable, its jobs off",      b_without_cron,  b,      STEP_CRON_ON),
    PLANNER_STEP("flip: B writable, a standby does not follow it",  b_writable,      to_follow, STEP_FOLLOW),
    PLANNER_STEP("flip: B writable, pg_control older",  b_no_checkpoint, b,      STEP_CHECKPOINT),
    PLANNER_STEP("flip: B writable",                    b_writable,      b,      STEP_STABLE),
    PLANNER_END ("flip: B promoted, and down",          planner_promoted_down, b,   WHY_PROMOTED_DOWN, 4),
    PLANNER_END ("flip: B no standby",                  b_no_standby,    b,      WHY_NEW_OWNER_DOWN, 4),
    PLANNER_STEP("flip: a hook can cut A",              NULL,            cuttable_flip, STEP_CUT),
    PLANNER_END ("flip: B in recovery, A silent, no G2/G3", NULL,        ungraded, WHY_NO_GRADE, 4),
    PLANNER_STEP("flip: a grade to be recorded",        NULL,            gradable, STEP_GRADE),
    PLANNER_STEP("flip: G3: the watch has its time",    g3_not_waited,   b,      STEP_WAIT_WATCH),
    PLANNER_END ("flip: silent, but seen writable",     NULL, silent_seen_writable, WHY_SEEN_WRITABLE, 4),
    PLANNER_STEP("flip: B in recovery, A fenced or G2/G3", NULL,         b,      STEP_PROMOTE),
    {0},
};

static const struct planner_row flip_back[] = {
    PLANNER_STEP("flip: held, stopped or in recovery without a fence", NULL, without_fence, STEP_FENCE),
    PLANNER_END ("flip: B silent",                      b_silent,        b,      WHY_NEW_OWNER_SILENT, 4),
    PLANNER_END ("flip: B writable",                    b_writable,      b,      WHY_FORWARD_ONLY, 4),
    PLANNER_END ("flip: B promoted, but held",          b_held,          b,      WHY_FORWARD_ONLY, 4),
    PLANNER_END ("flip: B promoted, and down",          planner_promoted_down, b,   WHY_PROMOTED_DOWN, 4),
    PLANNER_END ("flip: B promoted, and in recovery",   planner_promoted,   b,      WHY_FORWARD_ONLY, 4),
    PLANNER_END ("flip: A silent or without its past",  a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLANNER_STEP("flip: B in recovery",                 b_not_revoked,   b,      STEP_REVOKE),
    PLANNER_STEP("flip: B revoked",                     NULL,            a,      STEP_UNDO),
    {0},
};

static const struct planner_row undo[] = {
    PLANNER_END ("undo: A silent",                      a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLANNER_STEP("undo: another held, stopped or without a fence", NULL, planner_unfenced_others, STEP_FENCE),
    PLANNER_STEP("undo: without a fence",               a_cannot_return, without_fence,   STEP_FENCE),
    PLANNER_END ("undo: A has never been the primary",  a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLANNER_STEP("undo: A not writable, or marked",     a_marked,        a,      STEP_UNFENCE),
    PLANNER_STEP("undo: others' jobs on",               NULL,            with_jobs_on,  STEP_CRON_STRAY),
    PLANNER_STEP("undo: A writable, its jobs off",      a_without_cron,  a,      STEP_CRON_BACK),
    PLANNER_STEP("undo: a standby does not follow the owner",              NULL,            to_follow, STEP_FOLLOW_BACK),
    PLANNER_STEP("undo: A as before",                   NULL,            a,      STEP_STABLE_BACK),
    {0},
};
/* clang-format on */

const struct planner_row *planner_rows(const struct planner_view *v, bool back)
{
    switch ((enum register_state)v->d.state) {
    case REGISTER_CLAIM:
        return back ? claim_back : claim_forward;
    case REGISTER_SEIZE:
        return back ? seize_back : seize_forward;
    case REGISTER_FLIP:
        return back ? flip_back : flip_forward;
    case REGISTER_UNDO:
        return undo;
    case REGISTER_STABLE:
        break;
    }
    return planner_stable_rows(v);
}
