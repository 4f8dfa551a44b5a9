/*
 * What a moving command says at its beginning and at its end: outcome, outage as seen, the handover
 * certificate, what is outstanding; the same facts go into the journal's `end` and, with -f json,
 * into one JSON object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* How long no node could write, %s, and between what. */
#define SUMMARY_OUTAGE_STOP "%s, from the stop request to the first committed write"
#define SUMMARY_OUTAGE_HEARD                                                                       \
    "at most %s, from when a standby last heard from the lost primary to the first committed "     \
    "write"

struct planner_move;
struct run;

/* When an open transition is continued: since when has no one been able to write? As the old
 * primary's agent recorded it; else it is unknown. */
void summary_outage_before(struct run *r);
void summary_opening(struct run *r);
void summary_closing(struct run *r, const struct planner_move *m);

/* DNS answered, and it decides nothing (a wrong key, say): that is not silence. */
bool summary_dns_refused(const struct run *r, const struct planner_move *m);
/* The planner's last word as a sentence. */
void summary_reason(const struct run *r, const struct planner_move *m, char *ret_text,
                    size_t bytes);
