/* What is known before the checks judge, and in whose words it is said what is not. */
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "proto/lineage.h"

enum { OWNER_SHIFT = 4, TARGET_SHIFT = 14, EACH_SHIFT = 24, PLANNED_SHIFT = 34 };

static unsigned part(uint64_t needs, int shift)
{
    return (unsigned)(needs >> shift) & ((1U << NODE_FACTS_COUNT) - 1);
}

/* ---- of one node ----------------------------------------------------------------------------- */

static unsigned of_postgres(const struct obs_pg *pg)
{
    bool answers = pg->role == PG_WRITABLE || pg->role == PG_RECOVERY;
    uint64_t lsn =
        pg->role == PG_WRITABLE ? pg->insert_lsn | pg->flush_lsn : pg->receive_lsn | pg->replay_lsn;

    return (pg->role != PG_UNKNOWN ? NODE_ROLE : 0U) | (answers ? NODE_PG : 0U) |
           (answers && lsn ? NODE_LSN : 0U) | (lineage_tli(pg) > 0 ? NODE_TLI : 0U);
}

static unsigned of_node(const struct world_node *n)
{
    if (!n->answered)
        return 0;
    return NODE_ANSWER | of_postgres(&n->obs.pg) | (n->obs.state_ok ? NODE_STATE : 0U) |
           (n->obs.cron.readable ? NODE_CRON : 0U) | (n->inspect ? NODE_HOST : 0U) |
           (n->inspect && n->inspect->pg_answered ? NODE_FACTS : 0U) |
           (n->n_rehearsals > 0 ? NODE_REHEARSED : 0U);
}

void check_view_facts(struct check_view *v)
{
    for (size_t i = 0; i < v->w->n_nodes; i++)
        v->known[i] = of_node(&v->w->nodes[i]);
}

bool check_knows(const struct check_view *v, size_t i, enum node_fact fact)
{
    return v->known[i] & (unsigned)fact;
}

/* ---- why not --------------------------------------------------------------------------------- */

static void why_not_told(const char *name, const char *what, const struct err *e, char *ret_why,
                         size_t bytes)
{
    str_printf(ret_why, bytes, "%s %s%s%.120s", name, what, e->code ? ": " : "",
               e->code ? e->msg : "");
}

/* The lowest of the facts that are missing is the cause of the others. */
static void why_node(const struct check_view *v, size_t i, unsigned missing, char *ret_why,
                     size_t bytes)
{
    const struct world_node *n = &v->w->nodes[i];
    const char *name = v->c->nodes[i].name;

    if (missing & NODE_ANSWER || !n->answered)
        str_printf(ret_why, bytes, "the agent of %s does not respond", name);
    else if (missing & NODE_STATE)
        str_printf(ret_why, bytes, "the agent of %s cannot read its durable state", name);
    else if (missing & NODE_ROLE || (missing & NODE_PG && n->obs.pg.role == PG_UNKNOWN))
        str_printf(ret_why, bytes, "PostgreSQL of %s could not be looked at", name);
    else if (missing & NODE_PG || (missing & NODE_LSN && !check_knows(v, i, NODE_PG)))
        str_printf(ret_why, bytes, "PostgreSQL of %s is %s", name, pg_role_names[n->obs.pg.role]);
    else if (missing & NODE_LSN)
        str_printf(ret_why, bytes, "PostgreSQL of %s reports no LSN", name);
    else if (missing & NODE_TLI)
        str_printf(ret_why, bytes, "the timeline of %s could not be read", name);
    else if (missing & NODE_CRON)
        str_printf(ret_why, bytes, "the crontab of %s could not be read", name);
    else if (missing & NODE_HOST)
        why_not_told(name, "was not inspected", &n->inspect_error, ret_why, bytes);
    else if (missing & NODE_FACTS)
        str_printf(ret_why, bytes, "PostgreSQL of %s did not answer the inspection", name);
    else
        why_not_told(name, "has not rehearsed", &n->rehearsal_error, ret_why, bytes);
}

static bool lacks_zone(const struct check_view *v, uint64_t needs, char *ret_why, size_t bytes)
{
    const struct dns_view *d = &v->w->d;

    if (needs & NEEDS_ZONE && d->status != DNS_VIEW_OK)
        str_copy(ret_why, bytes, "the zone's primary could not be read");
    else if (!(needs & (NEEDS_RECORD | NEEDS_OWNER_NAME)))
        return false;
    else if (d->status != DNS_VIEW_OK)
        str_copy(ret_why, bytes, "the ownership record could not be read");
    else if (!v->d)
        str_copy(ret_why, bytes,
                 d->n_txt == 0 ? "there is no ownership record yet"
                               : "the ownership record is not valid");
    else if (needs & NEEDS_OWNER_NAME && v->from < 0)
        str_printf(ret_why, bytes, "the owner %s is not configured here", v->d->owner);
    else
        return false;
    return true;
}

/* Of owner or target: -1 when it is not known which node that is. */
static bool lacks_of(const struct check_view *v, int node, unsigned facts, char *ret_why,
                     size_t bytes)
{
    unsigned missing = facts & ~(node >= 0 ? v->known[node] : 0U);

    if (!missing)
        return false;
    if (node >= 0)
        why_node(v, (size_t)node, missing, ret_why, bytes);
    else
        str_printf(ret_why, bytes, "the target is not known");
    return true;
}

static bool lacks_all(const struct check_view *v, unsigned facts, char *ret_why, size_t bytes)
{
    size_t n = v->w->n_nodes;

    for (size_t i = 0; i < n; i++)
        if ((facts & ~v->known[i]) == 0)
            return false;
    for (size_t i = 0; i < n; i++)
        if (v->w->nodes[i].answered) {
            why_node(v, i, facts & ~v->known[i], ret_why, bytes);
            return facts != 0;
        }
    str_printf(ret_why, bytes, "no agent responds");
    return facts != 0;
}

bool check_lacks(const struct check_view *v, uint64_t needs, char *ret_why, size_t bytes)
{
    if (v->kind == PREFLIGHT_PLANNED)
        needs |= needs >> PLANNED_SHIFT;
    if (part(needs, OWNER_SHIFT))
        needs |= NEEDS_OWNER_NAME;
    return lacks_zone(v, needs, ret_why, bytes) ||
           lacks_of(v, v->from, part(needs, OWNER_SHIFT), ret_why, bytes) ||
           lacks_of(v, v->to, part(needs, TARGET_SHIFT), ret_why, bytes) ||
           lacks_all(v, part(needs, EACH_SHIFT), ret_why, bytes);
}

void check_name_the_rest(const struct check_view *v, uint64_t needs, struct preflight_result *r)
{
    unsigned facts = part(needs, EACH_SHIFT);
    char names[120] = "", said[sizeof(r->measured)];

    for (size_t i = 0; facts && i < v->w->n_nodes; i++)
        if (facts & ~v->known[i])
            check_list(names, sizeof(names), v->c->nodes[i].name);
    if (!*names)
        return;
    STR_COPY(said, *r->measured ? r->measured : "fine");
    check_measured(r, "%.180s; not checked: %s", said, names);
}
