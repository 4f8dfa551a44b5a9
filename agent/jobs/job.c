#include "agent/jobs/job.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/look/observe.h"
#include "agent/node/answer.h"
#include "base/clock.h"
#include "base/field.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/rpc.h"

enum { INTENT_CAP_BYTES = 4096 };

/* who takes over, what ends writing and what takes a promise back has its way */
#define NEVER_EXCLUDED                                                                             \
    (JOB_EXCLUDES(VERB_ARM) | JOB_EXCLUDES(VERB_FENCE) | JOB_EXCLUDES(VERB_REVOKE))

static const char *path_of(const struct agent *g, char ret_path[320])
{
    (void)str_printf(ret_path, 320, "%s/job.json", g->config->agent.state_directory);
    return ret_path;
}

/* "canary, asked for by root@ctl, since 23:10:05 UTC: in the crontab until the full minute" */
static const char *told(const struct obs_job *o, struct arena *a)
{
    char at[CLOCK_TEXT_BYTES];

    clock_text(o->since_wall_ms, at);
    return arena_printf(a, "%s, asked for by %s, since %.8s UTC%s%s", o->kind, o->by, at + 11,
                        *o->progress ? ": " : "", o->progress);
}

/* ---- intent ---------------------------------------------------------------------------------- */

int job_intend(struct job *j, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    const char *text = field_to_text(&obs_job_table, &j->agent->job_seen, a);
    char path[320];

    return file_replace(path_of(j->agent, path), text, strlen(text), 0600, reterr);
}

static void remove_intent(const struct agent *g)
{
    char path[320];
    struct err e;

    if (file_remove(path_of(g, path), &e) < 0)
        log_err(LOG_LEVEL_ERROR, &e);
}

/* ---- the end --------------------------------------------------------------------------------- */

void job_drop(struct agent *g)
{
    struct job *j = g->job;

    g->job = NULL;
    g->job_seen = (struct obs_job){.since_wall_ms = 0};
    g->job_excludes = 0;
    if (!j)
        return;
    j->kind->drop(j);
    mem_free(j);
}

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct job *j = arg;
    AUTO(arena) a = arena_new();
    struct reply *reply = answer_new(obs, NULL);

    reply->obs.job = (struct obs_job){.since_wall_ms = 0}; /* the look was made before its end */
    j->kind->answer(j, reply, a);
    answer_send(j->r, reply);
    job_drop(j->agent);
}

void job_end(struct job *j, bool left)
{
    if (!left)
        remove_intent(j->agent);
    log_info("job=%s ends%s", j->kind->name, left ? ", something of it is left" : "");
    observe_node(j->agent, AGENT_LOOK_MS, false, on_observed, j);
}

void job_progress(struct job *j, const char *fmt, ...)
{
    struct obs_job *o = &j->agent->job_seen;
    va_list args;

    va_start(args, fmt);
    vsnprintf(o->progress, sizeof(o->progress), fmt, args);
    va_end(args);
    log_info("job=%s %s", j->kind->name, o->progress);
}

/* ---- asked ----------------------------------------------------------------------------------- */

struct refused {
    struct rpc_request *r;
    struct err e;
};

static void on_refused(void *arg, const struct node_obs *obs)
{
    struct refused *k = arg;

    answer_send(k->r, answer_new(obs, &k->e));
    mem_free(k);
}

/* e without a code: done. */
static void answer_at_once(struct agent *g, struct rpc_request *r, const struct err *e)
{
    struct refused *k = mem_alloc(sizeof(*k));

    *k = (struct refused){.r = r, .e = *e};
    observe_node(g, AGENT_LOOK_MS, false, on_refused, k);
}

void job_ask(struct agent *g, const struct job_kind *kind, struct rpc_request *r)
{
    AUTO(arena) a = arena_new();
    struct err e = {.code = 0};

    if (g->job)
        err_set(&e, ERR_REFUSED, "wait for its end, or `pgtandem cancel` it",
                "a job runs on this node: %s", told(&g->job_seen, a));
    else if (agent_may_act(g, kind->name, &e) == 0)
        e.code = 0;
    if (e.code) {
        answer_at_once(g, r, &e);
        return;
    }
    g->job = mem_alloc(kind->bytes);
    *g->job = (struct job){.agent = g, .kind = kind, .r = r};
    g->job_excludes = kind->excludes & ~NEVER_EXCLUDED;
    g->job_seen = (struct obs_job){.since_wall_ms = clock_wall_ms()};
    STR_COPY(g->job_seen.kind, kind->name);
    STR_COPY(g->job_seen.by, r->q.by);
    log_info("job=%s begins by=%s", kind->name, r->q.by);
    kind->start(g->job);
}

void job_cancel(struct agent *g, struct rpc_request *r)
{
    struct err e = {.code = 0};

    if (!g->job) {
        err_set(&e, ERR_REFUSED, "`pgtandem status` shows what runs", "no job runs on this node");
    } else if (!g->job->cancelled.code) {
        err_set(&g->job->cancelled, ERR_REFUSED, NULL, "cancelled by %s", r->q.by);
        log_info("job=%s cancelled by=%s", g->job->kind->name, r->q.by);
        g->job->kind->cancel(g->job);
    }
    answer_at_once(g, r, &e);
}

/* ---- an earlier agent's ---------------------------------------------------------------------- */

void job_cleaned(struct agent *g, const struct err *e)
{
    if (e) {
        log_warning("job: what an earlier agent began is not taken away yet: %s", e->msg);
        return;
    }
    log_info("job: what an earlier agent began is taken away");
    if (!g->job)
        g->job_seen = (struct obs_job){.since_wall_ms = 0};
    remove_intent(g);
}

void job_clean(struct agent *g, const struct job_kind *const *kinds)
{
    AUTO(arena) a = arena_new();
    struct err e = {.code = 0};
    char path[320], *text;

    if (!file_exists(path_of(g, path)))
        return;
    if (file_read(path, INTENT_CAP_BYTES, a, &text, NULL, &e) < 0 ||
        field_from_text(&obs_job_table, text, strlen(text), &g->job_seen, a, &e) < 0) {
        log_err(LOG_LEVEL_ERROR, &e);
        return;
    }
    for (size_t i = 0; kinds[i]; i++) {
        if (strcmp(kinds[i]->name, g->job_seen.kind) != 0)
            continue;
        STR_COPY(g->job_seen.progress, "the agent was started meanwhile: it is taken back");
        kinds[i]->clean(g);
        return;
    }
    log_warning("%s: a job of a kind that this version does not know: \"%s\"", path,
                g->job_seen.kind);
}
