/* controller/crontab_text: new crontabs for the agents, byte by byte. */
#include "controller/crontab_text.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

#define HEAD "MAILTO=\"\"\nPATH = /bin:/usr/bin\n\n# mine\n"
#define JOB "* *\t* * *  pg_dump x >y \n"
#define JOB2 "@daily vacuumdb -a\n"
#define OFF CRONTAB_TEXT_OFF
#define BEGIN CRONTAB_TEXT_BEGIN "\n"
#define END CRONTAB_TEXT_END "\n"

static void adopt(const char *text, bool on, const char *expected)
{
    AUTO(arena) a = arena_new();
    char *new = NULL;

    assert_int_equal(crontab_text_adopt(text, on, a, &new, NULL), 0);
    assert_string_equal(new, expected);
}

static void adopting(void **state)
{
    AUTO(arena) a = arena_new();
    char *new = NULL;

    (void)state;
    adopt(HEAD JOB "# between\n" JOB2 "# after\n", true,
          HEAD BEGIN JOB "# between\n" JOB2 END "# after\n");
    adopt(HEAD JOB "X=y\n" JOB2, false, HEAD BEGIN OFF JOB "X=y\n" OFF JOB2 END);
    adopt(HEAD OFF JOB, false, HEAD BEGIN OFF JOB END);
    adopt("", true, BEGIN END);
    adopt(HEAD, true, HEAD BEGIN END);
    adopt("#0 3 * * 0 by hand", true, "#0 3 * * 0 by hand\n" BEGIN END);
    adopt("* * * * * no newline", true, BEGIN "* * * * * no newline\n" END);
    assert_int_equal(crontab_text_adopt(BEGIN JOB END, true, a, &new, NULL), ERR_REFUSED);
}

static void unadopting(void **state)
{
    AUTO(arena) a = arena_new();
    char *new = NULL;

    (void)state;
    assert_int_equal(crontab_text_unadopt(HEAD BEGIN JOB OFF JOB2 END "# after\n", a, &new, NULL),
                     0);
    assert_string_equal(new, HEAD JOB OFF JOB2 "# after\n");
    assert_int_equal(crontab_text_unadopt(HEAD JOB, a, &new, NULL), ERR_REFUSED);
}

static void sync(const char *text, const char *source, const char *expected)
{
    AUTO(arena) a = arena_new();
    char *new = NULL;

    assert_int_equal(crontab_text_sync(text, source, a, &new, NULL), 0);
    assert_string_equal(new, expected);
}

/* Only the block changes, and every entry in it is off. */
static void syncing(void **state)
{
    (void)state;
    sync(HEAD BEGIN OFF "1 1 * * * old\n" END JOB2, "X=1\n" BEGIN JOB "# c\n\n" OFF JOB2 END "#z\n",
         HEAD BEGIN OFF JOB "# c\n\n" OFF JOB2 END JOB2);
    sync(HEAD "# no newline", BEGIN JOB END, HEAD "# no newline\n" BEGIN OFF JOB END);
    sync("", BEGIN JOB END, BEGIN OFF JOB END);
    sync(HEAD, HEAD JOB, HEAD OFF JOB); /* managed = all: the text is one and the same everywhere */
}

static void broken_blocks_are_refused(void **state)
{
    static const char *const broken[] = {BEGIN JOB,     JOB END,   BEGIN BEGIN END,
                                         BEGIN END END, END BEGIN, BEGIN END BEGIN END};
    AUTO(arena) a = arena_new();
    char *new = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        assert_int_equal(crontab_text_unadopt(broken[i], a, &new, NULL), ERR_REFUSED);
        assert_int_equal(crontab_text_adopt(broken[i], true, a, &new, NULL), ERR_REFUSED);
        assert_int_equal(crontab_text_sync(broken[i], BEGIN END, a, &new, NULL), ERR_REFUSED);
        assert_int_equal(crontab_text_sync("", broken[i], a, &new, NULL), ERR_REFUSED);
    }
}

static bool alike(struct arena *a, const char *one, const char *other)
{
    size_t n;

    return crontab_text_alike(crontab_text_managed(one, a, &n), crontab_text_managed(other, a, &n));
}

static void likeness(void **state)
{
    AUTO(arena) a = arena_new();
    size_t n;

    (void)state;
    assert_true(alike(a, HEAD BEGIN JOB JOB2 END, BEGIN "# x\n" OFF JOB "\n" OFF JOB2 END "Y=1\n"));
    assert_false(alike(a, BEGIN JOB JOB2 END, BEGIN JOB2 JOB END));
    assert_false(alike(a, BEGIN JOB JOB2 END, BEGIN JOB END));
    assert_false(alike(a, BEGIN JOB END, BEGIN JOB JOB2 END));
    assert_true(alike(a, BEGIN END, ""));
    char **lines = crontab_text_managed(HEAD BEGIN OFF JOB "\"A B\" = c\r\n" END, a, &n);
    assert_int_equal(n, 2);
    assert_string_equal(lines[0], "* *\t* * *  pg_dump x >y ");
    assert_string_equal(lines[1], "\"A B\" = c");
    assert_null(lines[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adopting), cmocka_unit_test(unadopting),
        cmocka_unit_test(syncing),  cmocka_unit_test(broken_blocks_are_refused),
        cmocka_unit_test(likeness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
