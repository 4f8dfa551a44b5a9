/* A plan on the screen, as JSON (which is the file's form) and as TSV (the same field tables). */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/plan/plan.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

/* ---- steps --------------------------------------------------------------------------------- */

/* A line below a step's first one. */
static void under(const struct session *s, const char *word, const char *first, const char *text)
{
    char lead[40];

    if (!*first && !*text)
        return;
    STR_PRINTF(lead, "       %-5s", word);
    report_wrap(s, lead,
                arena_printf(s->cluster.arena, "%s%s%s", first, *first && *text ? ": " : "", text));
}

static void put_step(const struct session *s, const struct plan_action *a)
{
    char lead[48];

    STR_PRINTF(lead, "  %2lld %s  ", (long long)a->n, a->step);
    report_wrap_styled(s, STYLE_BOLD, lead,
                       arena_printf(s->cluster.arena, "%s%s", a->where,
                                    a->if_needed ? "  (unless done already)" : ""));
    under(s, "", "", a->what);
    under(s, "now", "", a->now);
    under(s, "then", "", a->then);
}

static void put_steps(const struct session *s, const struct plan *p)
{
    for (size_t i = 0; i < p->n_actions; i++) {
        const struct plan_action *a = &p->actions[i];

        put_step(s, a);
        under(s, "undo", a->undo, a->back);
        if (a->no_return)
            report_wrap(s, "     ", "---- point of no return: from here on it only goes forward");
    }
    if (p->n_back == 0)
        return;
    putchar('\n');
    report_wrap_styled(s, STYLE_BOLD, "the way back", ", from right before the point of no return");
    for (size_t i = 0; i < p->n_back; i++)
        put_step(s, &p->back[i]);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void put_names(const struct session *s, const struct plan *p)
{
    const struct plan_outlook *o = &p->outlook;

    if (o->alias_ttl_s < 0)
        return;
    report_wrap(s, "names        ",
                arena_printf(s->cluster.arena,
                             "caches keep %s for up to %lld s after the flip; it is never absent, "
                             "so no resolver learns that there is no such name (which caches would "
                             "keep for %lld s)",
                             p->facts.alias, (long long)o->alias_ttl_s,
                             (long long)o->soa_negative_s));
    if (o->client_worst_s >= 0)
        report_wrap(s, "             ",
                    arena_printf(s->cluster.arena,
                                 "at worst %lld s: through a name server that hears of nothing and "
                                 "asks automatically every %lld s",
                                 (long long)o->client_worst_s, (long long)o->soa_refresh_s));
    for (size_t i = 0; i < o->n_ns; i++)
        if (!o->ns[i].agrees || o->ns[i].behind > 0)
            report_wrap(s, "             ",
                        arena_printf(s->cluster.arena, "%s %s is %s%s%s", o->ns[i].name,
                                     o->ns[i].address, *o->ns[i].why ? "not seen: " : "behind",
                                     o->ns[i].behind > 0 && !*o->ns[i].why ? " by " : "",
                                     *o->ns[i].why ? o->ns[i].why
                                     : o->ns[i].behind > 0
                                         ? arena_printf(s->cluster.arena, "%lld serials",
                                                        (long long)o->ns[i].behind)
                                         : ""));
}

static void put_jobs(const struct session *s, const struct plan *p)
{
    for (size_t i = 0; i < p->n_jobs; i++)
        report_wrap(s, i ? "             " : "jobs         ",
                    arena_printf(s->cluster.arena, "%s %-3s  %s", p->jobs[i].node,
                                 p->jobs[i].change, p->jobs[i].entry));
}

static void put_costs(const struct session *s, const struct plan *p)
{
    const struct plan_outlook *o = &p->outlook;

    putchar('\n');
    if (*o->outage)
        report_wrap(s, "outage       ", o->outage);
    if (*o->clients)
        report_wrap(s, "clients      ", o->clients);
    put_names(s, p);
    put_jobs(s, p);
    for (size_t i = 0; i < p->n_outstanding; i++)
        report_wrap(s, "outstanding  ", p->outstanding[i].text);
    if (p->n_outstanding == 0 && p->possible)
        report_wrap(s, "outstanding  ", "nothing, when it has gone well");
}

static void put_facts(struct session *s, const struct plan *p)
{
    static const struct report_column columns[] = {
        {"node", "NODE", REPORT_TEXT, 0},       {"address", "ADDRESS", REPORT_TEXT, 5},
        {"role", "ROLE", REPORT_TEXT, 0},       {"timeline", "TLI", REPORT_NUMBER, 1},
        {"follows", "FOLLOWS", REPORT_TEXT, 0}, {"fence", "FENCE", REPORT_TEXT, 2},
        {"jobs", "JOBS", REPORT_TEXT, 0},       {"crontab", "CRONTAB", REPORT_TEXT, 3},
        {"system", "SYSTEM", REPORT_TEXT, 4},
    };
    struct report t;

    REPORT_INIT(&t, s->cluster.arena, columns);
    for (size_t i = 0; i < p->facts.n_nodes; i++) {
        const struct plan_node_facts *n = &p->facts.nodes[i];

        report_text(&t, STYLE_BOLD, "%s", n->node);
        report_text(&t, STYLE_PLAIN, "%s", n->address);
        report_text(&t, STYLE_PLAIN, "%s", n->answers ? n->role : "silent");
        report_number(&t, STYLE_PLAIN, n->timeline);
        report_word(&t, STYLE_PLAIN,
                    n->answers && strcmp(n->follows, "-") != 0 ? n->follows : NULL);
        report_word(&t, STYLE_PLAIN, n->answers ? n->fence : NULL);
        report_word(&t, STYLE_PLAIN, !n->answers ? NULL : n->jobs_on ? "on" : "off");
        report_text(&t, STYLE_PLAIN, "%.12s", n->answers ? n->crontab : "");
        report_text(&t, STYLE_PLAIN, "%llu", (unsigned long long)n->system_identifier);
    }
    putchar('\n');
    report_pretty(&t, s);
}

static void put_pretty(struct session *s, const struct plan *p)
{
    char title[300];

    bool arrow = plan_is_move(p->command) && *p->to;

    STR_PRINTF(title, "%s of %s%s%s%s%s   (epoch %lld, %s)", plan_command_names[p->command],
               p->facts.cluster, *p->to ? ": " : "", arrow ? p->from : "", arrow ? " -> " : "",
               p->to, (long long)p->facts.epoch, p->facts.state);
    report_wrap(s, "plan: ", title);
    report_wrap(s, "made  ", arena_printf(s->cluster.arena, "%s by %s", p->made, p->by));
    putchar('\n');
    put_steps(s, p);
    put_costs(s, p);
    put_facts(s, p);
    putchar('\n');
    for (size_t i = 0; i < p->n_evidence; i++)
        report_wrap(s, "evidence: ", p->evidence[i].text);
    report_wrap(s, p->possible ? "at the end: " : "it would stop: ", p->end);
    if (p->n_back)
        report_wrap(s, "turned back: ", p->back_end);
    if (*p->sha256)
        report_wrap(s, "sha256 ", p->sha256);
}

/* ---- TSV ----------------------------------------------------------------------------------- */

static void put_value(const struct field *f, const void *obj)
{
    char text[1024];

    (void)field_get(f, obj, text, sizeof(text));
    for (const char *c = text; *c; c++)
        putchar((unsigned char)*c < ' ' ? ' ' : *c);
}

static bool is_scalar(const struct field *f)
{
    return f->type != FIELD_LIST && f->type != FIELD_STRUCT;
}

static void put_list(const struct field *f, const void *obj)
{
    const char *base = (const char *)obj;
    size_t n = *(const size_t *)(const void *)(base + f->count_offset);

    printf("#%s", f->name);
    for (size_t c = 0; c < f->sub->count; c++)
        printf("\t%s", f->sub->fields[c].name);
    putchar('\n');
    for (size_t i = 0; i < n; i++) {
        printf("%s", f->name);
        for (size_t c = 0; c < f->sub->count; c++) {
            putchar('\t');
            put_value(&f->sub->fields[c], base + f->offset + i * f->size);
        }
        putchar('\n');
    }
}

/* `name value` lines, then every list as a table of its own, each line under its label. */
static void put_table(const struct field_table *t, const void *obj)
{
    for (size_t i = 0; i < t->count; i++)
        if (is_scalar(&t->fields[i])) {
            printf("%s\t%s\t", t->name, t->fields[i].name);
            put_value(&t->fields[i], obj);
            putchar('\n');
        }
    for (size_t i = 0; i < t->count; i++) {
        if (t->fields[i].type == FIELD_LIST)
            put_list(&t->fields[i], obj);
        if (t->fields[i].type == FIELD_STRUCT)
            put_table(t->fields[i].sub, (const char *)obj + t->fields[i].offset);
    }
}

/* ---- all ----------------------------------------------------------------------------------- */

void plan_print(struct session *s, const struct plan *p)
{
    switch (s->options.format) {
    case FORMAT_PRETTY:
        put_pretty(s, p);
        break;
    case FORMAT_JSON:
        report_put_json(s, field_to_json(&plan_table, p));
        break;
    case FORMAT_TSV:
        put_table(&plan_table, p);
        break;
    }
}

static bool is(const struct plan_action *a, enum step_id step)
{
    return strcmp(a->step, steps[step].name) == 0;
}

static const char *before(struct arena *a, const char *text, const char *end)
{
    return end ? arena_strndup(a, text, (size_t)(end - text)) : text;
}

/* What a person will want to know beside the title, of the full plan's values. */
static const char *in_short(const struct session *s, const struct plan *p,
                            const struct plan_action *a)
{
    const char *behind = strrchr(a->now, ':');

    if (a->no_return)
        return "the point of no return; writes go on from here";
    if (is(a, STEP_FENCE))
        return "writes stop here; what fails from here on is rolled back";
    if (is(a, STEP_CRON_OFF)) /* without the crontab's hash */
        return before(s->cluster.arena, a->now, strrchr(a->now, ','));
    if (is(a, STEP_CATCHUP) && behind)
        return behind + 2;
    if (is(a, STEP_FLIP))
        return arena_printf(s->cluster.arena, "caches keep the old name for up to %lld s",
                            (long long)p->outlook.alias_ttl_s);
    return "";
}

void plan_print_short(struct session *s, const struct plan *p)
{
    if (s->options.format != FORMAT_PRETTY)
        return;
    printf("  what will be done:\n");
    for (size_t i = 0; i < p->n_actions; i++) {
        const struct plan_action *a = &p->actions[i];
        const char *more = in_short(s, p, a);
        char lead[48];

        STR_PRINTF(lead, "    %2lld %-12s ", (long long)a->n, a->step);
        report_wrap(s, lead,
                    arena_printf(s->cluster.arena, "%s%s%s%s", a->what, *more ? "   (" : "", more,
                                 *more ? ")" : ""));
    }
}
