/*
 * Answers from bytes: is this the answer to that try, may it decide anything, what does it say.
 *
 * Pure. An answer decides only if it has our try's id, opcode and question and is signed with our
 * key, our algorithm, a full MAC and a time within the fudge (or if the request was unsigned, which
 * only looks). Anything else is a hint at most; explain.h has the texts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"

struct err;
struct ldns_struct_pkt;

/* RFC 1035, 4.1.1 and RFC 2136, 2.2 */
enum {
    RCODE_NOERROR,
    RCODE_FORMERR,
    RCODE_SERVFAIL,
    RCODE_NXDOMAIN,
    RCODE_NOTIMP,
    RCODE_REFUSED,
    RCODE_YXDOMAIN,
    RCODE_YXRRSET,
    RCODE_NXRRSET,
    RCODE_NOTAUTH,
    RCODE_NOTZONE,
};

/* One try that we sent. */
struct request {
    const struct message *message; /* signed or not: its question is compared */
    uint16_t id;
    const struct tsig_key *key; /* NULL: unsigned, a look */
    const struct tsig_mac *mac;
    const char *server; /* for the texts */
    int64_t now_s;      /* wall clock */
};

enum reply_kind {
    REPLY_FOREIGN,   /* not an answer to this try: drop it */
    REPLY_TRUNCATED, /* TC: ask again by TCP */
    REPLY_HINT,      /* an answer that may not decide: the error says what it claims */
    REPLY_DECIDES,
};

struct reply {
    struct ldns_struct_pkt *pkt; /* owned: reply_free() */
    int rcode;
    bool aa;
    int tsig_error; /* BADTIME comes signed and decides */
    int64_t skew_s; /* server's clock minus ours, with BADTIME */
};
void reply_free(struct reply *r);

/* ret_reply is set for REPLY_DECIDES, reterr for REPLY_HINT. */
enum reply_kind reply_read(const uint8_t *wire, size_t len, const struct request *request,
                           struct reply *ret_reply, struct err *reterr);

/* The answer section's records of one type as text: names (NS, CNAME) or addresses (A, AAAA), of
 * `owner` (NULL: any). Returns how many were stored, at most `max`, `bytes` each. */
size_t reply_values(const struct reply *r, const char *owner, int type, char *ret_values,
                    size_t bytes, size_t max);
