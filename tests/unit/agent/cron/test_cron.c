/* agent/cron: edits of somebody else's that meet ours; a crontab(1) of shell stands in for it. */
#include "agent/cron/cron.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/cron/cron_listed.h"
#include "base/cron_minute.h"
#include "base/err.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#define BLOCK_ON "# BEGIN pgtandem\n* * * * * job\n# END pgtandem\n"
#define BLOCK_OFF "# BEGIN pgtandem\n#pgtandem-off# * * * * * job\n# END pgtandem\n"
#define HUMAN "# a human\n"

/* `tab` is the spool. Each call may be met by somebody: the file NAME.N is run at the N-th call. */
static const char program[] =
    "#!/bin/sh\n"
    "cd %s || exit 9\n"
    "n=$(($(cat calls) + 1)); echo $n >calls; echo \"$1\" >>log\n"
    "case $1 in\n"
    "-l) [ -e tab ] || { echo 'no crontab for you' >&2; exit 1; }\n"
    "    sed -e 's/\\r/\\\\r/g' -e 's/\\x08/\\\\b/g' tab ;;\n"
    "-e) [ ! -e noeditor ] || exit 1; cat tab ;;\n"
    "-h) [ ! -e hang ] || exec tail -f /dev/null; echo ' -n (dry run)' ;;\n"
    "-n) if [ -e refuse ]; then cat refuse >&2; exit 1; fi ;;\n"
    "-) cat >new; if [ -e refuse ]; then cat refuse >&2; exit 1; fi; mv new tab ;;\n"
    "esac\n"
    "[ ! -e after.$n ] || . ./after.$n\n"
    "exit 0\n";

struct place {
    char directory[64];
    struct loop *loop;
    struct cron_config config;
    struct cron *cron;
    bool done;
    struct err e;
    struct rehearsal rehearsed;
};

static void put(const struct place *p, const char *name, const char *text)
{
    char path[128];
    struct err e;

    STR_PRINTF(path, "%s/%s", p->directory, name);
    if (file_replace(path, text, strlen(text), 0755, &e) < 0)
        fail_msg("%s", e.msg);
}

static char *get(const struct place *p, const char *name, struct arena *a)
{
    char path[128], *text;
    struct err e;

    STR_PRINTF(path, "%s/%s", p->directory, name);
    if (file_read(path, 65536, a, &text, NULL, &e) < 0)
        fail_msg("%s", e.msg);
    return text;
}

static int setup(void **state)
{
    struct place *p = mem_alloc(sizeof(*p));
    char text[1024];

    STR_COPY(p->directory, "/tmp/pgtandem-cron-XXXXXX");
    assert_non_null(mkdtemp(p->directory));
    STR_PRINTF(text, program, p->directory);
    put(p, "crontab", text);
    put(p, "calls", "0\n");
    p->loop = loop_new();
    p->config = (struct cron_config){.mode = CRONTAB_BLOCK, .timeout_ms = 10000};
    STR_PRINTF(p->config.crontab_command, "%s/crontab", p->directory);
    p->cron = cron_new(p->loop, &p->config, p->directory);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    const char *const argv[] = {"rm", "-rf", p->directory, NULL};
    pid_t pid = fork();

    cron_free(p->cron);
    loop_free(p->loop);
    if (pid == 0)
        execvp(argv[0], (char *const *)(const void *)argv);
    mem_free(p);
    return 0;
}

static void on_done(void *arg, const struct err *e)
{
    struct place *p = arg;

    p->e = e ? *e : (struct err){0};
    p->done = true;
}

static const struct err *off(struct place *p, const struct cron_expected *x)
{
    p->done = false;
    cron_off(p->cron, x, on_done, p);
    assert_int_equal(loop_wait(p->loop, &p->done, 20000, NULL), 0);
    return &p->e;
}

static const struct err *edit(struct place *p, bool on, const char *expected)
{
    if (!on)
        return off(p, &(struct cron_expected){.hash = expected});
    p->done = false;
    cron_on(p->cron, expected, on_done, p);
    assert_int_equal(loop_wait(p->loop, &p->done, 20000, NULL), 0);
    return &p->e;
}

static void is(const struct place *p, const char *expected)
{
    AUTO(arena) a = arena_new();

    assert_string_equal(get(p, "tab", a), expected);
}

/* the first call is our read */
static void an_edit_between_read_and_write_stays(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    put(p, "after.1", "echo '# a human' >>tab\n");
    assert_int_equal(edit(p, false, "")->code, 0);
    is(p, BLOCK_OFF HUMAN);
}

/* Two writes within a second are followed by a third, 1.1 s later. */
static void an_edit_before_the_touch_stays(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    for (int i = 0; i < 3; i++) /* whatever the clock: two of them are in one second */
        assert_int_equal(edit(p, i % 2, "")->code, 0);
    put(p, "calls", "0\n");
    put(p, "after.4", "echo '# a human' >>tab\n"); /* read, read again, write, read back */
    assert_int_equal(edit(p, true, "")->code, 0);
    is(p, BLOCK_ON HUMAN);
}

