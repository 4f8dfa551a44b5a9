#include "dnsupdate/keyfile.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "dnsupdate/keyformat.h"
#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"

enum { KEY_FILE_CAP_BYTES = 64 * 1024, TOKEN_BYTES = 512, KEYS_MAX = 32 };

static const char make_one[] = "Make one with `tsig-keygen -a hmac-sha256 NAME > FILE`.";

struct reader {
    const char *origin;
    const char *p, *end;
    int line;
    char token[TOKEN_BYTES]; /* the latest: a word, "{", "}", ";", or "" at the end */
    bool quoted;             /* it was in quotes: then it is a value, whatever it looks like */
    bool cut;                /* it was longer: of no use as a value */
    bool includes;           /* the file includes others, which are not read */
    struct err *reterr;
};

static int bad(const struct reader *r, const char *hint, const char *what, const char *about)
{
    return err_set(r->reterr, ERR_CONFIG, hint, "%s, line %d: %s%s", r->origin, r->line, what,
                   about);
}

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Blanks and the three kinds of comments. False for a comment without an end. */
static bool skip_blanks(struct reader *r)
{
    while (r->p < r->end) {
        bool two = r->p + 1 < r->end;

        if (*r->p == '#' || (two && r->p[0] == '/' && r->p[1] == '/')) {
            while (r->p < r->end && *r->p != '\n')
                r->p++;
        } else if (two && r->p[0] == '/' && r->p[1] == '*') {
            for (r->p += 2; r->end - r->p >= 2 && !(r->p[0] == '*' && r->p[1] == '/'); r->p++)
                r->line += *r->p == '\n';
            if (r->end - r->p < 2)
                return false;
            r->p += 2;
        } else if (strchr(" \t\r\n\f\v", *r->p) && *r->p) {
            r->line += *r->p++ == '\n';
        } else {
            break;
        }
    }
    return true;
}

/* BIND lets a quoted value go on over the end of the line. */
static int quoted(struct reader *r, const char **ret_start, size_t *ret_len)
{
    const char *start = ++r->p;
    int line = r->line;

    for (; r->p < r->end && *r->p != '"'; r->p++)
        r->line += *r->p == '\n';
    if (r->p == r->end) {
        r->line = line;
        return bad(r, NULL, "a quotation mark without its second", "");
    }
    *ret_start = start;
    *ret_len = (size_t)(r->p++ - start);
    return 0;
}

static int word(struct reader *r, const char **ret_start, size_t *ret_len)
{
    const char *start = r->p;

    if (r->p < r->end && strchr("{};", *r->p) && *r->p)
        r->p++;
    else
        while (r->p < r->end && *r->p && !strchr("{};\"# \t\r\n\f\v", *r->p))
            r->p++;
    if (r->p == start && r->p < r->end)
        return bad(r, NULL, "a byte that does not belong into a key file", "");
    *ret_start = start;
    *ret_len = (size_t)(r->p - start);
    return 0;
}

static int next(struct reader *r)
{
    const char *start;
    size_t len;
    int rc;

    if (!skip_blanks(r))
        return bad(r, NULL, "a comment without an end", "");
    r->quoted = r->p < r->end && *r->p == '"';
    rc = r->quoted ? quoted(r, &start, &len) : word(r, &start, &len);
    if (rc < 0)
        return rc;
    r->cut = len >= sizeof(r->token);
    if (r->cut)
        len = sizeof(r->token) - 1;
    memcpy(r->token, start, len);
    r->token[len] = '\0';
    return 0;
}

static bool at_end(const struct reader *r)
{
    return !r->quoted && !r->token[0];
}

/* BIND's words are the same in any case. */
static bool at(const struct reader *r, const char *word)
{
    return !r->quoted && strcasecmp(r->token, word) == 0;
}

static int value(struct reader *r)
{
    int rc = next(r);

    if (rc < 0)
        return rc;
    if (!r->token[0])
        return bad(r, make_one, "an empty value", "");
    return r->cut ? bad(r, NULL, "a value of more than 511 bytes", "") : 0;
}

static int expect(struct reader *r, const char *word)
{
    int rc = next(r);

    if (rc < 0)
        return rc;
    return at(r, word) ? 0 : bad(r, make_one, "expected ", word);
}

