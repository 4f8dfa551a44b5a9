/*
 * A text becomes an array of lines, each with its kind; every edit is a walk over that array which
 * copies lines as they are, or with the mark put before or taken away. Lines keep their own ends, so
 * nothing else can change.
 *
 * What counts as entry or variable follows cron's own reading (crontab(5); load_env() and load_entry()
 * of Vixie's cron): blanks before it are skipped, `#` starts a comment only as the first character.
 */
#include "agent/crontab.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

const char *const crontab_mode_names[] = {"block", "all", NULL};

enum line_kind {
    LINE_OTHER, /* blank, comment, NAME=value */
    LINE_ON,    /* an active entry */
    LINE_OFF,   /* our mark and then an entry */
    LINE_BEGIN,
    LINE_END,
};

struct line {
    const char *bytes;
    size_t len;  /* with its newline, if it has one */
    size_t body; /* without newline and CR */
    enum line_kind kind;
    bool managed;
};

struct lines {
    struct line *at;
    size_t n;
    size_t begin, end; /* of the block; SIZE_MAX: none */
};

static const size_t mark_len = sizeof(CRONTAB_OFF_MARK) - 1;

/* ---- reading --------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t skip_blanks(const char *s, size_t i, size_t len)
{
    while (i < len && is_blank(s[i]))
        i++;
    return i;
}

static size_t skip_word(const char *s, size_t i, size_t len)
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
    i = skip_blanks(s, i, len);
    return i < len && s[i] == '=';
}

static bool is_entry(const char *s, size_t len)
{
    size_t i = skip_blanks(s, 0, len);

    return i < len && s[i] != '#' && !is_variable(s, i, len);
}

static bool is_marker(const struct line *l, const char *marker)
{
    size_t len = l->body;

    while (len > 0 && is_blank(l->bytes[len - 1]))
        len--;
    return len == strlen(marker) && memcmp(l->bytes, marker, len) == 0;
}

static enum line_kind kind_of(const struct line *l)
{
    if (is_marker(l, CRONTAB_BEGIN))
        return LINE_BEGIN;
    if (is_marker(l, CRONTAB_END))
        return LINE_END;
    if (is_entry(l->bytes, l->body))
        return LINE_ON;
    /* only our mark before an entry: before anything else a human wrote it */
    if (l->body > mark_len && memcmp(l->bytes, CRONTAB_OFF_MARK, mark_len) == 0 &&
        is_entry(l->bytes + mark_len, l->body - mark_len))
        return LINE_OFF;
    return LINE_OTHER;
}

static struct line line_at(const char *text, size_t len)
{
    const char *newline = memchr(text, '\n', len);
    struct line l = {.bytes = text, .len = newline ? (size_t)(newline - text) + 1 : len};

    l.body = l.len - (newline ? 1 : 0);
    if (l.body > 0 && l.bytes[l.body - 1] == '\r')
        l.body--;
    l.kind = kind_of(&l);
    return l;
}

static int bad_line(struct err *e, size_t index, const char *what)
{
    return err_set(e, ERR_INVALID,
                   "edit it with `crontab -e`: one line \"" CRONTAB_BEGIN
                   "\" and after it one line \"" CRONTAB_END "\"",
                   "crontab line %zu: %s", index + 1, what);
}

static int find_block(struct lines *ls, struct err *reterr)
{
    for (size_t i = 0; i < ls->n; i++) {
        if (ls->at[i].kind == LINE_BEGIN) {
            if (ls->begin != SIZE_MAX)
                return bad_line(reterr, i, "a second pgtandem block begins here");
            ls->begin = i;
        } else if (ls->at[i].kind == LINE_END) {
            if (ls->begin == SIZE_MAX || ls->end != SIZE_MAX)
                return bad_line(reterr, i, "a pgtandem block ends here that has not begun");
            ls->end = i;
        }
    }
    if (ls->begin != SIZE_MAX && ls->end == SIZE_MAX)
        return bad_line(reterr, ls->begin, "the pgtandem block that begins here is never closed");
    return 0;
}

