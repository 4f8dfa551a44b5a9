/*
 * What the guard's table asks for beyond this node: D, by one signed read from the zone's
 * primary, and how the other agents see themselves; all at once. Used before PostgreSQL starts
 * (agent/guard/guard.c) and while this node is held (agent/acts/hold.c).
 */
#pragma once

#include "agent/node/agent.h"

struct gathered {
    bool d_answered;  /* the primary answered, signed */
    bool d_absent;    /* and it has no ownership record at all */
    struct record d;  /* what it answered; epoch -1 when there is no valid record */
    char d_text[240]; /* the same for people */
    struct guard_peer peers[CLUSTER_NODES_MAX];
    size_t n_peers;
    char peers_text[400];
};

/* `ret` as it is if neither D nor a peer could be asked. */
void gather_nothing(const struct agent *g, const char *why, struct gathered *ret);

typedef void (*gather_fn)(void *arg, const struct gathered *seen);
struct gather;
/* Calls back once, within about two seconds; never from inside this call. */
struct gather *gather_start(struct agent *g, gather_fn fn, void *arg);
void gather_cancel(struct gather *w);

/* The view that the guard's table is asked with; borrows all of it. `s` NULL: the state cannot be
 * read. */
struct guard_view gather_view(const struct agent *g, const struct agent_state *s,
                              const struct facts *f, const struct gathered *seen);
/* rules_guard_decide() of it. */
void gather_decide(const struct agent *g, const struct agent_state *s, const struct facts *f,
                   const struct gathered *seen, struct guard_decision *ret);

/* What releases a hold of row 11 while the zone's primary does not respond (rows 9 and 10, or a
 * person's word), by who has answered; "" where another row holds it. `seen` NULL: neither D
 * nor a peer was asked. */
void gather_missing(const struct agent *g, int row, const struct gathered *seen, char *ret_text,
                    size_t bytes);
