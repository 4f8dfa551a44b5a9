#include "controller/decide/steps.h"

#include <string.h>

#include "controller/decide/planner_view.h"

/* ---- ready -------------------------------------------------------------------------------- */

static bool always(const struct planner_view *v, size_t node)
{
    (void)v, (void)node;
    return true;
}

static bool answers(const struct planner_view *v, size_t node)
{
    return planner_answers(v, (int)node);
}

static bool may_claim(const struct planner_view *v, size_t node)
{
    (void)node;
    return v->d_answered && planner_state_is(v, REGISTER_STABLE) && v->to >= 0 &&
           v->to != planner_owner(v) && !planner_holds(v);
}

static bool may_seize(const struct planner_view *v, size_t node)
{
    (void)node;
    return v->d_answered && v->to >= 0 && v->to != planner_owner(v) && !planner_holds(v) &&
           planner_done(v, STEP_LOSS);
}

static bool may_take_over(const struct planner_view *v, size_t node)
{
    (void)node;
    return v->d_answered && v->d.epoch > 0 &&
           (!planner_state_is(v, REGISTER_STABLE) || planner_answers(v, planner_owner(v)));
}

static bool may_catch_up(const struct planner_view *v, size_t node)
{
    return planner_writable(v, (int)node) && planner_standby(v, planner_target(v));
}

/* In claim a serving primary is stopped only when all that can be done before has been done. */
static bool may_fence(const struct planner_view *v, size_t node)
{
    const struct planner_node *n = &v->nodes[node];

    if (!planner_answers(v, (int)node))
        return false;
    if (!planner_state_is(v, REGISTER_CLAIM) || n->role != PG_WRITABLE || n->fenced)
        return true;
    return n->cron_off && planner_done(v, STEP_CATCHUP) && planner_done(v, STEP_ASK_DNS) &&
           planner_standby(v, planner_target(v)) && v->nodes[planner_target(v)].attached &&
           planner_heard(v, (int)node);
}

static bool may_verify(const struct planner_view *v, size_t node)
{
    int old = planner_old(v);

    return planner_standby(v, (int)node) && planner_heard(v, old) && planner_fenced(v, old);
}

static bool may_cut(const struct planner_view *v, size_t node)
{
    return v->cut_possible && !planner_answers(v, (int)node);
}

static bool may_grade(const struct planner_view *v, size_t node)
{
    return !planner_answers(v, (int)node) && planner_confirmed(v, (int)node);
}

static bool is_standby(const struct planner_view *v, size_t node)
{
    return planner_standby(v, (int)node);
}

static bool may_flip(const struct planner_view *v, size_t node)
{
    return (int)node == planner_target(v) && v->d_answered && planner_flip_ready(v);
}

static bool is_held(const struct planner_view *v, size_t node)
{
    return planner_answers(v, (int)node) && v->nodes[node].held;
}

static bool may_promote(const struct planner_view *v, size_t node)
{
    return planner_state_is(v, REGISTER_FLIP) && (int)node == planner_owner(v) &&
           planner_holds(v) && planner_standby(v, (int)node) && planner_w_holds(v, node, NULL);
}

static bool may_turn_cron_on(const struct planner_view *v, size_t node)
{
    return (int)node == planner_owner(v) && planner_writable(v, (int)node) && planner_cron_clear(v);
}

static bool may_follow(const struct planner_view *v, size_t node)
{
    return planner_standby(v, (int)node) && !v->nodes[node].promoting &&
           v->nodes[node].history_ok && planner_writable(v, planner_owner(v));
}

static bool is_writable_owner(const struct planner_view *v, size_t node)
{
    return (int)node == planner_owner(v) && planner_writable(v, (int)node);
}

/* The owner obeys this epoch and nothing of an earlier one can still reach it: a request that
 * arrived after the record says stable would leave the owner fenced, or without its jobs, with
 * nothing open. */
