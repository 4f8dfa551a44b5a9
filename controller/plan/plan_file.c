/* A plan on disk: one JSON object with a sha256 over all else in it. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/journal/journal.h"
#include "controller/plan/plan.h"

enum { FILE_CAP_BYTES = 1 << 20 };
static const char format_name[] = "pgtandem-plan";

/* Over the object without its seal, keys sorted, no blanks: a file may be reformatted. */
static void hash_of(const json_t *o, char ret_hex[JOURNAL_HASH_BYTES])
{
    json_t *bare = json_copy((json_t *)(uintptr_t)o);

    json_object_del(bare, "sha256");
    char *text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
    journal_hash(text ? text : "", text ? strlen(text) : 0, ret_hex);
    free(text);
    json_decref(bare);
}

int plan_save(struct plan *p, const char *path, struct err *reterr)
{
    STR_COPY(p->format, format_name);
    p->format_version = PLAN_FORMAT;
    json_t *o = field_to_json(&plan_table, p);
    hash_of(o, p->sha256);
    json_object_set_new(o, "sha256", json_string(p->sha256));
    char *json = json_dumps(o, JSON_INDENT(2));
    AUTO(arena) a = arena_new();
    const char *text = arena_printf(a, "%s\n", json ? json : "");
    json_decref(o);
    free(json);
    return file_replace(path, text, strlen(text), 0600, reterr);
}

static int refuse(struct err *reterr, const char *path, const char *why)
{
    return err_set(reterr, ERR_PREFLIGHT, "`pgtandem plan --to NODE --save FILE` makes a new one",
                   "%s: %s; nothing has been changed", path, why);
}

/* The whole check of what a person may have had in hands, from the outside in. */
static int read_object(const char *path, const json_t *o, struct plan *p, struct arena *a,
                       struct err *reterr)
{
    const char *format = json_string_value(json_object_get(o, "format"));
    const char *sha256 = json_string_value(json_object_get(o, "sha256"));
    json_int_t version = json_integer_value(json_object_get(o, "format_version"));
    char hex[JOURNAL_HASH_BYTES], why[200];
    struct err e = {.code = 0};

    if (!format || strcmp(format, format_name) != 0)
        return refuse(reterr, path, "it is not a plan");
    if (version != PLAN_FORMAT) {
        STR_PRINTF(why, "it is a plan of format %lld, this program reads format %d",
                   (long long)version, PLAN_FORMAT);
        return refuse(reterr, path, why);
    }
    hash_of(o, hex);
    if (!sha256 || strcmp(sha256, hex) != 0) {
        STR_PRINTF(why,
                   "its sha256 is not the one of its content (%.12s…): it was edited or damaged",
                   hex);
        return refuse(reterr, path, why);
    }
    if (field_from_json(&plan_table, o, p, a, &e) < 0)
        return refuse(reterr, path, e.msg);
    return 0;
}

int plan_load(const char *path, struct arena *a, struct plan **ret_plan, struct err *reterr)
{
    struct plan *p = arena_alloc(a, sizeof(*p));
    json_error_t where;
    char *text, why[300];
    size_t len;
    int rc = file_read(path, FILE_CAP_BYTES, a, &text, &len, reterr);

    if (rc < 0) {
        err_set_hint(reterr, "`pgtandem plan --to NODE --save FILE` makes one");
        return rc;
    }
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
    if (!o) {
        STR_PRINTF(why, "it is damaged: line %d: %s", where.line, where.text);
        return refuse(reterr, path, why);
    }
    rc = read_object(path, o, p, a, reterr);
    json_decref(o);
    if (rc == 0)
        *ret_plan = p;
    return rc;
}
