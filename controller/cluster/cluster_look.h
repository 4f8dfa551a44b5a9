/*
 * One look while it goes on: the register (read signed), all name servers, all agents, in parallel,
 * within one time; when the record names its owner, the others are asked what they see of it.
 *
 * For a program that looks again and again and has other things to do meanwhile; straight-line code
 * waits for one with world_observe() (observe.h), which says what `what` may ask for.
 */
#pragma once

#include <stdint.h>

struct cluster;
struct world;

struct cluster_look;
/* Called once, from the loop, never from within cluster_look(): `w` is what was found. The look is
 * gone then; a new one may be begun. */
typedef void (*cluster_look_fn)(void *arg, struct world *w);

/* Begins a look at `what` (OBSERVE_…), of the nodes whose bit is set. No part of it takes longer
 * than `within_ms`, nor than it may by the configuration (0: no further limit); what has not
 * answered then counts as silent. Cluster and world must outlive it; one look at a time for each
 * world. */
struct cluster_look *cluster_look(struct cluster *c, struct world *w, unsigned what, uint32_t nodes,
                                  int64_t within_ms, cluster_look_fn done, void *arg);
/* No callback from now on; what has come so far is in the world. NULL is fine. */
void cluster_look_cancel(struct cluster_look *l);
