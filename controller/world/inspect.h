/*
 * INSPECT: the facts that are too heavy for every look (proto/inspect.h), asked of all agents at
 * once over connections of their own, so that no look waits for them; with them the nodes' names in
 * DNS and the room for our journal. All of it goes into the world, for the checks: start, look,
 * end.
 */
#pragma once

#include <stdbool.h>

struct inspection;
struct session;
struct world;

enum { INSPECT_TIMEOUT_MS = 1800 }; /* a preflight answers within 2 s, whatever is dead */

/* Of every node; or, with `answered_only`, of those that answered the last look. `world` and
 * session must outlive it. */
struct inspection *inspection_start(struct session *s, struct world *w, bool answered_only);
/* Wait until all have answered, or their time is up. NULL is fine. */
void inspection_end(struct inspection *n);
