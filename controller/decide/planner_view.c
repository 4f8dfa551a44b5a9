#include "controller/decide/planner_view.h"

#include <string.h>

int planner_first(uint32_t nodes)
{
    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        if (nodes & (1U << i))
            return i;
    return -1;
}

int planner_node_index(const struct planner_view *v, const char *name)
{
    for (size_t i = 0; i < v->n_nodes; i++)
        if (strcmp(v->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

int planner_owner(const struct planner_view *v)
{
    return planner_node_index(v, v->d.owner);
}

int planner_previous(const struct planner_view *v)
{
    return v->d.n_from ? planner_node_index(v, v->d.from[v->d.n_from - 1].node) : -1;
}

bool planner_holds(const struct planner_view *v)
{
    const struct planner_marks *m = &v->marks;

    return m->epoch > 0 && m->epoch == v->d.epoch && strcmp(m->nonce, v->d.nonce) == 0;
}

int planner_old(const struct planner_view *v)
{
    return planner_state_is(v, REGISTER_FLIP) ? planner_previous(v) : planner_owner(v);
}

int planner_target(const struct planner_view *v)
{
    switch (v->d.state) {
    case REGISTER_CLAIM:
    case REGISTER_SEIZE:
        return planner_node_index(v, v->d.to);
    case REGISTER_FLIP:
        return planner_owner(v);
    default:
        return -1;
    }
}

uint32_t planner_suspects(const struct planner_view *v, int target)
{
    uint32_t nodes = planner_bit(planner_owner(v));

    for (size_t i = 0; i < v->d.n_from; i++)
        nodes |= planner_bit(planner_node_index(v, v->d.from[i].node));
    return nodes & ~planner_bit(target);
}

bool planner_answers(const struct planner_view *v, int node)
{
    return node >= 0 && v->nodes[node].answered;
}

bool planner_heard(const struct planner_view *v, int node)
{
    return node >= 0 && v->d.epoch > 0 && v->nodes[node].epoch == v->d.epoch;
}

bool planner_writable(const struct planner_view *v, int node)
{
    return planner_answers(v, node) && v->nodes[node].role == PG_WRITABLE;
}

bool planner_fenced(const struct planner_view *v, int node)
{
    return node >= 0 && v->nodes[node].state_ok && v->nodes[node].fenced;
}

bool planner_standby(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    return planner_answers(v, node) && n->role == PG_RECOVERY && !n->held &&
           (!n->fenced || n->standby_only);
}

bool planner_not_following(const struct planner_view *v, int node)
{
    return planner_standby(v, node) && !v->nodes[node].promoting &&
           !v->nodes[node].streams_from_owner && v->nodes[node].history_ok &&
           !(v->marks.follow_failed & planner_bit(node));
}

/* A FENCE that caught a promotion halfway may not know yet that this was a primary: only another
 * FENCE finds out, and only then is UNFENCE possible. */
static bool fenced_unknowing(const struct planner_node *n)
{
    return n->fenced && n->role == PG_WRITABLE && !n->was_primary;
}

bool planner_fence_unfinished(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    return planner_answers(v, node) && n->fenced && !n->standby_only &&
           (n->orphans || n->role == PG_STARTING);
}

bool planner_unfenced(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    if (planner_answers(v, node) && fenced_unknowing(n))
        return true;
    if (planner_fence_unfinished(v, node) || (planner_answers(v, node) && n->orphans))
        return true;
    if (!planner_answers(v, node) || n->fenced || n->role == PG_WRITABLE)
        return false;
    /* a node in `from` that has come back as a healthy standby is no danger; A itself is */
    if (n->role == PG_RECOVERY && !n->held && !n->promoting)
        return node == planner_old(v);
    return n->held || n->role != PG_UNKNOWN || !planner_state_is(v, REGISTER_CLAIM);
}

uint32_t planner_unfenced_others(const struct planner_view *v)
{
    uint32_t others = planner_suspects(v, planner_owner(v));

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!planner_unfenced(v, i))
            others &= ~planner_bit(i);
    return planner_bit(planner_first(others));
}

bool planner_known_not_writable(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    if (!planner_heard(v, node) || !n->state_ok || n->role == PG_WRITABLE || n->orphans)
        return false;
    if (!n->fenced) /* a hold is not a fence */
        return n->role == PG_RECOVERY && !n->held && !n->promoting;
    if (n->role == PG_RECOVERY)
        return true;
    /* stopped: a bare start would come up as a standby, pg_control is as it was after the fence */
    return n->role == PG_STOPPED && n->signal &&
           (n->standby_only || !n->shutdown_lsn || n->control_lsn == n->shutdown_lsn);
}

bool planner_graded(const struct planner_view *v, int node)
{
    return node >= 0 && !v->nodes[node].answered &&
           register_grade_of(&v->d, v->nodes[node].name) >= GRADE_G2;
}

uint32_t planner_silent(const struct planner_view *v, int target)
{
    uint32_t nodes = planner_suspects(v, target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (v->nodes[i].answered || planner_known_not_writable(v, i))
            nodes &= ~planner_bit(i);
    return nodes;
}

uint32_t planner_seen_writable(const struct planner_view *v, int target)
{
    uint32_t nodes = planner_silent(v, target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!v->nodes[i].seen_writable)
            nodes &= ~planner_bit(i);
    return nodes;
}

bool planner_confirmed(const struct planner_view *v, int node)
{
    return ((v->marks.cut | v->marks.accepted) & planner_bit(node)) != 0;
}

bool planner_w_holds(const struct planner_view *v, size_t target, int *ret_node)
{
    uint32_t suspects = planner_suspects(v, (int)target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((suspects & planner_bit(i)) && !planner_known_not_writable(v, i) &&
            !planner_graded(v, i)) {
            if (ret_node)
                *ret_node = i;
            return false;
        }
    return true;
}

bool planner_can_return(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    if (!planner_answers(v, node))
        return false;
    if (n->fenced)
        return n->was_primary && !n->standby_only;
    return n->role == PG_WRITABLE || n->held;
}

bool planner_past_no_return(const struct planner_view *v)
{
    int target = planner_target(v);

    return planner_state_is(v, REGISTER_FLIP) &&
           (planner_writable(v, target) ||
            (planner_answers(v, target) && v->nodes[target].promoting));
}

bool planner_unknown(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    return planner_answers(v, node) && !n->fenced && !n->held && !n->orphans &&
           (n->role == PG_UNKNOWN || n->role == PG_STARTING);
}

bool planner_promoted(const struct planner_view *v)
{
    int target = planner_target(v);

    return planner_state_is(v, REGISTER_FLIP) && planner_answers(v, target) &&
           v->nodes[target].promoted;
}

bool planner_promoted_down(const struct planner_view *v)
{
    return planner_promoted(v) && v->nodes[planner_target(v)].role != PG_RECOVERY &&
           !planner_writable(v, planner_target(v));
}

bool planner_from_may_lose(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    return planner_standby(v, node) || (planner_answers(v, node) && planner_fenced(v, node) &&
                                        (n->role == PG_STOPPED || n->role == PG_RECOVERY));
}

/* A G3 node stays in `from` until it has answered "fenced" or "in recovery"; any other was
 * confirmed when it was heard. But unless something was flipped, no node has been asked: one
 * without a grade is there because `dns set` wrote it, and stays until it has answered so at this
 * epoch. */
bool planner_stays_in_from(const struct planner_view *v, const struct register_from *f)
{
    int node = planner_node_index(v, f->node);
    bool asked = !planner_state_is(v, REGISTER_STABLE) && !planner_state_is(v, REGISTER_CLAIM);

    if (f->grade == GRADE_G3)
        return !planner_from_may_lose(v, node);
    if (f->grade != GRADE_NONE || asked)
        return false;
    return !(planner_from_may_lose(v, node) && planner_heard(v, node)) &&
           !planner_known_not_writable(v, node);
}

bool planner_marked(const struct planner_view *v, int node)
{
    return planner_answers(v, node) && (v->nodes[node].fenced || v->nodes[node].held);
}

bool planner_revoked(const struct planner_view *v, int node)
{
    const struct planner_node *n = &v->nodes[node < 0 ? 0 : node];

    return node >= 0 && n->revoked_epoch >= v->d.epoch && !n->promoting && n->role != PG_WRITABLE;
}

bool planner_cron_clear(const struct planner_view *v)
{
    uint32_t suspects = planner_suspects(v, planner_owner(v));

    for (int i = 0; i < (int)v->n_nodes; i++) {
        const struct planner_node *n = &v->nodes[i];

        if (i == planner_owner(v))
            continue;
        if (n->answered && !n->cron_off)
            return false;
        if ((suspects & planner_bit(i)) && !(planner_known_not_writable(v, i) && n->cron_off) &&
            (n->answered || register_grade_of(&v->d, n->name) == GRADE_NONE))
            return false;
    }
    return true;
}

uint64_t planner_wal(const struct planner_node *n)
{
    return n->receive_lsn > n->replay_lsn ? n->receive_lsn : n->replay_lsn;
}

/* A branch has of the timeline that it left what lies before that point, and no more. */
static bool has_more(const struct planner_node *n, const struct planner_node *target,
                     bool less_accepted)
{
    if (target->branched && n->tli < target->tli)
        return !less_accepted && planner_wal(n) > target->branch_at;
    return n->tli >= target->tli && planner_wal(n) > planner_wal(target);
}

bool planner_most_wal(const struct planner_view *v, int node)
{
    const struct planner_node *target = &v->nodes[node];

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (i != node && planner_standby(v, i) &&
            has_more(&v->nodes[i], target, v->marks.less_accepted))
            return false;
    return true;
}

bool planner_timeline_fits(const struct planner_view *v, int node)
{
    const struct planner_node *target = &v->nodes[node];

    if (!(target->history_ok || target->branched) || !target->sysid_ok)
        return false;
    for (size_t i = 0; i < v->n_nodes; i++) /* also as last heard: a number stays used */
        if ((int)i != node && v->nodes[i].newest_tli > target->tli)
            return false;
    return true;
}

bool planner_verified(const struct planner_view *v, int old, int target)
{
    if (old < 0 || target < 0)
        return false;
    const struct planner_node *from = &v->nodes[old], *to = &v->nodes[target];

    return planner_heard(v, old) && planner_fenced(v, old) && from->clean && from->shutdown_lsn &&
           from->control_lsn == from->shutdown_lsn && to->replay_lsn > from->shutdown_lsn &&
           to->history_ok && to->sysid_ok; /* on another line of WAL the LSN proves nothing */
}

/* B alone may believe in a connection that its owner has lost: a walreceiver does not notice that
 * for wal_receiver_timeout. */
bool planner_caught_up(const struct planner_view *v)
{
    enum { ABOUT_ZERO_BYTES = 1 << 20 };
    int old = planner_old(v), target = planner_target(v);

    if (!planner_answers(v, old) || !planner_standby(v, target))
        return false;
    return v->nodes[target].streams_from_owner && v->nodes[target].attached &&
           v->nodes[target].replay_lsn + ABOUT_ZERO_BYTES >= v->nodes[old].insert_lsn;
}

static bool seize_flip_ready(const struct planner_view *v, int target)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_standby(v, i) && v->nodes[i].receiving)
            return false;
    return planner_most_wal(v, target) && planner_timeline_fits(v, target) &&
           planner_done(v, STEP_DETACH) &&
           (planner_done(v, STEP_EVIDENCE_AGAIN) || planner_silent(v, target) == 0) &&
           planner_done(v, STEP_LOSS);
}

bool planner_flip_ready(const struct planner_view *v)
{
    int old = planner_old(v), target = planner_target(v);

    if (!planner_holds(v) || !planner_standby(v, target) || !planner_heard(v, target) ||
        !planner_w_holds(v, (size_t)target, NULL))
        return false;
    if (planner_state_is(v, REGISTER_CLAIM))
        return planner_done(v, STEP_VERIFY) && planner_verified(v, old, target);
    return planner_state_is(v, REGISTER_SEIZE) && seize_flip_ready(v, target);
}

/* A switchover that turned round goes forward again if the promotion turns out to have happened.
 * And a flip that finds A writable while B is not goes back whatever the command (section 7). */
bool planner_back(const struct planner_view *v)
{
    if (planner_state_is(v, REGISTER_FLIP)) {
        bool done = planner_writable(v, planner_target(v));

        if (planner_writable(v, planner_old(v)) && !done)
            return true;
        if (done && v->command != PLANNER_ABORT)
            return false;
    }
    return v->command == PLANNER_ABORT || v->marks.turned;
}
