/*
 * The tables of docs/protocol.md, sections 4, 5 and 7: an open transition, by the record's state
 * and the direction. First match. A fresh switchover after its CLAIM stands at the same row as a
 * `resume` after its TAKEOVER: there is one way forward and one way back.
 */
#include "controller/decide/planner_view.h"

/* ---- which nodes -------------------------------------------------------------------------- */

static uint32_t each(const struct plan_view *v, uint32_t among,
                     bool (*is)(const struct plan_view *v, int node))
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((among & plan_bit(i)) && is(v, i))
            nodes |= plan_bit(i);
    return nodes;
}

static const uint32_t all = UINT32_MAX;

static uint32_t a(const struct plan_view *v)
{
    return plan_bit(plan_a(v));
}

static uint32_t b(const struct plan_view *v)
{
    return plan_bit(plan_b(v));
}

static uint32_t suspects(const struct plan_view *v)
{
    return plan_suspects(v, plan_b(v));
}

static uint32_t weak(const struct plan_view *v) /* one at a time: FENCE is no fan-out */
{
    return plan_bit(plan_first(each(v, suspects(v), plan_weak)));
}

/* seize: whoever answers and may write or start; a held target too */
static bool to_fence(const struct plan_view *v, int node)
{
    bool target = node == plan_b(v);

    if (!plan_answers(v, node))
        return false;
    if (target) /* held; or promoted by hand, and its watch has not stopped it yet */
        return plan_writable(v, node) || (v->nodes[node].held && !v->nodes[node].fenced);
    return !plan_harmless(v, node) &&
           (!v->nodes[node].fenced || plan_writable(v, node) || plan_fence_unfinished(v, node));
}

static uint32_t fence_old(const struct plan_view *v)
{
    return each(v, suspects(v) | b(v), to_fence);
}

static uint32_t silent(const struct plan_view *v)
{
    return plan_silent(v, plan_b(v));
}

static uint32_t silent_seen_writable(const struct plan_view *v)
{
    return plan_seen_writable(v, plan_b(v));
}

static bool not_in_record(const struct plan_view *v, int node)
{
    return plan_confirmed(v, node) && !plan_graded(v, node);
}

static bool not_confirmed(const struct plan_view *v, int node)
{
    return !plan_confirmed(v, node);
}

static bool no_grade_at_all(const struct plan_view *v, int node)
{
    return !plan_confirmed(v, node) && !plan_graded(v, node);
}

static uint32_t cuttable(const struct plan_view *v)
{
    return v->cut_possible ? plan_bit(plan_first(each(v, silent(v), not_confirmed))) : 0;
}

static uint32_t cuttable_flip(const struct plan_view *v)
{
    return v->cut_possible ? plan_bit(plan_first(each(v, silent(v), no_grade_at_all))) : 0;
}

static uint32_t gradable(const struct plan_view *v)
{
    return each(v, silent(v), not_in_record);
}

static uint32_t unproven(const struct plan_view *v)
{
    return plan_bit(plan_first(each(v, silent(v), not_confirmed)));
}

static uint32_t ungraded(const struct plan_view *v)
{
    return plan_bit(plan_first(each(v, silent(v), no_grade_at_all)));
}

static bool g3_unheard(const struct plan_view *v, int node)
{
    return !plan_harmless(v, node) && register_grade_of(&v->d, v->nodes[node].name) == GRADE_G3;
}

static bool may_receive(const struct plan_view *v, int node)
{
    return plan_standby(v, node) && (v->nodes[node].receiving || !plan_done(v, STEP_DETACH));
}

static uint32_t to_detach(const struct plan_view *v)
{
    return each(v, all, may_receive);
}

static bool astray(const struct plan_view *v, int node)
{
    return plan_astray(v, node) && node != plan_owner(v);
}

static uint32_t to_follow(const struct plan_view *v)
{
    return plan_writable(v, plan_owner(v)) ? each(v, all, astray) : 0;
}

static bool cron_astray(const struct plan_view *v, int node)
{
    return plan_answers(v, node) && !v->nodes[node].cron_off && node != plan_owner(v);
}

static uint32_t stray(const struct plan_view *v)
{
    return each(v, all, cron_astray);
}

