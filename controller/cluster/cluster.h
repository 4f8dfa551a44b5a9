/*
 * One cluster, as a program reaches it: its configuration, the loop, TLS, a lasting connection to
 * each agent, the zone. No option, verb, terminal or question is here: whoever looks at a cluster,
 * a command or a service, begins with this (observe.h, evidence.h, inspect.h, rehearse.h, view.h).
 */
#pragma once

#include <stdbool.h>

#include "controller/cluster/config.h"
#include "dnsupdate/dns.h"
#include "proto/rpc.h"

struct arena;
struct err;
struct loop;

struct cluster {
    struct config config;
    struct loop *loop;
    struct arena *arena; /* lives as long as the cluster */
    struct tls_context *tls;
    struct rpc_peer *peers[CLUSTER_NODES_MAX]; /* same index as config.nodes */
    struct dns_zone zone;                      /* with the update key where that was asked for */
    char by[BY_BYTES];                         /* "root@ctl": OS user (sudo user) at this host */
};

/* Loop, arena and `by`; nothing is read or connected yet. */
void cluster_init(struct cluster *c);
/* The zone, with the update key or without. Needs the configuration. */
int cluster_open_dns(struct cluster *c, bool with_key, struct err *reterr);
/* TLS context and peers. Needs the configuration. */
int cluster_open_agents(struct cluster *c, struct err *reterr);
void cluster_close(struct cluster *c);
