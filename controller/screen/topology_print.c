/* The picture itself: a tree below the alias, and what is drawn apart from it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/screen/topology.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

enum { TEXT_COLUMN = 20, DEPTH_MOST = 8 };

struct glyphs {
    const char *line, *down, *arrow, *branch, *last, *bar;
};

static const struct glyphs *glyphs_of(const struct session *s)
{
    static const struct glyphs utf8 = {"│", "▼", " ──▶ ", "├─▶ ", "└─▶ ", "│   "};
    static const struct glyphs ascii = {"|", "v", " --> ", "+-> ", "`-> ", "|   "};

    return s->term.utf8 ? &utf8 : &ascii;
}

struct drawing {
    const struct topology *t;
    const struct session *s;
    const struct glyphs *g;
    uint32_t drawn; /* bit per node */
};

/* ---- the alias and who serves it ------------------------------------------------------------- */

static void put_arrow_down(const struct drawing *d)
{
    fprintf(d->s->term.out, "    %s\n    %s\n", d->g->line, d->g->down);
}

static void put_fact(const struct drawing *d, const char *text)
{
    char lead[16];

    STR_PRINTF(lead, "    %s   ", d->g->line);
    report_wrap(d->s, lead, text);
}

static void put_alias(const struct drawing *d)
{
    const struct topology *t = d->t;
    const struct dns_view *v = &t->st->w->d;
    struct arena *a = t->st->arena;
    const char *target = v->status != DNS_VIEW_OK ? "?" : v->cname_present ? v->cname : "nothing";

    report_wrap_styled(d->s, STYLE_BOLD, arena_printf(a, "  %s", d->s->cluster.zone.alias),
                       arena_printf(a, "%s%s%s", d->g->arrow, target,
                                    t->alias < 0 ? ": NO NODE OF THIS CLUSTER" : ""));
    if (v->record_valid)
        put_fact(d, arena_printf(a, "record: owner %s, epoch %" PRId64 ", %s, by %s%s",
                                 v->record.owner, v->record.epoch,
                                 register_state_names[v->record.state], v->record.by,
                                 t->alias >= 0 && t->alias != t->owner
                                     ? "; NOT THE NODE THAT THE ALIAS NAMES"
                                     : ""));
    else
        put_fact(d, "record: none that can be read");
    for (size_t i = 0; t->st->w->survey_done && i < t->st->w->survey.n; i++)
        put_fact(d, arena_printf(a, "name server %s (%s) %s%s", t->st->w->survey.ns[i].name,
                                 t->st->w->survey.ns[i].view.server,
                                 t->st->w->survey.ns[i].agrees ? "agrees" : "DOES NOT AGREE ",
                                 t->st->w->survey.ns[i].agrees ? "" : t->st->w->survey.ns[i].why));
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* "primary, writable, timeline 1; crontab on 2/2; 10.77.0.22:5432" */
static const char *node_text(const struct drawing *d, size_t i)
{
    const struct topology *t = d->t;
    struct arena *a = t->st->arena;
    const struct config_node *n = &d->s->cluster.config.nodes[i];
    const struct status_node *node = &t->st->nodes[i];
    const char *behind =
        node->lag_bytes >= 0 ? arena_printf(a, ", %s behind", human_bytes(a, node->lag_bytes)) : "";

    if (!t->st->w->nodes[i].answered)
        return arena_printf(a, "SILENT: %s; %s:%" PRId64, t->st->w->nodes[i].error.msg, n->address,
                            n->port);
    return arena_printf(a, "%s, %s%s, timeline %" PRId64 "; crontab %s%s%s; %s:%" PRId64 "%s%s",
                        pg_role_names[t->st->w->nodes[i].obs.pg.role],
                        *node->state ? node->state : "-", behind, node->timeline, node->cron,
                        *node->fence ? "; fence: " : "", node->fence, n->address, n->port,
                        *t->wrong[i] ? "; WRONG: it " : "", t->wrong[i]);
}

static void put_node(struct drawing *d, const char *prefix, size_t i)
{
    struct arena *a = d->t->st->arena;
    const char *left = arena_printf(a, "%s%s", prefix, d->s->cluster.config.nodes[i].name);
    bool bad = *d->t->wrong[i] != '\0';
    FILE *out = d->s->term.out;

    d->drawn |= 1U << i;
    fputs(report_on(d->s, bad ? STYLE_BAD : STYLE_PLAIN), out);
    term_item(&d->s->term, left, TEXT_COLUMN, node_text(d, i));
    fputs(report_off(d->s, bad ? STYLE_BAD : STYLE_PLAIN), out);
}

static bool hangs_on(const struct drawing *d, size_t i, size_t upstream)
{
    return d->t->upstream[i] == (int)upstream && !(d->drawn & 1U << i);
}

/* Those that stream from `root`, and theirs; a level at a time from the caller's stack, so a circle
 * (each node is drawn once) and a long chain both end. */
static void put_below(struct drawing *d, size_t root, const char *indent, int depth)
{
    struct arena *a = d->t->st->arena;
    size_t n = d->s->cluster.config.n_nodes, left = 0;

    for (size_t i = 0; i < n; i++)
        left += hangs_on(d, i, root);
    for (size_t i = 0; i < n && left; i++) {
        if (!hangs_on(d, i, root))
            continue;
        bool last = --left == 0;
        put_node(d, arena_printf(a, "%s%s", indent, last ? d->g->last : d->g->branch), i);
        if (depth < DEPTH_MOST)
            put_below(d, i, arena_printf(a, "%s%s", indent, last ? "    " : d->g->bar), depth + 1);
    }
}

/* A root that has not been drawn yet, and the nodes below it. */
static void put_root(struct drawing *d, size_t i)
{
    put_node(d, "  ", i);
    put_below(d, i, "    ", 1);
}

static void put_apart(struct drawing *d)
{
    size_t n = d->s->cluster.config.n_nodes;
    uint32_t all = n < 32 ? (1U << n) - 1 : UINT32_MAX;

    if ((d->drawn & all) == all)
        return;
    fprintf(d->s->term.out, "\n%sapart%s\n", report_on(d->s, STYLE_BAD),
            report_off(d->s, STYLE_BAD));
    for (int pass = 0; pass < 2; pass++) /* what hangs on nothing first; then circles */
        for (size_t i = 0; i < n; i++)
            if (!(d->drawn & 1U << i) && (pass || d->t->upstream[i] < 0))
                put_root(d, i);
}

static void put_controllers(const struct drawing *d)
{
    fprintf(d->s->term.out, "\ncontrollers\n");
    for (size_t i = 0; i < d->t->n_controllers; i++) {
        bool here = d->t->controllers[i].here, wrote = d->t->controllers[i].wrote;
        char left[80];

        STR_PRINTF(left, "  %s", d->t->controllers[i].name);
        term_item(&d->s->term, left, TEXT_COLUMN,
                  !here   ? "wrote the record last"
                  : wrote ? "this one; wrote the record last"
                          : "this one");
    }
}

static void print_pretty(const struct session *s, const struct topology *t)
{
    struct drawing d = {.t = t, .s = s, .g = glyphs_of(s)};

    fprintf(s->term.out, "%s%s%s, %s\n\n  clients\n", report_on(s, STYLE_BOLD),
            s->cluster.config.cluster.name, report_off(s, STYLE_BOLD),
            human_time(t->st->arena, t->st->now_wall_ms));
    put_arrow_down(&d);
    put_alias(&d);
    put_arrow_down(&d);
    if (t->alias >= 0)
        put_root(&d, (size_t)t->alias);
    else
        fprintf(s->term.out, "  none\n");
    put_apart(&d);
    put_controllers(&d);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static const struct report_column alias_columns[] = {
    {"cluster", NULL, REPORT_TEXT, 0},
    {"alias", NULL, REPORT_TEXT, 0},
    {"target", NULL, REPORT_TEXT, 0},
};

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

static void put_number(struct report *r, bool known, int64_t n)
{
    if (known)
        report_number(r, STYLE_PLAIN, n);
    else
        report_none(r);
}

static const char *upstream_name(const struct topology *t, size_t i)
{
    int up = t->upstream[i];

    return up >= 0                  ? t->st->nodes[up].name
           : up == UPSTREAM_FOREIGN ? t->st->w->nodes[i].obs.pg.receiver_host
                                    : NULL;
}

static void node_row(const struct topology *t, size_t i, struct report *r)
{
    const struct config_node *c = &t->st->cluster->config.nodes[i];
    const struct status_node *n = &t->st->nodes[i];

    report_text(r, STYLE_PLAIN, "%s", n->name);
    report_text(r, STYLE_PLAIN, "%s:%" PRId64, c->address, c->port);
    report_text(r, STYLE_PLAIN, "%s",
                n->answered ? pg_role_names[t->st->w->nodes[i].obs.pg.role] : "silent");
    report_word(r, STYLE_PLAIN, n->state);
    put_number(r, n->answered, n->timeline);
    report_word(r, STYLE_PLAIN, upstream_name(t, i));
    put_number(r, n->lag_bytes >= 0, n->lag_bytes);
    report_word(r, STYLE_PLAIN, n->cron);
    report_word(r, STYLE_PLAIN, n->fence);
    report_bool(r, STYLE_PLAIN, n->owner);
    report_bool(r, STYLE_PLAIN, (int)i == t->alias);
    report_word(r, STYLE_PLAIN, t->wrong[i]);
}

static void server_rows(const struct topology *t, struct report *r)
{
    const struct world *w = t->st->w;

    for (size_t i = 0; w->survey_done && i < w->survey.n; i++) {
        const struct dns_survey_ns *ns = &w->survey.ns[i];
        const struct dns_view *v = &ns->view;
        bool ok = v->status == DNS_VIEW_OK;

        report_text(r, STYLE_PLAIN, "%s", ns->name);
        report_word(r, STYLE_PLAIN, v->server);
        report_word(r, STYLE_PLAIN, !ok ? NULL : v->cname_present ? v->cname : "none");
        put_number(r, ok && v->record_valid, v->record.epoch);
        report_bool(r, STYLE_PLAIN, ns->agrees);
        report_word(r, STYLE_PLAIN, ns->why);
    }
}

static void controller_rows(const struct topology *t, struct report *r)
{
    for (size_t i = 0; i < t->n_controllers; i++) {
        report_text(r, STYLE_PLAIN, "%s", t->controllers[i].name);
        report_bool(r, STYLE_PLAIN, t->controllers[i].here);
        report_bool(r, STYLE_PLAIN, t->controllers[i].wrote);
    }
}

/* The alias; nodes; name servers; controllers. */
enum { ALIAS, NODES, SERVERS, CONTROLLERS, TABLES };

static void make_tables(const struct topology *t, struct report ret[TABLES])
{
    const struct dns_view *v = &t->st->w->d;
    bool ok = v->status == DNS_VIEW_OK && v->cname_present;
    struct arena *a = t->st->arena;

    REPORT_INIT(&ret[ALIAS], a, alias_columns);
    REPORT_INIT(&ret[NODES], a, node_columns);
    REPORT_INIT(&ret[SERVERS], a, server_columns);
    REPORT_INIT(&ret[CONTROLLERS], a, controller_columns);
    report_text(&ret[ALIAS], STYLE_PLAIN, "%s", t->st->cluster->config.cluster.name);
    report_text(&ret[ALIAS], STYLE_PLAIN, "%s", t->st->cluster->zone.alias);
    report_word(&ret[ALIAS], STYLE_PLAIN, ok ? v->cname : NULL);
    for (size_t i = 0; i < t->st->w->n_nodes; i++)
        node_row(t, i, &ret[NODES]);
    server_rows(t, &ret[SERVERS]);
    controller_rows(t, &ret[CONTROLLERS]);
}

static void print_json(const struct session *s, const struct report tables[TABLES])
{
    json_t *o = report_json_row(&tables[ALIAS]);

    json_object_set_new(o, "nodes", report_json(&tables[NODES]));
    json_object_set_new(o, "name_servers", report_json(&tables[SERVERS]));
    json_object_set_new(o, "controllers", report_json(&tables[CONTROLLERS]));
    report_put_json(s, o);
}

static void print_tsv(const struct report tables[TABLES])
{
    report_tsv(&tables[ALIAS], "alias");
    report_tsv(&tables[NODES], "node");
    report_tsv(&tables[SERVERS], "name_server");
    report_tsv(&tables[CONTROLLERS], "controller");
}

void topology_print(const struct session *s, const struct topology *t)
{
    struct report tables[TABLES];

    make_tables(t, tables);
    switch (s->options.format) {
    case FORMAT_PRETTY:
        print_pretty(s, t);
        break;
    case FORMAT_JSON:
        print_json(s, tables);
        break;
    case FORMAT_TSV:
        print_tsv(tables);
        break;
    }
}
