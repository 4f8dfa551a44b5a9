#include "controller/screen/status_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/screen/status_tables.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"

/* ---- for a person ---------------------------------------------------------------------------- */

static const char *alias_text(const struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const char *target = d->status != DNS_VIEW_OK ? "?" : d->cname_present ? d->cname : "nothing";
    const char *ttl = d->status == DNS_VIEW_OK && d->cname_present
                          ? arena_printf(st->arena, ", TTL %" PRId64 " s", d->cname_ttl)
                          : "";

    return arena_printf(st->arena, "%s -> %s%s", st->cluster->zone.alias, target, ttl);
}

static const char *owner_text(const struct status *st)
{
    const struct record *r = status_record(st);

    if (r)
        return arena_printf(st->arena, "owner %s, epoch %" PRId64 ", %s", r->owner, r->epoch,
                            register_state_names[r->state]);
    if (st->w->d.status == DNS_VIEW_OK || !st->last_seen.epoch)
        return "owner unknown";
    return arena_printf(st->arena, "owner %s, epoch %" PRId64 ", %s, as %s last read it",
                        st->last_seen.owner, st->last_seen.epoch,
                        register_state_names[st->last_seen.state], st->last_seen_by);
}

static void print_alias(const struct session *s, const struct status *st)
{
    const char *servers = "name servers unknown", *caches = "";
    char hms[CLOCK_TEXT_BYTES];

    if (st->w->d.status == DNS_VIEW_SILENT)
        servers = "the zone's primary does not respond";
    else if (st->w->d.status == DNS_VIEW_REFUSED)
        servers = "the zone's primary refuses to answer us";
    else if (st->ns_total)
        servers =
            arena_printf(st->arena, "%zu of %zu name servers agree", st->ns_agree, st->ns_total);
    if (st->caches_clear_wall_ms)
        caches = arena_printf(st->arena, "; caches clear by %s",
                              clock_text_hms(st->caches_clear_wall_ms, hms));
    report_wrap_styled(s, STYLE_BOLD,
                       arena_printf(st->arena, "%s  ", st->cluster->config.cluster.name),
                       alias_text(st));
    report_wrap(s, "", arena_printf(st->arena, "%s; %s%s", owner_text(st), servers, caches));
}

/* Whom it leads away from: until the flip the owner, then the last of `from`. */
static const char *leaves(const struct record *r)
{
    if (r->state == REGISTER_FLIP)
        return r->n_from ? r->from[r->n_from - 1].node : "?";
    return r->state == REGISTER_UNDO ? "back" : r->owner;
}

static const char *leads_to(const struct record *r)
{
    bool old_owner = r->state == REGISTER_CLAIM || r->state == REGISTER_SEIZE;

    return old_owner && *r->to ? r->to : r->owner;
}

static const char *since_and_why(const struct status *st, const struct record *r)
{
    const char *host = strchr(r->by, '@'), *by = st->journal.began_by;

    if (!st->journal.transition_known)
        return arena_printf(st->arena,
                            ", by %s; no agent that responds has recorded since when and why: "
                            "`pgtandem history` on %s has it",
                            r->by, host ? host + 1 : r->by);
    return arena_printf(st->arena, ", begun by %s at %s, reason: %s%s%s", *by ? by : r->by,
                        human_time(st->arena, st->journal.since_wall_ms),
                        *st->journal.reason ? st->journal.reason : "none given",
                        *by && strcmp(by, r->by) != 0 ? "; last continued by " : "",
                        *by && strcmp(by, r->by) != 0 ? r->by : "");
}

static void print_transition(const struct session *s, const struct status *st)
{
    const struct record *r = status_transition(st);
    struct arena *a = st->arena;

    if (!r)
        return;
    fputc('\n', s->term.out);
    report_wrap_styled(s, STYLE_BAD, "TRANSITION ",
                       arena_printf(a, "%s%s%s to %s, state %s, transition %s%s", st->journal.verb,
                                    *st->journal.verb ? " " : "", leaves(r), leads_to(r),
                                    register_state_names[r->state], r->txn, since_and_why(st, r)));
    if (st->journal.running_pid)
        report_wrap(s, "           ",
                    arena_printf(a, "A command is at work on it here and now (pid %d): let it end.",
                                 st->journal.running_pid));
    report_wrap(
        s, "           ",
        st->situation.past_no_return
            ? "Past the point of no return: `pgtandem resume` goes on; there is no way back."
            : "Before the point of no return: `pgtandem resume` goes on, `pgtandem abort` "
              "undoes it.");
}

static void print_lines(const struct session *s, const struct status *st, const char *title,
                        enum report_style style, const struct status_lines *lines)
{
    if (lines->n == 0)
        return;
    fprintf(s->term.out, "\n%s%s%s\n", report_on(s, style), title, report_off(s, style));
    for (size_t i = 0; i < lines->n; i++)
        report_wrap(s, "  - ", remedy_for(&s->options, st->arena, lines->at[i].text));
}

