#include "controller/report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/session.h"

enum { GAP = 2, COLUMNS_MAX = 32, WIDTH_LEAST = 40, CUT_LEAST = 16 };

/* ---- building -------------------------------------------------------------------------------- */

void report_init(struct report *r, struct arena *a, const struct report_column *columns, size_t n)
{
    *r = (struct report){.arena = a, .columns = columns, .n_columns = n};
}

void report_cell(struct report *r, enum report_style style, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (r->n_cells == r->size) {
        size_t size = r->size ? 2 * r->size : 8 * r->n_columns;
        struct report_cell *cells = arena_alloc(r->arena, size * sizeof(*cells));

        if (r->n_cells)
            memcpy(cells, r->cells, r->n_cells * sizeof(*cells));
        r->cells = cells;
        r->size = size;
    }
    r->cells[r->n_cells++] = (struct report_cell){arena_strdup(r->arena, text), style};
}

size_t report_rows(const struct report *r)
{
    assert(r->n_columns > 0);
    return r->n_cells / r->n_columns;
}

/* ---- the terminal ---------------------------------------------------------------------------- */

size_t report_width(const struct session *s)
{
    struct winsize w = {.ws_col = 0};
    const char *from_environment = getenv("COLUMNS");
    long long columns;

    if (!s->terminal)
        return 0;
    if (from_environment && str_to_int(from_environment, WIDTH_LEAST, 1000, &columns))
        return (size_t)columns;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= WIDTH_LEAST)
        return w.ws_col;
    return 80;
}

static bool coloured(const struct session *s)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return s->terminal && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

const char *report_on(const struct session *s, enum report_style style)
{
    static const char *const codes[] = {"",           "\033[32m", "\033[33m",
                                        "\033[1;31m", "\033[2m",  "\033[1m"};

    return coloured(s) ? codes[style] : "";
}

const char *report_off(const struct session *s, enum report_style style)
{
    return coloured(s) && style != STYLE_PLAIN ? "\033[0m" : "";
}

