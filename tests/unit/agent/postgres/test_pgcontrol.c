/* agent/postgres/pgcontrol: pg_control of each version, and of none. */
#include "agent/postgres/pgcontrol.h"

#include <string.h>

#include "base/err.h"
#include "proto/messages.h"
#include "tests/unit/agent/postgres/pgcontrol_bytes.h"
#include "tests/unit/unit.h"

static void test_control_of_each_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];
        struct pgcontrol c;

        golden_bytes(&goldens[i], bytes);
        assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, NULL), 0);
        assert_int_equal(c.version, goldens[i].version);
        assert_true(c.sysid == goldens[i].sysid);
        assert_true(c.checkpoint == goldens[i].checkpoint);
        assert_int_equal(c.state, CONTROL_SHUTDOWNED);
        assert_int_equal(c.tli, 1);
        assert_int_equal(c.min_recovery_tli, 0);
        assert_int_equal(c.wal_segment_bytes, 16 << 20);
        assert_true(c.checksums);
        assert_false(c.wal_log_hints);
    }
}

static void test_control_flipped_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];

        golden_bytes(&goldens[i], bytes);
        for (size_t at = 0; at < goldens[i].crc_end; at++) {
            struct pgcontrol c = {.tli = 77};

            bytes[at] ^= 0x10;
            assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, NULL), ERR_INVALID);
            assert_int_equal(c.tli, 77); /* untouched */
            bytes[at] ^= 0x10;
        }
    }
}

static void test_control_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];
        struct pgcontrol c;

        golden_bytes(&goldens[i], bytes);
        for (size_t len = 0; len < goldens[i].crc_end; len++)
            assert_int_equal(pgcontrol_parse(bytes, len, &c, NULL), ERR_INVALID);
        assert_int_equal(pgcontrol_parse(bytes, goldens[i].crc_end, &c, NULL), 0);
    }
}

static void test_control_of_an_unknown_version(void **state)
{
    unsigned char bytes[512] = {0};
    uint32_t version = 1900;
    struct pgcontrol c;
    struct err e = {0};

    (void)state;
    memcpy(bytes + 8, &version, sizeof(version));
    assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "1900"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_of_each_version),
        cmocka_unit_test(test_control_flipped_anywhere),
        cmocka_unit_test(test_control_cut_anywhere),
        cmocka_unit_test(test_control_of_an_unknown_version),
    };

    return cmocka_run_group_tests_name("pgcontrol", tests, NULL, NULL);
}
