/*
 * DETACH, FOLLOW, SLOTS, REJOIN: which node a standby streams from, and for which nodes WAL is
 * kept.
 *
 * REJOIN turns a fenced node into a standby: the fence becomes "standby only", standby.signal
 * stays, and nothing is ever removed from the data directory. Streaming itself is seen by the
 * controller.
 */
#include <inttypes.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "base/err.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "proto/lineage.h"
#include "proto/slot.h"

enum { SETTINGS_MS = 10000 };

static int64_t at_most(const struct act *a, int64_t ms)
{
    return act_left_ms(a) < ms ? act_left_ms(a) : ms;
}

static void standby_only(struct act *a)
{
    enum rule r = rules_standby_only(&a->s, &a->f);

    act_obey(a, r, NULL);
}

/* ---- the second way -------------------------------------------------------------------------- */

/* The server has refused ALTER SYSTEM, or its command line wins over it: stop and start. What has
 * merely not ended in time is not cured by that. */
static bool restart_helps(const struct act *a, const struct err *e)
{
    return a->f.role != PG_WRITABLE &&
           (e->code == ERR_REFUSED || e->code == ERR_INCOMPLETE || e->code == ERR_SYS);
}

static void turned(struct act *a, const struct upstream *up, const struct err *e)
{
    struct slot_name slot;

    if (!e || !restart_helps(a, e)) {
        act_done(a, e);
        return;
    }
    act_log(a, LOG_LEVEL_WARNING, "notes", "by stop and start, because: %s", e->msg);
    buf_printf(&a->text, "PostgreSQL was restarted for it, because: %s. ", e->msg);
    slot_name_of(a->agent->config->agent.node, &slot);
    if (act_permit(a))
        postgres_follow_by_restart(a->agent->pg, up, slot.name, act_left_ms(a), act_done, a);
}

static void on_detached(void *arg, const struct err *e)
{
    turned(arg, NULL, e);
}

static void on_followed(void *arg, const struct err *e)
{
    struct act *a = arg;

    turned(a, &a->q->upstream, e);
}

/* ---- DETACH ---------------------------------------------------------------------------------- */

static void detach_do(struct act *a)
{
    postgres_detach(a->agent->pg, act_left_ms(a), on_detached, a);
}

static const act_phase_fn detach_phases[] = {
    act_look, act_admit, standby_only, detach_do, NULL,
};
const struct act_kind act_detach = {.name = "detach", .phases = detach_phases};

/* ---- FOLLOW ---------------------------------------------------------------------------------- */

static bool upstream_valid(struct act *a)
{
    const struct upstream *up = &a->q->upstream;
    struct err e;

    if (up->node[0] && up->address[0] && up->port > 0 &&
        strcmp(up->node, a->agent->config->agent.node) != 0)
        return true;
    err_set(&e, ERR_PROTOCOL, NULL, "the request names no other node to stream from (\"%s\")",
            up->node);
    act_fail(a, &e);
    return false;
}

static void follow_intent(struct act *a)
{
    struct agent_state next = a->s;

    next.upstream = a->q->upstream;
    if (upstream_valid(a) && act_save(a, &next))
        act_next(a);
}

static void follow_do(struct act *a)
{
    struct slot_name slot;

    slot_name_of(a->agent->config->agent.node, &slot);
    postgres_follow(a->agent->pg, &a->q->upstream, slot.name, at_most(a, SETTINGS_MS), on_followed,
                    a);
}

static const act_phase_fn follow_phases[] = {
    act_look, act_admit, standby_only, follow_intent, follow_do, NULL,
};
const struct act_kind act_follow = {.name = "follow", .phases = follow_phases};

/* ---- SLOTS ----------------------------------------------------------------------------------- */

static bool is_wanted(const struct request *q, const char *name)
{
    for (size_t i = 0; i < q->n_slots; i++)
        if (strcmp(q->slots[i].name, name) == 0)
            return true;
    return false;
}

/* The slots of this cluster's nodes, our own too, that are not in `q`: a forgotten one fills
 * pg_wal. Slots with other names are left alone. */
static size_t superfluous(const struct config *c, const struct request *q,
                          struct slot_name drop[CLUSTER_NODES_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i <= c->n_peers; i++) {
        slot_name_of(i < c->n_peers ? c->peers[i].node : c->agent.node, &drop[n]);
        n += !is_wanted(q, drop[n].name);
    }
    return n;
}

