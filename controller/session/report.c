#include "controller/session/report.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/session/session.h"

/* ---- building -------------------------------------------------------------------------------- */

void report_init(struct report *r, struct arena *a, const struct report_column *columns, size_t n)
{
    *r = (struct report){.arena = a, .columns = columns, .n_columns = n};
}

/* `text` is copied and made printable: it may be a line of a crontab, a server's answer. */
static void add_cell(struct report *r, struct report_cell cell, const char *text)
{
    char *copy = arena_strdup(r->arena, text);

    str_make_printable(copy);
    cell.text = copy;
    if (r->n_cells == r->size) {
        size_t size = r->size ? 2 * r->size : 8 * r->n_columns;
        struct report_cell *cells = arena_alloc(r->arena, size * sizeof(*cells));

        if (r->n_cells)
            memcpy(cells, r->cells, r->n_cells * sizeof(*cells));
        r->cells = cells;
        r->size = size;
    }
    r->cells[r->n_cells++] = cell;
}

void report_text(struct report *r, enum report_style style, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    add_cell(r, (struct report_cell){.style = style, .kind = *text ? REPORT_TEXT : REPORT_NONE},
             text);
}

void report_word(struct report *r, enum report_style style, const char *word)
{
    if (word && *word)
        report_text(r, style, "%s", word);
    else
        add_cell(r,
                 (struct report_cell){.style = style == STYLE_CHANGED ? style : STYLE_DIM,
                                      .kind = REPORT_NONE},
                 "-");
}

void report_name(struct report *r, enum report_style style, const char *name)
{
    add_cell(r, (struct report_cell){.style = style, .kind = REPORT_TEXT, .empty = !*name},
             *name ? name : "-");
}

void report_number(struct report *r, enum report_style style, int64_t n)
{
    char text[24];

    STR_PRINTF(text, "%" PRId64, n);
    add_cell(r,
             (struct report_cell){
                 .style = style, .kind = REPORT_NUMBER, .is_integer = true, .integer = n},
             text);
}

void report_real(struct report *r, enum report_style style, double value, int decimals)
{
    char text[48];

    STR_PRINTF(text, "%.*f", decimals, value);
    add_cell(r, (struct report_cell){.style = style, .kind = REPORT_NUMBER, .real = value}, text);
}

void report_bool(struct report *r, enum report_style style, bool yes)
{
    add_cell(r, (struct report_cell){.style = style, .kind = REPORT_BOOL, .yes = yes},
             yes ? "yes" : "no");
}

void report_none(struct report *r)
{
    add_cell(r, (struct report_cell){.style = STYLE_DIM, .kind = REPORT_NONE}, "-");
}

void report_table(struct report *r, enum report_style style, const struct report *rows,
                  const char *text)
{
    add_cell(r, (struct report_cell){.style = style, .kind = REPORT_TABLE, .table = rows}, text);
}

size_t report_rows(const struct report *r)
{
    assert(r->n_columns > 0);
    return r->n_cells / r->n_columns;
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

json_t *report_json_text(const char *text)
{
    json_t *string = json_string(text);
    AUTO(arena) a = arena_new();

    if (string)
        return string;
    char *ascii = arena_strdup(a, text);
    for (char *p = ascii; *p; p++)
        if ((unsigned char)*p > 127)
            *p = '?';
    return json_string(ascii);
}

typedef json_t *value_fn(const struct report_cell *c);

static json_t *scalar_json(const struct report_cell *c)
{
    switch (c->kind) {
    case REPORT_TEXT:
        return report_json_text(c->empty ? "" : c->text);
    case REPORT_NUMBER:
        return c->is_integer ? json_integer(c->integer) : json_real(c->real);
    case REPORT_BOOL:
        return json_boolean(c->yes);
    case REPORT_TABLE: /* within a table of a table: there is none */
    case REPORT_NONE:
        break;
    }
    return json_null();
}

static json_t *row_json(const struct report *r, const struct report_cell *cells, value_fn *value)
{
    json_t *row;

    if (r->n_columns == 1 && r->columns[0].key && !*r->columns[0].key)
        return value(cells);
    row = json_object();
    for (size_t c = 0; c < r->n_columns; c++)
        if (r->columns[c].key)
            json_object_set_new(row, r->columns[c].key, value(&cells[c]));
    return row;
}

static json_t *rows_json(const struct report *r, value_fn *value)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < report_rows(r); i++)
        json_array_append_new(rows, row_json(r, &r->cells[i * r->n_columns], value));
    return rows;
}

static json_t *cell_json(const struct report_cell *c)
{
    return c->kind == REPORT_TABLE ? rows_json(c->table, scalar_json) : scalar_json(c);
}

json_t *report_json(const struct report *r)
{
    return rows_json(r, cell_json);
}

json_t *report_json_row(const struct report *r)
{
    return report_rows(r) ? row_json(r, r->cells, cell_json) : json_null();
}

json_t *report_object(const struct session *s, json_t *value)
{
    json_t *o = json_pack("{s:i, s:s}", "version", REPORT_JSON_VERSION, "kind",
                          s->verb ? s->verb->name : "");

    if (json_is_object(value))
        json_object_update(o, value);
    else
        json_object_set(o, "rows", value);
    json_decref(value);
    return o;
}

void report_put_json(const struct session *s, json_t *value)
{
    json_t *o = report_object(s, value);

    json_dumpf(o, stdout, JSON_REAL_PRECISION(9) | (s->term.tty ? JSON_INDENT(2) : JSON_COMPACT));
    putchar('\n');
    json_decref(o);
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

/* ---- words ----------------------------------------------------------------------------------- */

void report_put_text(const struct session *s, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        AUTO(arena) a = arena_new();
        char *line = arena_strndup(a, text, n);

        if (s->term.tty)
            str_make_printable(line);
        printf("%s%s", line, text[n] ? "\n" : "");
        text += n + (text[n] == '\n');
    }
}