static void print_writable(const struct session *s, const struct status *st)
{
    const struct status_writable *w = &st->writable;
    char hms[CLOCK_TEXT_BYTES];
    const char *title = "writable: ", *since = "";

    if (w->state == WRITABLE_NONE && w->since_wall_ms)
        since = arena_printf(st->arena, " since %s%s", w->about ? "about " : "",
                             st->now_wall_ms - w->since_wall_ms < 12 * 3600 * 1000
                                 ? clock_text_hms(w->since_wall_ms, hms)
                                 : human_time(st->arena, w->since_wall_ms));
    if (w->state == WRITABLE_NONE)
        title = arena_printf(st->arena, "NOT WRITABLE%s: ", since);
    else if (w->state == WRITABLE_UNKNOWN)
        title = "no node is known to be writable: ";
    else if (w->state == WRITABLE_SEVERAL)
        title = "MORE THAN ONE NODE IS WRITABLE: ";
    report_wrap_styled(s, w->state == WRITABLE_ONE ? STYLE_GOOD : STYLE_BAD, title, w->text);
}

static const char *next_text(const struct session *s, const struct status *st)
{
    return remedy_for(&s->options, st->arena, st->next);
}

static void print_pretty(const struct session *s, const struct status *st,
                         const struct report *nodes)
{
    print_writable(s, st);
    print_alias(s, st);
    print_transition(s, st);
    fputc('\n', s->term.out);
    report_pretty(nodes, s);
    print_lines(s, st, "PROBLEMS", STYLE_BAD, &st->problems);
    print_lines(s, st, "outstanding, not urgent", STYLE_WARN, &st->outstanding);
    if (st->problems.n == 0)
        fprintf(s->term.out, "\n%sno problem found%s\n", report_on(s, STYLE_GOOD),
                report_off(s, STYLE_GOOD));
    if (*st->next && st->problems.n)
        fputc('\n', s->term.out);
    if (*st->next)
        report_wrap_styled(s, STYLE_BOLD, "next: ", next_text(s, st));
    print_lines(s, st, "changed while this watch ran", STYLE_BOLD, &st->recent);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static void print_json(const struct session *s, const struct status *st,
                       const struct report tables[STATUS_TABLES])
{
    char at[CLOCK_TEXT_BYTES];
    json_t *o = json_pack("{s:s, s:b, s:s}", "cluster", st->cluster->config.cluster.name, "ok",
                          st->problems.n == 0, "at", clock_text(st->now_wall_ms, at));

    json_object_set_new(o, "writable", report_json_row(&tables[TABLE_WRITABLE]));
    json_object_set_new(o, "alias", report_json_row(&tables[TABLE_ALIAS]));
    json_object_set_new(o, "record", report_json_row(&tables[TABLE_RECORD]));
    json_object_set_new(o, "transition", report_json_row(&tables[TABLE_TRANSITION]));
    json_object_set_new(o, "nodes", report_json(&tables[TABLE_NODES]));
    json_object_set_new(o, "problems", report_json(&tables[TABLE_PROBLEMS]));
    json_object_set_new(o, "outstanding", report_json(&tables[TABLE_OUTSTANDING]));
    json_object_set_new(o, "changes", report_json(&tables[TABLE_CHANGES]));
    json_object_set_new(o, "next", *st->next ? report_json_text(next_text(s, st)) : json_null());
    report_put_json(s, o);
}

/* The same tables, each line under its label. */
static void print_tsv(const struct session *s, const struct status *st,
                      const struct report tables[STATUS_TABLES])
{
    static const char *const labels[STATUS_TABLES] = {
        [TABLE_WRITABLE] = "writable",
        [TABLE_NODES] = "node",
        [TABLE_ALIAS] = "alias",
        [TABLE_RECORD] = "record",
        [TABLE_TRANSITION] = "transition",
        [TABLE_PROBLEMS] = "problem",
        [TABLE_OUTSTANDING] = "outstanding",
        [TABLE_CHANGES] = "change",
    };

    for (size_t i = 0; i < STATUS_TABLES; i++)
        if (report_rows(&tables[i]))
            report_tsv(&tables[i], labels[i]);
    printf("next\t%s\n", *st->next ? next_text(s, st) : "-");
}

void status_print(const struct session *s, const struct status *st)
{
    struct report tables[STATUS_TABLES];

    status_tables(s, st, tables);
    switch (s->options.format) {
    case FORMAT_PRETTY:
        print_pretty(s, st, &tables[TABLE_NODES]);
        break;
    case FORMAT_JSON:
        print_json(s, st, tables);
        break;
    case FORMAT_TSV:
        print_tsv(s, st, tables);
        break;
    }
    fflush(stdout);
}
