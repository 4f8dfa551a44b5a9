#include "controller/screen/topology.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/view.h"

/* ---- what each node streams from ------------------------------------------------------------- */

static int upstream_of(const struct config *c, const struct world *w, size_t node)
{
    const struct world_node *n = &w->nodes[node];

    if (!n->answered || n->obs.pg.role != PG_RECOVERY ||
        strcmp(n->obs.pg.receiver_status, "streaming") != 0)
        return UPSTREAM_NONE;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (view_streams_from(c, w, node, i))
            return (int)i;
    return UPSTREAM_FOREIGN;
}

static const char *wrong(const struct topology *t, size_t node)
{
    const struct world_node *n = &t->st->w->nodes[node];
    const struct obs_pg *pg = &n->obs.pg;
    const struct config_node *nodes = t->st->cluster->config.nodes;
    struct arena *a = t->st->arena;
    bool writable = n->answered && pg->role == PG_WRITABLE;

    if (!n->answered)
        return arena_printf(a, "does not respond: %s", n->error.msg);
    if (writable && (int)node != t->owner)
        return "is WRITABLE and not the owner";
    if ((int)node == t->owner)
        return writable ? "" : "is the owner and not writable";
    if (pg->role != PG_RECOVERY)
        return arena_printf(a, "is %s", pg_role_names[pg->role]);
    if (t->upstream[node] == UPSTREAM_FOREIGN)
        return arena_printf(a, "streams from %s:%" PRId64 ", which is no node of this cluster",
                            pg->receiver_host, pg->receiver_port);
    if (t->upstream[node] == UPSTREAM_NONE)
        return arena_printf(a, "streams from no node (primary_conninfo names %s)",
                            *pg->conninfo_hosts ? pg->conninfo_hosts : "no host");
    if (t->upstream[node] != t->owner)
        return arena_printf(a, "streams from %s, which is not the owner",
                            nodes[t->upstream[node]].name);
    return "";
}

static const char *host_of(const char *by)
{
    const char *at = strchr(by, '@');

    return at ? at + 1 : by;
}

static void controllers(struct topology *t)
{
    const struct dns_view *d = &t->st->w->d;
    const char *here = host_of(t->st->cluster->by);
    const char *writer = d->record_valid ? host_of(d->record.by) : here;
    bool same = strcmp(here, writer) == 0;

    t->controllers[0].name = here;
    t->controllers[0].here = true;
    t->controllers[0].wrote = same && d->record_valid;
    t->controllers[1].name = writer;
    t->controllers[1].wrote = true;
    t->n_controllers = same ? 1 : 2;
}

void topology_build(struct topology *t, const struct status *st)
{
    const struct config *c = &st->cluster->config;
    const struct dns_view *d = &st->w->d;
    const struct config_node *target =
        d->status == DNS_VIEW_OK && d->cname_present ? config_node_by_target(c, d->cname) : NULL;

    *t = (struct topology){.st = st, .owner = planner_owner(st->view)};
    t->alias = target ? config_node_index(c, target->name) : -1;
    for (size_t i = 0; i < c->n_nodes; i++) {
        t->upstream[i] = upstream_of(c, st->w, i);
        t->wrong[i] = wrong(t, i);
    }
    controllers(t);
}
