/*
 * Replication slots that a move leaves behind: the new owner keeps one for every other node. While
 * a node is away, its slot retains WAL for it (max_slot_wal_keep_size has no limit by default).
 * Plan and summary say for which nodes.
 */
#pragma once

#include <stddef.h>

#include "proto/messages.h"

struct arena;
struct config;
struct world;

/* One sentence (at most 159 bytes) for each node that is away, of the slot for it on `owner`. How
 * many. */
size_t slots_left(struct arena *a, const struct config *c, const struct world *w, int owner,
                  const char *ret_lines[CLUSTER_NODES_MAX]);
