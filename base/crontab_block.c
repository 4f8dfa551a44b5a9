/* adopt, unadopt: the block as a whole. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/crontab_env.h"
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

static bool is_comment(const struct crontab_line *l)
{
    return l->kind == LINE_OTHER && l->body > 0 && l->bytes[0] == '#';
}

/* From the first entry up: the variables that are in force there, and comment lines right above. */
static size_t with_what_belongs_to_it(const struct crontab_lines *ls, size_t first)
{
    size_t from = first;

    for (size_t i = first; i-- > 0;)
        if (crontab_env_apply(NULL, &ls->at[i], i))
            from = i;
    while (from > 0 && is_comment(&ls->at[from - 1]))
        from--;
    return from;
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

    if (first < ls.n)
        first = with_what_belongs_to_it(&ls, first);
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
