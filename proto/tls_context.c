#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/tls.h"
#include "proto/tls_internal.h"

#define SCHEME "pgtandem:"

enum {
    CHAIN_CAP_BYTES = 16384, /* a peer's certificates; ours are below 1 KiB each */
    KEY_CAP_BYTES = 16384,
    PUBLIC_CAP_BYTES = 1 << 20, /* a file of certificates */
};

static int openssl_error(struct err *reterr, int code, const char *what, const char *path)
{
    unsigned long why = ERR_peek_last_error();
    const char *text = why ? ERR_reason_error_string(why) : NULL;

    ERR_clear_error();
    return err_set(reterr, code, NULL, "%s %s: %s", what, path, text ? text : "unreadable");
}

/* ---- names ------------------------------------------------------------------------------- */

int tls_name_parse(const char *uri, const char *cluster, enum peer_role *ret_role,
                   char ret_node[NODE_NAME_BYTES], struct err *reterr)
{
    static const struct {
        const char *name;
        enum peer_role role;
    } nodeless[] = {{":controller", PEER_CONTROLLER}, {":monitor", PEER_MONITOR}};
    static const char agent[] = ":agent:";
    size_t len = strlen(cluster);
    const char *rest = uri + strlen(SCHEME);

    if (strncmp(uri, SCHEME, strlen(SCHEME)) != 0)
        return err_set(reterr, ERR_TLS, NULL, "the certificate's name \"%.100s\" is not ours", uri);
    if (strncmp(rest, cluster, len) != 0 || rest[len] != ':')
        return err_set(reterr, ERR_TLS, "Each cluster has its own CA and certificates: make-certs.",
                       "the certificate \"%.100s\" is not of cluster %s", uri, cluster);
    rest += len;
    for (size_t i = 0; i < sizeof(nodeless) / sizeof(nodeless[0]); i++)
        if (strcmp(rest, nodeless[i].name) == 0) {
            *ret_role = nodeless[i].role;
            ret_node[0] = '\0';
            return 0;
        }
    if (strncmp(rest, agent, strlen(agent)) == 0 &&
        register_node_name_valid(rest + strlen(agent))) {
        *ret_role = PEER_AGENT;
        str_copy(ret_node, NODE_NAME_BYTES, rest + strlen(agent));
        return 0;
    }
    return err_set(
        reterr, ERR_TLS, NULL,
        "the certificate \"%.100s\" is neither a controller's, a monitor's nor an agent's", uri);
}

/* The one URI of our scheme among the subject alternative names, or NULL if there is none, or
 * several, or one with a NUL inside. */
static const char *our_uri(const GENERAL_NAMES *names)
{
    const char *found = NULL;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_STRING *uri = name->d.uniformResourceIdentifier;
        const char *text = (const char *)ASN1_STRING_get0_data(uri);
        if (strlen(text) != (size_t)ASN1_STRING_length(uri))
            return NULL;
        if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
            continue;
        if (found)
            return NULL;
        found = text;
    }
    return found;
}

int tls_certificate_name(X509 *certificate, const char *cluster, enum peer_role *ret_role,
                         char ret_node[NODE_NAME_BYTES], struct err *reterr)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    const char *uri = names ? our_uri(names) : NULL;
    int r;

    if (uri)
        r = tls_name_parse(uri, cluster, ret_role, ret_node, reterr);
    else
        r = err_set(reterr, ERR_TLS, "make-certs makes certificates with the right name.",
                    "the certificate does not have exactly one name URI:%s…", SCHEME);
    GENERAL_NAMES_free(names);
    return r;
}

/* ---- context ----------------------------------------------------------------------------- */

static SSL_CTX *new_ctx(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());

    if (!ctx)
        abort(); /* out of memory */
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_max_early_data(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* an idle connection is small */
    SSL_CTX_set_max_cert_list(ctx, CHAIN_CAP_BYTES);
    return ctx;
}

/* A key that wants a passphrase is an error, not a question. */
static int no_passphrase(char *text, int bytes, int writing, void *arg)
{
    (void)text;
    (void)bytes;
    (void)writing;
    (void)arg;
    return 0;
}

/* The bytes that were judged are the ones that are used: no second look at the path. */
static int load_key(SSL_CTX *ctx, const char *path, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text = NULL;
    size_t len = 0;
    int r = file_read_private(path, 0077, KEY_CAP_BYTES, a, &text, &len, reterr);

    if (r < 0) {
        err_prefix(reterr, "private key");
        return r;
    }
    BIO *bio = BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, no_passphrase) : NULL;

    BIO_free(bio);
    OPENSSL_cleanse(text, len);
    if (!key || SSL_CTX_use_PrivateKey(ctx, key) != 1)
        r = openssl_error(reterr, ERR_CONFIG, "private key", path);
    EVP_PKEY_free(key);
    return r;
}

