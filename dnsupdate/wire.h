/*
 * A DNS message as bytes: what ldns does not report or does not check (RFC 1035, 4).
 *
 * Pure. wire_walk() goes over every record once, so that a message either is sound from its first
 * byte to its last, or is not looked at further.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_HEADER_BYTES = 12,
    WIRE_REQUEST_BYTES = 4096, /* our longest message: two TXT of 255 bytes, six names, one TSIG */
    WIRE_NAME_BYTES = 256,     /* a name as text with its NUL */
    WIRE_UDP_BYTES = 512,      /* RFC 1035, 4.2.1: longer requests go by TCP */
    WIRE_EDNS_BYTES = 1232,    /* what we accept by UDP (RFC 6891) */
};

/* A request that we build; `bytes` is inline, nothing to free. */
struct message {
    uint8_t bytes[WIRE_REQUEST_BYTES];
    size_t len;
};

/* Where things are in a sound message. */
struct wire_map {
    uint16_t id;
    uint8_t opcode;
    int rcode; /* of the header */
    bool qr, aa, tc;
    uint16_t questions;
    size_t question_end; /* offset behind the question (zone) section */
    bool has_tsig;       /* one TSIG, the last record of the additional section */
    size_t tsig_start;   /* its offset; the message's length when there is none */
};

/* False for anything malformed: short, trailing bytes, looping names, a TSIG that is not last. */
bool wire_walk(const uint8_t *wire, size_t len, struct wire_map *ret_map);

/* Read the name at *offset (compressed or not) as lower-case text without the final dot and move
 * *offset behind it. False when it is malformed, too long, or holds a byte that would need
 * escaping. */
bool wire_name(const uint8_t *wire, size_t len, size_t *offset, char ret_name[WIRE_NAME_BYTES]);

uint16_t wire_get16(const uint8_t *p);
uint32_t wire_get32(const uint8_t *p);
void wire_put16(uint8_t *p, uint16_t value);

/* Append to a message; false (and nothing appended) when it does not fit. */
bool wire_add(struct message *m, const void *bytes, size_t len);
bool wire_add16(struct message *m, uint16_t value);
bool wire_add48(struct message *m, uint64_t value);
bool wire_add_name(struct message *m, const char *name); /* uncompressed, lower case */

/* Letters, digits, "-" and "_" in labels of 1 to 63 bytes, 253 in all, no final dot. */
bool wire_name_valid(const char *name);
/* Is `name` the zone's apex or below it? Both lower case. */
bool wire_name_in_zone(const char *name, const char *zone);
/* Lower case, without the final dot. False when it does not fit. */
bool wire_name_normal(const char *name, char ret_name[WIRE_NAME_BYTES]);
