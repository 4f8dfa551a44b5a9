/* The crontabs of all nodes, as the agents show them, and the one that counts: the owner's. */
#pragma once

#include <stdbool.h>

#include "base/crontab.h"
#include "base/err.h"
#include "controller/cluster/observe.h"

struct cluster;

struct cron_nodes {
    struct world world;
    size_t n;
    int owner;                      /* by the record; -1 unknown */
    bool chosen[CLUSTER_NODES_MAX]; /* NODE of the command line, or all */
    char *text[CLUSTER_NODES_MAX];  /* in the cluster's arena; NULL: error says why */
    struct err error[CLUSTER_NODES_MAX];
};

/* Look at agents and record, and read every crontab. `name` NULL chooses all nodes; ERR_USAGE for
 * one that is not configured. */
int cron_nodes_look(struct cluster *cl, const char *name, struct cron_nodes *ret,
                    struct err *reterr);
/* Read the crontabs of those that answered the look in ret->world: text or error of each. */
void cron_nodes_read(struct cluster *cl, struct cron_nodes *ret);
/* ERR_UNREACHABLE naming the first chosen node whose crontab could not be read; else 0. */
int cron_nodes_silent(const struct cluster *cl, const struct cron_nodes *c, struct err *reterr);
/* The record is readable and stable enough to name an owner, and the owner's crontab was read. */
int cron_nodes_need_owner(const struct cluster *cl, const struct cron_nodes *c, struct err *reterr);
/* What is managed, by the owner's crontab (its text was read): the block; without one, every
 * entry. ERR_INVALID if the owner's block is broken. */
int cron_nodes_mode(const struct cluster *cl, const struct cron_nodes *c,
                    enum crontab_mode *ret_mode, struct err *reterr);
