/*
 * A job: an operation of this node that takes minutes or hours, beside the acts.
 *
 *     asked --> its intent is durable --> it works, in its own acts --> intent removed --> answer
 *
 * Invariants
 *   J1  one job at a time: a request for a second is refused, and the refusal names the one that
 *       runs, who asked for it and since when.
 *   J2  its intent (a file in the state directory) is durable before the first change that it
 *       makes, and goes after the last. An agent that finds one at its start ends what it
 *       belongs to.
 *   J3  each look shows it: kind, who asked, since when, how far it is (struct obs_job).
 *   J4  what it changes on the node it changes in acts (agent/acts/act.h). A request that it
 *       excludes is refused before it changes anything, and the refusal names the job; FENCE, ARM
 *       and REVOKE never are.
 *   J5  it can be cancelled: it ends in its own order, and its requester learns who cancelled it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/node/agent.h"
#include "base/err.h"

struct arena;
struct job;
struct reply;
struct rpc_request;

struct job_kind {
    const char *name;  /* in intent, log and look */
    size_t bytes;      /* of its object, which begins with a struct job */
    uint32_t excludes; /* JOB_EXCLUDES() of each verb that is refused meanwhile */
    void (*start)(struct job *j);
    void (*cancel)(struct job *j); /* j->cancelled says why; it ends as soon as it can */
    /* What has come of it, into the reply of who asked; the arena lives until that is sent. */
    void (*answer)(struct job *j, struct reply *reply, struct arena *a);
    void (*drop)(struct job *j);    /* its timers; the object itself is ours */
    void (*clean)(struct agent *g); /* an earlier agent's: undone in an act, which ends with
                                       job_cleaned() */
};

#define JOB_EXCLUDES(verb) (UINT32_C(1) << (verb))

struct job {
    struct agent *agent;
    const struct job_kind *kind;
    struct rpc_request *r;
    struct err cancelled; /* code 0: it is not */
};

/* Begins one for a request, which is answered when it has ended; or refuses it. */
void job_ask(struct agent *g, const struct job_kind *kind, struct rpc_request *r);
/* Answers a request that the job of this node be cancelled. */
void job_cancel(struct agent *g, struct rpc_request *r);

/* ---- for kinds ------------------------------------------------------------------------------- */

/* J2. ERR_IO. */
int job_intend(struct job *j, struct err *reterr);
/* How far it is, in words. */
void job_progress(struct job *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* It has ended; unless something is `left` for the next agent to take away, the intent goes. Once:
 * the kind's `answer` is called from the loop, then the job is freed. */
void job_end(struct job *j, bool left);
/* What an earlier agent left is away (e NULL), or cannot be taken away now. */
void job_cleaned(struct agent *g, const struct err *e);

/* ---- for the daemon -------------------------------------------------------------------------- */

/* At the agent's start: what an earlier one has left. */
void job_clean(struct agent *g, const struct job_kind *const *kinds);
/* End of the program: without an answer; the next start cleans up. */
void job_drop(struct agent *g);
