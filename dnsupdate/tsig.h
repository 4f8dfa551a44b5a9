/*
 * Signing and strictly verifying messages (TSIG, RFC 8945). Pure: the time is an argument.
 *
 * Done here on the message's bytes, because ldns checks nothing but the MAC: it takes another key's
 * name, another algorithm, any age and trailing bytes, and cannot sign for a given time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsupdate/wire.h"

struct err;
struct tsig_key;

enum { TSIG_MAC_BYTES = 64, TSIG_FUDGE_S = 300 };

struct tsig_mac {
    uint8_t bytes[TSIG_MAC_BYTES];
    size_t len;
};

/* RFC 8945, 3: error codes in a TSIG record */
enum { TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18, TSIG_BADTRUNC = 22 };

enum tsig_status {
    TSIG_VALID,     /* our key, our algorithm, full MAC, in time */
    TSIG_NONE,      /* no TSIG at all */
    TSIG_BARE,      /* a TSIG without a MAC: an unsigned error report, `error` says which */
    TSIG_OTHER_KEY, /* signed with a key of another name */
    TSIG_OTHER_ALGORITHM,
    TSIG_FALSE, /* MAC wrong or shortened */
    TSIG_LATE,  /* MAC right, but signed at a time outside the fudge */
    TSIG_MALFORMED,
};

struct tsig_result {
    enum tsig_status status;
    int error;           /* the record's error field: 0, BADSIG, BADKEY, BADTIME … */
    int64_t server_time; /* seconds since 1970; with BADTIME the server's clock, else time signed */
};

/* Known algorithm of a key ("hmac-sha256"), as its digest's size; 0 for anything else. */
size_t tsig_algorithm_bytes(const char *algorithm);

/* Base64 to bytes; false unless the whole text is well-formed and 1 to `max` bytes come out. */
bool tsig_secret(const char *base64, uint8_t *ret_bytes, size_t max, size_t *ret_len);

/* Append a TSIG to the request `m`, whose id is final. The MAC is needed to verify the answer. */
int tsig_sign(struct message *m, const struct tsig_key *key, int64_t now_s,
              struct tsig_mac *ret_mac, struct err *reterr);

/* Judge an answer's signature. `map` is wire_walk()'s of the same bytes. */
struct tsig_result tsig_verify(const uint8_t *wire, size_t len, const struct wire_map *map,
                               const struct tsig_key *key, const struct tsig_mac *request_mac,
                               int64_t now_s);
