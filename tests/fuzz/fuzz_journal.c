/*
 * Any bytes as a journal. The first byte says how:
 *   even  the rest is the file
 *   odd   the rest are lines of JSON without their hashes: the chain is made here, so that the
 *         reader sees what lies behind it; then a byte, which two bytes of the input choose, is
 *         flipped: that must not pass.
 */
#include "controller/journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_BYTES = 4 };

static void must(bool promise)
{
    if (!promise)
        abort();
}

/* -> how many records, -1: refused */
static int records(const char *text, size_t len, bool *ret_torn)
{
    struct journal_file *f;
    struct err e = {0};
    int n;

    if (journal_parse("/j/20260128T031415.123-0123456789abcdef.journal", text, len, &f, &e) < 0) {
        must(e.code == ERR_INVALID && strstr(e.msg, "line "));
        return -1;
    }
    n = (int)f->n_records;
    for (int i = 0; i < n; i++)
        must(f->records[i].n == i + 1 && f->records[i].kind >= JOURNAL_BEGIN &&
             f->records[i].kind <= JOURNAL_END);
    *ret_torn = f->torn;
    journal_file_free(f);
    return n;
}

/* A line `{…}` of the input gets the hash of the one before and its own. */
static void chain(const char *text, size_t len, struct buf *out)
{
    char prev[JOURNAL_HASH_BYTES] = JOURNAL_NO_PREVIOUS;

    for (const char *p = text, *end = text + len; p < end;) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((newline ? newline : end) - p), start = out->len;

        if (n > 1 && p[n - 1] == '}') {
            buf_add(out, p, n - 1);
            buf_printf(out, ",\"prev\":\"%s\"", prev);
            journal_hash(out->data + start, out->len - start, prev);
            buf_printf(out, ",\"hash\":\"%s\"}\n", prev);
        } else {
            buf_add(out, p, n);
            buf_str(out, "\n");
        }
        p = newline ? newline + 1 : end;
    }
}

static void flip(struct buf *b, size_t where, unsigned char how, int whole)
{
    size_t at = where % b->len;
    bool last = at + 1 == b->len, torn = false;
    int n;

    b->data[at] = (char)((unsigned char)b->data[at] ^ (how ? how : 1));
    n = records(b->data, b->len, &torn);
    /* without its newline the last line counts as torn, which is told */
    must(n == -1 || (last && torn && n == whole - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool torn = false;
    struct buf b;

    if (size < HEADER_BYTES)
        return 0;
    buf_init(&b, (size_t)1 << 20);
    if (data[0] & 1)
        chain((const char *)data + HEADER_BYTES, size - HEADER_BYTES, &b);
    else
        buf_add(&b, data + HEADER_BYTES, size - HEADER_BYTES);

    int n = records(b.data, b.len, &torn);

    if ((data[0] & 1) && n > 0 && !torn)
        flip(&b, (size_t)data[1] << 8 | data[2], data[3], n);
    buf_free(&b);
    return 0;
}
