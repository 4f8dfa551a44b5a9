/*
 * The JSON side of the field tables. Every refusal names the key by its path from the root
 * ("observe: senders[2].state: …"), so the path is carried down through structs and lists.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/field.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"

enum { PATH_BYTES = 160 };

/* ---- writing --------------------------------------------------------------------------------- */

/* JSON is UTF-8; text from elsewhere (a server's message in Latin-1) may not be. Better a '?' in
 * place of a letter than no message at all. */
static json_t *json_text(const char *text)
{
    json_t *json = json_string(text);

    if (json)
        return json;

    AUTO(str) ascii = mem_strdup(text);

    for (char *p = ascii; *p; p++)
        if (*p & 0x80)
            *p = '?';
    return json_string(ascii);
}

static json_t *table_to_json(const struct field_table *t, const void *obj, int version);

static json_t *list_to_json(const struct field *f, const void *obj, int version)
{
    const char *element = (const char *)obj + f->offset;
    json_t *list = json_array();
    size_t count;

    memcpy(&count, (const char *)obj + f->count_offset, sizeof(count));
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, table_to_json(f->sub, element + i * f->size, version));
    return list;
}

static json_t *member_to_json(const struct field *f, const void *obj, int version)
{
    const void *member = (const char *)obj + f->offset;
    char lsn[LSN_TEXT_BYTES];

    switch (f->type) {
    case FIELD_STRING:
        return json_text(member);
    case FIELD_TEXT: {
        const char *owned = *(const char *const *)member;

        return owned ? json_text(owned) : json_null();
    }
    case FIELD_BOOL:
        return json_boolean(*(const bool *)member);
    case FIELD_INT:
        return json_integer(*(const int64_t *)member);
    case FIELD_ENUM:
        return json_string(f->names[*(const int *)member]);
    case FIELD_ID:
        return json_sprintf("%" PRIu64, *(const uint64_t *)member);
    case FIELD_LSN:
        return json_string(lsn_text(*(const uint64_t *)member, lsn));
    case FIELD_STRUCT:
        return table_to_json(f->sub, member, version);
    case FIELD_LIST:
        return list_to_json(f, obj, version);
    }
    return NULL;
}

/* jansson gives NULL only when out of memory (or for a member that is no value: a bug) */
static void *or_abort(void *p)
{
    if (!p)
        abort();
    return p;
}

static json_t *table_to_json(const struct field_table *t, const void *obj, int version)
{
    json_t *json = or_abort(json_object());

    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];

        if (f->since <= version)
            json_object_set_new(json, f->name, or_abort(member_to_json(f, obj, version)));
    }
    return json;
}

json_t *field_to_json(const struct field_table *t, const void *obj)
{
    return table_to_json(t, obj, INT_MAX);
}

char *field_to_text_at(const struct field_table *t, const void *obj, int version, struct arena *a)
{
    json_t *json = table_to_json(t, obj, version);
    char *text = or_abort(json_dumps(json, JSON_COMPACT));
    char *copy = arena_strdup(a, text);

    mem_free(text);
    json_decref(json);
    return copy;
}

char *field_to_text(const struct field_table *t, const void *obj, struct arena *a)
{
    return field_to_text_at(t, obj, INT_MAX, a);
}

/* ---- what an older reader would miss --------------------------------------------------------- */

static bool at_default(const struct field_table *t, const struct field *f, const void *obj)
{
    void *fresh = mem_alloc(t->size);
    json_t *ours, *deflt;
    bool equal;

    field_defaults(t, fresh);
    ours = or_abort(member_to_json(f, obj, INT_MAX));
    deflt = or_abort(member_to_json(f, fresh, INT_MAX));
    equal = json_equal(ours, deflt);
    json_decref(ours);
    json_decref(deflt);
    mem_free(fresh);
    return equal;
}

static int member_needs(const struct field_table *t, const struct field *f, const void *obj,
                        const struct field **ret_field)
{
    const char *member = (const char *)obj + f->offset;
    size_t count = 1;
    int needed = 0;

    if (f->since > 0 && (f->flags & FIELD_OMISSIBLE || at_default(t, f, obj)))
        return 0;
    if (f->type == FIELD_LIST)
        memcpy(&count, (const char *)obj + f->count_offset, sizeof(count));
    for (size_t i = 0; f->sub && i < count; i++) {
        int sub = field_version_needed(f->sub, member + i * f->size, ret_field);

        needed = sub > needed ? sub : needed;
    }
    if (f->since <= needed)
        return needed;
    if (ret_field)
        *ret_field = f;
    return f->since;
}

int field_version_needed(const struct field_table *t, const void *obj,
                         const struct field **ret_field)
{
    const struct field *what = NULL;
    int needed = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct field *decided = NULL;
        int n = member_needs(t, &t->fields[i], obj, &decided);

        if (n > needed) {
            needed = n;
            what = decided;
        }
    }
    if (ret_field)
        *ret_field = what;
    return needed;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
    const char *root; /* name of the outermost table */
    struct arena *arena;
    struct err *err;
};

static int read_object(struct reader *r, const struct field_table *t, json_t *json,
                       const char *path, void *obj);

