#include "dnsupdate/tsig.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dnsupdate/keyfile.h"

enum { TYPE_TSIG = 250, CLASS_ANY = 255, SECRET_BYTES = 192 };

/* hmac-md5 is missing on purpose (RFC 8945, 6: must not be used); so are the truncated ones. */
static const struct algorithm {
    const char *name, *digest;
    size_t bytes;
} algorithms[] = {
    {"hmac-sha1", "SHA1", 20},     {"hmac-sha224", "SHA224", 28}, {"hmac-sha256", "SHA256", 32},
    {"hmac-sha384", "SHA384", 48}, {"hmac-sha512", "SHA512", 64},
};

static const struct algorithm *algorithm_find(const char *name)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
        if (strcmp(algorithms[i].name, name) == 0)
            return &algorithms[i];
    return NULL;
}

size_t tsig_algorithm_bytes(const char *algorithm)
{
    const struct algorithm *a = algorithm_find(algorithm);

    return a ? a->bytes : 0;
}

bool tsig_secret(const char *base64, uint8_t *ret_bytes, size_t max, size_t *ret_len)
{
    uint8_t bytes[SECRET_BYTES + 4];
    size_t len = strlen(base64), pad = 0;
    int n;

    while (pad < 2 && pad < len && base64[len - 1 - pad] == '=')
        pad++;
    if (len == 0 || len % 4 || len / 4 * 3 > SECRET_BYTES || memchr(base64, '=', len - pad))
        return false;
    n = EVP_DecodeBlock(bytes, (const unsigned char *)base64, (int)len);
    if (n < 0 || (size_t)n != len / 4 * 3 || (size_t)n - pad > max)
        return false;
    *ret_len = (size_t)n - pad;
    memcpy(ret_bytes, bytes, *ret_len);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return true;
}

/* The fields of a TSIG record that are part of the digest (RFC 8945, 4.3.3). */
struct fields {
    char name[WIRE_NAME_BYTES];
    char algorithm[WIRE_NAME_BYTES];
    uint64_t time;
    uint16_t fudge, original_id, error, other_len;
    const uint8_t *other;
    const uint8_t *mac;
    uint16_t mac_len;
};

/* Fetched once: a fetch costs as much as the sum over a message, and an agent asks all the time. */
static EVP_MAC *hmac(void)
{
    static EVP_MAC *fetched;

    if (!fetched)
        fetched = EVP_MAC_fetch(NULL, "HMAC", NULL);
    return fetched;
}

/* HMAC over [request's MAC] message variables. `message` is without the TSIG, its counts
 * corrected. */
static bool digest(const struct algorithm *a, const struct tsig_key *key,
                   const struct tsig_mac *request_mac, const uint8_t *message, size_t len,
                   const struct fields *f, struct tsig_mac *ret_mac)
{
    struct message v = {.len = 0}; /* the variables */
    uint8_t secret[SECRET_BYTES], mac_len[2];
    size_t secret_len;
    char name[16];
    bool ok;

    if (!tsig_secret(key->secret, secret, sizeof(secret), &secret_len))
        return false;
    STR_COPY(name, a->digest);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac());
    ok = wire_add_name(&v, f->name) && wire_add16(&v, CLASS_ANY) && wire_add(&v, "\0\0\0\0", 4) &&
         wire_add_name(&v, f->algorithm) && wire_add48(&v, f->time) && wire_add16(&v, f->fudge) &&
         wire_add16(&v, f->error) && wire_add16(&v, f->other_len) &&
         wire_add(&v, f->other_len ? f->other : (const uint8_t *)"", f->other_len) && ctx &&
         EVP_MAC_init(ctx, secret, secret_len, params);
    if (ok && request_mac) {
        wire_put16(mac_len, (uint16_t)request_mac->len);
        ok = EVP_MAC_update(ctx, mac_len, sizeof(mac_len)) &&
             EVP_MAC_update(ctx, request_mac->bytes, request_mac->len);
    }
    ok = ok && EVP_MAC_update(ctx, message, len) && EVP_MAC_update(ctx, v.bytes, v.len) &&
         EVP_MAC_final(ctx, ret_mac->bytes, &ret_mac->len, sizeof(ret_mac->bytes));
    OPENSSL_cleanse(secret, sizeof(secret));
    EVP_MAC_CTX_free(ctx);
    return ok;
}

int tsig_sign(struct message *m, const struct tsig_key *key, int64_t now_s,
              struct tsig_mac *ret_mac, struct err *reterr)
{
    const struct algorithm *a = algorithm_find(key->algorithm);
    struct message rr = {.len = 0}, rdata = {.len = 0};
    struct fields f = {.time = (uint64_t)now_s, .fudge = TSIG_FUDGE_S};
    struct tsig_mac mac;

