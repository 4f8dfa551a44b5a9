/*
 * The agent's parts together, and what all of its acts need: durable state, observation, D.
 *
 * Everything that decides and changes goes through one queue of acts (agent/acts/act.h) and holds
 * the state lock meanwhile (agent/state/state.h, S4); looking and waiting do not.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/decide/rules.h"
#include "agent/node/config.h"
#include "agent/state/ran.h"
#include "agent/state/state.h"
#include "base/loop.h"

struct act;
struct err;
struct job;
struct rehearse;
struct watch;

enum {
    AGENT_LOOK_MS = 600,  /* how long PostgreSQL may take to answer a look */
    AGENT_PEER_MS = 1500, /* a peer's observation */
};

/* What an inspection or a rehearsal may take of the time that its caller has: the rest is for our
 * own look afterwards, and the way back. */
static inline int64_t agent_part_ms(int64_t timeout_ms)
{
    return timeout_ms * 2 / 3;
}

struct agent {
    struct loop *loop;
    struct config *config;
    struct postgres *pg;
    struct cron *cron;
    struct tls_context *tls;                   /* NULL: this program contacts no other node */
    struct rpc_peer *peers[CLUSTER_NODES_MAX]; /* of config->peers, as agent; NULL without tls */
    char boot[40];
    struct state_known known; /* what agent_state() found last */

    struct act *queue;           /* the first one runs */
    struct act *tails;           /* requests that only wait, beside it */
    struct job *job;             /* agent/jobs/job.h; NULL: none */
    struct obs_job job_seen;     /* … as a look shows it; also what an earlier agent left */
    uint32_t job_excludes;       /* bit per verb: refused while it is there */
    struct rehearse *rehearsing; /* agent/look/rehearse.c: what has not been answered */
    const char *acting;          /* the name of the one that runs; NULL: none */
    int64_t acting_mono_ms;      /* since when */
    struct ran_log ran;          /* what the running act had to run */
    bool stopping;
    void (*idle)(struct agent *g); /* stopping, and the last act has ended */

    struct watch *watch;        /* NULL in programs other than the daemon */
    int64_t watch_read_mono_ms; /* when the watch last read D; 0 never */
    int64_t cron_fresh_mono_ms; /* when a look last called crontab(1) */
};

/* `config` must outlive it. With `network` certificates and TSIG key are loaded too. */
int agent_new(struct loop *l, struct config *config, bool network, struct agent **ret_agent,
              struct err *reterr);
void agent_free(struct agent *g);

/* The durable state as it is in the file now. */
int agent_state(struct agent *g, struct agent_state *ret_state, struct err *reterr);
int agent_save(struct agent *g, const struct agent_state *s, struct err *reterr);

/* In `mode = observe` every act is refused: ERR_REFUSED names the line of the configuration. */
int agent_may_act(const struct agent *g, const char *what, struct err *reterr);
