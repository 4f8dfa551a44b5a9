/*
 * A status as tables: a row for each node; of one row, or of none, what there is once (alias,
 * record, transition, who can write); lists of lines. JSON and TSV are written from these, and the
 * table of nodes is the one on the screen.
 */
#pragma once

#include "controller/session/report.h"
#include "controller/status/status.h"

struct session;

enum status_table {
    TABLE_WRITABLE,
    TABLE_NODES,
    TABLE_ALIAS,
    TABLE_RECORD,
    TABLE_TRANSITION,
    TABLE_PROBLEMS,
    TABLE_OUTSTANDING,
    TABLE_CHANGES,
    STATUS_TABLES
};

/* In st->arena. Remedies name the session's configuration file. */
void status_tables(const struct session *s, const struct status *st,
                   struct report ret[STATUS_TABLES]);
