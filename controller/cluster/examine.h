/*
 * EXAMINE: everything that preflight and plan judge, in one place: the look at agents and DNS, and
 * beside it the inspections and rehearsals (controller/cluster/inspect.h, rehearse.h).
 *
 * A check that times out says nothing about the node (a healthy host may be busy), so that check
 * alone is asked again. For a move up to twice more, each time with a longer limit; if it still has
 * no result, that is a finding, with the number of milliseconds that it was given. `preflight`
 * answers within 2 s, whatever is dead; if a host responds but was busy, it is asked once more,
 * within 8 s: what has no result by then is not checked. A failover does not ask again: there such
 * checks only warn.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rehearse;
struct cluster;
struct world;

enum examine_time {
    EXAMINE_MOVE,      /* all the time that it takes, within bounds */
    EXAMINE_PREFLIGHT, /* 2 s, and once more for a busy host */
    EXAMINE_LOST,      /* no one can write meanwhile */
};

struct examine {
    enum examine_time time;
    int to;                 /* the target, an index of config.nodes */
    unsigned observe;       /* OBSERVE_… */
    bool inspect;           /* inspections too; … */
    bool answered_only;     /* … of those that answered the last look */
    struct rehearse *begun; /* rehearsals that are under way already; NULL: they begin here */
};

void examine(struct cluster *cl, struct world *w, const struct examine *x);
