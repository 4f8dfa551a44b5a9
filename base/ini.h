/*
 * Configuration files in INI form, into structs by field tables.
 *
 * A line is `[section]`, `key = value` (or `key: value`), a comment (# or ;), or empty; at most
 * 400 bytes. What other readers of INI take in several ways (a continued line, a comment behind a
 * value, a key given twice) is refused. Errors name file, line and key.
 */
#pragma once

#include <stddef.h>

#include "base/field.h"

struct arena;
struct err;

/* One kind of section. `[name]` fills the struct at `offset`; a repeated one, `[name LABEL]`,
 * appends to an array of `elem_size` at `offset`, at most `max`, and puts LABEL into the element's
 * char array at `label_offset`. */
struct ini_section {
    const char *name;
    const struct field_table *table;
    size_t offset;
    bool repeated;
    bool required;
    size_t elem_size, max, count_offset, label_offset, label_size;
};

/* Fill *obj (already zeroed by the caller), defaults first, then the file; missing required keys
 * and sections, unknown and duplicate ones are ERR_CONFIG (e.sys is ENOENT when there is no file).
 * After an error *obj is filled in part. Comments (# or ;) stand on lines of their own. */
int ini_load(const char *path, const struct ini_section *sections, size_t n_sections, void *obj,
             struct arena *a, struct err *reterr);
/* The same from text in memory; errors give `name` as the file. */
int ini_parse_text(const char *name, const char *text, size_t len,
                   const struct ini_section *sections, size_t n_sections, void *obj,
                   struct arena *a, struct err *reterr);
