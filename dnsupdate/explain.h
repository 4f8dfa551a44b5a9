/*
 * Why DNS said no, in words: one text and one remedy for each refusal.
 *
 * The error's `detail` is the TSIG error (dnsupdate/tsig.h) where our key, or a clock, is what the
 * server refuses.
 *
 * Pure. Each function fills *reterr (its server, its key's name, never a secret) and returns the
 * code.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_view;
struct dns_zone;
struct err;
struct record;
struct reply;
struct request;
struct tsig_result;

int explain_malformed(const char *server, struct err *reterr);
/* An answer whose signature does not let it decide. */
int explain_signature(const struct tsig_result *t, int rcode, const struct request *request,
                      struct err *reterr);
/* A signed answer with an rcode other than NOERROR. `update`: to an UPDATE. */
int explain_rcode(const struct reply *r, const struct dns_zone *z, const char *server, bool update,
                  struct err *reterr);
/* NOERROR without authority; `cut` is the delegated name, or "". */
int explain_lame(const char *server, const char *name, const char *cut, struct err *reterr);
/* Nothing usable came before the deadline. */
int explain_silence(const char *server, int64_t waited_ms, struct err *reterr);
int explain_unreachable(const char *server, bool tcp, int sys, struct err *reterr);

/* The compare-and-swap was lost: what is there now. */
int explain_lost(const struct dns_view *view, const struct dns_zone *z, struct err *reterr);
/* The alias holds other records, so that no CNAME can be there. */
int explain_other_types(const struct dns_view *view, const struct dns_zone *z, struct err *reterr);
/* Answered NOERROR, but reads until the deadline showed something else. */
int explain_unseen(const struct dns_view *view, const struct dns_zone *z, struct err *reterr);
/* Done, but the server gave the alias another TTL. */
int explain_ttl(const struct dns_view *view, const struct dns_zone *z, int64_t asked,
                struct err *reterr);
