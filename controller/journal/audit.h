/*
 * The audit: are all journals whole, and does each follow the one before it?
 *
 * What it proves: as long as the newest record's hash is known from elsewhere (a ticket, a mail),
 * no record before it has been changed, removed or inserted. What it cannot detect: someone with
 * write access to the directory can remove the newest files, or change one record and recompute
 * everything after it. Against that, a hash that was noted is looked for (`from`): it is there only
 * if nothing before it was changed.
 *
 * Not a fault: a torn last line that the next journal does not know of either (a crash cut it), and
 * a journal without its `end` (the command died, or is at work).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/journal/journal.h"

struct arena;
struct err;

struct audit_finding {
    bool fault;       /* false: only worth knowing */
    const char *path; /* of the journal; "" none */
    const char *text; /* with the line, where it is about one */
};

struct audit {
    size_t files, records; /* that were judged */
    struct audit_finding *findings;
    size_t n_findings, n_faults;
    char first_prev[JOURNAL_HASH_BYTES]; /* what the oldest record follows; zeros: nothing */
    char newest[JOURNAL_HASH_BYTES];     /* hash of the newest record; "" none */
    const char *newest_path;
    int64_t newest_n, newest_wall_ms;
};

/* Look at all of them. `from` (NULL: the very beginning): a record's hash or at least 12 digits of
 * one; what is before that record is not judged. All is in the arena. ERR_INVALID when no
 * record has that hash, ERR_USAGE when it is none; faults are no error here. */
int audit_run(const char *directory, const char *from, struct arena *a, struct audit *ret_audit,
              struct err *reterr);
