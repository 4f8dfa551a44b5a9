#include "controller/history/story_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/engine/summary.h"
#include "controller/history/story.h"
#include "controller/journal/who.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

/* ---- head ------------------------------------------------------------------------------------ */

static void item(struct session *s, const char *label, const char *text)
{
    char lead[24];

    STR_PRINTF(lead, "  %-11s", label);
    if (*text)
        report_wrap(s, lead, text);
}

void story_print_head(struct session *s, const struct story *st)
{
    const json_t *who = json_object_get(st->begin, "who"), *seen;
    char person[WHO_TEXT_BYTES];
    size_t i;

    printf("%s%s of %s%s%s%s%s%s   %s%s%s\n", report_on(s, STYLE_BOLD),
           *st->verb ? st->verb : "a command", *st->cluster ? st->cluster : "?",
           *st->from || *st->to ? ": " : "", st->from, *st->from && *st->to ? " -> " : "", st->to,
           report_off(s, STYLE_BOLD), report_on(s, STYLE_DIM), st->txn, report_off(s, STYLE_DIM));
    if (st->began_wall_ms)
        item(s, "when", human_time(s->cluster.arena, st->began_wall_ms));
    item(s, "who",
         who ? arena_printf(s->cluster.arena, "%s (%s)", who_text(who, person), st->by) : st->by);
    item(s, "why", st->reason);
    item(s, "goes on",
         *st->transition && strcmp(st->transition, st->txn) != 0
             ? arena_printf(s->cluster.arena, "with transition %s", st->transition)
             : "");
    item(s, "journal", st->file->path);
    if (st->file->n_damaged)
        item(s, "DAMAGED", st->file->damage.msg);
    json_array_foreach(json_object_get(st->begin, "seen"), i, seen)
        item(s, i == 0 ? "seen then" : "", story_seen_text(s, seen));
    item(s, "record", story_text(st->begin, "record"));
    printf("\n");
}

/* ---- a step ---------------------------------------------------------------------------------- */

static void under(struct session *s, const char *label, const char *text)
{
    char lead[48];

    STR_PRINTF(lead, "      %-9s", label);
    if (*text)
        report_wrap(s, lead, text);
}

/* What a program printed, line by line as it came. */
static void output(struct session *s, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        printf("      %-9s%s| %.*s%s\n", "", report_on(s, STYLE_DIM), (int)len, text,
               report_off(s, STYLE_DIM));
        text += len + (text[len] == '\n');
    }
}

static void print_ran(struct session *s, const char *node, const json_t *list)
{
    const json_t *ran;
    size_t i;

    json_array_foreach(list, i, ran) {
        under(s, "ran", arena_printf(s->cluster.arena, "%s: %s", node, story_ran_text(s, ran)));
        output(s, story_text(ran, "output"));
    }
}

static const char *check_text(struct session *s, const json_t *c)
{
    const char *remedy = story_text(c, "remedy");

    if (json_is_true(json_object_get(c, "unchecked")))
        return arena_printf(s->cluster.arena, "%s: %s", story_text(c, "check"),
                            story_text(c, "measured"));
    return arena_printf(
        s->cluster.arena, "%s (%s%s): %s, wanted: %s%s%s", story_text(c, "check"),
        story_text(c, "severity"), json_is_true(json_object_get(c, "ignored")) ? ", ignored" : "",
        story_text(c, "measured"), story_text(c, "threshold"), *remedy ? "; " : "", remedy);
}

static void print_data(struct session *s, const json_t *data)
{
    const json_t *o;
    size_t i;

    json_array_foreach(json_object_get(data, "said"), i, o)
        under(s, i == 0 ? "said" : "", json_is_string(o) ? json_string_value(o) : "");
    json_array_foreach(json_object_get(data, "checks"), i, o)
        if (!json_is_true(json_object_get(o, "ok")))
            under(s, "check", check_text(s, o));
    json_array_foreach(json_object_get(data, "dns"), i, o)
        under(s, "dns", story_dns_text(s, o));
    json_array_foreach(json_object_get(data, "answers"), i, o) {
        under(s, "answer", story_answer_text(s, o));
        print_ran(s, story_text(o, "node"), json_object_get(o, "ran"));
    }
    json_array_foreach(json_object_get(data, "seen"), i, o)
        under(s, "seen", story_seen_text(s, o));
}