static void slots_do(struct act *a)
{
    struct slot_name drop[CLUSTER_NODES_MAX + 1];
    size_t n = superfluous(a->agent->config, a->q, drop);

    if (a->f.role != PG_WRITABLE)
        act_refuse(a, RULE_NOT_WRITABLE);
    else
        postgres_slots(a->agent->pg, a->q->slots, a->q->n_slots, drop, n, at_most(a, SETTINGS_MS),
                       act_done, a);
}

static const act_phase_fn slots_phases[] = {act_look, act_admit, slots_do, NULL};
const struct act_kind act_slots = {.name = "slots", .phases = slots_phases};

/* ---- REJOIN ---------------------------------------------------------------------------------- */

/* In seize (docs/protocol.md, section 5) the target is started as a standby without an upstream:
 * what it has is counted, and nothing more may come. */
static bool of_nobody(const struct act *a)
{
    return a->q->upstream.node[0] == '\0';
}

static void rejoin_intent(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_rejoin(&a->s, &a->f, a->agent->config->agent.node, &a->d, &next);

    if (r == RULE_OBEY && of_nobody(a) != (a->d.state == REGISTER_SEIZE))
        r = RULE_D_STATE;
    if (r != RULE_OBEY) {
        act_refuse(a, r);
        return;
    }
    next.upstream = a->q->upstream;
    act_obey(a, RULE_OBEY, &next);
}

/* What rejoin goes by: the upstream as it was seen, and whether the end of our own WAL is not known
 * before PostgreSQL has replayed it (a primary that crashed). */
struct rejoin {
    struct obs_pg theirs;
    bool unmeasured;
};

/* Is our WAL a part of the upstream's? Refused is only what has been measured to go beyond it. */
static int check_lineage(const struct act *a, const struct rejoin *r, struct err *reterr)
{
    static const char *const hint =
        "it needs pg_rewind or a new copy, after what only it has was saved: docs/operating.md, "
        "\"a node that went its own way\"";
    struct agent_state before = a->s;
    struct obs_fence fence = {.was_primary = before.fence_was_primary,
                              .promoting = before.promoting};
    struct lineage l = lineage_measure(&a->pg, &fence, &r->theirs);
    char here[LSN_TEXT_BYTES], there[LSN_TEXT_BYTES];

    if (l.kind != LINEAGE_BEYOND)
        return l.kind == LINEAGE_UNMEASURED;
    return err_set(reterr, ERR_REFUSED, hint,
                   "the WAL here reaches %s on timeline %" PRId64 ", and %s (timeline %" PRId64
                   ") has it only up to %s",
                   lsn_text(l.here, here), l.tli, a->q->upstream.node, r->theirs.tli,
                   lsn_text(l.there, there));
}

/* How far its WAL goes only PostgreSQL finds out, once it has replayed it. */
static bool crashed_as_primary(const struct act *a)
{
    return a->pg.role == PG_STOPPED && a->pg.control_state == CONTROL_IN_PRODUCTION;
}

static void on_upstream(void *arg, const struct reply *reply, const struct err *e)
{
    struct act *a = arg;
    struct rejoin *r;
    struct err why;
    int rc;

    if ((!reply || reply->obs.pg.tli == 0) && crashed_as_primary(a)) {
        err_set(&why, ERR_UNREACHABLE, "run the command again",
                "PostgreSQL was not cleanly stopped here, so its WAL must be compared with %s's, "
                "and that could not be: %s",
                a->q->upstream.node, e ? e->msg : "its PostgreSQL did not respond");
        act_fail(a, &why);
        return;
    }
    if (!reply || reply->obs.pg.tli == 0) {
        buf_printf(&a->text, "the history of %s could not be compared: %s. ", a->q->upstream.node,
                   e ? e->msg : "its PostgreSQL does not respond");
        act_next(a);
        return;
    }
    a->data = r = mem_alloc(sizeof(*r));
    r->theirs = reply->obs.pg;
    rc = check_lineage(a, r, &why);
    r->unmeasured = rc > 0;
    if (rc < 0)
        act_fail(a, &why);
    else
        act_next(a);
}

static void rejoin_compare(struct act *a)
{
    static const struct request observe = {.verb = VERB_OBSERVE, .timeout_ms = AGENT_PEER_MS};
    struct agent *g = a->agent;

    if (of_nobody(a)) {
        act_next(a);
        return;
    }
    if (!upstream_valid(a))
        return;
    for (size_t i = 0; i < g->config->n_peers; i++)
        if (strcmp(g->config->peers[i].node, a->q->upstream.node) == 0) {
            rpc_call(g->peers[i], &observe, at_most(a, AGENT_PEER_MS), on_upstream, a);
            return;
        }
    act_next(a);
}

