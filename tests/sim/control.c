#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

/* ---- the planner's view of what a controller remembers ------------------------------------- */

static void view_node(const struct control *c, int i, struct plan_node *p)
{
    const struct node *n = &c->view[i];
    bool owner_known = c->d.owner < NODES && c->view[c->d.owner].epoch;
    const struct node *o = &c->view[owner_known ? c->d.owner : 0];

    STR_COPY(p->name, node_name((u8)i));
    p->answered = c->answered & (1U << i);
    p->sysid_ok = true;
    p->seen_writable = c->seen_writable & (1U << i);
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

static void view_marks(const struct marks *k, struct plan_marks *m)
{
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
    m->undone = k->undone;
    m->finished = k->finished;
    m->began = k->began;
}

static void keep_marks(const struct plan_marks *m, u8 nonce, struct marks *k)
{
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

static void view_of(const struct control *c, struct plan_view *v)
{
    memset(v, 0, sizeof(*v));
    v->command = c->command;
    v->to = c->to == NOBODY ? -1 : c->to;
    v->cut_possible = sim.scenario->menu & MENU_CUT_POSSIBLE;
    v->rejoin = c->command == PLAN_SWITCHOVER || c->command == PLAN_RESUME;
    v->sysid = 1;
    v->d_answered = c->d_answered;
    rec_to_record(&c->d, &v->d);
    v->n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        view_node(c, i, &v->nodes[i]);
    view_marks(&c->marks, &v->marks);
    seed_view(v);
}

/* ---- looking ------------------------------------------------------------------------------- */

struct control *control_of(struct world *w, u8 run)
{
    for (int i = 0; i < CONTROLLERS; i++)
        if (run && w->ctl[i].phase != IDLE && w->ctl[i].run == run)
            return &w->ctl[i];
    return NULL;
}

static void look_at(const struct world *w, struct control *c, int node)
{
    c->answered &= (u8) ~(1U << node);
    if (!reachable(w, node))
        return;
    c->answered |= (u8)(1U << node);
    c->view[node] = w->node[node];
    /* what no observation shows */
    c->view[node].act = c->view[node].phase = c->view[node].act_run = 0;
    c->view[node].act_read = c->view[node].immediate = c->view[node].pending = 0;
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

static void look_at_dns(const struct world *w, struct control *c)
{
    c->d_answered = w->dns;
    if (w->dns)
        c->d = w->d;
}

void control_start(struct world *w, int ctl, int command, int to, bool accept)
{
    struct control *c = &w->ctl[ctl];

    *c = (struct control){
        .phase = RUNNING, .run = ++w->runs, .command = (u8)command, .to = to < 0 ? NOBODY : (u8)to};
    c->d.owner = c->d.to = NOBODY;
    if (accept)
        c->marks.accepted = (u8)(1U << NODES) - 1;
    look_at_dns(w, c);
    for (int i = 0; i < NODES; i++)
        look_at(w, c, i);
    if (seed_is(SEED_NO_TAKEOVER) && c->d_answered && c->d.state != REGISTER_STABLE &&
        (command == PLAN_RESUME || command == PLAN_ABORT)) {
        c->marks.epoch = c->d.epoch;
        c->marks.nonce = c->d.nonce;
        c->marks.began = 1;
    }
}

static bool anyone_sees_writable(const struct world *w, int node)
{
    bool witness = false;

    for (int i = 0; i < NODES; i++)
        witness |= i != node && reachable(w, i);
    return witness && w->node[node].up && !w->node[node].cut && node_may_commit(&w->node[node]);
}

void control_look(const struct world *w, struct plan_view *ret)
{
    struct control c = {.phase = IDLE};

    c.d.owner = c.d.to = c.to = NOBODY;
    look_at_dns(w, &c);
    for (int i = 0; i < NODES; i++) {
        look_at(w, &c, i);
        if (anyone_sees_writable(w, i))
            c.seen_writable |= (u8)(1U << i);
    }
    view_of(&c, ret);
}

/* ---- the end of a step --------------------------------------------------------------------- */

static void finish_step(struct control *c, uint32_t nodes)
{
    struct plan_view v;

    view_of(c, &v);
    for (int i = 0; i < NODES; i++)
        if (nodes & (1U << i))
            planner_note(
                &v.marks, &v, c->step, i,
                steps_judge(&v, c->step, i, c->outcome[i], c->outcome[i] == OUTCOME_FAILED));
    keep_marks(&v.marks, c->marks.nonce, &c->marks);
    c->phase = RUNNING;
}

static uint32_t acted_on(const struct control *c)
{
    return c->outcome[NODES]; /* the mask of the step, while it lasts */
}

void control_answer(struct world *w, u8 run, int node, enum plan_outcome outcome)
{
    struct control *c = control_of(w, run);

    if (!c || c->phase != WAITING || !(c->pending & (1U << node)))
        return;
    look_at(w, c, node);
    c->outcome[node] = (u8)outcome;
    c->pending &= (u8) ~(1U << node);
    if (!c->pending)
        finish_step(c, acted_on(c));
}

void control_update_answer(struct world *w, u8 run, enum plan_outcome outcome, const struct rec *r)
{
    struct control *c = control_of(w, run);
    struct plan_view v;
    struct record text;

    if (!c || c->phase != WAITING || !(steps[c->step].flags & STEP_DNS))
        return;
    look_at_dns(w, c);
    if (outcome != OUTCOME_DONE && c->d_answered && c->d.nonce == r->nonce)
        outcome = OUTCOME_DONE; /* read back: it is our string */
    view_of(c, &v);
    rec_to_record(r, &text);
    if (outcome == OUTCOME_DONE) {
        c->d = *r;
        c->marks.nonce = r->nonce;
        rec_to_record(r, &v.d);
        planner_wrote(&v.marks, c->step, &text);
    }
    planner_note(&v.marks, &v, c->step, -1, outcome);
    keep_marks(&v.marks, c->marks.nonce, &c->marks);
    c->phase = RUNNING;
}

/* ---- one move ------------------------------------------------------------------------------ */

static u8 verb_of(enum step_id s)
{
    static const u8 verbs[STEP_COUNT] = {
        [STEP_ARM] = VERB_ARM,           [STEP_CRON_OFF] = VERB_CRON_OFF,
        [STEP_FENCE] = VERB_FENCE,       [STEP_FENCE_OLD] = VERB_FENCE,
        [STEP_RAISE] = VERB_REJOIN,      [STEP_DETACH] = VERB_DETACH,
        [STEP_PROMOTE] = VERB_PROMOTE,   [STEP_CRON_STRAY] = VERB_CRON_OFF,
        [STEP_CRON_ON] = VERB_CRON_ON,   [STEP_FOLLOW] = VERB_FOLLOW,
        [STEP_REJOIN] = VERB_REJOIN,     [STEP_CHECKPOINT] = VERB_CHECKPOINT,
        [STEP_REVOKE] = VERB_REVOKE,     [STEP_UNFENCE] = VERB_UNFENCE,
        [STEP_CRON_BACK] = VERB_CRON_ON, [STEP_FOLLOW_BACK] = VERB_FOLLOW,
    };
    return verbs[s];
}

static struct message *slot_for_message(struct world *w)
{
    for (size_t i = 0; i < MESSAGES; i++)
        if (!w->msg[i].used)
            return &w->msg[i];
    for (size_t i = 0; i < MESSAGES; i++)
        if (!w->msg[i].live)
            return &w->msg[i]; /* a late one is never delivered: that is among what may happen */
    return NULL;
}

static void send_request(struct world *w, struct control *c, int node)
{
    struct message *m = slot_for_message(w);
    /* with DNS silent `fence` knows no epoch, and it alone goes on: then it is the node's own */
    bool own = c->step == STEP_FENCE && c->d.epoch == 0;
    u8 epoch = own ? c->view[node].epoch : c->d.epoch;
    u8 seq = c->view[node].epoch == epoch ? c->view[node].seq : 0;

    /* above what it has obeyed, and above what is still under way from us */
    for (size_t i = 0; i < MESSAGES; i++)
        if (w->msg[i].used && w->msg[i].node == node && w->msg[i].run == c->run &&
            w->msg[i].epoch == epoch && w->msg[i].seq > seq)
            seq = w->msg[i].seq;
    *m = (struct message){.used = 1,
                          .verb = verb_of(c->step),
                          .node = (u8)node,
                          .run = c->run,
                          .live = 1,
                          .epoch = epoch,
                          .seq = (u8)(seq + 1),
                          .nonce = c->d.nonce,
                          .upstream = c->step == STEP_RAISE ? NOBODY : c->d.owner,
                          .immediate = c->step == STEP_FENCE_OLD};
    c->pending |= (u8)(1U << node);
}

static void send_requests(struct world *w, struct control *c, const struct plan_move *m)
{
    c->phase = WAITING;
    c->pending = 0;
    memset(c->outcome, OUTCOME_FAILED, NODES);
    c->outcome[NODES] = (u8)m->nodes;
    for (int i = 0; i < NODES; i++) {
        if (!(m->nodes & (1U << i)))
            continue;
        if (reachable(w, i))
            send_request(w, c, i);
        else
            look_at(w, c, i); /* no connection: never sent */
    }
    if (!c->pending)
        finish_step(c, m->nodes);
}

static void send_update(struct world *w, struct control *c, const struct plan_view *v)
{
    struct plan_record_args args = {.nonce = nonce_text(++w->nonces),
                                    .txn = nonce_text(c->run) + 16,
                                    .by = nonce_text(c->run) + 16,
                                    .tli = c->view[c->d.owner].tli};
    struct record r;
    size_t slot = 0;

    c->phase = WAITING;
    c->pending = 0;
    c->outcome[NODES] = 0;
    c->sent = w->nonces;
    while (slot < UPDATES - 1 && w->upd[slot].used)
        slot++;
    w->upd[slot] = (struct update){.used = 1, .run = c->run, .live = 1, .expected = c->d.nonce};
    if (planner_record(v, c->step, &args, &r))
        rec_from_record(&r, &w->upd[slot].r);
    else
        w->upd[slot].expected = 0;
}

static void listen_for(const struct world *w, struct control *c, int node, bool wanted)
{
    look_at(w, c, (u8)node);
    c->seen_writable &= (u8) ~(1U << node);
    if (wanted && anyone_sees_writable(w, node))
        c->seen_writable |= (u8)(1U << node);
}

static bool caught_up(struct world *w, struct control *c, struct step_out *out)
{
    u8 a = c->d.owner, b = c->d.to;
    struct plan_view v;

    node_stream(w, b);
    if (reachable(w, a))
        w->node[a].control_tli = w->node[a].tli;
    look_at(w, c, a);
    look_at(w, c, b);
    view_of(c, &v);
    /* the counter of WAL is coarse: here "next to nothing" is nothing */
    if (!steps[STEP_CATCHUP].achieved(&v, a) || c->view[b].wal != c->view[a].wal)
        return false;
    oracle_caught_up(w, a, b, &out->bad);
    return true;
}

/* Steps that ask, look or wait: carried out at once. */
static enum plan_outcome look_step(struct world *w, struct control *c, const struct plan_move *m,
                                   struct step_out *out)
{
    struct plan_view v;
    int node = m->node < 0 ? 0 : m->node;

    switch ((enum step_id)m->step) {
    case STEP_EVIDENCE:
    case STEP_EVIDENCE_AGAIN:
        for (int i = 0; i < NODES; i++)
            listen_for(w, c, i, m->nodes & (1U << i));
        return OUTCOME_DONE;
    case STEP_ASK_DNS:
        look_at_dns(w, c);
        return c->d_answered ? OUTCOME_DONE : OUTCOME_FAILED;
    case STEP_CATCHUP:
        return caught_up(w, c, out) ? OUTCOME_DONE : OUTCOME_FAILED;
    case STEP_VERIFY:
        look_at(w, c, node);
        view_of(c, &v);
        return steps[STEP_VERIFY].achieved(&v, (size_t)node) ? OUTCOME_DONE : OUTCOME_FAILED;
    case STEP_CUT:
        if (w->node[node].up)
            node_die(w, node);
        return OUTCOME_DONE;
    case STEP_WAIT_WATCH:
        for (int i = 0; i < NODES; i++)
            node_watch(w, i, out);
        for (int i = 0; i < NODES; i++)
            listen_for(w, c, i, true);
        return OUTCOME_DONE;
    case STEP_RELEASE:
        node_guard_again(w, node, out);
        look_at(w, c, node);
        return w->node[node].held ? OUTCOME_FAILED : OUTCOME_DONE;
    default:
        return OUTCOME_DONE;
    }
}

static void do_look_step(struct world *w, struct control *c, const struct plan_move *m,
                         struct step_out *out)
{
    struct plan_view v;
    enum plan_outcome outcome;

    c->outcome[NODES] = 0;
    outcome = look_step(w, c, m, out);
    view_of(c, &v);
    if (m->nodes == 0 || (m->step != STEP_CUT && m->step != STEP_RELEASE))
        planner_note(&v.marks, &v, (enum step_id)m->step, m->node, outcome);
    else
        for (int i = 0; i < NODES; i++)
            if (m->nodes & (1U << i))
                planner_note(&v.marks, &v, (enum step_id)m->step, i, outcome);
    keep_marks(&v.marks, c->marks.nonce, &c->marks);
}

static bool is_look(enum step_id s)
{
    return !(steps[s].flags & STEP_DNS) && verb_of(s) == VERB_OBSERVE;
}

void control_move(struct world *w, int ctl, struct step_out *out)
{
    struct control *c = &w->ctl[ctl];
    struct plan_view v;
    struct plan_move m;

    view_of(c, &v);
    planner_next(&v, &m);
    if (m.kind != MOVE_STEP) {
        str_printf(out->text, sizeof(out->text), "run %u ends, exit %d: %s [%s]", c->run,
                   m.exit_code, plan_reason_text((enum plan_reason)m.reason), m.row ? m.row : "");
        if (m.kind == MOVE_DONE || m.exit_code == 3)
            if (m.reason == WHY_UNDONE)
                oracle_undone(w, c, &out->bad);
        if (m.reason == WHY_FORGOTTEN && !w->node[c->to].up)
            w->given_up &= (u8) ~(1U << c->to); /* whatever boots there later is judged as all */
        *c = (struct control){.phase = IDLE};
        return;
    }
    c->step = (u8)m.step;
    if (is_look((enum step_id)m.step))
        do_look_step(w, c, &m, out);
    else if (steps[m.step].flags & STEP_DNS)
        send_update(w, c, &v);
    else
        send_requests(w, c, &m);
    str_printf(out->text, sizeof(out->text), "run %u: %s%s%s [%s]", c->run, steps[m.step].name,
               m.node >= 0 ? " " : "", m.node >= 0 ? node_name((u8)m.node) : "", m.row);
}

static void take_first(void *arg, const struct step_out *out)
{
    struct world **next = arg;

    if (*next)
        **next = out->w;
    *next = NULL;
}

void control_forward(struct world *w, enum step_id step)
{
    for (int moves = 0; moves < 300 && w->ctl[0].phase != IDLE; moves++) {
        struct step_out out = {.w = *w};
        struct world next = *w, *to_fill = &next;

        if (w->ctl[0].phase == RUNNING) {
            control_move(&out.w, 0, &out);
            if (out.w.ctl[0].step == step && out.w.ctl[0].phase != IDLE)
                return;
            *w = out.w;
            continue;
        }
        world_successors(w, take_first, &to_fill);
        *w = next;
    }
}

/* ---- what may happen next ------------------------------------------------------------------ */

static void emit(successor_fn fn, void *arg, struct step_out *out)
{
    if (!out->bad.invariant)
        oracle_state(&out->w, &out->bad);
    fn(arg, out);
}

/* It gives up on everything that has not been answered: whatever is under way is late from now on.
 */
static void time_out(struct world *w, struct control *c)
{
    u8 pending = c->pending;

    for (size_t i = 0; i < MESSAGES; i++)
        if (w->msg[i].used && w->msg[i].run == c->run)
            w->msg[i].live = 0;
    for (int i = 0; i < NODES; i++)
        if (w->node[i].act_run == c->run)
            w->node[i].act_run = 0;
    if (steps[c->step].flags & STEP_DNS) {
        for (size_t i = 0; i < UPDATES; i++)
            if (w->upd[i].used && w->upd[i].run == c->run && w->upd[i].live) {
                w->upd[i].live = 0;
                control_update_answer(w, c->run, OUTCOME_UNKNOWN, &w->upd[i].r);
                return;
            }
        /* the answer was lost: it is not under way any more, read back */
        struct rec r = {.nonce = c->sent};

        if (w->d.nonce == c->sent)
            r = w->d;
        control_update_answer(w, c->run, OUTCOME_UNKNOWN, &r);
        return;
    }
    for (int i = 0; i < NODES; i++)
        if (pending & (1U << i)) {
            look_at(w, c, i);
            c->outcome[i] = OUTCOME_UNKNOWN;
        }
    c->pending = 0;
    finish_step(c, acted_on(c));
}

/* Waiting for something that cannot come any more costs no fault: the loss was one. */
static bool still_possible(const struct world *w, const struct control *c)
{
    for (size_t i = 0; i < UPDATES; i++)
        if (w->upd[i].used && w->upd[i].live && w->upd[i].run == c->run && w->dns)
            return true;
    for (size_t i = 0; i < MESSAGES; i++)
        if (w->msg[i].used && w->msg[i].live && w->msg[i].run == c->run &&
            reachable(w, w->msg[i].node))
            return true;
    for (int i = 0; i < NODES; i++)
        if (w->node[i].act && w->node[i].act_run == c->run && w->node[i].agent)
            return true;
    return false;
}

static void try_run(const struct world *w, int ctl, successor_fn fn, void *arg)
{
    const struct control *c = &w->ctl[ctl];
    struct step_out out = {.w = *w};

    if (c->phase == RUNNING) {
        control_move(&out.w, ctl, &out);
        emit(fn, arg, &out);
    } else if (c->phase == WAITING && (w->faults || !still_possible(w, c))) {
        if (still_possible(w, c))
            out.w.faults--;
        time_out(&out.w, &out.w.ctl[ctl]);
        str_printf(out.text, sizeof(out.text), "run %u: %s: no answer", c->run,
                   steps[c->step].name);
        emit(fn, arg, &out);
    }
    if (c->phase != IDLE && w->faults) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        for (size_t i = 0; i < MESSAGES; i++)
            if (out.w.msg[i].run == c->run)
                out.w.msg[i].live = 0;
        for (size_t i = 0; i < UPDATES; i++)
            if (out.w.upd[i].run == c->run)
                out.w.upd[i].live = 0;
        for (int i = 0; i < NODES; i++)
            if (out.w.node[i].act_run == c->run)
                out.w.node[i].act_run = 0;
        out.w.ctl[ctl] = (struct control){.phase = IDLE};
        str_printf(out.text, sizeof(out.text), "run %u: CONTROLLER DIES", c->run);
        emit(fn, arg, &out);
    }
}

static void try_command(const struct world *w, int ctl, int command, int to, bool accept,
                        successor_fn fn, void *arg)
{
    static const char *const commands[PLAN_COMMANDS] = {
        "switchover", "failover", "resume", "abort", "unfence", "fence", "rejoin", "forget"};
    struct step_out out = {.w = *w};

    out.w.commands--;
    control_start(&out.w, ctl, command, to, accept);
    str_printf(out.text, sizeof(out.text), "AN ADMINISTRATOR: %s%s%s%s (run %u)", commands[command],
               to < 0 ? "" : " --to ", to < 0 ? "" : node_name((u8)to),
               accept ? " --accept-unfenced" : "", out.w.runs);
    emit(fn, arg, &out);
}

/* `dns set`: one look, the rule for `from`, one compare-and-swap; then nothing of it is left. */
static void try_set(const struct world *w, int ctl, u8 owner, bool accept, successor_fn fn,
                    void *arg)
{
    struct step_out out = {.w = *w};
    struct control *c = &out.w.ctl[ctl];
    struct plan_view v;
    int node = 0;

    if (!w->dns)
        return;
    out.w.commands--;
    control_start(&out.w, ctl, PLAN_COMMANDS, -1, accept);
    view_of(c, &v);
    v.command = PLAN_RESUME;
    struct record r = v.d;

    r.state = REGISTER_STABLE;
    r.n_from = 0;
    r.to[0] = '\0';
    STR_COPY(r.owner, node_name(owner));
    if (planner_typed(&v, &r, &node) != TYPED_OK && !seed_is(SEED_BLIND_SET))
        return;
    if (seed_is(SEED_BLIND_SET))
        r.n_from = 0;
    for (int i = 0; i < NODES; i++)
        r.epoch = r.epoch > c->view[i].epoch ? r.epoch : c->view[i].epoch;
    r.epoch++;
    STR_COPY(r.nonce, nonce_text(++out.w.nonces));
    STR_COPY(r.by, nonce_text(c->run) + 16);
    STR_COPY(r.txn, nonce_text(c->run) + 16);
    rec_from_record(&r, &out.w.d);
    oracle_update(&w->d, &out.w.d, &out.bad);
    for (size_t k = 0; k < out.w.d.n_from; k++)
        if (out.w.d.grade[k] == GRADE_G3)
            out.w.given_up |= (u8)(1U << out.w.d.from[k]);
    str_printf(out.text, sizeof(out.text), "AN ADMINISTRATOR: dns set owner=%s epoch %u (run %u)",
               node_name(owner), out.w.d.epoch, c->run);
    *c = (struct control){.phase = IDLE};
    emit(fn, arg, &out);
}

void control_successors(const struct world *w, successor_fn fn, void *arg)
{
    unsigned menu = sim.scenario->menu;
    int idle = -1;

    for (int i = 0; i < CONTROLLERS; i++) {
        try_run(w, i, fn, arg);
        if (idle < 0 && w->ctl[i].phase == IDLE)
            idle = i; /* controllers are alike: the first idle one stands for both */
    }
    if (idle < 0 || !w->commands)
        return;
    if (menu & MENU_RESUME)
        try_command(w, idle, PLAN_RESUME, -1, menu & MENU_ACCEPT, fn, arg);
    if (menu & MENU_ABORT)
        try_command(w, idle, PLAN_ABORT, -1, false, fn, arg);
    if (menu & MENU_FORGET)
        try_command(w, idle, PLAN_FORGET, A, false, fn, arg);
    for (int to = A; to < NODES; to++) {
        if (menu & MENU_SET)
            try_set(w, idle, (u8)to, menu & MENU_ACCEPT, fn, arg);
        if (menu & MENU_SWITCHOVER)
            try_command(w, idle, PLAN_SWITCHOVER, to, false, fn, arg);
        if (menu & MENU_FAILOVER)
            try_command(w, idle, PLAN_FAILOVER, to, menu & MENU_ACCEPT, fn, arg);
    }
}
