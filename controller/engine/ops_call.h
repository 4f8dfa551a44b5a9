/*
 * What the acts have in common: a request to one or several agents, its answers taken into world
 * and trace; waiting by looking.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/engine/run.h"

/* One request to every node of `mask`, answers into the world, outcomes into *res. `fill` adds the
 * verb's own arguments for a node, with `arg`; may be NULL. Returns how many answered yes. */
typedef void (*ops_fill_fn)(struct run *r, size_t node, struct request *q, const void *arg);
size_t ops_call(struct run *r, uint32_t mask, enum verb verb, int64_t timeout_ms, ops_fill_fn fill,
                const void *arg, struct op_result *res);

/* Look again and again until `holds` for the node, or `timeout_ms` has passed (false); sooner
 * (false too) when a node that is looked at does not respond any more: world.nodes[].answered says
 * so. */
typedef bool (*ops_holds_fn)(const struct run *r, size_t node);
bool ops_until(struct run *r, size_t node, ops_holds_fn holds, int64_t timeout_ms);
/* … at all `nodes` (a bit for each) in each round. */
bool ops_until_all(struct run *r, uint32_t nodes, size_t node, ops_holds_fn holds,
                   int64_t timeout_ms);

/* Run the loop for a while (the loop goes on serving connections). */
void ops_pause(struct run *r, int64_t ms);
