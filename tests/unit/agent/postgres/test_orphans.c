/* Processes that have outlived their postmaster: found, told apart from others, ended. */
#include <sys/ipc.h>
#include <sys/stat.h>

#include "agent/postgres/pgfiles.h"
#include "base/loop.h"
#include "tests/unit/agent/postgres/pgdata.h"

static void put_pid_file(int pid, unsigned key, int segment)
{
    char text[700];

    STR_PRINTF(text, "%d\n%s\n1769567655\n5432\n/tmp\n127.0.0.1\n%9u %9d\nready   \n", pid,
               made.data_directory, key, segment);
    assert_int_equal(file_replace(pid_file, text, strlen(text), 0600, NULL), 0);
}

static unsigned key_of_directory(void)
{
    struct stat st;

    assert_int_equal(stat(made.data_directory, &st), 0);
    return (unsigned)st.st_ino;
}

static int segment_new(unsigned key)
{
    int id = shmget((key_t)key, 64, IPC_CREAT | IPC_EXCL | 0600);

    assert_true(id >= 0);
    return id;
}

/* "Stopped" is not what postmaster.pid says. */
static void test_a_node_with_an_orphan_is_not_stopped(void **state)
{
    struct obs_pg pg;
    int pid = process_in(made.data_directory, "postgres");

    (void)state;
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.role, PG_UNKNOWN);
    assert_int_equal(pg.orphans, 1);
    assert_int_equal(pg.orphan_pid, pid);
    assert_non_null(strstr(pg.problem, "may still commit"));
    assert_true(obs_may_commit(&pg));
    end(pid);
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.role, PG_STOPPED);
    assert_int_equal(pg.orphans, 0);
    assert_false(obs_may_commit(&pg));
}

/* A function in an untrusted language may have changed its directory. */
static void test_found_by_its_memory(void **state)
{
    unsigned key = key_of_directory() + 1;
    int segment = segment_new(key);
    int pid = stand_in((struct stand_in){"/", "postgres", segment, false});

    (void)state;
    put_pid_file(1 << 22, key, segment);
    assert_int_equal(orphans(), 1);
    put_pid_file(1 << 22, key + 7, segment); /* the id has another segment since the boot */
    assert_int_equal(orphans(), 0);
    end(pid);
    shmctl(segment, IPC_RMID, NULL);
}

static void test_found_though_the_pid_file_is_gone(void **state)
{
    int segment = segment_new(key_of_directory());
    int pid = stand_in((struct stand_in){"/", "postgres", segment, false});

    (void)state;
    assert_int_equal(orphans(), 1);
    end(pid);
    assert_int_equal(orphans(), 0);
    shmctl(segment, IPC_RMID, NULL);
}

/* Ids and keys are handed out again after a boot: another cluster's processes are its own. */
static void test_another_clusters_are_left_alone(void **state)
{
    unsigned key = key_of_directory();
    int segment = segment_new(key);
    char other[] = "/tmp/pgtandem-test-XXXXXX", path[100];

    (void)state;
    assert_non_null(mkdtemp(other));
    STR_PRINTF(path, "%s/global", other);
    assert_int_equal(mkdir(path, 0700), 0);
    STR_PRINTF(path, "%s/global/pg_control", other);
    assert_int_equal(file_replace(path, "", 0, 0600, NULL), 0);
    int pid = stand_in((struct stand_in){other, "postgres", segment, false});

    put_pid_file(1 << 22, key, segment);
    assert_int_equal(pgorphan_signal(made.data_directory, pid, SIGKILL), 0);
    assert_int_equal(kill(pid, 0), 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    end(pid);
    shmctl(segment, IPC_RMID, NULL);
    remove(path);
    STR_PRINTF(path, "%s/global", other);
    rmdir(path);
    rmdir(other);
}

/* A disk that fails, a link that leads in circles: not known, and never "none". */
static void test_a_directory_that_cannot_be_looked_at(void **state)
{
    struct pgorphans o;
    char path[80];

    (void)state;
    STR_PRINTF(path, "%s/loop", made.data_directory);
    assert_int_equal(symlink(path, path), 0);
    pgorphan_find(path, &o);
    assert_true(o.unknown);
    assert_non_null(strstr(o.problem, "loop cannot be looked at"));
    pgorphan_find("/nonexistent", &o);
    assert_false(o.unknown);
    assert_string_equal(o.problem, "");
}

static void test_a_shell_is_none(void **state)
{
    int pid = process_in(made.data_directory, "bash");

    (void)state;
    assert_int_equal(orphans(), 0);
    assert_int_equal(pgorphan_signal(made.data_directory, pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
    end(pid);
}

/* ---- what acts make of it -------------------------------------------------------------------- */

static void stop(struct ended *end)
{
    struct loop *l = loop_new();
    struct postgres *p = postgres_new(l, &made, "db01");

    *end = (struct ended){.done = false};
    postgres_stop(p, true, 10000, on_done, end);
    assert_int_equal(loop_wait(l, &end->done, 20000, NULL), 0);
    postgres_free(p);
    loop_free(l);
}

static void assert_ended_by(int pid, int signal_number)
{
    int status;

    assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signal_number);
}

static void test_a_stop_ends_them(void **state)
{
    struct ended ended;
    int willing = process_in(made.data_directory, "postgres");
    int stubborn = stand_in((struct stand_in){made.data_directory, "postgres", -1, true});
    int shell = process_in(made.data_directory, "bash");

    (void)state;
    stop(&ended);
    assert_int_equal(ended.e.code, 0);
    assert_ended_by(willing, SIGQUIT);
    assert_ended_by(stubborn, SIGKILL);
    assert_int_equal(waitpid(shell, NULL, WNOHANG), 0);
    end(shell);
}

static void test_nothing_starts_beside_one(void **state)
{
    struct loop *l = loop_new();
    struct postgres *p = postgres_new(l, &made, "db01");
    struct ended ended = {.done = false};
    char name[40];
    int pid = process_in(made.data_directory, "postgres");

    (void)state;
    postgres_start(p, 100, on_done, &ended);
    assert_int_equal(loop_wait(l, &ended.done, 20000, NULL), 0);
    assert_int_equal(ended.e.code, ERR_INCOMPLETE);
    STR_PRINTF(name, "(PID %d)", pid);
    assert_non_null(strstr(ended.e.msg, name));
    postgres_free(p);
    loop_free(l);
    end(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(test_a_node_with_an_orphan_is_not_stopped),
        IN_DIRECTORY(test_found_by_its_memory),
        IN_DIRECTORY(test_found_though_the_pid_file_is_gone),
        IN_DIRECTORY(test_another_clusters_are_left_alone),
        IN_DIRECTORY(test_a_directory_that_cannot_be_looked_at),
        IN_DIRECTORY(test_a_shell_is_none),
        IN_DIRECTORY(test_a_stop_ends_them),
        IN_DIRECTORY(test_nothing_starts_beside_one),
    };

    return cmocka_run_group_tests_name("orphans", tests, NULL, NULL);
}