static int read_lines(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                      struct lines *ls, struct err *reterr)
{
    size_t n = 1;

    *ls = (struct lines){.begin = SIZE_MAX, .end = SIZE_MAX};
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0')
            return bad_line(reterr, n - 1, "a NUL byte");
        n += text[i] == '\n';
    }
    ls->at = arena_alloc(a, n * sizeof(*ls->at));
    for (size_t i = 0; i < len; i += ls->at[ls->n++].len)
        ls->at[ls->n] = line_at(text + i, len - i);

    int r = find_block(ls, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ls->n; i++)
        ls->at[i].managed = (ls->at[i].kind == LINE_ON || ls->at[i].kind == LINE_OFF) &&
                            (mode == CRONTAB_ALL || (ls->begin < i && i < ls->end));
    return 0;
}

/* the entry itself, without mark and end of line */
static const char *entry_of(const struct line *l, size_t *ret_len)
{
    size_t skip = l->kind == LINE_OFF ? mark_len : 0;

    *ret_len = l->body - skip;
    return l->bytes + skip;
}

/* ---- looking --------------------------------------------------------------------------------- */

static int hash_text(const char *bytes, size_t len, char ret_hex[65], struct err *reterr)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (EVP_Digest(bytes, len, sum, &n, EVP_sha256(), NULL) != 1 || n != 32)
        return err_set(reterr, ERR_SYS, NULL, "libcrypto gives no sha256");
    for (size_t i = 0; i < n; i++)
        str_printf(ret_hex + i * 2, 3, "%02x", sum[i]);
    return 0;
}

int crontab_summarize(const char *text, size_t len, enum crontab_mode mode,
                      struct crontab_summary *ret_summary, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    struct crontab_summary s = {0};
    struct lines ls;
    struct buf parity;
    int r = read_lines(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&parity, SIZE_MAX);
    s.has_block = ls.begin != SIZE_MAX;
    for (size_t i = 0; i < ls.n; i++) {
        const struct line *l = &ls.at[i];
        size_t entry_len;
        const char *entry = entry_of(l, &entry_len);

        s.unmanaged += l->kind == LINE_ON && !l->managed;
        if (!l->managed)
            continue;
        *(l->kind == LINE_ON ? &s.on : &s.off) += 1;
        size_t first = skip_blanks(entry, 0, entry_len);
        s.reboot += entry_len - first >= 7 && memcmp(entry + first, "@reboot", 7) == 0;
        buf_add(&parity, entry, entry_len);
        buf_add(&parity, "\n", 1);
    }
    r = hash_text(text, len, s.hash, reterr);
    if (r == 0)
        r = hash_text(parity.data, parity.len, s.parity, reterr);
    buf_free(&parity);
    if (r == 0)
        *ret_summary = s;
    return r;
}

/* What cron gives to `sh -c`: up to the first bare %, with \% as % (crontab(5)). */
static char *command_of(const struct line *l, struct arena *a)
{
    size_t len;
    const char *s = entry_of(l, &len);
    size_t i = skip_blanks(s, 0, len);
    int fields = i < len && s[i] == '@' ? 1 : 5;

    for (int f = 0; f < fields; f++)
        i = skip_blanks(s, skip_word(s, i, len), len);

    char *command = arena_alloc(a, len - i + 1);
    size_t n = 0;
    for (; i < len && s[i] != '%'; i++) {
        if (s[i] == '\\' && i + 1 < len && s[i + 1] == '%')
            i++;
        command[n++] = s[i];
    }
    return command;
}

