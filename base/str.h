/* Text in fixed arrays, text into numbers: nothing is cut or misread without the caller knowing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Copy `src` into the fixed array `dst` (NUL-terminated). False if it was cut. */
bool str_copy(char *dst, size_t dst_bytes, const char *src);
/* snprintf into a fixed array; false if it was cut. */
bool str_printf(char *dst, size_t dst_bytes, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define STR_COPY(array, src) str_copy((array), sizeof(array), (src))
#define STR_PRINTF(array, ...) str_printf((array), sizeof(array), __VA_ARGS__)

/* Text from elsewhere (a peer's words, a crontab's line, a DNS record) as one harmless line, in
 * place: what would move a cursor or begin a line of its own becomes a blank (tab, newline) or '?'
 * (other control characters, C1 in UTF-8 too; a terminal obeys them). The length stays. */
void str_make_printable(char *text);

/* Whole-string conversions; false when anything but the number is there or it is out of range. */
bool str_to_int(const char *s, long long min, long long max, long long *ret_value);
bool str_to_u64(const char *s, unsigned long long *ret_value);

/* Cut `text` (it is written to) at blanks and tabs into at most `max` words; argv[count] is NULL:
 * argv has max + 1 places. The count. Never a shell: no quotes. */
size_t str_words(char *text, const char **argv, size_t max);

/* How many letters must be put in, taken out or changed to get from one word to the other; words
 * longer than 63 bytes are "far" (SIZE_MAX). For "did you mean …?". */
size_t str_distance(const char *a, const char *b);
