/*
 * What an output is (standard output, standard error), decided once for a command: a terminal or
 * not, how wide, with colour or not, UTF-8 or not. Everything that people read is laid out by it;
 * what programs read (JSON, TSV) does not depend on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct arena;

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
extern const char *const term_color_names[]; /* "auto", "always", "never", NULL */

struct term {
    FILE *out;
    bool tty;     /* it is a terminal */
    bool colour;  /* --color; auto: a terminal, TERM is not dumb, NO_COLOR is not set */
    bool utf8;    /* the locale's character set; else marks are ASCII */
    size_t width; /* columns; 0 where there is no terminal: nothing is wrapped or left out */
};

/* Once, at the start: the locale's characters, also when the locale itself is not installed. */
void term_locale(void);
/* An output as it is now (a window changes its size). COLUMNS goes before the terminal's. */
struct term term_look(FILE *out, enum color_when when);

/* Columns that a text takes in this locale; what cannot be shown takes one. */
size_t term_columns(const char *text);
/* The bytes of as much of `text` as fits `columns`. */
size_t term_fit(const char *text, size_t columns);
/* `text` as it can be shown: as it is, or ASCII in its place; control characters become blanks. In
 * the arena, or `text` itself. */
const char *term_text(const struct term *t, struct arena *a, const char *text);

/* Print `text` wrapped, the first line after `lead`, the others indented by its width. */
void term_wrap(const struct term *t, const char *lead, const char *text);
/* The same, `on` and `off` (escape sequences, or "") around the lead. */
void term_wrap_styled(const struct term *t, const char *on, const char *lead, const char *off,
                      const char *text);
/* `left`, then `text` wrapped from column `column` on; below `left` where that is too narrow. */
void term_item(const struct term *t, const char *left, size_t column, const char *text);
