/* controller/history/story, controller/history/timeline: a journal read as what it tells, and its
 * picture laid out. */
#include "controller/history/story.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/history/story_print.h"
#include "controller/history/timeline.h"
#include "controller/session/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/controller/journal/journal_dir.h"
#include "tests/unit/unit.h"

static json_t *json(const char *text)
{
    json_t *o = json_loads(text, 0, NULL);

    assert_non_null(o);
    return o;
}

static struct journal *begin(const char *txn, const char *data)
{
    struct journal *j = NULL;
    json_t *o = json(data);

    assert_int_equal(journal_open(directory, txn, o, &j, NULL), 0);
    json_decref(o);
    return j;
}

static void intent(struct journal *j, const char *step, const char *node, const char *data)
{
    json_t *o = json(data);

    assert_int_equal(journal_intent(j, step, node, o, NULL), 0);
    json_decref(o);
}

static void result(struct journal *j, const char *step, const char *node, const char *data)
{
    json_t *o = json(data);

    assert_int_equal(journal_result(j, step, node, o, NULL), 0);
    json_decref(o);
}

static void end(struct journal *j, const char *data)
{
    json_t *o = json(data);

    assert_int_equal(journal_end(j, o, NULL), 0);
    json_decref(o);
    journal_close(j);
}

#define MOVE                                                                                       \
    "{\"verb\":\"switchover\",\"by\":\"root@ctl\",\"reason\":\"kernel\",\"cluster\":\"ia2\","      \
    "\"from\":\"db02\",\"to\":\"db01\",\"epoch\":1,\"at_ms\":20,\"seen\":["                        \
    "{\"node\":\"db01\",\"role\":\"standby\"},{\"node\":\"db02\",\"role\":\"primary\"},"           \
    "{\"node\":\"vm\",\"role\":\"standby\"}]}"

static void write_move(const char *txn, const char *outstanding)
{
    AUTO(arena) a = arena_new();
    struct journal *j = begin(txn, MOVE);

    result(j, "preflight", "", "{\"ok\":true,\"at_ms\":3,\"ms\":10}");
    intent(j, "fence", "db02", "{\"on\":[\"db02\"],\"at_ms\":30}");
    result(j, "fence", "db02",
           "{\"ok\":true,\"at_ms\":30,\"ms\":60,\"detail\":\"stopped\",\"seen\":[{\"node\":"
           "\"db02\",\"role\":\"stopped\",\"fenced\":true}]}");
    intent(j, "flip", "db01", "{\"on\":[\"db01\"],\"at_ms\":90}");
    result(j, "flip", "db01",
           "{\"ok\":true,\"at_ms\":90,\"ms\":5,\"dns\":[{\"verdict\":\"done\",\"old_alias\":"
           "\"db02.x\",\"alias\":\"db01.x\"}]}");
    intent(j, "promote", "db01", "{\"on\":[\"db01\"],\"at_ms\":95}");
    result(j, "promote", "db01",
           "{\"ok\":true,\"at_ms\":95,\"ms\":40,\"seen\":[{\"node\":\"db01\",\"role\":"
           "\"primary\"}]}");
    end(j, arena_printf(a,
                        "{\"outcome\":\"done\",\"exit\":0,\"message\":\"moved\",\"epoch\":2,"
                        "\"outage_ms\":105,\"duration_ms\":160,\"outstanding\":[%s]}",
                        outstanding));
}

static struct story_list list_of(struct arena *a)
{
    struct story_list l;

    assert_int_equal(story_list_read(directory, a, &l, NULL), 0);
    return l;
}

/* ---- the story ------------------------------------------------------------------------------- */

static void tells_a_move(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    write_move("00000000000000aa", "");
    struct story_list l = list_of(a);
    assert_int_equal(l.n, 1);
    const struct story *s = l.stories[0];
    assert_string_equal(s->verb, "switchover");
    assert_int_equal(s->exit, 0);
    assert_int_equal(s->outage_ms, 105);
    assert_int_equal(s->epoch, 2);
    assert_int_equal(s->n_steps, 4);
    assert_string_equal(s->steps[0].name, "preflight"); /* it had no intent */
    assert_int_equal(s->steps[0].at_ms, 3);
    assert_int_equal(s->steps[1].ms, 60);
    assert_string_equal(s->steps[1].detail, "stopped");
    assert_string_equal(s->steps[1].on[0], "db02");
    assert_ptr_equal(story_step(s, "promote"), &s->steps[3]);
    assert_null(story_step(s, "rejoin"));
    story_list_free(&l);
}

