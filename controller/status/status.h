/*
 * The cluster as one look found it, in values: what each node is, who can write, what is wrong in
 * words, the one command that leads on. Built once from a look (status_build); the screens, the
 * formats for programs and whatever else shows or counts it (controller/screen) read it from here.
 * Of the session nothing is in it: remedies are as for the usual configuration file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/cluster/observe.h"
#include "controller/decide/planner.h"

struct arena;
struct cluster;
struct config;

struct status_line {
    const char *node; /* or "" */
    const char *text;
};

enum { STATUS_LINES_MAX = 96 };
struct status_lines {
    struct status_line at[STATUS_LINES_MAX];
    size_t n;
};

/* What this controller's own journals know; who began, when and why, the agents keep as well. */
struct status_journal {
    bool transition_known; /* a journal with the open transition's id, or an agent's word */
    int64_t since_wall_ms;
    const char *verb, *reason;
    const char *began_by;        /* "" unknown; the record's `by` is who went on with it last */
    int running_pid;             /* a command is at work on this controller now; 0 none */
    int64_t alias_moved_wall_ms; /* the last time that a command here moved the alias; 0 never */
};

/* Who can write: the first line of the screen. */
enum writable_state { WRITABLE_ONE, WRITABLE_NONE, WRITABLE_UNKNOWN, WRITABLE_SEVERAL };
struct status_writable {
    enum writable_state state;
    uint32_t nodes;        /* bit per node seen writable, in its own answer or by a witness */
    int64_t since_wall_ms; /* NONE: when the last one stopped; 0 unknown */
    bool about;            /* … as the last standby that heard from it knows */
    const char *text;      /* "db02 is fenced, db01 is not yet promoted" */
};
extern const char *const writable_state_names[]; /* "yes" "no" "unknown" "several" */

/* What a watch compares from look to look; positions, lag and ages move all the time. */
#define STATUS_WATCHED(X)                                                                          \
    X(WATCHED_ROLE, "role")                                                                        \
    X(WATCHED_STATE, "state")                                                                      \
    X(WATCHED_TIMELINE, "timeline")                                                                \
    X(WATCHED_CRON, "cron")                                                                        \
    X(WATCHED_FENCE, "fence")                                                                      \
    X(WATCHED_EPOCH, "epoch")
enum status_watched {
#define X(id, name) id,
    STATUS_WATCHED(X)
#undef X
        WATCHED_COUNT
};

/* One node; what else it has said is in the look itself (struct world_node). */
struct status_node {
    const char *name;
    bool owner, answered;        /* without an answer only name, owner and error mean anything */
    const char *state;           /* of its PostgreSQL: "streaming", "NOT clean"; "" nothing more */
    int64_t timeline;            /* running, else pg_control's */
    uint64_t received, replayed; /* LSN; of a primary `received` is what can be sent; 0 unknown */
    int64_t lag_bytes, lag_ms;   /* behind the owner; -1 unknown */
    const char *cron;            /* "on 2/2", "none", "unreadable" */
    const char *fence;           /* "held" "fenced" "standby only" "promoting", "" */
    const char *error;           /* of the agent, else of its PostgreSQL; "" none */
    uint32_t changed;            /* bit per status_watched: not as in the look before */
};

struct status {
    const struct cluster *cluster;
    struct arena *arena;
    const struct world *w;
    struct planner_view *view;
    struct planner_situation situation;
    struct record last_seen; /* the newest that an agent has seen; used when DNS does not respond */
    const char *last_seen_by;
    struct status_journal journal;
    struct status_writable writable;
    int64_t now_wall_ms;
    struct status_node nodes[CLUSTER_NODES_MAX]; /* as many as the look has */
    size_t ns_agree, ns_total;                   /* addresses of the zone's name servers */
    int64_t caches_clear_wall_ms;                /* 0: nothing to wait for */
    struct status_lines problems;                /* first the one that `next` is about */
    struct status_lines outstanding;             /* outstanding, but not urgent */
    struct status_lines changes;                 /* since the look before; a watch alone has them */
    struct status_lines recent;                  /* the last of them, with their time */
    const char *next;                            /* a command, or "" */
};

/* Pure over cl->config, world and journal; everything in the arena. */
void status_build(struct status *st, const struct cluster *cl, struct arena *a,
                  const struct world *w, const struct status_journal *j, int64_t now_wall_ms);
/* One look with all that belongs to it; everything in `a`. */
struct status *status_look(struct cluster *cl, struct arena *a);

/* The record as the zone's primary shows it, or NULL; … of a transition that is open. */
const struct record *status_record(const struct status *st);
const struct record *status_transition(const struct status *st);

/* What the journals know of `txn` ("" none); texts in the arena. */
void status_read_journals(const struct config *c, struct arena *a, const char *txn,
                          struct status_journal *ret);

/* status_changes.c: what a watch remembers of the look before. */
struct status_past;
struct status_past *status_past_new(void);
void status_past_free(struct status_past *p);
/* Fill st->changes, st->recent and `changed` of each node; then remember *st instead. */
void status_compare(struct status_past *p, struct status *st);