static bool may_settle(const struct planner_view *v, size_t node)
{
    return v->d_answered && planner_holds(v) && is_writable_owner(v, node) &&
           planner_heard(v, (int)node) && !(v->marks.unsettled & planner_bit((int)node));
}

static bool may_rejoin(const struct planner_view *v, size_t node)
{
    const struct planner_node *n = &v->nodes[node];

    return planner_answers(v, (int)node) && (int)node != planner_owner(v) && n->fenced &&
           n->wal.kind != LINEAGE_BEYOND && planner_writable(v, planner_owner(v));
}

static bool may_raise(const struct planner_view *v, size_t node)
{
    return planner_answers(v, (int)node) && v->nodes[node].fenced &&
           (int)node != planner_owner(v) && v->nodes[node].role != PG_WRITABLE;
}

static bool may_revoke(const struct planner_view *v, size_t node)
{
    return planner_answers(v, (int)node) && v->nodes[node].role != PG_WRITABLE;
}

static bool may_undo(const struct planner_view *v, size_t node)
{
    if (!v->d_answered || !planner_holds(v) || !planner_can_return(v, (int)node))
        return false;
    return !planner_state_is(v, REGISTER_FLIP) ||
           (planner_heard(v, planner_target(v)) && planner_revoked(v, planner_target(v)));
}

static bool may_unfence(const struct planner_view *v, size_t node)
{
    const struct planner_node *n = &v->nodes[node];

    return (int)node == planner_owner(v) && planner_holds(v) && !v->marks.late_flip &&
           !planner_state_is(v, REGISTER_FLIP) && !planner_state_is(v, REGISTER_SEIZE) &&
           planner_can_return(v, (int)node) &&
           (n->role != PG_WRITABLE || planner_marked(v, (int)node)) &&
           planner_w_holds(v, node, NULL);
}

/* The record is a secondary's; the agent asks once more, and its peers, before it obeys. */
static bool may_let_go(const struct planner_view *v, size_t node)
{
    return (int)node == planner_owner(v) && v->d_elsewhere && planner_marked(v, (int)node) &&
           planner_can_return(v, (int)node) && !v->nodes[node].fenced;
}

/* ---- achieved ----------------------------------------------------------------------------- */

static bool armed(const struct planner_view *v, size_t node)
{
    return planner_heard(v, (int)node);
}

static bool cron_off(const struct planner_view *v, size_t node)
{
    return v->nodes[node].cron_off;
}

static bool cron_on(const struct planner_view *v, size_t node)
{
    return v->nodes[node].cron_on;
}

static bool fenced(const struct planner_view *v, size_t node)
{
    const struct planner_node *n = &v->nodes[node];

    return planner_fenced(v, (int)node) && !n->standby_only && n->role == PG_STOPPED &&
           planner_heard(v, (int)node);
}

static bool fenced_any(const struct planner_view *v, size_t node)
{
    const struct planner_node *n = &v->nodes[node];

    /* with DNS silent, `fence` has no epoch to compare with */
    return planner_fenced(v, (int)node) && !n->standby_only && n->role == PG_STOPPED;
}

static bool caught_up(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_caught_up(v);
}

static bool verified(const struct planner_view *v, size_t node)
{
    return planner_verified(v, planner_old(v), (int)node);
}

static bool graded(const struct planner_view *v, size_t node)
{
    return register_grade_of(&v->d, v->nodes[node].name) >= GRADE_G2;
}

static bool not_receiving(const struct planner_view *v, size_t node)
{
    return planner_standby(v, (int)node) && !v->nodes[node].receiving;
}

static bool writable(const struct planner_view *v, size_t node)
{
    return planner_writable(v, (int)node) && !v->nodes[node].held;
}

static bool not_held(const struct planner_view *v, size_t node)
{
    return !v->nodes[node].held;
}

static bool streams(const struct planner_view *v, size_t node)
{
    return v->nodes[node].streams_from_owner;
}

