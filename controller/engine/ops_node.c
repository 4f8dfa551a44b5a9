/* The steps that are one request to one or several agents, and a look until it shows. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "controller/decide/planner_view.h"
#include "controller/engine/ops.h"
#include "controller/engine/ops_call.h"
#include "controller/engine/ops_node.h"
#include "proto/senders.h"
#include "proto/slot.h"

static const struct node_obs *obs_of(const struct run *r, size_t node)
{
    return &r->world.nodes[node].obs;
}

static size_t owner_index(const struct run *r)
{
    return (size_t)planner_owner(&r->view);
}

/* An earlier command's FENCE is still waiting for its stop there: nothing else gets its turn. */
static bool stop_over(const struct run *r, size_t node)
{
    const struct node_obs *o = obs_of(r, node);
    return !r->view.nodes[node].answered || !o->starting_act || !o->pg.stopping;
}

static void wait_for_stops(struct run *r, uint32_t nodes)
{
    for (size_t i = 0; i < r->view.n_nodes; i++) {
        if (!(nodes & (1U << i)) || stop_over(r, i))
            continue;
        progress_say(&r->progress, "%s is %s", run_node_name(r, (int)i), obs_of(r, i)->pg.problem);
        ops_until(r, i, stop_over, r->session->cluster.config.limits.stop_timeout_ms);
    }
}

static void upstream_of(const struct run *r, size_t node, struct upstream *ret)
{
    const struct config_node *n = &r->session->cluster.config.nodes[node];
    STR_COPY(ret->node, n->name);
    STR_COPY(ret->address, n->address);
    ret->port = n->port;
}

void op_arm(struct run *r, const struct planner_move *m, struct op_result *res)
{
    wait_for_stops(r, m->nodes);
    size_t yes = ops_call(r, m->nodes, VERB_ARM, r->session->cluster.config.limits.agent_timeout_ms,
                          NULL, NULL, res);
    STR_PRINTF(res->detail, "%zu armed at epoch %lld", yes, (long long)r->view.d.epoch);
}

/* ---- cron --------------------------------------------------------------------------------- */

static void fill_cron_off(struct run *r, size_t node, struct request *q, const void *arg)
{
    const struct obs_cron *c = &obs_of(r, node)->cron;

    (void)arg;
    q->wait_jobs_s = r->session->options.wait_jobs_s;
    STR_COPY(q->expected_hash, c->hash);
    STR_COPY(q->expected_entries, c->parity);
    STR_COPY(q->expected_environment, c->environment);
}

static void describe_cron(const struct run *r, const struct planner_move *m, struct op_result *res)
{
    const struct obs_cron *c = &obs_of(r, (size_t)m->node)->cron;
    STR_PRINTF(res->detail, "%lld entries on, %lld off", (long long)c->entries_on,
               (long long)c->entries_off);
}

void op_cron_off(struct run *r, const struct planner_move *m, struct op_result *res)
{
    enum { BARRIER_MS = 10000 }; /* cron's next load is at most 5 s away */
    int64_t timeout_ms = BARRIER_MS + r->session->options.wait_jobs_s * 1000;
    ops_call(r, m->nodes, VERB_CRON_OFF, timeout_ms, fill_cron_off, NULL, res);
    res->describe = describe_cron;
}

/* Jobs that run already are let run: what matters is that none is started beside the owner's. */
static void fill_cron_stray(struct run *r, size_t node, struct request *q, const void *arg)
{
    enum { LET_RUN_S = 5 };
    (void)r, (void)node, (void)arg;
    q->wait_jobs_s = LET_RUN_S;
}

void op_cron_stray(struct run *r, const struct planner_move *m, struct op_result *res)
{
    size_t yes = ops_call(r, m->nodes, VERB_CRON_OFF, 15000, fill_cron_stray, NULL, res);
    STR_PRINTF(res->detail, "%zu crontabs turned off", yes);
}

void op_cron_on(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_CRON_ON, 10000, NULL, NULL, res);
    res->describe = describe_cron;
}

/* ---- write-ahead log ---------------------------------------------------------------------- */

