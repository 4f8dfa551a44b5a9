/*
 * OBSERVE: PostgreSQL and crontab looked at together, and the durable state beside them. Every
 * answer of an agent carries one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct agent;
struct node_obs;

/* A whole observation of this node, within about `timeout_ms`. */
typedef void (*observe_fn)(void *arg, const struct node_obs *obs);
void observe_node(struct agent *g, int64_t timeout_ms, bool fresh_cron, observe_fn fn, void *arg);