static bool checkpointed(const struct planner_view *v, size_t node)
{
    return v->nodes[node].control_tli >= v->nodes[node].tli;
}

/* A standby of the owner; one that only runs may be on a line of WAL of its own. */
static bool rejoined(const struct planner_view *v, size_t node)
{
    return planner_standby(v, (int)node) && v->nodes[node].streams_from_owner;
}

static bool revoked(const struct planner_view *v, size_t node)
{
    return planner_revoked(v, (int)node);
}

static bool unfenced(const struct planner_view *v, size_t node)
{
    return writable(v, node) && !v->nodes[node].fenced;
}

static bool state_claim(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_state_is(v, REGISTER_CLAIM);
}

static bool state_seize(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_state_is(v, REGISTER_SEIZE);
}

static bool state_flip(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_state_is(v, REGISTER_FLIP);
}

static bool state_undo(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_state_is(v, REGISTER_UNDO);
}

static bool state_stable(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_state_is(v, REGISTER_STABLE);
}

static bool held_by_us(const struct planner_view *v, size_t node)
{
    (void)node;
    return planner_holds(v);
}

/* ---- the table ---------------------------------------------------------------------------- */

enum {
    ASK = STEP_OBSERVES,
    ACT = STEP_CHANGES | STEP_BEFORE_PNR,
    STOPS = STEP_STOPS,
    DNS = STEP_CHANGES | STEP_DNS | STEP_NEEDS_DNS,
    LATER = STEP_CHANGES, /* after the point of no return */
    BACK = STEP_CHANGES | STEP_BACKWARD,
    ALL = STEP_NODES,
    PNR = STEP_BEFORE_PNR,
    LOOK = STEP_OBSERVES,
    NEED = STEP_NEEDS_DNS,
};

