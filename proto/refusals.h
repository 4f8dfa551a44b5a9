/*
 * What a server tells its owner of the peers that it refused: at most one line a second, however
 * many there are. What was left out is counted and told when the second is over.
 */
#pragma once

#include "proto/rpc.h"

struct err;
struct loop;
struct refusals;

struct refusals *refusals_new(struct loop *l, rpc_log_fn log, void *arg); /* `log` may be NULL */
void refusals_free(struct refusals *r);
void refusals_tell(struct refusals *r, const struct err *e, const char *address);