static bool caught_up(const struct run *r, size_t target)
{
    (void)target;
    return planner_caught_up(&r->view);
}

/* What the owner's walsenders show of a node that believes that it streams. */
static void not_attached(struct run *r, size_t owner, size_t target, struct err *reterr)
{
    const struct obs_pg *pg = &obs_of(r, owner)->pg;
    const struct config_node *to = &r->session->cluster.config.nodes[target];
    uint32_t found = senders_of(pg, to->name, to->address);
    const char *from = run_node_name(r, (int)owner);
    char have[LSN_TEXT_BYTES], want[LSN_TEXT_BYTES];
    err_set(reterr, ERR_REFUSED,
            "Its walreceiver may hang on a connection that is gone, until wal_receiver_timeout has "
            "passed there: then run the same command again.",
            "%s is not attached: %s has no walsender for it", to->name, from);
    for (size_t i = 0; i < OBS_SENDERS_MAX; i++)
        if (found & (1U << i))
            err_set(reterr, ERR_REFUSED,
                    "PostgreSQL's log on both nodes says why; then run the same command again.",
                    "%s is not attached: its walsender on %s is \"%s\" and has %s confirmed, the "
                    "checkpoint is at %s",
                    to->name, from, pg->senders[i].state, lsn_text(pg->senders[i].flush_lsn, have),
                    lsn_text(pg->control_checkpoint, want));
}

static void describe_catchup(struct run *r, size_t owner, size_t to, bool ok, int64_t timeout_ms,
                             struct op_result *res)
{
    const struct obs_pg *a = &obs_of(r, owner)->pg, *b = &obs_of(r, to)->pg;
    int64_t lag = a->flush_lsn > b->replay_lsn ? (int64_t)(a->flush_lsn - b->replay_lsn) : 0;
    STR_PRINTF(res->detail, "checkpoint done, %s replays %lld bytes behind",
               run_node_name(r, (int)to), (long long)lag);
    if (ok || res->e.code)
        return;
    if (!r->world.nodes[to].answered || !r->world.nodes[owner].answered)
        res->e = r->world.nodes[r->world.nodes[to].answered ? owner : to].error;
    else if (!r->view.nodes[to].attached)
        not_attached(r, owner, to, &res->e);
    else
        err_set(&res->e, ERR_TIMEOUT,
                "`pgtandem status -w 2` shows the lag; try again when it is near 0, or raise "
                "[limits] catchup_timeout_ms",
                "%s did not catch up within %lld s: replay is %lld bytes behind",
                run_node_name(r, (int)to), (long long)(timeout_ms / 1000), (long long)lag);
}

/* The checkpoint makes the stop short, and its record is what the target has to confirm: to us by
 * having replayed it, and to the owner, who alone knows whether the two are still connected. */
void op_catchup(struct run *r, const struct planner_move *m, struct op_result *res)
{
    int64_t timeout_ms = r->session->cluster.config.limits.catchup_timeout_ms;
    int to = planner_node_index(&r->view, r->view.d.to);
    size_t owner = owner_index(r);
    uint32_t both = 1U << owner | 1U << to;
    if (ops_call(r, 1U << owner, VERB_CHECKPOINT, timeout_ms, NULL, NULL, res) == 0)
        return;
    world_observe_nodes(&r->session->cluster, &r->world, both);
    bool ok = ops_until_all(r, both, (size_t)to, caught_up, timeout_ms);
    if (!ok)
        res->outcome[m->node >= 0 ? m->node : CLUSTER_NODES_MAX] = OUTCOME_FAILED;
    describe_catchup(r, owner, (size_t)to, ok, timeout_ms, res);
}

static bool received_shutdown(const struct run *r, size_t target)
{
    uint64_t stop = r->view.nodes[owner_index(r)].shutdown_lsn;
    const struct obs_pg *pg = &obs_of(r, target)->pg;
    return stop && (pg->receive_lsn > stop || pg->replay_lsn > stop);
}

static bool replayed_shutdown(const struct run *r, size_t target)
{
    uint64_t stop = r->view.nodes[owner_index(r)].shutdown_lsn;
    return stop && obs_of(r, target)->pg.replay_lsn > stop;
}

