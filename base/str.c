#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool str_copy(char *dst, size_t dst_bytes, const char *src)
{
    size_t len = strnlen(src, dst_bytes);
    bool fits = len < dst_bytes;

    if (!fits)
        len = dst_bytes - 1;
    memmove(dst, src, len);
    dst[len] = '\0';
    return fits;
}

bool str_printf(char *dst, size_t dst_bytes, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(dst, dst_bytes, fmt, args);
    va_end(args);
    return len >= 0 && (size_t)len < dst_bytes;
}

void str_make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p == '\t' || *p == '\n' || *p == '\r')
            *p = ' ';
        else if (*p < ' ' || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) /* U+0080 to U+009F */
            p[0] = p[1] = '?';
    }
}

/* strtoll skips blanks and strtoull takes a minus sign: both would accept more than a number */
static bool starts_like_number(const char *s, bool may_be_negative)
{
    if (may_be_negative && *s == '-')
        s++;
    return isdigit((unsigned char)*s);
}

bool str_to_int(const char *s, long long min, long long max, long long *ret_value)
{
    if (!starts_like_number(s, true))
        return false;

    char *end;

    errno = 0;
    long long value = strtoll(s, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

bool str_to_u64(const char *s, unsigned long long *ret_value)
{
    if (!starts_like_number(s, false))
        return false;

    char *end;

    errno = 0;
    unsigned long long value = strtoull(s, &end, 10);
    if (errno || *end)
        return false;
    *ret_value = value;
    return true;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

size_t str_words(char *text, const char **argv, size_t max)
{
    size_t n = 0;

    while (*(text += strspn(text, " \t")) && n < max) {
        argv[n++] = text;
        text += strcspn(text, " \t");
        if (*text)
            *text++ = '\0';
    }
    argv[n] = NULL;
    return n;
}

/* Levenshtein's table, one row at a time */
size_t str_distance(const char *a, const char *b)
{
    enum { MOST = 63 };
    size_t row[MOST + 1];
    size_t len_b = strlen(b);

    if (strlen(a) > MOST || len_b > MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= len_b; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];

            row[j] = least(row[j - 1] + 1, above + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len_b];
}
