#include "controller/engine/ops_call.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

/* Requests are numbered within an epoch: above all that the node has obeyed or we have sent. */
static int64_t next_seq(struct world_node *n, int64_t epoch)
{
    int64_t last = n->obs.epoch == epoch ? n->obs.seq : 0;
    if (n->last_seq > last)
        last = n->last_seq;
    n->last_seq = last + 1;
    return n->last_seq;
}

/* With DNS silent `fence` knows no epoch, and it alone goes on: then it is the node's own. */
static int64_t epoch_of(const struct run *r, size_t node, enum verb verb)
{
    if (verb == VERB_FENCE && r->view.d.epoch == 0)
        return r->world.nodes[node].obs.epoch;
    return r->view.d.epoch;
}

static struct request *request_new(struct run *r, size_t node, enum verb verb, int64_t timeout_ms)
{
    struct request *q = arena_alloc(r->session->cluster.arena, sizeof(*q));
    const struct record *d = &r->view.d;
    q->verb = (int)verb;
    if (verb_changes(verb)) {
        q->epoch = epoch_of(r, node, verb);
        q->seq = next_seq(&r->world.nodes[node], q->epoch);
    }
    STR_COPY(q->txn, d->txn);
    STR_COPY(q->nonce, d->nonce);
    STR_COPY(q->to, d->to);
    STR_COPY(q->by, r->session->cluster.by);
    if (verb == VERB_ARM)
        STR_COPY(q->command, r->session->verb->name);
    STR_COPY(q->reason, r->reason ? r->reason : "");
    STR_COPY(q->step, r->step ? r->step : "");
    q->timeout_ms = timeout_ms;
    return q;
}

/* A "no" is an answer; silence after sending is not. */
static enum planner_outcome outcome_of(const struct rpc_result *result)
{
    if (result->reply)
        return result->reply->ok ? OUTCOME_DONE : OUTCOME_FAILED;
    return result->e.code == ERR_TIMEOUT ? OUTCOME_UNKNOWN : OUTCOME_FAILED;
}

static bool is_refusal(const struct rpc_result *result)
{
    return result->reply && !result->reply->ok && err_from_name(result->reply->code) != ERR_TIMEOUT;
}

static void keep_error(struct run *r, size_t node, const struct rpc_result *result,
                       struct op_result *res)
{
    if (res->e.code)
        return;
    if (result->reply)
        err_set(&res->e, err_from_name(result->reply->code), result->reply->hint, "%s",
                result->reply->msg);
    else
        res->e = result->e;
    err_set_node(&res->e, run_node_name(r, (int)node));
}

size_t ops_call(struct run *r, uint32_t mask, enum verb verb, int64_t timeout_ms, ops_fill_fn fill,
                const void *arg, struct op_result *res)
{
    enum { GRACE_MS = 500 }; /* the agent gives up first, and says so */
    struct session *s = r->session;
    size_t n = s->cluster.config.n_nodes, yes = 0;
    struct rpc_peer *peers[CLUSTER_NODES_MAX] = {0};
    const struct request *requests[CLUSTER_NODES_MAX] = {0};
    struct rpc_result results[CLUSTER_NODES_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        if (!(mask & (1U << i)))
            continue;
        struct request *q = request_new(r, i, verb, timeout_ms);
        if (fill)
            fill(r, i, q, arg);
        peers[i] = s->cluster.peers[i];
        requests[i] = q;
    }
    int64_t sent_ms = clock_mono_ms();
    rpc_fanout(s->cluster.loop, peers, requests, n, timeout_ms + GRACE_MS, s->cluster.arena,
               results);
    for (size_t i = 0; i < n; i++) {
        if (!peers[i])
            continue;
        res->outcome[i] = outcome_of(&results[i]);
        res->refused |= is_refusal(&results[i]) ? 1U << i : 0;
        trace_answer(&r->trace, run_node_name(r, (int)i), requests[i], &results[i]);
        if (results[i].reply) {
            world_take_reply(&r->world, (int)i, results[i].reply, sent_ms);
            world_take_evidence(&r->world, (int)i, results[i].reply);
        } else {
            r->world.nodes[i].answered = false;
            r->world.nodes[i].error = results[i].e;
        }
        if (res->outcome[i] == OUTCOME_DONE) {
            yes++;
            if (results[i].reply->text && !res->detail[0])
                STR_COPY(res->detail, results[i].reply->text);
        } else {
            keep_error(r, i, &results[i], res);
        }
    }
    run_look(r);
    return yes;
}

void ops_pause(struct run *r, int64_t ms)
{
    bool never = false;
    loop_wait(r->session->cluster.loop, &never, ms, NULL);
}

/* Of those asked again and again, one has been silent for as long as anybody is waited for. */
static bool one_is_gone(const struct run *r, uint32_t nodes)
{
    enum { SILENT_MS = 1000, LOOKS_MIN = 2 };
    for (size_t i = 0; i < r->world.n_nodes; i++) {
        const struct world_node *n = &r->world.nodes[i];
        if ((nodes & (1U << i)) && !n->answered && n->unanswered >= LOOKS_MIN &&
            clock_mono_ms() - n->looked_ms >= SILENT_MS)
            return true;
    }
    return false;
}

bool ops_until_all(struct run *r, uint32_t nodes, size_t node, ops_holds_fn holds,
                   int64_t timeout_ms)
{
    enum { FIRST_MS = 2, MOST_MS = 50 };
    int64_t deadline = clock_mono_ms() + timeout_ms, pause = 0; /* what is known may be old */
    for (;;) {
        run_look(r);
        if (holds(r, node))
            return true;
        if (clock_mono_ms() >= deadline || one_is_gone(r, nodes))
            return false;
        if (pause > 0)
            ops_pause(r, pause);
        pause = pause == 0 ? FIRST_MS : pause * 2 < MOST_MS ? pause * 2 : MOST_MS;
        world_observe_nodes(&r->session->cluster, &r->world, nodes);
    }
}

bool ops_until(struct run *r, size_t node, ops_holds_fn holds, int64_t timeout_ms)
{
    return ops_until_all(r, 1U << node, node, holds, timeout_ms);
}
