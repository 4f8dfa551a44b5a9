/*
 * How each step is carried out: one act for each step id. An act sends, waits under its deadline
 * and fills op_result; whether the step is achieved is then asked of the view (steps[].achieved),
 * never of the act.
 *
 * ops_dns.c   the steps that are one UPDATE of alias and record
 * ops_node.c  the steps that are one request to one or several agents
 * ops_ask.c   the steps before anything is held: preflight, loss statement
 * ops_evidence.c  what everybody sees of a lost node, before and while its watch has its time
 */
#pragma once

#include "controller/decide/planner.h"
#include "controller/engine/run.h"

typedef void (*op_fn)(struct run *r, const struct planner_move *m, struct op_result *res);

extern const op_fn ops[STEP_COUNT]; /* by step id; every step that the planner hands out has one */

void op_record(struct run *r, const struct planner_move *m, struct op_result *res); /* ops_dns.c */
void op_ask_dns(struct run *r, const struct planner_move *m, struct op_result *res);
void op_preflight(struct run *r, const struct planner_move *m,
                  struct op_result *res); /* ops_ask.c */
void op_loss(struct run *r, const struct planner_move *m, struct op_result *res);
/* Asks the others about the node that a refusal is about, if it does not respond and they have not
 * been asked; true: they were, and the view is new. */
bool op_evidence_for_refusal(struct run *r, const struct planner_move *m);
void op_evidence(struct run *r, const struct planner_move *m,
                 struct op_result *res); /* ops_evidence.c */
