/*
 * A few steps one after the other on the loop, without callbacks inside callbacks.
 *
 * A sequence is an array of phase functions. Each does its part and then calls sequence_next(),
 * at once or from a later callback; sequence_fail() and sequence_finish() skip the rest. `end` is
 * called exactly once, last, and may free the object that the sequence lives in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

typedef void (*sequence_phase_fn)(void *arg);
typedef void (*sequence_end_fn)(void *arg, const struct err *e); /* e NULL: every phase is done */

struct sequence {
    const sequence_phase_fn *phases; /* NULL-terminated, static */
    sequence_end_fn end;
    void *arg;
    size_t at;
    enum { SEQUENCE_WAITING, SEQUENCE_READY, SEQUENCE_ENDED } state;
    bool running;
    struct err e;
};

void sequence_start(struct sequence *s, const sequence_phase_fn *phases, sequence_end_fn end,
                    void *arg);
void sequence_next(struct sequence *s);
/* From the first phase on again: the caller bounds how often. */
void sequence_again(struct sequence *s);
void sequence_finish(struct sequence *s);
void sequence_fail(struct sequence *s, const struct err *e); /* e is copied */
/* The usual callback's end: go on, or fail with e. */
void sequence_next_or_fail(struct sequence *s, const struct err *e);
