#include "controller/history/page.h"

#include <inttypes.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "controller/decide/steps.h"
#include "controller/engine/summary.h"
#include "controller/history/story.h"
#include "controller/history/story_print.h"
#include "controller/journal/who.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

enum { FACTS_MAX = 24 };

const char *page_title(const struct page *p)
{
    const struct story *st = p->story;

    return arena_printf(p->session->cluster.arena, "%s of %s%s%s%s%s", st->verb, st->cluster,
                        *st->to ? ": " : "", st->from, *st->from && *st->to ? " -> " : "", st->to);
}

static const char *outcome_text(const struct page *p)
{
    const struct story *st = p->story;

    if (!st->end)
        return "unfinished: the journal has no end";
    return arena_printf(p->session->cluster.arena, "%s%s%s (exit status %" PRId64 ")", st->outcome,
                        *st->message ? ": " : "", st->message, st->exit);
}

static const char *certificate_text(const struct page *p)
{
    const json_t *c = json_object_get(p->story->end, "certificate");

    if (!c)
        return "";
    return arena_printf(
        p->session->cluster.arena,
        "no commit is lost: system identifier %s, shutdown checkpoint of %s (timeline %" PRId64
        ") at %s, %s had replayed to %s before it was promoted to timeline %" PRId64,
        story_text(c, "system_identifier"), story_text(c, "from"),
        story_number(c, "old_timeline", 0), story_text(c, "shutdown_checkpoint_lsn"),
        story_text(c, "to"), story_text(c, "replayed_lsn"), story_number(c, "new_timeline", 0));
}

struct page_fact *page_facts(const struct page *p)
{
    struct arena *a = p->session->cluster.arena;
    const struct story *st = p->story;
    const json_t *who = json_object_get(st->begin, "who");
    struct page_fact *f = arena_alloc(a, FACTS_MAX * sizeof(*f));
    struct story_debt *debts;
    char person[WHO_TEXT_BYTES];
    size_t n = 0, n_debts = story_debts(p->list, st, a, &debts);

    f[n++] = (struct page_fact){"Outcome", outcome_text(p)};
    if (st->outage_ms >= 0)
        f[n++] = (struct page_fact){
            "Outage", arena_printf(a, st->last_heard ? SUMMARY_OUTAGE_HEARD : SUMMARY_OUTAGE_STOP,
                                   human_duration(a, st->outage_ms))};
    f[n++] = (struct page_fact){"Why", st->reason};
    f[n++] = (struct page_fact){
        "Who", who ? arena_printf(a, "%s (%s)", who_text(who, person), st->by) : st->by};
    f[n++] = (struct page_fact){
        "When", arena_printf(a, "%s%s%s", human_time(a, st->began_wall_ms),
                             st->duration_ms >= 0 ? ", took " : "",
                             st->duration_ms >= 0 ? human_duration(a, st->duration_ms) : "")};
    f[n++] = (struct page_fact){"Handover", certificate_text(p)};
    f[n++] = (struct page_fact){"Checks", page_checks_text(p)};
    for (size_t i = 0; i < n_debts && n < FACTS_MAX - 5; i++)
        f[n++] = (struct page_fact){
            i ? "" : "Outstanding",
            debts[i].settled ? arena_printf(a, "%s (settled since, by %s %s on %s)", debts[i].text,
                                            debts[i].settled->verb, debts[i].settled->txn,
                                            human_time(a, debts[i].settled->began_wall_ms))
                             : arena_printf(a,
                                            "%s (not settled yet by a command of this "
                                            "controller)",
                                            debts[i].text)};
    if (st->end && n_debts == 0)
        f[n++] = (struct page_fact){"Outstanding", "nothing"};
    f[n++] =
        (struct page_fact){"Transition", arena_printf(a, "%s, epoch %" PRId64, st->txn, st->epoch)};
    if (st->file->n_damaged)
        f[n++] = (struct page_fact){"DAMAGED", st->file->damage.msg};
    return f;
}

/* ---- checks ---------------------------------------------------------------------------------- */

const json_t *page_checks(const struct page *p)
{
    for (size_t i = 0; i < p->story->n_steps; i++) {
        const json_t *list = json_object_get(p->story->steps[i].data, "checks");

        if (json_array_size(list) > 0)
            return list;
    }
    return NULL;
}

const char *page_check_word(const json_t *c)
{
    if (json_is_true(json_object_get(c, "ok")))
        return "ok";
    if (json_is_true(json_object_get(c, "unchecked")))
        return "not checked";
    return json_is_true(json_object_get(c, "ignored")) ? "ignored" : "warning";
}

const char *page_checks_text(const struct page *p)
{
    const json_t *list = page_checks(p), *c;
    size_t i, good = 0, ignored = 0, unknown = 0;

    if (!list)
        return "";
    json_array_foreach(list, i, c) {
        good += json_is_true(json_object_get(c, "ok"));
        ignored += json_is_true(json_object_get(c, "ignored"));
        unknown += json_is_true(json_object_get(c, "unchecked"));
    }
    return arena_printf(
        p->session->cluster.arena, "%zu: %zu good, %zu not, of which %zu ignored by name%s",
        json_array_size(list), good, json_array_size(list) - good - unknown, ignored,
        unknown ? arena_printf(p->session->cluster.arena, "; %zu not checked", unknown) : "");
}

/* ---- texts of steps -------------------------------------------------------------------------- */

const char **page_loss(const struct page *p)
{
    const char **texts = NULL;
    size_t n = 0;

    for (size_t i = 0; i < p->story->n_steps; i++) {
        const struct story_step *step = &p->story->steps[i];
        const json_t *said = json_object_get(step->data, "said"), *o;
        size_t k;

        if (strcmp(step->name, steps[STEP_EVIDENCE].name) != 0 &&
            strcmp(step->name, steps[STEP_LOSS].name) != 0)
            continue;
        const char **more =
            arena_alloc(p->session->cluster.arena, (n + json_array_size(said) + 1) * sizeof(*more));
        if (n)
            memcpy(more, texts, n * sizeof(*more));
        json_array_foreach(said, k, o)
            if (json_is_string(o))
                more[n++] = json_string_value(o) + strspn(json_string_value(o), " ");
        texts = more;
    }
    return n ? texts : NULL;
}

const char **page_ran(const struct page *p, const struct story_step *step)
{
    struct arena *a = p->session->cluster.arena;
    const json_t *answer, *ran;
    const char **texts = arena_alloc(a, sizeof(*texts) * (STORY_ON_MAX * 8 + 1));
    size_t i, k, n = 0;

    json_array_foreach(json_object_get(step->data, "answers"), i, answer)
        json_array_foreach(json_object_get(answer, "ran"), k, ran) {
            const char *output = story_text(ran, "output");

            if (n < STORY_ON_MAX * 8)
                texts[n++] =
                    arena_printf(a, "%s: %s%s%s", story_text(answer, "node"),
                                 story_ran_text(p->session, ran), *output ? "\n" : "", output);
        }
    return texts;
}
