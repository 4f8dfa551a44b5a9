#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { FIRST_BYTES = 256 };

void buf_init(struct buf *b, size_t cap_bytes)
{
    *b = (struct buf){.cap = cap_bytes, .size = FIRST_BYTES, .data = mem_alloc(FIRST_BYTES)};
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){0};
}

/* Room for `more` bytes and the NUL, or false (and overflow) when the cap forbids it. */
static bool make_room(struct buf *b, size_t more)
{
    if (b->overflow || more > b->cap - b->len) {
        b->overflow = true;
        return false;
    }

    size_t need = b->len + more + 1;
    size_t size = b->size;

    while (size < need)
        size *= 2;
    if (size != b->size)
        b->data = mem_realloc(b->data, size);
    b->size = size;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0 || !make_room(b, len))
        return;
    memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (len < 0) {
        b->overflow = true;
    } else if (make_room(b, (size_t)len)) {
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
}

void buf_consume(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    memmove(b->data, b->data + len, b->len - len + 1);
    b->len -= len;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->data[0] = '\0';
    b->overflow = false;
}
