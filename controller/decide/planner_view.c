#include "controller/decide/planner_view.h"

#include <string.h>

int plan_first(uint32_t nodes)
{
    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        if (nodes & (1U << i))
            return i;
    return -1;
}

int plan_node_index(const struct plan_view *v, const char *name)
{
    for (size_t i = 0; i < v->n_nodes; i++)
        if (strcmp(v->nodes[i].name, name) == 0)
            return (int)i;
    return -1;
}

int plan_owner(const struct plan_view *v)
{
    return plan_node_index(v, v->d.owner);
}

int plan_previous(const struct plan_view *v)
{
    return v->d.n_from ? plan_node_index(v, v->d.from[v->d.n_from - 1].node) : -1;
}

bool plan_holds(const struct plan_view *v)
{
    const struct plan_marks *m = &v->marks;

    return m->epoch > 0 && m->epoch == v->d.epoch && strcmp(m->nonce, v->d.nonce) == 0;
}

int plan_a(const struct plan_view *v)
{
    return plan_state_is(v, REGISTER_FLIP) ? plan_previous(v) : plan_owner(v);
}

int plan_b(const struct plan_view *v)
{
    switch ((enum register_state)v->d.state) {
    case REGISTER_CLAIM:
    case REGISTER_SEIZE:
        return plan_node_index(v, v->d.to);
    case REGISTER_FLIP:
        return plan_owner(v);
    case REGISTER_STABLE:
    case REGISTER_UNDO:
        break;
    }
    return -1;
}

uint32_t plan_suspects(const struct plan_view *v, int target)
{
    uint32_t nodes = plan_bit(plan_owner(v));

    for (size_t i = 0; i < v->d.n_from; i++)
        nodes |= plan_bit(plan_node_index(v, v->d.from[i].node));
    return nodes & ~plan_bit(target);
}

bool plan_answers(const struct plan_view *v, int node)
{
    return node >= 0 && v->nodes[node].answered;
}

bool plan_heard(const struct plan_view *v, int node)
{
    return node >= 0 && v->d.epoch > 0 && v->nodes[node].epoch == v->d.epoch;
}

bool plan_writable(const struct plan_view *v, int node)
{
    return plan_answers(v, node) && v->nodes[node].role == PG_WRITABLE;
}

bool plan_fenced(const struct plan_view *v, int node)
{
    return node >= 0 && v->nodes[node].state_ok && v->nodes[node].fenced;
}

bool plan_standby(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    return plan_answers(v, node) && n->role == PG_RECOVERY && !n->held &&
           (!n->fenced || n->standby_only);
}

bool plan_astray(const struct plan_view *v, int node)
{
    return plan_standby(v, node) && !v->nodes[node].promoting &&
           !v->nodes[node].streams_from_owner && v->nodes[node].history_ok &&
           !(v->marks.follow_failed & plan_bit(node));
}

/* A FENCE that met a promotion halfway may not know yet that this was a primary: only another one
 * tells, and only then UNFENCE is possible. */
static bool fenced_unknowing(const struct plan_node *n)
{
    return n->fenced && n->role == PG_WRITABLE && !n->was_primary;
}

bool plan_fence_unfinished(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    return plan_answers(v, node) && n->fenced && !n->standby_only &&
           (n->orphans || n->role == PG_STARTING);
}

bool plan_weak(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    if (plan_answers(v, node) && fenced_unknowing(n))
        return true;
    if (plan_fence_unfinished(v, node) || (plan_answers(v, node) && n->orphans))
        return true;
    if (!plan_answers(v, node) || n->fenced || n->role == PG_WRITABLE)
        return false;
    /* a node in `from` that has come back as a healthy standby is no danger; A itself is */
    if (n->role == PG_RECOVERY && !n->held && !n->promoting)
        return node == plan_a(v);
    return n->held || n->role != PG_UNKNOWN || !plan_state_is(v, REGISTER_CLAIM);
}

uint32_t plan_weak_others(const struct plan_view *v)
{
    uint32_t others = plan_suspects(v, plan_owner(v));

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!plan_weak(v, i))
            others &= ~plan_bit(i);
    return plan_bit(plan_first(others));
}

