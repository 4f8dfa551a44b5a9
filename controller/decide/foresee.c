#include "controller/decide/foresee.h"

#include <string.h>

#include "base/str.h"
#include "controller/decide/planner_view.h"

/* The simulated view, and what it does not show: which node each node receives WAL from. */
struct play {
    struct planner_view v;
    int upstream[CLUSTER_NODES_MAX];
    int nonces;
};

/* ---- what each step leaves behind ---------------------------------------------------------- */

static void nothing(struct play *p, int node)
{
    (void)p, (void)node;
}

static void armed(struct play *p, int node)
{
    p->v.nodes[node].epoch = p->v.d.epoch;
}

static void cron_off(struct play *p, int node)
{
    p->v.nodes[node].cron_off = true;
    p->v.nodes[node].cron_on = false;
}

static void cron_on(struct play *p, int node)
{
    p->v.nodes[node].cron_on = true;
    p->v.nodes[node].cron_off = false;
}

/* The shutdown checkpoint comes after all else, and whoever streams has it before the stop ends. */
static void stopped_cleanly(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];
    uint64_t end = n->insert_lsn > n->control_lsn ? n->insert_lsn : n->control_lsn;

    n->clean = true;
    n->shutdown_lsn = n->control_lsn = end + 1;
    for (int i = 0; i < (int)p->v.n_nodes; i++)
        if (p->upstream[i] == node && p->v.nodes[i].receiving) {
            p->v.nodes[i].receive_lsn = p->v.nodes[i].replay_lsn = end + 2;
            p->v.nodes[i].receiving = false;
        }
}

static void marked(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];

    n->was_primary =
        n->was_primary || n->role == PG_WRITABLE || n->held || node == planner_old(&p->v);
    n->fenced = n->signal = true;
    n->standby_only = n->held = n->promoting = n->receiving = n->orphans = false;
    n->role = PG_STOPPED;
    cron_off(p, node);
}

/* Handed out in claim alone, which names both. */
static void caught_up(struct play *p, int node)
{
    int target = planner_target(&p->v);

    p->v.nodes[target].attached = true;
    p->v.nodes[target].receive_lsn = p->v.nodes[target].replay_lsn = p->v.nodes[node].insert_lsn;
}

static void fenced(struct play *p, int node)
{
    bool ran = p->v.nodes[node].role != PG_STOPPED;

    marked(p, node);
    if (ran)
        stopped_cleanly(p, node);
    else
        p->v.nodes[node].shutdown_lsn = p->v.nodes[node].clean ? p->v.nodes[node].control_lsn : 0;
}

/* At once: what it wrote last need not have reached anybody. */
static void fenced_at_once(struct play *p, int node)
{
    bool ran = p->v.nodes[node].role != PG_STOPPED;

    marked(p, node);
    if (ran)
        p->v.nodes[node].clean = false;
}

static void raised(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];

    n->role = PG_RECOVERY;
    n->standby_only = n->fenced;
}

static void detached(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];

    n->receiving = false;
    n->replay_lsn = n->receive_lsn > n->replay_lsn ? n->receive_lsn : n->replay_lsn;
    p->upstream[node] = -1;
}

/* Who was stopped cleanly before the point where the new timeline begins can become its standby
 * (proto/lineage.h measures the real ones). */
static void promoted(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];

    n->role = PG_WRITABLE;
    n->held = n->fenced = n->signal = n->receiving = false;
    n->promoting = true;
    n->promoting_epoch = p->v.d.epoch;
    n->tli = n->newest_tli = n->newest_tli + 1;
    n->insert_lsn = n->replay_lsn;
    p->upstream[node] = -1;
    for (int i = 0; i < (int)p->v.n_nodes; i++) {
        struct planner_node *o = &p->v.nodes[i];

        if (i != node && o->role == PG_STOPPED)
            o->wal.kind = o->clean && o->sysid_ok && o->control_lsn < n->insert_lsn
                              ? LINEAGE_INSIDE
                              : LINEAGE_UNMEASURED;
    }
}

static void released(struct play *p, int node)
{
    p->v.nodes[node].held = false;
}

