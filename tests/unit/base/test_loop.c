/* base/loop: waits end when they should, for the right reason, and in time. */
#include "base/loop.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/unit/unit.h"

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void test_wait_ends_when_done(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;
    struct err e = {0};
    struct timer *t = timer_start(l, 10, set_true, &done);

    (void)state;
    int64_t began = clock_mono_ms();
    assert_int_equal(loop_wait(l, &done, 10000, &e), 0);
    assert_in_range(clock_mono_ms() - began, 9, 5000);
    timer_free(t);
}

/* what is waited for comes with a timer that is due at once: nothing else will wake the loop */
static void test_wait_ends_with_a_due_timer(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;
    struct timer *t = timer_start(l, 0, set_true, &done);

    (void)state;
    int64_t began = clock_mono_ms();
    assert_int_equal(loop_wait(l, &done, 5000, NULL), 0);
    assert_in_range(clock_mono_ms() - began, 0, 2000);
    timer_free(t);
}

static void test_wait_for_what_is_done(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = true;

    (void)state;
    assert_int_equal(loop_wait(l, &done, 0, NULL), 0);
    assert_int_equal(loop_wait(l, &done, -1, NULL), 0);
}

static void test_wait_times_out(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;
    struct err e = {0};

    (void)state;
    int64_t began = clock_mono_ms();
    assert_int_equal(loop_wait(l, &done, 30, &e), ERR_TIMEOUT);
    assert_in_range(clock_mono_ms() - began, 29, 5000);
    assert_string_equal(e.msg, "no answer within 30 ms");
    assert_int_equal(loop_wait(l, &done, 0, &e), ERR_TIMEOUT);
}

/* a timeout of an earlier wait does not end the next */
static void test_waits_are_independent(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;

    (void)state;
    assert_int_equal(loop_wait(l, &done, 1, NULL), ERR_TIMEOUT);
    struct timer *t = timer_start(l, 20, set_true, &done);
    assert_int_equal(loop_wait(l, &done, -1, NULL), 0);
    timer_free(t);
}

static void test_waiting_for_nothing_is_an_error(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;
    struct err e = {0};

    (void)state;
    assert_int_equal(loop_wait(l, &done, -1, &e), ERR_SYS);
    assert_string_equal(e.msg, "nothing is left to wait for");
}

/* libuv's own clock stands still while straight-line code works */
static void test_deadlines_start_now(void **state)
{
    AUTO(loop) l = loop_new();
    bool done = false;
    int64_t busy_until = clock_mono_ms() + 50;

    (void)state;
    while (clock_mono_ms() < busy_until)
        ;
    int64_t began = clock_mono_ms();
    loop_wait(l, &done, 30, NULL);
    assert_true(clock_mono_ms() - began >= 29);
}

static void test_freed_timers_never_fire(void **state)
{
    AUTO(loop) l = loop_new();
    bool fired = false;
    bool done = false;

    (void)state;
    timer_free(timer_start(l, 1, set_true, &fired));
    timer_free(NULL);
    assert_int_equal(loop_wait(l, &done, 20, NULL), ERR_TIMEOUT);
    assert_false(fired);
}

struct self_freeing {
    struct timer *timer;
    bool done;
};

static void free_self(void *arg)
{
    struct self_freeing *s = arg;

    timer_free(s->timer);
    s->done = true;
}

static void test_a_timer_may_free_itself(void **state)
{
    AUTO(loop) l = loop_new();
    struct self_freeing s = {0};

    (void)state;
    s.timer = timer_start(l, 1, free_self, &s);
    assert_int_equal(loop_wait(l, &s.done, 5000, NULL), 0);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void test_run_until_stopped(void **state)
{
    AUTO(loop) l = loop_new();
    bool late = false;
    struct timer *soon = timer_start(l, 5, stop, l);
    struct timer *later = timer_start(l, 60000, set_true, &late);

    (void)state;
    loop_run(l);
    assert_false(late);
    timer_free(soon);
    timer_free(later);
}

static void test_stop_before_run(void **state)
{
    AUTO(loop) l = loop_new();
    bool late = false;
    struct timer *t = timer_start(l, 60000, set_true, &late);

    (void)state;
    loop_stop(l);
    loop_run(l);
    assert_false(late);
    timer_free(t);
}

static void test_free_closes_what_is_open(void **state)
{
    struct loop *l = loop_new();
    uv_timer_t open;
    uv_idle_t idle;

    (void)state;
    uv_timer_init(loop_uv(l), &open);
    uv_idle_init(loop_uv(l), &idle);
    loop_free(l);
    assert_true(uv_is_closing((uv_handle_t *)&open));
    loop_free(NULL);
}

static void test_a_broken_pipe_is_no_signal(void **state)
{
    struct loop *l = loop_new();
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_ends_when_done),
        cmocka_unit_test(test_wait_ends_with_a_due_timer),
        cmocka_unit_test(test_wait_for_what_is_done),
        cmocka_unit_test(test_wait_times_out),
        cmocka_unit_test(test_waits_are_independent),
        cmocka_unit_test(test_waiting_for_nothing_is_an_error),
        cmocka_unit_test(test_deadlines_start_now),
        cmocka_unit_test(test_freed_timers_never_fire),
        cmocka_unit_test(test_a_timer_may_free_itself),
        cmocka_unit_test(test_run_until_stopped),
        cmocka_unit_test(test_stop_before_run),
        cmocka_unit_test(test_free_closes_what_is_open),
        cmocka_unit_test(test_a_broken_pipe_is_no_signal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