/* As version 0.1 wrote it: no at_ms, no nodes, no who. */
static void tells_an_older_journal(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal *j = begin("00000000000000aa", "{\"verb\":\"fence\",\"by\":\"root@ctl\"}");

    (void)state;
    intent(j, "fence", "vm", "{\"row\":\"x\",\"nodes\":4}");
    result(j, "fence", "vm", "{\"ok\":false,\"ms\":7,\"detail\":\"\",\"error\":\"no\"}");
    intent(j, "fence", "vm", "{\"row\":\"x\",\"nodes\":4}");
    journal_close(j);
    struct story_list l = list_of(a);
    const struct story *s = l.stories[0];
    assert_int_equal(s->n_steps, 2);
    assert_int_equal(s->steps[0].ms, 7);
    assert_false(s->steps[0].ok);
    assert_string_equal(s->steps[0].error, "no");
    assert_string_equal(s->steps[0].on[0], "vm");
    assert_int_equal(s->steps[1].ms, -1); /* the command died in it */
    assert_string_equal(s->outcome, "unfinished");
    assert_int_equal(s->exit, -1);
    story_list_free(&l);
}

static void found_by_the_beginning_of_its_id(void **state)
{
    AUTO(arena) a = arena_new();
    struct story *s;
    struct err e;
    bool none;

    (void)state;
    write_move("aa00000000000001", "");
    write_move("aa00000000000002", "");
    end(begin("bb00000000000003",
              "{\"verb\":\"resume\",\"by\":\"x@y\",\"transition\":\"cc00000000000004\"}"),
        "{}");
    struct story_list l = list_of(a);
    assert_int_equal(story_list_find(&l, NULL, &s, &none, &e), 0);
    assert_string_equal(s->verb, "resume"); /* the newest */
    assert_int_equal(story_list_find(&l, "aa00000000000001", &s, &none, &e), 0);
    assert_ptr_equal(s, l.stories[0]);
    assert_int_equal(story_list_find(&l, "aa", &s, &none, &e), ERR_USAGE);
    assert_false(none);
    assert_non_null(strstr(e.msg, "2 transitions begin with \"aa\""));
    assert_int_equal(story_list_find(&l, "cc", &s, &none, &e), 0); /* it went on with that one */
    assert_string_equal(s->verb, "resume");
    assert_int_equal(story_list_find(&l, "dd", &s, &none, &e), ERR_USAGE);
    assert_true(none);
    story_list_free(&l);
}

static void debts_are_settled_by_later_ones(void **state)
{
    AUTO(arena) a = arena_new();
    struct story_debt *debts;

    (void)state;
    write_move("aa00000000000001", "\"rejoin db02\",\"cron of vm\"");
    write_move("aa00000000000002", "\"cron of vm\"");
    struct story_list l = list_of(a);
    assert_int_equal(story_debts(&l, l.stories[0], a, &debts), 2);
    assert_ptr_equal(debts[0].settled, l.stories[1]);
    assert_null(debts[1].settled);
    story_list_free(&l);
}

/* ---- the picture ----------------------------------------------------------------------------- */

static const struct timeline_band *band_at(const struct timeline *t, const char *lane, double x)
{
    for (size_t i = 0; i < t->n_bands; i++)
        if (strcmp(t->lanes[t->bands[i].lane], lane) == 0 && t->bands[i].x0 <= x &&
            x < t->bands[i].x1)
            return &t->bands[i];
    return NULL;
}

static void lays_out_a_move(void **state)
{
    AUTO(arena) a = arena_new();
    struct timeline t;

    (void)state;
    write_move("00000000000000aa", "");
    struct story_list l = list_of(a);
    timeline_layout(l.stories[0], a, &t);
    assert_int_equal(t.n_columns, 3); /* not the preflight */
    assert_int_equal(t.n_lanes, 5);
    assert_string_equal(t.lanes[0], "clients");
    assert_string_equal(t.lanes[2], "db02"); /* from, to, the others */
    assert_string_equal(t.lanes[4], "vm");
    for (size_t i = 0; i < t.n_columns; i++)
        assert_true(t.columns[i].x1 - t.columns[i].x0 >= TIMELINE_COLUMN_LEAST);
    assert_true(t.columns[0].x1 - t.columns[0].x0 > t.columns[1].x1 - t.columns[1].x0);
    assert_true(t.columns[2].x0 == t.columns[1].x1);
    assert_true(t.has_no_return);
    assert_true(t.no_return == t.columns[2].x0);
    double fenced = t.columns[1].x0 + 1, last = t.width - 1;
    assert_int_equal(band_at(&t, "db02", 0)->state, TIMELINE_PRIMARY);
    assert_int_equal(band_at(&t, "db02", fenced)->state, TIMELINE_DOWN);
    assert_string_equal(band_at(&t, "db02", fenced)->text, "fenced");
    assert_int_equal(band_at(&t, "db01", last)->state, TIMELINE_PRIMARY);
    assert_string_equal(band_at(&t, "DNS", 0)->text, "db02.x");
    assert_string_equal(band_at(&t, "DNS", last)->text, "db01.x");
    assert_int_equal(band_at(&t, "clients", fenced)->state, TIMELINE_OUTAGE);
    assert_string_equal(band_at(&t, "clients", last)->text, "db01");
    assert_int_equal(t.n_bars, 3);
    assert_int_equal(t.bars[1].lane, 1); /* the flip is an UPDATE, whoever it is about */
    story_list_free(&l);
}