/* Never handed out without a writable owner. */
static void follows(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];
    int owner = planner_owner(&p->v);

    n->receiving = true;
    n->tli = n->newest_tli = p->v.nodes[owner].tli;
    n->history_ok = true;
    p->upstream[node] = owner;
}

static void rejoined(struct play *p, int node)
{
    raised(p, node);
    follows(p, node);
}

static void checkpointed(struct play *p, int node)
{
    p->v.nodes[node].control_tli = p->v.nodes[node].tli;
}

/* A history file newer than the old owner's: the agent refuses, its timeline has been used. */
static void revoked(struct play *p, int node)
{
    if (p->v.nodes[node].newest_tli > p->v.nodes[planner_old(&p->v)].newest_tli)
        return;
    p->v.nodes[node].revoked_epoch = p->v.d.epoch;
    p->v.nodes[node].promoting = false;
}

static void unfenced(struct play *p, int node)
{
    struct planner_node *n = &p->v.nodes[node];

    n->role = PG_WRITABLE;
    n->fenced = n->held = n->signal = n->clean = false;
}

/* Of the steps that write the record the planner says what they write. */
static void (*const effects[STEP_COUNT])(struct play *p, int node) = {
    [STEP_PREFLIGHT] = nothing,
    [STEP_EVIDENCE] = nothing,
    [STEP_LOSS] = nothing,
    [STEP_ARM] = armed,
    [STEP_CRON_OFF] = cron_off,
    [STEP_CATCHUP] = caught_up,
    [STEP_ASK_DNS] = nothing,
    [STEP_FENCE] = fenced,
    [STEP_VERIFY] = nothing,
    [STEP_FENCE_OLD] = fenced_at_once,
    [STEP_CUT] = nothing,
    [STEP_RAISE] = raised,
    [STEP_DETACH] = detached,
    [STEP_EVIDENCE_AGAIN] = nothing,
    [STEP_WAIT_WATCH] = nothing,
    [STEP_RELEASE] = released,
    [STEP_PROMOTE] = promoted,
    [STEP_CRON_STRAY] = cron_off,
    [STEP_CRON_ON] = cron_on,
    [STEP_FOLLOW] = follows,
    [STEP_CHECKPOINT] = checkpointed,
    [STEP_REJOIN] = rejoined,
    [STEP_FORGET] = nothing,
    [STEP_REVOKE] = revoked,
    [STEP_UNFENCE] = unfenced,
    [STEP_LET_GO] = unfenced,
    [STEP_CRON_BACK] = cron_on,
    [STEP_FOLLOW_BACK] = follows,
};

/* ---- playing ------------------------------------------------------------------------------- */

static bool write_record(struct play *p, enum step_id step)
{
    char nonce[NONCE_BYTES];
    struct record next;
    int owner = planner_owner(&p->v);

    /* of the right form, and never one that is in use: ours are counted */
    STR_PRINTF(nonce, "%032x", (unsigned)++p->nonces);
    struct planner_record_args args = {.nonce = nonce, .txn = "0000000000000000", .by = p->v.d.by};
    if (step == STEP_STABLE) /* closed by a writable owner alone */
        args.tli = p->v.nodes[owner].tli;
    if (!planner_record(&p->v, step, &args, &next))
        return false;
    planner_wrote(&p->v.marks, step, &next);
    p->v.d = next;
    return true;
}

static void refresh(struct play *p)
{
    int owner = planner_owner(&p->v);

    for (int i = 0; i < (int)p->v.n_nodes; i++) {
        struct planner_node *n = &p->v.nodes[i];

        n->streams_from_owner =
            n->role == PG_RECOVERY && n->receiving && owner >= 0 && p->upstream[i] == owner;
    }
}

