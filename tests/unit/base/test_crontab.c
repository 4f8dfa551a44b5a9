/* base/crontab: off then on gives back the very bytes, for ugly crontabs too. */
#include "base/crontab.h"

#include <string.h>

#include "base/crontab_known.h"
#include "base/err.h"
#include "base/mem.h"
#include "tests/unit/unit.h"

#define MARK CRONTAB_OFF_MARK
#define BEGIN CRONTAB_BEGIN "\n"
#define END CRONTAB_END "\n"
#define HEAD "MAILTO=\"\"\nPATH = /bin:/usr/bin\n\n# mine\n"
#define JOB "* *\t* * *  pg_dump x >y \n"
#define JOB2 "@daily vacuumdb -a\n"

static char *set(struct arena *a, const char *text, enum crontab_mode mode, bool on)
{
    char *out;
    size_t len;
    struct err e = {0};

    if (crontab_set(text, strlen(text), mode, on, a, &out, &len, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(strlen(out), len);
    return out;
}

static struct crontab_summary look(const char *text, enum crontab_mode mode)
{
    struct crontab_summary s;
    struct err e = {0};

    if (crontab_summarize(text, strlen(text), mode, &s, &e) < 0)
        fail_msg("%s", e.msg);
    return s;
}

static const char *const ugly[] = {
    "",
    "\n",
    "# only a comment\n",
    "* * * * * x",
    "* * * * * x\n",
    "  \t*/5  *\t* * *   x  y  \t\n\n\n",
    "MAILTO=\nPATH = /bin:/usr/bin\n\"QUOTED NAME\" = 'v'\n0 3 * * 1-5 backup % line\\% % x\n",
    "0 1 * * * a\r\n# c\r\n0 2 * * * b\r\n",
    "0 1 * * * a\r",
    "#0 1 * * * a human commented this out\n0 2 * * * b\n #0 3 * * * c\n",
    "@reboot start\n@daily FOO=1 job\n",
    "#pgtandem-off#0 1 * * * no blank\n# pgtandem-off# 0 1 * * * x\n #pgtandem-off# 0 1 * * * x\n"
    "0 1 * * * y\n",
    "#pgtandem-off# # not an entry\n#pgtandem-off# NAME=value\n#pgtandem-off# \n#pgtandem-off#\n"
    "0 1 * * * y\n",
    "0 1 * * * \xff\xfe\x01 bytes \xc3\xa9\n",
    BEGIN "0 1 * * * in\n" END "0 2 * * * out\n",
    "0 2 * * * out\n" BEGIN END "0 3 * * * out",
    "A=1\n" CRONTAB_BEGIN "  \r\n0 1 * * * in\r\nB=2\r\n" CRONTAB_END "\t",
    "# BEGIN pgtandemonium\n#BEGIN pgtandem\n0 1 * * * x\n # END pgtandem\n# END pgtandem.\n",
};
enum { N_UGLY = sizeof(ugly) / sizeof(ugly[0]) };

static void test_off_then_on_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < N_UGLY; i++)
        for (enum crontab_mode mode = CRONTAB_BLOCK; mode <= CRONTAB_ALL; mode++) {
            AUTO(arena) a = arena_new();
            char *off = set(a, ugly[i], mode, false);

            assert_string_equal(set(a, off, mode, true), ugly[i]);
            assert_string_equal(set(a, off, mode, false), off);
            assert_string_equal(set(a, ugly[i], mode, true), ugly[i]);
            assert_int_equal(look(off, mode).on, 0);
            assert_int_equal(look(off, mode).off, look(ugly[i], mode).on);
            assert_string_equal(look(off, mode).parity, look(ugly[i], mode).parity);
        }
}

static void test_adopt_then_unadopt_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < N_UGLY; i++) {
        AUTO(arena) a = arena_new();
        char *in, *out;
        size_t len;

        if (look(ugly[i], CRONTAB_BLOCK).has_block)
            continue;
        assert_int_equal(crontab_adopt(ugly[i], strlen(ugly[i]), a, &in, &len, NULL), 0);
        assert_int_equal(strlen(in), len);
        assert_int_equal(look(in, CRONTAB_BLOCK).on, look(ugly[i], CRONTAB_ALL).on);
        assert_int_equal(look(in, CRONTAB_BLOCK).unmanaged, 0);
        assert_int_equal(crontab_unadopt(in, len, a, &out, &len, NULL), 0);
        assert_string_equal(out, ugly[i]);
    }
}

