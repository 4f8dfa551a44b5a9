/* Any bytes as JSON for a table; what is accepted must come back the same from its own text. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/field.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
    char name[8];
    uint64_t lsn;
};

struct thing {
    char *note;
    bool on;
    int64_t number;
    uint64_t id;
    int kind;
    struct item items[2];
    size_t n_items;
};

static const char *const kinds[] = {"a", "b", NULL};

static const struct field item_fields[] = {
    F_STRING(struct item, name, FIELD_REQUIRED, NULL, "name"),
    F_LSN(struct item, lsn, 0, "position"),
};
static FIELD_TABLE(item_table, struct item, "item", item_fields);

static const struct field thing_fields[] = {
    F_TEXT(struct thing, note, 0, 100, "text"),
    F_BOOL(struct thing, on, 0, NULL, "flag"),
    F_INT(struct thing, number, 0, -5, 1000, NULL, "number"),
    F_ID(struct thing, id, 0, "id"),
    F_ENUM(struct thing, kind, 0, kinds, "a", "kind"),
    F_LIST(struct thing, items, n_items, 0, &item_table, "items"),
};
static FIELD_TABLE(thing_table, struct thing, "thing", thing_fields);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) a = arena_new();
    struct thing first = {0};
    struct thing second = {0};
    struct err e = {0};

    if (field_from_text(&thing_table, (const char *)data, size, &first, a, &e) < 0)
        return 0;

    const char *text = field_to_text(&thing_table, &first, a);
    if (field_from_text(&thing_table, text, strlen(text), &second, a, &e) < 0 ||
        strcmp(text, field_to_text(&thing_table, &second, a)) != 0)
        abort();
    return 0;
}
