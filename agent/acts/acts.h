/* The kinds of acts, one for each changing verb (docs/protocol.md, section 2), and the agent's
 * own. */
#pragma once

#include "agent/acts/act.h"

extern const struct act_kind act_arm, act_cron_off, act_cron_on, act_cron_write, act_checkpoint,
    act_fence, act_unfence, act_unfence_by_word, act_detach, act_promote, act_revoke, act_follow,
    act_slots, act_rejoin;

/* The last phases of every fencing, once its intent is in the state file. */
void act_fence_cron(struct act *a);
void act_fence_stop(struct act *a);
void act_fence_observe(struct act *a);
/* Who, why and when, into a state that rules_fence() or rules_guard_state() made. */
void act_fence_sign(const struct act *a, struct agent_state *next);

/* The last phase of UNFENCE: PostgreSQL is seen writable, the mark goes. */
void act_unfence_done(struct act *a);
/* standby.signal away, and (re)started unless it is writable: UNFENCE, a hold's release. */
void act_start_primary(struct act *a);
/* The jobs of a node that is writable again, as they were last commanded. */
void act_cron_resume(struct act *a);
