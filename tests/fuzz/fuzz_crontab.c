/*
 * Any bytes as a crontab, in both modes. The editor's promises (I13): it touches managed entries
 * only, by the mark alone; off and on again gives the same bytes; doing it twice is doing it once;
 * adopt and unadopt are each other's opposite; parity and environment do not depend on what is on.
 */
#include "base/crontab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crontab_known.h"
#include "base/err.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    char *bytes;
    size_t len;
};

static void must(bool promise)
{
    if (!promise)
        abort();
}

static bool same(const struct text *x, const struct text *y)
{
    return x->len == y->len && memcmp(x->bytes, y->bytes, x->len) == 0;
}

static struct text set(const struct text *t, enum crontab_mode mode, bool on, struct arena *a)
{
    struct text ret = {NULL, 0};

    must(crontab_set(t->bytes, t->len, mode, on, a, &ret.bytes, &ret.len, NULL) == 0);
    return ret;
}

static struct crontab_summary summary(const struct text *t, enum crontab_mode mode)
{
    struct crontab_summary s;

    must(crontab_summarize(t->bytes, t->len, mode, &s, NULL) == 0);
    return s;
}

static size_t line_bytes(const struct text *t, size_t at)
{
    const char *newline = memchr(t->bytes + at, '\n', t->len - at);

    return newline ? (size_t)(newline - t->bytes) + 1 - at : t->len - at;
}

/* Each line of `off` is the one of `on`, or has our mark before it. */
static void differ_by_marks(const struct text *on, const struct text *off, size_t entries)
{
    static const char mark[] = CRONTAB_OFF_MARK;
    const size_t mark_len = sizeof(mark) - 1;
    size_t marked = 0, j = 0;

    for (size_t i = 0; i < on->len;) {
        size_t n = line_bytes(on, i), m = line_bytes(off, j);

        if (n == m) {
            must(memcmp(on->bytes + i, off->bytes + j, n) == 0);
        } else {
            must(m == n + mark_len && memcmp(off->bytes + j, mark, mark_len) == 0 &&
                 memcmp(on->bytes + i, off->bytes + j + mark_len, n) == 0);
            marked++;
        }
        i += n;
        j += m;
    }
    must(j == off->len && marked == entries);
}

static void in_mode(const struct text *t, enum crontab_mode mode, struct arena *a)
{
    struct crontab_summary s, s_off, s_on;
    struct err e = {0};
    char **commands;

    if (crontab_summarize(t->bytes, t->len, mode, &s, &e) < 0) {
        must(e.code == ERR_INVALID && e.msg[0]);
        return;
    }
    struct text off = set(t, mode, false, a), on = set(t, mode, true, a), again;
    s_off = summary(&off, mode);
    s_on = summary(&on, mode);
    must(s_off.on == 0 && s_off.off == s.on + s.off && s_on.off == 0 && s_on.on == s.on + s.off);
    must(strcmp(s.parity, s_off.parity) == 0 && strcmp(s.parity, s_on.parity) == 0);
    must(s.unmanaged == s_off.unmanaged && s.unmanaged == s_on.unmanaged);
    differ_by_marks(&on, &off, s_off.off);
    again = set(&off, mode, true, a);
    must(same(&again, &on) && (s.off > 0 || same(&again, t)));
    again = set(&on, mode, false, a);
    must(same(&again, &off) && (s.on > 0 || same(&again, t)));
    must(crontab_commands(t->bytes, t->len, mode, true, a, &commands, NULL) == 0);
    must(strcmp(s.environment, s_off.environment) == 0);
    size_t taken = 0;
    if (crontab_sync(t->bytes, t->len, on.bytes, on.len, mode, true, a, &again.bytes, &again.len,
                     &taken, NULL) == 0)
        must(taken > 0 || same(&again, &on));
}

/* Any text, whole or not: what is known, and what has our mark, goes off by the mark alone. */
static void with_known(const struct text *t, const char *known, struct arena *a)
{
    struct text off = {NULL, 0}, again = {NULL, 0};
    struct crontab_damage d;

    if (crontab_set_known(t->bytes, t->len, known, false, a, &off.bytes, &off.len, NULL) < 0)
        return;
    must(crontab_set_known(off.bytes, off.len, known, false, a, &again.bytes, &again.len, NULL) ==
         0);
    must(same(&off, &again));
    must(!crontab_is_damaged(off.bytes, off.len, known, &d) || d.on == 0);
    must(crontab_set_known(t->bytes, t->len, known, true, a, &again.bytes, &again.len, NULL) == 0);
    must(again.len <= t->len);
}

static void adopted(const struct text *t, struct arena *a)
{
    struct text in = {NULL, 0}, out = {NULL, 0};

    if (crontab_adopt(t->bytes, t->len, a, &in.bytes, &in.len, NULL) < 0)
        return;
    must(summary(&in, CRONTAB_BLOCK).has_block);
    must(strcmp(summary(&in, CRONTAB_BLOCK).environment, summary(t, CRONTAB_ALL).environment) == 0);
    must(strcmp(summary(&in, CRONTAB_BLOCK).parity, summary(t, CRONTAB_ALL).parity) == 0);
    must(crontab_unadopt(in.bytes, in.len, a, &out.bytes, &out.len, NULL) == 0 && same(&out, t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) a = arena_new();
    const struct text t = {arena_strndup(a, (const char *)data, size), size};

    in_mode(&t, CRONTAB_BLOCK, a);
    in_mode(&t, CRONTAB_ALL, a);
    adopted(&t, a);
    const char *known = crontab_known(t.bytes, t.len, a);
    with_known(&t, known ? known : "* * * * * x\n", a);
    return 0;
}
