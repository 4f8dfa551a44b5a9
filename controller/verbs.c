/* The table of verbs: what `--help` lists and main runs. */
#include "controller/verbs.h"

#include "controller/cli.h"

enum {
    LOOKS = NEEDS_CONFIG | NEEDS_AGENTS | NEEDS_DNS,
    MOVES = TAKES_REASON | TAKES_YES | TAKES_DRY_RUN | TAKES_FORMAT,
    EDITS = TAKES_REASON | TAKES_YES | TAKES_DRY_RUN,
};

const struct verb_row verb_rows[] = {
    {.name = "version", .args = "", .summary = "the program's version", .run = verb_version},
    {.name = "config check", .args = "", .summary = "read configuration, key and certificates",
     .needs = LOOKS, .run = verb_config_check},
    {.name = "config sample", .args = "", .summary = "print a commented configuration",
     .run = verb_config_sample},
};
const size_t n_verb_rows = sizeof(verb_rows) / sizeof(verb_rows[0]);
