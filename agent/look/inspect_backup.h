/* The newest backup, as the agent's configuration says where to look: [backup] dir, or
 * newest_command, which prints a time and a place. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/field.h"
#include "proto/inspect.h"

struct loop;

struct backup_config {
    char dir[256];
    char newest_command[256];
    int64_t timeout_ms; /* of the command */
};
extern const struct field_table backup_config_table;

/* One question to the command, beside what else the loop does. */
struct backup_ask {
    struct inspect *i;
    const char *node;
    bool done;
};
/* Sets done at once if there is nothing to ask. `ask` and `i` must stay until then. */
void backup_ask_start(struct loop *l, const struct backup_config *c, const char *node,
                      struct inspect *i, struct backup_ask *ask);
/* The newest file in `dir`, if the configuration has one: may block. */
void backup_look(const struct backup_config *c, const char *node, struct inspect *i);
