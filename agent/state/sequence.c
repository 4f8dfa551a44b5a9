#include "agent/state/sequence.h"

#include <assert.h>

/* Phases that complete at once are called from this loop, not from one another: the stack stays
 * flat and `end` runs when no phase is on it. */
static void run_phases(struct sequence *s)
{
    if (s->running)
        return;
    s->running = true;
    while (s->state == SEQUENCE_READY) {
        s->state = SEQUENCE_WAITING;
        if (!s->call(s->arg, s->at++))
            s->state = SEQUENCE_ENDED;
    }
    s->running = false;
    if (s->state == SEQUENCE_ENDED)
        s->end(s->arg, s->e.code ? &s->e : NULL);
}

void sequence_start(struct sequence *s, sequence_call_fn call, sequence_end_fn end, void *arg)
{
    *s = (struct sequence){.call = call, .end = end, .arg = arg, .state = SEQUENCE_READY};
    run_phases(s);
}

void sequence_next(struct sequence *s)
{
    assert(s->state == SEQUENCE_WAITING);
    s->state = SEQUENCE_READY;
    run_phases(s);
}

void sequence_again(struct sequence *s)
{
    assert(s->state == SEQUENCE_WAITING);
    s->at = 0;
    s->state = SEQUENCE_READY;
    run_phases(s);
}

void sequence_finish(struct sequence *s)
{
    assert(s->state == SEQUENCE_WAITING);
    s->state = SEQUENCE_ENDED;
    run_phases(s);
}

void sequence_fail(struct sequence *s, const struct err *e)
{
    assert(e->code < 0);
    s->e = *e;
    sequence_finish(s);
}

void sequence_next_or_fail(struct sequence *s, const struct err *e)
{
    if (e)
        sequence_fail(s, e);
    else
        sequence_next(s);
}
