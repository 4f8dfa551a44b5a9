#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An arena is a list of blocks, the newest first; small pieces are cut from it one after another. A
 * piece larger than a block gets one of its own, behind the head, so that the head stays in use. */
enum { BLOCK_BYTES = 8192 - 64 };

struct block {
    struct block *next;
    size_t size, used;
    max_align_t bytes[];
};

struct arena {
    struct block *head;
};

static void *or_abort(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void auto_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

int auto_fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

void *mem_alloc(size_t bytes)
{
    return or_abort(calloc(1, bytes ? bytes : 1));
}

void *mem_realloc(void *p, size_t bytes)
{
    return or_abort(realloc(p, bytes ? bytes : 1));
}

char *mem_strdup(const char *s)
{
    return s ? or_abort(strdup(s)) : NULL;
}

void mem_free(void *p)
{
    free(p);
}

void auto_str(char **p)
{
    free(*p);
}

struct arena *arena_new(void)
{
    return mem_alloc(sizeof(struct arena));
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    for (struct block *b = a->head; b;) {
        struct block *next = b->next;

        free(b);
        b = next;
    }
    free(a);
}

static struct block *block_new(size_t size)
{
    struct block *b = mem_alloc(sizeof(*b) + size);

    b->size = size;
    return b;
}

static struct block *block_with_room(struct arena *a, size_t bytes)
{
    if (a->head && a->head->size - a->head->used >= bytes)
        return a->head;

    struct block *b = block_new(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);

    if (a->head && bytes > BLOCK_BYTES) {
        b->next = a->head->next;
        a->head->next = b;
    } else {
        b->next = a->head;
        a->head = b;
    }
    return b;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    const size_t align = sizeof(max_align_t);

    if (bytes > SIZE_MAX / 2)
        or_abort(NULL);
    bytes = (bytes + align - 1) / align * align;
    if (bytes == 0)
        bytes = align;

    struct block *b = block_with_room(a, bytes);
    void *piece = (char *)b->bytes + b->used;

    b->used += bytes;
    return piece;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);

    memcpy(copy, s, len);
    return copy; /* the arena's memory is zeroed: it ends in NUL */
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        or_abort(NULL);

    char *text = arena_alloc(a, (size_t)len + 1);

    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
