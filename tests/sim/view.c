#include <string.h>

#include "base/str.h"
#include "sim.h"

/* ---- the planner's view of what a controller remembers ------------------------------------- */

static bool is_promoted(const struct node *n)
{
    struct facts f = node_facts(n);
    struct agent_state s;

    node_load(n, &s);
    return rules_promoted(&s, &f);
}

static void view_node(const struct control *c, int i, struct planner_node *p)
{
    const struct node *n = &c->view[i];
    bool owner_known = c->d.owner < NODES && c->view[c->d.owner].epoch;
    const struct node *o = &c->view[owner_known ? c->d.owner : 0];

    STR_COPY(p->name, node_name((u8)i));
    p->answered = c->answered & (1U << i);
    p->sysid_ok = true;
    p->seen_writable = c->seen_writable & (1U << i);
    p->saw_d = c->saw_d & (1U << i);
    if (!n->epoch)
        return;
    p->state_ok = true;
    p->epoch = n->epoch;
    p->role = n->role;
    p->orphans = n->orphan;
    p->fenced = n->fenced;
    p->standby_only = n->standby_only;
    p->was_primary = n->was_primary;
    p->held = n->held;
    p->promoting = n->promoting;
    p->promoting_epoch = n->promoting_epoch;
    p->promoted = is_promoted(n);
    p->revoked_epoch = n->revoked ? n->revoked_epoch : 0;
    p->cron_on = n->cron && n->cron_cmd;
    p->cron_off = !n->cron && !n->cron_cmd;
    p->signal = n->signal;
    p->clean = n->role == PG_STOPPED && n->control == CONTROL_SHUTDOWNED;
    p->shutdown_lsn = n->fence_lsn;
    p->control_lsn = n->control_lsn;
    p->tli = n->role >= PG_RECOVERY ? n->tli : n->control_tli;
    p->newest_tli = n->newest_tli;
    p->control_tli = n->control_tli;
    p->receive_lsn = p->replay_lsn = p->insert_lsn = n->wal;
    p->receiving = n->receiving;
    p->streams_from_owner = n->receiving && n->upstream == c->d.owner && i != c->d.owner;
    p->attached = owner_known && (o->attached & (1U << i));
    p->history_ok = n->tli <= c->d.tli || (owner_known && n->tli <= o->tli);
    p->branched = !p->history_ok && i != c->d.owner;
    p->branch_at = n->base;
    if (owner_known && o->role == PG_WRITABLE && i != c->d.owner) {
        bool clean = n->role == PG_RECOVERY || n->control == CONTROL_SHUTDOWNED ||
                     n->control == CONTROL_SHUTDOWNED_IN_RECOVERY;
        bool inside = n->tli == o->tli || (n->tli < o->tli && n->wal <= o->base);

        p->wal.kind = clean ? inside ? LINEAGE_INSIDE : LINEAGE_BEYOND : LINEAGE_UNMEASURED;
    }
}

static void view_marks(const struct marks *k, struct planner_marks *m)
{
    m->given_epoch = k->given_epoch;
    m->epoch = k->epoch;
    memcpy(m->nonce, nonce_text(k->nonce), NONCE_BYTES);
    m->done = k->done;
    m->failed = k->failed;
    m->failed_again = k->failed_again;
    m->last_failed = k->last_failed;
    m->last_unknown = k->last_unknown;
    m->late_flip = k->late_flip;
    m->turned = k->turned;
    m->declined = k->declined;
    m->lost = k->lost;
    m->unsettled = k->unsettled;
    m->arm_failed = k->arm_failed;
    m->follow_failed = k->follow_failed;
    m->rejoin_failed = k->rejoin_failed;
    m->cut = k->cut;
    m->accepted = k->accepted;
    m->less_accepted = k->accepted != 0; /* who types the one types the other */
    m->undone = k->undone;
    m->finished = k->finished;
    m->began = k->began;
}

