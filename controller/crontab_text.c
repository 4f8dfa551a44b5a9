#include "controller/crontab_text.h"

#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { TEXT_CAP_BYTES = 256 * 1024 };

struct block {
    const char *begin; /* the marker lines; NULL: none */
    const char *end;
    const char *behind; /* the line after the end marker */
};

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *next_line(const char *line)
{
    const char *newline = strchr(line, '\n');

    return newline ? newline + 1 : line + strlen(line);
}

/* Bytes without the end of line. */
static size_t body(const char *line)
{
    size_t len = strcspn(line, "\n");

    return len > 0 && line[len - 1] == '\r' ? len - 1 : len;
}

static bool is_marker(const char *line, const char *marker)
{
    size_t len = body(line);

    while (len > 0 && strchr(" \t", line[len - 1]))
        len--;
    return len == strlen(marker) && strncmp(line, marker, len) == 0;
}

/* An entry begins with a time field or @; NAME=value is a variable (crontab(5)). */
static bool is_entry(const char *line)
{
    size_t len = body(line), i = strspn(line, " \t"), name;

    if (i >= len || line[i] == '#')
        return false;
    if (line[i] == '"' || line[i] == '\'') {
        const char *quote = memchr(line + i + 1, line[i], len - i - 1);

        name = quote ? (size_t)(quote - line) + 1 : len;
    } else {
        name = i + strcspn(line + i, " \t=\r\n");
    }
    name += strspn(line + name, " \t");
    return name >= len || line[name] != '=';
}

static bool is_off(const char *line)
{
    size_t mark = strlen(CRONTAB_TEXT_OFF);

    return strncmp(line, CRONTAB_TEXT_OFF, mark) == 0 && is_entry(line + mark);
}

static int find_block(const char *text, struct block *ret, struct err *reterr)
{
    *ret = (struct block){.begin = NULL};
    for (const char *p = text; *p; p = next_line(p)) {
        bool begin = is_marker(p, CRONTAB_TEXT_BEGIN), end = is_marker(p, CRONTAB_TEXT_END);

        if ((begin && ret->begin) || (end && (!ret->begin || ret->end)))
            return err_set(reterr, ERR_REFUSED,
                           "mend it with crontab -e: one block, begun and ended",
                           "the crontab's pgtandem markers do not make one block");
        if (begin)
            ret->begin = p;
        if (end) {
            ret->end = p;
            ret->behind = next_line(p);
        }
    }
    if (ret->begin && !ret->end)
        return err_set(reterr, ERR_REFUSED, "add the line \"" CRONTAB_TEXT_END "\" with crontab -e",
                       "the crontab's pgtandem block is never closed");
    return 0;
}

/* ---- building -------------------------------------------------------------------------------- */

static void end_line(struct buf *b)
{
    if (b->len > 0 && b->data[b->len - 1] != '\n')
        buf_str(b, "\n");
}

static void add(struct buf *b, const char *from, const char *to)
{
    buf_add(b, from, (size_t)(to - from));
}

/* The lines as they are, active entries with the mark before them. */
static void add_off(struct buf *b, const char *from, const char *to)
{
    for (const char *p = from; p < to; p = next_line(p)) {
        if (is_entry(p))
            buf_str(b, CRONTAB_TEXT_OFF);
        add(b, p, next_line(p));
    }
}

static int take(struct buf *b, struct arena *a, char **ret_text, struct err *reterr)
{
    bool whole = buf_ok(b);

    if (whole)
        *ret_text = arena_strndup(a, b->data, b->len);
    buf_free(b);
    return whole ? 0
                 : err_set(reterr, ERR_TOO_LONG, NULL, "the crontab would be longer than %d bytes",
                           TEXT_CAP_BYTES);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

char **crontab_text_managed(const char *text, struct arena *a, size_t *ret_n)
{
    struct block block;
    size_t n = 0;

    if (find_block(text, &block, NULL) < 0)
        block.begin = NULL;
    const char *from = block.begin ? next_line(block.begin) : text;
    const char *to = block.begin ? block.end : text + strlen(text);
    for (const char *p = from; p < to; p = next_line(p))
        n++;
    char **lines = arena_alloc(a, (n + 1) * sizeof(*lines));
    *ret_n = 0;
    for (const char *p = from; p < to; p = next_line(p)) {
        size_t skip = is_off(p) ? strlen(CRONTAB_TEXT_OFF) : 0;

        lines[(*ret_n)++] = arena_strndup(a, p + skip, body(p) - skip);
    }
    return lines;
}

bool crontab_text_alike(char **mine, char **theirs)
{
    for (;; mine++, theirs++) {
        while (*mine && !is_entry(*mine))
            mine++;
        while (*theirs && !is_entry(*theirs))
            theirs++;
        if (!*mine || !*theirs)
            return !*mine && !*theirs;
        if (strcmp(*mine, *theirs) != 0)
            return false;
    }
}

int crontab_text_adopt(const char *text, bool on, struct arena *a, char **ret_text,
                       struct err *reterr)
{
    const char *end = text + strlen(text), *first = NULL, *behind = NULL;
    struct block block;
    struct buf b;
    int rc = find_block(text, &block, reterr);

    if (rc < 0)
        return rc;
    if (block.begin)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron show`",
                       "the crontab has a pgtandem block already");
    for (const char *p = text; *p; p = next_line(p))
        if (is_entry(p) || is_off(p)) {
            first = first ? first : p;
            behind = next_line(p);
        }
    if (!first)
        first = behind = end; /* no entry: an empty block behind all */
    buf_init(&b, TEXT_CAP_BYTES);
    add(&b, text, first);
    end_line(&b);
    buf_str(&b, CRONTAB_TEXT_BEGIN "\n");
    if (on)
        add(&b, first, behind);
    else
        add_off(&b, first, behind);
    end_line(&b);
    buf_str(&b, CRONTAB_TEXT_END "\n");
    add(&b, behind, end);
    return take(&b, a, ret_text, reterr);
}

int crontab_text_unadopt(const char *text, struct arena *a, char **ret_text, struct err *reterr)
{
    struct block block;
    struct buf b;
    int rc = find_block(text, &block, reterr);

    if (rc < 0)
        return rc;
    if (!block.begin)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron show`",
                       "the crontab has no pgtandem block");
    buf_init(&b, TEXT_CAP_BYTES);
    add(&b, text, block.begin);
    add(&b, next_line(block.begin), block.end);
    add(&b, block.behind, text + strlen(text));
    return take(&b, a, ret_text, reterr);
}

int crontab_text_sync(const char *text, const char *source, struct arena *a, char **ret_text,
                      struct err *reterr)
{
    struct block mine = {.begin = NULL}, theirs = {.begin = NULL};
    struct buf b;
    int rc = find_block(source, &theirs, reterr);

    if (rc == 0)
        rc = find_block(text, &mine, reterr);
    if (rc < 0)
        return rc;
    buf_init(&b, TEXT_CAP_BYTES);
    if (!theirs.begin) {
        add_off(&b, source, source + strlen(source));
        return take(&b, a, ret_text, reterr);
    }
    add(&b, text, mine.begin ? next_line(mine.begin) : text + strlen(text));
    end_line(&b);
    if (!mine.begin)
        buf_str(&b, CRONTAB_TEXT_BEGIN "\n");
    add_off(&b, next_line(theirs.begin), theirs.end);
    if (mine.begin)
        add(&b, mine.end, text + strlen(text));
    else
        buf_str(&b, CRONTAB_TEXT_END "\n");
    return take(&b, a, ret_text, reterr);
}