bool plan_harmless(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    if (!plan_heard(v, node) || !n->state_ok || n->role == PG_WRITABLE || n->orphans)
        return false;
    if (!n->fenced) /* a hold is not a fence */
        return n->role == PG_RECOVERY && !n->held && !n->promoting;
    if (n->role == PG_RECOVERY)
        return true;
    /* stopped: a bare start would come up as a standby, pg_control is as it was after the fence */
    return n->role == PG_STOPPED && n->signal &&
           (n->standby_only || !n->shutdown_lsn || n->control_lsn == n->shutdown_lsn);
}

bool plan_graded(const struct plan_view *v, int node)
{
    return node >= 0 && !v->nodes[node].answered &&
           register_grade_of(&v->d, v->nodes[node].name) >= GRADE_G2;
}

uint32_t plan_silent(const struct plan_view *v, int target)
{
    uint32_t nodes = plan_suspects(v, target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (v->nodes[i].answered || plan_harmless(v, i))
            nodes &= ~plan_bit(i);
    return nodes;
}

uint32_t plan_seen_writable(const struct plan_view *v, int target)
{
    uint32_t nodes = plan_silent(v, target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!v->nodes[i].seen_writable)
            nodes &= ~plan_bit(i);
    return nodes;
}

bool plan_confirmed(const struct plan_view *v, int node)
{
    return ((v->marks.cut | v->marks.accepted) & plan_bit(node)) != 0;
}

bool planner_w_holds(const struct plan_view *v, size_t target, int *ret_node)
{
    uint32_t suspects = plan_suspects(v, (int)target);

    for (int i = 0; i < (int)v->n_nodes; i++)
        if ((suspects & plan_bit(i)) && !plan_harmless(v, i) && !plan_graded(v, i)) {
            if (ret_node)
                *ret_node = i;
            return false;
        }
    return true;
}

bool plan_can_return(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    if (!plan_answers(v, node))
        return false;
    if (n->fenced)
        return n->was_primary && !n->standby_only;
    return n->role == PG_WRITABLE || n->held;
}

bool plan_past_no_return(const struct plan_view *v)
{
    int b = plan_b(v);

    return v->d.epoch > 0 && plan_state_is(v, REGISTER_FLIP) &&
           (plan_writable(v, b) || (plan_answers(v, b) && v->nodes[b].promoting));
}

bool plan_unknown(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    return plan_answers(v, node) && !n->fenced && !n->held && !n->orphans &&
           (n->role == PG_UNKNOWN || n->role == PG_STARTING);
}

bool plan_promoted(const struct plan_view *v)
{
    int b = plan_b(v);

    return v->d.epoch > 0 && plan_state_is(v, REGISTER_FLIP) && plan_answers(v, b) &&
           v->nodes[b].promoted;
}

bool plan_promoted_down(const struct plan_view *v)
{
    return plan_promoted(v) && v->nodes[plan_b(v)].role != PG_RECOVERY &&
           !plan_writable(v, plan_b(v));
}

bool plan_absolved(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    return plan_standby(v, node) || (plan_answers(v, node) && plan_fenced(v, node) &&
                                     (n->role == PG_STOPPED || n->role == PG_RECOVERY));
}

/* A G3 node stays in `from` until it has answered "fenced" or "in recovery"; any other kept its
 * word when it was heard. But with nothing flipped nobody has been asked: one without a grade is
 * there because `dns set` wrote it, and stays until it has answered so at this epoch. */
bool plan_stays_in_from(const struct plan_view *v, const struct register_from *f)
{
    int node = plan_node_index(v, f->node);
    bool asked = !plan_state_is(v, REGISTER_STABLE) && !plan_state_is(v, REGISTER_CLAIM);

    if (f->grade == GRADE_G3)
        return !plan_absolved(v, node);
    if (f->grade != GRADE_NONE || asked)
        return false;
    return !(plan_absolved(v, node) && plan_heard(v, node)) && !plan_harmless(v, node);
}

bool plan_marked(const struct plan_view *v, int node)
{
    return plan_answers(v, node) && (v->nodes[node].fenced || v->nodes[node].held);
}

bool plan_revoked(const struct plan_view *v, int node)
{
    const struct plan_node *n = &v->nodes[node < 0 ? 0 : node];

    return node >= 0 && n->revoked_epoch >= v->d.epoch && !n->promoting && n->role != PG_WRITABLE;
}

bool plan_cron_clear(const struct plan_view *v)
{
    uint32_t suspects = plan_suspects(v, plan_owner(v));

    for (int i = 0; i < (int)v->n_nodes; i++) {
        const struct plan_node *n = &v->nodes[i];

        if (i == plan_owner(v))
            continue;
        if (n->answered && !n->cron_off)
            return false;
        if ((suspects & plan_bit(i)) && !(plan_harmless(v, i) && n->cron_off) &&
            (n->answered || register_grade_of(&v->d, n->name) == GRADE_NONE))
            return false;
    }
    return true;
}

uint64_t plan_wal(const struct plan_node *n)
{
    return n->receive_lsn > n->replay_lsn ? n->receive_lsn : n->replay_lsn;
}

/* A branch has of the timeline that it left what lies before that point, and no more. */
static bool has_more(const struct plan_node *n, const struct plan_node *b, bool less_accepted)
{
    if (b->branched && n->tli < b->tli)
        return !less_accepted && plan_wal(n) > b->branch_at;
    return n->tli >= b->tli && plan_wal(n) > plan_wal(b);
}

bool plan_most_wal(const struct plan_view *v, int node)
{
    const struct plan_node *b = &v->nodes[node];

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (i != node && plan_standby(v, i) && has_more(&v->nodes[i], b, v->marks.less_accepted))
            return false;
    return true;
}

bool plan_timeline_fits(const struct plan_view *v, int node)
{
    const struct plan_node *b = &v->nodes[node];

    if (!(b->history_ok || b->branched) || !b->sysid_ok)
        return false;
    for (size_t i = 0; i < v->n_nodes; i++) /* also as last heard: a number stays used */
        if ((int)i != node && v->nodes[i].newest_tli > b->tli)
            return false;
    return true;
}

bool plan_verified(const struct plan_view *v, int a, int b)
{
    if (a < 0 || b < 0)
        return false;
    const struct plan_node *na = &v->nodes[a], *nb = &v->nodes[b];

    return plan_heard(v, a) && plan_fenced(v, a) && na->clean && na->shutdown_lsn &&
           na->control_lsn == na->shutdown_lsn && nb->replay_lsn > na->shutdown_lsn &&
           nb->history_ok && nb->sysid_ok; /* on another line of WAL the LSN proves nothing */
}

/* B alone may believe in a connection that its owner has lost: a walreceiver does not notice that
 * for wal_receiver_timeout. */
bool plan_caught_up(const struct plan_view *v)
{
    enum { ABOUT_ZERO_BYTES = 1 << 20 };
    int a = plan_a(v), b = plan_b(v);

    if (!plan_answers(v, a) || !plan_standby(v, b))
        return false;
    return v->nodes[b].streams_from_owner && v->nodes[b].attached &&
           v->nodes[b].replay_lsn + ABOUT_ZERO_BYTES >= v->nodes[a].insert_lsn;
}

static bool seize_flip_ready(const struct plan_view *v, int b)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (plan_standby(v, i) && v->nodes[i].receiving)
            return false;
    return plan_most_wal(v, b) && plan_timeline_fits(v, b) && plan_done(v, STEP_DETACH) &&
           (plan_done(v, STEP_EVIDENCE_AGAIN) || plan_silent(v, b) == 0) && plan_done(v, STEP_LOSS);
}

bool plan_flip_ready(const struct plan_view *v)
{
    int a = plan_a(v), b = plan_b(v);

    if (!plan_holds(v) || !plan_standby(v, b) || !plan_heard(v, b) ||
        !planner_w_holds(v, (size_t)b, NULL))
        return false;
    if (plan_state_is(v, REGISTER_CLAIM))
        return plan_done(v, STEP_VERIFY) && plan_verified(v, a, b);
    return plan_state_is(v, REGISTER_SEIZE) && seize_flip_ready(v, b);
}

/* A switchover that turned round goes forward again if the promotion turns out to have happened.
 * And a flip that finds A writable while B is not goes back whatever the command (section 7). */
bool plan_back(const struct plan_view *v)
{
    if (plan_state_is(v, REGISTER_FLIP)) {
        bool done = plan_writable(v, plan_b(v));

        if (plan_writable(v, plan_a(v)) && !done)
            return true;
        if (done && v->command != PLAN_ABORT)
            return false;
    }
    return v->command == PLAN_ABORT || v->marks.turned;
}
