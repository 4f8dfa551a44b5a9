#include "controller/engine/engine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/evidence.h"
#include "controller/cluster/rehearse.h"
#include "controller/decide/planner_view.h"
#include "controller/engine/interrupt.h"
#include "controller/engine/ops.h"
#include "controller/engine/run.h"
#include "controller/engine/run_journal.h"
#include "controller/engine/summary.h"
#include "controller/journal/journal.h"

/* ---- one step ----------------------------------------------------------------------------- */

static bool note_outcomes(struct run *r, const struct planner_move *m, struct op_result *res)
{
    bool all = true;
    if (m->nodes == 0 || (steps[m->step].flags & STEP_DNS)) {
        enum planner_outcome said =
            res->outcome[m->node >= 0 && !(steps[m->step].flags & STEP_DNS) ? m->node
                                                                            : CLUSTER_NODES_MAX];
        planner_note(&r->view.marks, &r->view, m->step, m->node, said);
        return said == OUTCOME_DONE;
    }
    for (size_t i = 0; i < r->view.n_nodes; i++) {
        if (!(m->nodes & (1U << i)))
            continue;
        enum planner_outcome outcome =
            steps_judge(&r->view, m->step, (int)i, res->outcome[i], res->refused & (1U << i));
        planner_note(&r->view.marks, &r->view, m->step, (int)i, outcome);
        if (outcome == OUTCOME_DONE)
            continue;
        all = false;
        if (!res->e.code) {
            err_set(&res->e, ERR_REFUSED, "`pgtandem status` shows what is there",
                    "the agent said yes, but what it shows is not that");
            err_set_node(&res->e, run_node_name(r, (int)i));
        }
    }
    return all;
}

/* A request without an answer: ask the node what became of it. */
static void look_again(struct run *r, const struct planner_move *m, const struct op_result *res)
{
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if ((m->nodes & (1U << i)) && res->outcome[i] == OUTCOME_UNKNOWN)
            world_observe_node(&r->session->cluster, &r->world, (int)i);
    run_look(r);
}

/* In the words of the look that decides, never of an earlier one. */
static void describe(const struct run *r, const struct planner_move *m, struct op_result *res)
{
    if (res->describe && m->node >= 0 && r->world.nodes[m->node].answered)
        res->describe(r, m, res);
}

/* A request for it may have had no answer: what is seen then counts. */
static void note_first_write(struct run *r, const struct planner_move *m, bool ok)
{
    if (ok && (m->step == STEP_PROMOTE || m->step == STEP_UNFENCE))
        r->outage_ended_ms = clock_mono_ms();
}

static void remember_step(struct run *r, const struct planner_move *m, int64_t started_ms,
                          bool done)
{
    if (r->n_steps < RUN_STEPS_MAX)
        r->steps[r->n_steps++] = (struct run_step){.step = m->step,
                                                   .node = m->node,
                                                   .started_ms = started_ms,
                                                   .ended_ms = clock_mono_ms(),
                                                   .done = done};
}

static void show_step_end(struct run *r, const struct planner_move *m, bool ok,
                          const struct op_result *res)
{
    if (ok) {
        progress_end(&r->progress, PROGRESS_OK, "%s", res->detail);
        return;
    }
    r->last_error = res->e;
    err_set_step(&r->last_error, steps[m->step].name);
    progress_end(&r->progress, res->e.code == ERR_DECLINED ? PROGRESS_DECLINED : PROGRESS_FAILED,
                 "%s%s%s", res->e.node, res->e.node[0] ? ": " : "",
                 res->e.msg[0] ? res->e.msg : res->detail);
}