void op_verify(struct run *r, const struct planner_move *m, struct op_result *res)
{
    /* the old primary has stopped: what has not arrived by now does not come any more */
    enum { RECEIVE_MS = 1000, VERIFY_MS = 10000 };
    char stop[LSN_TEXT_BYTES], replay[LSN_TEXT_BYTES];
    size_t target = (size_t)m->node;
    uint64_t stopped_at = r->view.nodes[owner_index(r)].shutdown_lsn;
    bool came = stopped_at && ops_until(r, target, received_shutdown, RECEIVE_MS);
    bool ok = came && ops_until(r, target, replayed_shutdown, VERIFY_MS);
    res->outcome[target] = ok ? OUTCOME_DONE : OUTCOME_FAILED;
    lsn_text(stopped_at, stop);
    lsn_text(obs_of(r, target)->pg.replay_lsn, replay);
    STR_PRINTF(res->detail, "shutdown checkpoint %s, replayed to %s", stop, replay);
    if (!stopped_at)
        err_set(&res->e, ERR_REFUSED, "the old primary is given its role back",
                "%s has not stopped cleanly: there is no shutdown checkpoint to compare with",
                run_node_name(r, planner_owner(&r->view)));
    else if (!ok && !r->world.nodes[target].answered)
        res->e = r->world.nodes[target].error;
    else if (!came)
        err_set(&res->e, ERR_REFUSED, "the old primary is given its role back",
                "%s has not received the shutdown checkpoint at %s, and cannot any more (it has "
                "WAL up to %s)",
                run_node_name(r, m->node), stop,
                lsn_text(obs_of(r, target)->pg.receive_lsn, replay));
    else if (!ok)
        err_set(&res->e, ERR_TIMEOUT, "the old primary is given its role back",
                "%s has not replayed the shutdown checkpoint at %s within %d s (it is at %s)",
                run_node_name(r, m->node), stop, VERIFY_MS / 1000, replay);
}

void op_detach(struct run *r, const struct planner_move *m, struct op_result *res)
{
    size_t yes = ops_call(r, m->nodes, VERB_DETACH,
                          r->session->cluster.config.limits.catchup_timeout_ms, NULL, NULL, res);
    STR_PRINTF(res->detail, "%zu standbys receive no more and have replayed what they had", yes);
}

/* ---- fence and role ----------------------------------------------------------------------- */

static void fill_immediate(struct run *r, size_t node, struct request *q, const void *arg)
{
    (void)r, (void)node, (void)arg;
    q->immediate = true;
}

static void describe_fence(const struct run *r, const struct planner_move *m, struct op_result *res)
{
    char stop[LSN_TEXT_BYTES];
    const struct node_obs *o = obs_of(r, (size_t)m->node);
    lsn_text(o->fence.shutdown_lsn, stop);
    STR_PRINTF(res->detail, "PostgreSQL %s, pg_control \"%s\"%s%s", pg_role_names[o->pg.role],
               pg_control_state_names[o->pg.control_state], o->fence.shutdown_lsn ? " at " : "",
               o->fence.shutdown_lsn ? stop : "");
}

/* In a planned move the stop waits for the target only. */
static void fill_target(struct run *r, size_t node, struct request *q, const void *arg)
{
    int to = planner_target(&r->view);
    (void)arg;
    if (r->view.d.state == REGISTER_CLAIM && to >= 0 && (size_t)to != node)
        upstream_of(r, (size_t)to, &q->upstream);
}

void op_fence(struct run *r, const struct planner_move *m, struct op_result *res)
{
    if (!r->outage_began_ms && !r->outage_unknown)
        r->outage_began_ms = clock_mono_ms();
    ops_call(r, m->nodes, VERB_FENCE, r->session->cluster.config.limits.stop_timeout_ms,
             fill_target, NULL, res);
    res->describe = describe_fence;
}

void op_fence_old(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_FENCE, r->session->cluster.config.limits.stop_timeout_ms,
             fill_immediate, NULL, res);
    res->describe = describe_fence;
}

