/* The verbs that move something: each is one order to the engine. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/choose.h"
#include "controller/cluster/observe.h"
#include "controller/engine/consequences.h"
#include "controller/engine/engine.h"
#include "controller/plan/plan_show.h"
#include "controller/preflight/preflight.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

static int known_node(const struct session *s, const char *name, struct err *reterr)
{
    if (config_node_find(&s->cluster.config, name))
        return 0;
    return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                   "no node is called \"%s\" in %s", name, s->cluster.config.path);
}

static int check_options(const struct session *s, struct err *reterr)
{
    for (size_t i = 0; i < s->options.n_accept_unfenced; i++) {
        int rc = known_node(s, s->options.accept_unfenced[i], reterr);
        if (rc < 0)
            return rc;
    }
    return preflight_check_ignores(s, reterr);
}

/* `asked_on`: the look on which a person was already asked; NULL: no one was. */
static int move(struct session *s, enum planner_command command, const char *to,
                const struct world *asked_on, struct err *reterr)
{
    struct engine_order order = {.command = command, .rejoin = true};
    int rc = s->options.plan ? plan_take(s, command, &order.plan, reterr) : 0;
    order.to = order.plan ? s->options.to : to;
    order.given_epoch = asked_on && asked_on->d.record_valid ? asked_on->d.record.epoch : 0;
    if (rc == 0)
        rc = check_options(s, reterr);
    if (rc == 0 && order.to)
        rc = known_node(s, order.to, reterr);
    if (rc == 0 && order.plan)
        rc = plan_still_holds(s, order.plan, reterr);
    if (rc < 0)
        return rc;
    return s->options.dry_run ? plan_show(s, command, order.to, reterr)
                              : engine_run(s, &order, reterr);
}

/* NODE as the verb's argument. */
static int move_node(struct session *s, enum planner_command command, const struct world *asked_on,
                     struct err *reterr)
{
    if (s->options.n_args != 1)
        return err_set(reterr, ERR_USAGE, s->verb->example, "%s takes the name of one node",
                       s->verb->name);
    return move(s, command, s->options.args[0], asked_on, reterr);
}

/* What a switchover or a failover would do, and no more. */
int verb_plan(struct session *s, struct err *reterr)
{
    if (!s->options.to)
        return err_set(reterr, ERR_USAGE, s->verb->example, "plan needs --to NODE");
    s->options.dry_run = true;
    return move(s, s->options.failover ? PLANNER_FAILOVER : PLANNER_SWITCHOVER, s->options.to, NULL,
                reterr);
}

int verb_switchover(struct session *s, struct err *reterr)
{
    if (!s->options.to && !s->options.plan)
        return err_set(reterr, ERR_USAGE, s->verb->example,
                       "switchover needs --to NODE, or --plan FILE");
    return move(s, PLANNER_SWITCHOVER, s->options.to, NULL, reterr);
}

/* Until no standby receives any more WAL, for half a second at most: no one writes, so it ends. */
static void let_wal_drain(struct session *s, struct world *w, struct choose_look *ret)
{
    enum { DRAIN_MS = 500, PAUSE_MS = 50, QUIET_LOOKS = 3 };
    int64_t end_ms = clock_mono_ms() + DRAIN_MS;
    const bool never = false;
    int quiet = 0;

    choose_look(&s->cluster.config, w, ret);
    while (quiet < QUIET_LOOKS && clock_mono_ms() < end_ms) {
        struct choose_look now;
        uint32_t standbys = 0;

        for (size_t i = 0; i < w->n_nodes; i++)
            standbys |= ret->wal[i] ? 1U << i : 0;
        if (!standbys)
            return;
        loop_wait(s->cluster.loop, &never, PAUSE_MS, NULL);
        world_observe_nodes(&s->cluster, w, standbys);
        choose_look(&s->cluster.config, w, &now);
        quiet = choose_at_rest(ret, &now) ? quiet + 1 : 0;
        *ret = now;
    }
}

