/* The newest backup, as the agent's configuration says where to look: [backup] dir, or
 * newest_command, which prints a time and a place. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/inspect.h"

struct config_backup; /* agent/node/config.h */
struct loop;

/* One question to the command, beside what else the loop does. */
struct backup_ask {
    struct inspect *i;
    const char *node;
    bool done;
};
/* Sets done at once if there is nothing to ask. `ask` and `i` must stay until then. */
void backup_ask_start(struct loop *l, const struct config_backup *c, const char *node,
                      struct inspect *i, struct backup_ask *ask);
/* The newest file in `dir`, if the configuration has one: may block. */
void backup_look(const struct config_backup *c, const char *node, struct inspect *i);
