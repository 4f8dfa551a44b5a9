/* Any text as an ownership record: what is accepted is in the one form that the writer writes, byte
 * by byte, because records are compared as text. */
#include "dnsupdate/register.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) a = arena_new();
    const char *text = arena_strndup(a, (const char *)data, size);
    char again[REGISTER_TEXT_BYTES];
    struct record r;
    struct err e = {0};

    if (register_parse(text, &r, &e) < 0) {
        if (e.code != ERR_REGISTER || !e.msg[0])
            abort();
        return 0;
    }
    if (register_format(&r, again, &e) < 0 || strcmp(text, again) != 0)
        abort();
    return 0;
}
