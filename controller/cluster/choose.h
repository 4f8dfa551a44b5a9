/*
 * Which standby a failover without --to proposes: of those that answer, the one with the most WAL.
 * Right after its primary has died a standby still takes in what was on its way to it, so the
 * choice waits until no position moves any more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"

struct config;
struct world;

/* The positions at one look. */
struct choose_look {
    uint64_t wal[CLUSTER_NODES_MAX]; /* received or replayed; 0: no standby that answers */
};
void choose_look(const struct config *c, const struct world *w, struct choose_look *ret);
/* Nothing has come in between the two. */
bool choose_at_rest(const struct choose_look *before, const struct choose_look *now);
int choose_most_wal(const struct choose_look *l); /* -1: no standby answers */
