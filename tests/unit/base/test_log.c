/* base/log and base/clock: one event is one line, whatever is in it; times as people read them. */
#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/unit/unit.h"

static char logged[4096];

/* What log_line() wrote to standard error, into `logged`. */
static void capture(enum log_level level, const char *text)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);

    assert_true(saved >= 0);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_line(level, "%s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);

    ssize_t n = read(ends[0], logged, sizeof(logged) - 1);
    logged[n > 0 ? n : 0] = '\0';
    close(ends[0]);
}

static void test_a_line_for_a_person(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    capture(LOG_LEVEL_WARNING, "node=db01 lag");
    assert_memory_equal(logged, "WARNING ", 8);
    assert_non_null(strstr(logged, "Z node=db01 lag\n"));
}

static void test_a_line_for_the_journal(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:1", 1);
    capture(LOG_LEVEL_ERROR, "down");
    assert_string_equal(logged, "<3>down\n");
    unsetenv("JOURNAL_STREAM");
}

static void test_levels(void **state)
{
    (void)state;
    capture(LOG_LEVEL_DEBUG, "hidden");
    assert_string_equal(logged, "");
    log_set_level(LOG_LEVEL_DEBUG);
    capture(LOG_LEVEL_DEBUG, "shown");
    assert_non_null(strstr(logged, "shown"));
    log_set_level(LOG_LEVEL_INFO);
}

/* a server's message must not fake a line of ours, nor clear the screen */
static void test_one_event_is_one_line(void **state)
{
    (void)state;
    capture(LOG_LEVEL_INFO, "a\nERROR b\x1b[2J\x7f"
                            "c");
    assert_ptr_equal(strchr(logged, '\n'), logged + strlen(logged) - 1);
    assert_non_null(strstr(logged, "a ERROR b?[2J?c\n"));
}

static void test_long_lines_are_cut(void **state)
{
    static char text[10000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    capture(LOG_LEVEL_INFO, text);
    assert_true(strlen(logged) < 2200);
    assert_int_equal(logged[strlen(logged) - 1], '\n');
}

static void test_clock_text(void **state)
{
    char text[CLOCK_TEXT_BYTES];

    (void)state;
    assert_string_equal(clock_text(0, text), "1970-01-01T00:00:00.000Z");
    assert_string_equal(clock_text(1769570055123, text), "2026-01-28T03:14:15.123Z");
    assert_string_equal(clock_text(-1, text), "1969-12-31T23:59:59.999Z");

    setenv("TZ", "EET-2", 1); /* two hours east */
    tzset();
    assert_string_equal(clock_text_hms(1769570055123, text), "05:14:15");
}

static void test_clocks_go_forward(void **state)
{
    int64_t us = clock_mono_us();
    int64_t ms = clock_mono_ms();

    (void)state;
    assert_true(ms >= us / 1000);
    assert_true(clock_mono_us() >= us);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_for_a_person),
        cmocka_unit_test(test_a_line_for_the_journal),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_one_event_is_one_line),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_clock_text),
        cmocka_unit_test(test_clocks_go_forward),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
