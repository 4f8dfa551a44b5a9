/* What a peer may send once its certificate is accepted: frames, hello, request, reply. Whatever is
 * read must be written and read again as the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(const struct field_table *t, const char *json, size_t len)
{
    AUTO(arena) a = arena_new();
    void *once = arena_alloc(a, t->size), *twice = arena_alloc(a, t->size);

    if (field_from_text(t, json, len, once, a, NULL) < 0)
        return;
    char *text = field_to_text(t, once, a);
    if (field_from_text(t, text, strlen(text), twice, a, NULL) < 0 ||
        strcmp(text, field_to_text(t, twice, a)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *json;
    size_t len;
    struct hello ours, theirs;

    hello_fill(&ours, PEER_AGENT, "ia2", "db01");
    while (frame_get(data, size, FRAME_CAP_BYTES, &json, &len, NULL) == 1) {
        hello_read(json, len, &ours, &theirs, NULL);
        read_as(&request_table, json, len);
        read_as(&reply_table, json, len);
        data += frame_size(len);
        size -= frame_size(len);
    }
    return 0;
}
