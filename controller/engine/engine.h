/*
 * The engine: look, ask the planner, journal the intent, act, look, note, journal the result —
 * until the planner says done or stop. It knows no transition: which step comes next, forward or
 * back, is the planner's business, how a step is done is ops.c's.
 *
 *          +--> planner_next --STEP--> intent -> act -> look -> planner_note -> result --+
 *          |         |                                                                   |
 *          |     DONE, STOP -> end -> summary                                            |
 *          +-----------------------------------------------------------------------------+
 *
 * The program may be killed between any two of these and resumed from any controller: safety lives
 * in the ownership record and in the agents (docs/protocol.md). After the first step that changes
 * something a closed terminal changes nothing: the command runs to its end, into the journal.
 */
#pragma once

#include "controller/decide/planner.h"

struct err;
struct journal;
struct plan;
struct session;

struct engine_order {
    bool adopt; /* `dns init`: a standby that streams goes on as it does, from whomever */
    enum planner_command command;
    const char *to;          /* NODE, or NULL */
    int64_t given_epoch;     /* the record's when a person was asked before; 0: no one was asked */
    bool rejoin;             /* a switchover takes the old primary back as a standby at its end */
    const struct plan *plan; /* a saved one that it must still be as; or NULL */
    /* go on in this journal, under its transition's id: the command has written to it already. The
     * engine closes it. NULL: its own, once something is about to change */
    struct journal *journal;
    const char *txn;
};

/* Carry out one command from its first look to its summary. 0, or an error whose exit status is the
 * program's. */
int engine_run(struct session *s, const struct engine_order *order, struct err *reterr);
