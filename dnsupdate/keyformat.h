/*
 * What a file is that is no key file of ours: the forms in which other programs keep TSIG keys, by
 * their first line. For a text that could not be read as a key; no secret reaches the message.
 */
#pragma once

#include <stddef.h>

struct err;

/* Replace *reterr (NULL is fine) where the form is known; else leave it as it is. */
void keyformat_name(const char *origin, const char *text, size_t len, struct err *reterr);
