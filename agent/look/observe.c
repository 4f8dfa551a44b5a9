#include "agent/look/observe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/node/agent.h"
#include "agent/state/machine.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/rpc.h"

struct look {
    struct agent *agent;
    int waiting; /* for PostgreSQL, for cron, and for the caller itself */
    struct node_obs obs;
    observe_fn fn;
    void *arg;
};

static void fill_fence(const struct agent_state *s, struct obs_fence *f)
{
    *f = (struct obs_fence){
        .fenced = s->fenced,
        .standby_only = s->fence_standby_only,
        .was_primary = s->fence_was_primary,
        .tli = s->fence_tli,
        .shutdown_lsn = s->fence_lsn,
        .wall_ms = s->fenced ? s->fence_wall_ms : 0,
        .held = s->held,
        .promoting = s->promoting,
        .promoting_epoch = s->promoting_epoch,
        .revoked = s->revoked,
        .revoked_epoch = s->revoked_epoch,
    };
}

/* A state that cannot be read counts as a fence everywhere (agent/state/state.h, S3). */
static void fill_state(struct agent *g, struct node_obs *o)
{
    struct facts f = rules_facts(&o->pg);
    struct agent_state s;
    struct err e = {0};

    if (agent_state(g, &s, &e) < 0) {
        STR_COPY(o->state_problem, e.msg);
        o->fence.fenced = true;
        return;
    }
    o->state_ok = true;
    o->epoch = s.epoch;
    o->seq = s.seq;
    STR_COPY(o->txn, s.txn);
    if (s.seen.epoch > 0 && register_format(&s.seen, o->seen, NULL) < 0)
        o->seen[0] = '\0';
    o->begun = s.begun;
    fill_fence(&s, &o->fence);
    o->fence.promoted = rules_promoted(&s, &f);
    o->cron.commanded_on = s.cron_on;
}

/* Can this agent stop PostgreSQL? By signal: it has the same user, or the guard and every act would
 * fail; by command: the program is there (polkit's answer is seen only by trying). */
static bool can_stop(const struct agent *g)
{
    const char *command = g->config->postgresql.stop_command;
    char program[256];

    if (command[0] == '\0')
        return access(g->config->postgresql.data_directory, W_OK) == 0;
    STR_COPY(program, command);
    program[strcspn(program, " \t")] = '\0';
    return program[0] != '/' || access(program, X_OK) == 0;
}

static void finish(struct look *k)
{
    struct agent *g = k->agent;
    struct node_obs *o = &k->obs;

    if (--k->waiting > 0)
        return;
    STR_COPY(o->node, g->config->agent.node);
    STR_COPY(o->software, PGTANDEM_SOFTWARE);
    STR_COPY(o->boot_id, g->boot);
    o->wall_ms = clock_wall_ms();
    fill_state(g, o);
    o->watch_enabled = g->config->watch.enabled;
    o->watch_period_ms = g->config->watch.interval_ms;
    for (size_t i = 0, used = 0; i < g->config->n_peers; i++) {
        str_printf(o->peers + used, sizeof(o->peers) - used, "%s%s", i ? "," : "",
                   g->config->peers[i].node);
        used = strlen(o->peers);
    }
    o->watch_age_ms = g->watch_read_mono_ms ? clock_mono_ms() - g->watch_read_mono_ms : -1;
    o->can_stop = can_stop(g);
    o->certificate_days = g->tls ? tls_context_days_left(g->tls, o->wall_ms) : -2;
    o->mode = g->config->agent.mode;
    o->starting_act = g->acting != NULL;
    STR_COPY(o->act, g->acting ? g->acting : "");
    o->act_ms = g->acting ? clock_mono_ms() - g->acting_mono_ms : 0;
    o->job = g->job_seen;
    k->fn(k->arg, o);
    mem_free(k);
}

static void on_pg(void *arg, const struct obs_pg *pg)
{
    struct look *k = arg;

    k->obs.pg = *pg;
    finish(k);
}

static void on_cron(void *arg, const struct obs_cron *cron)
{
    struct look *k = arg;

    k->obs.cron = *cron;
    finish(k);
}

void observe_node(struct agent *g, int64_t timeout_ms, bool fresh_cron, observe_fn fn, void *arg)
{
    struct look *k = mem_alloc(sizeof(*k));

    k->agent = g;
    k->fn = fn;
    k->arg = arg;
    k->waiting = 3;
    postgres_look(g->pg, timeout_ms, on_pg, k);
    cron_look(g->cron, fresh_cron, on_cron, k);
    finish(k);
}
