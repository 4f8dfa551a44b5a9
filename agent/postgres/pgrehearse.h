/* Words for a rehearsed connection that failed. Pure. */
#pragma once

#include <stddef.h>

struct upstream;

/* What the server itself said, without where libpq was connecting to: after "FATAL:", or after
 * "failed:". */
const char *pgrehearse_reason(const char *text);

/* What to type for that text: the line for pg_hba.conf with the address that the server saw (else
 * `own_address`), the password file, the role, … */
void pgrehearse_remedy(const char *text, const struct upstream *up, const char *own_address,
                       const char *user, char *ret_remedy, size_t bytes);
