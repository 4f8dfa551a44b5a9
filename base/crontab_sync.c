/*
 * sync: the owner's block into another node's text. What must hold in the end is checked on the
 * text that comes out, for each place where the block could go:
 *
 *   - each managed entry has the variables in force that it has at the owner;
 *   - each entry outside has those that it had, or those that stand outside of the block alone.
 */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/crontab_env.h"
#include "base/err.h"
#include "base/mem.h"

struct sync {
    struct arena *arena;
    struct crontab_lines mine, theirs;
    struct crontab_env their_env; /* where their block begins */
    bool has_block;               /* mine has a block */
    bool *taken; /* a line of mine that goes, one of the block's or a rest of one */
    size_t n_taken;
    bool on;
};

/* ---- what is taken in ------------------------------------------------------------------------ */

struct text {
    const char *bytes;
    size_t len;
};

static struct text trimmed(const char *bytes, size_t len)
{
    size_t i = crontab_skip_blanks(bytes, 0, len);

    while (len > i && (bytes[len - 1] == ' ' || bytes[len - 1] == '\t' || bytes[len - 1] == '\r'))
        len--;
    return (struct text){bytes + i, len - i};
}

static bool same(struct text x, struct text y)
{
    return x.len == y.len && memcmp(x.bytes, y.bytes, x.len) == 0;
}

static bool is_comment(const struct crontab_line *l)
{
    return l->kind == LINE_OTHER && l->body > 0 && l->bytes[0] == '#';
}

/* The line as an entry, commented out or not. */
static struct text as_entry(const struct crontab_line *l)
{
    size_t len, i = 0;
    const char *s = crontab_entry_of(l, &len);

    if (l->kind == LINE_OTHER)
        while (i < len && s[i] == '#')
            i++;
    return trimmed(s + i, len - i);
}

static bool block_has_entry(const struct sync *y, struct text entry)
{
    for (size_t i = 0; i < y->theirs.n; i++)
        if (y->theirs.at[i].managed && same(as_entry(&y->theirs.at[i]), entry))
            return true;
    return false;
}

static bool block_has_comment(const struct sync *y, const struct crontab_line *l)
{
    for (size_t i = y->theirs.begin + 1; i < y->theirs.end; i++)
        if (is_comment(&y->theirs.at[i]) &&
            same(trimmed(y->theirs.at[i].bytes, y->theirs.at[i].body), trimmed(l->bytes, l->body)))
            return true;
    return false;
}

static void take_in(struct sync *y, size_t i)
{
    y->taken[i] = true;
    y->n_taken++;
    while (i-- > 0 && is_comment(&y->mine.at[i]) && !y->taken[i] &&
           block_has_comment(y, &y->mine.at[i]))
        y->taken[i] = true;
}

static void find_what_is_taken_in(struct sync *y)
{
    y->taken = arena_alloc(y->arena, (y->mine.n + 1) * sizeof(*y->taken));
    for (size_t i = 0; i < y->mine.n; i++) {
        const struct crontab_line *l = &y->mine.at[i];

        if (y->has_block && y->mine.begin <= i && i <= y->mine.end)
            continue;
        if (l->kind == LINE_BEGIN || l->kind == LINE_END)
            y->taken[i] = true;
        else if ((l->kind == LINE_OFF && !y->has_block) ||
                 ((l->kind != LINE_OTHER || is_comment(l)) && block_has_entry(y, as_entry(l))))
            take_in(y, i);
    }
}

/* ---- a place for the block ------------------------------------------------------------------- */

enum place { PLACE_OF_OLD, PLACE_END, PLACE_TOP, PLACES };

static void end_line(struct buf *b)
{
    if (b->len > 0 && b->data[b->len - 1] != '\n')
        buf_str(b, "\n");
}

/* The variables in force where their block begins, but those that are in force here already. */
static void add_variables(const struct sync *y, const struct crontab_env *here, struct buf *b)
{
    for (size_t i = 0; i < y->their_env.n; i++) {
        const struct crontab_line *l = &y->theirs.at[y->their_env.at[i].line];

        if (crontab_env_has(here, &y->their_env.at[i]))
            continue;
        buf_add(b, l->bytes, l->len);
        end_line(b);
    }
}

static void add_block(const struct sync *y, const struct crontab_env *here, bool own_lines,
                      struct buf *b)
{
    const struct crontab_lines *m = &y->mine;

    end_line(b);
    if (own_lines)
        buf_add(b, m->at[m->begin].bytes, m->at[m->begin].len);
    else
        buf_str(b, CRONTAB_BEGIN "\n");
    end_line(b);
    add_variables(y, here, b);
    for (size_t i = y->theirs.begin + 1; i < y->theirs.end; i++)
        crontab_add_line(b, &y->theirs.at[i], y->on);
    if (own_lines)
        buf_add(b, m->at[m->end].bytes, m->at[m->end].len);
    else
        buf_str(b, CRONTAB_END "\n");
}

static size_t line_of(const struct sync *y, enum place place)
{
    switch (place) {
    case PLACE_OF_OLD:
        if (y->has_block)
            return y->mine.begin;
        for (size_t i = 0; i < y->mine.n; i++)
            if (y->mine.at[i].kind == LINE_BEGIN || y->mine.at[i].kind == LINE_END)
                return i;
        return y->mine.n;
    case PLACE_TOP:
        return 0;
    case PLACE_END:
    case PLACES:
        break;
    }
    return y->mine.n;
}

