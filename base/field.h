/*
 * Tables of fields: a struct's members declared once, with type, bounds and help, and read and
 * written from that one place as JSON (messages, journal, state) and as text (configuration).
 *
 * Unknown keys, duplicate keys, missing required keys and values out of bounds are errors that name
 * the key by its path ("senders[2].state"). Strings live in fixed arrays in the struct (nothing to
 * free); FIELD_TEXT is a `char *` in the arena that the reader was given.
 *
 * A table whose JSON other versions of the program read (messages) says of each later row since
 * which version of the format there is such a key:
 *
 *     F_BOOL(struct reply, sorted, 0, NULL, "…", .since = 2),
 *
 * field_to_text_at() leaves out what an older reader would refuse as unknown. Such a row must not
 * be FIELD_REQUIRED: an older writer does not have it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;

enum field_type {
    FIELD_STRING, /* char[size]; JSON string */
    FIELD_TEXT,   /* char *, arena; JSON string or null; at most `max` bytes */
    FIELD_BOOL,   /* bool; JSON true/false; text yes/no/true/false/on/off/1/0 */
    FIELD_INT,    /* int64_t within [min, max]; JSON integer */
    FIELD_ID,     /* uint64_t; JSON string of decimal digits (a double would not hold it) */
    FIELD_LSN,    /* uint64_t; JSON string "16/B374D848" as PostgreSQL prints a pg_lsn */
    FIELD_ENUM,   /* int; JSON string, one of names[] */
    FIELD_STRUCT, /* struct; JSON object, by `sub` */
    FIELD_LIST,   /* array of `max` structs of `size` bytes; size_t count at count_offset */
};

enum {
    FIELD_REQUIRED = 1, /* must be present */
    FIELD_SECRET = 2,   /* field_get shows "(secret)" */
    FIELD_RELOADS = 4,  /* configuration: a running program takes a new value over */
    FIELD_OMISSIBLE = 8 /* field_version_needed: a reader that does not know it may go without */
};

struct field_table;

struct field {
    const char *name;
    enum field_type type;
    size_t offset;
    size_t size; /* FIELD_STRING: array size; FIELD_LIST: element size */
    unsigned flags;
    int64_t min, max;
    const char *const *names;      /* FIELD_ENUM: NULL-terminated, index = value */
    const struct field_table *sub; /* FIELD_STRUCT, FIELD_LIST */
    size_t count_offset;           /* FIELD_LIST */
    int since;                     /* version of the format that brought it; 0: all have it */
    const char *deflt;             /* text form of the default, or NULL: zero */
    const char *help;              /* one line for a person, with the unit */
};

struct field_table {
    const char *name;
    size_t size; /* of the struct */
    size_t count;
    const struct field *fields;
};

/* After the help a row may set further members: `.since = 2`. */
/* clang-format off */
#define FIELD_SIZEOF_(T, m) sizeof(((T *)0)->m)
#define F_STRING(T, m, fl, def, hlp, ...)                                                          \
    { .name = #m, .type = FIELD_STRING, .offset = offsetof(T, m), .size = FIELD_SIZEOF_(T, m),     \
      .flags = (fl), .deflt = (def), .help = (hlp), __VA_ARGS__ }
#define F_TEXT(T, m, fl, cap, hlp, ...)                                                            \
    { .name = #m, .type = FIELD_TEXT, .offset = offsetof(T, m), .flags = (fl), .max = (cap),       \
      .help = (hlp), __VA_ARGS__ }
#define F_BOOL(T, m, fl, def, hlp, ...)                                                            \
    { .name = #m, .type = FIELD_BOOL, .offset = offsetof(T, m), .flags = (fl), .deflt = (def),     \
      .help = (hlp), __VA_ARGS__ }
#define F_INT(T, m, fl, lo, hi, def, hlp, ...)                                                     \
    { .name = #m, .type = FIELD_INT, .offset = offsetof(T, m), .flags = (fl), .min = (lo),         \
      .max = (hi), .deflt = (def), .help = (hlp), __VA_ARGS__ }
