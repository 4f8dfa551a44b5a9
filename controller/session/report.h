/*
 * What people and scripts read: small tables, wrapped text, the same facts in each format.
 *
 * A report is columns and rows of cells in an arena; a cell keeps its value beside its text:
 * nothing is read back out of a text. Pretty: aligned, by the session's terminal: too narrow, the
 * columns that may be left out are, and where that is not enough the last ones move below their
 * row. TSV: a header line, then a row each. JSON: an array of objects, numbers as numbers; null
 * where a cell says nothing.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct session;

enum report_kind {
    REPORT_TEXT,
    REPORT_NUMBER, /* right-aligned; a JSON number */
    REPORT_BOOL,   /* "yes" or "no"; JSON true or false */
    REPORT_TABLE,  /* a report of its own; JSON: an array, in the other formats a text */
    REPORT_NONE,   /* says nothing: "-", JSON null; of a cell, in a column of any kind */
};
enum report_style {
    STYLE_PLAIN,
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_CHANGED, /* since the look before */
};

struct report_column {
    const char *key;   /* JSON, TSV; NULL: shown to people only */
    const char *title; /* pretty; NULL: not shown there */
    enum report_kind kind;
    int drop; /* pretty, too narrow: the highest goes first; 0 never; -1: cut to what is left */
};

struct report;

struct report_cell {
    const char *text; /* printable */
    enum report_style style;
    enum report_kind kind;
    bool empty; /* TEXT: the empty string, shown as "-" */
    bool yes;
    bool is_integer; /* NUMBER: `integer`, else `real` */
    int64_t integer;
    double real;
    const struct report *table;
};

struct report {
    struct arena *arena;
    const struct report_column *columns;
    size_t n_columns;
    struct report_cell *cells; /* n_rows times n_columns */
    size_t n_cells, size;
};

void report_init(struct report *r, struct arena *a, const struct report_column *columns, size_t n);
#define REPORT_INIT(r, a, columns)                                                                 \
    report_init(r, a, columns, sizeof(columns) / sizeof((columns)[0]))
/* The next cell; a row is full when every column has one. An empty text says nothing, and is shown
 * as nothing; a word that is NULL or empty likewise, shown as "-"; a name that is empty is shown as
 * "-" and is an empty string in JSON. */
void report_text(struct report *r, enum report_style style, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_word(struct report *r, enum report_style style, const char *word);
void report_name(struct report *r, enum report_style style, const char *name);
void report_number(struct report *r, enum report_style style, int64_t n);
void report_real(struct report *r, enum report_style style, double value, int decimals);
void report_bool(struct report *r, enum report_style style, bool yes);
void report_none(struct report *r);
/* `rows` is kept, not copied; its one column with the key "" makes it a list of values. */
void report_table(struct report *r, enum report_style style, const struct report *rows,
                  const char *text);
size_t report_rows(const struct report *r);

void report_pretty(const struct report *r, const struct session *s);
/* `label` NULL: a header and the rows; else every line begins with it (several tables in one
 * output). */
void report_tsv(const struct report *r, const char *label);
json_t *report_json(const struct report *r);
json_t *report_json_row(const struct report *r); /* of one row: the object; of none: null */
/* By the session's format. */
void report_print(const struct report *r, const struct session *s);

/* What every JSON output is: an object with "version", "kind" (the verb), then `value`'s own keys;
 * an array becomes the member "rows". Each key is described in docs/json. One that is added leaves
 * the version; one that goes, or means something else, raises it. Takes `value`. */
enum { REPORT_JSON_VERSION = 1 };
json_t *report_object(const struct session *s, json_t *value);
/* Print and release it: indented on a terminal, else one line. */
void report_put_json(const struct session *s, json_t *value);

/* Print several lines from elsewhere (a crontab): byte by byte into a file or a pipe; on a terminal
 * without what it would obey. */
void report_put_text(const struct session *s, const char *text);

/* A JSON string; in text that is not UTF-8 each byte above 127 becomes '?'. */
json_t *report_json_text(const char *text);

/* Escape sequences, or "" where there is no colour. */
const char *report_on(const struct session *s, enum report_style style);
const char *report_off(const struct session *s, enum report_style style);

/* Print `text` wrapped, the first line after `lead`, the others indented by its width. */
void report_wrap(const struct session *s, const char *lead, const char *text);
void report_wrap_styled(const struct session *s, enum report_style style, const char *lead,
                        const char *text);