void control_keep(const struct planner_marks *m, u8 nonce, struct marks *k)
{
    k->given_epoch = (u8)m->given_epoch;
    k->epoch = (u8)m->epoch;
    k->nonce = nonce;
    k->done = m->done;
    k->failed = m->failed;
    k->failed_again = m->failed_again;
    k->last_failed = (u8)m->last_failed;
    k->last_unknown = m->last_unknown;
    k->late_flip = m->late_flip;
    k->turned = m->turned;
    k->declined = m->declined;
    k->lost = m->lost;
    k->unsettled = (u8)m->unsettled;
    k->arm_failed = (u8)m->arm_failed;
    k->follow_failed = (u8)m->follow_failed;
    k->rejoin_failed = (u8)m->rejoin_failed;
    k->cut = (u8)m->cut;
    k->undone = m->undone;
    k->finished = m->finished;
    k->began = m->began;
}

void control_view(const struct control *c, struct planner_view *v)
{
    memset(v, 0, sizeof(*v));
    v->command = c->command;
    v->to = c->to == NOBODY ? -1 : c->to;
    v->cut_possible = sim.scenario->menu & MENU_CUT_POSSIBLE;
    v->rejoin = c->command == PLANNER_SWITCHOVER || c->command == PLANNER_RESUME;
    v->sysid = 1;
    v->d_answered = c->d_answered;
    v->d_elsewhere = c->d_elsewhere;
    rec_to_record(&c->d, &v->d);
    v->n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        view_node(c, i, &v->nodes[i]);
    view_marks(&c->marks, &v->marks);
    seed_view(v);
}

/* ---- hearing ------------------------------------------------------------------------------- */

void control_hear(const struct world *w, struct control *c, int node)
{
    c->answered &= (u8) ~(1U << node);
    c->saw_d &= (u8) ~(1U << node);
    if (!reachable(w, node))
        return;
    c->answered |= (u8)(1U << node);
    if (c->d_elsewhere && w->node[node].seen.nonce == c->d.nonce)
        c->saw_d |= (u8)(1U << node);
    c->view[node] = w->node[node];
    /* what no observation shows */
    c->view[node].act = c->view[node].phase = c->view[node].act_run = 0;
    c->view[node].act_read = c->view[node].immediate = c->view[node].pending = 0;
    c->view[node].by_word = 0;
    c->view[node].cut = c->view[node].stale = c->view[node].attached = 0;
    for (int i = 0; i < NODES; i++)
        if (is_attached(w, node, i))
            c->view[node].attached |= (u8)(1U << i);
    memset(&c->view[node].seen, 0, sizeof(c->view[node].seen));
    if (seed_is(SEED_PID_FILE_ONLY) && c->view[node].orphan) {
        c->view[node].orphan = 0;
        c->view[node].role = PG_STOPPED;
    }
}

void control_hear_dns(const struct world *w, struct control *c)
{
    c->d_answered = w->dns;
    if (w->dns)
        c->d = w->d;
    c->d_elsewhere = !w->dns && (sim.scenario->menu & MENU_WORD) && c->d.epoch == 0;
    if (c->d_elsewhere)
        c->d = w->secondary;
}

bool anyone_sees_writable(const struct world *w, int node)
{
    bool witness = false;

    for (int i = 0; i < NODES; i++)
        witness |= i != node && reachable(w, i);
    return witness && w->node[node].up && !w->node[node].cut && node_may_commit(&w->node[node]);
}

void control_look(const struct world *w, struct planner_view *ret)
{
    struct control c = {.phase = IDLE};

    c.d.owner = c.d.to = c.to = NOBODY;
    control_hear_dns(w, &c);
    for (int i = 0; i < NODES; i++) {
        control_hear(w, &c, i);
        if (anyone_sees_writable(w, i))
            c.seen_writable |= (u8)(1U << i);
    }
    control_view(&c, ret);
}
