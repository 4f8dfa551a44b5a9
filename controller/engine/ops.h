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

/* One request to every node of `mask`, answers into the world, outcomes into *res. `fill` adds the
 * verb's own arguments for a node, with `arg`; may be NULL. Returns how many answered yes. */
typedef void (*ops_fill_fn)(struct run *r, size_t node, struct request *q, const void *arg);
size_t ops_call(struct run *r, uint32_t mask, enum verb verb, int64_t timeout_ms, ops_fill_fn fill,
                const void *arg, struct op_result *res);

/* Look again and again until `holds` for the node, or `timeout_ms` has passed (false); sooner
 * (false too) when a node that is looked at does not respond any more: world.nodes[].answered says
 * so. */
typedef bool (*ops_holds_fn)(const struct run *r, size_t node);
bool ops_until(struct run *r, size_t node, ops_holds_fn holds, int64_t timeout_ms);
/* … at all `nodes` (a bit for each) in each round. */
bool ops_until_all(struct run *r, uint32_t nodes, size_t node, ops_holds_fn holds,
                   int64_t timeout_ms);

/* Run the loop for a while (the loop goes on serving connections). */
void ops_pause(struct run *r, int64_t ms);

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
