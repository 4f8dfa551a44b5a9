/* The steps before anything is held: every check, what everybody sees of a lost node, what may be
 * lost. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "controller/ops.h"
#include "controller/plan.h"
#include "controller/preflight.h"
#include "controller/rehearse.h"

static enum plan_outcome *outcome_at(const struct plan_move *m, struct op_result *res)
{
    return &res->outcome[m->node >= 0 ? m->node : CLUSTER_NODES_MAX];
}

/* ---- preflight ---------------------------------------------------------------------------- */

static bool unplanned(const struct run *r)
{
    return r->view.command == PLAN_FAILOVER;
}

/* Show what will be done; with a saved plan, refuse where what it rested on has changed. */
static bool as_planned(struct run *r, const struct preflight *p, struct op_result *res)
{
    struct session *s = r->session;
    struct plan_view after = r->view;
    struct plan *now = arena_alloc(s->arena, sizeof(*now));
    after.marks.done |= step_bit(STEP_PREFLIGHT);
    struct plan_look look = {.session = s, .world = &r->world, .view = &after, .preflight = p};
    look.foresight = plan_foresee(s, &r->world, &after);
    plan_build(&look, now);
    if (r->plan && plan_check_facts(s, r->plan, now, &res->e) < 0)
        return false;
    plan_print_short(s, now);
    return true;
}

void op_preflight(struct run *r, const struct plan_move *m, struct op_result *res)
{
    struct session *s = r->session;
    struct preflight *p = arena_alloc(s->arena, sizeof(*p));
    struct rehearse *rehearsal = rehearse_start(
        s, &r->world, r->view.to, unplanned(r) ? REHEARSE_TIMEOUT_LOST_MS : REHEARSE_TIMEOUT_MS);
    world_observe(s, &r->world, OBSERVE_SURVEY | OBSERVE_KEY);
    rehearse_end(rehearsal);
    run_look(r);
    preflight_run(s, &r->world, unplanned(r) ? PREFLIGHT_UNPLANNED : PREFLIGHT_PLANNED,
                  plan_owner(&r->view), r->view.to, p);
    trace_preflight(&r->trace, p);
    STR_PRINTF(res->detail, "%zu checks, %zu blocking, %zu warnings", p->n, p->blocking,
               p->warnings);
    *outcome_at(m, res) = p->blocking ? OUTCOME_FAILED : OUTCOME_DONE;
    progress_clear(&r->progress);
    if (p->blocking || p->warnings)
        preflight_print(s, p, true);
    if (p->blocking) {
        err_set(&res->e, ERR_PREFLIGHT,
                "mend them, or `pgtandem preflight --to` for the whole list",
                "%zu of %zu checks refuse; nothing has been changed", p->blocking, p->n);
        return;
    }
    if (!as_planned(r, p, res)) {
        *outcome_at(m, res) = OUTCOME_FAILED;
        return;
    }
    char question[300];
    STR_PRINTF(question, "%s of %s: %s -> %s. %s", s->verb->name, s->config.cluster.name,
               run_node_name(r, plan_owner(&r->view)), run_node_name(r, r->view.to),
               unplanned(r) ? "The old primary is treated as lost."
                            : "Writes stop from fence to promote.");
    if (session_confirm(s, question, s->config.cluster.name, &res->e) < 0)
        *outcome_at(m, res) = OUTCOME_DECLINED;
}

/* ---- evidence ----------------------------------------------------------------------------- */

/* The witnesses are asked what they see; the target itself, in the same fan-out, how it is. */
static void fill_target(struct run *r, size_t node, struct request *q, const void *arg)
{
    const struct config_node *target = arg;
    if (&r->session->config.nodes[node] == target) {
        q->verb = VERB_OBSERVE;
        return;
    }
    STR_COPY(q->upstream.node, target->name);
    STR_COPY(q->upstream.address, target->address);
    q->upstream.port = target->port;
    STR_COPY(q->target_agent, target->agent);
}

/* What one node says of the lost one, in words. */
static void tell_evidence(struct run *r, size_t witness, const struct obs_peer *e)
{
    char lsn[LSN_TEXT_BYTES], at[CLOCK_TEXT_BYTES];
    progress_say(&r->progress, "    %s sees %s: agent %s, port %s, %s%s%s%s%s",
                 run_node_name(r, (int)witness), e->node, e->agent_answers ? "answers" : "silent",
                 e->port_open ? "open" : "closed",
                 e->writable_seen      ? "WRITABLE"
                 : e->in_recovery_seen ? "a standby"
                                       : "no answer from PostgreSQL",
                 e->last_lsn ? ", last WAL " : "", e->last_lsn ? lsn_text(e->last_lsn, lsn) : "",
                 e->last_lsn_wall_ms > 0 ? " at " : "",
                 e->last_lsn_wall_ms > 0 ? clock_text_hms(e->last_lsn_wall_ms, at) : "");
}

