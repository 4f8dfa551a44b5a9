/*
 * What every node sees of a node that may be lost. Asked three times: with the very first look
 * (world.evidence), right before the flip, and throughout the time that is left to the watch of a
 * node declared lost without a fence. So the evidence that decides the promotion is collected from
 * the command's beginning to its point of no return (docs/protocol.md, section 5).
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "controller/cluster/evidence.h"
#include "controller/engine/ops.h"
#include "controller/engine/ops_call.h"
#include "controller/engine/ops_node.h"
#include "proto/knock.h"

/* ---- one look ----------------------------------------------------------------------------- */

/* The witnesses are asked what they see; the target itself, in the same fan-out, how it is. */
static void fill_target(struct run *r, size_t node, struct request *q, const void *arg)
{
    const struct config_node *target = arg;
    if (&r->session->cluster.config.nodes[node] == target)
        q->verb = VERB_OBSERVE;
    else
        world_evidence_request(target, q);
}

static void ask_about(struct run *r, size_t target)
{
    struct op_result *res = arena_alloc(r->session->cluster.arena, sizeof(*res));
    struct world *w = &r->world;
    uint32_t asked = 1U << target;
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if (r->view.nodes[i].answered)
            asked |= 1U << i;
    w->evidence.about = (int)target;
    w->evidence.began_ms = clock_mono_ms();
    w->evidence.from = 0;
    ops_call(r, asked, VERB_EVIDENCE, EVIDENCE_TIMEOUT_MS, fill_target,
             &r->session->cluster.config.nodes[target], res);
}

/* Add what the witnesses reported about it to what this run knows. */
static void take_witnesses(struct run *r, size_t target)
{
    const struct world *w = &r->world;
    r->seen_writable &= ~(1U << target);
    for (size_t i = 0; i < r->view.n_nodes; i++) {
        const struct obs_peer *e = &w->evidence.seen[i];
        if (!(w->evidence.from & (1U << i)))
            continue;
        if (e->last_lsn > r->last_seen[target].lsn)
            r->last_seen[target].lsn = e->last_lsn;
        if (e->last_lsn_wall_ms > r->last_seen[target].wall_ms)
            r->last_seen[target].wall_ms = e->last_lsn_wall_ms;
        if (e->heard_wall_ms > 0)
            r->last_seen[target].heard_wall_ms[i] = e->heard_wall_ms - w->nodes[i].skew_ms;
        if (e->writable_seen)
            r->seen_writable |= 1U << target;
    }
    if (r->view.nodes[target].answered &&
        (r->view.nodes[target].role == PG_WRITABLE || r->view.nodes[target].orphans))
        r->seen_writable |= 1U << target;
}

/* ---- the two steps that ask --------------------------------------------------------------- */

/* The first look has asked already; a person's answer, or a slow preflight, may lie between. */
static bool asked_with_first_look(const struct run *r, const struct planner_move *m, size_t target)
{
    enum { FRESH_MS = 2000 };
    const struct world *w = &r->world;
    return m->step == STEP_EVIDENCE && w->evidence.began_ms > 0 &&
           w->evidence.about == (int)target && w->evidence.from &&
           clock_mono_ms() - w->evidence.began_ms < FRESH_MS;
}

/* Silence is evidence too: an answer that does not come is not a failure of the step. */
void op_evidence(struct run *r, const struct planner_move *m, struct op_result *res)
{
    uint32_t targets = m->nodes ? m->nodes : 1U << planner_owner(&r->view);
    for (size_t t = 0; t < r->view.n_nodes; t++) {
        if (!(targets & (1U << t)))
            continue;
        if (!asked_with_first_look(r, m, t))
            ask_about(r, t);
        take_witnesses(r, t);
        for (size_t i = 0; i < r->view.n_nodes; i++)
            if (r->world.evidence.from & (1U << i))
                progress_say(&r->progress, "    %s",
                             evidence_words(r->session->cluster.arena, run_node_name(r, (int)i),
                                            &r->world.evidence.seen[i]));
    }
    r->evidence_shown_ms = r->world.evidence.began_ms;
    run_look(r);
    for (size_t i = 0; i <= CLUSTER_NODES_MAX; i++)
        res->outcome[i] = OUTCOME_DONE;
    STR_PRINTF(res->detail, "%s",
               r->seen_writable & targets ? "a node sees it WRITABLE" : "no node sees it writable");
}

