/*
 * Secrets in a command line that is going to be shown or kept: PGPASSWORD=…, --password=…,
 * api_token='…', scheme://user:…@host. A guess by names, for text that others wrote and that goes
 * into logs and reports; what is ours never holds a secret in the first place.
 */
#pragma once

#include <stddef.h>

/* Copy `text` with each secret as "***", cut to fit; always terminated. */
void mask_secrets(const char *text, char *ret, size_t bytes);
