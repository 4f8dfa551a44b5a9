/* Inside of agent/postgres/postgres.h: an operation that ends with a verdict. */
#pragma once

#include "agent/postgres/pgop.h"

/* outlives the operation: the callback's argument is in it */
struct rehearsal_answer {
    rehearsal_fn fn;
    void *arg;
    struct rehearsal r;
};

/* A rehearsal is a struct that starts with this one. */
struct pgrehearsal {
    struct pgop op;
    int64_t started_ms;
    struct rehearsal_answer *answer;
};

/* `bytes`: of the struct that begins with the pgrehearsal. `begin` runs from the loop. */
void *pgrehearsal_new(struct postgres *p, size_t bytes, enum rehearsal_kind kind,
                      int64_t timeout_ms, pgop_step_fn begin, rehearsal_fn fn, void *arg);
/* Its op.release; one of its own calls it. */
void pgrehearsal_release(struct pgop *op);
/* Calls back with the verdict and frees. */
void pgrehearsal_end(struct pgrehearsal *o, enum rehearsal_verdict verdict, const char *remedy,
                     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
