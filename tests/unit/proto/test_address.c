/* proto/address: what is an address, what is one with a port, and what is neither. */
#include "proto/address.h"

#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "tests/unit/unit.h"

static void an_address_and_nothing_else(void **state)
{
    static const char *const yes[] = {"10.0.0.1", "0.0.0.0", "::", "fd00::1", "::ffff:10.0.0.1"};
    static const char *const no[] = {
        "",        "10.0.0",         "10.0.0.256",    "10.0.0.1:5432", "[fd00::1]",
        "fd00::g", "fe80::1%eth0",   "db01.ia2.test", "10.0.0.1 ",     "123456",
        "*",       "/run/postgresql"};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        if (!address_is_ip(yes[i]))
            fail_msg("\"%s\" is an address", yes[i]);
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
        if (address_is_ip(no[i]))
            fail_msg("\"%s\" is no address", no[i]);
}

static void with_its_port_there_and_back(void **state)
{
    static const char *const yes[] = {"10.0.0.1:7432", "[fd00::1]:7432", "127.0.0.1:0",
                                      "[::]:65535"};

    (void)state;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        struct sockaddr_storage address;
        char text[ADDRESS_BYTES];
        const void *at = &address;

        assert_int_equal(address_parse(yes[i], &address, NULL), 0);
        assert_string_equal(address_text(at, text), yes[i]);
    }
}

static void what_is_neither_is_named(void **state)
{
    static const char *const no[] = {"",
                                     "10.0.0.1",
                                     "10.0.0.1:",
                                     "10.0.0.1:65536",
                                     "10.0.0.1:-1",
                                     "10.0.0.1:74x",
                                     "fd00::1:7432",
                                     "[fd00::1]",
                                     "[fd00::1]7432",
                                     "[10.0.0.1]:7432",
                                     "db01:7432",
                                     ":7432",
                                     "[]:7432"};

    (void)state;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        struct sockaddr_storage address;
        struct err e = {0};

        if (address_parse(no[i], &address, &e) != ERR_CONFIG)
            fail_msg("\"%s\" was taken", no[i]);
        assert_non_null(strstr(e.msg, "is not IP:port"));
        assert_non_null(strstr(e.hint, "[fd00::1]:7432"));
    }
}

static void joined_as_it_is_parsed(void **state)
{
    char text[ADDRESS_BYTES];

    (void)state;
    assert_string_equal(address_join("10.0.0.1", 5432, text), "10.0.0.1:5432");
    assert_string_equal(address_join("fd00::1", 5432, text), "[fd00::1]:5432");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_and_nothing_else),
        cmocka_unit_test(with_its_port_there_and_back),
        cmocka_unit_test(what_is_neither_is_named),
        cmocka_unit_test(joined_as_it_is_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
