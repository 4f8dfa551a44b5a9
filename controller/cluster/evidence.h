/*
 * What one node says of another that may be lost, in words: for the moves that ask, and for status
 * while the owner does not respond. The asking itself is in observe.h (OBSERVE_EVIDENCE) and
 * ops_evidence.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct arena;
struct config;
struct obs_peer;
struct world;

/* "vm sees db02: agent silent, port open, WRITABLE, last WAL 0/1BF0158 at 04:07:06"; in `a`. */
const char *evidence_words(struct arena *a, const char *witness, const struct obs_peer *seen);

/* All that world.evidence holds, a line for each witness, with how long ago it was asked; 0 if no
 * witness was asked, or if the node responds to us after all. Texts in `a`. */
enum { EVIDENCE_LINES_MAX = 16 };
size_t evidence_lines(struct arena *a, const struct config *c, const struct world *w,
                      const char *ret_lines[EVIDENCE_LINES_MAX]);
/* Bit per witness that sees the node that world.evidence is about writable; 0 also when that node
 * responds to us: then its own word counts. */
uint32_t evidence_writable(const struct world *w);
/* "db01, vm see db02 writable", and what to do then; only where evidence_writable(). */
const char *evidence_verdict(struct arena *a, const struct config *c, const struct world *w);
const char *evidence_remedy(struct arena *a, const struct config *c, const struct world *w);
