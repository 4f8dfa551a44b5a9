/* `pgtandem-agent status`: this node alone, from its own files, its PostgreSQL and its crontab. No
 * network is needed: it is for the moment when the controller cannot be asked. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_state;
struct config;
struct node_obs;

/* 0: nothing needs attention; 10: something does (printed). */
int status_run(struct config *c);

/* The mark of a fence in words: since when, who set it, what the node was. */
void status_fence_text(const struct agent_state *s, char *ret_text, size_t bytes);

/* The agent's certificate; `days` as observed: -1, it has expired. */
void status_certificate_text(const struct config *c, int64_t until_s, int64_t days, char *ret_text,
                             size_t bytes);

/* Does it exit 10? `s` NULL: the state cannot be read. */
bool status_stands_out(const struct agent_state *s, const struct node_obs *o);
