/* What was kept of a step, in words. */
#include <inttypes.h>
#include <string.h>

#include "base/field.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/history/story.h"
#include "controller/history/story_print.h"
#include "controller/session/session.h"

static bool is_true(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

const char *story_answer_text(struct session *s, const json_t *a)
{
    const char *code = story_text(a, "code"), *text = story_text(a, "text");
    const char *hint = story_text(a, "hint");
    int64_t ms = story_number(a, "ms", 0), epoch = story_number(a, "epoch", 0);
    const char *numbers = "";

    if (epoch > 0)
        numbers = arena_printf(s->cluster.arena, " (%" PRId64 ", %" PRId64 ")", epoch,
                               story_number(a, "seq", 0));
    if (is_true(a, "ok"))
        return arena_printf(s->cluster.arena, "%s: %s%s: yes after %" PRId64 " ms%s%s",
                            story_text(a, "node"), story_text(a, "asked"), numbers, ms,
                            *text ? "; " : "", text);
    return arena_printf(s->cluster.arena, "%s: %s%s: NO after %" PRId64 " ms (%s): %s%s%s",
                        story_text(a, "node"), story_text(a, "asked"), numbers, ms, code,
                        story_text(a, "msg"), *hint ? "; " : "", hint);
}

const char *story_ran_text(struct session *s, const json_t *r)
{
    int64_t status = story_number(r, "status", -1), signal = story_number(r, "signal", 0);
    const char *end = is_true(r, "timed_out") ? "killed at its deadline"
                      : signal     ? arena_printf(s->cluster.arena, "signal %" PRId64, signal)
                      : status < 0 ? "it runs on"
                                   : arena_printf(s->cluster.arena, "status %" PRId64, status);

    return arena_printf(s->cluster.arena, "`%s`: %s after %" PRId64 " ms", story_text(r, "command"),
                        end, story_number(r, "ms", 0));
}

const char *story_dns_text(struct session *s, const json_t *d)
{
    const char *old = story_text(d, "old_alias"), *alias = story_text(d, "alias");
    const char *msg = story_text(d, "msg");
    int64_t tries = story_number(d, "tries", 1);

    return arena_printf(
        s->cluster.arena,
        "UPDATE %s after %" PRId64 " ms, sent %" PRId64 " time%s: %s%s%s; "
        "record %s%s%s",
        story_text(d, "verdict"), story_number(d, "ms", 0), tries, tries == 1 ? "" : "s",
        strcmp(old, alias) == 0 ? "alias stays " : "alias -> ", alias,
        *old && strcmp(old, alias) != 0 ? arena_printf(s->cluster.arena, " (from %s)", old) : "",
        story_text(d, "record"), *msg ? "; " : "", msg);
}

/* A walreceiver that has just begun reports the beginning of its segment: all that was replayed has
 * been received, so such a position says nothing. */
static bool says_something(const json_t *o, const char *key)
{
    uint64_t received, replayed;

    if (strcmp(key, "receive_lsn") == 0 && lsn_parse(story_text(o, key), &received) &&
        lsn_parse(story_text(o, "replay_lsn"), &replayed))
        return received >= replayed;
    return *story_text(o, key);
}

const char *story_seen_text(struct session *s, const json_t *o)
{
    static const struct {
        const char *key, *word;
    } positions[] = {{"insert_lsn", "WAL written to"},
                     {"receive_lsn", "received to"},
                     {"replay_lsn", "replayed to"},
                     {"receives_from", "streams from"},
                     {"problem", "problem:"}};
    int64_t tli = story_number(o, "tli", 0), jobs = story_number(o, "jobs_running", 0);
    const char *role = story_text(o, "role"), *control = story_text(o, "pg_control");
    const char *text = arena_printf(s->cluster.arena, "%s: %s", story_text(o, "node"), role);

    if (strcmp(role, "silent") == 0)
        return text;
    if (tli > 0)
        text = arena_printf(s->cluster.arena, "%s on timeline %" PRId64, text, tli);
    else if (*control)
        text = arena_printf(s->cluster.arena, "%s (pg_control \"%s\")", text, control);
    text = arena_printf(s->cluster.arena,
                        "%s, epoch %" PRId64 "%s%s, jobs %" PRId64 " on %" PRId64 " off", text,
                        story_number(o, "epoch", 0), is_true(o, "fenced") ? ", fenced" : "",
                        is_true(o, "held") ? ", held" : "", story_number(o, "cron_on", 0),
                        story_number(o, "cron_off", 0));
    if (jobs > 0)
        text = arena_printf(s->cluster.arena, "%s, %" PRId64 " running", text, jobs);
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++)
        if (says_something(o, positions[i].key))
            text = arena_printf(s->cluster.arena, "%s, %s %s", text, positions[i].word,
                                story_text(o, positions[i].key));
    return text;
}
