/*
 * Manual pages in roff's man macros (man(7)), from the same tables that the programs run by.
 *
 * Text is plain: `words in backticks` become bold, everything that means something to roff is
 * escaped, each sentence begins a line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct ini_section;

/* .TH and NAME. `title` in capitals, `section` "1"; `names`: "pgtandem". */
void man_title(FILE *f, const char *title, const char *section, const char *name,
               const char *summary);
/* .SH and .SS with their first paragraph, or NULL. */
void man_section(FILE *f, const char *heading, const char *text);
void man_subsection(FILE *f, const char *heading, const char *text);
void man_paragraph(FILE *f, const char *text);
/* `term` in bold, then `text` indented below it. */
void man_item(FILE *f, const char *term, const char *text);
/* Another paragraph below the last item. */
void man_more(FILE *f, const char *text);
void man_example(FILE *f, const char *line); /* literally, indented */

/* Each section of a configuration file, each key with its unit, bounds and default. */
void man_configuration(FILE *f, const struct ini_section *sections, size_t n_sections);

/* ---- what a program has beside it ------------------------------------------------------------ */

/* A file that is made from its tables when it is built: a manual page, a completion script. */
struct man_page {
    const char *name; /* "pgtandem.1" */
    void (*put)(FILE *f);
};
/* `pages` ends with a row without a name; false: none is called so. */
bool man_put_page(const struct man_page *pages, const char *name, FILE *f);
/* The program that make runs: the page that argv names, to standard output; the exit status. */
int man_put_main(const struct man_page *pages, int argc, char **argv);
