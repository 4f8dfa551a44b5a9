/*
 * Frames: 4 bytes of big-endian length, then so many bytes of JSON. Pure: bytes in, bytes out.
 *
 * A frame of no bytes, or of more than the cap, is an error as soon as its length has been read:
 * nothing is kept for it.
 */
#pragma once

#include <stddef.h>

struct buf;
struct err;

enum {
    FRAME_CAP_BYTES = 81920, /* most bytes of JSON in one frame */
    FRAME_HEADER_BYTES = 4,
};

/* Append one frame. ERR_TOO_LONG above the cap (nothing is appended). */
int frame_put(struct buf *out, const void *json, size_t len, struct err *reterr);

/* Look for a frame at the front of `len` bytes. 1: whole, *ret_json points into them and
 * frame_size() bytes are to be consumed; 0: not whole yet; ERR_PROTOCOL: it will never be one (its
 * length is 0, or over `cap_bytes`). */
int frame_get(const void *bytes, size_t len, size_t cap_bytes, const char **ret_json,
              size_t *ret_len, struct err *reterr);

static inline size_t frame_size(size_t json_len)
{
    return FRAME_HEADER_BYTES + json_len;
}
