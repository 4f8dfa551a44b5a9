/*
 * What the words of docs/protocol.md mean, shared by the verbs (rules.c) and by guard and watch
 * (rules_guard.c). Internal to the two.
 */
#pragma once

#include "agent/decide/rules.h"

/* A fence that forbids even a standby: all but the one that rejoin left. */
bool rules_blocked(const struct agent_state *s);
/* flip and stable name for good who the owner is; in claim and seize it is still the old one. */
bool rules_settled_on_another(const struct record *d, const char *node);
/* Writable, or stopped as a primary stops (or cannot be asked). A standby that has lost its signal
 * file would come up writable too, but was none: pg_control shows it. */
bool rules_was_primary(const struct agent_state *s, const struct facts *f);
/* The timeline that recovery would end on. pg_control alone is not enough: until the checkpoint
 * after a promotion it still shows the old one. */
int64_t rules_latest_timeline(const struct facts *f);
void rules_forget_hold(struct agent_state *s);
/* D as re-read for an unsafe act: ours, not older than what we obey, the very one that the request
 * names, and it names this node. */
enum rule rules_named_owner(const struct agent_state *s, const char *node, const char *nonce,
                            const struct record *d);
/* A hold is released only to what it stopped: a primary, still on the timeline it had then. */
bool rules_held_for_good(const struct agent_state *s, const struct facts *f);
/* `dns set` wrote it, over all that was known: those in `from` have to be asked first (rule W), and
 * that is for a command. (No other record is stable, or claimed, with a node left unproven.) */
bool rules_others_unproven(const struct record *d);
