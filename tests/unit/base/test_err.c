/* base/err: codes, names, exit statuses, messages that are made from the error itself. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

static void test_codes_are_negative_and_named(void **state)
{
    (void)state;
    assert_true(ERR_USAGE < 0);
    assert_string_equal(err_name(0), "ok");
    assert_string_equal(err_name(ERR_STALE), "stale");
    assert_string_equal(err_name(ERR_PROBLEM), "problem");
    assert_string_equal(err_name(-1000), "unknown");
    assert_string_equal(err_name(7), "unknown");
}

static void test_names_lead_back(void **state)
{
    (void)state;
#define X(code, text, exit) assert_int_equal(err_from_name(text), code);
    ERR_CODES(X)
#undef X
    assert_int_equal(err_from_name("ok"), 0);
    assert_int_equal(err_from_name("from-a-newer-version"), ERR_PROTOCOL);
}

/* what scripts rely on: never renumbered */
static void test_exit_statuses(void **state)
{
    (void)state;
    assert_int_equal(err_exit_status(0), 0);
    assert_int_equal(err_exit_status(ERR_USAGE), 1);
    assert_int_equal(err_exit_status(ERR_CONFIG), 1);
    assert_int_equal(err_exit_status(ERR_PREFLIGHT), 2);
    assert_int_equal(err_exit_status(ERR_UNDONE), 3);
    assert_int_equal(err_exit_status(ERR_INCOMPLETE), 4);
    assert_int_equal(err_exit_status(ERR_UNREACHABLE), 6);
    assert_int_equal(err_exit_status(ERR_HELD), 7);
    assert_int_equal(err_exit_status(ERR_LOST), 7);
    assert_int_equal(err_exit_status(ERR_DNS), 8);
    assert_int_equal(err_exit_status(ERR_DECLINED), 9);
    assert_int_equal(err_exit_status(ERR_PROBLEM), 10);
}

static void test_set_forgets_what_was_there(void **state)
{
    struct err e = {0};

    (void)state;
    err_sys(&e, ENOENT, "look elsewhere", "cannot open %s", "/x");
    err_set_node(&e, "db01");
    assert_int_equal(e.code, ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
    assert_string_equal(e.msg, "cannot open /x: No such file or directory (errno 2)");

    assert_int_equal(err_set(&e, ERR_STALE, NULL, "epoch %d", 7), ERR_STALE);
    assert_int_equal(e.sys, 0);
    assert_string_equal(e.msg, "epoch 7");
    assert_string_equal(e.hint, "");
    assert_string_equal(e.node, "");
}

static void test_set_from_itself(void **state)
{
    struct err e = {0};

    (void)state;
    err_set(&e, ERR_DNS, "wait", "no answer");
    err_set(&e, ERR_INCOMPLETE, e.hint, "flip: %s", e.msg);
    assert_string_equal(e.msg, "flip: no answer");
    assert_string_equal(e.hint, "wait");
    err_set_hint(&e, "first %s", e.hint);
    assert_string_equal(e.hint, "first wait");
}

static void test_prefix(void **state)
{
    struct err e = {0};

    (void)state;
    err_set(&e, ERR_TLS, "h", "handshake");
    assert_int_equal(err_prefix(&e, "node %s", "vm"), ERR_TLS);
    assert_string_equal(e.msg, "node vm: handshake");
    assert_string_equal(e.hint, "h");
}

static void test_null_is_fine(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_HELD, NULL, "x"), ERR_HELD);
    assert_int_equal(err_sys(NULL, EIO, NULL, "x"), ERR_SYS);
    assert_true(err_prefix(NULL, "x") < 0);
    err_set_node(NULL, "x");
    err_set_step(NULL, "x");
    err_set_hint(NULL, "x");
}

static void test_long_messages_are_cut_not_overrun(void **state)
{
    struct err e = {0};
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_sys(&e, EIO, text, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    assert_int_equal(strlen(e.hint), sizeof(e.hint) - 1);
    err_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
    err_set_node(&e, text);
    assert_int_equal(strlen(e.node), sizeof(e.node) - 1);
}

static void test_what_is_quoted_is_harmless(void **state)
{
    struct err e = {0};

    (void)state;
    err_set(&e, ERR_DNS, "a\x1b]0;b\a", "it says \"%s\"", "x\n\x1b[2J");
    assert_string_equal(e.msg, "it says \"x ?[2J\"");
    assert_string_equal(e.hint, "a?]0;b?");
    err_prefix(&e, "from\b%s", "me");
    assert_string_equal(e.msg, "from?me: it says \"x ?[2J\"");
    err_set_hint(&e, "%s", "\x7f");
    assert_string_equal(e.hint, "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_are_negative_and_named),
        cmocka_unit_test(test_names_lead_back),
        cmocka_unit_test(test_exit_statuses),
        cmocka_unit_test(test_set_forgets_what_was_there),
        cmocka_unit_test(test_set_from_itself),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_null_is_fine),
        cmocka_unit_test(test_long_messages_are_cut_not_overrun),
        cmocka_unit_test(test_what_is_quoted_is_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
