/*
 * A small journaled change by hand (dns init, dns set, cron sync …): begin, one intent and one
 * result for each act, end. The moving verbs have the engine instead.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "dnsupdate/dns.h"

struct err;
struct journal;
struct session;

struct change {
    struct session *session;
    struct journal *journal;
    char txn[TXN_BYTES];
    int64_t began_ms; /* monotonic */
    int64_t epoch;    /* for the journal's `end`; 0 unknown */
};

/* --reason, or on a terminal the answer, or what the verb says of itself. */
const char *change_reason(struct session *s, const char *fallback);

/* Open the journal and write `begin`. `from`, `to`: nodes, or "". */
int change_open(struct change *c, struct session *s, const char *reason, const char *from,
                const char *to, struct err *reterr);
/* Write `end` with the outcome and close. `rc` and `e` are the command's; returns rc, or the error
 * of the last write. */
int change_close(struct change *c, int rc, struct err *e);

/* One compare-and-swap, journaled. 0 when it is done; ERR_LOST, ERR_DNS: nothing was changed;
 * ERR_INCOMPLETE: unknown whether it was done. */
int change_swap(struct change *c, const struct dns_swap *swap, struct err *reterr);