static void take_evidence(struct run *r, size_t target, const struct obs_peer *e)
{
    if (e->last_lsn > r->last_seen[target].lsn)
        r->last_seen[target].lsn = e->last_lsn;
    if (e->last_lsn_wall_ms > r->last_seen[target].wall_ms)
        r->last_seen[target].wall_ms = e->last_lsn_wall_ms;
    if (e->writable_seen)
        r->seen_writable |= 1U << target;
}

static void ask_about(struct run *r, size_t target, struct op_result *res)
{
    /* A lost node costs each witness all of it; a busy one that lives must get to answer. */
    enum { EVIDENCE_MS = 2000 };
    uint32_t asked = 1U << target;
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if (r->view.nodes[i].answered)
            asked |= 1U << i;
    r->seen_writable &= ~(1U << target);
    ops_call(r, asked, VERB_EVIDENCE, EVIDENCE_MS, fill_target, &r->session->config.nodes[target],
             res);
    for (size_t i = 0; i < r->view.n_nodes; i++) {
        const struct node_obs *o = &r->world.nodes[i].obs;
        if (i == target || res->outcome[i] != OUTCOME_DONE || o->n_evidence == 0)
            continue;
        tell_evidence(r, i, &o->evidence[0]);
        take_evidence(r, target, &o->evidence[0]);
    }
    if (r->view.nodes[target].answered && r->view.nodes[target].role == PG_WRITABLE)
        r->seen_writable |= 1U << target;
}

/* Silence is evidence too: an answer that does not come is not a failure of the step. */
void op_evidence(struct run *r, const struct plan_move *m, struct op_result *res)
{
    uint32_t targets = m->nodes ? m->nodes : 1U << plan_owner(&r->view);
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if (targets & (1U << i))
            ask_about(r, i, res);
    run_look(r);
    res->e = (struct err){.code = 0};
    for (size_t i = 0; i <= CLUSTER_NODES_MAX; i++)
        res->outcome[i] = OUTCOME_DONE;
    STR_PRINTF(res->detail, "%s",
               r->seen_writable & targets ? "somebody sees it WRITABLE"
                                          : "nobody sees it writable");
}

/* ---- loss statement ----------------------------------------------------------------------- */

static const char *sync_words(const struct run *r, size_t to)
{
    const struct obs_pg *pg = &r->world.nodes[to].obs.pg;
    return pg->sync_standby_names[0] ? "an interval: replication to some standby was synchronous"
                                     : "unbounded by proof: replication is asynchronous";
}

static void say_loss(struct run *r, size_t lost, size_t to)
{
    char last[LSN_TEXT_BYTES], have[LSN_TEXT_BYTES], at[CLOCK_TEXT_BYTES];
    const struct plan_node *b = &r->view.nodes[to];
    uint64_t known = r->last_seen[lost].lsn;
    uint64_t wal = b->receive_lsn > b->replay_lsn ? b->receive_lsn : b->replay_lsn;
    if (r->view.nodes[lost].insert_lsn > known)
        known = r->view.nodes[lost].insert_lsn;
    int64_t seen = r->last_seen[lost].wall_ms;
    struct progress *p = &r->progress;
    progress_say(p, "what may be lost if %s takes over from %s", b->name, r->view.nodes[lost].name);
    progress_say(p, "    last known of %s: WAL %s%s%s", r->view.nodes[lost].name,
                 known ? lsn_text(known, last) : "unknown", seen > 0 ? ", heard at " : "",
                 seen > 0 ? clock_text_hms(seen, at) : "");
    if (wal)
        progress_say(p, "    %s has WAL up to %s: %lld bytes less than that", b->name,
                     lsn_text(wal, have), known > wal ? (long long)(known - wal) : 0LL);
    else
        progress_say(p, "    %s is stopped: how much WAL it has shows when it has been started",
                     b->name);
    if (seen > 0)
        progress_say(p,
                     "    at risk: what %s acknowledged in the last %lld s of its life and did not "
                     "send",
                     r->view.nodes[lost].name, (long long)((clock_wall_ms() - seen) / 1000));
    progress_say(p, "    the loss is %s", sync_words(r, to));
}

static bool typed(const struct run *r, const char *node)
{
    for (size_t i = 0; i < r->session->options.n_accept_unfenced; i++)
        if (strcmp(r->session->options.accept_unfenced[i], node) == 0)
            return true;
    return false;
}

void op_loss(struct run *r, const struct plan_move *m, struct op_result *res)
{
    struct session *s = r->session;
    int lost = m->node >= 0 && m->node != r->view.to ? m->node : plan_owner(&r->view);
    char question[200];
    *outcome_at(m, res) = OUTCOME_DONE;
    if (lost < 0 || r->view.to < 0)
        return;
    say_loss(r, (size_t)lost, (size_t)r->view.to);
    if (typed(r, run_node_name(r, lost)))
        return;
    STR_PRINTF(question, "%s is given up as the primary.", run_node_name(r, lost));
    if (session_confirm(s, question, run_node_name(r, lost), &res->e) < 0)
        *outcome_at(m, res) = OUTCOME_DECLINED;
}