/* The standby with the most WAL among those that answer. */
static int most_wal(struct session *s, struct world *w, const char **ret_node, struct err *reterr)
{
    struct choose_look look;

    world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_DNS);
    let_wal_drain(s, w, &look);
    int best = choose_most_wal(&look);
    if (best < 0)
        return err_set(reterr, ERR_PREFLIGHT, "`pgtandem status` shows what each node is",
                       "no standby answers: 0 of %zu nodes could become the primary", w->n_nodes);
    *ret_node = s->cluster.config.nodes[best].name;
    return 0;
}

int verb_failover(struct session *s, struct err *reterr)
{
    const char *to = s->options.to;
    struct world *w = NULL;
    if (!to && !s->options.plan) {
        char question[200];
        w = arena_alloc(s->cluster.arena, sizeof(*w));
        int rc = most_wal(s, w, &to, reterr);
        if (rc < 0)
            return rc;
        STR_PRINTF(question, "%s has the most WAL of the standbys that answer. Fail over to it?",
                   to);
        rc = session_confirm(s, question, NULL, reterr);
        if (rc < 0)
            return rc;
    }
    return move(s, PLANNER_FAILOVER, to, w, reterr);
}

int verb_resume(struct session *s, struct err *reterr)
{
    return move(s, PLANNER_RESUME, NULL, NULL, reterr);
}

int verb_abort(struct session *s, struct err *reterr)
{
    return move(s, PLANNER_ABORT, NULL, NULL, reterr);
}

/* Whoever stops the only node that writes types the cluster's name for it. */
static int confirm_fence(struct session *s, const struct world **ret_look, struct err *reterr)
{
    struct world *w;
    int node = s->options.n_args ? config_node_index(&s->cluster.config, s->options.args[0]) : -1;
    char question[120];

    if (s->options.yes || s->options.dry_run || node < 0)
        return 0;
    w = arena_alloc(s->cluster.arena, sizeof(*w));
    world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_DNS);
    *ret_look = w;
    consequences_of_fence(s, w, (size_t)node);
    bool writes = !w->nodes[node].answered || w->nodes[node].obs.pg.role == PG_WRITABLE ||
                  !w->d.record_valid || strcmp(w->d.record.owner, s->options.args[0]) == 0;
    STR_PRINTF(question, "Stop %s and fence it?", s->options.args[0]);
    return session_confirm(s, question, writes ? s->cluster.config.cluster.name : NULL, reterr);
}

int verb_fence(struct session *s, struct err *reterr)
{
    const struct world *asked_on = NULL;
    int rc = confirm_fence(s, &asked_on, reterr);

    if (rc < 0)
        return rc;
    return move_node(s, PLANNER_FENCE, asked_on, reterr);
}

int verb_unfence(struct session *s, struct err *reterr)
{
    return move_node(s, PLANNER_UNFENCE, NULL, reterr);
}

/* To give up a copy, a person types its name, after seeing what is lost with it. */
static int confirm_forget(struct session *s, const struct world **ret_look, struct err *reterr)
{
    struct world *w;
    int node = s->options.n_args ? config_node_index(&s->cluster.config, s->options.args[0]) : -1;
    char question[120];

    if (s->options.dry_run || node < 0)
        return 0;
    w = arena_alloc(s->cluster.arena, sizeof(*w));
    world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_DNS);
    *ret_look = w;
    consequences_of_forget(s, w, (size_t)node);
    STR_PRINTF(question, "Is %s lost for good?", s->options.args[0]);
    return s->options.yes ? 0 : session_confirm(s, question, s->options.args[0], reterr);
}

int verb_forget(struct session *s, struct err *reterr)
{
    const struct world *asked_on = NULL;
    int rc = confirm_forget(s, &asked_on, reterr);

    if (rc < 0)
        return rc;
    return move_node(s, PLANNER_FORGET, asked_on, reterr);
}

int verb_rejoin(struct session *s, struct err *reterr)
{
    return move_node(s, PLANNER_REJOIN, NULL, reterr);
}
