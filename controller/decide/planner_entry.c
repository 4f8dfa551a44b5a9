/*
 * The tables around a transition: what a command asks before it holds the record, and what there is
 * to do while the record is stable (docs/protocol.md, sections 3 to 5 and 7). First match.
 */
#include "controller/decide/planner_view.h"

/* ---- which nodes -------------------------------------------------------------------------- */

static uint32_t owner(const struct plan_view *v)
{
    return plan_bit(plan_owner(v));
}

static uint32_t to(const struct plan_view *v)
{
    return plan_bit(v->to);
}

static uint32_t suspects(const struct plan_view *v)
{
    return plan_suspects(v, v->to);
}

static uint32_t seen_writable(const struct plan_view *v)
{
    return plan_seen_writable(v, v->to);
}

/* Refused before anything is changed: nobody could say later that these cannot write. */
static uint32_t ungraded(const struct plan_view *v)
{
    uint32_t nodes = v->cut_possible ? 0 : plan_silent(v, v->to);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (plan_confirmed(v, i) || (i != plan_owner(v) && plan_graded(v, i)))
            nodes &= ~plan_bit(i);
    return plan_bit(plan_first(nodes));
}

static uint32_t others(const struct plan_view *v, bool (*is)(const struct plan_view *v, int node))
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (i != plan_owner(v) && plan_answers(v, i) && is(v, i))
            nodes |= plan_bit(i);
    return nodes;
}

static bool is_cron_astray(const struct plan_view *v, int node)
{
    return !v->nodes[node].cron_off;
}

static bool is_rejoinable(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node];

    return n->fenced && n->wal.kind == LINEAGE_INSIDE && n->role == PG_STOPPED &&
           !(v->marks.rejoin_failed & plan_bit(node));
}

/* … or of which only PostgreSQL can say, once it has replayed what is there: a person asks for it
 * by name. */
static bool is_startable(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node];

    return n->fenced && n->wal.kind != LINEAGE_BEYOND && n->role == PG_STOPPED &&
           !(v->marks.rejoin_failed & plan_bit(node));
}

static bool is_behind(const struct plan_view *v, int node)
{
    return v->nodes[node].epoch < v->d.epoch && !(v->marks.arm_failed & plan_bit(node));
}

static uint32_t other_writable(const struct plan_view *v)
{
    return others(v, plan_writable);
}

static uint32_t stray(const struct plan_view *v)
{
    return others(v, is_cron_astray);
}

static uint32_t rejoinable(const struct plan_view *v)
{
    return others(v, is_rejoinable);
}

static uint32_t rejoin_wanted(const struct plan_view *v)
{
    return v->rejoin ? rejoinable(v) : 0;
}

static uint32_t astray(const struct plan_view *v)
{
    return others(v, plan_astray);
}

static uint32_t behind(const struct plan_view *v)
{
    return others(v, is_behind);
}

/* The owner too: after `dns init` nobody has been told of the record yet. */
static uint32_t all_behind(const struct plan_view *v)
{
    int i = plan_owner(v);
    bool told = !plan_answers(v, i) || !is_behind(v, i);

    return behind(v) | (told ? 0 : plan_bit(i));
}

static uint32_t to_behind(const struct plan_view *v)
{
    return behind(v) & to(v);
}

static uint32_t to_astray(const struct plan_view *v)
{
    return astray(v) & to(v);
}

static uint32_t to_startable(const struct plan_view *v)
{
    return others(v, is_startable) & to(v);
}

static uint32_t to_failed(const struct plan_view *v)
{
    return (v->marks.rejoin_failed | v->marks.follow_failed) & to(v);
}

static uint32_t to_beyond(const struct plan_view *v)
{
    return v->nodes[v->to].wal.kind == LINEAGE_BEYOND ? to(v) : 0;
}

/* ---- conditions --------------------------------------------------------------------------- */

static bool open_transition(const struct plan_view *v)
{
    return !plan_state_is(v, REGISTER_STABLE);
}

static bool to_is_owner(const struct plan_view *v)
{
    return v->to == plan_owner(v);
}

static bool to_is_not_owner(const struct plan_view *v)
{
    return v->to != plan_owner(v);
}

static bool to_silent(const struct plan_view *v)
{
    return !plan_answers(v, v->to);
}

static bool to_streams(const struct plan_view *v)
{
    return plan_standby(v, v->to) && v->nodes[v->to].streams_from_owner;
}

/* A standby whose promotion was given up half-way refuses to follow until a FENCE has ended
 * that. */