static void describe_role(const struct run *r, const struct planner_move *m, struct op_result *res)
{
    const struct obs_pg *pg = &obs_of(r, (size_t)m->node)->pg;
    char text[200];
    STR_PRINTF(text, "%s on timeline %lld%s%s", pg_role_names[pg->role], (long long)pg->tli,
               res->detail[0] ? "; " : "", res->detail);
    STR_COPY(res->detail, text);
}

static void role_op(struct run *r, const struct planner_move *m, enum verb verb, int64_t timeout_ms,
                    struct op_result *res)
{
    ops_call(r, m->nodes, verb, timeout_ms, NULL, NULL, res);
    res->describe = describe_role;
}

void op_promote(struct run *r, const struct planner_move *m, struct op_result *res)
{
    role_op(r, m, VERB_PROMOTE, r->session->cluster.config.limits.promote_timeout_ms, res);
}

void op_unfence(struct run *r, const struct planner_move *m, struct op_result *res)
{
    role_op(r, m, VERB_UNFENCE, r->session->cluster.config.limits.promote_timeout_ms, res);
}

void op_revoke(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_REVOKE, r->session->cluster.config.limits.stop_timeout_ms, NULL,
             NULL, res);
    res->describe = describe_role;
}

static void describe_checkpoint(const struct run *r, const struct planner_move *m,
                                struct op_result *res)
{
    STR_PRINTF(res->detail, "pg_control is on timeline %lld",
               (long long)obs_of(r, (size_t)m->node)->pg.control_tli);
}

void op_checkpoint(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_CHECKPOINT, r->session->cluster.config.limits.catchup_timeout_ms,
             NULL, NULL, res);
    res->describe = describe_checkpoint;
}

/* ---- standbys ----------------------------------------------------------------------------- */

static void fill_slot(const struct run *r, size_t of, struct request *q)
{
    slot_name_of(r->session->cluster.config.nodes[of].name, &q->slots[q->n_slots++]);
}

/* The new primary keeps a slot for every other node, so that none falls behind for good; except for
 * `arg` (int, may be NULL), which is lost. */
static void fill_slots(struct run *r, size_t node, struct request *q, const void *arg)
{
    const int *lost = arg;
    for (size_t i = 0; i < r->session->cluster.config.n_nodes; i++)
        if (i != node && !(lost && (int)i == *lost))
            fill_slot(r, i, q);
}

static void fill_upstream(struct run *r, size_t node, struct request *q, const void *arg)
{
    (void)node, (void)arg;
    upstream_of(r, owner_index(r), &q->upstream);
    STR_COPY(q->upstream.host, r->session->cluster.config.nodes[owner_index(r)].target);
}

static bool streams(const struct run *r, size_t node)
{
    return r->view.nodes[node].streams_from_owner;
}

/* `verb` makes the nodes standbys of the owner; it counts when they stream. All are waited for
 * together, for as long as two attempts of one take (wal_retrieve_retry_interval, 5 s): the role
 * has moved, and what comes after must not wait long for one whose walreceiver hangs. */
static void attach(struct run *r, const struct planner_move *m, enum verb verb,
                   struct op_result *res)
{
    enum { STREAM_MS = 10000, LOOK_MS = 100, REQUEST_MS = 30000 };
    struct op_result slots = {0};
    if (ops_call(r, 1U << owner_index(r), VERB_SLOTS, 10000, fill_slots, NULL, &slots) == 0)
        res->e = slots.e; /* reported; a standby may stream even without a slot of ours */
    ops_call(r, m->nodes, verb, REQUEST_MS, fill_upstream, NULL, res);
    size_t yes = 0;
    int64_t deadline = clock_mono_ms() + STREAM_MS;
    for (size_t i = 0; i < r->session->cluster.config.n_nodes; i++) {
        if (!(m->nodes & (1U << i)) || res->outcome[i] != OUTCOME_DONE)
            continue;
        int64_t left = deadline - clock_mono_ms();
        if (ops_until(r, i, streams, left > LOOK_MS ? left : LOOK_MS)) {
            yes++;
            continue;
        }
        res->outcome[i] = OUTCOME_FAILED;
        err_set(&res->e, ERR_TIMEOUT,
                "PostgreSQL's log on that node says why; then `pgtandem resume`",
                "%s does not stream from %s after %d s", run_node_name(r, (int)i),
                run_node_name(r, planner_owner(&r->view)), STREAM_MS / 1000);
    }
    STR_PRINTF(res->detail, "%zu streaming from %s", yes,
               run_node_name(r, planner_owner(&r->view)));
}

