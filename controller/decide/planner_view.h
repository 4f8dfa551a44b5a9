/*
 * What steps and planner ask of a view, in the words of docs/protocol.md. Internal to the two.
 *
 * A is the owner before the transition, B its target. "heard" is an answer given after this epoch's
 * compare-and-swap: it holds even if the node does not respond now, since only the holder of the
 * epoch can have changed it. "answers" is the latest look.
 */
#pragma once

#include "controller/decide/planner.h"

static inline uint32_t planner_bit(int node)
{
    return node < 0 ? 0 : 1U << node;
}

static inline bool planner_done(const struct planner_view *v, enum step_id s)
{
    return v->marks.done & step_bit(s);
}

static inline bool planner_failed(const struct planner_view *v, enum step_id s)
{
    return v->marks.failed & step_bit(s);
}

static inline bool planner_state_is(const struct planner_view *v, enum register_state s)
{
    return v->d.state == (int)s;
}

int planner_first(uint32_t nodes); /* lowest index in the mask, -1 */

/* The record in the view is the last that this run wrote. */
bool planner_holds(const struct planner_view *v);
int planner_old(const struct planner_view *v);
int planner_target(const struct planner_view *v); /* -1 at stable and undo */
/* owner and from without `target`: whoever may be writable beside it */
uint32_t planner_suspects(const struct planner_view *v, int target);

bool planner_answers(const struct planner_view *v, int node);
bool planner_heard(const struct planner_view *v, int node);
bool planner_writable(const struct planner_view *v, int node); /* answers and is writable */
bool planner_standby(const struct planner_view *v,
                     int node); /* answers, in recovery, neither held nor fenced off */
/* A standby that may be turned to the owner: it does not stream from it and its WAL is the owner's.
 * One on a line of WAL of its own would overwrite that with the owner's. */
bool planner_not_following(const struct planner_view *v, int node);
bool planner_fenced(const struct planner_view *v,
                    int node); /* durably; a rejoined standby counts */
/* Fenced, but PostgreSQL has not ended: it is still stopping, or processes have outlived their
 * postmaster. Another FENCE goes on with it. */
bool planner_fence_unfinished(const struct planner_view *v, int node);
/* Answers, but is held, stopped or in recovery without a fence, or its fence is not finished
 * (section 7): FENCE it. */
bool planner_unfenced(const struct planner_view *v, int node);
/* Said, at this epoch, what rule W asks for. */
bool planner_known_not_writable(const struct planner_view *v, int node);
/* G2 or G3 in the record, for a node that does not respond. */
bool planner_graded(const struct planner_view *v, int node);
/* suspects that do not answer now and have not said at this epoch that they cannot write; … and
 * that somebody else sees writable */
uint32_t planner_silent(const struct planner_view *v, int target);
uint32_t planner_seen_writable(const struct planner_view *v, int target);
/* This run cut its power (G2), or a person typed its name (G3). */
bool planner_confirmed(const struct planner_view *v, int node);
/* Can be given the role back: writable, or fenced or held as the primary that it was. */
bool planner_can_return(const struct planner_view *v, int node);
/* Has said "fenced" (and nothing runs there that could write) or "in recovery": `from` may forget
 * it. */
bool planner_from_may_lose(const struct planner_view *v, int node);
/* Has it yet to say what it is, before the record that closes or takes over may forget it? */
bool planner_stays_in_from(const struct planner_view *v, const struct register_from *f);
/* Answers, but is held, stopped or in recovery without a fence (section 7): one at a time, since
 * FENCE is no fan-out. UNFENCE needs rule W, so those that the owner's word does not cover. */
uint32_t planner_unfenced_others(const struct planner_view *v);
/* Fenced or held, whether it runs or not. */
/* A process is there, without a mark, and it does not say what it is: starting, or too busy. */
bool planner_unknown(const struct planner_view *v, int node);
bool planner_marked(const struct planner_view *v, int node);
bool planner_revoked(const struct planner_view *v, int node);
/* Nobody but the owner has jobs on, as far as section 4, row CRON_ON, asks. */
bool planner_cron_clear(const struct planner_view *v);
/* B has the most WAL of those that answer; … the right history and a timeline ID no one has
 * used. */
bool planner_most_wal(const struct planner_view *v, int node);
bool planner_timeline_fits(const struct planner_view *v, int node);
uint64_t planner_wal(const struct planner_node *n); /* received or replayed */
bool planner_verified(const struct planner_view *v, int a,
                      int b); /* strictly past the shutdown checkpoint */
/* Claim: B streams from A, as both say, and lacks next to nothing of what A had at that look. */
bool planner_caught_up(const struct planner_view *v);
bool planner_flip_ready(const struct planner_view *v);
bool planner_back(const struct planner_view *v); /* the way is back */

/* Tables: first match. A row matches when `when` (NULL: always) holds and `nodes` (NULL: it is
 * about none) gives at least one. */
struct planner_row {
    const char *text;
    bool (*when)(const struct planner_view *v);
    uint32_t (*nodes)(const struct planner_view *v);
    enum step_id step; /* STEP_NONE: the command ends here */
    enum planner_reason reason;
    int exit_code;
};
/* The rows for where the record and this run stand; terminated by a row without text. */
const struct planner_row *planner_rows(const struct planner_view *v,
                                       bool back);                          /* an open transition */
const struct planner_row *planner_entry_rows(const struct planner_view *v); /* nothing held yet */
const struct planner_row *
planner_stable_rows(const struct planner_view *v); /* stable, for all commands */
/* `unfence` while the zone's primary does not respond and another server shows d; NULL: not so. */
const struct planner_row *planner_word_rows(const struct planner_view *v);

#define PLANNER_STEP(text, when, nodes, step)                                                      \
    {                                                                                              \
        text, when, nodes, step, WHY_NONE, 0                                                       \
    }
#define PLANNER_END(text, when, nodes, reason, code)                                               \
    {                                                                                              \
        text, when, nodes, STEP_NONE, reason, code                                                 \
    }