/* clang-format off */
const struct step steps[STEP_COUNT] = {
#define ROW(id, name, flags, undo, fail, ms, ready, achieved, title) \
    [id] = {id, name, title, flags, undo, fail, ms, ready, achieved}
/*      id                   name              flags            undo               on failure  ms
 *   ready             achieved       title */
    ROW(STEP_NONE,           "none",           0,               STEP_NONE,         FAIL_STOP,  0,      always,           always,        "nothing"),
    ROW(STEP_PREFLIGHT,      "preflight",      ASK | PNR,       STEP_NONE,         FAIL_STOP,  30000,  always,           always,        "check everything, show the plan"),
    ROW(STEP_EVIDENCE,       "evidence",       ASK | ALL | PNR, STEP_NONE,         FAIL_STOP,  15000,  always,           always,        "ask every node what it sees of %s"),
    ROW(STEP_LOSS,           "loss",           ASK | PNR,       STEP_NONE,         FAIL_STOP,  600000, always,           always,        "state what may be lost with %s"),
    ROW(STEP_CLAIM,          "claim",          DNS | PNR,       STEP_STABLE_BACK,  FAIL_STOP,  10000,  may_claim,        state_claim,   "claim the ownership record"),
    ROW(STEP_SEIZE,          "seize",          DNS | PNR,       STEP_UNDO,         FAIL_STOP,  10000,  may_seize,        state_seize,   "seize the ownership record"),
    ROW(STEP_TAKEOVER,       "takeover",       DNS | PNR,       STEP_STABLE_BACK,  FAIL_STOP,  10000,  may_take_over,    held_by_us,    "take the ownership record over"),
    ROW(STEP_ARM,            "arm",            ACT | ALL,       STEP_STABLE_BACK,  FAIL_BACK,  5000,   answers,          armed,         "arm the agents: nothing older is obeyed"),
    ROW(STEP_CRON_OFF,       "cron-off",       ACT | NEED,      STEP_CRON_BACK,    FAIL_BACK,  30000,  answers,          cron_off,      "turn the scheduled jobs of %s off"),
    ROW(STEP_CATCHUP,        "catch-up",       ASK | PNR | NEED, STEP_NONE,        FAIL_BACK,  60000,  may_catch_up,     caught_up,     "checkpoint on %s, wait for the target to catch up"),
    ROW(STEP_ASK_DNS,        "ask-dns",        LOOK | PNR,       STEP_NONE,         FAIL_BACK,  10000,  always,           always,        "ask the zone's primary once more"),
    ROW(STEP_FENCE,          "fence",          ACT | NEED | STOPS, STEP_UNFENCE,  FAIL_BACK,  60000,  may_fence,        fenced_any,    "stop PostgreSQL on %s and fence it"),
    ROW(STEP_VERIFY,         "verify",         LOOK | PNR,      STEP_NONE,         FAIL_BACK,  15000,  may_verify,       verified,      "prove that %s has every commit"),
    ROW(STEP_FENCE_OLD,      "fence-old",      ACT | ALL | STOPS, STEP_UNFENCE,   FAIL_STOP,  60000,  answers,          fenced,        "fence %s through its agent"),
    ROW(STEP_CUT,            "cut",            ACT | LOOK,      STEP_UNFENCE,      FAIL_STOP,  60000,  may_cut,          always,        "cut the power of %s"),
    ROW(STEP_GRADE,          "grade",          DNS | PNR,       STEP_UNDO,         FAIL_STOP,  10000,  may_grade,        graded,        "record how %s is kept from writing"),
    ROW(STEP_RAISE,          "raise",          ACT,             STEP_FOLLOW_BACK,  FAIL_STOP,  60000,  may_raise,        is_standby,    "start %s as a standby without an upstream"),
    ROW(STEP_DETACH,         "detach",         ACT | ALL | LOOK, STEP_FOLLOW_BACK, FAIL_STOP,  60000,  is_standby,       not_receiving, "standbys stop receiving and drain"),
    ROW(STEP_EVIDENCE_AGAIN, "evidence-again", ASK | ALL | PNR, STEP_NONE,         FAIL_STOP,  15000,  always,           always,        "ask every node again what it sees of %s"),
    ROW(STEP_FLIP,           "flip",           DNS | PNR,       STEP_UNDO,         FAIL_BACK,  10000,  may_flip,         state_flip,    "alias and record to %s, in one update"),
    ROW(STEP_WAIT_WATCH,     "wait-watch",     ASK | PNR,       STEP_NONE,         FAIL_STOP,  60000,  always,           always,        "wait for the watch of a node declared lost without a fence"),
    ROW(STEP_RELEASE,        "release",        0,               STEP_NONE,         FAIL_STOP,  30000,  is_held,          not_held,      "wait for the guard of %s to let it go"),
    ROW(STEP_PROMOTE,        "promote",        ACT,             STEP_REVOKE,       FAIL_RETRY, 60000,  may_promote,      writable,      "promote %s"),
    ROW(STEP_CRON_STRAY,     "cron-stray",     LATER | ALL,     STEP_NONE,         FAIL_GO_ON, 15000,  answers,          cron_off,      "turn scheduled jobs off that are on beside the owner's"),
    ROW(STEP_CRON_ON,        "cron-on",        LATER,           STEP_NONE,         FAIL_GO_ON, 15000,  may_turn_cron_on, cron_on,       "turn the scheduled jobs of %s on"),
    ROW(STEP_FOLLOW,         "follow",         LATER | ALL,     STEP_NONE,         FAIL_GO_ON, 30000,  may_follow,       streams,       "standbys stream from the new primary"),
    ROW(STEP_CHECKPOINT,     "checkpoint",     LATER,           STEP_NONE,         FAIL_GO_ON, 60000,  is_writable_owner, checkpointed, "checkpoint on %s"),
    ROW(STEP_STABLE,         "stable",         DNS,             STEP_NONE,         FAIL_STOP,  10000,  may_settle,       state_stable,  "close the transition in the record"),
    ROW(STEP_REJOIN,         "rejoin",         LATER | ALL,     STEP_NONE,         FAIL_GO_ON, 60000,  may_rejoin,       rejoined,      "start %s as a standby of the new primary"),
    ROW(STEP_FORGET,         "forget",         LATER | LOOK,    STEP_NONE,         FAIL_STOP,  15000,  is_writable_owner, always,       "drop on %s the slot of the node that is lost"),
    ROW(STEP_REVOKE,         "revoke",         BACK | STOPS,    STEP_NONE,         FAIL_RETRY, 60000,  may_revoke,       revoked,       "take the promotion of %s back"),
    ROW(STEP_UNDO,           "undo",           DNS | BACK,      STEP_NONE,         FAIL_STOP,  10000,  may_undo,         state_undo,    "alias and record back to %s, in one update"),
    ROW(STEP_UNFENCE,        "unfence",        BACK,            STEP_NONE,         FAIL_RETRY, 60000,  may_unfence,      unfenced,      "lift the fence of %s and start it as the primary"),
    ROW(STEP_LET_GO,         "let-go",          BACK,            STEP_NONE,         FAIL_RETRY, 60000,  may_let_go,       unfenced,      "release the hold of %s and start it as the primary"),
    ROW(STEP_CRON_BACK,      "cron-back",      BACK,            STEP_NONE,         FAIL_RETRY, 15000,  may_turn_cron_on, cron_on,       "turn the scheduled jobs of %s on again"),
    ROW(STEP_FOLLOW_BACK,    "follow-back",    BACK | ALL,      STEP_NONE,         FAIL_GO_ON, 30000,  may_follow,       streams,       "standbys stream from the old primary again"),
    ROW(STEP_STABLE_BACK,    "stable-back",    DNS | BACK,      STEP_NONE,         FAIL_STOP,  10000,  may_settle,       state_stable,  "close the undone transition in the record"),
#undef ROW
};
/* clang-format on */