static void put_together(const struct sync *y, enum place place, char **ret_text, size_t *ret_len)
{
    const struct crontab_lines *m = &y->mine;
    struct crontab_env here = {.arena = y->arena};
    size_t at = line_of(y, place);
    struct buf b;

    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i <= m->n; i++) {
        if (i == at)
            add_block(y, &here, y->has_block && place == PLACE_OF_OLD, &b);
        if (i == m->n || y->taken[i] || (y->has_block && m->begin <= i && i <= m->end))
            continue;
        (void)crontab_env_apply(&here, &m->at[i], i);
        buf_add(&b, m->at[i].bytes, m->at[i].len);
    }
    crontab_take(&b, y->arena, ret_text, ret_len);
}

/* ---- is it right? ---------------------------------------------------------------------------- */

/* Copies: the entries outside, one behind the other, in a text of which some lines do not count. */
struct outside {
    const struct crontab_lines *lines;
    const bool *taken; /* or NULL */
    bool block;        /* do the block's variables count? */
    struct crontab_env env;
    size_t i;
};

static const struct crontab_line *next_outside(struct outside *o)
{
    for (; o->i < o->lines->n; o->i++) {
        const struct crontab_line *l = &o->lines->at[o->i];
        bool inside = o->lines->begin != SIZE_MAX && o->lines->end != SIZE_MAX &&
                      o->lines->begin < o->i && o->i < o->lines->end;

        if (o->taken && o->taken[o->i])
            continue;
        if (!inside || o->block)
            (void)crontab_env_apply(&o->env, l, o->i);
        if (!inside && l->kind == LINE_ON) {
            o->i++;
            return l;
        }
    }
    return NULL;
}

static bool outside_is_as_before(const struct sync *y, const struct crontab_lines *now)
{
    struct outside before = {&y->mine, y->taken, true, {.arena = y->arena}, 0};
    struct outside alone = {&y->mine, y->taken, false, {.arena = y->arena}, 0};
    struct outside after = {now, NULL, true, {.arena = y->arena}, 0};

    while (next_outside(&before)) {
        next_outside(&alone);
        if (!next_outside(&after) || (!crontab_env_same(&after.env, &before.env) &&
                                      !crontab_env_same(&after.env, &alone.env)))
            return false;
    }
    return true;
}

static bool is_right(const struct sync *y, const char *text, size_t len, const char *environment)
{
    struct crontab_summary s;
    struct crontab_lines now;

    return crontab_summarize(text, len, CRONTAB_BLOCK, &s, NULL) == 0 &&
           strcmp(s.environment, environment) == 0 &&
           crontab_lines_read(text, len, CRONTAB_BLOCK, y->arena, &now, NULL) == 0 &&
           outside_is_as_before(y, &now);
}

static int no_place(const struct sync *y, struct err *reterr)
{
    struct crontab_env mine = {.arena = y->arena};
    const struct crontab_variable *v;

    for (size_t i = 0; i < y->mine.n; i++)
        if (!y->taken[i])
            (void)crontab_env_apply(&mine, &y->mine.at[i], i);
    v = crontab_env_more(&mine, &y->their_env);
    if (v)
        return err_set(reterr, ERR_REFUSED,
                       "`crontab -e` here: move that line below the pgtandem block; or give the "
                       "block a value of its own on the owner",
                       "crontab line %zu sets %.*s, which the owner's entries do not have: they "
                       "would not run here as they run there",
                       v->line + 1, (int)(v->name_len < 60 ? v->name_len : 60), v->name);
    return err_set(reterr, ERR_REFUSED,
                   "`crontab -e` here: set the same variables above the entries that are not "
                   "pgtandem's",
                   "the variables of the owner's block would hold for entries outside of it, too");
}

static void read_their_env(struct sync *y)
{
    y->their_env.arena = y->arena;
    for (size_t i = 0; i < y->theirs.begin; i++)
        (void)crontab_env_apply(&y->their_env, &y->theirs.at[i], i);
}

int crontab_sync(const char *text, size_t len, const char *source, size_t source_len,
                 enum crontab_mode mode, bool on, struct arena *a, char **ret_text, size_t *ret_len,
                 size_t *ret_taken, struct err *reterr)
{
    struct sync y = {.arena = a, .on = on};
    struct crontab_summary theirs;
    int r = crontab_lines_read(source, source_len, mode, a, &y.theirs, reterr);

    if (r == 0)
        r = crontab_summarize(source, source_len, mode, &theirs, reterr);
    if (r < 0) {
        err_prefix(reterr, "the crontab to copy from");
        return r;
    }
    if (ret_taken)
        *ret_taken = 0;
    if (mode == CRONTAB_ALL) /* the report's way: the crontab is one and the same everywhere */
        return crontab_set(source, source_len, mode, on, a, ret_text, ret_len, reterr);
    if (y.theirs.begin == SIZE_MAX)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron adopt` makes one",
                       "the crontab to copy from has no pgtandem block");
    r = crontab_lines_scan(text, len, a, &y.mine, reterr);
    if (r < 0)
        return r;
    y.has_block = y.mine.bad == SIZE_MAX && y.mine.begin != SIZE_MAX;
    read_their_env(&y);
    find_what_is_taken_in(&y);
    for (enum place place = PLACE_OF_OLD; place < PLACES; place++) {
        char *made;
        size_t made_len;

        put_together(&y, place, &made, &made_len);
        if (!is_right(&y, made, made_len, theirs.environment))
            continue;
        *ret_text = made;
        *ret_len = made_len;
        if (ret_taken)
            *ret_taken = y.n_taken;
        return 0;
    }
    return no_place(&y, reterr);
}