/* False when the record has no room, or the step's own test does not find it done. */
static bool carry_out(struct play *p, const struct planner_move *m)
{
    const struct step *s = &steps[m->step];
    bool all = true;

    if (s->flags & STEP_DNS) {
        if (!write_record(p, s->id))
            return false;
        refresh(p);
        planner_note(&p->v.marks, &p->v, s->id, m->node, OUTCOME_DONE);
        return s->achieved(&p->v, (size_t)(m->node < 0 ? 0 : m->node));
    }
    for (int i = 0; i < (int)p->v.n_nodes; i++)
        if (m->nodes & planner_bit(i))
            effects[s->id](p, i);
    refresh(p);
    if (m->nodes == 0)
        planner_note(&p->v.marks, &p->v, s->id, -1, OUTCOME_DONE);
    for (int i = 0; i < (int)p->v.n_nodes; i++)
        if (m->nodes & planner_bit(i)) {
            planner_note(&p->v.marks, &p->v, s->id, i, OUTCOME_DONE);
            if (!s->achieved(&p->v, (size_t)i))
                all = false;
        }
    return all;
}

/* A promoted server makes a checkpoint automatically, in its own time; standbys of a primary that
 * comes back have been retrying their connection to it all along. */
static bool gets_there_alone(enum step_id step)
{
    return step == STEP_CHECKPOINT || step == STEP_FOLLOW_BACK;
}

/* From `p` to the end. `ret_turn`: how it was right before the point of no return, if it came to
 * that. */
static size_t play(struct play *p, struct foreseen_step *ret, struct planner_move *ret_end,
                   struct play *ret_turn)
{
    size_t n = 0;
    bool past = planner_past_no_return(&p->v);

    for (;;) {
        struct play before = *p;

        planner_next(&p->v, ret_end);
        if (ret_end->kind != MOVE_STEP)
            return n;
        bool done = n < FORESEEN_MAX && carry_out(p, ret_end);
        if (!done) {
            ret_end->kind = MOVE_STOP;
            ret_end->reason = WHY_NOT_READY;
            ret_end->exit_code = 4;
            return n;
        }
        bool first_past = !past && planner_past_no_return(&p->v);
        past = past || first_past;
        if (first_past)
            *ret_turn = before;
        ret[n++] = (struct foreseen_step){.step = ret_end->step,
                                          .node = ret_end->node,
                                          .nodes = ret_end->nodes,
                                          .before = before.v.d,
                                          .after = p->v.d,
                                          .no_return = first_past,
                                          .if_needed = gets_there_alone(ret_end->step)};
    }
}

static bool turn_round(struct planner_view *v)
{
    if (v->command == PLANNER_SWITCHOVER)
        v->marks.turned = true;
    else if (v->command == PLANNER_FAILOVER || v->command == PLANNER_RESUME)
        v->command = PLANNER_ABORT;
    else
        return false;
    return true;
}

void foresee(const struct planner_view *now, const int upstream[CLUSTER_NODES_MAX],
             struct foresight *ret)
{
    struct play forward = {.v = *now}, turn = {.v = {.command = PLANNER_COMMANDS}}, unused;

    memset(ret, 0, sizeof(*ret));
    memcpy(forward.upstream, upstream, sizeof(forward.upstream));
    ret->n = play(&forward, ret->steps, &ret->end, &turn);
    ret->after = forward.v;
    memcpy(ret->upstream, forward.upstream, sizeof(ret->upstream));
    if (turn_round(&turn.v))
        ret->n_back = play(&turn, ret->back, &ret->back_end, &unused);
}

/* The view shows which nodes stream from the owner, not where the others receive WAL from. */
static void upstreams(const struct planner_view *v, int ret[CLUSTER_NODES_MAX])
{
    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        ret[i] = i < (int)v->n_nodes && v->nodes[i].streams_from_owner ? planner_owner(v) : -1;
}

bool foresee_end(const struct planner_view *now, struct planner_move *ret_end)
{
    struct play p = {.v = *now};
    bool changes = false;

    upstreams(now, p.upstream);
    for (int n = 0; n < FORESEEN_MAX; n++) {
        planner_next(&p.v, ret_end);
        if (ret_end->kind != MOVE_STEP)
            return changes;
        changes = changes || (steps[ret_end->step].flags & STEP_CHANGES);
        if (!carry_out(&p, ret_end))
            break;
    }
    ret_end->kind = MOVE_STOP;
    ret_end->reason = WHY_NOT_READY;
    ret_end->exit_code = 4;
    return changes;
}