    f.original_id = wire_get16(m->bytes);
    if (!a || !STR_COPY(f.name, key->name) || !STR_COPY(f.algorithm, key->algorithm) ||
        !digest(a, key, NULL, m->bytes, m->len, &f, &mac))
        return err_set(reterr, ERR_CONFIG, "Make a new one with `tsig-keygen -a hmac-sha256 NAME`.",
                       "the TSIG key \"%s\" (%s) cannot sign", key->name, key->algorithm);
    if (!(wire_add_name(&rdata, f.algorithm) && wire_add48(&rdata, f.time) &&
          wire_add16(&rdata, f.fudge) && wire_add16(&rdata, (uint16_t)mac.len) &&
          wire_add(&rdata, mac.bytes, mac.len) && wire_add16(&rdata, f.original_id) &&
          wire_add16(&rdata, 0) && wire_add16(&rdata, 0) && wire_add_name(&rr, f.name) &&
          wire_add16(&rr, TYPE_TSIG) && wire_add16(&rr, CLASS_ANY) &&
          wire_add(&rr, "\0\0\0\0", 4) && wire_add16(&rr, (uint16_t)rdata.len) &&
          wire_add(&rr, rdata.bytes, rdata.len) && wire_add(m, rr.bytes, rr.len)))
        return err_set(reterr, ERR_TOO_LONG, NULL, "a DNS message of %zu bytes cannot be signed",
                       m->len);
    wire_put16(m->bytes + 10, (uint16_t)(wire_get16(m->bytes + 10) + 1));
    *ret_mac = mac;
    return 0;
}

static bool parse(const uint8_t *wire, size_t len, size_t at, struct fields *ret)
{
    struct fields f = {.time = 0};

    if (!wire_name(wire, len, &at, f.name) || len - at < 10 ||
        wire_get16(wire + at + 2) != CLASS_ANY || wire_get32(wire + at + 4) != 0)
        return false;
    at += 10;
    if (!wire_name(wire, len, &at, f.algorithm) || len - at < 10)
        return false;
    f.time = (uint64_t)wire_get16(wire + at) << 32 | wire_get32(wire + at + 2);
    f.fudge = wire_get16(wire + at + 6);
    f.mac_len = wire_get16(wire + at + 8);
    at += 10;
    f.mac = wire + at;
    if (len - at < f.mac_len || len - at - f.mac_len < 6)
        return false;
    at += f.mac_len;
    f.original_id = wire_get16(wire + at);
    f.error = wire_get16(wire + at + 2);
    f.other_len = wire_get16(wire + at + 4);
    f.other = wire + at + 6;
    if (len - at - 6 != f.other_len) /* the record's rdlength was checked by wire_walk() */
        return false;
    *ret = f;
    return true;
}

/* Over a copy with the original id and without the TSIG (RFC 8945, 5.3 and 4.3.2). */
static bool mac_right(const struct algorithm *a, const struct tsig_key *key,
                      const struct tsig_mac *request_mac, const uint8_t *wire, size_t len,
                      const struct fields *f)
{
    uint8_t *copy = mem_alloc(len);
    struct tsig_mac mac = {.len = 0};
    bool ok;

    memcpy(copy, wire, len);
    wire_put16(copy, f->original_id);
    wire_put16(copy + 10, (uint16_t)(wire_get16(copy + 10) - 1));
    ok = digest(a, key, request_mac, copy, len, f, &mac) && f->mac_len == mac.len &&
         CRYPTO_memcmp(f->mac, mac.bytes, mac.len) == 0;
    mem_free(copy);
    return ok;
}

struct tsig_result tsig_verify(const uint8_t *wire, size_t len, const struct wire_map *map,
                               const struct tsig_key *key, const struct tsig_mac *request_mac,
                               int64_t now_s)
{
    const struct algorithm *a = algorithm_find(key->algorithm);
    struct tsig_result r = {.status = TSIG_NONE};
    struct fields f;
    int64_t apart;

    if (!map->has_tsig)
        return r;
    r.status = TSIG_MALFORMED;
    if (!a || !parse(wire, len, map->tsig_start, &f))
        return r;
    r.error = f.error;
    r.server_time = (int64_t)f.time;
    if (f.error == TSIG_BADTIME && f.other_len == 6)
        r.server_time = (int64_t)((uint64_t)wire_get16(f.other) << 32 | wire_get32(f.other + 2));
    apart = now_s > (int64_t)f.time ? now_s - (int64_t)f.time : (int64_t)f.time - now_s;
    if (f.mac_len == 0)
        r.status = TSIG_BARE;
    else if (strcmp(f.name, key->name) != 0)
        r.status = TSIG_OTHER_KEY;
    else if (strcmp(f.algorithm, key->algorithm) != 0)
        r.status = TSIG_OTHER_ALGORITHM;
    else if (!mac_right(a, key, request_mac, wire, map->tsig_start, &f))
        r.status = TSIG_FALSE;
    else if (apart > f.fudge || apart > TSIG_FUDGE_S)
        r.status = TSIG_LATE;
    else
        r.status = TSIG_VALID;
    return r;
}
