/* The parts of agent/postgres/postgres.h that need no server: timelines, files, the postmaster. */
#include "agent/postgres/postgres.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pghistory.h"
#include "base/buf.h"
#include "proto/slot.h"
#include "tests/unit/agent/postgres/pgcontrol_bytes.h"
#include "tests/unit/agent/postgres/pgdata.h"

static void put_control(size_t golden)
{
    char path[600];
    unsigned char bytes[GOLDEN_BYTES];

    golden_bytes(&goldens[golden], bytes);
    STR_PRINTF(path, "%s/global/pg_control", made.data_directory);
    assert_int_equal(file_replace(path, bytes, sizeof(bytes), 0600, NULL), 0);
}

/* ---- timelines ------------------------------------------------------------------------------- */

static void test_history(void **state)
{
    struct pghistory h;

    (void)state;
    assert_true(pghistory_parse("1\t0/3000148\tno recovery target specified\n\n"
                                "# a remark\n2\t16/B374D848\tbefore 2000-01-01\n",
                                &h));
    assert_int_equal(h.n, 2);
    assert_int_equal(h.rows[0].tli, 1);
    assert_int_equal(h.rows[0].end, 0x3000148);
    assert_int_equal(h.rows[1].tli, 2);
    assert_true(h.rows[1].end == UINT64_C(0x16B374D848));
    assert_true(pghistory_parse("", &h));
    assert_int_equal(h.n, 0);
    assert_false(pghistory_parse("one\t0/1\tx\n", &h));
    assert_false(pghistory_parse("1\n", &h));
    assert_false(pghistory_parse("1\tnowhere\n", &h));
    assert_false(pghistory_parse("0\t0/1\n", &h));
}

static void test_history_longer_than_we_keep(void **state)
{
    struct pghistory h;
    struct buf b;

    (void)state;
    buf_init(&b, 1 << 16);
    for (int i = 1; i <= 40; i++)
        buf_printf(&b, "%d\t0/%X\tx\n", i, (unsigned)i * 256);
    assert_true(pghistory_parse(b.data, &h));
    assert_int_equal(h.n, 32);
    assert_int_equal(h.rows[0].tli, 9);
    assert_int_equal(h.rows[31].tli, 40);
    buf_free(&b);
}

static void test_newest_history(void **state)
{
    (void)state;
    assert_int_equal(pghistory_newest(made.data_directory), 0);
    put("pg_wal/00000002.history", "1\t0/3000148\tx\n");
    put("pg_wal/0000000A.history", "1\t0/3000148\tx\n");
    put("pg_wal/0000000B.history.bak", "");
    put("pg_wal/000000FF.historx", "");
    assert_int_equal(pghistory_newest(made.data_directory), 10);
    assert_int_equal(pghistory_newest("/nonexistent"), 0);
}

/* pg_control lags behind a switch; the segment and the history tell. */
static void test_replayed_timeline(void **state)
{
    const char *d = made.data_directory;
    struct pgcontrol c = {.tli = 1, .min_recovery_tli = 1, .wal_segment_bytes = 16 << 20};

    (void)state;
    put("pg_wal/00000002.history", "1\t0/3000148\tx\n");
    put("pg_wal/00000003.history", "1\t0/3000148\tx\n2\t0/5000000\ty\n");
    put("pg_wal/000000010000000000000003", "");
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x3000100), 1);
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x3000200), 1); /* diverged: no segment of 2 */
    put("pg_wal/000000020000000000000003", "");
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x3000148), 1); /* nothing of 2 yet */
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x3000149), 2);
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x4000000), 2); /* the segment's end is in it */
    put("pg_wal/000000030000000000000005", "");
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x5000001), 3);
    c.min_recovery_tli = 3;
    assert_int_equal(pghistory_replayed(d, &c, 3, 0x100), 3);
    c.min_recovery_tli = 0;
    assert_int_equal(pghistory_replayed(d, &c, 3, 0), 1);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_look_at_an_empty_directory(void **state)
{
    struct obs_pg pg;

    (void)state;
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.role, PG_STOPPED);
    assert_int_equal(pg.control_state, CONTROL_UNREADABLE);
    assert_non_null(strstr(pg.problem, "pg_control"));
    assert_int_equal(pg.replay_delay_ms, -1);
}