static bool to_has_no_fence(const struct plan_view *v)
{
    return !v->nodes[v->to].fenced && (!plan_standby(v, v->to) || v->nodes[v->to].promoting);
}

static bool to_is_fenced(const struct plan_view *v)
{
    const struct plan_node *n = &v->nodes[v->to];

    return n->fenced && !n->standby_only && n->role == PG_STOPPED && n->epoch >= v->d.epoch;
}

static bool not_preflighted(const struct plan_view *v)
{
    return !plan_done(v, STEP_PREFLIGHT);
}

static bool no_evidence(const struct plan_view *v)
{
    return !plan_done(v, STEP_EVIDENCE);
}

static bool loss_not_accepted(const struct plan_view *v)
{
    return !plan_done(v, STEP_LOSS);
}

/* Known before anything is seized: where it branched, and what the others have. */
static bool leaves_behind(const struct plan_view *v)
{
    return v->nodes[v->to].branched && !plan_most_wal(v, v->to);
}

/* While a standby still receives, positions differ by what is on the wire: then SEIZE's own row
 * judges, once all are detached. */
static bool has_less(const struct plan_view *v)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (plan_standby(v, i) && v->nodes[i].receiving)
            return false;
    return !v->nodes[v->to].branched && !plan_most_wal(v, v->to);
}

static bool owner_silent(const struct plan_view *v)
{
    return !plan_answers(v, plan_owner(v));
}

static bool owner_writable(const struct plan_view *v)
{
    return plan_writable(v, plan_owner(v));
}

static bool owner_not_writable(const struct plan_view *v)
{
    return !owner_writable(v);
}

static bool owner_unknown(const struct plan_view *v)
{
    return plan_unknown(v, plan_owner(v));
}

/* Its mark is set, whether it runs or not. */
static bool owner_can_return(const struct plan_view *v)
{
    return (owner_not_writable(v) || plan_marked(v, plan_owner(v))) &&
           plan_can_return(v, plan_owner(v));
}

static bool owner_without_cron(const struct plan_view *v)
{
    return owner_writable(v) && !v->nodes[plan_owner(v)].cron_on;
}

/* A node in `from` has said that it is no danger: the record may forget it. */
static bool from_answered(const struct plan_view *v)
{
    for (size_t i = 0; i < v->d.n_from; i++)
        if (!plan_stays_in_from(v, &v->d.from[i]))
            return true;
    return false;
}

/* ---- before the owner gets its role back at stable: rule W, as before a promotion -------------
 */

/* Who may write beside it and does not respond. */
static uint32_t unheard(const struct plan_view *v)
{
    return owner_can_return(v) ? plan_silent(v, plan_owner(v)) : 0;
}

static uint32_t unheard_not_asked_about(const struct plan_view *v)
{
    return no_evidence(v) ? unheard(v) : 0;
}

static uint32_t unheard_seen_writable(const struct plan_view *v)
{
    return unheard(v) & plan_seen_writable(v, plan_owner(v));
}

static uint32_t unheard_ungraded(const struct plan_view *v)
{
    uint32_t nodes = v->cut_possible ? 0 : unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (plan_confirmed(v, i) || plan_graded(v, i))
            nodes &= ~plan_bit(i);
    return plan_bit(plan_first(nodes));
}

static uint32_t unheard_to_cut(const struct plan_view *v)
{
    uint32_t nodes = v->cut_possible ? unheard(v) : 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (plan_confirmed(v, i) || plan_graded(v, i))
            nodes &= ~plan_bit(i);
    return plan_bit(plan_first(nodes));
}

static uint32_t unheard_to_grade(const struct plan_view *v)
{
    uint32_t nodes = unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!plan_confirmed(v, i) || plan_graded(v, i))
            nodes &= ~plan_bit(i);
    return nodes;
}

/* By a person's word alone: if it lives, its watch reads a record that names another owner. */
static uint32_t unheard_by_word(const struct plan_view *v)
{
    uint32_t nodes = plan_done(v, STEP_WAIT_WATCH) ? 0 : unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!(v->marks.accepted & plan_bit(i)) &&
            register_grade_of(&v->d, v->nodes[i].name) != GRADE_G3)
            nodes &= ~plan_bit(i);
    return nodes ? owner(v) : 0;
}

static uint32_t to_fence_first(const struct plan_view *v)
{
    return owner_can_return(v) ? plan_weak_others(v) : 0;
}

