/*
 * Which command leads on from here. Each that may be typed is played to its end by the planner
 * itself (foresee), so `next:` never names one that would refuse, or would only say again what was
 * said already. Where none leads on, the planner's own last word says what a person has to do.
 *
 * Pure.
 */
#pragma once

#include "controller/decide/planner.h"

/* In the order in which they are tried: the least that helps comes first. */
enum way_bit {
    WAY_RESUME = 1 << 0,
    WAY_ABORT = 1 << 1,
    WAY_REJOIN = 1 << 2, /* of the node that it is about */
    WAY_FENCE = 1 << 3,  /* … */
    WAY_FAILOVER = 1 << 4,
    WAY_UNFENCE = 1 << 5, /* of the node, by a person's word while DNS does not respond */
};

struct way {
    bool leads; /* done, if every step goes well */
    enum planner_command command;
    int to;                  /* -1 none */
    uint32_t accepted;       /* bit per node: a person has to state that it is down */
    struct planner_move end; /* the last word; when none leads on: of the first that was tried */
};

void ways_find(const struct planner_view *v, unsigned ways, int node, struct way *ret);
