/*
 * Requests as bytes, from ldns records made with setters: queries and UPDATEs (RFC 2136).
 *
 * Pure. What is built here has id 0 and no signature: each try takes a copy, puts a fresh id in
 * (build_try) and signs it, so that all tries carry the same prerequisites and the same nonce.
 */
#pragma once

#include <stdint.h>

#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"

struct dns_swap;
struct dns_view;
struct dns_zone;
struct err;

/* RFC 1035, 3.2.2 and 3.2.3; the types that we ask for */
enum {
    DNS_A = 1,
    DNS_NS = 2,
    DNS_CNAME = 5,
    DNS_SOA = 6,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_RRSIG = 46, /* RFC 4034 */
    DNS_DNSKEY = 48,
    DNS_ANY = 255
};

enum { EDNS_EXPIRE = 9 }; /* RFC 7314: for how long would this server go on serving the zone? */

/* RD=0, EDNS with WIRE_EDNS_BYTES */
int build_query(const char *name, int type, struct message *ret_message, struct err *reterr);

/* The compare-and-swap. A value that must not exist is demanded as "name is not in use" (RFC 2136,
 * 2.4.5), not only as "no such RRset": servers ignore a CNAME added beside an A and say NOERROR. */
int build_swap(const struct dns_zone *z, const struct dns_swap *swap, struct message *ret_message,
               struct err *reterr);

/* Prerequisite "the zone has an SOA", no change: asks whether the key may update at all. */
int build_probe(const struct dns_zone *z, struct message *ret_message, struct err *reterr);

/* A change that changes nothing: both values are prerequisites as they are, and are added again
 * with the TTLs that they have. A server that applies it finds nothing to do: no new serial. */
int build_rehearsal(const struct dns_zone *z, const struct dns_view *now,
                    struct message *ret_message, struct err *reterr);

/* One try: `request` with this id, signed with `key` (NULL: unsigned). */
int build_try(const struct message *request, uint16_t id, const struct tsig_key *key, int64_t now_s,
              struct message *ret_message, struct tsig_mac *ret_mac, struct err *reterr);
