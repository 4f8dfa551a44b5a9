/* What may happen next in the world: deliveries, acts, faults, what nodes do by themselves. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

static void emit(successor_fn fn, void *arg, struct step_out *out)
{
    if (!out->bad.invariant)
        oracle_state(&out->w, &out->bad);
    fn(arg, out);
}

static void try_act(const struct world *w, int node, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};
    enum planner_outcome outcome;
    u8 verb = w->node[node].act, run = w->node[node].act_run;

    if (!verb || !w->node[node].agent)
        return;
    bool finished = node_act(&out.w, node, &out.bad, &outcome);
    str_printf(out.text, sizeof(out.text), "%s: %s acts%s", node_name((u8)node), verb_text(verb),
               finished ? "" : ", its mark still there");
    if (finished && run)
        control_answer(&out.w, run, node, outcome);
    emit(fn, arg, &out);
    if (verb == VERB_FENCE && w->node[node].orphan && w->faults) {
        out = (struct step_out){.w = *w}; /* the mark stays, so does the backend */
        out.w.faults--;
        out.w.node[node].signal = 1;
        out.w.node[node].act = out.w.node[node].phase = 0;
        str_printf(out.text, sizeof(out.text), "%s: THE FENCE CANNOT END IT", node_name((u8)node));
        if (run)
            control_answer(&out.w, run, node, OUTCOME_FAILED);
        emit(fn, arg, &out);
    }
    if (verb != VERB_PROMOTE || !w->faults)
        return;
    out = (struct step_out){.w = *w}; /* PROMOTING stays, the node stays a standby */
    out.w.faults--;
    out.w.node[node].act = out.w.node[node].phase = 0;
    str_printf(out.text, sizeof(out.text), "%s: THE PROMOTION FAILS", node_name((u8)node));
    if (run)
        control_answer(&out.w, run, node, OUTCOME_FAILED);
    emit(fn, arg, &out);
}

