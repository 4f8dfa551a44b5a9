/* controller/screen/difference: the difference that a person is shown before a crontab is
 * written. */
#include "controller/screen/difference.h"

#include "base/mem.h"
#include "tests/unit/unit.h"

static void is(const char *old_text, const char *new_text, const char *expected)
{
    AUTO(arena) a = arena_new();

    assert_string_equal(difference_unified(old_text, new_text, "db01", "db01, new", a), expected);
}

#define HEAD "--- db01\n+++ db01, new\n"

static void as_diff_u_shows_it(void **state)
{
    (void)state;
    is("a\nb\n", "a\nb\n", "");
    is("", "", "");
    is("", "a\n", HEAD "@@ -0,0 +1,1 @@\n+a\n");
    is("a\n", "", HEAD "@@ -1,1 +0,0 @@\n-a\n");
    is("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n",
       HEAD "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n");
    is("a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n", "1\n2\n3\n4\n5\n6\n7\n8\nc\n",
       HEAD "@@ -1,4 +1,3 @@\n-a\n 1\n 2\n 3\n@@ -7,4 +6,4 @@\n 6\n 7\n 8\n-b\n+c\n");
    is("a", "a\n", HEAD "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+a\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_diff_u_shows_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
