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
    struct dns_zone zone;                      /* with the key that was asked for, */
    const char *key_file;                      /* … from this file; NULL none */
    char by[BY_BYTES];                         /* "root@ctl": OS user (sudo user) at this host */
};

/* Loop, arena and `by`; nothing is read or connected yet. */
void cluster_init(struct cluster *c);
/* The zone, with a key of the configuration: to ask with (the query key, where there is one) or to
 * change it; or without. */
enum cluster_key { CLUSTER_KEY_NONE, CLUSTER_KEY_QUERY, CLUSTER_KEY_UPDATE };
int cluster_open_dns(struct cluster *c, enum cluster_key key, struct err *reterr);
/* TLS context and peers. Needs the configuration. */
int cluster_open_agents(struct cluster *c, struct err *reterr);
/* After opening: ERR_CONFIG if our certificate is a monitor's, which no agent obeys. */
int cluster_may_act(const struct cluster *c, struct err *reterr);
void cluster_close(struct cluster *c);

/* One UPDATE of alias and record, waited for (dns_swap). What it came to is ret_result->verdict;
 * *ret_why says why not, and names our key where that is refused (code 0: nothing to say). */
void cluster_swap(struct cluster *c, const struct dns_swap *swap,
                  struct dns_swap_result *ret_result, struct err *ret_why);
