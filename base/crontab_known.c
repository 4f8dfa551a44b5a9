#include "base/crontab_known.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/crontab_lines.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

char *crontab_known(const char *text, size_t len, struct arena *a)
{
    struct crontab_lines ls;
    struct buf b;
    char *known;
    size_t known_len;

    if (crontab_lines_read(text, len, CRONTAB_BLOCK, a, &ls, NULL) < 0 || ls.begin == SIZE_MAX)
        return NULL;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++) {
        size_t entry_len;
        const char *entry = crontab_entry_of(&ls.at[i], &entry_len);

        if (!ls.at[i].managed)
            continue;
        buf_add(&b, entry, entry_len);
        buf_str(&b, "\n");
    }
    crontab_take(&b, a, &known, &known_len);
    return known;
}

static bool is_known(const char *known, const struct crontab_line *l)
{
    size_t len;
    const char *entry = crontab_entry_of(l, &len);

    for (const char *at = known; *at;) {
        size_t n = strcspn(at, "\n");

        if (n == len && memcmp(at, entry, n) == 0)
            return true;
        at += n + (at[n] == '\n');
    }
    return false;
}

/* Our mark alone makes an entry ours, too: no other program writes it. */
static int read_lines(const char *text, size_t len, const char *known, struct arena *a,
                      struct crontab_lines *ls, struct err *reterr)
{
    int r = crontab_lines_scan(text, len, a, ls, reterr);

    for (size_t i = 0; r == 0 && i < ls->n; i++)
        ls->at[i].managed = ls->at[i].kind == LINE_OFF ||
                            (ls->at[i].kind == LINE_ON && is_known(known, &ls->at[i]));
    return r;
}

static bool same_entry(const struct crontab_line *x, const struct crontab_line *y)
{
    size_t x_len, y_len;
    const char *x_entry = crontab_entry_of(x, &x_len), *y_entry = crontab_entry_of(y, &y_len);

    return x_len == y_len && memcmp(x_entry, y_entry, x_len) == 0;
}

static bool in_block(const struct crontab_lines *ls, size_t i)
{
    return ls->bad == SIZE_MAX && ls->begin != SIZE_MAX && ls->begin < i && i < ls->end;
}

/* Whoever damaged the block may have written the entry a second time: it is not to start twice. The
 * block's own comes first. */
static bool is_on_elsewhere(const struct crontab_lines *ls, size_t i)
{
    for (size_t j = 0; j < ls->n; j++) {
        bool first = in_block(ls, i) == in_block(ls, j) ? j < i : in_block(ls, j);

        if (j != i && same_entry(&ls->at[i], &ls->at[j]) &&
            (ls->at[j].kind == LINE_ON || (ls->at[j].kind == LINE_OFF && first)))
            return true;
    }
    return false;
}

/* A line outside of the whole block that is one of its entries; SIZE_MAX: none. */
static size_t twin_outside(const struct crontab_lines *ls)
{
    for (size_t i = 0; i < ls->n; i++) {
        if (!ls->at[i].managed || in_block(ls, i))
            continue;
        for (size_t j = ls->begin + 1; j < ls->end; j++)
            if (ls->at[j].managed && same_entry(&ls->at[i], &ls->at[j]))
                return i;
    }
    return SIZE_MAX;
}

bool crontab_is_damaged(const char *text, size_t len, const char *known,
                        struct crontab_damage *ret_damage)
{
    AUTO(arena) a = arena_new();
    struct crontab_damage d = {0};
    struct crontab_lines ls;
    size_t twin;

    if (read_lines(text, len, known, a, &ls, NULL) < 0)
        return false;
    for (size_t i = 0; i < ls.n; i++) {
        d.on += ls.at[i].managed && ls.at[i].kind == LINE_ON;
        d.off += ls.at[i].kind == LINE_OFF && !is_on_elsewhere(&ls, i);
    }
    if (ls.bad != SIZE_MAX)
        STR_PRINTF(d.why, "line %zu: %s", ls.bad + 1, ls.why);
    else if (ls.begin == SIZE_MAX && d.on + d.off > 0)
        STR_COPY(d.why, "the lines that begin and end the pgtandem block are gone");
    else if (ls.begin != SIZE_MAX && (twin = twin_outside(&ls)) != SIZE_MAX)
        STR_PRINTF(d.why, "line %zu: an entry of the pgtandem block, once more outside of it",
                   twin + 1);
    else
        return false;
    *ret_damage = d;
    return true;
}

int crontab_set_known(const char *text, size_t len, const char *known, bool on, struct arena *a,
                      char **ret_text, size_t *ret_len, struct err *reterr)
{
    struct crontab_lines ls;
    struct buf b;
    int r = read_lines(text, len, known, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++)
        crontab_add_line(&b, &ls.at[i],
                         on && (ls.at[i].kind == LINE_ON || !is_on_elsewhere(&ls, i)));
    crontab_take(&b, a, ret_text, ret_len);
    return 0;
}
