/* What can be typed: pgtandem-agent's verbs and options (verbs.c), as base/cli.h has them. */
#pragma once

#include <stdbool.h>

#include "base/cli.h"

struct config;

struct options {
    const char *config;
    bool cron_only, verbose;
    const char *argument; /* the word behind the verb, or NULL */
};

struct verb_row {
    struct cli_verb cli;
    bool without_config;
    int (*run)(struct config *c, const struct options *o); /* the exit status */
};

extern const struct cli commands; /* its rows are struct verb_row */
const struct verb_row *commands_row(const struct cli_verb *v);