int crontab_commands(const char *text, size_t len, enum crontab_mode mode, struct arena *a,
                     char ***ret_commands, struct err *reterr)
{
    struct lines ls;
    int r = read_lines(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;

    char **commands = arena_alloc(a, (ls.n + 1) * sizeof(*commands));
    size_t n = 0;
    for (size_t i = 0; i < ls.n; i++)
        if (ls.at[i].managed)
            commands[n++] = command_of(&ls.at[i], a);
    *ret_commands = commands;
    return 0;
}

/* ---- editing --------------------------------------------------------------------------------- */

static void add_line(struct buf *b, const struct line *l, bool on)
{
    size_t skip = 0;

    if (l->managed && on && l->kind == LINE_OFF)
        skip = mark_len;
    if (l->managed && !on && l->kind == LINE_ON)
        buf_str(b, CRONTAB_OFF_MARK);
    buf_add(b, l->bytes + skip, l->len - skip);
}

static void take(struct buf *b, struct arena *a, char **ret_text, size_t *ret_len)
{
    *ret_text = arena_strndup(a, b->data, b->len);
    *ret_len = b->len;
    buf_free(b);
}

int crontab_set(const char *text, size_t len, enum crontab_mode mode, bool on, struct arena *a,
                char **ret_text, size_t *ret_len, struct err *reterr)
{
    struct lines ls;
    struct buf b;
    int r = read_lines(text, len, mode, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++)
        add_line(&b, &ls.at[i], on);
    take(&b, a, ret_text, ret_len);
    return 0;
}

static void add_raw(struct buf *b, const struct lines *ls, size_t from, size_t to)
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
    struct lines ls;
    struct buf b;
    int r = read_lines(text, len, CRONTAB_ALL, a, &ls, reterr);

    if (r < 0)
        return r;
    if (ls.begin != SIZE_MAX)
        return bad_line(reterr, ls.begin, "there is a pgtandem block already");

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
    take(&b, a, ret_text, ret_len);
    return 0;
}

int crontab_unadopt(const char *text, size_t len, struct arena *a, char **ret_text, size_t *ret_len,
                    struct err *reterr)
{
    struct lines ls;
    struct buf b;
    int r = read_lines(text, len, CRONTAB_BLOCK, a, &ls, reterr);

    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    for (size_t i = 0; i < ls.n; i++)
        if (i != ls.begin && i != ls.end)
            add_raw(&b, &ls, i, i + 1);
    if (ls.begin != SIZE_MAX && ls.end + 1 == ls.n && text[len - 1] != '\n' && b.len > 0)
        b.len--;
    take(&b, a, ret_text, ret_len);
    return 0;
}

/* The block of `mine` with the content of the block of `theirs`; without one it is added at the end. */
static void replace_block(struct buf *b, const struct lines *mine, const struct lines *theirs,
                          bool on)
{
    bool have = mine->begin != SIZE_MAX;

    add_raw(b, mine, 0, have ? mine->begin + 1 : mine->n);
    end_line(b);
    if (!have)
        buf_str(b, CRONTAB_BEGIN "\n");
    for (size_t i = theirs->begin + 1; i < theirs->end; i++)
        add_line(b, &theirs->at[i], on);
    if (!have)
        buf_str(b, CRONTAB_END "\n");
    else
        add_raw(b, mine, mine->end, mine->n);
}

int crontab_sync(const char *text, size_t len, const char *source, size_t source_len,
                 enum crontab_mode mode, bool on, struct arena *a, char **ret_text, size_t *ret_len,
                 struct err *reterr)
{
    struct lines mine, theirs;
    struct buf b;
    int r = read_lines(source, source_len, mode, a, &theirs, reterr);

    if (r < 0)
        return err_prefix(reterr, "the crontab to copy from");
    if (mode == CRONTAB_ALL) /* the report's way: the crontab is one and the same everywhere */
        return crontab_set(source, source_len, mode, on, a, ret_text, ret_len, reterr);
    if (theirs.begin == SIZE_MAX)
        return err_set(reterr, ERR_REFUSED, "`pgtandem cron adopt` makes one",
                       "the crontab to copy from has no pgtandem block");
    r = read_lines(text, len, mode, a, &mine, reterr);
    if (r < 0)
        return r;
    buf_init(&b, SIZE_MAX);
    replace_block(&b, &mine, &theirs, on);
    take(&b, a, ret_text, ret_len);
    return 0;
}