/* ---- in words -------------------------------------------------------------------------------- */

static const char *seen_text(struct session *s, const char *seen)
{
    json_t *o = json(seen);
    const char *text = arena_strdup(s->cluster.arena, story_seen_text(s, o));

    json_decref(o);
    return text;
}

/* A walreceiver that has just begun reports where its segment begins: less than was replayed. */
static void received_is_never_less_than_replayed(void **state)
{
    AUTO(arena) a = arena_new();
    struct session s = {.cluster = {.arena = a}};
    const char *text = seen_text(&s, "{\"node\":\"db01\",\"role\":\"standby\",\"receive_lsn\":"
                                     "\"0/1000000\",\"replay_lsn\":\"0/1BFFD78\"}");

    (void)state;
    has("seen", text, "replayed to 0/1BFFD78");
    assert_null(strstr(text, "received to"));
    text = seen_text(&s, "{\"node\":\"db01\",\"role\":\"standby\",\"receive_lsn\":\"1/0\","
                         "\"replay_lsn\":\"0/F1BFFD78\"}");
    has("seen", text, "received to 1/0, replayed to 0/F1BFFD78");
}

static const char *head_of(struct session *s, const char *txn, const char *data)
{
    struct capture c;

    journal_close(begin(txn, data));
    struct story_list l = list_of(s->cluster.arena);
    capture_begin(&c);
    story_print_head(s, l.stories[l.n - 1]);
    const char *text = capture_end(&c, s->cluster.arena);
    story_list_free(&l);
    return text;
}

/* A resume is of a transition, not from a node to a node. */
static void heading_of_a_command_without_a_target(void **state)
{
    AUTO(arena) a = arena_new();
    struct session s = {.cluster = {.arena = a}, .term = term_look(stdout, COLOR_NEVER)};

    (void)state;
    has("head",
        head_of(&s, "00000000000000aa",
                "{\"verb\":\"resume\",\"cluster\":\"ia2\",\"from\":\"db02\",\"to\":\"\"}"),
        "resume of ia2: db02   ");
    has("head",
        head_of(&s, "00000000000000ab",
                "{\"verb\":\"resume\",\"cluster\":\"ia2\",\"from\":\"db02\",\"to\":\"db01\"}"),
        "resume of ia2: db02 -> db01   ");
    has("head", head_of(&s, "00000000000000ac", "{\"verb\":\"dns set\",\"cluster\":\"ia2\"}"),
        "dns set of ia2   ");
}

/* A step of the plan that was not needed: said so, with why; older journals have none. */
static void a_step_that_was_not_needed(void **state)
{
    AUTO(arena) a = arena_new();
    struct session s = {.cluster = {.arena = a}, .term = term_look(stdout, COLOR_NEVER)};
    struct journal *j = begin("00000000000000aa", MOVE);
    struct capture c;

    (void)state;
    result(j, "checkpoint", "db01",
           "{\"ok\":true,\"skipped\":true,\"at_ms\":30,\"ms\":0,\"detail\":\"done already: "
           "pg_control is on timeline 2\"}");
    journal_close(j);
    struct story_list l = list_of(a);
    capture_begin(&c);
    story_print_step(&s, &l.stories[0]->steps[0]);
    char *text = capture_end(&c, a);
    has("step", text, "checkpoint  db01     skipped ");
    has("step", text, "done already: pg_control is on timeline 2");
    json_t *o = story_json(&s, &l, l.stories[0]);
    assert_true(
        json_is_true(json_object_get(json_array_get(json_object_get(o, "steps"), 0), "skipped")));
    json_decref(o);
    story_list_free(&l);
}

/* The command died after its promotion: no end says how long, the steps do. */
static void outage_of_a_command_that_has_no_end(void **state)
{
    AUTO(arena) a = arena_new();
    struct journal *j = begin("00000000000000aa", MOVE);

    (void)state;
    intent(j, "fence", "db02", "{\"on\":[\"db02\"],\"at_ms\":30}");
    result(j, "fence", "db02", "{\"ok\":true,\"at_ms\":30,\"ms\":60}");
    struct story_list l = list_of(a);
    assert_int_equal(l.stories[0]->outage_ms, -1); /* it has not ended */
    story_list_free(&l);
    intent(j, "promote", "db01", "{\"on\":[\"db01\"],\"at_ms\":95}");
    result(j, "promote", "db01", "{\"ok\":true,\"at_ms\":95,\"ms\":40}");
    journal_close(j);
    l = list_of(a);
    assert_int_equal(l.stories[0]->outage_ms, 105);
    story_list_free(&l);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(tells_a_move),
        TEST(tells_an_older_journal),
        TEST(found_by_the_beginning_of_its_id),
        TEST(debts_are_settled_by_later_ones),
        TEST(lays_out_a_move),
        TEST(received_is_never_less_than_replayed),
        TEST(heading_of_a_command_without_a_target),
        TEST(a_step_that_was_not_needed),
        TEST(outage_of_a_command_that_has_no_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
