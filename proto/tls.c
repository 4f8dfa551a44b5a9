#include "proto/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/tls_internal.h"

struct tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    struct tls_context *context;
    char expected[NODE_NAME_BYTES]; /* client: the agent that we call; "" for a server */
    enum peer_role role;            /* of the peer, once verified */
    char node[NODE_NAME_BYTES];
    struct err refusal; /* why we refused the peer's certificate; code 0 if we did not */
};

static int judge_name(struct tls *t, X509 *certificate, struct err *e)
{
    enum peer_role role;
    char node[NODE_NAME_BYTES];
    int r = tls_certificate_name(certificate, t->context->cluster, &role, node, e);

    if (r < 0)
        return r;
    if (t->expected[0] && (role != PEER_AGENT || strcmp(node, t->expected) != 0))
        return err_set(e, ERR_TLS, "Does the configured address belong to another host?",
                       "the certificate is of %s%s, not of agent %s",
                       role == PEER_AGENT     ? "agent "
                       : role == PEER_MONITOR ? "a monitor"
                                              : "a controller",
                       node, t->expected);
    t->role = role;
    STR_COPY(t->node, node);
    return 0;
}

/* " (valid until 2026-11-28 …)" */
static void valid_until(X509 *certificate, char *ret, size_t bytes)
{
    char at[CLOCK_TEXT_BYTES];
    int64_t s = tls_valid_until_s(certificate);

    if (s > 0)
        (void)str_printf(ret, bytes, " (valid until %s)", clock_text(s * 1000, at));
}

/* Called for each certificate of the peer's chain, leaf last. */
static int verify_cb(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *t = SSL_get_app_data(ssl);

    if (!ok) {
        int why = X509_STORE_CTX_get_error(store);
        const char *hint = NULL;
        char until[CLOCK_TEXT_BYTES + 16] = "";
        if (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID)
            hint = "Compare the clocks of both hosts; make a new certificate with make-certs.";
        if (why == X509_V_ERR_CERT_HAS_EXPIRED)
            valid_until(X509_STORE_CTX_get_current_cert(store), until, sizeof(until));
        err_set(&t->refusal, why == X509_V_ERR_CERT_HAS_EXPIRED ? ERR_EXPIRED : ERR_TLS, hint,
                "the peer's certificate is refused: %s%s", X509_verify_cert_error_string(why),
                until);
        return 0;
    }
    if (X509_STORE_CTX_get_error_depth(store) != 0)
        return 1;
    if (judge_name(t, X509_STORE_CTX_get_current_cert(store), &t->refusal) == 0)
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED); /* sent as "bad certificate" */
    return 0;
}

struct tls *tls_new(struct tls_context *c, const char *node)
{
    struct tls *t = mem_alloc(sizeof(*t));

    t->context = c;
    t->ssl = SSL_new(c->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out)
        abort(); /* out of memory */
    BIO_set_mem_eof_return(t->in, -1);
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_app_data(t->ssl, t);
    SSL_set_verify(t->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify_cb);
    if (node) {
        STR_COPY(t->expected, node);
        SSL_set_connect_state(t->ssl);
    } else {
        SSL_set_accept_state(t->ssl);
    }
    return t;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    mem_free(t);
}

void tls_feed(struct tls *t, const void *bytes, size_t len)
{
    size_t written;

    if (len > 0 && !BIO_write_ex(t->in, bytes, len, &written))
        abort(); /* out of memory */
}

/* What a peer says when it does not like our certificate, or NULL for another alert. */
static const char *certificate_alert(int reason)
{
    switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
        return "not of this cluster, or not allowed there";
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
        return "not made for this use";
    case SSL_AD_CERTIFICATE_REVOKED:
        return "revoked";
    case SSL_AD_CERTIFICATE_EXPIRED:
        return "expired, or not yet valid by its clock";
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_ACCESS_DENIED:
        return "not acceptable";
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_DECRYPT_ERROR: /* a CA of the same name with another key */
        return "not signed by its CA";
    case TLS13_AD_CERTIFICATE_REQUIRED:
        return "none was shown";
    default:
        return NULL;
    }
}

/* Turn what OpenSSL left behind into one of our errors. */
static int fail(struct tls *t, const char *doing, struct err *reterr)
{
    unsigned long code = ERR_get_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    const char *alert = NULL;

    ERR_clear_error();
    if (t->refusal.code != 0) {
        if (reterr)
            *reterr = t->refusal;
        return t->refusal.code;
    }
    if (code && ERR_GET_LIB(code) == ERR_LIB_SSL)
        alert = certificate_alert(ERR_GET_REASON(code));
    if (alert)
        return err_set(
            reterr, ERR_TLS,
            "Its log says more. Compare our certificate's CA, cluster and dates, and the "
            "clocks of both hosts.",
            "the peer refuses our certificate: %s", alert);
    return err_set(reterr, ERR_TLS, NULL, "TLS failed while %s: %s", doing,
                   text ? text : "no reason given");
}

int tls_handshake(struct tls *t, struct err *reterr)
{
    int r;

    ERR_clear_error();
    r = SSL_do_handshake(t->ssl);
    if (r == 1)
        return 1;
    if (SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ)
        return 0;
    return fail(t, "shaking hands", reterr);
}

int tls_read(struct tls *t, struct buf *plain, struct err *reterr)
{
    char chunk[4096];
    size_t n;

    while (plain->len < plain->cap) {
        size_t room = plain->cap - plain->len;
        ERR_clear_error();
        if (!SSL_read_ex(t->ssl, chunk, room < sizeof(chunk) ? room : sizeof(chunk), &n)) {
            switch (SSL_get_error(t->ssl, 0)) {
            case SSL_ERROR_WANT_READ:
                return 1;
            case SSL_ERROR_ZERO_RETURN:
                return 0;
            default:
                return fail(t, "reading", reterr);
            }
        }
        buf_add(plain, chunk, n);
    }
    return 1;
}

int tls_write(struct tls *t, const void *bytes, size_t len, struct err *reterr)
{
    size_t written;

    ERR_clear_error();
    if (!SSL_write_ex(t->ssl, bytes, len, &written))
        return fail(t, "writing", reterr);
    return 0;
}

void tls_goodbye(struct tls *t)
{
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void tls_output(struct tls *t, struct buf *out)
{
    char chunk[4096];
    int n;

    while ((n = BIO_read(t->out, chunk, sizeof(chunk))) > 0)
        buf_add(out, chunk, (size_t)n);
}

enum peer_role tls_peer_role(const struct tls *t)
{
    return t->role;
}

const char *tls_peer_node(const struct tls *t)
{
    return t->node;
}
