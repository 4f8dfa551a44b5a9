/*
 * TSIG keys from files, in the forms that BIND, Knot and nsupdate users have:
 * `key "name" { algorithm hmac-sha256; secret "…"; };` (several, with comments), the one-line
 * `algorithm:name:secret`. As BIND reads them: words in any case, other statements between them.
 * Other forms are named with what to write instead (keyformat.h). The algorithm is required.
 * Secrets never reach a message.
 */
#pragma once

#include <stddef.h>

struct arena;
struct err;

struct tsig_key {
    char name[256];     /* without the final dot, lower case */
    char algorithm[32]; /* "hmac-sha256" */
    char secret[256];   /* base64 */
};

/* Read the key called `name` from `path` (name "" or NULL: the only key in the file). Refuses a
 * file that others can write or read beyond its group: e is ERR_CONFIG and names the chmod to
 * type. */
int keyfile_load(const char *path, const char *name, struct tsig_key *ret_key, struct err *reterr);

/* The same from text in memory (errors show `origin` as the file). */
int keyfile_parse(const char *origin, const char *text, size_t len, const char *name,
                  struct tsig_key *ret_key, struct err *reterr);