/* OpenSSL would wait for ever for a FIFO, and say less of a directory. */
static int check_public(const char *what, const char *path, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    char *text;
    int r = file_read(path, PUBLIC_CAP_BYTES, a, &text, NULL, reterr);

    if (r < 0)
        err_prefix(reterr, "%s", what);
    return r;
}

static int load_files(SSL_CTX *ctx, const struct tls_files *f, struct err *reterr)
{
    int r = check_public("certificate authority", f->ca, reterr);

    if (r == 0)
        r = check_public("certificate", f->certificate, reterr);
    if (r < 0)
        return r;
    if (!SSL_CTX_load_verify_file(ctx, f->ca))
        return openssl_error(reterr, ERR_CONFIG, "certificate authority", f->ca);
    if (SSL_CTX_use_certificate_chain_file(ctx, f->certificate) != 1)
        return openssl_error(reterr, ERR_CONFIG, "certificate", f->certificate);
    return load_key(ctx, f->key, reterr);
}

/* Dates are not looked at: a host whose certificate has expired must still start its agent, whose
 * guard and watch need no peer. Peers refuse it, and tls_context_days_left() shows it. */
static int check_chain(SSL_CTX *ctx, X509 *own, const struct tls_files *f, struct err *reterr)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    int r = 0;

    if (!check || !X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(ctx), own, NULL))
        abort(); /* out of memory */
    X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(check), X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(check) != 1)
        r = err_set(reterr, ERR_CONFIG, "Both must come from the same make-certs directory.",
                    "certificate %s does not belong to the authority %s: %s", f->certificate, f->ca,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(check)));
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return r;
}

/* A controller's program may have a monitor's certificate: then it can only look. */
static int check_own_name(X509 *own, const struct tls_files *f, const char *cluster,
                          enum peer_role role, const char *node, enum peer_role *ret_role,
                          struct err *reterr)
{
    enum peer_role is_role;
    char is_node[NODE_NAME_BYTES];
    int r = tls_certificate_name(own, cluster, &is_role, is_node, reterr);

    if (r < 0) {
        if (reterr)
            reterr->code = ERR_CONFIG;
        err_prefix(reterr, "%s", f->certificate);
        return ERR_CONFIG;
    }
    *ret_role = is_role;
    if (role == PEER_CONTROLLER && is_role == PEER_MONITOR)
        return 0;
    if (is_role != role || (role == PEER_AGENT && strcmp(is_node, node) != 0))
        return err_set(reterr, ERR_CONFIG, NULL, "certificate %s is of %s %s, not of %s %s",
                       f->certificate, peer_role_names[is_role], is_node, peer_role_names[role],
                       role == PEER_AGENT ? node : "");
    return 0;
}

int64_t tls_valid_until_s(X509 *certificate)
{
    struct tm tm = {0};

    if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm))
        return 0;
    return (int64_t)timegm(&tm);
}

int tls_context_new(const struct tls_files *files, const char *cluster, enum peer_role role,
                    const char *node, struct tls_context **ret_context, struct err *reterr)
{
    SSL_CTX *ctx = new_ctx();
    enum peer_role is_role = role;
    int r;

    ERR_clear_error();
    r = load_files(ctx, files, reterr);
    if (r == 0)
        r = check_chain(ctx, SSL_CTX_get0_certificate(ctx), files, reterr);
    if (r == 0)
        r = check_own_name(SSL_CTX_get0_certificate(ctx), files, cluster, role, node, &is_role,
                           reterr);
    if (r < 0) {
        SSL_CTX_free(ctx);
        return r;
    }

    struct tls_context *c = mem_alloc(sizeof(*c));
    c->ctx = ctx;
    c->role = is_role;
    c->valid_until_s = tls_valid_until_s(SSL_CTX_get0_certificate(ctx));
    STR_COPY(c->cluster, cluster);
    *ret_context = c;
    return 0;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx);
    mem_free(c);
}

int tls_context_reload(struct tls_context *c, const struct tls_files *files, enum peer_role role,
                       const char *node, struct err *reterr)
{
    struct tls_context *fresh;
    int r = tls_context_new(files, c->cluster, role, node, &fresh, reterr);

    if (r < 0)
        return r;
    SSL_CTX *old = c->ctx; /* each open connection has a reference of its own */
    c->ctx = fresh->ctx;
    c->valid_until_s = fresh->valid_until_s;
    c->role = fresh->role;
    fresh->ctx = old;
    tls_context_free(fresh);
    return 0;
}

enum peer_role tls_context_role(const struct tls_context *c)
{
    return c->role;
}

int64_t tls_context_valid_until_s(const struct tls_context *c)
{
    return c->valid_until_s;
}

int64_t tls_context_days_left(const struct tls_context *c, int64_t wall_ms)
{
    int64_t left_s = c->valid_until_s - wall_ms / 1000;

    return left_s >= 0 ? left_s / 86400 : -1;
}

const char *tls_context_cluster(const struct tls_context *c)
{
    return c->cluster;
}
