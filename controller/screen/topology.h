/*
 * The cluster as a picture, drawn from one look: the alias and the node that it names, the
 * ownership record and the servers that serve it, each node below the one that it streams from,
 * scheduled jobs, controllers. A node with no upstream, or the wrong one, is drawn apart, with the
 * reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/status/status.h"

struct session;

enum {
    UPSTREAM_NONE = -1,    /* it streams from no node */
    UPSTREAM_FOREIGN = -2, /* from an address that is no node's */
};

struct topology {
    const struct status *st;
    int alias;                            /* the node that the alias names; -1 none of ours */
    int owner;                            /* by the record; -1 unknown */
    int upstream[CLUSTER_NODES_MAX];      /* a node, or UPSTREAM_… */
    const char *wrong[CLUSTER_NODES_MAX]; /* what is wrong with it, or "" */
    struct {
        const char *name;
        bool here, wrote; /* … the record */
    } controllers[2];
    size_t n_controllers;
};

/* Pure, over what `st` was built from; in its arena. */
void topology_build(struct topology *t, const struct status *st);
/* By the session's format (topology_print.c). */
void topology_print(const struct session *s, const struct topology *t);
