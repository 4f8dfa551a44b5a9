/*
 * INSPECT: the facts that are too heavy for every look (proto/inspect.h), asked of all agents at
 * once over connections of their own, so that no look waits for them; with them the nodes' names in
 * DNS and the room for our journal. All of it goes into the world, for the checks: start, look,
 * end.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct inspection;
struct cluster;
struct world;
struct world_node;

enum { INSPECT_TIMEOUT_MS = 1800 }; /* a preflight answers within 2 s, whatever is dead */

/* Of every node; or, with `answered_only`, of those that answered the last look. `world` and
 * session must outlive it. */
struct inspection *inspection_start(struct cluster *cl, struct world *w, bool answered_only);
/* Once more, of those that ran out of time, with that much of it; NULL: of none. What it does not
 * bring is kept as it was. */
struct inspection *inspection_again(struct cluster *cl, struct world *w, int64_t timeout_ms);
/* Did the inspection of this node, which answers, run out of time? */
bool inspection_is_late(const struct world_node *n);
/* Wait until all have answered, or their time is up. NULL is fine. */
void inspection_end(struct inspection *n);