/* ---- one key --------------------------------------------------------------------------------- */

static int set_name(struct reader *r, const char *text, struct tsig_key *key)
{
    if (!wire_name_normal(text, key->name) || !wire_name_valid(key->name))
        return bad(r, "A key's name is a domain name: letters, digits, - and _.",
                   "not a usable key name", "");
    return 0;
}

static int set_algorithm(struct reader *r, const char *text, struct tsig_key *key)
{
    char name[WIRE_NAME_BYTES] = "";
    bool md5;

    wire_name_normal(text, name);
    md5 = strcmp(name, "hmac-md5") == 0 || strcmp(name, "hmac-md5.sig-alg.reg.int") == 0;
    if (md5)
        return bad(r, make_one, "hmac-md5 must not be used any more (RFC 8945, 6)", "");
    if (!tsig_algorithm_bytes(name) || !STR_COPY(key->algorithm, name))
        return bad(
            r,
            "Known are hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 and hmac-sha512, none "
            "of them truncated (no hmac-sha256-128).",
            "an unknown or truncated algorithm", "");
    return 0;
}

static int set_secret(struct reader *r, const char *text, struct tsig_key *key)
{
    uint8_t bytes[192];
    char secret[TOKEN_BYTES];
    size_t len, n = 0;

    for (; *text; text++) /* BIND passes over blanks in it */
        if (!strchr(" \t\r\n", *text))
            secret[n++] = *text;
    secret[n] = '\0';

    bool ok = tsig_secret(secret, bytes, sizeof(bytes), &len) && STR_COPY(key->secret, secret);

    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(secret, sizeof(secret));
    return ok ? 0 : bad(r, make_one, "the secret is not base64 of 1 to 189 bytes", "");
}

/* `algorithm X; secret "Y"; };` in any order, each once */
static int read_body(struct reader *r, struct tsig_key *key)
{
    int rc = expect(r, "{");

    while (rc == 0 && (rc = next(r)) == 0 && !at(r, "}")) {
        bool algorithm = at(r, "algorithm"), secret = at(r, "secret");

        if (!algorithm && !secret)
            return bad(r, NULL, "a key has an algorithm and a secret, nothing else", "");
        if (algorithm ? key->algorithm[0] : key->secret[0])
            return bad(r, NULL, "given twice: ", algorithm ? "algorithm" : "secret");
        rc = value(r);
        if (rc == 0)
            rc = algorithm ? set_algorithm(r, r->token, key) : set_secret(r, r->token, key);
        if (rc == 0)
            rc = expect(r, ";");
    }
    if (rc < 0)
        return rc;
    if (!key->algorithm[0])
        return bad(r,
                   "Tools differ in what they assume: write `algorithm hmac-sha256;` (the one "
                   "that the server has).",
                   "the key has no algorithm", "");
    if (!key->secret[0])
        return bad(r, make_one, "the key has no secret", "");
    return 0;
}

/* `algorithm:name:secret`, the whole token */
static int read_line(struct reader *r, struct tsig_key *key)
{
    char *name = strchr(r->token, ':'), *secret = name ? strchr(name + 1, ':') : NULL;
    int rc;

    if (!secret)
        return bad(r, "Write `algorithm:name:secret`, for example hmac-sha256:ctl:…",
                   "the algorithm is missing, or this is no key", "");
    *name++ = '\0';
    *secret++ = '\0';
    rc = set_algorithm(r, r->token, key);
    if (rc == 0)
        rc = set_name(r, name, key);
    if (rc == 0)
        rc = set_secret(r, secret, key);
    return rc;
}

/* ---- all keys of a file ---------------------------------------------------------------------- */

/* Up to the ";" that ends this statement: another BIND statement, or a key that was not asked
 * for. */
static int skip_statement(struct reader *r)
{
    size_t depth = 0;
    int rc;

    while ((rc = next(r)) == 0 && !at_end(r)) {
        if (at(r, "{"))
            depth++;
        else if (at(r, "}") && depth == 0)
            break;
        else if (at(r, "}"))
            depth--;
        else if (at(r, ";") && depth == 0)
            return 0;
    }
    return rc < 0 ? rc : bad(r, make_one, "this is no key, and no statement that ends with ;", "");
}

