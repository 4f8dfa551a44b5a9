/*
 * What an act had to run on this host: each child with its command, how it ended, and the end of
 * what it printed. It goes back with the reply, into the controller's journal: whoever looks later
 * for why a start failed finds what the start command said.
 *
 * Bounded. A crontab's text is never kept, only what crontab(1) said of a failure.
 */
#pragma once

#include <stdint.h>

#include "proto/messages.h"

struct child_result;

enum { RAN_OUTPUT_BYTES = 768 };

struct ran_log {
    struct ran list[RAN_MAX]; /* `output` is set by ran_fill */
    char output[RAN_MAX][RAN_OUTPUT_BYTES];
    size_t n;
};

/* A child that has ended; `output` "" keeps none. `l` NULL: not recorded. Beyond RAN_MAX the last
 * one is replaced. */
void ran_child(struct ran_log *l, const char *command, const struct child_result *r,
               const char *output);
/* A server that runs on, or (`status` >= 0) has ended. */
void ran_server(struct ran_log *l, const char *command, int status, int64_t ms, const char *output);
/* Into the reply; the log must outlive it. */
void ran_fill(struct ran_log *l, struct reply *reply);
