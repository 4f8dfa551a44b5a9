/* SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits: what a crontab, a state file and a line
 * of the journal are recognized by. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { SHA256_HEX_BYTES = 65 };

/* False, and `ret_hex` untouched, when libcrypto gives none. */
bool sha256_hex(const void *bytes, size_t len, char ret_hex[SHA256_HEX_BYTES]);
