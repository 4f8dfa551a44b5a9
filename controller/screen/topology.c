#include "controller/screen/topology.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/session/session.h"

static const struct report_column node_columns[] = {
    {"node", "NODE", REPORT_TEXT, 0},       {"address", "ADDRESS", REPORT_TEXT, 0},
    {"role", "ROLE", REPORT_TEXT, 0},       {"state", "STATE", REPORT_TEXT, 0},
    {"timeline", "TLI", REPORT_NUMBER, 0},  {"follows", "FOLLOWS", REPORT_TEXT, 0},
    {"lag_bytes", "LAG", REPORT_NUMBER, 0}, {"cron", "CRON", REPORT_TEXT, 0},
    {"fence", "FENCE", REPORT_TEXT, 0},     {"owner", "OWNER", REPORT_BOOL, 0},
    {"alias", "ALIAS", REPORT_BOOL, 0},     {"wrong", "WRONG", REPORT_TEXT, 0},
};

static const struct report_column server_columns[] = {
    {"name", "NAME", REPORT_TEXT, 0},     {"address", "ADDRESS", REPORT_TEXT, 0},
    {"target", "ALIAS", REPORT_TEXT, 0},  {"epoch", "EPOCH", REPORT_NUMBER, 0},
    {"agrees", "AGREES", REPORT_BOOL, 0}, {"problem", "PROBLEM", REPORT_TEXT, 0},
};

static const struct report_column controller_columns[] = {
    {"controller", "CONTROLLER", REPORT_TEXT, 0},
    {"here", "HERE", REPORT_BOOL, 0},
    {"wrote_the_record", "WROTE THE RECORD", REPORT_BOOL, 0},
};

/* ---- who hangs on whom ----------------------------------------------------------------------- */

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

const char *topology_wrong(const struct topology *t, size_t node)
{
    const struct world_node *n = &t->st->w->nodes[node];
    const struct obs_pg *pg = &n->obs.pg;
    const struct config_node *nodes = t->st->session->cluster.config.nodes;
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

/* ---- tables ---------------------------------------------------------------------------------- */

static void node_row(struct topology *t, size_t i)
{
    const struct config_node *n = &t->st->session->cluster.config.nodes[i];
    const char *wrong = topology_wrong(t, i);
    struct report *r = &t->nodes;
    int up = t->upstream[i];

    report_cell(r, STYLE_BOLD, "%s", n->name);
    report_cell(r, STYLE_PLAIN, "%s:%" PRId64, n->address, n->port);
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "role"));
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "state"));
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "timeline"));
    report_cell(r, STYLE_PLAIN, "%s",
                up >= 0                  ? t->st->session->cluster.config.nodes[up].name
                : up == UPSTREAM_FOREIGN ? t->st->w->nodes[i].obs.pg.receiver_host
                                         : "-");
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "lag_bytes"));
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "cron"));
    report_cell(r, STYLE_PLAIN, "%s", status_cell(t->st, i, "fence"));
    report_cell(r, STYLE_PLAIN, "%s", (int)i == t->owner ? "yes" : "no");
    report_cell(r, STYLE_PLAIN, "%s", (int)i == t->alias ? "yes" : "no");
    report_cell(r, STYLE_BAD, "%s", *wrong ? wrong : "-");
}

static void server_rows(struct topology *t)
{
    const struct world *w = t->st->w;
    struct report *r = &t->name_servers;

    for (size_t i = 0; w->survey_done && i < w->survey.n; i++) {
        const struct dns_view *v = &w->survey.ns[i].view;
        bool ok = v->status == DNS_VIEW_OK;

        report_cell(r, STYLE_PLAIN, "%s", w->survey.ns[i].name);
        report_cell(r, STYLE_PLAIN, "%s", *v->server ? v->server : "-");
        report_cell(r, STYLE_PLAIN, "%s", !ok ? "-" : v->cname_present ? v->cname : "none");
        if (ok && v->record_valid)
            report_cell(r, STYLE_PLAIN, "%" PRId64, v->record.epoch);
        else
            report_cell(r, STYLE_PLAIN, "-");
        report_cell(r, STYLE_PLAIN, "%s", w->survey.ns[i].agrees ? "yes" : "no");
        report_cell(r, STYLE_PLAIN, "%s", *w->survey.ns[i].why ? w->survey.ns[i].why : "-");
    }
}

static const char *host_of(const char *by)
{
    const char *at = strchr(by, '@');

    return at ? at + 1 : by;
}

static void controller_rows(struct topology *t)
{
    const struct dns_view *d = &t->st->w->d;
    const char *here = host_of(t->st->session->cluster.by);
    const char *writer = d->record_valid ? host_of(d->record.by) : here;
    bool same = strcmp(here, writer) == 0;
    struct report *r = &t->controllers;

    report_cell(r, STYLE_PLAIN, "%s", here);
    report_cell(r, STYLE_PLAIN, "yes");
    report_cell(r, STYLE_PLAIN, "%s", same && d->record_valid ? "yes" : "no");
    if (same)
        return;
    report_cell(r, STYLE_PLAIN, "%s", writer);
    report_cell(r, STYLE_PLAIN, "no");
    report_cell(r, STYLE_PLAIN, "yes");
}

void topology_build(struct topology *t, struct status *st)
{
    const struct config *c = &st->session->cluster.config;
    const struct dns_view *d = &st->w->d;
    const struct config_node *target =
        d->status == DNS_VIEW_OK && d->cname_present ? config_node_by_target(c, d->cname) : NULL;

    *t = (struct topology){.st = st, .owner = planner_owner(st->view)};
    t->alias = target ? config_node_index(c, target->name) : -1;
    report_init(&t->nodes, st->arena, node_columns, sizeof(node_columns) / sizeof(node_columns[0]));
    report_init(&t->name_servers, st->arena, server_columns,
                sizeof(server_columns) / sizeof(server_columns[0]));
    report_init(&t->controllers, st->arena, controller_columns,
                sizeof(controller_columns) / sizeof(controller_columns[0]));
    for (size_t i = 0; i < c->n_nodes; i++)
        t->upstream[i] = upstream_of(c, st->w, i);
    for (size_t i = 0; i < c->n_nodes; i++)
        node_row(t, i);
    server_rows(t);
    controller_rows(t);
}