static void try_faults(const struct world *w, int node, successor_fn fn, void *arg)
{
    const struct node *n = &w->node[node];
    struct step_out out;

    if (!n->up) { /* coming back costs nothing */
        out = (struct step_out){.w = *w};
        node_boot(&out.w, node, &out);
        emit(fn, arg, &out);
    } else if (!n->agent) {
        out = (struct step_out){.w = *w};
        out.w.node[node].agent = 1;
        str_printf(out.text, sizeof(out.text), "%s: agent starts", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (n->cut) {
        out = (struct step_out){.w = *w};
        out.w.node[node].cut = 0;
        str_printf(out.text, sizeof(out.text), "%s: network heals", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (!w->faults || !n->up)
        return;
    out = (struct step_out){.w = *w};
    out.w.faults--;
    node_die(&out.w, node);
    str_printf(out.text, sizeof(out.text), "%s: HOST DIES", node_name((u8)node));
    emit(fn, arg, &out);
    if (n->agent) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        out.w.node[node].pending |= n->act == VERB_PROMOTE;
        out.w.node[node].agent = out.w.node[node].act = out.w.node[node].phase = 0;
        str_printf(out.text, sizeof(out.text), "%s: AGENT DIES", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (n->role == PG_WRITABLE && (sim.scenario->menu & MENU_POSTMASTER)) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        node_orphan(&out.w, node);
        str_printf(out.text, sizeof(out.text), "%s: POSTMASTER DIES, a backend lives on",
                   node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (!n->cut && (sim.scenario->menu & MENU_NETWORK)) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        out.w.node[node].cut = 1;
        str_printf(out.text, sizeof(out.text), "%s: NETWORK CUT", node_name((u8)node));
        emit(fn, arg, &out);
    }
}

static void try_own_doing(const struct world *w, int node, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};

    if (node_guard_again(&out.w, node, &out) &&
        (memcmp(&out.w, w, sizeof(*w)) != 0 || out.bad.invariant))
        emit(fn, arg, &out);
    out = (struct step_out){.w = *w};
    if (node_watch(&out.w, node, &out))
        emit(fn, arg, &out);
    const struct node *n = &w->node[node];
    if ((sim.scenario->menu & MENU_WORD) && n->up && n->agent && !n->act && reads_dns(w, node) &&
        w->d.epoch >= n->epoch && memcmp(&n->seen, &w->d, sizeof(w->d)) != 0) {
        out = (struct step_out){.w = *w};
        out.w.node[node].seen = w->d;
        str_printf(out.text, sizeof(out.text), "%s: its watch remembers D", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (w->node[node].pending) {
        out = (struct step_out){.w = *w};
        node_promotes(&out.w, node);
        str_printf(out.text, sizeof(out.text), "%s: PostgreSQL promotes after all",
                   node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (w->node[node].orphan) { /* it ends by itself, at any time */
        out = (struct step_out){.w = *w};
        out.w.node[node].orphan = 0;
        out.w.node[node].role = PG_STOPPED;
        str_printf(out.text, sizeof(out.text), "%s: the last backend ends", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (w->node[node].stale) {
        out = (struct step_out){.w = *w};
        out.w.node[node].stale = 0;
        str_printf(out.text, sizeof(out.text), "%s: its walreceiver notices, and connects again",
                   node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (w->writes && w->node[node].up && node_may_commit(&w->node[node])) {
        out = (struct step_out){.w = *w};
        out.w.writes--;
        out.w.node[node].wal++;
        str_printf(out.text, sizeof(out.text), "%s: a commit", node_name((u8)node));
        emit(fn, arg, &out);
    }
    out = (struct step_out){.w = *w};
    node_stream(&out.w, node);
    if (memcmp(&out.w, w, sizeof(*w)) != 0) {
        str_printf(out.text, sizeof(out.text), "%s: receives WAL", node_name((u8)node));
        emit(fn, arg, &out);
    }
}

/* Of one fan-out, the node that neither has the role nor gets it hears last: which of the
 * bystanders hears when changes nothing, and the walk is a third as long. */
static bool waits_for_others(const struct world *w, const struct message *m)
{
    if (!m->live || m->node != C || w->d.to == C || w->d.owner == C)
        return false;
    for (size_t i = 0; i < MESSAGES; i++)
        if (w->msg[i].used && w->msg[i].live && w->msg[i].run == m->run && w->msg[i].node != C &&
            reachable(w, w->msg[i].node))
            return true;
    return false;
}

static void try_deliver(const struct world *w, size_t i, successor_fn fn, void *arg)
{
    const struct message *m = &w->msg[i];
    struct step_out out;

    if (!m->used || !reachable(w, m->node) || w->node[m->node].act || waits_for_others(w, m))
        return;
    out = (struct step_out){.w = *w};
    node_request(&out.w, i, true, &out);
    emit(fn, arg, &out);
    if (!m->live || !w->faults)
        return;
    out = (struct step_out){.w = *w};
    out.w.faults--;
    node_request(&out.w, i, false, &out);
    emit(fn, arg, &out);
}

static void try_dns(const struct world *w, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};

    if (w->dns && !w->faults)
        return;
    out.w.dns = !w->dns;
    if (w->dns)
        out.w.faults--;
    STR_COPY(out.text, w->dns ? "DNS FALLS SILENT" : "DNS answers again");
    emit(fn, arg, &out);
}

static void try_transfer(const struct world *w, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};

    if (!(sim.scenario->menu & MENU_WORD) || !w->dns ||
        memcmp(&w->secondary, &w->d, sizeof(w->d)) == 0)
        return;
    out.w.secondary = w->d;
    STR_COPY(out.text, "DNS: the secondary has caught up");
    emit(fn, arg, &out);
}

static void apply_update(const struct world *w, size_t i, bool answer, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};
    struct update u = w->upd[i];
    bool hit = u.expected == w->d.nonce || seed_is(SEED_BLIND_UPDATE);

    out.w.upd[i] = (struct update){0};
    if (hit) {
        oracle_update(&w->d, &u.r, &out.bad);
        out.w.d = u.r;
        for (size_t k = 0; k < u.r.n_from; k++)
            if (u.r.grade[k] == GRADE_G3)
                out.w.given_up |= (u8)(1U << u.r.from[k]);
    }
    str_printf(out.text, sizeof(out.text), "DNS: %s epoch %u owner %s to %s by run %u%s: %s%s",
               register_state_names[u.r.state], u.r.epoch, node_name(u.r.owner),
               u.r.to == NOBODY ? "-" : node_name(u.r.to), u.run, u.live ? "" : " late",
               hit ? "written" : "refused", answer || !u.live ? "" : ", answer lost");
    if (u.live && answer)
        control_update_answer(&out.w, u.run, hit ? OUTCOME_DONE : OUTCOME_LOST, &u.r);
    emit(fn, arg, &out);
}

void world_successors(const struct world *w, successor_fn fn, void *arg)
{
    for (size_t i = 0; i < UPDATES; i++) {
        if (!w->upd[i].used || !w->dns)
            continue;
        apply_update(w, i, true, fn, arg);
        if (w->upd[i].live && w->faults) {
            struct world fewer = *w;

            fewer.faults--;
            apply_update(&fewer, i, false, fn, arg);
        }
    }
    for (size_t i = 0; i < MESSAGES; i++)
        try_deliver(w, i, fn, arg);
    for (int i = 0; i < NODES; i++) {
        try_act(w, i, fn, arg);
        try_own_doing(w, i, fn, arg);
        try_faults(w, i, fn, arg);
    }
    try_dns(w, fn, arg);
    try_transfer(w, fn, arg);
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->d = (struct rec){.epoch = 1,
                        .nonce = 1,
                        .state = REGISTER_STABLE,
                        .owner = A,
                        .to = NOBODY,
                        .txn = 1,
                        .tli = 1};
    if (sim.scenario->menu & MENU_WORD)
        w->secondary = w->d;
    w->dns = 1;
    w->nonces = 1;
    for (int i = 0; i < NODES; i++) {
        struct node *n = &w->node[i];

        *n = (struct node){.up = 1,
                           .agent = 1,
                           .epoch = 1,
                           .seen = w->d,
                           .role = PG_RECOVERY,
                           .signal = 1,
                           .control = CONTROL_IN_ARCHIVE_RECOVERY,
                           .control_tli = 1,
                           .tli = 1,
                           .newest_tli = 1,
                           .wal = 5,
                           .upstream = A,
                           .receiving = 1};
    }
    w->node[A].role = PG_WRITABLE;
    w->node[A].signal = w->node[A].receiving = 0;
    w->node[A].upstream = NOBODY;
    w->node[A].control = CONTROL_IN_PRODUCTION;
    w->node[A].cron = w->node[A].cron_cmd = 1;
}
