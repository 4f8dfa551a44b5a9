/* What people read, at any width and in any character set: wcwidth, wrapping, tables. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

static struct session s;
static struct arena *arena;
static struct capture capture;

static void locale(const char *name)
{
    setenv("LC_ALL", name, 1);
    term_locale();
    s.term = term_look(stdout, COLOR_AUTO);
}

static int set_up(void **state)
{
    (void)state;
    arena_free(arena);
    arena = arena_new();
    s = (struct session){.cluster = {.arena = arena}};
    locale("C.UTF-8");
    return 0;
}

static void columns_are_counted(void **state)
{
    (void)state;
    assert_true(s.term.utf8);
    assert_int_equal(term_columns("Kernel"), 6);
    assert_int_equal(term_columns("für"), 3);
    assert_int_equal(term_columns("維護"), 4);      /* wide */
    assert_int_equal(term_columns("u\xcc\x88"), 1); /* a combining mark takes none */
    assert_int_equal(term_fit("維護", 3), 3);
    assert_int_equal(term_fit("für", 2), 3);
    locale("C");
    assert_false(s.term.utf8);
    /* a name that this host does not have is UTF-8 all the same */
    locale("xx_YY.UTF-8");
    assert_true(s.term.utf8);
}

static void text_can_be_shown(void **state)
{
    (void)state;
    assert_string_equal(term_text(&s.term, arena, "für …"), "für …");
    assert_string_equal(term_text(&s.term, arena, "a\033[31mb\nc"), "a [31mb c");
    assert_string_equal(term_text(&s.term, arena, "a\xff\xfe"), "a??");
    assert_string_equal(term_text(&s.term, arena, "a\xc2\x9b"), "a?"); /* CSI, the C1 one */
    locale("C");
    assert_string_equal(term_text(&s.term, arena, "für …"), "f?r ...");
}

static void colour_is_decided(void **state)
{
    (void)state;
    assert_false(term_look(stdout, COLOR_AUTO).colour); /* no terminal here */
    assert_true(term_look(stdout, COLOR_ALWAYS).colour);
    assert_false(term_look(stdout, COLOR_NEVER).colour);
    assert_int_equal(term_look(stdout, COLOR_AUTO).width, 0);
}

static void wrapped(size_t width, const char *lead, const char *text, const char *expected)
{
    s.term.width = width;
    capture_begin(&capture);
    term_wrap(&s.term, lead, text);
    assert_string_equal(capture_end(&capture, arena), expected);
}

static void paragraphs_are_wrapped(void **state)
{
    (void)state;
    wrapped(0, "  - ", "a b c", "  - a b c\n");
    wrapped(30, "  - ", "für dreißig Spalten umgebrochen",
            "  - für dreißig Spalten\n    umgebrochen\n");
    wrapped(30, "", "one\ntwo", "one\ntwo\n");
    wrapped(24, "a long lead: ", "and its text", "a long lead: \n  and its text\n");
    wrapped(20, "", "nothingtobreakinthiswordatall", "nothingtobreakinthis\nwordatall\n");
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct report_column columns[] = {
    {"node", "NODE", REPORT_TEXT, 0},      {"role", "ROLE", REPORT_TEXT, 0},
    {"lag", "LAG", REPORT_NUMBER, 0},      {"agent", "AGENT", REPORT_TEXT, 1},
    {"reason", "REASON", REPORT_TEXT, -1}, {"txn", NULL, REPORT_TEXT, 0},
};

static const char *table(size_t width)
{
    static const char *const rows[][6] = {
        {"db01", "primary", "0", "0.1.0 14 ms", "Kernel für db02, and the disk as well", "1"},
        {"db02", "standby", "17", NULL, "維護", "2"}};
    struct report r;

    report_init(&r, arena, columns, 6);
    for (size_t i = 0; i < 12; i++)
        report_word(&r, STYLE_PLAIN, rows[i / 6][i % 6]);
    s.term.width = width;
    capture_begin(&capture);
    report_pretty(&r, &s);
    return capture_end(&capture, arena);
}

static size_t widest(const char *text)
{
    size_t most = 0;

    for (const char *p = text; *p; p += strcspn(p, "\n") + (p[strcspn(p, "\n")] == '\n')) {
        size_t n = term_columns(arena_strndup(arena, p, strcspn(p, "\n")));

        most = n > most ? n : most;
    }
    return most;
}

static void tables_fit(void **state)
{
    static const size_t widths[] = {20, 30, 40, 48, 60, 80, 200};

    (void)state;
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        const char *text = table(widths[i]);

        if (widest(text) > (widths[i] < 30 ? 30 : widths[i]))
            fail_msg("wider than %zu:\n%s", widths[i], text);
        if (!strstr(text, "db01") || !strstr(text, "17") || !strstr(text, "Kernel"))
            fail_msg("a fact is missing at %zu:\n%s", widths[i], text);
    }
    assert_non_null(strstr(table(0), "Kernel für db02, and the disk as well"));
    assert_non_null(strstr(table(200), "0.1.0 14 ms"));
    assert_null(strstr(table(48), "0.1.0")); /* may be left out */
    assert_non_null(strstr(table(48), "…")); /* is cut, and says so */
    assert_non_null(strstr(table(30), "\n      REASON 維護\n"));
}

/* The column after a wide or accented text begins where the others' does. */
static void columns_are_aligned(void **state)
{
    static const struct report_column two[] = {{"a", "A", REPORT_TEXT, 0},
                                               {"b", "B", REPORT_TEXT, 0}};
    struct report r;

    (void)state;
    report_init(&r, arena, two, 2);
    for (size_t i = 0; i < 6; i++)
        report_text(&r, STYLE_PLAIN, "%s",
                    ((const char *[]){"für", "|", "維護", "|", "plain", "|"})[i]);
    capture_begin(&capture);
    report_pretty(&r, &s);
    assert_string_equal(capture_end(&capture, arena),
                        "  A      B\n  für    |\n  維護   |\n  plain  |\n");
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_counted),    TEST(text_can_be_shown), TEST(colour_is_decided),
        TEST(paragraphs_are_wrapped), TEST(tables_fit),        TEST(columns_are_aligned),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
