/* What a peer may send once its certificate is accepted: frames, hello, request, reply. Whatever is
 * read must be written and read again as the same, and its one-line strings must not hold a byte
 * that a terminal would obey. Input that begins with a brace is one frame's JSON. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_strings(const struct field_table *t, const char *obj)
{
    for (const struct field *f = t->fields; f < t->fields + t->count; f++) {
        size_t n = 0;

        if (f->type == FIELD_STRUCT)
            check_strings(f->sub, obj + f->offset);
        if (f->type == FIELD_LIST)
            memcpy(&n, obj + f->count_offset, sizeof(n));
        for (size_t i = 0; i < n; i++)
            check_strings(f->sub, obj + f->offset + i * f->size);
        for (const char *p = obj + f->offset; f->type == FIELD_STRING && *p; p++)
            if ((unsigned char)*p < ' ' || *p == 0x7f)
                abort();
    }
}

static void read_as(const struct field_table *t, const char *json, size_t len)
{
    AUTO(arena) a = arena_new();
    void *once = arena_alloc(a, t->size), *twice = arena_alloc(a, t->size);
    struct err e = {0};

    if (field_from_text(t, json, len, once, a, &e) < 0) {
        if (e.code != ERR_INVALID || strncmp(e.msg, t->name, strlen(t->name)) != 0)
            abort();
        return;
    }
    field_make_printable(t, once);
    check_strings(t, once);
    char *text = field_to_text(t, once, a);
    if (field_from_text(t, text, strlen(text), twice, a, NULL) < 0 ||
        strcmp(text, field_to_text(t, twice, a)) != 0)
        abort();
}

static void take(const char *json, size_t len)
{
    struct hello ours, theirs;

    hello_fill(&ours, PEER_AGENT, "ia2", "db01");
    hello_read(json, len, &ours, &theirs, NULL);
    read_as(&request_table, json, len);
    read_as(&reply_table, json, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json;
    size_t len;

    if (size > 0 && data[0] == '{')
        take((const char *)data, size);
    while (frame_get(data, size, FRAME_CAP_BYTES, &json, &len, NULL) == 1) {
        take(json, len);
        data += frame_size(len);
        size -= frame_size(len);
    }
    return 0;
}