uint64_t steps_announced(const struct planner_view *v, enum step_id step)
{
    if (step == STEP_SEIZE) /* the old primary is lost already */
        return step_bit(STEP_ARM) | step_bit(STEP_FENCE_OLD) | step_bit(STEP_DETACH) |
               step_bit(STEP_EVIDENCE_AGAIN) | step_bit(STEP_FLIP) | step_bit(STEP_WAIT_WATCH) |
               step_bit(STEP_PROMOTE);
    if (step == STEP_FENCE && planner_state_is(v, REGISTER_CLAIM))
        return step_bit(STEP_VERIFY) | step_bit(STEP_FLIP) | step_bit(STEP_PROMOTE);
    return 0;
}

enum step_id step_from_name(const char *name)
{
    for (int s = STEP_NONE + 1; s < STEP_COUNT; s++)
        if (strcmp(steps[s].name, name) == 0)
            return (enum step_id)s;
    return STEP_NONE;
}

/* ---- what came of it ---------------------------------------------------------------------- */

enum planner_outcome steps_judge(const struct planner_view *v, enum step_id id, int node,
                                 enum planner_outcome said, bool refused)
{
    const struct step *step = &steps[id];

    if ((step->flags & (STEP_OBSERVES | STEP_DNS)) || !planner_answers(v, node))
        return said;
    /* An ARM that is to defeat a late request is known by its own answer alone: the epoch was
     * obeyed before. */
    if (id == STEP_ARM && (v->marks.unsettled & planner_bit(node)))
        return said;
    /* "It does not write" is proven by the agent's yes and a look that does not contradict it;
     * what the agent has refused, or could not do, no look makes done. */
    if ((step->flags & STEP_STOPS) && said == OUTCOME_FAILED && refused)
        return said;
    if (step->achieved(v, (size_t)node))
        return OUTCOME_DONE;
    return said == OUTCOME_DONE ? OUTCOME_FAILED : said;
}