static void adopted(const char *text, const char *expected)
{
    AUTO(arena) a = arena_new();
    char *out = NULL;
    size_t len;

    assert_int_equal(crontab_adopt(text, strlen(text), a, &out, &len, NULL), 0);
    assert_string_equal(out, expected);
}

static void test_adopt_from_the_first_entry_to_the_last(void **state)
{
    (void)state;
    adopted("\n" JOB "# between\n" JOB2 "# after\n",
            "\n" BEGIN JOB "# between\n" JOB2 END "# after\n");
    adopted(HEAD MARK JOB "X=y\n" JOB2, BEGIN HEAD MARK JOB "X=y\n" JOB2 END);
    /* what names an entry, and what it runs with, belongs to it */
    adopted("# mine\n\n#Ansible: dump\n" JOB, "# mine\n\n" BEGIN "#Ansible: dump\n" JOB END);
    adopted("# a\n\n# b\n# c\nX=1\n\n# d\n" JOB "Y=1\n",
            "# a\n\n" BEGIN "# b\n# c\nX=1\n\n# d\n" JOB END "Y=1\n");
    adopted("", BEGIN END);
    adopted(HEAD, HEAD BEGIN END);
    adopted("#0 3 * * 0 by hand", "#0 3 * * 0 by hand\n" BEGIN CRONTAB_END);
    adopted("* * * * * no newline", BEGIN "* * * * * no newline\n" CRONTAB_END);
}

static void test_unadopt(void **state)
{
    AUTO(arena) a = arena_new();
    const char *text = HEAD BEGIN JOB MARK JOB2 END "# after\n";
    char *out;
    size_t len;

    (void)state;
    assert_int_equal(crontab_unadopt(text, strlen(text), a, &out, &len, NULL), 0);
    assert_string_equal(out, HEAD JOB MARK JOB2 "# after\n");
    /* without a block there is nothing to take away */
    assert_int_equal(crontab_unadopt(out, len, a, &out, &len, NULL), 0);
    assert_string_equal(out, HEAD JOB MARK JOB2 "# after\n");
}

static void test_only_the_block(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_string_equal(
        set(a, "0 1 * * * before\n" BEGIN "# c\nX=1\n 0 2 * * * in\n" END "0 3 * * * after\n",
            CRONTAB_BLOCK, false),
        "0 1 * * * before\n" BEGIN "# c\nX=1\n" MARK " 0 2 * * * in\n" END "0 3 * * * after\n");
    assert_string_equal(set(a, "0 1 * * * x\n", CRONTAB_BLOCK, false), "0 1 * * * x\n");
    assert_string_equal(set(a, "0 1 * * * x\n", CRONTAB_ALL, false), MARK "0 1 * * * x\n");
}

static void test_what_a_human_commented_stays(void **state)
{
    AUTO(arena) a = arena_new();
    const char *text = "#0 1 * * * off by hand\n" MARK "0 2 * * * off by us\n";

    (void)state;
    assert_string_equal(set(a, text, CRONTAB_ALL, true),
                        "#0 1 * * * off by hand\n0 2 * * * off by us\n");
    /* marked twice: the inner one is a comment to cron, so it is not ours to touch */
    text = MARK MARK "0 2 * * * x\n";
    assert_string_equal(set(a, text, CRONTAB_ALL, true), text);
}

