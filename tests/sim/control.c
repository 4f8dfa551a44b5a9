#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

struct control *control_of(struct world *w, u8 run)
{
    for (int i = 0; i < CONTROLLERS; i++)
        if (run && w->ctl[i].phase != IDLE && w->ctl[i].run == run)
            return &w->ctl[i];
    return NULL;
}

void control_start(struct world *w, int ctl, int command, int to, bool accept)
{
    struct control *c = &w->ctl[ctl];

    *c = (struct control){
        .phase = RUNNING, .run = ++w->runs, .command = (u8)command, .to = to < 0 ? NOBODY : (u8)to};
    c->d.owner = c->d.to = NOBODY;
    if (accept)
        c->marks.accepted = (u8)(1U << NODES) - 1;
    control_hear_dns(w, c);
    for (int i = 0; i < NODES; i++)
        control_hear(w, c, i);
    if (c->d_answered)
        c->marks.given_epoch = c->d.epoch;
    if (seed_is(SEED_NO_TAKEOVER) && c->d_answered && c->d.state != REGISTER_STABLE &&
        (command == PLANNER_RESUME || command == PLANNER_ABORT)) {
        c->marks.epoch = c->d.epoch;
        c->marks.nonce = c->d.nonce;
        c->marks.began = 1;
    }
}

/* ---- the end of a step --------------------------------------------------------------------- */

static void finish_step(struct control *c, uint32_t nodes)
{
    struct planner_view v;

    control_view(c, &v);
    for (int i = 0; i < NODES; i++)
        if (nodes & (1U << i))
            planner_note(
                &v.marks, &v, c->step, i,
                steps_judge(&v, c->step, i, c->outcome[i], c->outcome[i] == OUTCOME_FAILED));
    control_keep(&v.marks, c->marks.nonce, &c->marks);
    c->phase = RUNNING;
}

static uint32_t acted_on(const struct control *c)
{
    return c->outcome[NODES]; /* the mask of the step, while it lasts */
}

void control_answer(struct world *w, u8 run, int node, enum planner_outcome outcome)
{
    struct control *c = control_of(w, run);

    if (!c || c->phase != WAITING || !(c->pending & (1U << node)))
        return;
    control_hear(w, c, node);
    c->outcome[node] = (u8)outcome;
    c->pending &= (u8) ~(1U << node);
    if (!c->pending)
        finish_step(c, acted_on(c));
}

void control_update_answer(struct world *w, u8 run, enum planner_outcome outcome,
                           const struct rec *r)
{
    struct control *c = control_of(w, run);
    struct planner_view v;
    struct record text;

    if (!c || c->phase != WAITING || !(steps[c->step].flags & STEP_DNS))
        return;
    control_hear_dns(w, c);
    if (outcome != OUTCOME_DONE && c->d_answered && c->d.nonce == r->nonce)
        outcome = OUTCOME_DONE; /* read back: it is our string */
    control_view(c, &v);
    rec_to_record(r, &text);
    if (outcome == OUTCOME_DONE) {
        c->d = *r;
        c->marks.nonce = r->nonce;
        rec_to_record(r, &v.d);
        planner_wrote(&v.marks, c->step, &text);
    }
    planner_note(&v.marks, &v, c->step, -1, outcome);
    control_keep(&v.marks, c->marks.nonce, &c->marks);
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
        [STEP_LET_GO] = VERB_UNFENCE,
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
                          .immediate = c->step == STEP_FENCE_OLD,
                          .by_word = c->step == STEP_LET_GO};
    if (m->by_word)
        m->declared = c->marks.accepted & (u8)~c->answered & (u8) ~(1U << node);
    c->pending |= (u8)(1U << node);
}

static void send_requests(struct world *w, struct control *c, const struct planner_move *m)
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
            control_hear(w, c, i); /* no connection: never sent */
    }
    if (!c->pending)
        finish_step(c, m->nodes);
}