/* `crontab -e` was opened before our write, and is saved after it. */
static void an_edit_that_switches_back_is_edited_again(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    put(p, "old", BLOCK_ON HUMAN);
    put(p, "after.3", "cp old tab\n");
    assert_int_equal(edit(p, false, "")->code, 0);
    is(p, BLOCK_OFF HUMAN);
}

static void who_edits_for_ever_is_reported(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    for (int i = 1; i < 40; i++) {
        char name[32];

        STR_PRINTF(name, "after.%d", i);
        put(p, name, "echo '# a human' >>tab\n");
    }
    assert_int_equal(edit(p, false, "")->code, ERR_HELD);
    assert_non_null(strstr(p->e.msg, "over and over"));
}

static void a_text_that_is_not_the_planned_one_is_refused(void **state)
{
    struct place *p = *state;
    struct crontab_summary s;

    put(p, "tab", BLOCK_ON);
    assert_int_equal(crontab_summarize(BLOCK_ON, strlen(BLOCK_ON), CRONTAB_BLOCK, &s, NULL), 0);
    put(p, "after.1", "echo '# a human' >>tab\n"); /* between look and write */
    assert_int_equal(edit(p, false, s.hash)->code, ERR_LOST);
    is(p, BLOCK_ON HUMAN);
    put(p, "tab", BLOCK_ON); /* after our write it is his text that is edited */
    put(p, "calls", "1\n");
    put(p, "after.4", "echo '# a human' >>tab\n");
    assert_int_equal(edit(p, false, s.hash)->code, 0);
    is(p, BLOCK_OFF HUMAN);
}

/* A move rests on the managed entries and on what they run with, not on a human's other lines. */
static void only_the_entries_were_planned_on(void **state)
{
    struct place *p = *state;
    struct crontab_summary s;
    static const char other[] = "# BEGIN pgtandem\n* * * * * another\n# END pgtandem\n";

    assert_int_equal(crontab_summarize(BLOCK_ON, strlen(BLOCK_ON), CRONTAB_BLOCK, &s, NULL), 0);
    const struct cron_expected x = {
        .hash = s.hash, .entries = s.parity, .environment = s.environment};
    put(p, "tab", HUMAN BLOCK_ON "1 1 * * * own\n");
    assert_int_equal(off(p, &x)->code, 0);
    is(p, HUMAN BLOCK_OFF "1 1 * * * own\n");
    put(p, "tab", other);
    assert_int_equal(off(p, &x)->code, ERR_LOST);
    assert_non_null(strstr(p->e.msg, "managed entries"));
    is(p, other);
    put(p, "tab", "SHELL=/bin/bash\n" BLOCK_ON);
    assert_int_equal(off(p, &x)->code, ERR_LOST);
    assert_non_null(strstr(p->e.msg, "variables"));
    put(p, "tab", "* * * * * job\n");
    assert_int_equal(off(p, &x)->code, ERR_LOST);
}

static void a_given_text_never_replaces_an_edit(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    put(p, "after.1", "echo '# a human' >>tab\n");
    p->done = false;
    cron_write(p->cron, BLOCK_OFF, "", on_done, p);
    assert_int_equal(loop_wait(p->loop, &p->done, 20000, NULL), 0);
    assert_int_equal(p->e.code, ERR_LOST);
    is(p, BLOCK_ON HUMAN);
}

/* The line after `#Ansible: NAME` was our BEGIN. The agent has been restarted since it saw the
 * block. */
static void known_entries_of_a_damaged_block_are_turned_off(void **state)
{
    struct place *p = *state;

    put(p, "tab", "#Ansible: job\n" BLOCK_OFF);
    assert_int_equal(edit(p, false, "")->code, 0);
    cron_free(p->cron);
    p->cron = cron_new(p->loop, &p->config, p->directory);
    put(p, "tab",
        "#Ansible: job\n* * * * * job\n#pgtandem-off# * * * * * job\n# END pgtandem\n1 1 * * * "
        "own\n");
    assert_int_equal(edit(p, false, "")->code, 0);
    is(p, "#Ansible: job\n#pgtandem-off# * * * * * job\n#pgtandem-off# * * * * * job\n# END "
          "pgtandem\n1 1 * * * own\n");
    cron_forget(p->cron);
    assert_int_equal(edit(p, false, "")->code, ERR_INVALID);
}

/* What Ansible's cron module does where it finds no `#Ansible: NAME`: it looks for the very line,
 * and appends what it does not find. */
static void an_entry_of_the_block_outside_of_it_is_turned_off_too(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_OFF HUMAN "#Ansible: job\n* * * * * job\n");
    assert_int_equal(edit(p, false, "")->code, 0);
    is(p, BLOCK_OFF HUMAN "#Ansible: job\n#pgtandem-off# * * * * * job\n");
    assert_int_equal(edit(p, true, "")->code, 0); /* once, not twice */
    is(p, BLOCK_ON HUMAN "#Ansible: job\n#pgtandem-off# * * * * * job\n");
}

