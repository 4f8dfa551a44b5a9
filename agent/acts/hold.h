/*
 * A held node looks again (docs/protocol.md, section 6): the guard's table, while the agent runs.
 * A row that allows it makes the node writable on the same timeline, cron then as last commanded;
 * a row that names another owner fences it. Also for a node that kept running but whose crontab
 * the guard had to turn off: it comes on again when the table says so. Nothing here ever
 * promotes.
 */
#pragma once

struct agent;
struct hold;

struct hold *hold_new(struct agent *g);
void hold_free(struct hold *h);

/* Look again now, unless a look is under way. */
void hold_consider(struct hold *h);