void story_print_step(struct session *s, const struct story_step *step)
{
    enum report_style style = step->ok ? STYLE_GOOD : STYLE_BAD;
    const char *word = step->ms < 0    ? "no result"
                       : step->skipped ? "skipped"
                       : step->ok      ? "ok"
                                       : "FAILED";
    char ms[24] = "";

    if (step->ms >= 0)
        STR_PRINTF(ms, "%" PRId64 " ms", step->ms);
    char *lead = arena_printf(s->cluster.arena, "  +%6.3f s  %-11s %-8s %s%-9s%s %8s  ",
                              (double)step->at_ms / 1000, step->name, step->node,
                              report_on(s, style), word, report_off(s, style), ms);
    printf("%s%s\n", lead,
           step->ms < 0   ? "(the command died in it, or is still at it)"
           : step->ok     ? step->detail
           : *step->error ? step->error
                          : step->detail);
    if (!step->ok)
        under(s, "next", step->hint);
    print_data(s, step->data);
}

/* ---- the end --------------------------------------------------------------------------------- */

static const char *certificate_text(struct session *s, const json_t *c)
{
    return arena_printf(s->cluster.arena,
                        "system identifier %s, %s timeline %" PRId64 " -> %s timeline %" PRId64
                        ", shutdown checkpoint at %s, replayed to %s: no commit is lost",
                        story_text(c, "system_identifier"), story_text(c, "from"),
                        story_number(c, "old_timeline", 0), story_text(c, "to"),
                        story_number(c, "new_timeline", 0),
                        story_text(c, "shutdown_checkpoint_lsn"), story_text(c, "replayed_lsn"));
}

static const char *settled_text(struct session *s, const struct story_debt *d)
{
    if (!d->settled)
        return arena_printf(s->cluster.arena,
                            "%s (not settled by any command here; `pgtandem status`)", d->text);
    return arena_printf(s->cluster.arena, "%s (settled by %s %s, %s)", d->text, d->settled->verb,
                        d->settled->txn, human_time(s->cluster.arena, d->settled->began_wall_ms));
}

void story_print_end(struct session *s, const struct story_list *l, const struct story *st)
{
    const json_t *certificate = json_object_get(st->end, "certificate");
    const char *last = st->file->n_records ? st->file->records[st->file->n_records - 1].hash : "";
    struct story_debt *debts;
    size_t n = story_debts(l, st, s->cluster.arena, &debts);

    printf("\n");
    if (!st->end)
        item(s, "outcome", "unfinished: it has no end");
    else
        item(s, "outcome",
             arena_printf(s->cluster.arena, "%s%s%s, exit status %" PRId64, st->outcome,
                          *st->message ? ": " : "", st->message, st->exit));
    if (st->duration_ms >= 0)
        item(s, "took", human_duration(s->cluster.arena, st->duration_ms));
    if (st->outage_ms >= 0)
        item(s, "outage",
             arena_printf(s->cluster.arena,
                          st->last_heard ? SUMMARY_OUTAGE_HEARD : SUMMARY_OUTAGE_STOP,
                          human_duration(s->cluster.arena, st->outage_ms)));
    if (certificate)
        item(s, "handover", certificate_text(s, certificate));
    for (size_t i = 0; i < n; i++)
        item(s, "outstanding then", settled_text(s, &debts[i]));
    item(s, "last hash", last);
}

/* ---- for programs ---------------------------------------------------------------------------- */

static json_t *step_json(const struct story_step *step)
{
    json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:b, s:b, s:s, s:s, s:s}", "step", step->name,
                          "node", step->node, "at_ms", (json_int_t)step->at_ms, "ms",
                          (json_int_t)step->ms, "ok", step->ok, "skipped", step->skipped, "detail",
                          step->detail, "error", step->error, "hint", step->hint);
    static const char *const kept[] = {"said", "checks", "dns", "answers", "seen"};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        json_t *list = json_object_get(step->data, kept[i]);

        if (list)
            json_object_set(o, kept[i], list);
    }
    return o;
}

json_t *story_json(struct session *s, const struct story_list *l, const struct story *st)
{
    json_t *list = json_array(), *outstanding = json_array();
    struct story_debt *debts;
    size_t n = story_debts(l, st, s->cluster.arena, &debts);

    for (size_t i = 0; i < st->n_steps; i++)
        json_array_append_new(list, step_json(&st->steps[i]));
    for (size_t i = 0; i < n; i++)
        json_array_append_new(outstanding,
                              json_pack("{s:s, s:s?}", "text", debts[i].text, "settled_by",
                                        debts[i].settled ? debts[i].settled->txn : NULL));
    return json_pack("{s:s, s:s, s:s, s:O?, s:O?, s:o, s:o, s:s, s:s, s:b, s:b}", "txn", st->txn,
                     "verb", st->verb, "journal", st->file->path, "begin", st->begin, "end",
                     st->end, "steps", list, "outstanding", outstanding, "damage",
                     st->file->n_damaged ? st->file->damage.msg : "", "last_hash",
                     st->file->n_records ? st->file->records[st->file->n_records - 1].hash : "",
                     "ended", st->end != NULL, "torn", st->file->torn);
}
