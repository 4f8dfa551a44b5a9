/*
 * The steps that a command would take as things were before its first change. The planner leaves
 * one out when its purpose has been achieved by other means (a promoted server makes its checkpoint
 * automatically): it is shown as skipped, with what was seen, so that the run can be compared with
 * its plan.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/decide/foresee.h"

struct run;

struct planned {
    bool taken;
    struct {
        enum step_id step;
        int node; /* -1 none or several */
        uint32_t nodes;
    } steps[FORESEEN_MAX];
    size_t n, next; /* those before `next` have run, or were said to be skipped */
};

/* Foresee them, once: right before the `first` step that changes something. */
void planned_take(struct run *r, const struct planner_move *first);
/* `m` is what comes now: what was planned before it, has not run and is achieved is skipped. */
void planned_skip(struct run *r, const struct planner_move *m);
