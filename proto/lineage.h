/*
 * Whose WAL is whose, from what two nodes tell of themselves. Pure.
 *
 * A timeline is its number *and* its history: two standbys that are promoted from one parent both
 * get the parent's number + 1, and part where their histories say (PostgreSQL, 26.3.5 Timelines).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct obs_pg;

/* Its timeline: of a running server what it says, of a stopped one pg_control's. */
int64_t lineage_tli(const struct obs_pg *pg);

/* Where `tli` ended in the history of `pg`; false if it is not an ancestor there. */
bool lineage_end(const struct obs_pg *pg, int64_t tli, uint64_t *ret_end);

/* Is the timeline of `pg` the one of `other`, or an ancestor of it? Without a history file nothing
 * is proven: false. */
bool lineage_same(const struct obs_pg *pg, const struct obs_pg *other);
