#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/str.h"

bool sha256_hex(const void *bytes, size_t len, char ret_hex[SHA256_HEX_BYTES])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(bytes, len, sum, &n, EVP_sha256(), NULL) != 1 || n != 32)
        return false;
    for (size_t i = 0; i < n; i++)
        str_printf(ret_hex + 2 * i, 3, "%02x", sum[i]);
    return true;
}
