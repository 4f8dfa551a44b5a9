#include "base/lsn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* one half of an LSN: one to eight hexadecimal digits, then `end` */
static bool parse_half(const char **text, char end, uint32_t *ret_value)
{
    size_t digits = strspn(*text, "0123456789abcdefABCDEF");

    if (digits < 1 || digits > 8 || (*text)[digits] != end)
        return false;
    *ret_value = (uint32_t)strtoul(*text, NULL, 16);
    *text += digits + (end != '\0');
    return true;
}

bool lsn_parse(const char *text, uint64_t *ret_lsn)
{
    uint32_t high, low;

    if (!parse_half(&text, '/', &high) || !parse_half(&text, '\0', &low))
        return false;
    *ret_lsn = (uint64_t)high << 32 | low;
    return true;
}

const char *lsn_text(uint64_t lsn, char ret_text[LSN_TEXT_BYTES])
{
    str_printf(ret_text, LSN_TEXT_BYTES, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32),
               (uint32_t)lsn);
    return ret_text;
}
