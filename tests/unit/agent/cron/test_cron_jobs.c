/* agent/cron/cron_tree: which processes are jobs of the managed entries; agent/cron/cron_jobs: this
 * machine's own processes. */
#include "agent/cron/cron_tree.h"

#include "agent/cron/cron_jobs.h"
#include "tests/unit/unit.h"

enum { ROOT = 0, US = 101, OTHER = 1000 };

/* pid, parent, session, uid, cron, ended */
static const struct cron_process table[] = {
    {1, 0, 1, ROOT, false, false},     {10, 1, 10, ROOT, true, false}, /* the daemon */
    {20, 10, 10, ROOT, true, false},                                   /* CRON, waits for 21 */
    {21, 20, 21, US, false, false},                                    /* bash -c became psql */
    {22, 21, 21, US, false, false},                                    /* its child */
    {30, 10, 10, ROOT, true, false},                                   /* CRON */
    {31, 30, 30, US, true, false},     /* has changed its user, is about to become the job */
    {40, 10, 10, ROOT, true, false},   /* root's own crontab: su - postgres */
    {41, 40, 41, ROOT, false, false},  /* su */
    {42, 41, 41, US, false, false},    /* what it runs: no job of ours */
    {50, 1, 49, US, false, false},     /* in the background, its session's leader has ended */
    {51, 50, 49, US, false, false},    /* a child of it: counted once */
    {60, 1, 60, US, false, false},     /* a postmaster */
    {61, 60, 61, US, false, false},    /* a backend */
    {70, 20, 70, US, false, true},     /* a job that has ended, and was not yet waited for */
    {80, 10, 10, OTHER, false, false}, /* somebody else's */
    {90, 1, 90, OTHER, true, false},   /* somebody's program called cron */
    {91, 90, 90, US, false, false},
};
enum { N = sizeof(table) / sizeof(table[0]) };

static void jobs_are_found_by_descent(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        int pid = table[i].pid;

        assert_int_equal(cron_tree_is_job(table, N, i, US), pid == 21 || pid == 31 || pid == 91);
        assert_int_equal(cron_tree_is_orphan(table, N, i, US), pid == 50);
    }
    assert_true(cron_tree_daemon(table, N));
    assert_false(cron_tree_daemon(table, 1));
    assert_false(cron_tree_daemon(table + 16, 2)); /* not root's */
}

static enum cron_whose whose(const char *a, const char *b, const char *c)
{
    static const char *const managed[] = {"psql -qc 'select 1'", "/srv/backup.sh --all",
                                          "cd /x && ./both", NULL};
    static const char *const others[] = {"/srv/collect.sh >/dev/null",
                                         "logrotate -s x",
                                         "psql mydb",
                                         "cd /x && ./both",
                                         "nice /srv/probe",
                                         NULL};
    const char *const words[] = {a, b, c};

    return cron_tree_whose(words,
                           c   ? 3
                           : b ? 2
                               : 1,
                           (char *const *)(const void *)managed,
                           (char *const *)(const void *)others);
}

static void only_proof_makes_a_job_foreign(void **state)
{
    (void)state;
    assert_int_equal(whose("/bin/sh", "-c", "/srv/collect.sh >/dev/null"), CRON_FOREIGN);
    assert_int_equal(whose("/bin/bash", "-c", "cd /x && ./both"), CRON_MANAGED);
    assert_int_equal(whose("/bin/bash", "/srv/collect.sh", NULL), CRON_FOREIGN);
    assert_int_equal(whose("/usr/sbin/logrotate", "-s", "x"), CRON_FOREIGN);
    assert_int_equal(whose("/srv/probe", NULL, NULL), CRON_FOREIGN);
    /* SHELL=/bin/bash, and then pg_wrapper: neither is what was typed */
    assert_int_equal(whose("psql", "-qc", "select 1"), CRON_MANAGED);
    assert_int_equal(whose("/usr/lib/postgresql/15/bin/psql", "mydb", NULL), CRON_MANAGED);
    assert_int_equal(whose("/usr/bin/whatever", "x", "y"), CRON_MANAGED);
    assert_int_equal(whose("", NULL, NULL), CRON_MANAGED);
}

/* Nothing descends from cron as this user here, whatever it is called. */
static void this_machine(void **state)
{
    static char *const none[] = {NULL};
    struct cron_jobs jobs;

    (void)state;
    cron_jobs_look((uid_t)-2, none, none, &jobs);
    assert_int_equal(jobs.n, 0);
    assert_string_equal(jobs.text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_are_found_by_descent),
        cmocka_unit_test(only_proof_makes_a_job_foreign),
        cmocka_unit_test(this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
