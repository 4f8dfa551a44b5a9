/* A standby has the primary's catalogs, but its own files: what the catalogs name and the files do
 * not have would be missed after a promotion. */
#include <string.h>
#include <unistd.h>

#include "agent/look/inspect_parts.h"
#include "agent/postgres/pgop.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/str.h"

enum { STATEMENT_MS = 800, PATH_BYTES = 512 };

struct look {
    const struct inspect_database *d;
    struct inspect *i;
    bool done;
};

/* Only collations that columns or indexes have: to ask for the version of each of ICU's takes
 * long. */
static const char sql[] =
    "SELECT extname || ' ' || extversion FROM pg_extension ORDER BY 1;"
    "SELECT DISTINCT probin FROM pg_proc"
    " WHERE probin IS NOT NULL ORDER BY 1;"
    "SELECT format('\"%s\" was built with %s, here is %s', collname, collversion,"
    " pg_collation_actual_version(oid)) FROM (SELECT oid, collname, collversion FROM pg_collation"
    " WHERE oid IN (SELECT attcollation FROM pg_attribute WHERE attcollation NOT IN (0, 100, 950))"
    " OFFSET 0) c WHERE collversion <> pg_collation_actual_version(oid) ORDER BY 1;"
    "SELECT count(*), min(relnamespace::regnamespace || '.' || relname) FROM pg_class"
    " WHERE relpersistence = 'u' AND relkind IN ('r', 'm')";

static void add_missing(struct look *k, const char *what, const char *why)
{
    char text[256];

    STR_PRINTF(text, "%s: %s: %s", k->d->name, what, why);
    k->i->missing_count++;
    inspect_add_text(k->i->missing, &k->i->n_missing,
                     sizeof(k->i->missing) / sizeof(k->i->missing[0]), text);
}

/* `extension`: name and version. */
static bool is_available(const struct look *k, const char *extension)
{
    const char *list = k->d->extensions;
    size_t len = strlen(extension);

    for (const char *at = list; at && (at = strstr(at, extension)); at += len)
        if ((at == list || at[-1] == '\n') && at[len] == '\n')
            return true;
    return !list; /* nothing can be said */
}

/* PostgreSQL, 38.10.1 Dynamic Loading: $libdir, a whole path, or a name in dynamic_library_path
 * (whose default is $libdir). */
static bool is_there(const struct look *k, const char *library)
{
    const char *name = strncmp(library, "$libdir/", 8) == 0 ? library + 8 : library;
    const char *directory = name[0] == '/' ? "" : k->d->library_directory;
    char path[PATH_BYTES];

    return !STR_PRINTF(path, "%s%s%s", directory, *directory ? "/" : "", name) ||
           access(path, F_OK) == 0 ||
           !str_printf(path, sizeof(path), "%s%s%s.so", directory, *directory ? "/" : "", name) ||
           access(path, F_OK) == 0;
}

/* Names without a directory are found in dynamic_library_path: only its default can be followed. */
static bool can_tell(const struct look *k, const char *library)
{
    if (library[0] != '/' && !k->d->library_directory[0])
        return false;
    return strchr(library, '/') ||
           strcmp(inspect_setting_value(k->i, "dynamic_library_path"), "$libdir") == 0;
}

static void on_answer(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;
    long long unlogged = 0;

    k->done = true;
    if (r->e) {
        char what[80];

        STR_PRINTF(what, "database %s", k->d->name);
        inspect_note(k->i, what, r);
        return;
    }
    k->i->databases_seen++;
    for (int row = 0; row < PQntuples(r->results[0]); row++)
        if (!is_available(k, pgop_text(r, 0, row, 0)))
            add_missing(k, pgop_text(r, 0, row, 0), "extension or version not installed here");
    for (int row = 0; row < PQntuples(r->results[1]); row++) {
        const char *library = pgop_text(r, 1, row, 0);

        if (can_tell(k, library) && !is_there(k, library))
            add_missing(k, library, "no such library here");
    }
    for (int row = 0; row < PQntuples(r->results[2]); row++) {
        char text[256];

        STR_PRINTF(text, "%s: %s", k->d->name, pgop_text(r, 2, row, 0));
        k->i->collations_count++;
        inspect_add_text(k->i->collations, &k->i->n_collations,
                         sizeof(k->i->collations) / sizeof(k->i->collations[0]), text);
    }
    if (str_to_int(pgop_text(r, 3, 0, 0), 0, INT32_MAX, &unlogged) && unlogged > 0) {
        k->i->unlogged += unlogged;
        STR_PRINTF(k->i->unlogged_name, "%s in %s", pgop_text(r, 3, 0, 1), k->d->name);
    }
}

void inspect_pg_database(struct loop *l, const struct inspect_database *d, int64_t deadline_ms,
                         struct inspect *i)
{
    struct look k = {.d = d, .i = i};
    int64_t left = deadline_ms - clock_mono_ms();
    struct pgconn *c =
        postgres_connection(l, d->config, d->name, left > STATEMENT_MS ? (int)left : STATEMENT_MS);

    pgconn_query(c, sql, NULL, 0, left > 1 ? left : 1, on_answer, &k);
    (void)loop_wait(l, &k.done, -1, NULL); /* the statement has the deadline */
    pgconn_free(c);
}
