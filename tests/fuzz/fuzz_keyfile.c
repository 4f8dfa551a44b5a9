/* Any bytes as a TSIG key file: what is accepted is a usable key, and is read again as the same
 * from both forms of a key file. No message shows the secret. */
#include "dnsupdate/keyfile.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dnsupdate/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_from(const char *text, const struct tsig_key *key)
{
    struct tsig_key again;

    if (keyfile_parse("fuzz", text, strlen(text), key->name, &again, NULL) < 0 ||
        strcmp(again.name, key->name) != 0 || strcmp(again.algorithm, key->algorithm) != 0 ||
        strcmp(again.secret, key->secret) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) a = arena_new();
    const char *text = arena_strndup(a, (const char *)data, size);
    struct tsig_key key = {.name = ""};
    uint8_t secret[192];
    size_t len;
    struct err e = {0};

    if (keyfile_parse("fuzz", text, size, NULL, &key, &e) < 0) {
        if (e.code != ERR_CONFIG || strncmp(e.msg, "fuzz", 4) != 0)
            abort();
        return 0;
    }
    if (!wire_name_valid(key.name) || tsig_algorithm_bytes(key.algorithm) == 0 ||
        !tsig_secret(key.secret, secret, sizeof(secret), &len))
        abort();
    same_from(arena_printf(a, "key \"%s\" { algorithm %s; secret \"%s\"; };\n", key.name,
                           key.algorithm, key.secret),
              &key);
    same_from(arena_printf(a, "%s:%s:%s", key.algorithm, key.name, key.secret), &key);
    return 0;
}