static const char *type_text(const json_t *json)
{
    static const char *const texts[] = {
        [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "a list", [JSON_STRING] = "a string",
        [JSON_INTEGER] = "an integer", [JSON_REAL] = "a real",  [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",        [JSON_NULL] = "null",
    };

    return texts[json_typeof(json)];
}

static int wrong_type(struct reader *r, const char *path, const json_t *json, const char *expected)
{
    return err_set(r->err, ERR_INVALID, NULL, "%s: %s%smust be %s, it is %s", r->root, path,
                   *path ? ": " : "", expected, type_text(json));
}

/* Strings are checked by field_set(), which knows the bounds but not the path. */
static int read_string(struct reader *r, const struct field *f, json_t *json, const char *path,
                       void *obj)
{
    if (!json_is_string(json))
        return wrong_type(r, path, json, f->type == FIELD_TEXT ? "a string or null" : "a string");
    if (strlen(json_string_value(json)) != json_string_length(json))
        return err_set(r->err, ERR_INVALID, NULL, "%s: %s: holds a NUL byte", r->root, path);

    int rc = field_set(f, obj, json_string_value(json), r->arena, r->err);
    if (rc < 0)
        err_prefix(r->err, "%s: %s", r->root, path);
    return rc;
}

static int read_int(struct reader *r, const struct field *f, json_t *json, const char *path,
                    int64_t *member)
{
    if (!json_is_integer(json))
        return wrong_type(r, path, json, "an integer");

    int64_t value = json_integer_value(json);
    if (value < f->min || value > f->max)
        return err_set(r->err, ERR_INVALID, NULL,
                       "%s: %s: must be from %" PRId64 " to %" PRId64 ", it is %" PRId64, r->root,
                       path, f->min, f->max, value);
    *member = value;
    return 0;
}

static int read_bool(struct reader *r, json_t *json, const char *path, bool *member)
{
    if (!json_is_boolean(json))
        return wrong_type(r, path, json, "true or false");
    *member = json_is_true(json);
    return 0;
}

static int read_list(struct reader *r, const struct field *f, json_t *json, const char *path,
                     void *obj)
{
    if (!json_is_array(json))
        return wrong_type(r, path, json, "a list");

    size_t count = json_array_size(json);
    if (count > (size_t)f->max)
        return err_set(r->err, ERR_INVALID, NULL, "%s: %s: at most %" PRId64 " fit, there are %zu",
                       r->root, path, f->max, count);

    for (size_t i = 0; i < count; i++) {
        char sub_path[PATH_BYTES];

        STR_PRINTF(sub_path, "%s[%zu]", path, i);
        int rc = read_object(r, f->sub, json_array_get(json, i), sub_path,
                             (char *)obj + f->offset + i * f->size);
        if (rc < 0)
            return rc;
    }
    memcpy((char *)obj + f->count_offset, &count, sizeof(count));
    return 0;
}

static int read_member(struct reader *r, const struct field *f, json_t *json, const char *path,
                       void *obj)
{
    void *member = (char *)obj + f->offset;

    switch (f->type) {
    case FIELD_TEXT:
        if (json_is_null(json)) {
            *(char **)member = NULL;
            return 0;
        }
        return read_string(r, f, json, path, obj);
    case FIELD_STRING:
    case FIELD_ID:
    case FIELD_LSN:
    case FIELD_ENUM:
        return read_string(r, f, json, path, obj);
    case FIELD_BOOL:
        return read_bool(r, json, path, member);
    case FIELD_INT:
        return read_int(r, f, json, path, member);
    case FIELD_STRUCT:
        return read_object(r, f->sub, json, path, member);
    case FIELD_LIST:
        return read_list(r, f, json, path, obj);
    }
    return ERR_INVALID;
}

static int refuse_unknown(struct reader *r, const struct field_table *t, json_t *json,
                          const char *path)
{
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value) {
        if (!field_find(t, key))
            return err_set(r->err, ERR_INVALID, NULL, "%s: %s%s%s: unknown key", r->root, path,
                           *path ? "." : "", key);
    }
    return 0;
}

static int read_object(struct reader *r, const struct field_table *t, json_t *json,
                       const char *path, void *obj)
{
    if (!json_is_object(json))
        return wrong_type(r, path, json, "an object");

    int rc = refuse_unknown(r, t, json, path);

    field_defaults(t, obj);
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        const struct field *f = &t->fields[i];
        json_t *value = json_object_get(json, f->name);
        char sub_path[PATH_BYTES];

        STR_PRINTF(sub_path, "%s%s%s", path, *path ? "." : "", f->name);
        if (value)
            rc = read_member(r, f, value, sub_path, obj);
        else if (f->flags & FIELD_REQUIRED)
            rc = err_set(r->err, ERR_INVALID, NULL, "%s: %s: required key is missing", r->root,
                         sub_path);
    }
    return rc;
}

int field_from_json(const struct field_table *t, const json_t *json, void *obj, struct arena *a,
                    struct err *reterr)
{
    struct reader r = {.root = t->name, .arena = a, .err = reterr};
    void *copy = mem_alloc(t->size);
    json_t *readable = (json_t *)(uintptr_t)json; /* jansson only reads it, but takes no const */

    memcpy(copy, obj, t->size); /* members that no field describes stay as they are */

    int rc = read_object(&r, t, readable, "", copy);
    if (rc == 0)
        memcpy(obj, copy, t->size);
    mem_free(copy);
    return rc;
}

int field_from_text(const struct field_table *t, const char *text, size_t len, void *obj,
                    struct arena *a, struct err *reterr)
{
    json_error_t why;
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

    if (!json)
        return err_set(reterr, ERR_INVALID, NULL, "%s: not JSON: line %d, column %d: %s", t->name,
                       why.line, why.column, why.text);

    int rc = field_from_json(t, json, obj, a, reterr);

    json_decref(json);
    return rc;
}
