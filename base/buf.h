/*
 * A growing byte buffer with a cap. Appending past the cap sets `overflow` and drops these bytes
 * and all later ones, until buf_clear(): check once, at the end (buf_ok). `data` is always
 * NUL-terminated, so text needs no copy.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct buf {
    char *data;    /* owned; never NULL after buf_init */
    size_t len;    /* bytes in use, without the final NUL */
    size_t size;   /* bytes allocated */
    size_t cap;    /* most bytes allowed in `len` */
    bool overflow; /* something was dropped */
};

void buf_init(struct buf *b, size_t cap_bytes);
void buf_free(struct buf *b);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t len); /* drop `len` bytes from the front */
void buf_clear(struct buf *b);
static inline bool buf_ok(const struct buf *b)
{
    return !b->overflow;
}
