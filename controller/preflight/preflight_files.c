/* What the target's host has: libraries, collations, tablespaces, room. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/cluster/inspect.h"
#include "controller/preflight/preflight_checks.h"

/* What is not there is missing; but that nothing is missing takes a look into each database. */
static bool in_all_databases(const struct check_view *v, struct preflight_result *r, bool nothing)
{
    const struct inspect *i = v->target_inspection;

    if (!nothing || i->databases_seen >= i->databases)
        return nothing;
    return check_unknown(r, "%" PRId64 " of %" PRId64 " databases of %s were looked into%s%.120s",
                         i->databases_seen, i->databases, v->target_name, *i->problem ? ": " : "",
                         i->problem);
}

bool check_libraries(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " missing%s%.150s; %" PRId64 " of %" PRId64 " databases seen",
                   v->target_inspection->missing_count,
                   v->target_inspection->missing_count ? ": " : "",
                   v->target_inspection->n_missing ? v->target_inspection->missing[0].text : "",
                   v->target_inspection->databases_seen, v->target_inspection->databases);
    check_remedy(r,
                 "on %s: install the package that has it (SELECT * FROM pg_available_extensions)",
                 v->target_name);
    if (v->target_inspection->missing_count == 0 && *v->target_inspection->libraries_unchecked)
        return check_unknown(r, "%s: %.150s", v->target_name,
                             v->target_inspection->libraries_unchecked);
    return in_all_databases(v, r, v->target_inspection->missing_count == 0);
}

/* Indexes on text are in the order of the library that built them. */
bool check_collations(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " differ%s%.150s", v->target_inspection->collations_count,
                   v->target_inspection->collations_count ? ": " : "",
                   v->target_inspection->n_collations ? v->target_inspection->collations[0].text
                                                      : "");
    check_remedy(r,
                 "the same glibc and ICU on %s as where the indexes were built; or after the move "
                 "REINDEX, then ALTER DATABASE … REFRESH COLLATION VERSION",
                 v->target_name);
    return in_all_databases(v, r, v->target_inspection->collations_count == 0);
}

bool check_libc(const struct check_view *v, struct preflight_result *r)
{
    STR_PRINTF(r->threshold, "%s, the owner's", v->owner_inspection->libc);
    check_measured(r, "%s at %s", v->target_inspection->libc, v->target_name);
    check_remedy(r, "the check \"collations\" shows whether text may sort differently on %s",
                 v->target_name);
    return strcmp(v->owner_inspection->libc, v->target_inspection->libc) == 0;
}

static const struct inspect_mount *mount_of(const struct inspect *i, const char *name)
{
    for (size_t n = 0; i && n < i->n_mounts; n++)
        if (strcmp(i->mounts[n].name, name) == 0)
            return &i->mounts[n];
    return NULL;
}

bool check_mounts(const struct check_view *v, struct preflight_result *r)
{
    size_t n = 0;

    for (; n < v->target_inspection->n_mounts; n++) {
        const struct inspect_mount *b = &v->target_inspection->mounts[n],
                                   *a = mount_of(v->owner_inspection, b->name);

        if (b->present && !(a && a->separate && !b->separate))
            continue;
        check_measured(r, "%.60s: %.80s %s at %s", b->name, b->path,
                       b->present ? "is not a mount of its own, as it is at the owner," : "is not",
                       v->target_name);
        check_remedy(r, "on %s: mount it, with PostgreSQL stopped if it already wrote below",
                     v->target_name);
        return false;
    }
    check_measured(r, "%zu there", n);
    return true;
}

bool check_disk_data(const struct check_view *v, struct preflight_result *r)
{
    const struct inspect_mount *least = NULL;

    for (size_t n = 0; n < v->target_inspection->n_mounts; n++)
        if (v->target_inspection->mounts[n].free_bytes >= 0 &&
            (!least || v->target_inspection->mounts[n].free_bytes < least->free_bytes))
            least = &v->target_inspection->mounts[n];
    if (!least)
        return true;
    STR_PRINTF(r->threshold, "at least %" PRId64 " MiB", v->c->limits.free_bytes >> 20);
    check_measured(r, "%" PRId64 " MiB free for %s at %s", least->free_bytes >> 20, least->name,
                   v->target_name);
    check_remedy(r, "on %s: free space in the file system of %.100s", v->target_name, least->path);
    return least->free_bytes >= v->c->limits.free_bytes;
}

bool check_unlogged(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 "%s%.120s", v->target_inspection->unlogged,
                   v->target_inspection->unlogged ? ", like " : "",
                   v->target_inspection->unlogged_name);
    check_remedy(r, "they are empty on the new primary: ALTER TABLE … SET LOGGED before, or fill "
                    "them again after");
    return in_all_databases(v, r, v->target_inspection->unlogged == 0);
}

/* What kept the agent from seeing more; "" nothing. `ret_late`: for lack of time alone. */
static const char *not_seen(const struct world_node *n, bool *ret_late)
{
    bool late = inspection_is_late(n);

    *ret_late = late && !(n->inspect && *n->inspect->problem);
    if (!n->answered || !n->inspect_asked)
        return "";
    if (!n->inspect)
        return n->inspect_error.msg;
    return *n->inspect->problem ? n->inspect->problem : n->inspect->late;
}

/* What its role may not read is not checked; what ran out of time neither, before it has had all
 * the time that a move gives it. */
bool check_inspected(const struct check_view *v, struct preflight_result *r)
{
    char later[sizeof(r->measured)] = "";
    bool late;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const char *problem = not_seen(&v->w->nodes[i], &late);

        if (!*problem && v->w->nodes[i].answered && v->w->nodes[i].inspect &&
            *v->w->nodes[i].inspect->denied)
            STR_PRINTF(later, "%s: its role may not read %.150s (installing.md, section 6)",
                       v->c->nodes[i].name, v->w->nodes[i].inspect->denied);
        if (!*problem)
            continue;
        if (late && !v->w->asked_in_full) {
            STR_PRINTF(later, "%s: %.150s", v->c->nodes[i].name, problem);
            continue;
        }
        check_measured(r, "%s: %.150s", v->c->nodes[i].name, problem);
        check_remedy(r, "on %s: pgtandem-agent inspect", v->c->nodes[i].name);
        return false;
    }
    return !*later || check_unknown(r, "%s", later);
}