static bool unmeasured(const struct act *a)
{
    const struct rejoin *r = a->data;

    return r && r->unmeasured;
}

/* Nothing is received before it is known that it belongs here. */
static void rejoin_upstream(struct act *a)
{
    if (of_nobody(a) || unmeasured(a))
        postgres_detach(a->agent->pg, act_left_ms(a), on_detached, a);
    else
        follow_do(a);
}

/* Running as a standby, but not for long: what is in force would end its recovery. */
static void rejoin_stop(struct act *a)
{
    if (a->f.role != PG_RECOVERY || !a->pg.recovery_active[0]) {
        act_next(a);
        return;
    }
    act_log(a, LOG_LEVEL_WARNING, "notes", "restarted, because of %s", a->pg.recovery_active);
    buf_printf(&a->text, "restarted, because of %s. ", a->pg.recovery_active);
    a->f.role = PG_STOPPED;
    postgres_stop(a->agent->pg, false, act_left_ms(a), act_done, a);
}

/* Running already, as a standby: the new upstream is all there is to change. */
static void rejoin_start(struct act *a)
{
    if (a->f.role == PG_RECOVERY)
        act_next(a);
    else
        act_start(a);
}

static void on_stopped_again(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct err why;

    err_set(&why, ERR_INCOMPLETE, "look at PostgreSQL's log on this node, and for standby.signal",
            "started as a standby it came up writable; it was stopped again%s%s",
            e ? ", which failed: " : "", e ? e->msg : "");
    act_fail(a, &why);
}

/* A signal file that PostgreSQL could not see counts as absent to it: look, and stop it if need
 * be. */
static void rejoin_observe(struct act *a)
{
    struct err e;

    if (a->f.role == PG_RECOVERY) {
        act_next(a);
    } else if (a->f.role == PG_WRITABLE) {
        postgres_stop(a->agent->pg, true, act_left_ms(a), on_stopped_again, a);
    } else {
        err_set(&e, ERR_INCOMPLETE, "PostgreSQL's log on this node says why",
                "started as a standby, PostgreSQL is %s%s%s", pg_role_names[a->f.role],
                a->pg.problem[0] ? ": " : "", a->pg.problem);
        act_fail(a, &e);
    }
}

/* As before the try: stopped, fenced, without an upstream. */
static void on_stopped_diverged(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct agent_state next = a->s;
    struct err why;

    next.fence_standby_only = false;
    check_lineage(a, a->data, &why);
    if (e)
        act_fail(a, e);
    else if (act_save(a, &next))
        act_fail(a, &why);
}

/* All that is here has been replayed: now it is known how far it goes. */
static void rejoin_judge(struct act *a)
{
    struct err e;

    if (a->data && a->f.role == PG_RECOVERY && check_lineage(a, a->data, &e) < 0)
        postgres_stop(a->agent->pg, false, act_left_ms(a), on_stopped_diverged, a);
    else
        act_next(a);
}

static void rejoin_drain(struct act *a)
{
    if (unmeasured(a))
        postgres_detach(a->agent->pg, act_left_ms(a), on_detached, a);
    else
        act_next(a);
}

static void rejoin_attach(struct act *a)
{
    if (unmeasured(a))
        follow_do(a);
    else
        act_next(a);
}

static void on_slots_dropped(void *arg, const struct err *e)
{
    struct act *a = arg;

    if (e)
        buf_printf(&a->text, "leftover slots are still here: %s. ", e->msg);
    act_next(a);
}

/* Nobody streams from this node now; what its slots keep would only grow. */
static void rejoin_drop_slots(struct act *a)
{
    static const struct request none = {.n_slots = 0};
    struct slot_name drop[CLUSTER_NODES_MAX + 1];
    size_t n = superfluous(a->agent->config, &none, drop);

    postgres_slots(a->agent->pg, NULL, 0, drop, n, at_most(a, SETTINGS_MS), on_slots_dropped, a);
}

static const act_phase_fn rejoin_phases[] = {
    act_look,
    act_admit,
    act_read_d,
    rejoin_compare,
    rejoin_intent,
    act_signal,
    rejoin_upstream,
    rejoin_stop,
    rejoin_start,
    act_look_after_start,
    rejoin_observe,
    rejoin_drain,
    act_look,
    rejoin_judge,
    rejoin_attach,
    rejoin_drop_slots,
    NULL,
};
const struct act_kind act_rejoin = {.name = "rejoin", .phases = rejoin_phases};
