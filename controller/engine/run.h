/*
 * One moving command while it runs: what it knows (world, view with the planner's marks), what it
 * writes (journal) and shows (progress), and what it will say at the end.
 *
 * engine.c drives it, ops*.c act, summary.c reports. The view is rebuilt after every answer; the
 * marks in it are changed by planner_note and planner_wrote alone, except for the two that a person
 * gives.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "controller/cluster/observe.h"
#include "controller/decide/planner.h"
#include "controller/engine/planned.h"
#include "controller/engine/progress.h"
#include "controller/engine/trace.h"
#include "controller/session/session.h"

struct journal;
struct rehearse;
struct plan;

enum { RUN_STEPS_MAX = 96 };

/* One step as it went, for the summary. */
struct run_step {
    enum step_id step;
    int node;                     /* -1 none or several */
    int64_t started_ms, ended_ms; /* monotonic */
    bool done, skipped;
};

struct run {
    bool adopt; /* the order's */
    struct session *session;
    struct world world;
    struct planner_view view;  /* with the marks of this run */
    struct record known;       /* the last record read or written; epoch 0 none */
    int64_t evidence_shown_ms; /* world.evidence.began_ms of what has been shown to the person */
    uint32_t seen_writable;    /* bit per node: the latest evidence */
    struct {
        uint64_t lsn;    /* the last WAL position that anybody knows of it */
        int64_t wall_ms; /* when; 0 unknown */
        int64_t heard_wall_ms[CLUSTER_NODES_MAX]; /* by this witness, our clock; 0 unknown */
    } last_seen[CLUSTER_NODES_MAX];
    struct rehearse *rehearsal; /* begun with the first look, when the primary is lost */
    struct journal *journal;    /* NULL until something is about to change */
    uint64_t announced;         /* bit per step: a durable intent of this run covers it */
    json_t *before;             /* steps before the journal was opened; NULL none */
    struct trace trace;         /* of the step that runs */
    const char *step;           /* its name; "" none */
    struct progress progress;
    const struct plan *plan; /* --plan: refused where it is not as it was; or NULL */
    const char *reason;
    char txn[TXN_BYTES];
    /* the primary when this command, or the transition that it continues, began ("" unknown), and
     * the node that is to become it ("" none) */
    char from[NODE_NAME_BYTES], to[NODE_NAME_BYTES];
    int64_t began_wall_ms, began_ms;
    struct run_step steps[RUN_STEPS_MAX];
    size_t n_steps;
    int64_t
        outage_began_ms; /* the stop of the old primary was asked for; 0 never. It may lie before
                                this command: then as the old primary's agent keeps it */
    bool outage_unknown; /* it was, but not when */
    bool outage_lost;    /* it began with the loss of the old primary: when that was last heard */
    int64_t outage_ended_ms; /* the new (or old) primary committed a write; 0 never */
    struct planned planned;
    struct err last_error; /* of the last step that failed */
};

/* What an act came to, node by node (index -1 is stored at [CLUSTER_NODES_MAX]). */
struct op_result {
    enum planner_outcome outcome[CLUSTER_NODES_MAX + 1];
    uint32_t refused; /* bit per node: it said no, and not for want of time */
    struct err e;     /* the first thing that went wrong */
    char detail[400]; /* what was observed, for progress and journal */
    /* Adds to the detail what the node of the move is; called with the last look that was taken of
     * it, which comes after the act's return when a request had no answer. NULL: nothing. */
    void (*describe)(const struct run *r, const struct planner_move *m, struct op_result *res);
};

/* Rebuild run->view from run->world. */
void run_look(struct run *r);

/* Looks again at `what` (enum observe bits, DNS among them): is the record of a later epoch now? */
bool run_newer_record(struct run *r, unsigned what);

const char *run_node_name(const struct run *r, int node); /* "" for -1 */