size_t report_columns(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* ---- pretty ---------------------------------------------------------------------------------- */

static size_t column_width(const struct report *r, size_t column)
{
    size_t widest = report_columns(r->columns[column].title);

    for (size_t i = column; i < r->n_cells; i += r->n_columns) {
        size_t n = report_columns(r->cells[i].text);

        if (n > widest)
            widest = n;
    }
    return widest;
}

/* What is shown and how wide. A column that may be cut counts with CUT_LEAST until it is known what
 * is left for it. */
static void choose_columns(const struct report *r, size_t available, bool *shown, size_t *widths)
{
    size_t total = 0, cut = r->n_columns;

    for (size_t c = 0; c < r->n_columns; c++) {
        shown[c] = r->columns[c].title != NULL;
        widths[c] = shown[c] ? column_width(r, c) : 0;
        if (available && r->columns[c].drop < 0 && widths[c] > CUT_LEAST) {
            cut = c;
            total += CUT_LEAST + GAP;
        } else {
            total += shown[c] ? widths[c] + GAP : 0;
        }
    }
    while (available && total > available) {
        size_t victim = r->n_columns;

        for (size_t c = 0; c < r->n_columns; c++)
            if (shown[c] && r->columns[c].drop > 0 &&
                (victim == r->n_columns || r->columns[c].drop > r->columns[victim].drop))
                victim = c;
        if (victim == r->n_columns)
            break;
        shown[victim] = false;
        total -= widths[victim] + GAP;
    }
    if (cut < r->n_columns) {
        size_t room = CUT_LEAST + (available > total ? available - total : 0);

        widths[cut] = widths[cut] < room ? widths[cut] : room;
    }
}

/* The bytes of the first `columns` columns. */
static size_t bytes_of(const char *text, size_t columns)
{
    const char *p = text;

    while (*p && columns--)
        do
            p++;
        while (((unsigned char)*p & 0xc0) == 0x80);
    return (size_t)(p - text);
}

static void put_cell(const struct session *s, const struct report_cell *cell, size_t width,
                     bool right, bool last)
{
    size_t columns = report_columns(cell->text), pad = width > columns ? width - columns : 0;
    bool whole = columns <= width;

    printf("  %*s%s%.*s%s%s%*s", right ? (int)pad : 0, "", report_on(s, cell->style),
           (int)bytes_of(cell->text, whole ? width : width - 1), cell->text, whole ? "" : "…",
           report_off(s, cell->style), right || last ? 0 : (int)pad, "");
}

void report_pretty(const struct report *r, const struct session *s)
{
    bool shown[COLUMNS_MAX];
    size_t widths[COLUMNS_MAX], last = 0;

    choose_columns(r, report_width(s), shown, widths);
    for (size_t c = 0; c < r->n_columns; c++)
        last = shown[c] ? c : last;
    for (size_t c = 0; c < r->n_columns; c++) {
        const struct report_cell title = {r->columns[c].title, STYLE_DIM};

        if (shown[c])
            put_cell(s, &title, widths[c], r->columns[c].kind == REPORT_NUMBER, c == last);
    }
    putchar('\n');
    for (size_t i = 0; i + r->n_columns <= r->n_cells; i += r->n_columns) {
        for (size_t c = 0; c < r->n_columns; c++)
            if (shown[c])
                put_cell(s, &r->cells[i + c], widths[c], r->columns[c].kind == REPORT_NUMBER,
                         c == last);
        putchar('\n');
    }
}

/* ---- for programs ---------------------------------------------------------------------------- */

/* A tab or a newline inside a value would make two of it. */
static void put_tsv(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
}

void report_tsv(const struct report *r, const char *label)
{
    const char *between = label ? "\t" : "";

    assert(r->n_columns > 0);
    printf("%s%s", label ? "#" : "", label ? label : "");
    for (size_t c = 0; c < r->n_columns; c++)
        if (r->columns[c].key) {
            printf("%s%s", between, r->columns[c].key);
            between = "\t";
        }
    for (size_t i = 0; i < r->n_cells; i++) {
        if (i % r->n_columns == 0) {
            printf("\n%s", label ? label : "");
            between = label ? "\t" : "";
        }
        if (r->columns[i % r->n_columns].key) {
            printf("%s", between);
            put_tsv(r->cells[i].text);
            between = "\t";
        }
    }
    putchar('\n');
}

static json_t *cell_json(enum report_kind kind, const char *text)
{
    char *end;

    if (!*text || strcmp(text, "-") == 0)
        return json_null();
    switch (kind) {
    case REPORT_TEXT:
        break;
    case REPORT_NUMBER: {
        long long n;
        double d;

        if (str_to_int(text, INT64_MIN, INT64_MAX, &n))
            return json_integer(n);
        d = strtod(text, &end);
        return *end ? json_null() : json_real(d);
    }
    case REPORT_BOOL:
        return json_boolean(strcmp(text, "yes") == 0);
    }
    json_t *string = json_string(text);
    return string ? string : json_string("(not UTF-8)");
}

json_t *report_json(const struct report *r)
{
    json_t *rows = json_array(), *row = NULL;

    assert(r->n_columns > 0);
    for (size_t i = 0; i < r->n_cells; i++) {
        const struct report_column *c = &r->columns[i % r->n_columns];

        if (i % r->n_columns == 0) {
            row = json_object();
            json_array_append_new(rows, row);
        }
        if (c->key)
            json_object_set_new(row, c->key, cell_json(c->kind, r->cells[i].text));
    }
    return rows;
}

void report_put_json(const struct session *s, json_t *value)
{
    json_dumpf(value, stdout,
               JSON_REAL_PRECISION(9) | (s->terminal ? JSON_INDENT(2) : JSON_COMPACT));
    putchar('\n');
    json_decref(value);
}

void report_print(const struct report *r, const struct session *s)
{
    switch (s->options.format) {
    case FORMAT_PRETTY:
        report_pretty(r, s);
        break;
    case FORMAT_JSON:
        report_put_json(s, report_json(r));
        break;
    case FORMAT_TSV:
        report_tsv(r, NULL);
        break;
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

/* One line of words that fits `width` columns: where it ends, and where the next begins. */
static const char *line_end(const char *text, size_t width, const char **ret_next)
{
    const char *blank = NULL, *p = text;
    size_t n = 0;

    for (; *p && *p != '\n' && n <= width; p++) {
        if (*p == ' ')
            blank = p;
        n += ((unsigned char)*p & 0xc0) != 0x80;
    }
    if (*p && *p != '\n' && blank)
        p = blank;
    *ret_next = *p == ' ' || *p == '\n' ? p + 1 : p;
    return p;
}

void report_wrap(const struct session *s, const char *lead, const char *text)
{
    size_t indent = report_columns(lead), width = report_width(s);
    size_t room = width > indent + 20 ? width - indent - 1 : width ? 20 : 100000;
    const char *next, *end = line_end(text, room, &next);

    printf("%s%.*s\n", lead, (int)(end - text), text);
    while (*next) {
        text = next;
        end = line_end(text, room, &next);
        printf("%*s%.*s\n", (int)indent, "", (int)(end - text), text);
    }
}

const char *report_bytes(struct arena *a, int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double n = (double)bytes;
    size_t u = 0;

    for (; n >= 1024 && u < 4; u++)
        n /= 1024;
    return u ? arena_printf(a, "%.1f %s", n, units[u])
             : arena_printf(a, "%lld B", (long long)bytes);
}

const char *report_duration(struct arena *a, int64_t ms)
{
    long long s = ms / 1000;

    if (ms < 1000)
        return arena_printf(a, "%lld ms", (long long)ms);
    if (s < 120)
        return arena_printf(a, "%.1f s", (double)ms / 1000);
    if (s < 2 * 3600)
        return arena_printf(a, "%lld min", s / 60);
    if (s < 2 * 86400)
        return arena_printf(a, "%lld h", s / 3600);
    return arena_printf(a, "%lld days", s / 86400);
}

const char *report_time(struct arena *a, int64_t wall_ms)
{
    time_t t = (time_t)(wall_ms / 1000);
    struct tm tm;
    char text[40];

    localtime_r(&t, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    return arena_strdup(a, text);
}
