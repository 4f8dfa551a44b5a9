/*
 * What counts as entry or variable follows cron's own reading (crontab(5); load_env() and
 * load_entry() of Vixie's cron): blanks before it are skipped, `#` starts a comment only as the
 * first character.
 */
#include "base/crontab_lines.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

size_t crontab_skip_blanks(const char *s, size_t i, size_t len)
{
    while (i < len && is_blank(s[i]))
        i++;
    return i;
}

size_t crontab_skip_word(const char *s, size_t i, size_t len)
{
    while (i < len && !is_blank(s[i]))
        i++;
    return i;
}

/* NAME = value; the name may be quoted (crontab(5)) */
static bool is_variable(const char *s, size_t i, size_t len)
{
    size_t start = i;

    if (i < len && (s[i] == '"' || s[i] == '\'')) {
        char quote = s[i++];

        while (i < len && s[i] != quote)
            i++;
        if (i == len)
            return false;
        i++;
    } else {
        while (i < len && !is_blank(s[i]) && s[i] != '=')
            i++;
    }
    if (i == start)
        return false;
    i = crontab_skip_blanks(s, i, len);
    return i < len && s[i] == '=';
}

static bool is_entry(const char *s, size_t len)
{
    size_t i = crontab_skip_blanks(s, 0, len);

    return i < len && s[i] != '#' && !is_variable(s, i, len);
}

static bool is_marker(const struct crontab_line *l, const char *marker)
{
    size_t len = l->body;

    while (len > 0 && is_blank(l->bytes[len - 1]))
        len--;
    return len == strlen(marker) && memcmp(l->bytes, marker, len) == 0;
}

static enum crontab_line_kind kind_of(const struct crontab_line *l)
{
    if (is_marker(l, CRONTAB_BEGIN))
        return LINE_BEGIN;
    if (is_marker(l, CRONTAB_END))
        return LINE_END;
    if (is_entry(l->bytes, l->body))
        return LINE_ON;
    /* only our mark before an entry: before anything else a human wrote it */
    if (l->body > CRONTAB_MARK_LEN && memcmp(l->bytes, CRONTAB_OFF_MARK, CRONTAB_MARK_LEN) == 0 &&
        is_entry(l->bytes + CRONTAB_MARK_LEN, l->body - CRONTAB_MARK_LEN))
        return LINE_OFF;
    return LINE_OTHER;
}

static struct crontab_line line_at(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    struct crontab_line l = {.bytes = text, .len = newline ? (size_t)(newline - text) + 1 : len};

    l.body = l.len - (newline ? 1 : 0);
    if (l.body > 0 && l.bytes[l.body - 1] == '\r')
        l.body--;
    l.kind = kind_of(&l);
    return l;
}

int crontab_bad_line(struct err *e, size_t index, const char *what)
{
    return err_set(e, ERR_INVALID,
                   "edit it with `crontab -e`: one line \"" CRONTAB_BEGIN
                   "\" and after it one line \"" CRONTAB_END "\"",
                   "crontab line %zu: %s", index + 1, what);
}

static void bad(struct crontab_lines *ls, size_t index, const char *why)
{
    ls->bad = index;
    ls->why = why;
}

static void find_block(struct crontab_lines *ls)
{
    for (size_t i = 0; i < ls->n && ls->bad == SIZE_MAX; i++) {
        if (ls->at[i].kind == LINE_BEGIN) {
            if (ls->begin != SIZE_MAX)
                bad(ls, i, "a second pgtandem block begins here");
            ls->begin = i;
        } else if (ls->at[i].kind == LINE_END) {
            if (ls->begin == SIZE_MAX || ls->end != SIZE_MAX)
                bad(ls, i, "a pgtandem block ends here that has not begun");
            ls->end = i;
        }
    }
    if (ls->bad == SIZE_MAX && ls->begin != SIZE_MAX && ls->end == SIZE_MAX)
        bad(ls, ls->begin, "the pgtandem block that begins here is never closed");
}

int crontab_lines_scan(const char *text, size_t len, struct arena *a, struct crontab_lines *ls,
                       struct err *reterr)
{
    size_t n = 1;

    *ls = (struct crontab_lines){.begin = SIZE_MAX, .end = SIZE_MAX, .bad = SIZE_MAX};
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0')
            return crontab_bad_line(reterr, n - 1, "a NUL byte");
        n += text[i] == '\n';
    }
    ls->at = arena_alloc(a, n * sizeof(*ls->at));
    for (size_t i = 0; i < len; i += ls->at[ls->n++].len)
        ls->at[ls->n] = line_at(text + i, len - i);
    find_block(ls);
    return 0;
}

int crontab_lines_read(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                       struct crontab_lines *ls, struct err *reterr)
{
    int r = crontab_lines_scan(text, len, a, ls, reterr);

    if (r < 0)
        return r;
    if (ls->bad != SIZE_MAX)
        return crontab_bad_line(reterr, ls->bad, ls->why);
    for (size_t i = 0; i < ls->n; i++)
        ls->at[i].managed = (ls->at[i].kind == LINE_ON || ls->at[i].kind == LINE_OFF) &&
                            (mode == CRONTAB_ALL || (ls->begin < i && i < ls->end));
    return 0;
}

const char *crontab_entry_of(const struct crontab_line *l, size_t *ret_len)
{
    size_t skip = l->kind == LINE_OFF ? CRONTAB_MARK_LEN : 0;

    *ret_len = l->body - skip;
    return l->bytes + skip;
}

/* ---- writing --------------------------------------------------------------------------------- */

void crontab_add_line(struct buf *b, const struct crontab_line *l, bool on)
{
    size_t skip = 0;

    if (l->managed && on && l->kind == LINE_OFF)
        skip = CRONTAB_MARK_LEN;
    if (l->managed && !on && l->kind == LINE_ON)
        buf_str(b, CRONTAB_OFF_MARK);
    buf_add(b, l->bytes + skip, l->len - skip);
}

void crontab_take(struct buf *b, struct arena *a, char **ret_text, size_t *ret_len)
{
    *ret_text = arena_strndup(a, b->data, b->len);
    *ret_len = b->len;
    buf_free(b);
}
