/*
 * The reference pages of docs/, as Markdown tables from the field tables that the programs read by.
 * A `|` in a text is escaped, so that no help breaks a table.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct field_table;
struct ini_section;

/* Text in a cell of a table. */
void markdown_text(FILE *f, const char *text);

/* A heading and a table of keys for each section of a configuration file. */
void markdown_configuration(FILE *f, const struct ini_section *sections, size_t n_sections);

/* A heading and a table of fields for a message, then the same for each struct within, depth first.
 * `heading` is the message's name in words. */
void markdown_message(FILE *f, const char *heading, const struct field_table *t);
