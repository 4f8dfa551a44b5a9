#include "agent/postgres/pgrehearsal.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

static void on_done(void *arg, const struct err *e)
{
    struct rehearsal_answer *a = arg;

    (void)e; /* what happened is in a->r */
    a->fn(a->arg, &a->r);
    mem_free(a);
}

void pgrehearsal_release(struct pgop *op)
{
    if (op->fn) /* dropped without a callback */
        mem_free(((struct pgrehearsal *)op)->answer);
}

void *pgrehearsal_new(struct postgres *p, size_t bytes, enum rehearsal_kind kind,
                      int64_t timeout_ms, pgop_step_fn begin, rehearsal_fn fn, void *arg)
{
    struct rehearsal_answer *a = mem_alloc(sizeof(*a));
    struct pgrehearsal *o = pgop_new(p, bytes, "rehearse", timeout_ms, on_done, a);

    a->fn = fn;
    a->arg = arg;
    a->r.kind = (int)kind;
    o->answer = a;
    o->started_ms = clock_mono_ms();
    o->op.release = pgrehearsal_release;
    pgop_after(&o->op, 0, begin);
    return o;
}

void pgrehearsal_end(struct pgrehearsal *o, enum rehearsal_verdict verdict, const char *remedy,
                     const char *fmt, ...)
{
    struct rehearsal *r = &o->answer->r;
    va_list args;

    va_start(args, fmt);
    vsnprintf(r->said, sizeof(r->said), fmt, args);
    va_end(args);
    r->verdict = (int)verdict;
    STR_COPY(r->remedy, remedy);
    r->elapsed_ms = clock_mono_ms() - o->started_ms;
    pgop_end(&o->op, NULL);
}
