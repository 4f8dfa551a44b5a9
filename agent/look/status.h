/* `pgtandem-agent status`: this node alone, from its own files, its PostgreSQL and its crontab. No
 * network is needed: it is for the moment when the controller cannot be asked. */
#pragma once

#include <stddef.h>

struct agent_state;
struct config;

/* 0: nothing stands out; 10: something does (printed). */
int status_run(struct config *c);

/* The mark of a fence in words: since when, by whom, what the node was. */
void status_fence_text(const struct agent_state *s, char *ret_text, size_t bytes);
