/*
 * Which WAL two nodes have in common, from what each says about itself. Pure.
 *
 * A timeline is its ID *and* its history: two standbys that are promoted from one parent both get
 * the parent's ID + 1, and diverge where their histories say (PostgreSQL, 26.3.5 Timelines).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct obs_fence;
struct obs_pg;

/* Its timeline: of a running server what it says, of a stopped one pg_control's newest. */
int64_t lineage_tli(const struct obs_pg *pg);

/* Where `tli` ended in the history of `pg`; false if it is not an ancestor there. */
bool lineage_end(const struct obs_pg *pg, int64_t tli, uint64_t *ret_end);

/* Is the timeline of `pg` the one of `other`, or an ancestor of it? Without a history file nothing
 * is proven: false. */
bool lineage_same(const struct obs_pg *pg, const struct obs_pg *other);

/* On the owner's line of WAL, and not past the place where the owner left its timeline: may it be
 * turned to the owner, or take its place? An owner that was never heard (NULL) leaves the record's
 * timeline as the only measure; 0: any. */
bool lineage_fits(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli);

/* Promoted by hand: its timeline is a branch of the owner's (or, of one that was never heard, of
 * the record's), which it left at *ret_at. What others have of that timeline up to there, it has
 * too. */
bool lineage_branched(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli,
                      uint64_t *ret_at);

/* What a node has beside the owner. "Beyond" is said only of what was measured: how far its WAL
 * goes is known of a running standby (replay), of a clean stop (the shutdown checkpoint) and of a
 * stop in recovery (the minimum recovery point). Of a primary that crashed only PostgreSQL knows,
 * once it has replayed what is there. */
enum lineage_kind {
    LINEAGE_UNMEASURED, /* not known yet, or one of the two cannot be compared */
    LINEAGE_INSIDE,     /* everything that it has is in the owner's history */
    LINEAGE_BEYOND,     /* it has WAL that the owner does not have */
};
struct lineage {
    enum lineage_kind kind;
    int64_t tli;    /* its timeline */
    uint64_t here;  /* its WAL reaches at least so far */
    uint64_t there; /* BEYOND: and so far it is the owner's too */
};

/* `fence` is the node's durable state: whether it has ever written as a primary. */
struct lineage lineage_measure(const struct obs_pg *pg, const struct obs_fence *fence,
                               const struct obs_pg *owner);
