/*
 * The tables around a transition: what a command asks before it holds the record, and what there is
 * to do while the record is stable (docs/protocol.md, sections 3 to 5 and 7). First match.
 */
#include "controller/decide/planner_view.h"

/* ---- which nodes -------------------------------------------------------------------------- */

static uint32_t owner(const struct planner_view *v)
{
    return planner_bit(planner_owner(v));
}

static uint32_t to(const struct planner_view *v)
{
    return planner_bit(v->to);
}

static uint32_t suspects(const struct planner_view *v)
{
    return planner_suspects(v, v->to);
}

static uint32_t seen_writable(const struct planner_view *v)
{
    return planner_seen_writable(v, v->to);
}

/* Refused before anything is changed: later it could not be shown that these cannot write. */
static uint32_t ungraded(const struct planner_view *v)
{
    uint32_t nodes = v->cut_possible ? 0 : planner_silent(v, v->to);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_confirmed(v, i) || (i != planner_owner(v) && planner_graded(v, i)))
            nodes &= ~planner_bit(i);
    return planner_bit(planner_first(nodes));
}

static uint32_t others(const struct planner_view *v,
                       bool (*is)(const struct planner_view *v, int node))
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (i != planner_owner(v) && planner_answers(v, i) && is(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static bool has_jobs_on(const struct planner_view *v, int node)
{
    return !v->nodes[node].cron_off;
}

static bool is_rejoinable(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node];

    return n->fenced && n->wal.kind == LINEAGE_INSIDE && n->role == PG_STOPPED &&
           !(v->marks.rejoin_failed & planner_bit(node));
}

/* … or of which only PostgreSQL can say, once it has replayed what is there: a person asks for it
 * by name. */
static bool is_startable(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node];

    return n->fenced && n->wal.kind != LINEAGE_BEYOND && n->role == PG_STOPPED;
}

static bool is_behind(const struct planner_view *v, int node)
{
    return v->nodes[node].epoch < v->d.epoch && !(v->marks.arm_failed & planner_bit(node));
}

static uint32_t other_writable(const struct planner_view *v)
{
    return others(v, planner_writable);
}

static uint32_t with_jobs_on(const struct planner_view *v)
{
    return others(v, has_jobs_on);
}

static uint32_t rejoinable(const struct planner_view *v)
{
    return others(v, is_rejoinable);
}

static uint32_t rejoin_wanted(const struct planner_view *v)
{
    return v->rejoin ? rejoinable(v) : 0;
}

static uint32_t not_following(const struct planner_view *v)
{
    return others(v, planner_not_following);
}

static uint32_t behind(const struct planner_view *v)
{
    return others(v, is_behind);
}

/* The owner too: after `dns init` no agent knows the record yet. */
static uint32_t all_behind(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && is_behind(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static uint32_t to_behind(const struct planner_view *v)
{
    return behind(v) & to(v);
}

static uint32_t to_not_following(const struct planner_view *v)
{
    return not_following(v) & to(v);
}

static uint32_t to_startable(const struct planner_view *v)
{
    return others(v, is_startable) & to(v);
}

static uint32_t to_failed(const struct planner_view *v)
{
    return (v->marks.rejoin_failed | v->marks.follow_failed) & to(v);
}

static uint32_t to_beyond(const struct planner_view *v)
{
    return v->nodes[v->to].wal.kind == LINEAGE_BEYOND ? to(v) : 0;
}

/* ---- conditions --------------------------------------------------------------------------- */

static bool open_transition(const struct planner_view *v)
{
    return !planner_state_is(v, REGISTER_STABLE);
}

static bool to_is_owner(const struct planner_view *v)
{
    return v->to == planner_owner(v);
}

static bool to_is_not_owner(const struct planner_view *v)
{
    return v->to != planner_owner(v);
}

static bool to_silent(const struct planner_view *v)
{
    return !planner_answers(v, v->to);
}

static bool to_streams(const struct planner_view *v)
{
    return planner_standby(v, v->to) && v->nodes[v->to].streams_from_owner;
}

/* A standby whose promotion was abandoned halfway refuses to follow until a FENCE has ended the
 * promotion. */
static bool to_has_no_fence(const struct planner_view *v)
{
    return !v->nodes[v->to].fenced && (!planner_standby(v, v->to) || v->nodes[v->to].promoting);
}

static bool to_is_fenced(const struct planner_view *v)
{
    const struct planner_node *n = &v->nodes[v->to];

    return n->fenced && !n->standby_only && n->role == PG_STOPPED && n->epoch >= v->d.epoch;
}

static bool not_preflighted(const struct planner_view *v)
{
    return !planner_done(v, STEP_PREFLIGHT);
}

static bool no_evidence(const struct planner_view *v)
{
    return !planner_done(v, STEP_EVIDENCE);
}

static bool loss_not_accepted(const struct planner_view *v)
{
    return !planner_done(v, STEP_LOSS);
}

/* Known before anything is seized: where it branched, and what the others have. */
static bool leaves_behind(const struct planner_view *v)
{
    return v->nodes[v->to].branched && !planner_most_wal(v, v->to);
}

/* While a standby still receives, positions differ by what is on the wire: then SEIZE's own row
 * judges, once all are detached. */
static bool has_less(const struct planner_view *v)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_standby(v, i) && v->nodes[i].receiving)
            return false;
    return !v->nodes[v->to].branched && !planner_most_wal(v, v->to);
}

