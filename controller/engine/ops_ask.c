/* The steps before anything is held: every check, and what may be lost. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/cron_minute.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "controller/cluster/examine.h"
#include "controller/decide/planner_view.h"
#include "controller/engine/consequences.h"
#include "controller/engine/ops.h"
#include "controller/engine/ops_call.h"
#include "controller/plan/plan.h"
#include "controller/plan/plan_show.h"
#include "controller/preflight/preflight.h"

static enum planner_outcome *outcome_at(const struct planner_move *m, struct op_result *res)
{
    return &res->outcome[m->node >= 0 ? m->node : CLUSTER_NODES_MAX];
}

/* ---- preflight ---------------------------------------------------------------------------- */

static bool unplanned(const struct run *r)
{
    return r->view.command == PLANNER_FAILOVER;
}

/* Show what will be done; with a saved plan, refuse where what it rested on has changed. */
static bool as_planned(struct run *r, const struct preflight *p, struct op_result *res)
{
    struct session *s = r->session;
    struct planner_view after = r->view;
    struct plan *now = arena_alloc(s->cluster.arena, sizeof(*now));
    after.marks.done |= step_bit(STEP_PREFLIGHT);
    struct plan_look look = {.session = s, .world = &r->world, .view = &after, .preflight = p};
    look.foresight = plan_foresee(s, &r->world, &after);
    plan_build(&look, now);
    if (r->plan && plan_check_facts(s, r->plan, now, &res->e) < 0)
        return false;
    plan_print_short(s, now);
    if (!s->options.yes)
        consequences_of_move(s, &r->world, now);
    return true;
}

/* A failover that is not confirmed again does not wait for facts that would only warn. */
static void look_at_all(struct run *r)
{
    struct session *s = r->session;
    bool lost = unplanned(r);
    struct examine all = {.time = lost ? EXAMINE_LOST : EXAMINE_MOVE,
                          .to = r->view.to,
                          .observe = OBSERVE_SURVEY | OBSERVE_KEY,
                          .inspect = !(lost && s->options.yes),
                          .answered_only = true,
                          .begun = r->rehearsal};
    r->rehearsal = NULL;
    examine(&s->cluster, &r->world, &all);
}

static bool no_backup(const struct run *r, size_t node)
{
    return r->world.nodes[node].answered && r->world.nodes[node].obs.pg.backups_running == 0;
}

/* --wait-jobs: a base backup of hours is waited for before anything is claimed. */
static bool await_backups(struct run *r, struct op_result *res)
{
    const struct session *s = r->session;
    int owner = planner_owner(&r->view);
    const struct obs_pg *pg = owner >= 0 ? &r->world.nodes[owner].obs.pg : NULL;

    if (unplanned(r) || !pg || pg->backups_running == 0 || s->options.wait_jobs_s == 0)
        return true;
    if (s->options.format == FORMAT_PRETTY)
        fprintf(stderr, "waiting up to %lld s for the base backup on %s: %s\n",
                (long long)s->options.wait_jobs_s, run_node_name(r, owner), obs_pg_backups(pg));
    if (ops_until(r, (size_t)owner, no_backup, s->options.wait_jobs_s * 1000))
        return true;
    if (!r->world.nodes[owner].answered) {
        res->e = r->world.nodes[owner].error;
        return false;
    }
    err_set(&res->e, ERR_PREFLIGHT, "wait for its end, then run the same command again",
            "after %lld s a base backup still runs on %s (%.250s); nothing has been changed",
            (long long)s->options.wait_jobs_s, run_node_name(r, owner), obs_pg_backups(pg));
    return false;
}

/* Around the full minute the step that turns the jobs off has to wait, until cron can start none of
 * them any more. Those seconds pass here, before anything is claimed. */
static void await_cron(struct run *r)
{
    enum { AHEAD_MS = 500 }; /* from here to that step, and some */
    const struct session *s = r->session;
    int owner = planner_owner(&r->view);
    const struct world_node *n = owner >= 0 ? &r->world.nodes[owner] : NULL;

    if (unplanned(r) || !n || !n->answered || n->obs.cron.entries_on == 0)
        return;
    int64_t left_ms = cron_minute_left_ms(clock_wall_ms() + n->skew_ms + AHEAD_MS);
    if (left_ms == 0)
        return;
    if (s->options.format == FORMAT_PRETTY)
        fprintf(stderr, "waiting %.1f s until cron on %s has looked at its crontabs\n",
                (double)(left_ms + AHEAD_MS) / 1000, run_node_name(r, owner));
    ops_pause(r, left_ms + AHEAD_MS);
}

