/*
 * A few steps one after the other on the loop, without callbacks inside callbacks.
 *
 * The owner has a table of phases and a function that calls the n-th of them (so the phases take
 * the owner itself, not a void *). Each does its part and then calls sequence_next(), at once or
 * from a later callback; sequence_fail() and sequence_finish() skip the rest. `end` is called
 * exactly once, last, and may free the object that the sequence lives in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Calls phase `at` of its owner; false: there is none, all are done. */
typedef bool (*sequence_call_fn)(void *arg, size_t at);
typedef void (*sequence_end_fn)(void *arg, const struct err *e); /* e NULL: every phase is done */

struct sequence {
    sequence_call_fn call;
    sequence_end_fn end;
    void *arg;
    size_t at;
    enum { SEQUENCE_WAITING, SEQUENCE_READY, SEQUENCE_ENDED } state;
    bool running;
    struct err e;
};

void sequence_start(struct sequence *s, sequence_call_fn call, sequence_end_fn end, void *arg);
void sequence_next(struct sequence *s);
/* From the first phase on again: the caller bounds how often. */
void sequence_again(struct sequence *s);
void sequence_finish(struct sequence *s);
void sequence_fail(struct sequence *s, const struct err *e); /* e is copied */
/* The usual callback's end: go on, or fail with e. */
void sequence_next_or_fail(struct sequence *s, const struct err *e);