/* TAKEOVER at stable: only if the owner answers, else a reboot would hold it. */
static bool repair_begins(const struct plan_view *v)
{
    return !plan_holds(v) && !owner_silent(v) && (owner_can_return(v) || owner_without_cron(v));
}

static bool settle_begins(const struct plan_view *v)
{
    return !plan_holds(v) && owner_writable(v) && from_answered(v);
}

static bool fence_begins(const struct plan_view *v)
{
    return !plan_holds(v) && v->d_answered && !owner_silent(v);
}

static uint32_t to_answers(const struct plan_view *v)
{
    return plan_answers(v, v->to) ? to(v) : 0;
}

static bool forget_begins(const struct plan_view *v)
{
    return !plan_holds(v) && register_from_has(&v->d, v->nodes[v->to].name);
}

static bool slot_not_dropped(const struct plan_view *v)
{
    return !plan_done(v, STEP_FORGET);
}

static bool began(const struct plan_view *v)
{
    return v->marks.began;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* clang-format off */
/* Before anything is changed, and before the owner is ARMed: its guard may let it go then. */
#define RETURN_IS_ASKED(state)                                                                     \
    PLAN_STEP(state ": evidence about the silent",     NULL, unheard_not_asked_about, STEP_EVIDENCE), \
    PLAN_END (state ": silent, but seen writable",     NULL, unheard_seen_writable, WHY_SEEN_WRITABLE, 4), \
    PLAN_END (state ": silent, no grade",              NULL, unheard_ungraded, WHY_NO_GRADE, 4),   \
    PLAN_STEP(state ": G3: the watch has its time",    NULL, unheard_by_word, STEP_WAIT_WATCH)
#define RETURN_IS_PROVEN(state)                                                                    \
    PLAN_STEP(state ": another held, stopped or without a fence", NULL, to_fence_first, STEP_FENCE), \
    PLAN_STEP(state ": silent, a hook can cut it",     NULL, unheard_to_cut, STEP_CUT),            \
    PLAN_STEP(state ": a grade to be recorded",        NULL, unheard_to_grade, STEP_GRADE)

static const struct plan_row switchover_entry[] = {
    PLAN_END ("switchover: a transition is open",  open_transition,   NULL,  WHY_OPEN, 7),
    PLAN_END ("switchover: to the owner",          to_is_owner,       to,    WHY_OWNER_IS_TO, 2),
    PLAN_STEP("switchover: preflight",             not_preflighted,   NULL,  STEP_PREFLIGHT),
    PLAN_END ("switchover: A silent",              owner_silent,      owner, WHY_OWNER_SILENT, 2),
    PLAN_END ("switchover: B silent",              to_silent,         to,    WHY_TO_SILENT, 2),
    PLAN_STEP("switchover: claim",                 NULL,              NULL,  STEP_CLAIM),
    {0},
};

static const struct plan_row failover_entry[] = {
    PLAN_END ("failover: to the owner",            to_is_owner,       to,    WHY_OWNER_IS_TO, 2),
    PLAN_STEP("failover: preflight",               not_preflighted,   NULL,  STEP_PREFLIGHT),
    PLAN_STEP("failover: evidence",                no_evidence,       suspects, STEP_EVIDENCE),
    PLAN_END ("failover: silent, but seen writable", NULL,            seen_writable, WHY_SEEN_WRITABLE, 2),
    PLAN_END ("failover: B silent",                to_silent,         to,    WHY_TO_SILENT, 2),
    PLAN_END ("failover: A silent, no grade",      NULL,              ungraded, WHY_NO_GRADE_YET, 2),
    PLAN_END ("failover: another has more WAL",    has_less,          to,    WHY_NOT_MOST_WAL, 2),
    PLAN_STEP("failover: loss not accepted",       loss_not_accepted, owner, STEP_LOSS),
    PLAN_END ("failover: promoted by hand too early", leaves_behind,  to,    WHY_LEFT_BEHIND, 2),
    PLAN_STEP("failover: seize",                   NULL,              NULL,  STEP_SEIZE),
    {0},
};

static const struct plan_row takeover_entry[] = {
    PLAN_STEP("take over",                         NULL,              NULL,  STEP_TAKEOVER),
    {0},
};

static const struct plan_row refuse_open[] = {
    PLAN_END ("a transition is open",              NULL,              NULL,  WHY_OPEN, 7),
    {0},
};

static const struct plan_row finished[] = {
    PLAN_STEP("stable: standbys to rejoin",        NULL,              rejoin_wanted, STEP_REJOIN),
    PLAN_END ("stable: the owner's jobs are off",  owner_without_cron, owner, WHY_CRON_OWED, 4),
    PLAN_END ("stable: done",                      NULL,              owner, WHY_FORWARD, 0),
    {0},
};

static const struct plan_row undone[] = {
    PLAN_END ("stable: undone",                    NULL,              owner, WHY_UNDONE, 3),
    {0},
};

static const struct plan_row aborted[] = {
    PLAN_END ("stable: undone, as commanded",      NULL,              owner, WHY_UNDONE, 0),
    {0},
};

static const struct plan_row stable_resume[] = {
    PLAN_END ("stable: another is writable",       owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLAN_END ("stable: owner silent",              owner_silent,      owner, WHY_OWNER_SILENT, 4),
    RETURN_IS_ASKED("stable"),
    PLAN_STEP("stable: a node carries an older epoch", NULL,          all_behind, STEP_ARM),
    PLAN_STEP("stable: owner fenced, held or cron off", repair_begins, NULL, STEP_TAKEOVER),
    RETURN_IS_PROVEN("stable"),
    PLAN_STEP("stable: owner fenced or held",      owner_can_return,  owner, STEP_UNFENCE),
    PLAN_END ("stable: owner unknown",             owner_unknown,     owner, WHY_OWNER_UNKNOWN, 4),
    PLAN_END ("stable: owner down",                owner_not_writable, owner, WHY_OWNER_DOWN, 4),
    PLAN_STEP("stable: others' jobs on",           NULL,              stray, STEP_CRON_STRAY),
    PLAN_STEP("stable: owner's jobs off",          owner_without_cron, owner, STEP_CRON_BACK),
    PLAN_STEP("stable: a node in `from` answered", settle_begins,     NULL,  STEP_TAKEOVER),
    PLAN_STEP("stable: standbys to rejoin",        NULL,              rejoinable, STEP_REJOIN),
    PLAN_STEP("stable: a standby astray",          NULL,              astray, STEP_FOLLOW),
    PLAN_END ("stable: settled",                   began,             owner, WHY_SETTLED, 0),
    PLAN_END ("stable",                            NULL,              owner, WHY_NOTHING, 0),
    {0},
};

static const struct plan_row stable_abort[] = {
    PLAN_END ("stable: another is writable",       owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLAN_END ("stable: nothing to abort",          owner_silent,      NULL,  WHY_NOTHING, 0),
    RETURN_IS_ASKED("stable"),
    PLAN_STEP("stable: owner fenced, held or cron off", repair_begins, NULL, STEP_TAKEOVER),
    RETURN_IS_PROVEN("stable"),
    PLAN_STEP("stable: owner fenced or held",      owner_can_return,  owner, STEP_UNFENCE),
    PLAN_STEP("stable: others' jobs on",           owner_without_cron, stray, STEP_CRON_STRAY),
    PLAN_STEP("stable: owner's jobs off",          owner_without_cron, owner, STEP_CRON_BACK),
    PLAN_END ("stable: settled",                   began,             owner, WHY_SETTLED, 0),
    PLAN_END ("stable: nothing to abort",          NULL,              NULL,  WHY_NOTHING, 0),
    {0},
};

static const struct plan_row stable_unfence[] = {
    PLAN_END ("unfence: not the owner",            to_is_not_owner,   to,    WHY_NOT_OWNER, 2),
    PLAN_END ("unfence: another is writable",      owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLAN_END ("unfence: owner silent",             owner_silent,      owner, WHY_OWNER_SILENT, 4),
    RETURN_IS_ASKED("unfence"),
    PLAN_STEP("unfence: begin",                    repair_begins,     NULL,  STEP_TAKEOVER),
    RETURN_IS_PROVEN("unfence"),
    PLAN_STEP("unfence: fenced or held",           owner_can_return,  owner, STEP_UNFENCE),
    PLAN_END ("unfence: owner unknown",            owner_unknown,     owner, WHY_OWNER_UNKNOWN, 4),
    PLAN_END ("unfence: owner down",               owner_not_writable, owner, WHY_OWNER_DOWN, 4),
    PLAN_STEP("unfence: others' jobs on",          owner_without_cron, stray, STEP_CRON_STRAY),
    PLAN_STEP("unfence: jobs off",                 owner_without_cron, owner, STEP_CRON_BACK),
    PLAN_END ("unfence: done",                     NULL,              owner, WHY_SETTLED, 0),
    {0},
};

static const struct plan_row stable_fence[] = {
    PLAN_END ("fence: silent",                     to_silent,         to,    WHY_TO_SILENT, 4),
    PLAN_STEP("fence: begin",                      fence_begins,      NULL,  STEP_TAKEOVER),
    PLAN_END ("fence: done",                       to_is_fenced,      to,    WHY_FENCED, 0),
    PLAN_STEP("fence: not yet",                    NULL,              to,    STEP_FENCE),
    {0},
};

static const struct plan_row stable_rejoin[] = {
    PLAN_END ("rejoin: the owner",                 to_is_owner,       to,    WHY_OWNER_IS_TO, 2),
    PLAN_END ("rejoin: silent",                    to_silent,         to,    WHY_TO_SILENT, 4),
    PLAN_END ("rejoin: done",                      to_streams,        to,    WHY_REJOINED, 0),
    PLAN_END ("rejoin: owner silent",              owner_silent,      owner, WHY_OWNER_SILENT, 4),
    PLAN_END ("rejoin: owner down",                owner_not_writable, owner, WHY_OWNER_IDLE, 4),
    PLAN_END ("rejoin: WAL of its own",            NULL,              to_beyond, WHY_DIVERGED, 4),
    PLAN_END ("rejoin: a step failed",             NULL,              to_failed, WHY_REJOIN_FAILED, 4),
    PLAN_STEP("rejoin: carries an older epoch",    NULL,              to_behind, STEP_ARM),
    PLAN_STEP("rejoin: without a fence",           to_has_no_fence,   to,    STEP_FENCE),
    PLAN_STEP("rejoin: fenced",                    NULL,              to_startable, STEP_REJOIN),
    PLAN_STEP("rejoin: a standby astray",          NULL,              to_astray, STEP_FOLLOW),
    PLAN_END ("rejoin: nothing to do",             NULL,              to,    WHY_REJOIN_FAILED, 4),
    {0},
};

/* Only a node that answers nobody: of any other the record learns by asking it. */
static const struct plan_row stable_forget[] = {
    PLAN_END ("forget: the owner",                 to_is_owner,       to,    WHY_OWNER_IS_TO, 2),
    PLAN_END ("forget: it answers",                NULL,              to_answers, WHY_NOT_LOST, 2),
    PLAN_END ("forget: owner silent",              owner_silent,      owner, WHY_OWNER_SILENT, 4),
    PLAN_END ("forget: owner down",                owner_not_writable, owner, WHY_OWNER_IDLE, 4),
    PLAN_STEP("forget: out of the record",         forget_begins,     NULL,  STEP_TAKEOVER),
    PLAN_STEP("forget: nothing older is obeyed",   NULL,              all_behind, STEP_ARM),
    PLAN_STEP("forget: its slot",                  slot_not_dropped,  owner, STEP_FORGET),
    PLAN_END ("forget: done",                      NULL,              to,    WHY_FORGOTTEN, 0),
    {0},
};
/* clang-format on */

const struct plan_row *plan_entry_rows(const struct plan_view *v)
{
    switch ((enum plan_command)v->command) {
    case PLAN_SWITCHOVER:
        return switchover_entry;
    case PLAN_FAILOVER:
        return failover_entry;
    case PLAN_RESUME:
    case PLAN_ABORT:
        return open_transition(v) ? takeover_entry : plan_stable_rows(v);
    case PLAN_UNFENCE:
    case PLAN_FENCE:
    case PLAN_REJOIN:
    case PLAN_FORGET:
        return open_transition(v) ? refuse_open : plan_stable_rows(v);
    case PLAN_COMMANDS:
        break;
    }
    return refuse_open;
}

const struct plan_row *plan_stable_rows(const struct plan_view *v)
{
    if (v->marks.finished)
        return finished;
    if (v->marks.undone)
        return v->command == PLAN_SWITCHOVER || v->command == PLAN_FAILOVER || v->marks.turned
                   ? undone
                   : aborted;
    switch ((enum plan_command)v->command) {
    case PLAN_ABORT:
        return stable_abort;
    case PLAN_UNFENCE:
        return stable_unfence;
    case PLAN_FENCE:
        return stable_fence;
    case PLAN_REJOIN:
        return stable_rejoin;
    case PLAN_FORGET:
        return stable_forget;
    case PLAN_SWITCHOVER:
    case PLAN_FAILOVER:
    case PLAN_RESUME:
    case PLAN_COMMANDS:
        break;
    }
    return stable_resume;
}
