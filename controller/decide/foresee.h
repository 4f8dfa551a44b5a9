/*
 * What a command would do from here on, if every step went well: the planner itself is asked for
 * one step after the other, and instead of acting the step's effect is entered into the view. So a
 * plan is never a second list beside the engine's: it is what planner_next says.
 *
 * Foreseen as well: where the point of no return lies, and the way back from right before it.
 *
 * Pure, as the planner is.
 */
#pragma once

#include "controller/decide/planner.h"

enum { FORESEEN_MAX = 48 };

struct foreseen_step {
    enum step_id step;
    int node;                    /* -1 none */
    uint32_t nodes;              /* bit per node that it is sent to; 0 none */
    struct record before, after; /* the ownership record around it */
    bool no_return;              /* once this has been done the only way is forward */
    bool if_needed; /* the node may get there automatically; then the engine omits it */
};

struct foresight {
    struct foreseen_step steps[FORESEEN_MAX];
    size_t n;
    struct planner_move end; /* the planner's last word: done, or why it stops */
    struct planner_view
        after; /* the cluster as it will be: what is outstanding, what each node follows */
    int upstream[CLUSTER_NODES_MAX]; /* index of the node that each receives WAL from; -1 none */
    struct foreseen_step back[FORESEEN_MAX]; /* from right before the point of no return */
    size_t n_back;
    struct planner_move back_end;
};

/* Only the planner's last word; true: something would have been changed before it. */
bool foresee_end(const struct planner_view *now, struct planner_move *ret_end);

/* `now` with its marks; `upstream` as in struct foresight, today. */
void foresee(const struct planner_view *now, const int upstream[CLUSTER_NODES_MAX],
             struct foresight *ret);
