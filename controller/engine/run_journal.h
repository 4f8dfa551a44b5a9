/*
 * What a moving command writes down: who and why and what was seen when it began; each step's
 * intent, on disk before the act; each step's result, with its trace (controller/engine/trace.h).
 * The summary writes the end.
 *
 * The journal is opened when something is about to change. What was looked at and said before, the
 * preflight for one, is kept until then and written first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct op_result;
struct planner_move;
struct run;

int run_journal_open(struct run *r, struct err *reterr);
void run_journal_intent(struct run *r, const struct planner_move *m);
/* `started_ms`: monotonic. Takes the run's trace. */
void run_journal_result(struct run *r, const struct planner_move *m, bool ok, int64_t started_ms,
                        const struct op_result *res);
/* A step of the plan that is not needed, and why; it has no intent. */
void run_journal_skipped(struct run *r, const struct planner_move *m, const char *why);
/* Also what was kept and never written. */
void run_journal_close(struct run *r);
