/*
 * The cluster as a picture, drawn from one look: the alias and whom it names, the ownership record
 * and who serves it, each node below the one that it streams from, scheduled jobs, controllers.
 * What hangs on nothing, or on the wrong thing, stands apart and says why.
 */
#pragma once

#include <stddef.h>

#include "controller/screen/status.h"
#include "controller/session/report.h"

enum {
    UPSTREAM_NONE = -1,    /* it streams from no node */
    UPSTREAM_FOREIGN = -2, /* from an address that is no node's */
};

struct topology {
    struct status *st;
    int alias;                       /* the node that the alias names; -1 none of ours */
    int owner;                       /* by the record; -1 unknown */
    int upstream[CLUSTER_NODES_MAX]; /* a node, or UPSTREAM_… */
    struct report nodes, name_servers, controllers;
};

/* Pure, over what `st` was built from. */
void topology_build(struct topology *t, struct status *st);
/* Why this node stands wrongly, or "". In the arena of the status. */
const char *topology_wrong(const struct topology *t, size_t node);
void topology_print(const struct topology *t);
