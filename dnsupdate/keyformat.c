#include "dnsupdate/keyformat.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"
#include "dnsupdate/tsig.h"

enum { LINE_BYTES = 512, WORDS = 8 };

struct line {
    char text[LINE_BYTES];
    const char *words[WORDS + 1];
    size_t n;
};

/* The first line that is neither empty nor a comment. */
static bool first_line(const char *text, size_t len, struct line *ret_line)
{
    const char *end = text + len;

    for (const char *at = text; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);

        if (n < LINE_BYTES) {
            memcpy(ret_line->text, at, n);
            ret_line->text[n] = '\0';
            ret_line->n = str_words(ret_line->text, ret_line->words, WORDS);
            if (ret_line->n > 0 && !strchr("#;", ret_line->words[0][0]))
                return true;
        }
        at += n + 1;
    }
    return false;
}

/* ---- the forms ------------------------------------------------------------------------------- */

static bool is_private(const struct line *l)
{
    return strncasecmp(l->words[0], "Private-key-format", 18) == 0;
}

/* `ctl. IN KEY 512 3 163 c2Vj…`, with or without a TTL */
static bool is_record(const struct line *l)
{
    for (size_t i = 1; i + 1 < l->n && i < 4; i++)
        if (strcasecmp(l->words[i], "KEY") == 0 || strcasecmp(l->words[i], "DNSKEY") == 0)
            return l->words[i + 1][0] >= '0' && l->words[i + 1][0] <= '9';
    return false;
}

static bool is_yaml(const struct line *l)
{
    return strcasecmp(l->words[0], "key:") == 0 || strcmp(l->words[0], "-") == 0 ||
           strcmp(l->words[0], "---") == 0;
}

/* `ctl. hmac-sha256. c2Vj…` of list-tsig-keys, `Create new TSIG key ctl hmac-sha256 c2Vj…` */
static bool is_powerdns(const struct line *l)
{
    return (l->n == 3 && strncasecmp(l->words[1], "hmac-", 5) == 0) ||
           (l->n >= 4 && strcasecmp(l->words[0], "Create") == 0 &&
            strcasecmp(l->words[2], "TSIG") == 0);
}

static bool is_pem(const struct line *l)
{
    return strncmp(l->words[0], "-----BEGIN", 10) == 0;
}

static bool is_secret(const struct line *l)
{
    uint8_t bytes[192];
    size_t len = 0;
    bool ok = l->n == 1 && tsig_secret(l->words[0], bytes, sizeof(bytes), &len) && len >= 16;

    OPENSSL_cleanse(bytes, sizeof(bytes));
    return ok;
}

static const struct {
    bool (*is)(const struct line *l);
    const char *what, *hint;
} forms[] = {
    {is_private, "half of a K*.key, K*.private pair, which does not hold the name",
     "Write instead: key \"NAME\" { algorithm hmac-sha256; secret \"…\"; }; with the name "
     "that the K*.private file bears and the text behind its `Key:`."},
    {is_record, "half of a K*.key, K*.private pair: a KEY record",
     "Write instead: key \"NAME\" { algorithm hmac-sha256; secret \"…\"; }; with the first word of "
     "the line as NAME and the last as the secret."},
    {is_yaml, "YAML, as in the configuration of Knot DNS or NSD",
     "Write instead one line, algorithm:name:secret: keymgr -t prints it behind its #."},
    {is_powerdns, "what pdnsutil of PowerDNS prints",
     "Write instead one line, algorithm:name:secret, for example hmac-sha256:ctl:…"},
    {is_pem, "a PEM file (a certificate or its key), no TSIG key",
     "Make one with `tsig-keygen -a hmac-sha256 NAME > FILE`."},
    {is_secret, "a secret alone: neither its name nor its algorithm",
     "Write instead one line, algorithm:name:secret, for example hmac-sha256:ctl:…"},
};

void keyformat_name(const char *origin, const char *text, size_t len, struct err *reterr)
{
    struct line l;

    if (first_line(text, len, &l))
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
            if (forms[i].is(&l)) {
                err_set(reterr, ERR_CONFIG, forms[i].hint, "%s is %s", origin, forms[i].what);
                break;
            }
    OPENSSL_cleanse(&l, sizeof(l));
}
