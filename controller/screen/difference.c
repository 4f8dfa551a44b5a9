#include "controller/screen/difference.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

enum { AROUND = 3, COMPARED_MAX = 2000 };

struct line {
    const char *bytes;
    size_t len; /* with its newline, if it has one */
    char mark;  /* ' ', '-', '+' */
};

struct lines {
    struct line *at;
    size_t n;
};

static struct lines split(const char *text, struct arena *a)
{
    size_t n = 0, room = 1;

    for (const char *s = text; *s; s++)
        room += *s == '\n';
    struct line *at = arena_alloc(a, room * sizeof(*at));
    for (const char *s = text; *s; s += at[n++].len) {
        size_t len = strcspn(s, "\n");

        at[n] = (struct line){.bytes = s, .len = len + (s[len] == '\n')};
    }
    return (struct lines){at, n};
}

static bool same(const struct line *x, const struct line *y)
{
    return x->len == y->len && memcmp(x->bytes, y->bytes, x->len) == 0;
}

static void mark(struct lines *all, const struct line *l, char how)
{
    all->at[all->n] = *l;
    all->at[all->n++].mark = how;
}

/* The longest common subsequence, the plain way: crontabs are short. */
static void compare(struct lines old, struct lines new, struct lines *all, struct arena *a)
{
    bool all_of_it = old.n > COMPARED_MAX || new.n > COMPARED_MAX;
    size_t width = new.n + 1, i = 0, j = 0;
    unsigned *common = arena_alloc(a, all_of_it ? 1 : (old.n + 1) * width * sizeof(*common));

    for (size_t x = all_of_it ? 0 : old.n; x-- > 0;)
        for (size_t y = new.n; y-- > 0;) {
            unsigned down = common[(x + 1) * width + y], right = common[x * width + y + 1];

            common[x * width + y] = same(&old.at[x], &new.at[y])
                                        ? common[(x + 1) * width + y + 1] + 1
                                    : down > right ? down
                                                   : right;
        }
    while (i < old.n || j < new.n) {
        if (!all_of_it && i < old.n && j < new.n &&same(&old.at[i], &new.at[j])) {
            mark(all, &old.at[i++], ' ');
            j++;
        } else if (j == new.n || (i < old.n && (all_of_it || common[(i + 1) * width + j] >=
                                                                 common[i * width + j + 1]))) {
            mark(all, &old.at[i++], '-');
        } else {
            mark(all, &new.at[j++], '+');
        }
    }
}

static struct lines part(struct lines l, size_t from, size_t to)
{
    return (struct lines){l.at + from, to - from};
}

static struct lines all_lines(struct lines old, struct lines new, struct arena *a)
{
    struct lines all = {arena_alloc(a, (old.n + new.n + 1) * sizeof(*all.at)), 0};
    size_t head = 0, tail = 0;

    while (head < old.n && head < new.n &&same(&old.at[head], &new.at[head]))
        mark(&all, &old.at[head++], ' ');
    while (tail < old.n - head &&
           tail < new.n - head &&same(&old.at[old.n - 1 - tail], &new.at[new.n - 1 - tail]))
        tail++;
    compare(part(old, head, old.n - tail), part(new, head, new.n - tail), &all, a);
    for (size_t i = old.n - tail; i < old.n; i++)
        mark(&all, &old.at[i], ' ');
    return all;
}

/* ---- print ----------------------------------------------------------------------------------- */

static bool changes_near(const struct lines *all, size_t i)
{
    size_t from = i > AROUND ? i - AROUND : 0,
           to = i + AROUND + 1 < all->n ? i + AROUND + 1 : all->n;

    for (size_t k = from; k < to; k++)
        if (all->at[k].mark != ' ')
            return true;
    return false;
}

static void print_line(const struct line *l, struct buf *b)
{
    buf_add(b, &l->mark, 1);
    buf_add(b, l->bytes, l->len);
    if (l->bytes[l->len - 1] != '\n')
        buf_str(b, "\n\\ No newline at end of file\n");
}

/* From `i` to where the changes near by end; `old`, `new`: the lines before it. */
static size_t print_hunk(const struct lines *all, size_t i, size_t old, size_t new, struct buf *b)
{
    size_t end = i, n_old = 0, n_new = 0;

    for (; end < all->n && changes_near(all, end); end++) {
        n_old += all->at[end].mark != '+';
        n_new += all->at[end].mark != '-';
    }
    buf_printf(b, "@@ -%zu,%zu +%zu,%zu @@\n", old + (n_old > 0), n_old, new + (n_new > 0), n_new);
    for (; i < end; i++)
        print_line(&all->at[i], b);
    return end;
}

char *difference_unified(const char *old_text, const char *new_text, const char *old_name,
                         const char *new_name, struct arena *a)
{
    struct lines all = all_lines(split(old_text, a), split(new_text, a), a);
    size_t old = 0, new = 0;
    struct buf b;

    if (strcmp(old_text, new_text) == 0)
        return arena_strdup(a, "");
    buf_init(&b, SIZE_MAX);
    buf_printf(&b, "--- %s\n+++ %s\n", old_name, new_name);
    for (size_t i = 0; i < all.n;) {
        size_t end = changes_near(&all, i) ? print_hunk(&all, i, old, new, &b) : i + 1;

        for (; i < end; i++) {
            old += all.at[i].mark != '+';
            new += all.at[i].mark != '-';
        }
    }
    char *text = arena_strndup(a, b.data, b.len);
    buf_free(&b);
    return text;
}
