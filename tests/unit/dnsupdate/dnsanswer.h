/*
 * A DNS server's side for the unit tests: answers to our requests, with a TSIG that can be wrong in
 * every way. Written apart from dnsupdate/tsig.c, so that one mistake is not made twice.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"

/* Zeros mean: as it should be. */
struct signing {
    const char *key;       /* "ctl" */
    const char *algorithm; /* "hmac-sha256", which is also what is computed */
    const char *named_algorithm;
    const char *secret; /* the bytes */
    int64_t time;
    uint16_t error;
    int64_t server_time; /* BADTIME's other data */
    size_t mac_bytes;    /* cut to this many */
    bool no_mac;
    bool spoil_mac;
    uint16_t original_id; /* when another one than the header's */
};

static inline void put(struct message *m, uint64_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0;)
        m->bytes[m->len++] = (uint8_t)(value >> (8 * i));
}

static inline void put_bytes(struct message *m, const void *bytes, size_t len)
{
    memcpy(m->bytes + m->len, bytes, len);
    m->len += len;
}

static inline void put_name(struct message *m, const char *name)
{
    while (*name) {
        size_t len = strcspn(name, ".");

        put(m, len, 1);
        put_bytes(m, name, len);
        name += len + (name[len] == '.');
    }
    put(m, 0, 1);
}

/* QR and AA set, the question copied, no records yet */
static inline struct message answer_to(const struct message *request, uint16_t id, int rcode)
{
    struct message m = {.len = 0};
    struct wire_map map;

    wire_walk(request->bytes, request->len, &map);
    put_bytes(&m, request->bytes, map.question_end);
    memset(m.bytes + 6, 0, 6);
    wire_put16(m.bytes, id);
    m.bytes[2] = (uint8_t)(m.bytes[2] | 0x84);
    m.bytes[3] = (uint8_t)rcode;
    return m;
}

static inline void count(struct message *m, size_t section)
{
    wire_put16(m->bytes + section, (uint16_t)(wire_get16(m->bytes + section) + 1));
}

enum { IN_ANSWER = 6, IN_AUTHORITY = 8, IN_ADDITIONAL = 10 };

static inline void add_rr(struct message *m, size_t section, const char *owner, int type,
                          int64_t ttl, const void *rdata, size_t len)
{
    put_name(m, owner);
    put(m, (uint64_t)type, 2);
    put(m, 1, 2);
    put(m, (uint64_t)ttl, 4);
    put(m, len, 2);
    put_bytes(m, rdata, len);
    count(m, section);
}

static inline void add_name_rr(struct message *m, size_t section, const char *owner, int type,
                               int64_t ttl, const char *target)
{
    struct message rdata = {.len = 0};

    put_name(&rdata, target);
    add_rr(m, section, owner, type, ttl, rdata.bytes, rdata.len);
}

static inline void add_txt(struct message *m, const char *owner, int64_t ttl, const char *text)
{
    struct message rdata = {.len = 0};

    put(&rdata, strlen(text), 1);
    put_bytes(&rdata, text, strlen(text));
    add_rr(m, IN_ANSWER, owner, 16, ttl, rdata.bytes, rdata.len);
}

static inline const EVP_MD *digest_of(const char *algorithm)
{
    return strcmp(algorithm, "hmac-sha1") == 0     ? EVP_sha1()
           : strcmp(algorithm, "hmac-sha224") == 0 ? EVP_sha224()
           : strcmp(algorithm, "hmac-sha384") == 0 ? EVP_sha384()
           : strcmp(algorithm, "hmac-sha512") == 0 ? EVP_sha512()
                                                   : EVP_sha256();
}

/* RFC 8945, 4.2 and 4.3 */
static inline void sign_answer(struct message *m, const struct tsig_mac *request_mac,
                               const struct signing *s)
{
    const char *key = s->key ? s->key : "ctl";
    const char *algorithm = s->algorithm ? s->algorithm : "hmac-sha256";
    const char *named = s->named_algorithm ? s->named_algorithm : algorithm;
    const char *secret = s->secret ? s->secret : "secret of the controller with 32 b";
    uint16_t id = wire_get16(m->bytes), original = s->original_id ? s->original_id : id;
    struct message d = {.len = 0};
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;

    put(&d, request_mac->len, 2);
    put_bytes(&d, request_mac->bytes, request_mac->len);
    wire_put16(m->bytes, original);
    put_bytes(&d, m->bytes, m->len);
    wire_put16(m->bytes, id);
    put_name(&d, key);
    put(&d, 255, 2);
    put(&d, 0, 4);
    put_name(&d, named);
    put(&d, (uint64_t)s->time, 6);
    put(&d, 300, 2);
    put(&d, s->error, 2);
    put(&d, s->server_time ? 6 : 0, 2);
    if (s->server_time)
        put(&d, (uint64_t)s->server_time, 6);
    HMAC(digest_of(algorithm), secret, (int)strlen(secret), d.bytes, d.len, mac, &mac_len);
    mac[0] ^= s->spoil_mac ? 1u : 0u;
    if (s->mac_bytes)
        mac_len = (unsigned)s->mac_bytes;
    if (s->no_mac)
        mac_len = 0;

    struct message rdata = {.len = 0};
    put_name(&rdata, named);
    put(&rdata, (uint64_t)s->time, 6);
    put(&rdata, 300, 2);
    put(&rdata, mac_len, 2);
    put_bytes(&rdata, mac, mac_len);
    put(&rdata, original, 2);
    put(&rdata, s->error, 2);
    put(&rdata, s->server_time ? 6 : 0, 2);
    if (s->server_time)
        put(&rdata, (uint64_t)s->server_time, 6);
    put_name(m, key);
    put(m, 250, 2);
    put(m, 255, 2);
    put(m, 0, 4);
    put(m, rdata.len, 2);
    put_bytes(m, rdata.bytes, rdata.len);
    count(m, IN_ADDITIONAL);
}
