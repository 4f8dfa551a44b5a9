/* What tls_context.c and tls.c share. Nobody else includes it. */
#pragma once

#include <openssl/ssl.h>

#include "proto/messages.h"

struct err;

int64_t tls_valid_until_s(X509 *certificate); /* Unix time; 0: it does not say */

struct tls_context {
    SSL_CTX *ctx;
    char cluster[CLUSTER_NAME_BYTES];
    enum peer_role role;   /* that our own certificate is of */
    int64_t valid_until_s; /* Unix time at which our own certificate expires */
};

/* Who the certificate says it is, if it is of `cluster`. ERR_TLS otherwise. */
int tls_certificate_name(X509 *certificate, const char *cluster, enum peer_role *ret_role,
                         char ret_node[NODE_NAME_BYTES], struct err *reterr);
