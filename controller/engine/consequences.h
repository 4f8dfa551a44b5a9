/*
 * What an administrator has to know before confirming a move: who is cut off, for how long no one
 * can write, what happens to jobs and clients, and whether there is a way back. Printed before the
 * confirmation prompt; nothing here decides anything.
 */
#pragma once

#include <stddef.h>

struct plan;
struct session;
struct world;

/* Of a switchover or failover. Fills p's outlook from the journals. */
void consequences_of_move(struct session *s, const struct world *w, struct plan *p);
/* Of `forget NODE`. */
void consequences_of_forget(struct session *s, const struct world *w, size_t node);
/* Of `fence NODE`. */
void consequences_of_fence(struct session *s, const struct world *w, size_t node);
