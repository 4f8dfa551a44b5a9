#include "controller/session/report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/session/session.h"

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
    str_make_printable(text); /* it may be a line of a crontab, a server's answer */
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
    return report_json_text(text);
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