static void send_update(struct world *w, struct control *c, const struct planner_view *v)
{
    struct planner_record_args args = {.nonce = nonce_text(++w->nonces),
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
    control_hear(w, c, (u8)node);
    c->seen_writable &= (u8) ~(1U << node);
    if (wanted && anyone_sees_writable(w, node))
        c->seen_writable |= (u8)(1U << node);
}

static bool caught_up(struct world *w, struct control *c, struct step_out *out)
{
    u8 a = c->d.owner, b = c->d.to;
    struct planner_view v;

    node_stream(w, b);
    if (reachable(w, a))
        w->node[a].control_tli = w->node[a].tli;
    control_hear(w, c, a);
    control_hear(w, c, b);
    control_view(c, &v);
    /* the counter of WAL is coarse: here "next to nothing" is nothing */
    if (!steps[STEP_CATCHUP].achieved(&v, a) || c->view[b].wal != c->view[a].wal)
        return false;
    oracle_caught_up(w, a, b, &out->bad);
    return true;
}

/* Steps that ask, look or wait: carried out at once. */
static enum planner_outcome look_step(struct world *w, struct control *c,
                                      const struct planner_move *m, struct step_out *out)
{
    struct planner_view v;
    int node = m->node < 0 ? 0 : m->node;

    switch (m->step) {
    case STEP_EVIDENCE:
    case STEP_EVIDENCE_AGAIN:
        for (int i = 0; i < NODES; i++)
            listen_for(w, c, i, m->nodes & (1U << i));
        return OUTCOME_DONE;
    case STEP_ASK_DNS:
        control_hear_dns(w, c);
        return c->d_answered ? OUTCOME_DONE : OUTCOME_FAILED;
    case STEP_CATCHUP:
        return caught_up(w, c, out) ? OUTCOME_DONE : OUTCOME_FAILED;
    case STEP_VERIFY:
        control_hear(w, c, node);
        control_view(c, &v);
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
        control_hear(w, c, node);
        return w->node[node].held ? OUTCOME_FAILED : OUTCOME_DONE;
    default:
        return OUTCOME_DONE;
    }
}

static void do_look_step(struct world *w, struct control *c, const struct planner_move *m,
                         struct step_out *out)
{
    struct planner_view v;
    enum planner_outcome outcome;

    c->outcome[NODES] = 0;
    outcome = look_step(w, c, m, out);
    control_view(c, &v);
    if (m->nodes == 0 || (m->step != STEP_CUT && m->step != STEP_RELEASE))
        planner_note(&v.marks, &v, m->step, m->node, outcome);
    else
        for (int i = 0; i < NODES; i++)
            if (m->nodes & (1U << i))
                planner_note(&v.marks, &v, m->step, i, outcome);
    control_keep(&v.marks, c->marks.nonce, &c->marks);
}

static bool is_look(enum step_id s)
{
    return !(steps[s].flags & STEP_DNS) && verb_of(s) == VERB_OBSERVE;
}

void control_move(struct world *w, int ctl, struct step_out *out)
{
    struct control *c = &w->ctl[ctl];
    struct planner_view v;
    struct planner_move m;

    control_view(c, &v);
    planner_next(&v, &m);
    if (m.kind != MOVE_STEP) {
        str_printf(out->text, sizeof(out->text), "run %u ends, exit %d: %s [%s]", c->run,
                   m.exit_code, planner_reason_text(m.reason), m.row ? m.row : "");
        if (m.kind == MOVE_DONE || m.exit_code == 3)
            if (m.reason == WHY_UNDONE)
                oracle_undone(w, c, &out->bad);
        if (m.reason == WHY_FORGOTTEN && !w->node[c->to].up)
            w->given_up &= (u8) ~(1U << c->to); /* whatever boots there later is judged as all */
        *c = (struct control){.phase = IDLE};
        return;
    }
    c->step = (u8)m.step;
    if (is_look(m.step))
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

void control_time_out(struct world *w, struct control *c)
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
            control_hear(w, c, i);
            c->outcome[i] = OUTCOME_UNKNOWN;
        }
    c->pending = 0;
    finish_step(c, acted_on(c));
}