static bool has_most_wal(const struct run *r, size_t node)
{
    return planner_most_wal(&r->view, (int)node);
}

/* Right after its primary has died a standby still takes in what was on its way to it: some
 * milliseconds later the target may have what another had already. Nobody writes, so this ends. */
static void let_wal_drain(struct run *r)
{
    enum { DRAIN_MS = 500 };
    uint32_t standbys = 0;
    if (!unplanned(r) || r->view.to < 0 || planner_writable(&r->view, planner_owner(&r->view)))
        return;
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if (planner_standby(&r->view, (int)i))
            standbys |= 1U << i;
    ops_until_all(r, standbys, (size_t)r->view.to, has_most_wal, DRAIN_MS);
}

void op_preflight(struct run *r, const struct planner_move *m, struct op_result *res)
{
    struct session *s = r->session;
    struct preflight *p = arena_alloc(s->cluster.arena, sizeof(*p));
    look_at_all(r);
    run_look(r);
    let_wal_drain(r);
    preflight_run(s, &r->world, unplanned(r) ? PREFLIGHT_UNPLANNED : PREFLIGHT_PLANNED,
                  planner_owner(&r->view), r->view.to, p);
    trace_preflight(&r->trace, p);
    STR_PRINTF(res->detail, "%zu checks, %zu blocking, %zu warnings", p->n, p->blocking,
               p->warnings);
    *outcome_at(m, res) = p->blocking ? OUTCOME_FAILED : OUTCOME_DONE;
    progress_clear(&r->progress);
    if (p->blocking && run_newer_record(r, OBSERVE_DNS))
        return; /* they refuse what another command is at: the planner says whose */
    if (p->blocking || p->warnings)
        preflight_print(s, p, true);
    if (p->blocking) {
        err_set(&res->e, ERR_PREFLIGHT,
                "correct them, or `pgtandem preflight --to` for the whole list",
                "%zu of %zu checks refuse; nothing has been changed", p->blocking, p->n);
        return;
    }
    if (!as_planned(r, p, res)) {
        *outcome_at(m, res) = OUTCOME_FAILED;
        return;
    }
    char question[300];
    STR_PRINTF(question, "%s of %s: %s -> %s. %s", s->verb->name, s->cluster.config.cluster.name,
               run_node_name(r, planner_owner(&r->view)), run_node_name(r, r->view.to),
               unplanned(r) ? "The old primary is treated as lost."
                            : "Writes stop from fence to promote.");
    if (session_confirm(s, question, s->cluster.config.cluster.name, &res->e) < 0)
        *outcome_at(m, res) = OUTCOME_DECLINED;
    else if (!await_backups(r, res))
        *outcome_at(m, res) = OUTCOME_FAILED;
    else
        await_cron(r);
}

/* ---- loss statement ----------------------------------------------------------------------- */

static const char *sync_words(const struct run *r, size_t to)
{
    const struct obs_pg *pg = &r->world.nodes[to].obs.pg;
    return pg->sync_standby_names[0] ? "an interval: replication to some standby was synchronous"
                                     : "unbounded by proof: replication is asynchronous";
}

/* "db01 last heard from db02 at 04:24:31", the target first. No node that answers received anything
 * that was sent later; how long the command waits does not change that. */
static void say_heard(struct run *r, size_t lost, size_t to)
{
    char at[CLOCK_TEXT_BYTES];

    for (size_t k = 0; k <= r->view.n_nodes; k++) {
        size_t i = k == 0 ? to : k - 1;
        int64_t heard = r->last_seen[lost].heard_wall_ms[i];

        if (heard > 0 && (k == 0 || i != to))
            progress_say(&r->progress, "    %s last heard from %s at %s", r->view.nodes[i].name,
                         r->view.nodes[lost].name, clock_text_hms(heard, at));
    }
}