#define F_ID(T, m, fl, hlp, ...)                                                                   \
    { .name = #m, .type = FIELD_ID, .offset = offsetof(T, m), .flags = (fl), .help = (hlp), __VA_ARGS__ }
#define F_LSN(T, m, fl, hlp, ...)                                                                  \
    { .name = #m, .type = FIELD_LSN, .offset = offsetof(T, m), .flags = (fl), .help = (hlp), __VA_ARGS__ }
#define F_ENUM(T, m, fl, nms, def, hlp, ...)                                                       \
    { .name = #m, .type = FIELD_ENUM, .offset = offsetof(T, m), .flags = (fl), .names = (nms),     \
      .deflt = (def), .help = (hlp), __VA_ARGS__ }
#define F_STRUCT(T, m, fl, tbl, hlp, ...)                                                          \
    { .name = #m, .type = FIELD_STRUCT, .offset = offsetof(T, m), .flags = (fl), .sub = (tbl),     \
      .help = (hlp), __VA_ARGS__ }
#define F_LIST(T, m, cnt, fl, tbl, hlp, ...)                                                       \
    { .name = #m, .type = FIELD_LIST, .offset = offsetof(T, m),                                    \
      .size = sizeof(((T *)0)->m[0]), .flags = (fl),                                               \
      .max = (int64_t)(FIELD_SIZEOF_(T, m) / sizeof(((T *)0)->m[0])), .sub = (tbl),                \
      .count_offset = offsetof(T, cnt), .help = (hlp), __VA_ARGS__ }

#define FIELD_TABLE(var, T, label, fields_)                                                        \
    const struct field_table var = { .name = (label), .size = sizeof(T),                           \
                                     .count = sizeof(fields_) / sizeof((fields_)[0]),              \
                                     .fields = (fields_) }

/* clang-format on */

/* Set every member to its default. Members that the table does not describe are left alone, also by
 * the readers below. */
void field_defaults(const struct field_table *t, void *obj);

/* Every FIELD_STRING one line that does a terminal and a log no harm (str_make_printable), for what
 * a peer has sent. A FIELD_TEXT stays as it is. */
void field_make_printable(const struct field_table *t, void *obj);

/* A new JSON object with every field (caller owns the reference). In text that is not UTF-8 each
 * byte above 127 becomes '?'. */
json_t *field_to_json(const struct field_table *t, const void *obj);

/* Fill *obj from a JSON object, defaults first. ERR_INVALID leaves *obj untouched; the message
 * begins with the table's name and the key's path. */
int field_from_json(const struct field_table *t, const json_t *json, void *obj, struct arena *a,
                    struct err *reterr);

/* One text line of JSON, no newline, in the arena (journal, state, frames). */
char *field_to_text(const struct field_table *t, const void *obj, struct arena *a);
/* The same for a reader of `version`: without the fields that came later. */
char *field_to_text_at(const struct field_table *t, const void *obj, int version, struct arena *a);
/* The lowest version whose reader misses nothing that *obj says: a later field counts when it is
 * not at its default and not FIELD_OMISSIBLE. *ret_field (if not NULL) is one that decided, or
 * NULL. */
int field_version_needed(const struct field_table *t, const void *obj,
                         const struct field **ret_field);
/* The reverse: strict JSON (duplicates, trailing data, NUL refused). */
int field_from_text(const struct field_table *t, const char *text, size_t len, void *obj,
                    struct arena *a, struct err *reterr);

/* Set one scalar member from configuration text. The caller adds the key's name to the message. */
int field_set(const struct field *f, void *obj, const char *value, struct arena *a,
              struct err *reterr);
const struct field *field_find(const struct field_table *t, const char *name);

/* Render one scalar member as text into a fixed array (tables on screen, TSV); false if cut. */
bool field_get(const struct field *f, const void *obj, char *ret_text, size_t bytes);
