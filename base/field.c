#include "base/field.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/lsn.h"
#include "base/mem.h"

const struct field *field_find(const struct field_table *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->fields[i].name, name) == 0)
            return &t->fields[i];
    return NULL;
}

/* ---- text into a member ---------------------------------------------------------------------- */

static int set_string(const struct field *f, char *member, const char *value, struct err *reterr)
{
    if (strlen(value) >= f->size)
        return err_set(reterr, ERR_INVALID, NULL, "%zu bytes are too long; at most %zu fit",
                       strlen(value), f->size - 1);
    str_copy(member, f->size, value);
    return 0;
}

static int set_text(const struct field *f, char **member, const char *value, struct arena *a,
                    struct err *reterr)
{
    if (strlen(value) > (size_t)f->max)
        return err_set(reterr, ERR_INVALID, NULL, "%zu bytes are too long; at most %" PRId64 " fit",
                       strlen(value), f->max);
    *member = arena_strdup(a, value);
    return 0;
}

static int set_bool(bool *member, const char *value, struct err *reterr)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(words[i], value) == 0) {
            *member = i % 2 == 1;
            return 0;
        }
    return err_set(reterr, ERR_INVALID, NULL, "'%s' is neither yes nor no", value);
}

static int set_int(const struct field *f, int64_t *member, const char *value, struct err *reterr)
{
    long long number;

    if (!str_to_int(value, f->min, f->max, &number))
        return err_set(reterr, ERR_INVALID, NULL,
                       "'%s' is not a whole number from %" PRId64 " to %" PRId64, value, f->min,
                       f->max);
    *member = number;
    return 0;
}

static int set_id(uint64_t *member, const char *value, struct err *reterr)
{
    unsigned long long number;

    if (!str_to_u64(value, &number))
        return err_set(reterr, ERR_INVALID, NULL, "'%s' is not an identifier of decimal digits",
                       value);
    *member = number;
    return 0;
}

static int set_lsn(uint64_t *member, const char *value, struct err *reterr)
{
    if (!lsn_parse(value, member))
        return err_set(reterr, ERR_INVALID, NULL, "'%s' is not an LSN such as 0/3000148", value);
    return 0;
}

static int set_enum(const struct field *f, int *member, const char *value, struct err *reterr)
{
    char allowed[256] = "";

    for (int i = 0; f->names[i]; i++) {
        if (strcmp(f->names[i], value) == 0) {
            *member = i;
            return 0;
        }
        size_t used = strlen(allowed);
        str_printf(allowed + used, sizeof(allowed) - used, "%s%s", i ? ", " : "", f->names[i]);
    }
    return err_set(reterr, ERR_INVALID, NULL, "'%s' is none of: %s", value, allowed);
}

int field_set(const struct field *f, void *obj, const char *value, struct arena *a,
              struct err *reterr)
{
    void *member = (char *)obj + f->offset;

    switch (f->type) {
    case FIELD_STRING:
        return set_string(f, member, value, reterr);
    case FIELD_TEXT:
        return set_text(f, member, value, a, reterr);
    case FIELD_BOOL:
        return set_bool(member, value, reterr);
    case FIELD_INT:
        return set_int(f, member, value, reterr);
    case FIELD_ID:
        return set_id(member, value, reterr);
    case FIELD_LSN:
        return set_lsn(member, value, reterr);
    case FIELD_ENUM:
        return set_enum(f, member, value, reterr);
    case FIELD_STRUCT:
    case FIELD_LIST:
        break;
    }
    return err_set(reterr, ERR_INVALID, NULL, "a structure cannot be given as one value");
}

/* ---- defaults -------------------------------------------------------------------------------- */

static size_t member_bytes(const struct field *f)
{
    switch (f->type) {
    case FIELD_STRING:
        return f->size;
    case FIELD_TEXT:
        return sizeof(char *);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_INT:
    case FIELD_ID:
    case FIELD_LSN:
        return sizeof(int64_t);
    case FIELD_ENUM:
        return sizeof(int);
    case FIELD_STRUCT:
        return f->sub->size;
    case FIELD_LIST:
        return f->size * (size_t)f->max;
    }
    return 0;
}

/* Member by member: several tables may each describe a part of one struct. */
void field_defaults(const struct field_table *t, void *obj)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];

        memset((char *)obj + f->offset, 0, member_bytes(f));
        if (f->type == FIELD_LIST)
            memset((char *)obj + f->count_offset, 0, sizeof(size_t));
        if (f->type == FIELD_STRUCT)
            field_defaults(f->sub, (char *)obj + f->offset);
        if (f->deflt) {
            int r = field_set(f, obj, f->deflt, NULL, NULL);

            assert(r == 0); /* a default that its own bounds refuse is a bug in the table */
            (void)r;
        }
    }
}

/* ---- for people ------------------------------------------------------------------------------ */

void field_make_printable(const struct field_table *t, void *obj)
{
    for (const struct field *f = t->fields; f < t->fields + t->count; f++) {
        char *member = (char *)obj + f->offset;
        size_t n = 0;

        if (f->type == FIELD_STRING)
            str_make_printable(member);
        if (f->type == FIELD_STRUCT)
            field_make_printable(f->sub, member);
        if (f->type == FIELD_LIST)
            memcpy(&n, (char *)obj + f->count_offset, sizeof(n));
        for (size_t i = 0; i < n; i++)
            field_make_printable(f->sub, member + i * f->size);
    }
}

/* ---- a member into text ---------------------------------------------------------------------- */

bool field_get(const struct field *f, const void *obj, char *ret_text, size_t bytes)
{
    if (f->flags & FIELD_SECRET)
        return str_copy(ret_text, bytes, "(secret)");

    const char *member = (const char *)obj + f->offset;
    char lsn[LSN_TEXT_BYTES];

    switch (f->type) {
    case FIELD_STRING:
        return str_copy(ret_text, bytes, member);
    case FIELD_TEXT: {
        const char *text = *(const char *const *)(const void *)member;

        return str_copy(ret_text, bytes, text ? text : "");
    }
    case FIELD_BOOL:
        return str_copy(ret_text, bytes, *(const bool *)member ? "yes" : "no");
    case FIELD_INT:
        return str_printf(ret_text, bytes, "%" PRId64, *(const int64_t *)(const void *)member);
    case FIELD_ID:
        return str_printf(ret_text, bytes, "%" PRIu64, *(const uint64_t *)(const void *)member);
    case FIELD_LSN:
        return str_copy(ret_text, bytes, lsn_text(*(const uint64_t *)(const void *)member, lsn));
    case FIELD_ENUM:
        return str_copy(ret_text, bytes, f->names[*(const int *)(const void *)member]);
    case FIELD_STRUCT:
    case FIELD_LIST:
        break;
    }
    return str_copy(ret_text, bytes, "");
}