static int read_key(struct reader *r, const char *wanted, struct tsig_key *key)
{
    int rc = value(r);

    if (rc == 0)
        rc = set_name(r, r->token, key);
    if (rc < 0 || (wanted[0] && strcmp(key->name, wanted) != 0))
        return rc < 0 ? rc : skip_statement(r);
    rc = read_body(r, key);
    if (rc == 0)
        rc = expect(r, ";");
    return rc;
}

/* One statement, or one line; `ret_key` is set where it was a key. */
static int read_statement(struct reader *r, const char *wanted, struct tsig_key *key, bool *ret_key)
{
    *ret_key = true;
    if (at(r, "key"))
        return read_key(r, wanted, key);
    if (!r->quoted && strchr(r->token, ':'))
        return read_line(r, key);
    *ret_key = false;
    if (at(r, ";"))
        return 0;
    if (r->quoted || strspn(r->token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") !=
                         strlen(r->token))
        return bad(r, make_one, "this is neither a key nor another statement", "");
    r->includes |= at(r, "include");
    return skip_statement(r);
}

static int none(const struct reader *r, const char *wanted)
{
    return err_set(
        r->reterr, ERR_CONFIG,
        r->includes ? "The files that it includes are not read: name the one that has the key."
                    : make_one,
        wanted[0] ? "%s holds no key named \"%s\"" : "%s holds no key%s", r->origin, wanted);
}

static int choose(const struct reader *r, const struct tsig_key *keys, size_t n, const char *wanted,
                  struct tsig_key *ret_key)
{
    const struct tsig_key *found = NULL;

    for (size_t i = 0; i < n; i++) {
        if (wanted[0] && strcmp(keys[i].name, wanted) != 0)
            continue;
        if (found)
            return err_set(r->reterr, ERR_CONFIG, "Name the key to use, once.",
                           "%s holds several keys (\"%s\" and \"%s\")", r->origin, found->name,
                           keys[i].name);
        found = &keys[i];
    }
    if (!found)
        return none(r, wanted);
    *ret_key = *found;
    return 0;
}

static int read_all(struct reader *r, const char *wanted, struct tsig_key *ret_key)
{
    struct tsig_key *keys = mem_alloc(KEYS_MAX * sizeof(*keys));
    size_t n = 0;
    bool is_key;
    int rc;

    while ((rc = next(r)) == 0 && !at_end(r)) {
        if (n == KEYS_MAX)
            rc = bad(r, NULL, "more than 32 keys", "");
        else
            rc = read_statement(r, wanted, &keys[n], &is_key);
        if (rc < 0)
            break;
        n += is_key;
    }
    if (rc == 0)
        rc = choose(r, keys, n, wanted, ret_key);
    OPENSSL_cleanse(keys, KEYS_MAX * sizeof(*keys));
    mem_free(keys);
    return rc;
}

int keyfile_parse(const char *origin, const char *text, size_t len, const char *name,
                  struct tsig_key *ret_key, struct err *reterr)
{
    struct reader r = {.origin = origin, .p = text, .end = text + len, .line = 1, .reterr = reterr};
    char wanted[WIRE_NAME_BYTES] = "";
    int rc;

    if (name)
        wire_name_normal(name, wanted);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return bad(&r, "take it away: sed -i '1s/^\\xef\\xbb\\xbf//' FILE",
                   "the file begins with a byte order mark", "");
    if (memchr(text, '\0', len))
        return err_set(reterr, ERR_CONFIG, make_one, "%s is no text: it holds a zero byte", origin);
    rc = read_all(&r, wanted, ret_key);
    OPENSSL_cleanse(r.token, sizeof(r.token));
    if (rc < 0) /* what it is instead says more than where it stopped to look like a key */
        keyformat_name(origin, text, len, reterr);
    return rc;
}

int keyfile_load(const char *path, const char *name, struct tsig_key *ret_key, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;
    size_t len = 0;
    /* a group may read: agents run as postgres */
    int rc = file_read_private(path, 0027, KEY_FILE_CAP_BYTES, a, &text, &len, reterr);

    if (rc < 0 || !text)
        return rc;
    rc = keyfile_parse(path, text, len, name, ret_key, reterr);
    OPENSSL_cleanse(text, len);
    return rc;
}