void op_follow(struct run *r, const struct planner_move *m, struct op_result *res)
{
    attach(r, m, VERB_FOLLOW, res);
}

void op_rejoin(struct run *r, const struct planner_move *m, struct op_result *res)
{
    attach(r, m, VERB_REJOIN, res);
}

static bool slot_gone(const struct run *r, size_t owner)
{
    const struct obs_pg *pg = &obs_of(r, owner)->pg;
    struct request wanted = {.n_slots = 0};

    fill_slot(r, (size_t)r->view.to, &wanted);
    for (size_t i = 0; i < pg->n_slots; i++)
        if (strcmp(pg->slots[i].name, wanted.slots[0].name) == 0)
            return false;
    return true;
}

/* A host that died a moment ago still has a walsender there, which keeps the slot in use. */
void op_forget(struct run *r, const struct planner_move *m, struct op_result *res)
{
    enum { SHOWN_MS = 1000 };
    const char *owner = run_node_name(r, m->node), *node = run_node_name(r, r->view.to);
    if (ops_call(r, m->nodes, VERB_SLOTS, 10000, fill_slots, &r->view.to, res) == 0)
        return;
    world_observe_node(&r->session->cluster, &r->world, m->node);
    if (ops_until(r, (size_t)m->node, slot_gone, SHOWN_MS)) {
        STR_PRINTF(res->detail, "%s keeps no WAL for %s", owner, node);
        return;
    }
    res->outcome[m->node] = OUTCOME_FAILED;
    err_set(&res->e, ERR_REFUSED, NULL, "the slot of %s on %s is still in use by a walsender", node,
            owner);
    err_set_hint(&res->e,
                 "on %s: SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE "
                 "slot_name = '%s', or wait for wal_sender_timeout; then run the command again",
                 owner, node);
}

/* A fenced target is started as a standby without an upstream. */
void op_raise(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_REJOIN, 30000, NULL, NULL, res);
    res->describe = describe_role;
}

/* The nodes declared down, for the agent to compare with those that it hears itself. */
static void fill_word(struct run *r, size_t node, struct request *q, const void *arg)
{
    (void)arg;
    q->by_word = true;
    for (size_t i = 0, used = 0; i < r->view.n_nodes; i++) {
        if (i == node || r->view.nodes[i].answered || !(r->view.marks.accepted & (1U << i)))
            continue;
        str_printf(q->declared_down + used, sizeof(q->declared_down) - used, "%s%s",
                   used ? "," : "", run_node_name(r, (int)i));
        used = strlen(q->declared_down);
    }
}

void op_let_go(struct run *r, const struct planner_move *m, struct op_result *res)
{
    ops_call(r, m->nodes, VERB_UNFENCE, r->session->cluster.config.limits.promote_timeout_ms,
             fill_word, NULL, res);
    res->describe = describe_role;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static bool released(const struct run *r, size_t node)
{
    return !r->view.nodes[node].held;
}

void op_release(struct run *r, const struct planner_move *m, struct op_result *res)
{
    enum { RELEASE_MS = 20000 }; /* a guard looks again every few seconds */
    bool ok = ops_until(r, (size_t)m->node, released, RELEASE_MS);
    res->outcome[m->node] = ok ? OUTCOME_DONE : OUTCOME_FAILED;
    res->describe = describe_role;
    if (!ok)
        err_set(&res->e, ERR_TIMEOUT,
                "`pgtandem-agent status` on the node says why; then `pgtandem resume`",
                "its guard has not let it go within %d s", RELEASE_MS / 1000);
}
