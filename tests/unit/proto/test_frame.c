/* proto/frame: whole, torn and impossible frames. */
#include "proto/frame.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

static void test_golden_bytes(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 100);
    assert_int_equal(frame_put(&b, "{}", 2, NULL), 0);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "\0\0\0\2{}", 6);
    buf_free(&b);
}

/* a frame is found at its last byte, not one earlier, and what follows it is left alone */
static void test_byte_by_byte(void **state)
{
    static const char bytes[] = "\0\0\0\5abcde\0\0\0\1f";
    const char *json = NULL;
    size_t len = 0;

    (void)state;
    for (size_t n = 0; n < sizeof(bytes); n++) {
        int r = frame_get(bytes, n, FRAME_CAP_BYTES, &json, &len, NULL);
        assert_int_equal(r, n >= 9);
    }
    assert_ptr_equal(json, bytes + 4);
    assert_int_equal(len, 5);
    assert_int_equal(frame_get(bytes + frame_size(len), 5, FRAME_CAP_BYTES, &json, &len, NULL), 1);
    assert_int_equal(len, 1);
    assert_int_equal(json[0], 'f');
}

static void test_impossible_lengths(void **state)
{
    static const struct {
        const char *header;
        size_t cap;
        int result;
    } cases[] = {
        {"\0\0\0\0", FRAME_CAP_BYTES, ERR_PROTOCOL},
        {"\0\1\100\0", FRAME_CAP_BYTES, 0},
        {"\0\1\100\1", FRAME_CAP_BYTES, ERR_PROTOCOL},
        {"\377\377\377\377", FRAME_CAP_BYTES, ERR_PROTOCOL},
        {"\200\0\0\0", FRAME_CAP_BYTES, ERR_PROTOCOL},
        {"\0\0\4\1", 1024, ERR_PROTOCOL},
        {"\0\0\4\0", 1024, 0},
    };
    const char *json = "untouched";
    size_t len = 77;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(frame_get(cases[i].header, 4, cases[i].cap, &json, &len, &e),
                         cases[i].result);
    assert_string_equal(json, "untouched");
    assert_int_equal(len, 77);
    frame_get("\0\0\4\1", 4, 1024, &json, &len, &e);
    assert_string_equal(e.msg, "a frame of 1025 bytes was announced, 1 to 1024 are allowed here");
}

static void test_the_cap_when_writing(void **state)
{
    char *bytes = mem_alloc(FRAME_CAP_BYTES + 1);
    const char *json;
    struct buf b;
    struct err e;
    size_t len;

    (void)state;
    buf_init(&b, FRAME_HEADER_BYTES + FRAME_CAP_BYTES);
    assert_int_equal(frame_put(&b, bytes, FRAME_CAP_BYTES + 1, &e), ERR_TOO_LONG);
    assert_int_equal(frame_put(&b, bytes, 0, &e), ERR_TOO_LONG);
    assert_int_equal(b.len, 0);
    assert_int_equal(frame_put(&b, bytes, FRAME_CAP_BYTES, &e), 0);
    assert_true(buf_ok(&b));
    assert_int_equal(frame_get(b.data, b.len, FRAME_CAP_BYTES, &json, &len, &e), 1);
    assert_int_equal(len, FRAME_CAP_BYTES);
    buf_free(&b);
    mem_free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_bytes),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_impossible_lengths),
        cmocka_unit_test(test_the_cap_when_writing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