/* A refusal because of a node that does not respond says what the others see of it; preflight's
 * names no node, and is then about the owner. */
bool op_evidence_for_refusal(struct run *r, const struct planner_move *m)
{
    bool refused = m->exit_code == 2 || m->exit_code == 4 || m->exit_code == 6;
    int about = m->node >= 0 ? m->node : planner_owner(&r->view);
    uint32_t others = 0;
    if (!refused || about < 0 || r->view.nodes[about].answered)
        return false;
    for (size_t i = 0; i < r->view.n_nodes; i++)
        others |= r->view.nodes[i].answered ? 1U << i : 0;
    if (!others || (r->world.evidence.began_ms && r->world.evidence.about == about))
        return false;
    ask_about(r, (size_t)about);
    take_witnesses(r, (size_t)about);
    run_look(r);
    return true;
}

/* ---- the watch has its time --------------------------------------------------------------- */

/* One watch period, its second read, and a fast stop's first act, which ends all sessions: a node
 * declared lost without a fence that lives, sees DNS and is as fast as usual does not write any
 * more by then. The period of one that was never heard counts as the longest of the others'. */
static int64_t watch_wait_ms(const struct run *r)
{
    enum { SECOND_READ_MS = 250, STOP_MS = 500, LEAST_MS = 3000 };
    if (r->session->cluster.config.limits.g3_wait_ms > 0)
        return r->session->cluster.config.limits.g3_wait_ms;
    int64_t period = LEAST_MS;
    for (size_t i = 0; i < r->session->cluster.config.n_nodes; i++)
        if (r->world.nodes[i].obs.watch_period_ms > period)
            period = r->world.nodes[i].obs.watch_period_ms;
    return period + SECOND_READ_MS + STOP_MS;
}

/* By the record, or by the word that this command got: at stable it is recorded after the wait. */
static bool given_up(const struct run *r, size_t node)
{
    return register_grade_of(&r->view.d, r->view.nodes[node].name) == GRADE_G3 ||
           (r->view.marks.accepted & (1U << node) && !r->view.nodes[node].answered);
}

/* It answers after all, and does not write: what it says decides from here on, not the clock. */
static bool listen(struct run *r)
{
    bool known = true;
    for (size_t i = 0; i < r->view.n_nodes; i++) {
        if (!given_up(r, i))
            continue;
        ask_about(r, i);
        take_witnesses(r, i);
        const struct planner_node *n = &r->view.nodes[i];
        known &= n->answered && !n->orphans && (n->role == PG_STOPPED || n->role == PG_RECOVERY);
    }
    run_look(r);
    return known;
}

/* The last look ends with the wait: what it shows is what the promotion rests on. A look at a
 * silent host takes as long as its knock. */
static int64_t pause_ms(int64_t left_ms)
{
    enum { LOOK_MS = KNOCK_MS + 50, EVERY_MS = 500 };
    if (left_ms <= LOOK_MS)
        return left_ms;
    return left_ms - LOOK_MS < EVERY_MS ? left_ms - LOOK_MS : EVERY_MS;
}

void op_wait_watch(struct run *r, const struct planner_move *m, struct op_result *res)
{
    int64_t ms = watch_wait_ms(r), began = clock_mono_ms(), left;
    progress_waiting(&r->progress,
                     "%lld ms, for the watch of a node that was declared lost without a fence",
                     (long long)ms);
    while (!listen(r) && (left = began + ms - clock_mono_ms()) > 0) {
        ops_pause(r, pause_ms(left));
        if (began + ms - clock_mono_ms() <= 0)
            break;
    }
    res->outcome[m->node >= 0 ? m->node : CLUSTER_NODES_MAX] = OUTCOME_DONE;
    STR_PRINTF(res->detail, "waited %lld ms, %s", (long long)(clock_mono_ms() - began),
               r->seen_writable ? "a node still sees it WRITABLE" : "no node saw it writable");
}
