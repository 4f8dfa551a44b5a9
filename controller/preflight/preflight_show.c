/* Preflight on the screen: the results of one, and the table of all checks. */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

enum { UNCHECKED_CAP_BYTES = 4096 };

/* ---- one preflight --------------------------------------------------------------------------- */

static const char *verdict_word(const struct preflight_result *r)
{
    if (r->ok)
        return "ok";
    if (r->unchecked)
        return "unchecked";
    if (r->ignored)
        return "ignored";
    return r->severity == SEVERITY_BLOCK ? "BLOCK" : "warn";
}

static enum report_style verdict_style(const struct preflight_result *r)
{
    if (r->ok)
        return STYLE_GOOD;
    if (r->unchecked)
        return STYLE_PLAIN;
    return r->severity == SEVERITY_BLOCK && !r->ignored ? STYLE_BAD : STYLE_WARN;
}

static void add_row(const struct preflight_result *r, bool terse, struct report *t)
{
    report_text(t, verdict_style(r), "%s", verdict_word(r));
    report_text(t, STYLE_PLAIN, "%s", r->name);
    report_text(t, STYLE_PLAIN, "%s", r->measured);
    report_text(t, STYLE_PLAIN, "%s", terse ? "" : r->threshold);
    report_text(t, STYLE_PLAIN, "%s", r->remedy);
    report_text(t, STYLE_PLAIN, "%s", severity_names[r->severity]);
    report_bool(t, STYLE_PLAIN, r->ignorable);
}

/* For people, what passed first and in few words: what did not is then still on the screen. What
 * was not checked follows below the table, once for each cause. */
static void build(const struct preflight *p, bool only_problems, bool people, struct report *t)
{
    for (size_t i = 0; i < p->n && !only_problems; i++)
        if (p->results[i].ok || !people)
            add_row(&p->results[i], people, t);
    for (size_t i = 0; i < p->n && (people || only_problems); i++)
        if (!p->results[i].ok && !p->results[i].unchecked)
            add_row(&p->results[i], false, t);
}

static bool same_cause(const struct preflight_result *a, const struct preflight_result *b)
{
    return a->unchecked && b->unchecked && strcmp(a->measured, b->measured) == 0;
}

static void print_unchecked(const struct session *s, const struct preflight *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct buf names;
        bool told = false;

        for (size_t k = 0; k < i; k++)
            told |= same_cause(&p->results[k], &p->results[i]);
        if (told || !p->results[i].unchecked)
            continue;
        buf_init(&names, UNCHECKED_CAP_BYTES);
        for (size_t k = i; k < p->n; k++)
            if (same_cause(&p->results[i], &p->results[k]))
                buf_printf(&names, "%s%s", names.len ? ", " : "", p->results[k].name);
        report_wrap(s, "  ",
                    arena_printf(s->cluster.arena, "%s: %s", p->results[i].measured, names.data));
        buf_free(&names);
    }
}

/* What to do is below the table: it may be long, and it is what the reader came for. */
static void print_remedies(const struct session *s, const struct preflight *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct preflight_result *r = &p->results[i];
        char lead[48];

        if (!*r->remedy)
            continue;
        STR_PRINTF(lead, "  %s: ", r->name);
        report_wrap(s, lead, r->remedy);
    }
}

void preflight_print(struct session *s, const struct preflight *p, bool only_problems)
{
    static const struct report_column columns[] = {
        {"verdict", "VERDICT", REPORT_TEXT, 0},    {"check", "CHECK", REPORT_TEXT, 0},
        {"measured", "MEASURED", REPORT_TEXT, -1}, {"threshold", "SHOULD BE", REPORT_TEXT, 1},
        {"remedy", NULL, REPORT_TEXT, 0},          {"severity", NULL, REPORT_TEXT, 0},
        {"ignorable", NULL, REPORT_BOOL, 0},
    };
    AUTO(arena) a = arena_new();
    struct report t;

    REPORT_INIT(&t, a, columns);
    build(p, only_problems, s->options.format == FORMAT_PRETTY, &t);
    if (s->options.format == FORMAT_JSON) {
        json_t *o = report_object(s, json_pack("{s:o, s:I, s:I, s:I}", "preflight", report_json(&t),
                                               "blocking", (json_int_t)p->blocking, "warnings",
                                               (json_int_t)p->warnings, "unchecked",
                                               (json_int_t)p->unchecked));

        json_dumpf(o, stdout, JSON_COMPACT); /* among the lines of a move it is one of them */
        putchar('\n');
        json_decref(o);
        return;
    }
    report_print(&t, s);
    if (s->options.format != FORMAT_PRETTY)
        return;
    print_remedies(s, p);
    print_unchecked(s, p);
}
