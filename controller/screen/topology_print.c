/* The picture itself: a tree below the alias, and what stands apart. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/topology.h"
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
    const char *wrong = topology_wrong(t, i), *lag = status_cell(t->st, i, "lag_bytes");
    const char *fence = status_cell(t->st, i, "fence");
    long long bytes;
    const char *behind = str_to_int(lag, 0, INT64_MAX, &bytes)
                             ? arena_printf(a, ", %s behind", human_bytes(a, bytes))
                             : "";

    if (!t->st->w->nodes[i].answered)
        return arena_printf(a, "SILENT: %s; %s:%" PRId64, t->st->w->nodes[i].error.msg, n->address,
                            n->port);
    return arena_printf(
        a, "%s, %s%s, timeline %s; crontab %s%s%s; %s:%" PRId64 "%s%s",
        status_cell(t->st, i, "role"), status_cell(t->st, i, "state"), behind,
        status_cell(t->st, i, "timeline"), status_cell(t->st, i, "cron"),
        strcmp(fence, "-") == 0 ? "" : "; fence: ", strcmp(fence, "-") == 0 ? "" : fence,
        n->address, n->port, *wrong ? "; WRONG: it " : "", wrong);
}

static void put_node(struct drawing *d, const char *prefix, size_t i)
{
    struct arena *a = d->t->st->arena;
    const char *left = arena_printf(a, "%s%s", prefix, d->s->cluster.config.nodes[i].name);
    bool bad = *topology_wrong(d->t, i) != '\0';
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

/* A root that nobody drew yet, and what hangs on it. */
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
    const struct report *r = &d->t->controllers;

    fprintf(d->s->term.out, "\ncontrollers\n");
    for (size_t i = 0; i + r->n_columns <= r->n_cells; i += r->n_columns) {
        char left[80];

        STR_PRINTF(left, "  %s", r->cells[i].text);
        term_item(&d->s->term, left, TEXT_COLUMN,
                  strcmp(r->cells[i + 1].text, "yes") == 0
                      ? strcmp(r->cells[i + 2].text, "yes") == 0 ? "this one; wrote the record last"
                                                                 : "this one"
                      : "wrote the record last");
    }
}

static void print_pretty(const struct topology *t)
{
    const struct session *s = t->st->session;
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

static void print_json(const struct topology *t)
{
    const struct dns_view *v = &t->st->w->d;
    bool ok = v->status == DNS_VIEW_OK && v->cname_present;
    json_t *o = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o}", "cluster", t->st->session->cluster.config.cluster.name,
        "alias", t->st->session->cluster.zone.alias, "target",
        ok ? json_string(v->cname) : json_null(), "nodes", report_json(&t->nodes), "name_servers",
        report_json(&t->name_servers), "controllers", report_json(&t->controllers));

    report_put_json(t->st->session, o);
}

static void print_tsv(const struct topology *t)
{
    const struct dns_view *v = &t->st->w->d;

    printf("#alias\tcluster\talias\ttarget\nalias\t%s\t%s\t%s\n",
           t->st->session->cluster.config.cluster.name, t->st->session->cluster.zone.alias,
           v->status == DNS_VIEW_OK && v->cname_present ? v->cname : "-");
    report_tsv(&t->nodes, "node");
    report_tsv(&t->name_servers, "name_server");
    report_tsv(&t->controllers, "controller");
}

void topology_print(const struct topology *t)
{
    switch (t->st->session->options.format) {
    case FORMAT_PRETTY:
        print_pretty(t);
        break;
    case FORMAT_JSON:
        print_json(t);
        break;
    case FORMAT_TSV:
        print_tsv(t);
        break;
    }
}