static bool owner_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_owner(v));
}

static bool owner_writable(const struct planner_view *v)
{
    return planner_writable(v, planner_owner(v));
}

static bool owner_not_writable(const struct planner_view *v)
{
    return !owner_writable(v);
}

static bool owner_unknown(const struct planner_view *v)
{
    return planner_unknown(v, planner_owner(v));
}

/* Its mark is set, whether it runs or not. */
static bool owner_can_return(const struct planner_view *v)
{
    return (owner_not_writable(v) || planner_marked(v, planner_owner(v))) &&
           planner_can_return(v, planner_owner(v));
}

static bool owner_without_cron(const struct planner_view *v)
{
    return owner_writable(v) && !v->nodes[planner_owner(v)].cron_on;
}

/* A node in `from` has said that it is no danger: the record may forget it. */
static bool from_answered(const struct planner_view *v)
{
    for (size_t i = 0; i < v->d.n_from; i++)
        if (!planner_stays_in_from(v, &v->d.from[i]))
            return true;
    return false;
}

/* ---- before the owner gets its role back at stable: rule W, as before a promotion -------------
 */

/* Who may write beside it and does not respond. */
static uint32_t unheard(const struct planner_view *v)
{
    return owner_can_return(v) ? planner_silent(v, planner_owner(v)) : 0;
}

static uint32_t unheard_not_asked_about(const struct planner_view *v)
{
    return no_evidence(v) ? unheard(v) : 0;
}

static uint32_t unheard_seen_writable(const struct planner_view *v)
{
    return unheard(v) & planner_seen_writable(v, planner_owner(v));
}

static uint32_t unheard_ungraded(const struct planner_view *v)
{
    uint32_t nodes = v->cut_possible ? 0 : unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_confirmed(v, i) || planner_graded(v, i))
            nodes &= ~planner_bit(i);
    return planner_bit(planner_first(nodes));
}

static uint32_t unheard_to_cut(const struct planner_view *v)
{
    uint32_t nodes = v->cut_possible ? unheard(v) : 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_confirmed(v, i) || planner_graded(v, i))
            nodes &= ~planner_bit(i);
    return planner_bit(planner_first(nodes));
}

static uint32_t unheard_to_grade(const struct planner_view *v)
{
    uint32_t nodes = unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!planner_confirmed(v, i) || planner_graded(v, i))
            nodes &= ~planner_bit(i);
    return nodes;
}

/* By a person's word alone: if it lives, its watch reads a record that names another owner. */
static uint32_t unheard_by_word(const struct planner_view *v)
{
    uint32_t nodes = planner_done(v, STEP_WAIT_WATCH) ? 0 : unheard(v);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!(v->marks.accepted & planner_bit(i)) &&
            register_grade_of(&v->d, v->nodes[i].name) != GRADE_G3)
            nodes &= ~planner_bit(i);
    return nodes ? owner(v) : 0;
}

static uint32_t to_fence_first(const struct planner_view *v)
{
    return owner_can_return(v) ? planner_unfenced_others(v) : 0;
}

/* TAKEOVER at stable: only if the owner answers, else a reboot would hold it. (Here either can only
 * be true of one that does.) */
static bool repair_begins(const struct planner_view *v)
{
    return !planner_holds(v) && (owner_can_return(v) || owner_without_cron(v));
}