/* When the first commit may have been acknowledged that the target has not. Has it all the WAL that
 * is known of, then none before it last heard; else perhaps any after the last that it replayed. */
static int64_t at_risk_from(const struct run *r, size_t lost, size_t to, bool has_all)
{
    int64_t heard = r->last_seen[lost].heard_wall_ms[to];
    int64_t commit = r->last_seen[lost].wall_ms;

    if (has_all && heard > 0)
        return heard;
    return commit > 0 && (heard == 0 || commit < heard) ? commit : heard;
}

/* What others have of the lost one's WAL beyond the place where the target was promoted by hand. */
static void say_left_behind(struct run *r, size_t lost, size_t to)
{
    const struct planner_node *b = &r->view.nodes[to];

    for (size_t i = 0; i < r->view.n_nodes; i++) {
        const struct planner_node *n = &r->view.nodes[i];

        if (i != to && i != lost && planner_standby(&r->view, (int)i) && n->tli < b->tli &&
            planner_wal(n) > b->branch_at)
            progress_say(&r->progress,
                         "    %s has %lld bytes of it beyond that: they stay on %s alone", n->name,
                         (long long)(planner_wal(n) - b->branch_at), n->name);
    }
}

static void say_loss(struct run *r, size_t lost, size_t to)
{
    char last[LSN_TEXT_BYTES], have[LSN_TEXT_BYTES], at[CLOCK_TEXT_BYTES];
    const struct planner_node *b = &r->view.nodes[to];
    uint64_t known = r->last_seen[lost].lsn;
    uint64_t wal = b->receive_lsn > b->replay_lsn ? b->receive_lsn : b->replay_lsn;
    if (r->view.nodes[lost].insert_lsn > known)
        known = r->view.nodes[lost].insert_lsn;
    int64_t from = at_risk_from(r, lost, to, wal && known <= wal);
    struct progress *p = &r->progress;
    progress_say(p, "what may be lost if %s takes over from %s", b->name, r->view.nodes[lost].name);
    progress_say(p, "    last known of %s: WAL %s", r->view.nodes[lost].name,
                 known ? lsn_text(known, last) : "unknown");
    say_heard(r, lost, to);
    if (b->branched) {
        progress_say(p,
                     "    %s was promoted by hand: it has the WAL of %s up to %s, %lld bytes less "
                     "than that, and what was written on it since",
                     b->name, r->view.nodes[lost].name, lsn_text(b->branch_at, have),
                     known > b->branch_at ? (long long)(known - b->branch_at) : 0LL);
        say_left_behind(r, lost, to);
    } else if (wal)
        progress_say(p, "    %s has WAL up to %s: %lld bytes less than that", b->name,
                     lsn_text(wal, have), known > wal ? (long long)(known - wal) : 0LL);
    else
        progress_say(p, "    %s is stopped: how much WAL it has shows when it has been started",
                     b->name);
    if (from > 0)
        progress_say(p, "    at risk: what %s acknowledged after %s, until it stopped",
                     r->view.nodes[lost].name, clock_text_hms(from, at));
    progress_say(p, "    the loss is %s", sync_words(r, to));
}

static bool typed(const struct run *r, const char *node)
{
    for (size_t i = 0; i < r->session->options.n_accept_unfenced; i++)
        if (strcmp(r->session->options.accept_unfenced[i], node) == 0)
            return true;
    return false;
}

void op_loss(struct run *r, const struct planner_move *m, struct op_result *res)
{
    struct session *s = r->session;
    int lost = m->node >= 0 && m->node != r->view.to ? m->node : planner_owner(&r->view);
    char question[200];
    *outcome_at(m, res) = OUTCOME_DONE;
    if (lost < 0 || r->view.to < 0)
        return;
    say_loss(r, (size_t)lost, (size_t)r->view.to);
    if (typed(r, run_node_name(r, lost)))
        return;
    STR_PRINTF(question, "%s is declared lost as the primary.", run_node_name(r, lost));
    if (session_confirm(s, question, run_node_name(r, lost), &res->e) < 0)
        *outcome_at(m, res) = OUTCOME_DECLINED;
}
