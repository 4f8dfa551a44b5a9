/*
 * What the guard's table asks for beyond this node: D, by one signed read from the zone's
 * primary, and how the other agents see themselves; all at once. Used before PostgreSQL starts
 * (agent/guard/guard.c) and while this node is held (agent/guard/hold.c).
 */
#pragma once

#include "agent/agent.h"

struct gathered {
    bool d_answered;  /* the primary answered, signed */
    bool d_absent;    /* and it has no ownership record at all */
    struct record d;  /* what it answered; epoch -1 when there is no valid record */
    char d_text[240]; /* the same for people */
    struct guard_peer peers[CLUSTER_NODES_MAX];
    size_t n_peers;
    char peers_text[400];
};

/* `ret` as it is when nobody could be asked. */
void gather_nothing(const struct agent *g, const char *why, struct gathered *ret);

typedef void (*gather_fn)(void *arg, const struct gathered *seen);
struct gather;
/* Calls back once, within about two seconds; never from inside this call. */
struct gather *gather_start(struct agent *g, gather_fn fn, void *arg);
void gather_cancel(struct gather *w);

struct guard_decision {
    struct guard_ruling ruling;
    bool uninitialised; /* no command yet, no ownership record: not ours to guard (row 0) */
    struct agent_state next;
};
/* The table of docs/protocol.md, section 6, and before it what is decided for a node that was never
 * commanded: it adopts a stable record of its own cluster (agent_adopts()), and where the zone's
 * primary says, signed, that there is no record, it is left alone. While DNS does not respond it
 * is held: a lost state directory looks just the same. `s` NULL: the state cannot be read. */
void gather_decide(const struct agent *g, const struct agent_state *s, const struct facts *f,
                   const struct gathered *seen, struct guard_decision *ret);

/* What releases a hold of row 11 while the zone's primary does not respond (rows 9 and 10, or a
 * person's word), by who has answered; "" where another row holds it. `seen` NULL: nobody was
 * asked. */
void gather_missing(const struct agent *g, int row, const struct gathered *seen, char *ret_text,
                    size_t bytes);

/* Why, for people. */
const char *gather_row_text(const struct guard_decision *d);
