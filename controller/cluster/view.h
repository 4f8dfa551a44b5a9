/*
 * From what was observed (controller/cluster/observe.h) to what the planner decides on: names
 * become indices, observations become facts. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "controller/decide/planner.h"

struct config;
struct config_node;
struct obs_pg;
struct world;

/* Fill nodes and record of *view from the world; command, options and marks are the caller's and
 * stay as they are. `known` is the last record that we read or wrote, for when DNS does not
 * respond. */
void view_from_world(const struct config *c, const struct world *w, const struct record *known,
                     uint32_t seen_writable, struct planner_view *view);

/* Does the walreceiver of `node` stream from `upstream`? By that node's address; or by whatever
 * else its primary_conninfo calls it (a name, another address of the same host), when the upstream
 * itself shows the walsender that serves this node. A walreceiver streams only from a server of its
 * own system identifier. */
bool view_streams_from(const struct config *c, const struct world *w, size_t node, size_t upstream);

/* The walsender that serves `node` on `upstream`, by its address or the name that it gives itself;
 * NULL: none that is streaming. */
const struct obs_sender *view_sender(const struct obs_pg *upstream, const struct config_node *node);