static void test_look_at_files(void **state)
{
    struct obs_pg pg;

    (void)state;
    put_control(1);
    put("standby.signal", "");
    put("promote", "");
    put("pg_wal/archive_status/000000010000000000000001.ready", "");
    put("pg_wal/archive_status/000000010000000000000002.done", "");
    postgres_look_files(&made, &pg);
    assert_int_equal(pg.control_state, CONTROL_SHUTDOWNED);
    assert_true(pg.sysid == goldens[1].sysid);
    assert_int_equal(pg.control_tli, 1);
    assert_true(pg.standby_signal);
    assert_true(pg.promote_signal);
    assert_false(pg.recovery_signal);
    assert_int_equal(pg.ready_files, 1);
    assert_true(pg.free_bytes > 0);
    assert_string_equal(pg.problem, "");
}

static void put_pid_file(int pid, const char *status)
{
    char text[700];

    STR_PRINTF(text, "%d\n%s\n1769567655\n5432\n/tmp\n127.0.0.1\n  5432001 0\n%s\n", pid,
               made.data_directory, status);
    put("postmaster.pid", text);
}

static void test_postmaster(void **state)
{
    struct pgpostmaster p = {.pid = 77};
    int pid = process_in(made.data_directory, "postgres");
    siginfo_t info;

    (void)state;
    assert_false(pgfiles_postmaster(made.data_directory, &p));
    put_pid_file(pid, "ready   ");
    assert_true(pgfiles_postmaster(made.data_directory, &p));
    assert_int_equal(p.pid, pid);
    assert_string_equal(p.status, "ready");
    put_pid_file(-pid, "starting");
    assert_true(pgfiles_postmaster(made.data_directory, &p));
    assert_string_equal(p.status, "starting");
    assert_int_equal(orphans(), 1);

    kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(pgfiles_postmaster(made.data_directory, &p)); /* a zombie */
    end(pid);
    assert_false(pgfiles_postmaster(made.data_directory, &p)); /* nobody */
    assert_int_equal(orphans(), 0);
}

static void test_a_pid_that_another_program_has_now(void **state)
{
    struct pgpostmaster p;
    int pid = process_in("/", "postgres");

    (void)state;
    put_pid_file(pid, "ready   ");
    assert_false(pgfiles_postmaster(made.data_directory, &p));
    put("postmaster.pid", "not a number\n");
    assert_false(pgfiles_postmaster(made.data_directory, &p));
    put("postmaster.pid", "");
    assert_false(pgfiles_postmaster(made.data_directory, &p));
    end(pid);
}

static void test_a_shell_in_pgdata_is_no_orphan(void **state)
{
    int pid = process_in(made.data_directory, "bash");

    (void)state;
    assert_int_equal(orphans(), 0);
    end(pid);
}

static void test_signal_file(void **state)
{
    struct stat st;
    char path[600];
    AUTO(arena) a = arena_new();

    (void)state;
    assert_int_equal(postgres_signal_create(&made, "a long text about who and why\n", NULL), 0);
    assert_int_equal(postgres_signal_create(&made, "why\n", NULL), 0);
    assert_string_equal(get(a, "standby.signal"), "why\n");
    STR_PRINTF(path, "%s/standby.signal", made.data_directory);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(postgres_signal_remove(&made, NULL), 0);
    assert_int_equal(postgres_signal_remove(&made, NULL), 0);
    assert_false(pgfiles_has(&made, "standby.signal"));
}

static void test_signal_file_that_cannot_be(void **state)
{
    char path[600];
    struct err e = {0};
    struct postgres_config nowhere = {.data_directory = "/nonexistent"};

    (void)state;
    STR_PRINTF(path, "%s/standby.signal", made.data_directory);
    assert_int_equal(symlink("/etc/passwd", path), 0); /* never written through */
    assert_int_equal(postgres_signal_create(&made, "why\n", &e), ERR_SYS);
    assert_int_equal(e.sys, ELOOP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(postgres_signal_create(&made, "why\n", &e) < 0);
    assert_int_equal(postgres_signal_create(&nowhere, "why\n", &e), ERR_SYS);
    assert_int_equal(e.sys, ENOENT);
}

static void test_slot_names(void **state)
{
    struct slot_name s;

    (void)state;
    slot_name_of("db-01-b", &s);
    assert_string_equal(s.name, "db_01_b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_history_longer_than_we_keep),
        IN_DIRECTORY(test_newest_history),
        IN_DIRECTORY(test_replayed_timeline),
        IN_DIRECTORY(test_look_at_an_empty_directory),
        IN_DIRECTORY(test_look_at_files),
        IN_DIRECTORY(test_postmaster),
        IN_DIRECTORY(test_a_pid_that_another_program_has_now),
        IN_DIRECTORY(test_a_shell_in_pgdata_is_no_orphan),
        IN_DIRECTORY(test_signal_file),
        IN_DIRECTORY(test_signal_file_that_cannot_be),
        cmocka_unit_test(test_slot_names),
    };

    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
