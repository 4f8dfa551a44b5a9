/* base/mask: what a crontab's command may hold, and what is left of it in a report. */
#include "base/mask.h"

#include <string.h>

#include "tests/unit/unit.h"

static void becomes(const char *text, const char *expected)
{
    char shown[200];

    mask_secrets(text, shown, sizeof(shown));
    assert_string_equal(shown, expected);
}

static void test_names_that_tell(void **state)
{
    (void)state;
    becomes("PGPASSWORD=hunter2 pg_dump -f x db", "PGPASSWORD=*** pg_dump -f x db");
    becomes("backup --password='two words' --to=s3", "backup --password=*** --to=s3");
    becomes("curl -H x?api_token=abc&y=1", "curl -H x?api_token=***&y=1");
    becomes("psql \"host=a password=b dbname=c\"", "psql \"host=a password=*** dbname=c\"");
    becomes("X_SECRET=\"open", "X_SECRET=***");
}

static void test_urls(void **state)
{
    (void)state;
    becomes("pg_dump postgresql://me:pw@db/x", "pg_dump postgresql://me:***@db/x");
    becomes("wget http://host:80/a@b", "wget http://host:80/a@b");
    becomes("at 10:30 user@host", "at 10:30 user@host");
}

static void test_nothing_else_is_touched(void **state)
{
    char small[8];

    (void)state;
    becomes("0 2 * * * pg_dump -f $HOME/backups/a.sql --jobs=4 a",
            "0 2 * * * pg_dump -f "
            "$HOME/backups/a.sql --jobs=4 a");
    becomes("", "");
    becomes("=", "=");
    becomes("passed=", "passed=");
    mask_secrets("password=longer than this", small, sizeof(small));
    assert_string_equal(small, "passwor");
    mask_secrets("pwd=x", small, sizeof(small));
    assert_string_equal(small, "pwd=***");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_that_tell),
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_nothing_else_is_touched),
    };

    return cmocka_run_group_tests_name("test_mask", tests, NULL, NULL);
}
