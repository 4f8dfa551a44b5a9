/*
 * REHEARSE and CANARY: the agents are asked to try the paths of the later steps
 * (agent/look/rehearse.h);
 * what they say goes into the world, for the checks.
 *
 * Over connections of their own: replies come in order, and a rehearsal must not keep a look
 * waiting. So it runs while the caller looks: start, look, end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct rehearse;
struct cluster;
struct world;
struct world_node;

enum {
    REHEARSE_TIMEOUT_MS = 1800,      /* a preflight answers within 2 s, whatever is dead */
    REHEARSE_TIMEOUT_LOST_MS = 1200, /* shorter, while the primary is lost */
};

/* Every node rehearses: its connection to `to` as a future standby of it, and `to` those to all
 * others (not when the primary is `lost`: one of them is no more); what else there is, all. `world`
 * and session must outlive it. */
struct rehearse *rehearse_start(struct cluster *cl, struct world *w, int to, bool lost);
/* Once more, of those that ran out of time, with that much of it; NULL: of none. A rehearsal that
 * came to its end is kept as it was. */
struct rehearse *rehearse_again(struct cluster *cl, struct world *w, int to, int64_t timeout_ms);
/* Did a rehearsal of this node, which answers, run out of time? */
bool rehearse_is_late(const struct world_node *n);
/* Wait until all have answered, or their time is up. NULL is fine. */
void rehearse_end(struct rehearse *r);
/* Nobody wants to know any more. NULL is fine. */
void rehearse_drop(struct rehearse *r);

/* The canary of one node (agent/acts/canary.h): waits for cron, up to 70 s. Added to the node's
 * rehearsals. */
void rehearse_canary(struct cluster *cl, struct world *w, int node);
