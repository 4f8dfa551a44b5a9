/*
 * One command's run: configuration, options, loop, TLS, the lasting connections to the agents, the
 * zone with its key. Everything else of the controller gets a `struct session *` and nothing
 * global.
 */
#pragma once

#include "base/term.h"
#include "controller/cli.h"
#include "controller/config.h"
#include "dnsupdate/dnsclient.h"
#include "proto/rpc.h"

struct arena;
struct loop;

struct session {
    struct config config;
    struct options options;
    const struct verb_row *verb;
    struct loop *loop;
    struct arena *arena; /* lives as long as the command */
    struct tls_context *tls;
    struct rpc_peer *peers[CLUSTER_NODES_MAX]; /* same index as config.nodes */
    struct dns_zone zone;                      /* with the update key when the verb needs it */
    char by[BY_BYTES];                         /* "root@ctl": OS user (sudo user) at this host */
    struct term term;                          /* standard output */
};

/* Open what the verb needs. */
int session_open(struct session *s, const struct options *o, const struct verb_row *verb,
                 struct err *reterr);
void session_close(struct session *s);
/* The zone, for a verb that only goes to DNS when it can: without the update key, or with it. */
int session_open_dns(struct session *s, bool with_key, struct err *reterr);
/* TLS context and peers, for a verb that can do without them (NEEDS_AGENTS: one that cannot). */
int session_open_agents(struct session *s, struct err *reterr);

/* Ask on the terminal for `expect` to be typed (the cluster's name; NULL: "yes"); with --yes the
 * answer is taken as given. Or ERR_DECLINED, also where there is no terminal to ask on. */
int session_confirm(struct session *s, const char *question, const char *expect,
                    struct err *reterr);
/* --reason, or asked for on a terminal, or ERR_USAGE. In the session's arena. */
int session_reason(struct session *s, const char **ret_reason, struct err *reterr);
