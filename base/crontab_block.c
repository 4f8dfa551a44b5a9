/* adopt, unadopt, sync: the block as a whole. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/crontab_lines.h"
#include "base/err.h"
#include "base/mem.h"

static void add_raw(struct buf *b, const struct crontab_lines *ls, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        buf_add(b, ls->at[i].bytes, ls->at[i].len);
}

static void end_line(struct buf *b)
{
    if (b->len > 0 && b->data[b->len - 1] != '\n')
        buf_str(b, "\n");
}

/* A text without a final newline keeps none: a newline then separates the marker from the text, and
 * unadopt takes it away again. */
int crontab_adopt(const char *text, size_t len, struct arena *a, char **ret_text, size_t *ret_len,
                  struct err *reterr)
{
    struct crontab_lines ls;
    struct buf b;
    int r = crontab_lines_read(text, len, CRONTAB_ALL, a, &ls, reterr);

    if (r < 0)
        return r;
    if (ls.begin != SIZE_MAX)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron show`",
                       "crontab line %zu: there is a pgtandem block already", ls.begin + 1);

    size_t first = ls.n, behind = ls.n; /* no entry: an empty block behind all */
    for (size_t i = ls.n; i-- > 0;)
        if (ls.at[i].managed) {
            behind = first == ls.n ? i + 1 : behind;
            first = i;
        }

    buf_init(&b, SIZE_MAX);
    add_raw(&b, &ls, 0, first);
    end_line(&b);
    buf_str(&b, CRONTAB_BEGIN "\n");
    add_raw(&b, &ls, first, behind);
    end_line(&b);
    buf_str(&b, CRONTAB_END);
    if (behind < ls.n || len == 0 || text[len - 1] == '\n')
        buf_str(&b, "\n");
    add_raw(&b, &ls, behind, ls.n);
    crontab_take(&b, a, ret_text, ret_len);
    return 0;
}

int crontab_unadopt(const char *text, size_t len, struct arena *a, char **ret_text, size_t *ret_len,
                    struct err *reterr)
{
    struct crontab_lines ls;
    struct buf b;
    int r = crontab_lines_read(text, len, CRONTAB_BLOCK, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++)
        if (i != ls.begin && i != ls.end)
            add_raw(&b, &ls, i, i + 1);
    if (ls.begin != SIZE_MAX && ls.end + 1 == ls.n && text[len - 1] != '\n' && b.len > 0)
        b.len--;
    crontab_take(&b, a, ret_text, ret_len);
    return 0;
}

/* The block of `mine` with the content of the block of `theirs`; without one it is added at the
 * end. */
static void replace_block(struct buf *b, const struct crontab_lines *mine,
                          const struct crontab_lines *theirs, bool on)
{
    bool have = mine->begin != SIZE_MAX;

    add_raw(b, mine, 0, have ? mine->begin + 1 : mine->n);
    end_line(b);
    if (!have)
        buf_str(b, CRONTAB_BEGIN "\n");
    for (size_t i = theirs->begin + 1; i < theirs->end; i++)
        crontab_add_line(b, &theirs->at[i], on);
    if (!have)
        buf_str(b, CRONTAB_END "\n");
    else
        add_raw(b, mine, mine->end, mine->n);
}

int crontab_sync(const char *text, size_t len, const char *source, size_t source_len,
                 enum crontab_mode mode, bool on, struct arena *a, char **ret_text, size_t *ret_len,
                 struct err *reterr)
{
    struct crontab_lines mine, theirs;
    struct buf b;
    int r = crontab_lines_read(source, source_len, mode, a, &theirs, reterr);

    if (r < 0) {
        err_prefix(reterr, "the crontab to copy from");
        return r;
    }
    if (mode == CRONTAB_ALL) /* the report's way: the crontab is one and the same everywhere */
        return crontab_set(source, source_len, mode, on, a, ret_text, ret_len, reterr);
    if (theirs.begin == SIZE_MAX)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron adopt` makes one",
                       "the crontab to copy from has no pgtandem block");
    r = crontab_lines_read(text, len, mode, a, &mine, reterr);
    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    replace_block(&b, &mine, &theirs, on);
    crontab_take(&b, a, ret_text, ret_len);
    return 0;
}