static bool settle_begins(const struct planner_view *v)
{
    return !planner_holds(v) && from_answered(v);
}

static bool fence_begins(const struct planner_view *v)
{
    return !planner_holds(v) && v->d_answered && !owner_silent(v);
}

static uint32_t to_answers(const struct planner_view *v)
{
    return planner_answers(v, v->to) ? to(v) : 0;
}

static bool forget_begins(const struct planner_view *v)
{
    return !planner_holds(v) && register_from_has(&v->d, v->nodes[v->to].name);
}

static bool slot_not_dropped(const struct planner_view *v)
{
    return !planner_done(v, STEP_FORGET);
}

static bool began(const struct planner_view *v)
{
    return v->marks.began;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* clang-format off */
/* Before anything is changed, and before the owner is ARMed: its guard may let it go then. */
#define RETURN_IS_ASKED(state)                                                                     \
    PLANNER_STEP(state ": evidence about the silent", NULL,               unheard_not_asked_about, STEP_EVIDENCE), \
    PLANNER_END (state ": silent, but seen writable", NULL,                    unheard_seen_writable, WHY_SEEN_WRITABLE, 4), \
    PLANNER_END (state ": silent, no grade",          NULL,                    unheard_ungraded,      WHY_NO_GRADE,      4),   \
    PLANNER_STEP(state ": G3: the watch has its time",    NULL, unheard_by_word, STEP_WAIT_WATCH)
#define RETURN_IS_PROVEN(state)                                                                    \
    PLANNER_STEP(state ": another held, stopped or without a fence", NULL, to_fence_first, STEP_FENCE), \
    PLANNER_STEP(state ": silent, a hook can cut it",          NULL, unheard_to_cut, STEP_CUT),            \
    PLANNER_STEP(state ": a grade to be recorded",        NULL, unheard_to_grade, STEP_GRADE)

static const struct planner_row switchover_entry[] = {
    PLANNER_END ("switchover: a transition is open", open_transition, NULL,  WHY_OPEN,         7),
    PLANNER_END ("switchover: to the owner",         to_is_owner,     to,    WHY_OWNER_IS_TO,  2),
    PLANNER_STEP("switchover: preflight",            not_preflighted, NULL,  STEP_PREFLIGHT),
    PLANNER_END ("switchover: owner silent",         owner_silent,    owner, WHY_OWNER_SILENT, 2),
    PLANNER_END ("switchover: target silent",        to_silent,       to,    WHY_TO_SILENT,    2),
    PLANNER_STEP("switchover: claim",                NULL,            NULL,  STEP_CLAIM),
    {0},
};

static const struct planner_row failover_entry[] = {
    PLANNER_END ("failover: to the owner",               to_is_owner,       to,            WHY_OWNER_IS_TO,   2),
    PLANNER_STEP("failover: preflight",                  not_preflighted,   NULL,          STEP_PREFLIGHT),
    PLANNER_STEP("failover: evidence",                   no_evidence,       suspects,      STEP_EVIDENCE),
    PLANNER_END ("failover: silent, but seen writable",  NULL,              seen_writable, WHY_SEEN_WRITABLE, 2),
    PLANNER_END ("failover: target silent",              to_silent,         to,            WHY_TO_SILENT,     2),
    PLANNER_END ("failover: owner silent, no grade",     NULL,              ungraded,      WHY_NO_GRADE_YET,  2),
    PLANNER_END ("failover: another has more WAL",       has_less,          to,            WHY_NOT_MOST_WAL,  2),
    PLANNER_STEP("failover: loss not accepted",          loss_not_accepted, owner,         STEP_LOSS),
    PLANNER_END ("failover: promoted by hand too early", leaves_behind,     to,            WHY_LEFT_BEHIND,   2),
    PLANNER_STEP("failover: seize",                      NULL,              NULL,          STEP_SEIZE),
    {0},
};

static const struct planner_row takeover_entry[] = {
    PLANNER_STEP("take over", NULL, NULL, STEP_TAKEOVER),
    {0},
};

static const struct planner_row refuse_open[] = {
    PLANNER_END("a transition is open", NULL, NULL, WHY_OPEN, 7),
    {0},
};

static const struct planner_row finished[] = {
    PLANNER_STEP("stable: standbys to rejoin",       NULL,               rejoin_wanted, STEP_REJOIN),
    PLANNER_END ("stable: the owner's jobs are off", owner_without_cron, owner,         WHY_CRON_OWED, 4),
    PLANNER_END ("stable: done",                     NULL,               owner,         WHY_FORWARD,   0),
    {0},
};

static const struct planner_row undone[] = {
    PLANNER_END("stable: undone", NULL, owner, WHY_UNDONE, 3),
    {0},
};

static const struct planner_row aborted[] = {
    PLANNER_END("stable: undone, as commanded", NULL, owner, WHY_UNDONE, 0),
    {0},
};

static const struct planner_row stable_resume[] = {
    PLANNER_END("stable: another is writable", owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLANNER_END("stable: owner silent",        owner_silent,       owner,          WHY_OWNER_SILENT,   4),
    RETURN_IS_ASKED("stable"),
    PLANNER_STEP("stable: a node carries an older epoch",  NULL,          all_behind, STEP_ARM),
    PLANNER_STEP("stable: owner fenced, held or cron off", repair_begins, NULL,       STEP_TAKEOVER),
    RETURN_IS_PROVEN("stable"),
    PLANNER_STEP("stable: owner fenced or held",                owner_can_return,   owner,         STEP_UNFENCE),
    PLANNER_END ("stable: owner unknown",                       owner_unknown,      owner,         WHY_OWNER_UNKNOWN, 4),
    PLANNER_END ("stable: owner down",                          owner_not_writable, owner,         WHY_OWNER_DOWN,    4),
    PLANNER_STEP("stable: others' jobs on",                     NULL,               with_jobs_on,  STEP_CRON_STRAY),
    PLANNER_STEP("stable: owner's jobs off",                    owner_without_cron, owner,         STEP_CRON_BACK),
    PLANNER_STEP("stable: a node in `from` answered",           settle_begins,      NULL,          STEP_TAKEOVER),
    PLANNER_STEP("stable: standbys to rejoin",                  NULL,               rejoinable,    STEP_REJOIN),
    PLANNER_STEP("stable: a standby does not follow the owner", NULL,               not_following, STEP_FOLLOW),
    PLANNER_END ("stable: settled",                             began,              owner,         WHY_SETTLED,       0),
    PLANNER_END ("stable",                                      NULL,               owner,         WHY_NOTHING,       0),
    {0},
};

static const struct planner_row stable_abort[] = {
    PLANNER_END("stable: another is writable", owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLANNER_END("stable: nothing to abort",    owner_silent,       NULL,           WHY_NOTHING,        0),
    RETURN_IS_ASKED("stable"),
    PLANNER_STEP("stable: owner fenced, held or cron off", repair_begins, NULL, STEP_TAKEOVER),
    RETURN_IS_PROVEN("stable"),
    PLANNER_STEP("stable: owner fenced or held", owner_can_return,   owner,        STEP_UNFENCE),
    PLANNER_STEP("stable: others' jobs on",      owner_without_cron, with_jobs_on, STEP_CRON_STRAY),
    PLANNER_STEP("stable: owner's jobs off",     owner_without_cron, owner,        STEP_CRON_BACK),
    PLANNER_END ("stable: settled",              began,              owner,        WHY_SETTLED, 0),
    PLANNER_END ("stable: nothing to abort",     NULL,               NULL,         WHY_NOTHING, 0),
    {0},
};

static const struct planner_row stable_unfence[] = {
    PLANNER_END("unfence: not the owner",       to_is_not_owner,    to,             WHY_NOT_OWNER,      2),
    PLANNER_END("unfence: another is writable", owner_not_writable, other_writable, WHY_OTHER_WRITABLE, 4),
    PLANNER_END("unfence: owner silent",        owner_silent,       owner,          WHY_OWNER_SILENT,   4),
    RETURN_IS_ASKED("unfence"),
    PLANNER_STEP("unfence: begin", repair_begins, NULL, STEP_TAKEOVER),
    RETURN_IS_PROVEN("unfence"),
    PLANNER_STEP("unfence: fenced or held",  owner_can_return,   owner,        STEP_UNFENCE),
    PLANNER_END ("unfence: owner unknown",   owner_unknown,      owner,        WHY_OWNER_UNKNOWN, 4),
    PLANNER_END ("unfence: owner down",      owner_not_writable, owner,        WHY_OWNER_DOWN,    4),
    PLANNER_STEP("unfence: others' jobs on", owner_without_cron, with_jobs_on, STEP_CRON_STRAY),
    PLANNER_STEP("unfence: jobs off",        owner_without_cron, owner,        STEP_CRON_BACK),
    PLANNER_END ("unfence: done",            NULL,               owner,        WHY_SETTLED,       0),
    {0},
};

static const struct planner_row stable_fence[] = {
    PLANNER_END ("fence: silent",  to_silent,    to,   WHY_TO_SILENT, 4),
    PLANNER_STEP("fence: begin",   fence_begins, NULL, STEP_TAKEOVER),
    PLANNER_END ("fence: done",    to_is_fenced, to,   WHY_FENCED,    0),
    PLANNER_STEP("fence: not yet", NULL,         to,   STEP_FENCE),
    {0},
};

static const struct planner_row stable_rejoin[] = {
    PLANNER_END ("rejoin: the owner",                           to_is_owner,        to,               WHY_OWNER_IS_TO,   2),
    PLANNER_END ("rejoin: silent",                              to_silent,          to,               WHY_TO_SILENT,     4),
    PLANNER_END ("rejoin: done",                                to_streams,         to,               WHY_REJOINED,      0),
    PLANNER_END ("rejoin: owner silent",                        owner_silent,       owner,            WHY_OWNER_SILENT,  4),
    PLANNER_END ("rejoin: owner down",                          owner_not_writable, owner,            WHY_OWNER_IDLE,    4),
    PLANNER_END ("rejoin: WAL of its own",                      NULL,               to_beyond,        WHY_DIVERGED,      4),
    PLANNER_END ("rejoin: a step failed",                       NULL,               to_failed,        WHY_REJOIN_FAILED, 4),
    PLANNER_STEP("rejoin: carries an older epoch",              NULL,               to_behind,        STEP_ARM),
    PLANNER_STEP("rejoin: without a fence",                     to_has_no_fence,    to,               STEP_FENCE),
    PLANNER_STEP("rejoin: fenced",                              NULL,               to_startable,     STEP_REJOIN),
    PLANNER_STEP("rejoin: a standby does not follow the owner", NULL,               to_not_following, STEP_FOLLOW),
    PLANNER_END ("rejoin: nothing to do",                       NULL,               to,               WHY_REJOIN_FAILED, 4),
    {0},
};

/* Only for a node that does not respond: asking any other settles what the record says of it. */
static const struct planner_row stable_forget[] = {
    PLANNER_END ("forget: the owner",               to_is_owner,        to,         WHY_OWNER_IS_TO,  2),
    PLANNER_END ("forget: it answers",              NULL,               to_answers, WHY_NOT_LOST,     2),
    PLANNER_END ("forget: owner silent",            owner_silent,       owner,      WHY_OWNER_SILENT, 4),
    PLANNER_END ("forget: owner down",              owner_not_writable, owner,      WHY_OWNER_IDLE,   4),
    PLANNER_STEP("forget: out of the record",       forget_begins,      NULL,       STEP_TAKEOVER),
    PLANNER_STEP("forget: nothing older is obeyed", NULL,               all_behind, STEP_ARM),
    PLANNER_STEP("forget: its slot",                slot_not_dropped,   owner,      STEP_FORGET),
    PLANNER_END ("forget: done",                    NULL,               to,         WHY_FORGOTTEN,    0),
    {0},
};
/* clang-format on */

const struct planner_row *planner_entry_rows(const struct planner_view *v)
{
    switch (v->command) {
    case PLANNER_SWITCHOVER:
        return switchover_entry;
    case PLANNER_FAILOVER:
        return failover_entry;
    case PLANNER_RESUME:
    case PLANNER_ABORT:
        return open_transition(v) ? takeover_entry : planner_stable_rows(v);
    default:
        return open_transition(v) ? refuse_open : planner_stable_rows(v);
    }
}

const struct planner_row *planner_stable_rows(const struct planner_view *v)
{
    if (v->marks.finished)
        return finished;
    if (v->marks.undone)
        return v->command == PLANNER_SWITCHOVER || v->command == PLANNER_FAILOVER || v->marks.turned
                   ? undone
                   : aborted;
    switch (v->command) {
    case PLANNER_ABORT:
        return stable_abort;
    case PLANNER_UNFENCE:
        return stable_unfence;
    case PLANNER_FENCE:
        return stable_fence;
    case PLANNER_REJOIN:
        return stable_rejoin;
    case PLANNER_FORGET:
        return stable_forget;
    default:
        return stable_resume;
    }
}