/* ---- conditions --------------------------------------------------------------------------- */

static bool a_silent(const struct plan_view *v)
{
    return !plan_answers(v, plan_a(v));
}

static bool a_writable(const struct plan_view *v)
{
    return plan_writable(v, plan_a(v));
}

static bool a_has_cron(const struct plan_view *v)
{
    return a_writable(v) && !v->nodes[plan_a(v)].cron_off;
}

/* Section 4: UNFENCE whenever its mark is set, running or not. A FENCE that was cut short leaves a
 * primary that runs, may not have its jobs on, and would not come back from its next start. */
static bool a_marked(const struct plan_view *v)
{
    return !a_writable(v) || plan_marked(v, plan_a(v));
}

static bool a_cannot_return(const struct plan_view *v)
{
    return !plan_can_return(v, plan_a(v));
}

static bool a_without_cron(const struct plan_view *v)
{
    return !v->nodes[plan_a(v)].cron_on;
}

static bool a_behind_mark(const struct plan_view *v)
{
    return a_writable(v) && !plan_done(v, STEP_CATCHUP);
}

/* It has to answer after the stop, for FLIP: one that has died since CLAIM is noticed while A still
 * writes. */
static bool a_dns_unasked(const struct plan_view *v)
{
    return a_writable(v) && !plan_done(v, STEP_ASK_DNS);
}

/* The mark is there, a clean stop is not: without its shutdown checkpoint nothing can be verified.
 */
static uint32_t unclean(const struct plan_view *v)
{
    return plan_fenced(v, plan_a(v)) && !v->nodes[plan_a(v)].clean ? a(v) : 0;
}

/* It stopped cleanly after the FENCE had given up: a FENCE again records where (section 4, row 5).
 */
static bool a_stop_unseen(const struct plan_view *v)
{
    const struct plan_node *n = &v->nodes[plan_a(v)];

    return n->fenced && n->clean && !n->shutdown_lsn;
}

static bool unverified(const struct plan_view *v)
{
    return !plan_done(v, STEP_VERIFY);
}

static bool late_flip(const struct plan_view *v)
{
    return v->marks.late_flip;
}

static bool b_silent(const struct plan_view *v)
{
    return !plan_answers(v, plan_b(v));
}

static bool b_fenced(const struct plan_view *v)
{
    int to = plan_b(v);

    return plan_answers(v, to) && v->nodes[to].fenced && !plan_standby(v, to);
}

static bool b_no_standby(const struct plan_view *v)
{
    return !plan_standby(v, plan_b(v));
}

static bool b_writable(const struct plan_view *v)
{
    return plan_writable(v, plan_b(v));
}

static bool b_held(const struct plan_view *v)
{
    return plan_answers(v, plan_b(v)) && v->nodes[plan_b(v)].held;
}

static bool b_not_revoked(const struct plan_view *v)
{
    return !plan_revoked(v, plan_b(v));
}

static bool b_without_cron(const struct plan_view *v)
{
    return b_writable(v) && !v->nodes[plan_b(v)].cron_on;
}

static bool b_no_checkpoint(const struct plan_view *v)
{
    return b_writable(v) && v->nodes[plan_b(v)].control_tli < v->nodes[plan_b(v)].tli;
}

static bool less_wal(const struct plan_view *v)
{
    return !plan_most_wal(v, plan_b(v));
}

static bool timeline_unfit(const struct plan_view *v)
{
    return !plan_timeline_fits(v, plan_b(v));
}

static bool loss_not_accepted(const struct plan_view *v)
{
    return !plan_done(v, STEP_LOSS);
}

static bool no_evidence(const struct plan_view *v)
{
    return !plan_done(v, STEP_EVIDENCE_AGAIN);
}

