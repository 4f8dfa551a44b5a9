/* The one screen, as a person reads it at 80 columns or more; and the same facts for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/status.h"
#include "controller/session/session.h"

static const struct record *record_of(const struct status *st)
{
    return st->w->d.status == DNS_VIEW_OK && st->w->d.record_valid ? &st->w->d.record : NULL;
}

static bool transition_open(const struct status *st)
{
    const struct record *d = record_of(st);

    return d && d->state != REGISTER_STABLE;
}

/* ---- for a person ---------------------------------------------------------------------------- */

static const char *alias_text(const struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const char *target = d->status != DNS_VIEW_OK ? "?" : d->cname_present ? d->cname : "nothing";
    const char *ttl = d->status == DNS_VIEW_OK && d->cname_present
                          ? arena_printf(st->arena, ", TTL %" PRId64 " s", d->cname_ttl)
                          : "";

    return arena_printf(st->arena, "%s -> %s%s", st->session->cluster.zone.alias, target, ttl);
}

static const char *owner_text(const struct status *st)
{
    const struct record *r = record_of(st);

    if (r)
        return arena_printf(st->arena, "owner %s, epoch %" PRId64 ", %s", r->owner, r->epoch,
                            register_state_names[r->state]);
    if (st->w->d.status == DNS_VIEW_OK || !st->last_seen.epoch)
        return "owner unknown";
    return arena_printf(st->arena, "owner %s, epoch %" PRId64 ", %s, as %s last read it",
                        st->last_seen.owner, st->last_seen.epoch,
                        register_state_names[st->last_seen.state], st->last_seen_by);
}

static void print_alias(const struct status *st)
{
    const struct session *s = st->session;
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
                       arena_printf(st->arena, "%s  ", s->cluster.config.cluster.name),
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

static void print_transition(const struct status *st)
{
    const struct record *r = record_of(st);
    struct arena *a = st->arena;

    if (!transition_open(st))
        return;
    fputc('\n', st->session->term.out);
    report_wrap_styled(st->session, STYLE_BAD, "TRANSITION ",
                       arena_printf(a, "%s%s%s to %s, state %s, transition %s%s", st->journal.verb,
                                    *st->journal.verb ? " " : "", leaves(r), leads_to(r),
                                    register_state_names[r->state], r->txn, since_and_why(st, r)));
    if (st->journal.running_pid)
        report_wrap(st->session, "           ",
                    arena_printf(a, "A command is at work on it here and now (pid %d): let it end.",
                                 st->journal.running_pid));
    report_wrap(
        st->session, "           ",
        st->situation.past_no_return
            ? "Past the point of no return: `pgtandem resume` goes on; there is no way back."
            : "Before the point of no return: `pgtandem resume` goes on, `pgtandem abort` "
              "undoes it.");
}

static void print_lines(const struct status *st, const char *title, enum report_style style,
                        const struct status_lines *lines)
{
    const struct session *s = st->session;

    if (lines->n == 0)
        return;
    fprintf(s->term.out, "\n%s%s%s\n", report_on(s, style), title, report_off(s, style));
    for (size_t i = 0; i < lines->n; i++)
        report_wrap(s, "  - ", lines->at[i].text);
}

static void print_writable(const struct status *st)
{
    const struct status_writable *w = &st->writable;
    const struct session *s = st->session;
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

static void print_pretty(const struct status *st)
{
    const struct session *s = st->session;

    print_writable(st);
    print_alias(st);
    print_transition(st);
    fputc('\n', st->session->term.out);
    report_pretty(&st->nodes, s);
    print_lines(st, "PROBLEMS", STYLE_BAD, &st->problems);
    print_lines(st, "outstanding, not urgent", STYLE_WARN, &st->outstanding);
    if (st->problems.n == 0)
        fprintf(s->term.out, "\n%sno problem found%s\n", report_on(s, STYLE_GOOD),
                report_off(s, STYLE_GOOD));
    if (*st->next && st->problems.n)
        fputc('\n', s->term.out);
    if (*st->next)
        report_wrap_styled(s, STYLE_BOLD, "next: ", st->next);
    print_lines(st, "changed while this watch ran", STYLE_BOLD, &st->recent);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static json_t *time_json(int64_t wall_ms)
{
    char text[CLOCK_TEXT_BYTES];

    return wall_ms ? json_string(clock_text(wall_ms, text)) : json_null();
}

static json_t *lines_json(const struct status_lines *lines)
{
    json_t *list = json_array();

    for (size_t i = 0; i < lines->n; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "node", lines->at[i].node, "text", lines->at[i].text));
    return list;
}

static json_t *record_json(const struct status *st)
{
    const struct record *r = record_of(st);

    if (!r)
        return json_null();
    json_t *from = json_array();
    for (size_t i = 0; i < r->n_from; i++)
        json_array_append_new(from, json_pack("{s:s, s:s}", "node", r->from[i].node, "grade",
                                              grade_names[r->from[i].grade]));
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s}", "epoch", (json_int_t)r->epoch,
                     "state", register_state_names[r->state], "owner", r->owner, "to", r->to,
                     "from", from, "by", r->by, "txn", r->txn, "text", st->w->d.txt);
}

