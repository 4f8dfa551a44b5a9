/*
 * Preflight: everything that is looked at before a command may begin, as a table of checks. Each
 * reports the value that it measured, the threshold, the verdict, and the remedy as a command to
 * type. Unknown is not false: a check that lacks a fact which it needs gives no verdict.
 *
 * Pure over (configuration, options, world): the caller has looked (world_observe with agents, DNS
 * and survey). A check is severe, a warning or off, for planned and unplanned moves apart;
 * configuration changes that ([check NAME]), `--ignore NAME` turns one block into a warning. What
 * protects against two primaries can be neither ignored nor configured away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "controller/cluster/config.h"

struct err;
struct session;
struct world;

enum preflight_kind { PREFLIGHT_PLANNED, PREFLIGHT_UNPLANNED };

struct preflight_result {
    const char *name;
    enum severity severity; /* what a failure means here: block or warn */
    bool ok;                /* passed */
    bool unchecked;         /* neither passed nor failed: `measured` says what was not known */
    bool ignorable;
    bool ignored; /* by --ignore: it failed and does not block */
    char measured[320];
    char threshold[120];
    char remedy[240]; /* "" when it did not fail */
};

struct preflight {
    struct preflight_result results[128];
    size_t n;
    size_t blocking; /* failed, severity block, not ignored */
    size_t warnings; /* failed, but not blocking */
    size_t unchecked;
};

/* Run every check that is not off. `from` is the owner (-1 unknown), `to` the target: indices of
 * config.nodes. Pure. */
void preflight_run(struct session *s, const struct world *w, enum preflight_kind kind, int from,
                   int to, struct preflight *ret);

/* On standard output, in the session's format. */
void preflight_print(struct session *s, const struct preflight *p, bool only_problems);

const char *preflight_name(size_t i);         /* of each check, in order; NULL: no more */
const char *preflight_what(const char *name); /* one line for a person; "" for an unknown name */
/* ERR_CONFIG for a [check NAME] that is none. */
int preflight_check_names(const struct config *c, struct err *reterr);
/* ERR_USAGE for an --ignore that names no check, or one that cannot be ignored. */
int preflight_check_ignores(const struct session *s, struct err *reterr);
/* ERR_PREFLIGHT with the first blocking check in words, or 0. */
int preflight_verdict(const struct preflight *p, struct err *reterr);
