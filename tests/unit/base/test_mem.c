/* base/mem and base/str: the arena, AUTO(), text in fixed arrays, numbers. */
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "tests/unit/unit.h"

static void test_arena_is_zeroed_and_aligned(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    for (size_t bytes = 0; bytes < 300; bytes++) {
        unsigned char *p = arena_alloc(a, bytes);

        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, bytes);
    }
}

static void test_arena_pieces_do_not_overlap(void **state)
{
    enum { PIECES = 500, LARGE = 100000 };
    AUTO(arena) a = arena_new();
    char *pieces[PIECES];

    (void)state;
    for (int i = 0; i < PIECES; i++) {
        size_t bytes = i % 50 == 49 ? LARGE : (size_t)i + 1;

        pieces[i] = arena_alloc(a, bytes);
        memset(pieces[i], i % 251, bytes);
    }
    for (int i = 0; i < PIECES; i++) {
        size_t bytes = i % 50 == 49 ? LARGE : (size_t)i + 1;

        assert_int_equal((unsigned char)pieces[i][0], i % 251);
        assert_int_equal((unsigned char)pieces[i][bytes - 1], i % 251);
    }
}

static void test_arena_text(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_string_equal(arena_strdup(a, "alias"), "alias");
    assert_string_equal(arena_strndup(a, "alias", 2), "al");
    assert_string_equal(arena_printf(a, "%s-%d", "db", 1), "db-1");
    assert_string_equal(arena_printf(a, "%0*d", 20000, 7) + 19998, "07");
}

static void test_null_is_fine(void **state)
{
    (void)state;
    arena_free(NULL);
    mem_free(NULL);
    assert_null(mem_strdup(NULL));
}

static int open_in_scope(void)
{
    AUTO(fd) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    AUTO(fd) none = -1;
    AUTO(str) text = mem_strdup("freed at the end");

    assert_true(fd >= 0);
    assert_true(none < 0);
    assert_non_null(text);
    return fd;
}

static void test_auto_closes(void **state)
{
    (void)state;
    assert_int_equal(fcntl(open_in_scope(), F_GETFD), -1);
}

static void test_copies_are_never_overrun(void **state)
{
    char four[4];

    (void)state;
    assert_true(STR_COPY(four, "abc"));
    assert_string_equal(four, "abc");
    assert_false(STR_COPY(four, "abcd"));
    assert_string_equal(four, "abc");
    assert_true(STR_COPY(four, ""));
    assert_string_equal(four, "");
    assert_true(STR_PRINTF(four, "%d", 123));
    assert_false(STR_PRINTF(four, "%d", 1234));
    assert_string_equal(four, "123");
}

static void test_numbers(void **state)
{
    static const char *const refused[] = {"",    " 1", "+1",  "1 ",  "0x1",
                                          "1.0", "-",  "--1", "1e3", "99999999999999999999"};
    long long value = 42;
    unsigned long long id = 42;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(str_to_int(refused[i], -100, 100, &value));
        assert_false(str_to_u64(refused[i], &id));
    }
    assert_false(str_to_int("101", -100, 100, &value));
    assert_false(str_to_u64("-1", &id));
    assert_int_equal(value, 42);
    assert_int_equal(id, 42);

    assert_true(str_to_int("-100", -100, 100, &value));
    assert_int_equal(value, -100);
    assert_true(str_to_u64("18446744073709551615", &id));
    assert_true(id == UINT64_MAX);
}

static void test_distance(void **state)
{
    char word[65];

    (void)state;
    assert_int_equal(str_distance("", ""), 0);
    assert_int_equal(str_distance("timeout", "timeout"), 0);
    assert_int_equal(str_distance("timout", "timeout"), 1);
    assert_int_equal(str_distance("kitten", "sitting"), 3);
    assert_int_equal(str_distance("", "abc"), 3);
    memset(word, 'x', sizeof(word));
    word[64] = '\0';
    assert_true(str_distance("a", word) == SIZE_MAX);
    assert_true(str_distance(word, "a") == SIZE_MAX);
}

/* what a peer says must not clear the screen, nor begin a line of its own */
static void test_made_printable(void **state)
{
    char text[] = "a\tb\nc\r\x1b[2J\x7f \xc3\xa9 \xe2\x80\xa6 \xc2\x9b[2J \xc2\xa0 \xff\xc2";

    (void)state;
    str_make_printable(text);
    assert_string_equal(text, "a b c ?[2J? \xc3\xa9 \xe2\x80\xa6 ??[2J \xc2\xa0 \xff\xc2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_is_zeroed_and_aligned),
        cmocka_unit_test(test_arena_pieces_do_not_overlap),
        cmocka_unit_test(test_arena_text),
        cmocka_unit_test(test_null_is_fine),
        cmocka_unit_test(test_auto_closes),
        cmocka_unit_test(test_copies_are_never_overrun),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_made_printable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
