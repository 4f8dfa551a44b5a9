/*
 * Looking: one fan-out to all agents and one signed read of the register, in parallel, under one
 * deadline; a dead agent or a silent DNS costs the deadline, never more.
 *
 * `struct world` is what the controller currently knows. Replies to acting requests update it too
 * (world_take_reply), so that a step is observed by its own answer.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "dnsupdate/dns.h"
#include "proto/inspect.h"
#include "proto/messages.h"

struct cluster;
struct config;
struct config_node;

struct world_node {
    bool answered;       /* to the last question */
    struct node_obs obs; /* its last answer, if it ever answered (obs.node != "") */
    struct err error;    /* why it did not answer */
    int64_t looked_ms;   /* monotonic, when `obs` came */
    size_t unanswered;   /* questions without an answer since */
    int64_t skew_ms;     /* its clock minus ours, corrected by half the round trip */
    int64_t rtt_ms;
    int64_t last_seq;    /* highest seq that we sent or saw at its epoch */
    int version;         /* of the protocol that its agent and we speak; 0: not known yet */
    int64_t armed_epoch; /* highest epoch for which it answered our ARM in this run; 0 none */
    const struct rehearsal *rehearsals; /* controller/cluster/rehearse.h; in the cluster's arena */
    size_t n_rehearsals;
    struct err rehearsal_error; /* why there are none; code 0: it was not asked */

    bool inspect_asked;            /* for its heavier facts (controller/cluster/inspect.h) */
    const struct inspect *inspect; /* in the cluster's arena; NULL: there are none */
    struct err inspect_error;      /* asked for, and why there are none */
    bool target_asked;             /* was its name in DNS looked up? */
    struct dns_addresses target;   /* what the name resolves to */
    struct err target_error;
};

struct world {
    struct world_node nodes[CLUSTER_NODES_MAX]; /* index as in config.nodes */
    size_t n_nodes;
    struct dns_view d;    /* the primary's view: status, alias, register */
    struct err d_error;   /* when d.status is not OK */
    bool key_tried;       /* was the update key offered to the primary, with no change? */
    bool key_proven;      /* and has it shown the right to write alias and record? */
    struct err key_error; /* and refused: why; code 0 when it was accepted */
    bool survey_done;
    struct dns_survey survey;
    bool certificate_known;   /* ours */
    int64_t certificate_days; /* until it expires, -1: it has */
    struct {
        int about;        /* the node that may be lost */
        int64_t began_ms; /* monotonic, when the first witness was asked; 0 never */
        uint32_t from;    /* bit per witness that has answered; what it saw: */
        struct obs_peer seen[CLUSTER_NODES_MAX];
    } evidence;
    bool asked_in_full;         /* rehearsals have had all the time that a move gives them
                           (controller/cluster/examine.h) */
    int64_t journal_free_bytes; /* where our journal is; 0: not looked at, or unknown */
};

enum {
    OBSERVE_AGENTS = 1,
    OBSERVE_DNS = 2,
    OBSERVE_SURVEY = 4,
    OBSERVE_KEY = 8,
    /* with the two first (alone with the first: at once): as soon as the record names its owner,
     * all others are asked what they see of it. A dead owner's silence is so listened to once, not
     * once by us and then by them. */
    OBSERVE_EVIDENCE = 16,
};

enum {
    /* A host that is gone costs each witness a knock (proto/knock.h); one that lives but is busy
     * must get to answer, so half of this is a process's time. */
    EVIDENCE_TIMEOUT_MS = 2000,
};

/* Look at all (or what `what` says), within config.limits.agent_timeout_ms / dns timeout; waits for
 * a cluster_look() (controller/cluster/cluster_look.h). */
void world_observe(struct cluster *cl, struct world *w, unsigned what);
/* An agent obeys a later epoch than that of the record that was read: the zone was restored, or a
 * command claimed the record between the two. Only reading the record again shows which. */
bool world_record_is_behind(const struct world *w);
/* While the zone's primary does not respond: the record with the highest epoch that another server
 * of the zone shows, signed with our key (of the latest survey); false: none. */
bool world_record_elsewhere(const struct world *w, struct record *ret);
/* The owner's index by the record; while DNS does not respond, by the newest one that an agent has
 * seen. -1 unknown. */
int world_owner_as_known(const struct config *c, const struct world *w);
/* … and it does not respond to us. */
bool world_owner_is_silent(const struct cluster *cl, const struct world *w);
/* Look at one node again; at several, a bit for each. */
void world_observe_node(struct cluster *cl, struct world *w, int node);
void world_observe_nodes(struct cluster *cl, struct world *w, uint32_t nodes);
/* EVIDENCE about `target`, the witness's question; the rest of *q is the caller's. */
void world_evidence_request(const struct config_node *target, struct request *q);
/* Store what a witness reports about the node that `world.evidence` is about. */
void world_take_evidence(struct world *w, int witness, const struct reply *reply);
/* Take over the observation that came with a reply. */
void world_take_reply(struct world *w, int node, const struct reply *reply, int64_t sent_mono_ms);
