/* controller/session/report: a cell's value goes to programs as the type that it has, whatever its
 * text looks like. */
#include "controller/session/report.h"

#include <string.h>

#include "base/mem.h"
#include "controller/session/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

static const struct report_column columns[] = {
    {"text", "TEXT", REPORT_TEXT, 0},         {"word", "WORD", REPORT_TEXT, 0},
    {"name", "NAME", REPORT_TEXT, 0},         {"number", "NUMBER", REPORT_NUMBER, 0},
    {"seconds", "SECONDS", REPORT_NUMBER, 0}, {"fine", "FINE", REPORT_BOOL, 0},
    {NULL, "PEOPLE", REPORT_TEXT, 0},         {"from", NULL, REPORT_TABLE, 0},
};

static void add_row(struct report *r, const char *text, const char *word, const char *name,
                    const struct report *from)
{
    report_text(r, STYLE_PLAIN, "%s", text);
    report_word(r, STYLE_PLAIN, word);
    report_name(r, STYLE_PLAIN, name);
    report_number(r, STYLE_PLAIN, INT64_MAX);
    report_real(r, STYLE_PLAIN, 0.25, 3);
    report_bool(r, STYLE_PLAIN, true);
    report_text(r, STYLE_PLAIN, "for people");
    report_table(r, STYLE_PLAIN, from, "db01, vm");
}

static void fits(json_t *is, const char *should_be)
{
    json_t *o = json_loads(should_be, JSON_DECODE_ANY, NULL);

    assert_non_null(o);
    if (!json_equal(is, o)) {
        char *text = json_dumps(is, JSON_ENCODE_ANY);

        fail_msg("%s\nis not\n%s", text, should_be);
    }
    json_decref(o);
    json_decref(is);
}

static void values_keep_their_type(void **state)
{
    static const struct report_column value = {"", NULL, REPORT_TEXT, 0};
    static const struct report_column pair[] = {{"node", NULL, REPORT_TEXT, 0},
                                                {"n", NULL, REPORT_NUMBER, 0}};
    AUTO(arena) a = arena_new();
    struct report r, list, rows, none;

    (void)state;
    report_init(&list, a, &value, 1);
    report_text(&list, STYLE_PLAIN, "db01");
    report_text(&list, STYLE_PLAIN, "vm");
    REPORT_INIT(&rows, a, pair);
    report_text(&rows, STYLE_PLAIN, "vm");
    report_number(&rows, STYLE_PLAIN, 3);
    REPORT_INIT(&none, a, columns);
    REPORT_INIT(&r, a, columns);
    add_row(&r, "12", "yes", "-", &list); /* a text is no number, no truth and no absence */
    add_row(&r, "-", NULL, "", &rows);
    add_row(&r, "", "", "x\ty", &none);
    fits(report_json(&r),
         "[{\"text\": \"12\", \"word\": \"yes\", \"name\": \"-\", \"number\": 9223372036854775807,"
         " \"seconds\": 0.25, \"fine\": true, \"from\": [\"db01\", \"vm\"]},"
         " {\"text\": \"-\", \"word\": null, \"name\": \"\", \"number\": 9223372036854775807,"
         " \"seconds\": 0.25, \"fine\": true, \"from\": [{\"node\": \"vm\", \"n\": 3}]},"
         " {\"text\": null, \"word\": null, \"name\": \"x y\", \"number\": 9223372036854775807,"
         " \"seconds\": 0.25, \"fine\": true, \"from\": []}]");
    fits(report_json_row(&none), "null");
    report_word(&none, STYLE_CHANGED, NULL); /* that it is gone is what has changed */
    assert_int_equal(none.cells[0].style, STYLE_CHANGED);
    report_word(&none, STYLE_GOOD, "");
    assert_int_equal(none.cells[1].style, STYLE_DIM);
}

static void texts_are_the_same_for_all(void **state)
{
    AUTO(arena) a = arena_new();
    struct report r, none;
    struct capture c;

    (void)state;
    REPORT_INIT(&none, a, columns);
    REPORT_INIT(&r, a, columns);
    add_row(&r, "12", NULL, "", &none);
    capture_begin(&c);
    report_tsv(&r, "row");
    assert_string_equal(capture_end(&c, a),
                        "#row\ttext\tword\tname\tnumber\tseconds\tfine\tfrom\n"
                        "row\t12\t-\t-\t9223372036854775807\t0.250\tyes\tdb01, vm\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_keep_their_type),
        cmocka_unit_test(texts_are_the_same_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
