#include "proto/frame.h"

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

int frame_put(struct buf *out, const void *json, size_t len, struct err *reterr)
{
    unsigned char header[FRAME_HEADER_BYTES];

    if (len == 0 || len > FRAME_CAP_BYTES)
        return err_set(reterr, ERR_TOO_LONG, NULL,
                       "a message of %zu bytes does not fit into a frame (at most %d)", len,
                       FRAME_CAP_BYTES);
    header[0] = (unsigned char)(len >> 24);
    header[1] = (unsigned char)(len >> 16);
    header[2] = (unsigned char)(len >> 8);
    header[3] = (unsigned char)len;
    buf_add(out, header, sizeof(header));
    buf_add(out, json, len);
    return 0;
}

int frame_get(const void *bytes, size_t len, size_t cap_bytes, const char **ret_json,
              size_t *ret_len, struct err *reterr)
{
    const unsigned char *b = bytes;
    uint32_t n;

    if (len < FRAME_HEADER_BYTES)
        return 0;
    n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    if (n == 0 || n > cap_bytes)
        return err_set(reterr, ERR_PROTOCOL, NULL,
                       "a frame of %u bytes was announced, 1 to %zu are allowed here", n,
                       cap_bytes);
    if (len - FRAME_HEADER_BYTES < n)
        return 0;
    *ret_json = (const char *)b + FRAME_HEADER_BYTES;
    *ret_len = n;
    return 1;
}
