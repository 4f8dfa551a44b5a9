/* base/buf: growth, the cap, dropping from the front. */
#include "base/buf.h"

#include <string.h>

#include "tests/unit/unit.h"

static void test_empty_is_text(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 10);
    assert_string_equal(b.data, "");
    assert_true(buf_ok(&b));
    buf_free(&b);
    buf_free(&b); /* twice is fine */
}

static void test_grows_to_the_cap_and_no_further(void **state)
{
    enum { CAP = 10000 };
    struct buf b;

    (void)state;
    buf_init(&b, CAP);
    for (int i = 0; i < CAP; i++)
        buf_add(&b, "x", 1);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, CAP);
    assert_int_equal(strlen(b.data), CAP);

    buf_add(&b, "y", 1);
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, CAP);
    buf_free(&b);
}

/* after a hole the rest would be read as if it followed: it is dropped too */
static void test_nothing_follows_an_overflow(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 4);
    buf_str(&b, "ab");
    buf_printf(&b, "%s", "cde");
    assert_false(buf_ok(&b));
    buf_str(&b, "f");
    assert_string_equal(b.data, "ab");

    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_printf(&b, "%d", 1234);
    assert_true(buf_ok(&b));
    assert_string_equal(b.data, "1234");
    buf_free(&b);
}

static void test_bytes_are_kept_as_they_are(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_add(&b, "a\0b", 3);
    buf_add(&b, NULL, 0);
    buf_str(&b, "c");
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "a\0bc", 5);
    buf_free(&b);
}

static void test_consume(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    buf_str(&b, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    buf_consume(&b, 0);
    assert_string_equal(b.data, "cdef");
    buf_consume(&b, 100);
    assert_string_equal(b.data, "");
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void test_printf_longer_than_what_is_allocated(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 5000);
    buf_printf(&b, "%04000d", 7);
    assert_true(buf_ok(&b));
    assert_int_equal(b.len, 4000);
    assert_string_equal(b.data + 3998, "07");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_is_text),
        cmocka_unit_test(test_grows_to_the_cap_and_no_further),
        cmocka_unit_test(test_nothing_follows_an_overflow),
        cmocka_unit_test(test_bytes_are_kept_as_they_are),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_printf_longer_than_what_is_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
