/*
 * The agent's own reading of D while it runs (docs/protocol.md, section 2): carries out a
 * transition that an administrator commanded, where the command could not reach this node.
 * Silence never stops anything. Configured off it still remembers what D says, but never acts on
 * it.
 *
 * It also gives the hold its turns, and looks now and then whether the crontab is still as
 * commanded.
 */
#pragma once

struct agent;
struct watch;

struct watch *watch_new(struct agent *g);
void watch_free(struct watch *w);
