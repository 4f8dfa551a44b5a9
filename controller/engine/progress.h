/*
 * What a moving command shows while it moves: one line a step. On a terminal the running step is
 * shown at once and completed in place; elsewhere each finished step is one plain line; with
 * `-f json` one JSON object a line, with `-f tsv` one line of fields. Everything shown here is in
 * the journal too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct session;
struct trace;

enum progress_result { PROGRESS_OK, PROGRESS_FAILED, PROGRESS_SKIPPED, PROGRESS_DECLINED };

struct progress {
    struct session *session;
    struct trace *trace; /* what is said between the steps; NULL: nowhere */
    char name[24];       /* of the step that runs; "" none */
    char node[32];
    int64_t started_ms; /* monotonic */
};

void progress_init(struct progress *p, struct session *s, struct trace *trace);
/* A step begins; `node` may be "". */
void progress_begin(struct progress *p, const char *name, const char *node);
/* What the running step waits for, on a terminal only ("replay is 12 kB behind"). */
void progress_waiting(struct progress *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Room for something else than the running step: its line is taken away until it ends. */
void progress_clear(struct progress *p);
/* It ended; `detail` says what was observed (or why it failed). */
void progress_end(struct progress *p, enum progress_result result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A sentence between the steps. */
void progress_say(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
