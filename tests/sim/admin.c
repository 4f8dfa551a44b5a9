#include <string.h>

#include "base/str.h"
#include "sim.h"

static void emit(successor_fn fn, void *arg, struct step_out *out)
{
    if (!out->bad.invariant)
        oracle_state(&out->w, &out->bad);
    fn(arg, out);
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
        control_time_out(&out.w, &out.w.ctl[ctl]);
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
    static const char *const commands[PLANNER_COMMANDS] = {
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
    struct planner_view v;
    int node = 0;

    if (!w->dns)
        return;
    out.w.commands--;
    control_start(&out.w, ctl, PLANNER_COMMANDS, -1, accept);
    control_view(c, &v);
    v.command = PLANNER_RESUME;
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
        try_command(w, idle, PLANNER_RESUME, -1, menu & MENU_ACCEPT, fn, arg);
    if (menu & MENU_ABORT)
        try_command(w, idle, PLANNER_ABORT, -1, false, fn, arg);
    if (menu & MENU_WORD)
        try_command(w, idle, PLANNER_UNFENCE, A, menu & MENU_ACCEPT, fn, arg);
    if (menu & MENU_FORGET)
        try_command(w, idle, PLANNER_FORGET, A, false, fn, arg);
    for (int to = A; to < NODES; to++) {
        if (menu & MENU_SET)
            try_set(w, idle, (u8)to, menu & MENU_ACCEPT, fn, arg);
        if (menu & MENU_SWITCHOVER)
            try_command(w, idle, PLANNER_SWITCHOVER, to, false, fn, arg);
        if (menu & MENU_FAILOVER)
            try_command(w, idle, PLANNER_FAILOVER, to, menu & MENU_ACCEPT, fn, arg);
    }
}