static json_t *transition_json(const struct status *st)
{
    const struct record *r = record_of(st);

    if (!transition_open(st))
        return json_null();
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:i}", "txn", r->txn, "state",
                     register_state_names[r->state], "by", r->by, "begun_by", st->journal.began_by,
                     "verb", st->journal.verb, "reason", st->journal.reason, "since",
                     time_json(st->journal.since_wall_ms), "past_point_of_no_return",
                     st->situation.past_no_return, "running_pid", st->journal.running_pid);
}

static json_t *alias_json(const struct status *st)
{
    const struct dns_view *d = &st->w->d;
    bool ok = d->status == DNS_VIEW_OK && d->cname_present;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:o}", "name", st->session->cluster.zone.alias, "name_servers",
                  (json_int_t)st->ns_total, "agree", (json_int_t)st->ns_agree, "caches_clear_by",
                  time_json(st->caches_clear_wall_ms));

    json_object_set_new(o, "target", ok ? json_string(d->cname) : json_null());
    json_object_set_new(o, "ttl", ok ? json_integer(d->cname_ttl) : json_null());
    return o;
}

static json_t *writable_json(const struct status *st)
{
    const struct status_writable *w = &st->writable;
    json_t *nodes = json_array();

    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (w->nodes & (1U << i))
            json_array_append_new(nodes, json_string(st->session->cluster.config.nodes[i].name));
    return json_pack("{s:s, s:o, s:o, s:s}", "state", writable_state_names[w->state], "nodes",
                     nodes, "since", time_json(w->since_wall_ms), "text", w->text);
}

static void print_json(const struct status *st)
{
    json_t *o =
        json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "cluster",
                  st->session->cluster.config.cluster.name, "alias", alias_json(st), "record",
                  record_json(st), "transition", transition_json(st), "nodes",
                  report_json(&st->nodes), "problems", lines_json(&st->problems), "outstanding",
                  lines_json(&st->outstanding), "changes", lines_json(&st->changes), "ok",
                  st->problems.n == 0, "at", time_json(st->now_wall_ms));

    json_object_set_new(o, "writable", writable_json(st));
    json_object_set_new(o, "next", *st->next ? json_string(st->next) : json_null());
    report_put_json(st->session, o);
}

/* The same object, a line for each member: kind, then its values. */
static void print_tsv(const struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const struct record *r = record_of(st);
    bool ok = d->status == DNS_VIEW_OK && d->cname_present;
    char at[CLOCK_TEXT_BYTES];

    printf("#writable\tstate\tsince\ttext\nwritable\t%s\t%s\t%s\n",
           writable_state_names[st->writable.state],
           st->writable.since_wall_ms ? clock_text(st->writable.since_wall_ms, at) : "-",
           st->writable.text);
    report_tsv(&st->nodes, "node");
    printf("#alias\tname\ttarget\tttl\tagree\tname_servers\tcaches_clear_by\n");
    printf("alias\t%s\t%s\t%" PRId64 "\t%zu\t%zu\t%s\n", st->session->cluster.zone.alias,
           ok ? d->cname : "-", ok ? d->cname_ttl : -1, st->ns_agree, st->ns_total,
           st->caches_clear_wall_ms ? clock_text(st->caches_clear_wall_ms, at) : "-");
    if (r)
        printf("#record\tepoch\tstate\towner\tto\tby\ttxn\ttext\nrecord\t%" PRId64
               "\t%s\t%s\t%s\t%s\t%s\t%s\n",
               r->epoch, register_state_names[r->state], r->owner, *r->to ? r->to : "-", r->by,
               r->txn, d->txt);
    if (transition_open(st))
        printf("#transition\ttxn\tstate\tby\tverb\tsince\tpast_point_of_no_return\trunning_pid\t"
               "reason\ntransition\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n",
               r->txn, register_state_names[r->state], r->by,
               *st->journal.verb ? st->journal.verb : "-",
               st->journal.since_wall_ms ? clock_text(st->journal.since_wall_ms, at) : "-",
               st->situation.past_no_return ? "yes" : "no", st->journal.running_pid,
               *st->journal.reason ? st->journal.reason : "-");
    for (size_t i = 0; i < st->problems.n; i++)
        printf("problem\t%s\t%s\n", *st->problems.at[i].node ? st->problems.at[i].node : "-",
               st->problems.at[i].text);
    for (size_t i = 0; i < st->outstanding.n; i++)
        printf("outstanding\t%s\t%s\n",
               *st->outstanding.at[i].node ? st->outstanding.at[i].node : "-",
               st->outstanding.at[i].text);
    for (size_t i = 0; i < st->changes.n; i++)
        printf("change\t%s\t%s\n", *st->changes.at[i].node ? st->changes.at[i].node : "-",
               st->changes.at[i].text);
    printf("next\t%s\n", *st->next ? st->next : "-");
}

void status_print(const struct status *st)
{
    switch (st->session->options.format) {
    case FORMAT_PRETTY:
        print_pretty(st);
        break;
    case FORMAT_JSON:
        print_json(st);
        break;
    case FORMAT_TSV:
        print_tsv(st);
        break;
    }
    fflush(stdout);
}
