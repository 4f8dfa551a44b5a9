/*
 * What a server reports to its owner about the peers that it refused. Whoever can reach the port
 * could fill a log: of each kind the first REFUSALS_TOLD in a minute are reported as they come, the
 * others are counted and reported in one line when the minute is over. A kind is what a message
 * begins with, up to its first number, quotation or colon: a flood of one kind hides none of
 * another.
 */
#pragma once

#include "proto/rpc.h"

struct err;
struct loop;
struct refusals;

enum { REFUSALS_TOLD = 5, REFUSALS_MINUTE_MS = 60000, REFUSALS_KINDS = 16 };

/* `log` may be NULL. `minute_ms`: 0 for a minute */
struct refusals *refusals_new(struct loop *l, int64_t minute_ms, rpc_log_fn log, void *arg);
void refusals_free(struct refusals *r); /* reports what is still counted */
void refusals_tell(struct refusals *r, const struct err *e, const char *address);