static void test_summary(void **state)
{
    struct crontab_summary s =
        look("0 1 * * * out\n" BEGIN "A=1\n0 2 * * * in\n" MARK "@reboot r\n" END, CRONTAB_BLOCK);

    (void)state;
    assert_int_equal(s.on, 1);
    assert_int_equal(s.off, 1);
    assert_int_equal(s.reboot, 1);
    assert_int_equal(s.unmanaged, 1);
    assert_true(s.has_block);
    /* sha256 of "" and of "x\n" */
    s = look("", CRONTAB_ALL);
    assert_string_equal(s.hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(s.parity, s.hash);
    s = look("x\n", CRONTAB_ALL);
    assert_string_equal(s.parity,
                        "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac");
}

static void refused(const char *text, size_t len, const char *where)
{
    AUTO(arena) a = arena_new();
    struct crontab_summary s;
    struct err e = {0};
    char *out = NULL;
    size_t out_len = 0;

    assert_int_equal(crontab_set(text, len, CRONTAB_BLOCK, false, a, &out, &out_len, &e),
                     ERR_INVALID);
    assert_null(out);
    if (!strstr(e.msg, where))
        fail_msg("'%s' is not in: %s", where, e.msg);
    assert_int_equal(crontab_summarize(text, len, CRONTAB_ALL, &s, NULL), ERR_INVALID);
    assert_int_equal(crontab_adopt(text, len, a, &out, &out_len, NULL), ERR_INVALID);
    assert_int_equal(crontab_unadopt(text, len, a, &out, &out_len, NULL), ERR_INVALID);
    if (memchr(text, '\0', len)) /* a damaged block is repaired */
        assert_int_equal(crontab_sync(text, len, BEGIN END, strlen(BEGIN END), CRONTAB_BLOCK, false,
                                      a, &out, &out_len, NULL, NULL),
                         ERR_INVALID);
    assert_int_equal(
        crontab_sync("", 0, text, len, CRONTAB_BLOCK, false, a, &out, &out_len, NULL, NULL),
        ERR_INVALID);
    assert_null(out);
}

static void test_refused_with_the_line(void **state)
{
    static const char nul[] = "0 1 * * * a\n0 2 * * * \0b\n";

    (void)state;
    refused(nul, sizeof(nul) - 1, "line 2: a NUL");
#define REFUSED(text, where) refused(text, strlen(text), where)
    REFUSED("a\n" BEGIN "0 1 * * * x\n", "line 2: the pgtandem block that begins here");
    REFUSED("a\n\n" END, "line 3");
    REFUSED(BEGIN BEGIN END, "line 2");
    REFUSED(BEGIN END BEGIN END, "line 3");
    REFUSED(BEGIN END END, "line 3");
    REFUSED(END BEGIN, "line 1");
#undef REFUSED
}

static void test_commands(void **state)
{
    AUTO(arena) a = arena_new();
    const char *text = "A=1\n 0  1\t* * *   backup --to x  \r\n" MARK "@daily  d % stdin\n"
                       "0 1 * * * date +\\%F % x\n0 1 * *\n#0 1 * * * no\n";
    char **c;

    (void)state;
    assert_int_equal(crontab_commands(text, strlen(text), CRONTAB_ALL, true, a, &c, NULL), 0);
    assert_string_equal(c[0], "backup --to x  ");
    assert_string_equal(c[1], "d ");
    assert_string_equal(c[2], "date +%F ");
    assert_string_equal(c[3], "");
    assert_null(c[4]);
}

static char *sync_text(struct arena *a, const char *text, const char *source, bool on)
{
    char *out;
    size_t len;

    assert_int_equal(crontab_sync(text, strlen(text), source, strlen(source), CRONTAB_BLOCK, on, a,
                                  &out, &len, NULL, NULL),
                     0);
    return out;
}

static void test_sync(void **state)
{
    AUTO(arena) a = arena_new();
    const char *source = "0 9 * * * theirs\n" BEGIN "# c\nA=1\n0 1 * * * x\n" END;
    struct err e = {0};
    char *out;
    size_t len;

    (void)state;
    assert_string_equal(sync_text(a, "0 8 * * * mine", source, false),
                        "0 8 * * * mine\n" BEGIN "# c\nA=1\n" MARK "0 1 * * * x\n" END);
    assert_string_equal(sync_text(a, "m\n" BEGIN "0 7 * * * old\n" END "# n", source, true),
                        "m\n" BEGIN "# c\nA=1\n0 1 * * * x\n" END "# n");
    assert_string_equal(sync_text(a, "", source, true), BEGIN "# c\nA=1\n0 1 * * * x\n" END);
    assert_string_equal(sync_text(a, HEAD BEGIN MARK "1 1 * * * old\n" END JOB2,
                                  "X=1\n" BEGIN JOB "# c\n\n" MARK JOB2 END "#z\n", false),
                        BEGIN "X=1\n" MARK JOB "# c\n\n" MARK JOB2 END HEAD);
    /* all: the crontab is one and the same everywhere */
    assert_int_equal(crontab_sync("0 8 * * * mine", 14, HEAD JOB, strlen(HEAD JOB), CRONTAB_ALL,
                                  false, a, &out, &len, NULL, NULL),
                     0);
    assert_string_equal(out, HEAD MARK JOB);
    assert_int_equal(
        crontab_sync("", 0, "0 1 * * * x\n", 12, CRONTAB_BLOCK, true, a, &out, &len, NULL, &e),
        ERR_REFUSED);
}

static char *taking_in(struct arena *a, const char *text, const char *source, size_t expected)
{
    char *out;
    size_t len, n;
    struct err e = {0};

    if (crontab_sync(text, strlen(text), source, strlen(source), CRONTAB_BLOCK, false, a, &out,
                     &len, &n, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(n, expected);
    return out;
}

/* What a human commented out, what runs here although it is the owner's, the rest of a damaged
 * block: one entry each, in the block. */
static void test_sync_takes_in(void **state)
{
    AUTO(arena) a = arena_new();
    const char *source = BEGIN "#Ansible: dump\n" JOB "# other\n" JOB2 END;
    const char *block = BEGIN "#Ansible: dump\n" MARK JOB "# other\n" MARK JOB2 END;

    (void)state;
    assert_string_equal(taking_in(a, "#" JOB "0 8 * * * mine\n##  " JOB2, source, 2),
                        arena_printf(a, "0 8 * * * mine\n%s", block));
    assert_string_equal(taking_in(a, "# mine\n#Ansible: dump\n" JOB "# x\n", source, 1),
                        arena_printf(a, "# mine\n# x\n%s", block));
    assert_string_equal(taking_in(a, "#0 9 * * * another by hand\n", source, 0),
                        arena_printf(a, "#0 9 * * * another by hand\n%s", block));
    /* damaged: BEGIN overwritten; END cut off; both gone; twice */
    assert_string_equal(taking_in(a, "0 8 * * * m\n" JOB MARK JOB MARK JOB2 END "#z\n", source, 3),
                        arena_printf(a, "0 8 * * * m\n%s#z\n", block));
    assert_string_equal(taking_in(a, BEGIN MARK JOB "0 8 * * * m\n", source, 1),
                        arena_printf(a, "%s0 8 * * * m\n", block));
    assert_string_equal(taking_in(a, MARK JOB MARK "1 1 * * * old\n", source, 2), block);
    assert_string_equal(taking_in(a, BEGIN MARK JOB END BEGIN MARK JOB END, source, 2), block);
}

static const char *refused_sync(const char *text, const char *source, struct err *e)
{
    AUTO(arena) a = arena_new();
    char *out;
    size_t len;

    assert_int_equal(crontab_sync(text, strlen(text), source, strlen(source), CRONTAB_BLOCK, false,
                                  a, &out, &len, NULL, e),
                     ERR_REFUSED);
    return e->msg;
}

/* A job must run on the new owner as it ran on the old. */
static void test_sync_brings_the_variables(void **state)
{
    AUTO(arena) a = arena_new();
    struct err e = {0};

    (void)state;
    /* above the owner's block, and not here */
    assert_string_equal(
        sync_text(a, "0 8 * * * m\n", "PATH = /x\nMAILTO=\"a\"\nMAILTO=b\n" BEGIN JOB END, true),
        "0 8 * * * m\n" BEGIN "MAILTO=b\nPATH = /x\n" JOB END);
    /* here too, with the same value: nothing to bring */
    assert_string_equal(sync_text(a, "PATH='/x'\n", "PATH = /x \n" BEGIN JOB END, true),
                        "PATH='/x'\n" BEGIN JOB END);
    assert_string_equal(sync_text(a, "PATH=/y\n", "PATH=/x\n" BEGIN JOB END, true),
                        "PATH=/y\n" BEGIN "PATH=/x\n" JOB END);
    /* one here that the owner does not have: the block goes above it */
    assert_string_equal(sync_text(a, "SHELL=/bin/zsh\n" JOB2, BEGIN JOB END, true),
                        BEGIN JOB END "SHELL=/bin/zsh\n" JOB2);
    /* an entry below the block would get the block's: it goes to the end */
    assert_string_equal(sync_text(a, BEGIN END JOB2, BEGIN "X=1\n" JOB END, true),
                        JOB2 BEGIN "X=1\n" JOB END);
    /* neither will do */
    assert_non_null(strstr(refused_sync("SHELL=/bin/zsh\n" JOB2, BEGIN "X=1\n" JOB END, &e),
                           "line 1 sets SHELL"));
}

static void test_environment(void **state)
{
    struct crontab_summary s = look("A=1\n" BEGIN JOB END, CRONTAB_BLOCK);

    (void)state;
#define SAME(text) assert_string_equal(s.environment, look(text, CRONTAB_BLOCK).environment)
#define OTHER(text) assert_string_not_equal(s.environment, look(text, CRONTAB_BLOCK).environment)
    SAME("A=2\nA = '1' \n" BEGIN MARK JOB END "B=2\n");
    SAME(BEGIN "A=1\n" JOB END);
    SAME("\"A\"=1\r\n" BEGIN "0 0 * * * another\n" END);
    OTHER("A=2\n" BEGIN JOB END);
    OTHER(BEGIN JOB END "A=1\n");
    OTHER("A=1\nB=\n" BEGIN JOB END);
    OTHER("#A=1\n" BEGIN JOB END);
#undef SAME
#undef OTHER
}

/* ---- a damaged block ------------------------------------------------------------------------- */

static char *set_known(struct arena *a, const char *text, bool on)
{
    char *known = crontab_known(BEGIN JOB MARK JOB2 END, strlen(BEGIN JOB MARK JOB2 END), a), *out;
    size_t len;

    assert_string_equal(known, "* *\t* * *  pg_dump x >y \n@daily vacuumdb -a\n");
    assert_int_equal(crontab_set_known(text, strlen(text), known, on, a, &out, &len, NULL), 0);
    return out;
}

static void test_known_entries_are_turned_off_wherever_they_are(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_string_equal(set_known(a, "0 8 * * * m\n" JOB MARK JOB2 END, false),
                        "0 8 * * * m\n" MARK JOB MARK JOB2 END);
    assert_string_equal(set_known(a, BEGIN BEGIN JOB "#" JOB, false), BEGIN BEGIN MARK JOB "#" JOB);
    assert_string_equal(set_known(a, JOB2 JOB, false), MARK JOB2 MARK JOB);
    /* on again, but none twice */
    assert_string_equal(set_known(a, JOB MARK JOB MARK JOB2 END, true), JOB MARK JOB JOB2 END);
    assert_string_equal(set_known(a, MARK JOB MARK JOB, true), JOB MARK JOB);
    assert_string_equal(set_known(a, MARK JOB BEGIN MARK JOB END, true), MARK JOB BEGIN JOB END);
    assert_string_equal(set_known(a, JOB JOB, true), JOB JOB);
}

static void test_damage(void **state)
{
    struct crontab_damage d;

    (void)state;
#define DAMAGED(text) crontab_is_damaged(text, strlen(text), "a b c d e x\n", &d)
    assert_true(DAMAGED("#\na b c d e x\n" MARK "0 1 * * * y\n0 2 * * * z\n" END));
    assert_int_equal(d.on, 1);
    assert_int_equal(d.off, 1);
    assert_string_equal(d.why, "line 5: a pgtandem block ends here that has not begun");
    assert_true(DAMAGED("a b c d e x\n"));
    assert_non_null(strstr(d.why, "gone"));
    assert_false(DAMAGED("0 2 * * * z\n"));
    assert_false(DAMAGED(BEGIN END "a b c d e x\n")); /* moved out by a human: his */
    /* Ansible looks for "a b c d e x", finds the entry with our mark instead, and appends */
    assert_true(DAMAGED(BEGIN MARK "a b c d e x\n" END "#Ansible: x\na b c d e x\n"));
    assert_int_equal(d.on, 1);
    assert_int_equal(d.off, 0); /* on already: never twice */
    assert_string_equal(d.why, "line 5: an entry of the pgtandem block, once more outside of it");
    assert_true(DAMAGED(MARK "a b c d e x\n" BEGIN MARK "a b c d e x\n" END));
    assert_int_equal(d.on, 0);
    assert_int_equal(d.off, 1);
    assert_false(DAMAGED(BEGIN MARK "a b c d e x\n" END "#a b c d e x\na b c d e y\n"));
    assert_false(crontab_is_damaged("\0", 1, "", &d));
#undef DAMAGED
}

static void test_adopt_refuses_a_second_block(void **state)
{
    AUTO(arena) a = arena_new();
    const char *text = "a\n" BEGIN END;
    struct err e = {0};
    char *out;
    size_t len;

    (void)state;
    assert_int_equal(crontab_adopt(text, strlen(text), a, &out, &len, &e), ERR_REFUSED);
    assert_non_null(strstr(e.msg, "line 2"));
}

static bool alike(const char *one, const char *other)
{
    return strcmp(look(one, CRONTAB_BLOCK).parity, look(other, CRONTAB_BLOCK).parity) == 0;
}

static void test_parity_is_of_the_entries_alone(void **state)
{
    (void)state;
    assert_true(alike(HEAD BEGIN JOB JOB2 END, BEGIN "# x\n" MARK JOB "\n" MARK JOB2 END "Y=1\n"));
    assert_false(alike(BEGIN JOB JOB2 END, BEGIN JOB2 JOB END));
    assert_false(alike(BEGIN JOB JOB2 END, BEGIN JOB END));
    assert_true(alike(BEGIN END, ""));
    assert_true(alike(BEGIN END, JOB));
}

static char **managed_lines(struct arena *a, const char *text, enum crontab_mode mode, size_t n)
{
    char **lines;
    size_t n_lines;

    assert_int_equal(crontab_managed_lines(text, strlen(text), mode, a, &lines, &n_lines, NULL), 0);
    assert_int_equal(n_lines, n);
    assert_null(lines[n]);
    return lines;
}

static void test_managed_lines(void **state)
{
    AUTO(arena) a = arena_new();
    const char *text = "# c\n" BEGIN MARK JOB "\"A B\" = c\r\n\n" END JOB2;
    char **lines = managed_lines(a, text, CRONTAB_BLOCK, 3);

    (void)state;
    assert_string_equal(lines[0], "* *\t* * *  pg_dump x >y ");
    assert_string_equal(lines[1], "\"A B\" = c");
    assert_string_equal(lines[2], "");
    lines = managed_lines(a, text, CRONTAB_ALL, 7);
    assert_string_equal(lines[1], CRONTAB_BEGIN);
    assert_string_equal(lines[2], "* *\t* * *  pg_dump x >y ");
    managed_lines(a, JOB, CRONTAB_BLOCK, 0);
    managed_lines(a, JOB, CRONTAB_ALL, 1);
    managed_lines(a, "", CRONTAB_ALL, 0);
    assert_int_equal(
        crontab_managed_lines(BEGIN, strlen(BEGIN), CRONTAB_ALL, a, &lines, &(size_t){0}, NULL),
        ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_then_on_is_the_same),
        cmocka_unit_test(test_adopt_then_unadopt_is_the_same),
        cmocka_unit_test(test_adopt_from_the_first_entry_to_the_last),
        cmocka_unit_test(test_unadopt),
        cmocka_unit_test(test_only_the_block),
        cmocka_unit_test(test_what_a_human_commented_stays),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_refused_with_the_line),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_sync_takes_in),
        cmocka_unit_test(test_sync_brings_the_variables),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_known_entries_are_turned_off_wherever_they_are),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_adopt_refuses_a_second_block),
        cmocka_unit_test(test_parity_is_of_the_entries_alone),
        cmocka_unit_test(test_managed_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
