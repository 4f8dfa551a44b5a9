/*
 * The verb `inspect`: facts for preflight and plan (proto/inspect.h). They are collected by a
 * process of its own, `pgtandem-agent inspect`: a file system that hangs, or a database with many
 * catalogs, costs that process, never the agent; and an idle agent has none of its memory.
 */
#pragma once

#include <stdint.h>

struct agent;
struct config;
struct err;

enum { INSPECT_MS = 1000 }; /* of one inspection, unless the asker has less time */

/* `json` is one line; valid in the callback only. */
typedef void (*inspect_fn)(void *arg, const char *json, const struct err *e);
/* Run `pgtandem-agent inspect` for at most so long; calls back once. */
void inspect_ask(struct agent *g, int64_t timeout_ms, inspect_fn fn, void *arg);

/* The verb itself: collects for about so long, prints, gives the exit status. */
int inspect_run(struct config *c, int64_t timeout_ms);