static bool g3_not_waited(const struct plan_view *v)
{
    return !plan_done(v, STEP_WAIT_WATCH) && each(v, suspects(v), g3_unheard) != 0;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* clang-format off */
static const struct plan_row claim_forward[] = {
    PLAN_END ("claim: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLAN_STEP("claim: held, stopped or in recovery without a fence", NULL, weak, STEP_FENCE),
    PLAN_END ("claim: B silent",                     b_silent,        b,      WHY_TO_SILENT, 4),
    PLAN_STEP("claim: A writable, its jobs on",      a_has_cron,      a,      STEP_CRON_OFF),
    PLAN_STEP("claim: A writable",                   a_behind_mark,   a,      STEP_CATCHUP),
    PLAN_STEP("claim: A writable, DNS not asked again", a_dns_unasked, NULL,  STEP_ASK_DNS),
    PLAN_STEP("claim: A writable, B caught up",      a_writable,      a,      STEP_FENCE),
    PLAN_END ("claim: A fenced without a clean stop", NULL,           unclean, WHY_NO_CLEAN_STOP, 4),
    PLAN_STEP("claim: A fenced, its stop not seen",  a_stop_unseen,   a,      STEP_FENCE),
    PLAN_STEP("claim: A fenced, B answers",          unverified,      b,      STEP_VERIFY),
    PLAN_STEP("claim: A fenced, B verified",         NULL,            b,      STEP_FLIP),
    {0},
};

static const struct plan_row claim_back[] = {
    PLAN_END ("claim: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLAN_STEP("claim: a flip may still arrive",      late_flip,       NULL,   STEP_TAKEOVER),
    PLAN_STEP("claim: another held, stopped or without a fence", NULL, plan_weak_others, STEP_FENCE),
    PLAN_STEP("claim: without a fence",              a_cannot_return, weak,   STEP_FENCE),
    PLAN_END ("claim: A has never been the primary", a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLAN_STEP("claim: A not writable, or marked",    a_marked,        a,      STEP_UNFENCE),
    PLAN_STEP("claim: others' jobs on",              NULL,            stray,  STEP_CRON_STRAY),
    PLAN_STEP("claim: A writable, its jobs off",     a_without_cron,  a,      STEP_CRON_BACK),
    PLAN_STEP("claim: a standby astray",             NULL,            to_follow, STEP_FOLLOW_BACK),
    PLAN_STEP("claim: A as before",                  NULL,            a,      STEP_STABLE_BACK),
    {0},
};

static const struct plan_row seize_forward[] = {
    PLAN_STEP("seize: a node answers that may write or start", NULL,  fence_old, STEP_FENCE_OLD),
    PLAN_END ("seize: silent, but seen writable",    NULL, silent_seen_writable, WHY_SEEN_WRITABLE, 4),
    PLAN_STEP("seize: A silent, a hook can cut it",  NULL,            cuttable, STEP_CUT),
    PLAN_END ("seize: A silent, no grade",           NULL,            unproven, WHY_NO_GRADE, 4),
    PLAN_STEP("seize: a grade to be recorded",       NULL,            gradable, STEP_GRADE),
    PLAN_END ("seize: B silent",                     b_silent,        b,      WHY_TO_SILENT, 4),
    PLAN_STEP("seize: B fenced",                     b_fenced,        b,      STEP_RAISE),
    PLAN_END ("seize: B no standby",                 b_no_standby,    b,      WHY_TO_UNFIT, 4),
    PLAN_STEP("seize: standbys may still receive",   NULL,            to_detach, STEP_DETACH),
    PLAN_END ("seize: another has more WAL",         less_wal,        b,      WHY_NOT_MOST_WAL, 4),
    PLAN_END ("seize: history or timeline ID",       timeline_unfit,  b,      WHY_TIMELINE, 4),
    PLAN_STEP("seize: loss not accepted",            loss_not_accepted, a,    STEP_LOSS),
    PLAN_STEP("seize: evidence again",               no_evidence,     silent,   STEP_EVIDENCE_AGAIN),
    PLAN_STEP("seize: A fenced, or G2/G3 confirmed again", NULL,       b,      STEP_FLIP),
    {0},
};

static const struct plan_row seize_back[] = {
    PLAN_END ("seize: A silent",                     a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLAN_STEP("seize: A without a fence",            a_cannot_return, weak,   STEP_FENCE),
    PLAN_END ("seize: the owner was never primary",  a_cannot_return, a,      WHY_NEVER_PRIMARY, 4),
    PLAN_STEP("seize: A answers",                    NULL,            a,      STEP_UNDO),
    {0},
};

static const struct plan_row flip_forward[] = {
    PLAN_STEP("flip: held, stopped or in recovery without a fence", NULL, weak, STEP_FENCE),
    PLAN_END ("flip: B silent",                      b_silent,        b,      WHY_NEW_OWNER_SILENT, 4),
    PLAN_STEP("flip: B promoted, but held",          b_held,          b,      STEP_RELEASE),
    PLAN_STEP("flip: B writable, others' jobs on",   b_writable,      stray,  STEP_CRON_STRAY),
    PLAN_STEP("flip: B writable, its jobs off",      b_without_cron,  b,      STEP_CRON_ON),
    PLAN_STEP("flip: B writable, a standby astray",  b_writable,      to_follow, STEP_FOLLOW),
    PLAN_STEP("flip: B writable, pg_control older",  b_no_checkpoint, b,      STEP_CHECKPOINT),
    PLAN_STEP("flip: B writable",                    b_writable,      b,      STEP_STABLE),
    PLAN_END ("flip: B promoted, and down",          plan_promoted_down, b,   WHY_PROMOTED_DOWN, 4),
    PLAN_END ("flip: B no standby",                  b_no_standby,    b,      WHY_NEW_OWNER_DOWN, 4),
    PLAN_STEP("flip: a hook can cut A",              NULL,            cuttable_flip, STEP_CUT),
    PLAN_END ("flip: B in recovery, A silent, no G2/G3", NULL,        ungraded, WHY_NO_GRADE, 4),
    PLAN_STEP("flip: a grade to be recorded",        NULL,            gradable, STEP_GRADE),
    PLAN_STEP("flip: G3: the watch has its time",    g3_not_waited,   b,      STEP_WAIT_WATCH),
    PLAN_END ("flip: silent, but seen writable",     NULL, silent_seen_writable, WHY_SEEN_WRITABLE, 4),
    PLAN_STEP("flip: B in recovery, A fenced or G2/G3", NULL,         b,      STEP_PROMOTE),
    {0},
};

static const struct plan_row flip_back[] = {
    PLAN_STEP("flip: held, stopped or in recovery without a fence", NULL, weak, STEP_FENCE),
    PLAN_END ("flip: B silent",                      b_silent,        b,      WHY_NEW_OWNER_SILENT, 4),
    PLAN_END ("flip: B writable",                    b_writable,      b,      WHY_FORWARD_ONLY, 4),
    PLAN_END ("flip: B promoted, but held",          b_held,          b,      WHY_FORWARD_ONLY, 4),
    PLAN_END ("flip: B promoted, and down",          plan_promoted_down, b,   WHY_PROMOTED_DOWN, 4),
    PLAN_END ("flip: B promoted, and in recovery",   plan_promoted,   b,      WHY_FORWARD_ONLY, 4),
    PLAN_END ("flip: A silent or without its past",  a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLAN_STEP("flip: B in recovery",                 b_not_revoked,   b,      STEP_REVOKE),
    PLAN_STEP("flip: B revoked",                     NULL,            a,      STEP_UNDO),
    {0},
};

static const struct plan_row undo[] = {
    PLAN_END ("undo: A silent",                      a_silent,        a,      WHY_OWNER_SILENT, 4),
    PLAN_STEP("undo: another held, stopped or without a fence", NULL, plan_weak_others, STEP_FENCE),
    PLAN_STEP("undo: without a fence",               a_cannot_return, weak,   STEP_FENCE),
    PLAN_END ("undo: A has never been the primary",  a_cannot_return, a,      WHY_NO_WAY_BACK, 4),
    PLAN_STEP("undo: A not writable, or marked",     a_marked,        a,      STEP_UNFENCE),
    PLAN_STEP("undo: others' jobs on",               NULL,            stray,  STEP_CRON_STRAY),
    PLAN_STEP("undo: A writable, its jobs off",      a_without_cron,  a,      STEP_CRON_BACK),
    PLAN_STEP("undo: a standby astray",              NULL,            to_follow, STEP_FOLLOW_BACK),
    PLAN_STEP("undo: A as before",                   NULL,            a,      STEP_STABLE_BACK),
    {0},
};
/* clang-format on */

const struct plan_row *plan_rows(const struct plan_view *v, bool back)
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
    return plan_stable_rows(v);
}
