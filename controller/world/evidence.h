/*
 * What one node says of another that may be lost, in words: for the moves that ask, and for status
 * where the owner is silent. The asking is observe.h's (OBSERVE_EVIDENCE) and ops_evidence.c's.
 */
#pragma once

struct arena;
struct obs_peer;

/* "vm sees db02: agent silent, port open, WRITABLE, last WAL 0/1BF0158 at 04:07:06"; in `a`. */
const char *evidence_words(struct arena *a, const char *witness, const struct obs_peer *seen);
