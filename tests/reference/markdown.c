#include "tests/reference/markdown.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/ini.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const type_names[] = {
    [FIELD_STRING] = "text", [FIELD_TEXT] = "long text",    [FIELD_BOOL] = "yes or no",
    [FIELD_INT] = "integer", [FIELD_ID] = "number as text", [FIELD_LSN] = "LSN",
    [FIELD_ENUM] = "one of", [FIELD_STRUCT] = "object",     [FIELD_LIST] = "list of",
};

void markdown_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            fputc('\\', f);
        fputc(*text, f);
    }
}

/* "text, at most 63 bytes", "one of `block`, `warn`", "list of `sender`, below, at most 16" */
static const char *type_text(struct arena *a, const struct field *k)
{
    const char *text = type_names[k->type];

    if (k->type == FIELD_STRING)
        return arena_printf(a, "%s, at most %zu bytes", text, k->size - 1);
    if (k->type == FIELD_TEXT)
        return arena_printf(a, "%s, at most %" PRId64 " bytes", text, k->max);
    if (k->type == FIELD_ENUM)
        for (size_t i = 0; k->names[i]; i++)
            text = arena_printf(a, "%s%s `%s`", text, i ? "," : "", k->names[i]);
    if (k->type == FIELD_STRUCT)
        return arena_printf(a, "object `%s`, below", k->sub->name);
    if (k->type == FIELD_LIST)
        return arena_printf(a, "list of `%s`, below, at most %" PRId64, k->sub->name, k->max);
    return text;
}

static const char *bounds_text(struct arena *a, const struct field *k)
{
    if (k->type != FIELD_INT || (k->min == 0 && k->max == INT64_MAX))
        return k->type == FIELD_INT ? "0 or more" : "";
    if (k->max == INT64_MAX)
        return arena_printf(a, "%" PRId64 " or more", k->min);
    return arena_printf(a, "%" PRId64 " to %" PRId64, k->min, k->max);
}

/* A help begins with its unit, where there is one: "ms: how long …". */
static const char *unit_of(const char *help, const char **ret_rest)
{
    static const struct {
        const char *lead, *unit;
    } units[] = {{"ms: ", "ms"},       {"s: ", "s"},         {"seconds: ", "s"},
                 {"bytes: ", "bytes"}, {"files: ", "files"}, {"days: ", "days"}};

    *ret_rest = help;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strncmp(help, units[i].lead, strlen(units[i].lead)) == 0) {
            *ret_rest = help + strlen(units[i].lead);
            return units[i].unit;
        }
    return "";
}

static void put_key(FILE *f, const struct field *k)
{
    AUTO(arena) a = arena_new();
    const char *help, *unit = unit_of(k->help, &help), *deflt = "empty";

    if (k->flags & FIELD_REQUIRED)
        deflt = "**required**";
    else if (k->deflt && *k->deflt)
        deflt = arena_printf(a, "`%s`", k->deflt);
    fprintf(f, "| `%s` | ", k->name);
    markdown_text(f, type_text(a, k));
    fprintf(f, " | %s | %s | %s | ", unit, bounds_text(a, k), deflt);
    markdown_text(f, help);
    fprintf(f, "%s |\n", k->flags & FIELD_RELOADS ? " *(taken over by a reload)*" : "");
}

void markdown_configuration(FILE *f, const struct ini_section *sections, size_t n_sections)
{
    for (size_t i = 0; i < n_sections; i++) {
        const struct ini_section *s = &sections[i];

        fprintf(f, "\n### [%s%s]\n\n%s\n\n", s->name, s->repeated ? " NAME" : "",
                s->repeated   ? "One section for each."
                : s->required ? "Required."
                              : "May be left out: then each key has its default.");
        fputs("| key | type | unit | bounds | default | what it is |\n"
              "| --- | --- | --- | --- | --- | --- |\n",
              f);
        for (size_t k = 0; k < s->table->count; k++)
            put_key(f, &s->table->fields[k]);
    }
}

void markdown_message(FILE *f, const char *heading, const struct field_table *t)
{
    AUTO(arena) a = arena_new();

    fprintf(f,
            "\n### %s\n\n| field | type | bounds | since | what it is |\n"
            "| --- | --- | --- | --- | --- |\n",
            heading);
    for (size_t i = 0; i < t->count; i++) {
        const struct field *k = &t->fields[i];

        fprintf(f, "| `%s`%s | ", k->name, k->flags & FIELD_REQUIRED ? " *(required)*" : "");
        markdown_text(f, type_text(a, k));
        fprintf(f, " | %s | %d | ", bounds_text(a, k), k->since ? k->since : 1);
        markdown_text(f, k->help);
        fputs(" |\n", f);
    }
    for (size_t i = 0; i < t->count; i++) {
        bool before = false; /* two fields of one struct: its table stands once */

        for (size_t b = 0; b < i; b++)
            before |= t->fields[b].sub && t->fields[b].sub == t->fields[i].sub;
        if (t->fields[i].sub && !before)
            markdown_message(f, t->fields[i].sub->name, t->fields[i].sub);
    }
}