static int engine_step(struct run *r, const struct planner_move *m, struct err *reterr)
{
    const struct step *step = &steps[m->step];
    struct op_result *res = arena_alloc(r->session->cluster.arena, sizeof(*res));
    int64_t started_ms = clock_mono_ms();
    if ((step->flags & STEP_CHANGES) && !r->journal && !r->view.marks.began) {
        int rc = run_journal_open(r, reterr);
        if (rc < 0)
            return rc;
    }
    if (step->flags & STEP_CHANGES)
        planned_take(r, m);
    run_journal_intent(r, m);
    r->step = step->name;
    progress_begin(&r->progress, step->name, run_node_name(r, m->node));
    for (size_t i = 0; i <= CLUSTER_NODES_MAX; i++)
        res->outcome[i] = OUTCOME_FAILED;
    ops[m->step](r, m, res);
    run_look(r);
    look_again(r, m, res);
    describe(r, m, res);
    bool ok = note_outcomes(r, m, res);
    note_first_write(r, m, ok);
    remember_step(r, m, started_ms, ok);
    show_step_end(r, m, ok, res);
    run_journal_result(r, m, ok, started_ms, res);
    return 0;
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* Ctrl-C: before the point of no return a person may turn back; after it, it only goes on. */
static void ask_interrupted(struct run *r)
{
    struct err e = {.code = 0};
    if (!r->view.marks.began)
        return;
    if (planner_past_no_return(&r->view)) {
        progress_say(&r->progress, "past the point of no return: it only goes on");
        return;
    }
    if (r->view.marks.finished) {
        progress_say(&r->progress, "the role has moved: what is left is done");
        return;
    }
    /* at stable no transition is open, and nothing is there to be rolled back */
    bool open = r->view.d.state != REGISTER_STABLE;
    if (r->session->term.tty && isatty(STDIN_FILENO) &&
        session_confirm(r->session,
                        open ? "\nInterrupted. Roll back what has been done? Anything else goes on."
                             : "\nInterrupted. Stop before the next step? Anything else goes on.",
                        NULL, &e) == 0)
        *(open ? &r->view.marks.turned : &r->view.marks.declined) = true;
    else
        progress_say(&r->progress, open ? "going on; `pgtandem abort` rolls it back once this has "
                                          "ended"
                                        : "going on");
}

/* Who hands over and who takes over, for the journal: where an open transition is gone on with, its
 * own two nodes. */
static void name_ends(struct run *r)
{
    const struct planner_view *v = &r->view;
    bool goes_on = v->command == PLANNER_RESUME || v->command == PLANNER_ABORT;
    int to = goes_on && planner_target(v) >= 0 ? planner_target(v) : v->to;

    STR_COPY(r->from,
             goes_on && planner_old(v) >= 0 ? run_node_name(r, planner_old(v)) : v->d.owner);
    STR_COPY(r->to, run_node_name(r, to));
}

static void prepare(struct run *r, struct session *s, const struct engine_order *order)
{
    r->session = s;
    progress_init(&r->progress, s, &r->trace);
    r->began_wall_ms = clock_wall_ms();
    r->began_ms = clock_mono_ms();
    if (order->journal) {
        r->journal = order->journal;
        STR_COPY(r->txn, order->txn);
        interrupt_catch();
    } else {
        register_new_txn(r->txn);
    }
    r->view.command = order->command;
    r->view.rejoin = order->rejoin;
    r->adopt = order->adopt;
    r->plan = order->plan;
    r->view.to = order->to ? config_node_index(&s->cluster.config, order->to) : -1;
    for (size_t i = 0; i < s->options.n_accept_unfenced; i++) {
        int node = config_node_index(&s->cluster.config, s->options.accept_unfenced[i]);
        if (node >= 0)
            r->view.marks.accepted |= 1U << node;
    }
    for (size_t i = 0; i < s->options.n_ignore; i++)
        r->view.marks.less_accepted |= strcmp(s->options.ignore[i], "most-wal") == 0;
    unsigned what = OBSERVE_AGENTS | OBSERVE_DNS;
    if (order->command == PLANNER_FAILOVER) { /* no one can write meanwhile: all at once */
        what |= OBSERVE_EVIDENCE;
        r->rehearsal = rehearse_start(&s->cluster, &r->world, r->view.to, true);
    }
    world_observe(&s->cluster, &r->world, what);
    if (order->command == PLANNER_UNFENCE && r->world.d.status == DNS_VIEW_SILENT)
        world_observe(&s->cluster, &r->world,
                      OBSERVE_SURVEY); /* does another server show the record? */
    run_look(r);
    r->view.marks.given_epoch = order->given_epoch   ? order->given_epoch
                                : r->view.d_answered ? r->view.d.epoch
                                                     : 0;
    name_ends(r);
    summary_outage_before(r);
}

static bool dns_silent(const struct planner_move *m)
{
    return m->reason == WHY_DNS_SILENT || m->reason == WHY_DNS_SILENT_AT_FIRST;
}

/* How far a node's WAL goes, and how far the owner has it. */
static const char *measured(const struct run *r, int node, char ret[200])
{
    const struct lineage *l = &r->view.nodes[node].wal;
    char here[LSN_TEXT_BYTES], there[LSN_TEXT_BYTES];
    (void)str_printf(ret, 200,
                     "it reaches %s on timeline %lld, the owner's history has it up to %s",
                     lsn_text(l->here, here), (long long)l->tli, lsn_text(l->there, there));
    return ret;
}

/* It answers, and is at work on something else: nothing has to be brought back. */
static bool busy(const struct run *r, int node, char ret[160])
{
    const struct world_node *n = node >= 0 ? &r->world.nodes[node] : NULL;

    if (!n || !n->answered || !n->obs.starting_act)
        return false;
    (void)str_printf(ret, 160, "its agent is busy: %s has been running for %lld s", n->obs.act,
                     (long long)(n->obs.act_ms / 1000));
    return true;
}

/* The planner's last word as an error: its exit code, text and hint, and the step that led to
 * it. */
static int end_error(const struct run *r, const struct planner_move *m, struct err *reterr)
{
    static const int codes[] = {[1] = ERR_USAGE,      [2] = ERR_PREFLIGHT,   [3] = ERR_UNDONE,
                                [4] = ERR_INCOMPLETE, [6] = ERR_UNREACHABLE, [7] = ERR_HELD,
                                [8] = ERR_REGISTER,   [9] = ERR_DECLINED,    [10] = ERR_PROBLEM};
    char text[400], hint[400], measure[200];
    if (m->exit_code == 0)
        return 0;
    summary_reason(r, m, text, sizeof(text));
    planner_sentence(planner_reason_hint(m->reason), run_node_name(r, m->node), hint, sizeof(hint));
    const struct record *d = &r->view.d;
    err_set(reterr, codes[m->exit_code], hint, "%s", text);
    if (m->reason == WHY_SEEN_WRITABLE && evidence_writable(&r->world)) {
        struct arena *a = r->session->cluster.arena;
        const struct config *c = &r->session->cluster.config;

        err_set(reterr, codes[m->exit_code], evidence_remedy(a, c, &r->world), "%s",
                evidence_verdict(a, c, &r->world));
    } else if (dns_silent(m) && r->world.d_error.msg[0])
        err_set(reterr, codes[m->exit_code],
                summary_dns_refused(r, m) ? r->world.d_error.hint : hint, "%s (%s)", text,
                r->world.d_error.msg);
    else if (m->exit_code == 9 && r->last_error.code) /* the answer itself, not what came of it */
        err_set(reterr, codes[9], r->last_error.hint, "%s", r->last_error.msg);
    else if (m->exit_code == 7 && d->epoch > 0)
        err_set(reterr, codes[m->exit_code], hint,
                "%s: %s holds the record (epoch %lld, %s, %s%s%s)", text, d->by,
                (long long)d->epoch, register_state_names[d->state], d->owner,
                d->to[0] ? " -> " : "", d->to);
    else if (m->reason == WHY_DIVERGED) /* whatever else its agent is at */
        err_set(reterr, codes[m->exit_code], hint, "%s: %s", text, measured(r, m->node, measure));
    else if (busy(r, m->node, measure))
        err_set(reterr, codes[m->exit_code],
                "`pgtandem status` shows when that has ended; then run the same command again",
                "%s (%s)", text, measure);
    else if (r->last_error.code)
        err_set(reterr, codes[m->exit_code], hint, "%s (%s: %s)", text, r->last_error.step,
                r->last_error.msg);
    return codes[m->exit_code];
}

/* Agents know a later epoch than the record had when it was read: what has it now? */
static bool behind(struct run *r, const struct planner_move *m)
{
    return m->reason == WHY_EPOCH_BELOW && run_newer_record(r, OBSERVE_AGENTS | OBSERVE_DNS);
}

/* A refusal before anything was begun, by looks that another command's claim may lie between (the
 * nodes as it has them already, the record as it was): whose is the record now? */
static bool overtaken(struct run *r, const struct planner_move *m)
{
    return r->view.marks.given_epoch > 0 && !r->view.marks.last_unknown && m->kind == MOVE_STOP &&
           (m->exit_code == 2 || m->exit_code == 4) && run_newer_record(r, OBSERVE_DNS);
}

static int engine_loop(struct run *r, struct planner_move *m, struct err *reterr)
{
    for (;;) {
        planner_next(&r->view, m);
        planned_skip(r, m);
        if (behind(r, m) || overtaken(r, m))
            continue;
        if (m->kind != MOVE_STEP)
            return 0;
        int rc = engine_step(r, m, reterr);
        if (rc < 0)
            return rc;
        if (interrupt_taken())
            ask_interrupted(r);
    }
}

static bool in_record(const struct record *d, const char *name)
{
    for (size_t i = 0; i < d->n_from; i++)
        if (strcmp(d->from[i].node, name) == 0)
            return true;
    return strcmp(d->owner, name) == 0 || strcmp(d->to, name) == 0;
}

/* An agent that only observes would refuse its step after the epoch has risen, and carry an older
 * one from then on. (For moves preflight says so.) */
static int refuse_observers(const struct run *r, const struct engine_order *order,
                            struct err *reterr)
{
    if (order->command == PLANNER_SWITCHOVER || order->command == PLANNER_FAILOVER)
        return 0;
    for (size_t i = 0; i < r->world.n_nodes; i++) {
        const char *name = run_node_name(r, (int)i);
        bool concerned = (int)i == r->view.to || in_record(&r->view.d, name);

        if (!concerned || !r->world.nodes[i].answered || r->world.nodes[i].obs.mode == MODE_ACT)
            continue;
        err_set(reterr, ERR_REFUSED, NULL,
                "the agent of %s only observes (mode = observe); nothing was changed", name);
        err_set_hint(reterr,
                     "on %s: set \"mode = act\" in its agent.conf, then systemctl reload "
                     "pgtandem-agent",
                     name);
        return ERR_REFUSED;
    }
    return 0;
}

int engine_run(struct session *s, const struct engine_order *order, struct err *reterr)
{
    struct run *r = arena_alloc(s->cluster.arena, sizeof(*r));
    struct planner_move m = {.kind = MOVE_STOP};
    int rc = session_reason(s, &r->reason, reterr);
    if (rc < 0) {
        journal_close(order->journal);
        return rc;
    }
    prepare(r, s, order);
    rc = refuse_observers(r, order, reterr);
    if (rc < 0) {
        rehearse_drop(r->rehearsal);
        journal_close(order->journal);
        return rc;
    }
    summary_opening(r);
    rc = engine_loop(r, &m, reterr);
    rehearse_drop(r->rehearsal);
    if (rc == 0 && op_evidence_for_refusal(r, &m)) {
        struct planner_move again;
        planner_next(&r->view, &again);
        m = again.kind == MOVE_STEP ? m : again;
    }
    if (rc == 0) {
        /* not silence: an answer that says no (a wrong key, say), and nothing has been begun */
        if (dns_silent(&m) && r->world.d.status == DNS_VIEW_REFUSED && !r->view.marks.began)
            m.exit_code = 8;
        rc = end_error(r, &m, reterr);
        summary_closing(r, &m);
    }
    run_journal_close(r);
    return rc;
}