static void a_text_that_cron_refuses_is_named_as_that(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    put(p, "refuse", "\"-\":2: bad minute\nerrors in crontab file, can't install.\n");
    assert_int_equal(edit(p, false, "")->code, ERR_INVALID);
    assert_non_null(strstr(p->e.msg, "cron refuses the text"));
    assert_non_null(strstr(p->e.msg, "bad minute"));
    assert_null(strstr(p->e.hint, "cron.allow"));
    put(p, "refuse", "You (postgres) are not allowed to use this program (crontab)\n");
    assert_int_equal(edit(p, false, "")->code, ERR_SYS);
    assert_non_null(strstr(p->e.hint, "cron.allow"));
    is(p, BLOCK_ON);
}

static void on_rehearsed(void *arg, const struct rehearsal *r)
{
    struct place *p = arg;

    p->rehearsed = *r;
    p->done = true;
}

static const struct rehearsal *rehearse(struct place *p, int64_t timeout_ms)
{
    p->done = false;
    cron_rehearse(p->cron, timeout_ms, on_rehearsed, p);
    assert_int_equal(loop_wait(p->loop, &p->done, 20000, NULL), 0);
    return &p->rehearsed;
}

/* Not in time is not refused, and no word of cron.allow. */
static void a_dry_run_says_what_it_is(void **state)
{
    struct place *p = *state;

    put(p, "tab", BLOCK_ON);
    assert_int_equal(rehearse(p, 10000)->verdict, REHEARSAL_PASSED);
    put(p, "refuse", "\"-\":2: bad minute\nerrors in crontab file, can't install.\n");
    assert_int_equal(rehearse(p, 10000)->verdict, REHEARSAL_FAILED);
    assert_null(strstr(p->rehearsed.remedy, "cron.allow"));
    put(p, "hang", "");
    p->config.timeout_ms = 300;
    for (int share_ms = 300; share_ms <= 10000; share_ms += 9700) {
        assert_true(rehearse(p, share_ms)->late);
        assert_non_null(strstr(p->rehearsed.said, "has not ended"));
        assert_null(strstr(p->rehearsed.remedy, "cron.allow"));
    }
}

/* Debian's crontab -l prints both alike. */
static void control_characters_stay(void **state)
{
    struct place *p = *state;

    put(p, "tab", "# \\r \r \b \\b\n" BLOCK_ON);
    assert_int_equal(edit(p, false, "")->code, 0);
    is(p, "# \\r \r \b \\b\n" BLOCK_OFF);
    put(p, "noeditor", "");
    assert_int_equal(edit(p, true, "")->code, ERR_REFUSED);
    is(p, "# \\r \r \b \\b\n" BLOCK_OFF);
}

static void what_crontab_prints_and_what_is_there(void **state)
{
    AUTO(arena) a = arena_new();
#define HEADER                                                                                     \
    "# DO NOT EDIT THIS FILE - edit the master and reinstall.\n# (- installed on x)\n# (Cron "     \
    "version -- y)\n"

    (void)state;
    assert_string_equal(cron_listed_text(HEADER "# a\n"), "# a\n");
    assert_string_equal(cron_listed_text("# a\n# b\n# c\nx\n"), "# a\n# b\n# c\nx\n");
    assert_string_equal(cron_listed_text(""), "");
    assert_string_equal(cron_listed_merge("# a\n# b\nx \\r\\b\n", "x \r\\b\n", a),
                        "# a\n# b\nx \r\\b\n");
    assert_null(cron_listed_merge("y\nx \\r\n", "x \r\n", a)); /* not a comment */
    assert_null(cron_listed_merge("# \\r\nx\n", "x\n", a));    /* not to be told */
    assert_null(cron_listed_merge("x \\r\n", "z\n", a));       /* edited between */
#undef HEADER
}

static void cron_may_start_old_jobs_around_the_full_minute(void **state)
{
    (void)state;
    static const struct {
        int64_t at_ms, left_ms;
    } rows[] = {{0, 4000},  {3999, 1},     {4000, 0},    {30000, 0},
                {58999, 0}, {59000, 5000}, {59999, 4001}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(cron_minute_left_ms(1764400000 / 60 * 60000LL + rows[i].at_ms),
                         rows[i].left_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
        TEST(an_edit_between_read_and_write_stays),
        TEST(an_edit_before_the_touch_stays),
        TEST(an_edit_that_switches_back_is_edited_again),
        TEST(who_edits_for_ever_is_reported),
        TEST(a_text_that_is_not_the_planned_one_is_refused),
        TEST(only_the_entries_were_planned_on),
        TEST(a_given_text_never_replaces_an_edit),
        TEST(a_text_that_cron_refuses_is_named_as_that),
        TEST(a_dry_run_says_what_it_is),
        TEST(control_characters_stay),
        TEST(what_crontab_prints_and_what_is_there),
        TEST(known_entries_of_a_damaged_block_are_turned_off),
        TEST(an_entry_of_the_block_outside_of_it_is_turned_off_too),
        cmocka_unit_test(cron_may_start_old_jobs_around_the_full_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
