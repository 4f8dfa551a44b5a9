/* What cannot be read is never taken for stopped: postmaster.pid, /proc. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/postgres/pgfiles.h"
#include "base/loop.h"
#include "tests/unit/agent/postgres/pgdata.h"

static void assert_unknown(void)
{
    struct pgpostmaster p = {.pid = 77};
    struct obs_pg pg;

    assert_true(pgfiles_postmaster(made.data_directory, &p));
    assert_int_equal(p.pid, 0);
    assert_non_null(strstr(p.problem, pid_file));
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.role, PG_UNKNOWN);
    assert_string_equal(pg.problem, p.problem);
}

static void test_a_directory(void **state)
{
    (void)state;
    assert_int_equal(mkdir(pid_file, 0700), 0);
    assert_unknown();
}

static void test_too_long(void **state)
{
    char text[9000];

    (void)state;
    memset(text, '1', sizeof(text));
    assert_int_equal(file_replace(pid_file, text, sizeof(text), 0600, NULL), 0);
    assert_unknown();
}

static void test_no_descriptors(void **state)
{
    struct rlimit before, none;

    (void)state;
    assert_int_equal(file_replace(pid_file, "1\n", 2, 0600, NULL), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

    struct pgpostmaster p = {.pid = 77};
    bool there = pgfiles_postmaster(made.data_directory, &p);
    struct pgorphans orphans;

    pgorphan_find(made.data_directory, &orphans);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_true(there);
    assert_int_equal(p.pid, 0);
    assert_true(orphans.unknown);
}

static void test_nothing_there(void **state)
{
    struct pgpostmaster p;
    struct obs_pg pg;

    (void)state;
    assert_false(pgfiles_postmaster(made.data_directory, &p));
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.role, PG_STOPPED);
    struct pgorphans orphans;

    pgorphan_find(made.data_directory, &orphans);
    assert_int_equal(orphans.n, 0);
    assert_false(orphans.unknown);
}

/* In a child, as a user who may not look into processes of root: 0 if pid 1 is taken for no
 * postmaster in a directory of that user's own. */
static int look_as_nobody(void)
{
    struct pgpostmaster p;

    if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
        return 2;
    return pgfiles_postmaster(made.data_directory, &p);
}

static void test_a_stale_pid_that_is_another_users_daemon(void **state)
{
    struct stat init;
    int status;

    (void)state;
    assert_int_equal(file_replace(pid_file, "1\n", 2, 0644, NULL), 0);
    assert_int_equal(stat("/proc/1", &init), 0);
    if (geteuid() == 0)
        assert_int_equal(chown(made.data_directory, 65534, 65534), 0);
    else if (init.st_uid == geteuid())
        skip();

    pid_t child = fork();
    if (child == 0)
        _exit(look_as_nobody());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- what acts make of it -------------------------------------------------------------------- */

typedef void (*try_fn)(struct postgres *p, struct ended *end);

static void assert_fails_honestly(try_fn try)
{
    struct loop *l = loop_new();
    struct postgres *p = postgres_new(l, &made, "db01");
    struct ended end = {.done = false};

    assert_int_equal(mkdir(pid_file, 0700), 0);
    try(p, &end);
    assert_int_equal(loop_wait(l, &end.done, 5000, NULL), 0);
    assert_int_equal(end.e.code, ERR_SYS);
    assert_non_null(strstr(end.e.msg, pid_file));
    postgres_free(p);
    loop_free(l);
}

static void try_stop(struct postgres *p, struct ended *end)
{
    postgres_stop(p, true, 100, on_done, end);
}

static void try_start(struct postgres *p, struct ended *end)
{
    postgres_start(p, 100, on_done, end);
}

static void test_stop(void **state)
{
    (void)state;
    assert_fails_honestly(try_stop);
}

static void test_start(void **state)
{
    (void)state;
    assert_fails_honestly(try_start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_a_directory),
        IN_DIRECTORY(test_too_long),
        IN_DIRECTORY(test_no_descriptors),
        IN_DIRECTORY(test_nothing_there),
        IN_DIRECTORY(test_stop),
        IN_DIRECTORY(test_start),
        IN_DIRECTORY(test_a_stale_pid_that_is_another_users_daemon),
    };

    return cmocka_run_group_tests_name("postmaster", tests, NULL, NULL);
}
