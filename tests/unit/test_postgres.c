/* The parts of agent/postgres/postgres.h that need no server: pg_control, timelines, files,
 * settings. */
#include "agent/postgres/postgres.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pghistory.h"
#include "agent/postgres/pgkept.h"
#include "agent/postgres/pgorphan.h"
#include "agent/postgres/pgsettings.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

/* ---- pg_control ------------------------------------------------------------------------------ */

/* The first 296 bytes of what the initdb of each format's PostgreSQL made (x86-64, data checksums
 * on), and what its pg_controldata says. */
static const struct golden {
    int version;
    size_t crc_end;
    uint64_t sysid, checkpoint;
    const char *hex;
} goldens[] = {
    /* clang-format off */
    {1201, 292, UINT64_C(7711172587090834204), 0x1867A80,
     "1c7347c79c96036bb1040000dce3080c0100000000000000a196036b00000000807a860100000000807a8601"
     "0000000001000000010000000100000000000000e601000000000000553400000100000000000000df010000"
     "01000000010000000100000000000000a196036b0000000000000000000000000000000000000000e8030000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000001000000"
     "0000000064000000080000000a000000000000004000000000000000080000000000000087d6324100200000"
     "0000020000200000000000014000000020000000cc0700000008000001010000010000005eb74f98a9f3822f"
     "5cc33ec7ec3c04c95e6d999bf25592b8d304271e2639c711576c137700000000"},
    {1300, 292, UINT64_C(7711172615514806219), 0x1813E48,
     "cbd77a65a396036b14050000a1620a0c0100000000000000a996036b00000000483e810100000000483e8101"
     "0000000001000000010000000100000000000000e501000000000000483400000100000000000000de010000"
     "01000000010000000100000000000000a996036b0000000000000000000000000000000000000000e8030000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000001000000"
     "0000000064000000080000000a000000000000004000000000000000080000000000000087d6324100200000"
     "0000020000200000000000014000000020000000cc070000000800000100000001000000d4dcff339a88ce9d"
     "7ea7762fe35ab9360c4bfd04e085f35e07e3080694ffe75447cbba6300000000"},
    {1700, 292, UINT64_C(7711172706837399100), 0x17218A0,
     "3c06bba8b896036ba40600008979100c0100000000000000be96036b00000000a018720100000000a0187201"
     "0000000001000000010000000100000001000000e202000000000000b93400000100000000000000da020000"
     "01000000010000000100000000000000be96036b0000000000000000000000000000000000000000e8030000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000001000000"
     "0000000064000000080000000a000000000000004000000000000000080000000000000087d6324100200000"
     "0000020000200000000000014000000020000000cc0700000008000001000000010000002532864c6ad9e313"
     "1d55b3036917375fd6407cb6b3b2119147d2960609156fd4b125341900000000"},
    {1800, 296, UINT64_C(7711172735605692768), 0x174B300,
     "6059745bbf96036b080700003300120c0100000000000000fd97036b0000000000b374010000000000b37401"
     "0000000001000000010000000100000002000000f002000000000000c33400000100000000000000e8020000"
     "01000000010000000100000000000000fd97036b0000000000000000000000000000000000000000e8030000"
     "0000000000000000000000000000000000000000000000000000000000000000000000000000000002000000"
     "0000000064000000080000000a000000000000004000000000000000080000000000000087d6324100200000"
     "0000020000200000000000014000000020000000cc070000000800000100000001000000013681acba46c9aa"
     "71914afcede45b42f39737c55fea95d30388dafddf5976d9e900000039f6718b"},
    /* clang-format on */
};
enum { GOLDENS = sizeof(goldens) / sizeof(goldens[0]), GOLDEN_BYTES = 296 };

static void golden_bytes(const struct golden *g, unsigned char *ret_bytes)
{
    for (size_t i = 0; i < GOLDEN_BYTES; i++) {
        char two[3] = {g->hex[2 * i], g->hex[2 * i + 1], '\0'};

        ret_bytes[i] = (unsigned char)strtoul(two, NULL, 16);
    }
}

static void test_control_of_each_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];
        struct pgcontrol c;

        golden_bytes(&goldens[i], bytes);
        assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, NULL), 0);
        assert_int_equal(c.version, goldens[i].version);
        assert_true(c.sysid == goldens[i].sysid);
        assert_true(c.checkpoint == goldens[i].checkpoint);
        assert_int_equal(c.state, CONTROL_SHUTDOWNED);
        assert_int_equal(c.tli, 1);
        assert_int_equal(c.min_recovery_tli, 0);
        assert_int_equal(c.wal_segment_bytes, 16 << 20);
        assert_true(c.checksums);
        assert_false(c.wal_log_hints);
    }
}

static void test_control_flipped_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];

        golden_bytes(&goldens[i], bytes);
        for (size_t at = 0; at < goldens[i].crc_end; at++) {
            struct pgcontrol c = {.tli = 77};

            bytes[at] ^= 0x10;
            assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, NULL), ERR_INVALID);
            assert_int_equal(c.tli, 77); /* untouched */
            bytes[at] ^= 0x10;
        }
    }
}

static void test_control_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        unsigned char bytes[GOLDEN_BYTES];
        struct pgcontrol c;

        golden_bytes(&goldens[i], bytes);
        for (size_t len = 0; len < goldens[i].crc_end; len++)
            assert_int_equal(pgcontrol_parse(bytes, len, &c, NULL), ERR_INVALID);
        assert_int_equal(pgcontrol_parse(bytes, goldens[i].crc_end, &c, NULL), 0);
    }
}

static void test_control_of_an_unknown_version(void **state)
{
    unsigned char bytes[512] = {0};
    uint32_t version = 1900;
    struct pgcontrol c;
    struct err e = {0};

    (void)state;
    memcpy(bytes + 8, &version, sizeof(version));
    assert_int_equal(pgcontrol_parse(bytes, sizeof(bytes), &c, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "1900"));
}

/* ---- a directory that passes for a data directory -------------------------------------------- */

static struct postgres_config made;

static void put(const char *name, const char *text)
{
    char path[600];

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
}

static void put_control(size_t golden)
{
    char path[600];
    unsigned char bytes[GOLDEN_BYTES];

    golden_bytes(&goldens[golden], bytes);
    STR_PRINTF(path, "%s/global/pg_control", made.data_directory);
    assert_int_equal(file_replace(path, bytes, sizeof(bytes), 0600, NULL), 0);
}

static void make(const char *name)
{
    char path[600];

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_make_dir(path, 0700, NULL), 0);
}

static char *get(struct arena *a, const char *name)
{
    char path[600];
    char *text = NULL;

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_read(path, 1 << 20, a, &text, NULL, NULL), 0);
    return text;
}

static int make_directory(void **state)
{
    (void)state;
    memset(&made, 0, sizeof(made));
    STR_COPY(made.data_directory, "/tmp/pgtandem-test-XXXXXX");
    assert_non_null(mkdtemp(made.data_directory));
    make("global");
    make("pg_wal/archive_status");
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    if (strncmp(made.data_directory, "/tmp/pgtandem-test-", 19) != 0)
        return -1;
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", "--", made.data_directory, (char *)NULL);
        _exit(127);
    }
    return wait(NULL) > 0 ? 0 : -1;
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

/* A process that stands in `directory` and calls itself `name`. */
static int stand_in(const char *directory, const char *name)
{
    int ready[2];
    char c;

    assert_int_equal(pipe(ready), 0);

    int pid = fork();

    if (pid == 0) {
        prctl(PR_SET_NAME, name);
        if (chdir(directory) == 0 && write(ready[1], "r", 1) == 1)
            pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end(int pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int orphans(void)
{
    struct pgorphans o;

    pgorphan_find(made.data_directory, &o);
    return o.unknown ? -1 : o.n;
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
    int pid = stand_in(made.data_directory, "postgres");
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
    int pid = stand_in("/", "postgres");

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
    int pid = stand_in(made.data_directory, "bash");

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

/* ---- settings -------------------------------------------------------------------------------- */

static void test_conninfo_quoting(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    pgsettings_conninfo_add(&b, "host", "10.0.0.1");
    pgsettings_conninfo_add(&b, "password", "it's a \\");
    pgsettings_conninfo_add(&b, "user", "");
    assert_string_equal(b.data, "host=10.0.0.1 password='it\\'s a \\\\' user=''");
    buf_free(&b);
}

static void test_primary_conninfo(void **state)
{
    struct postgres_config c = {
        .replication_user = "repl",
        .replication_options = "sslmode=verify-ca sslrootcert='/a b/ca.pem'",
    };
    struct upstream up = {.node = "db02", .address = "fd00::2", .port = 5433};
    char text[256];
    struct err e = {0};

    (void)state;
    assert_int_equal(pgsettings_primary_conninfo(&c, "", &up, "db01", text, sizeof(text), NULL), 0);
    assert_string_equal(text, "host=fd00::2 port=5433 user=repl application_name=db01 "
                              "sslmode=verify-ca sslrootcert='/a b/ca.pem'");
    assert_int_equal(pgsettings_primary_conninfo(&c, "", &up, "db01", text, 40, &e), ERR_TOO_LONG);
    STR_COPY(c.replication_options, "hostaddr=10.0.0.9");
    assert_int_equal(pgsettings_primary_conninfo(&c, "", &up, "db01", text, sizeof(text), &e),
                     ERR_CONFIG);
    assert_non_null(strstr(e.msg, "hostaddr"));
    STR_COPY(c.replication_options, "what is this");
    assert_int_equal(pgsettings_primary_conninfo(&c, "", &up, "db01", text, sizeof(text), &e),
                     ERR_CONFIG);
}

static void test_hosts_of_a_conninfo(void **state)
{
    char list[64] = "";

    (void)state;
    assert_true(pgsettings_hosts("", list, sizeof(list)));
    assert_string_equal(list, "");
    assert_true(
        pgsettings_hosts("host=db01,db02 hostaddr=10.0.0.1,10.0.0.2 port=1", list, sizeof(list)));
    assert_string_equal(list, "db01,db02,10.0.0.1,10.0.0.2");
    assert_true(pgsettings_hosts("postgresql://u@db02:5432,vm/x", list, sizeof(list)));
    assert_string_equal(list, "db01,db02,10.0.0.1,10.0.0.2,vm");
    assert_true(pgsettings_hosts("service=there", list, sizeof(list)));
    assert_string_equal(list, "db01,db02,10.0.0.1,10.0.0.2,vm,service:there");
    assert_false(
        pgsettings_hosts("host=a.long.name.that.does.not.fit.any.more", list, sizeof(list)));
    assert_string_equal(list, "db01,db02,10.0.0.1,10.0.0.2,vm,service:there");
    assert_false(pgsettings_hosts("no such syntax", list, sizeof(list)));
}

static void put_configuration(void)
{
    make("sub");
    make("conf.d");
    put("postgresql.conf", "# primary_conninfo = 'host=comment'\n"
                           "  Primary_ConnInfo='host=one user=''a b'''\t# x\n"
                           "primary_conninfo 'host=two\\'\n" /* the quote does not end */
                           "include 'sub/more.conf'\n"
                           "include_if_exists = nothing.conf\n"
                           "include_dir 'conf.d'\n"
                           "primary_conninfos = 'host=no'\n"
                           "port = 5432");
    put("sub/more.conf", "primary_conninfo = 'host=\\163ub'\ninclude = '../last.conf'\n");
    put("last.conf", "primary_conninfo = host=last # bare\n");
    put("conf.d/10.conf", "primary_conninfo = 'host=ten'\n");
    put("conf.d/.hidden.conf", "primary_conninfo = 'host=hidden'\n");
    put("conf.d/20.txt", "primary_conninfo = 'host=text'\n");
    put("postgresql.auto.conf", "primary_conninfo = 'host=auto,one'\n");
}

/* What a start would take: the last one, in PostgreSQL's own order of files. What is overridden
 * elsewhere says nothing. */
static void test_conninfo_in_files(void **state)
{
    struct pgsettings_found found;

    (void)state;
    put_configuration();
    assert_false(pgsettings_file_conninfo(&made, &found)); /* because of `two` */
    assert_string_equal(found.value, "host=auto,one");
    assert_non_null(strstr(found.place, "/postgresql.auto.conf:1"));

    put("postgresql.auto.conf", "# none\n");
    assert_false(pgsettings_file_conninfo(&made, &found));
    assert_string_equal(found.value, "host=ten");
    assert_non_null(strstr(found.place, "/conf.d/10.conf:1"));

    put("conf.d/09.conf", "primary_conninfo = 'host=nine'\n"); /* made later, read earlier */
    put("postgresql.conf", "include_dir 'conf.d'\n\nprimary_conninfo = 'host=own'\n");
    assert_true(pgsettings_file_conninfo(&made, &found));
    assert_string_equal(found.value, "host=own");
    assert_non_null(strstr(found.place, "/postgresql.conf:3"));
    put("postgresql.conf", "primary_conninfo = 'host=own'\ninclude_dir 'conf.d'\n");
    assert_true(pgsettings_file_conninfo(&made, &found));
    assert_string_equal(found.value, "host=ten");

    put("postgresql.conf", "port = 1\n");
    assert_true(pgsettings_file_conninfo(&made, &found));
    assert_string_equal(found.value, "");
    assert_string_equal(found.place, "");
    put("postgresql.conf", "include 'postgresql.conf'\n"); /* itself */
    assert_false(pgsettings_file_conninfo(&made, &found));

    STR_PRINTF(made.config_file, "%s/last.conf", made.data_directory);
    assert_true(pgsettings_file_conninfo(&made, &found));
    assert_string_equal(found.value, "host=last");
    STR_PRINTF(made.config_file, "%s/missing.conf", made.data_directory);
    assert_false(pgsettings_file_conninfo(&made, &found));
    made.config_file[0] = '\0';
}

/* Following changes where to, and keeps how: all that the connection string in force says. */
static void test_conninfo_is_kept(void **state)
{
    static const char base[] =
        "host=old.ia2.test hostaddr=10.0.0.9 port=1 user=walrepl dbname=vospace "
        "passfile='/var/lib/my pass' application_name=stand1 connect_timeout=3 keepalives_idle=30 "
        "sslmode=verify-full sslrootcert=/ca.pem options='-c a=b'";
    struct postgres_config c = {.replication_user = "repl"};
    struct upstream up = {
        .node = "db02", .address = "10.77.0.22", .host = "db02.ia2.test", .port = 5432};
    char text[CONNINFO_BYTES];

    (void)state;
    assert_int_equal(pgsettings_primary_conninfo(&c, base, &up, "db01", text, sizeof(text), NULL),
                     0);
    assert_int_equal(strncmp(text,
                             "host=db02.ia2.test hostaddr=10.77.0.22 port=5432 user=walrepl "
                             "application_name=stand1 ",
                             85),
                     0);
    assert_non_null(strstr(text, " dbname=vospace"));
    assert_non_null(strstr(text, " passfile='/var/lib/my pass'"));
    assert_non_null(strstr(text, " connect_timeout=3"));
    assert_non_null(strstr(text, " keepalives_idle=30"));
    assert_non_null(strstr(text, " sslmode=verify-full"));
    assert_non_null(strstr(text, " sslrootcert=/ca.pem"));
    assert_non_null(strstr(text, " options='-c a=b'"));
    assert_null(strstr(text, "old.ia2.test"));
    assert_null(strstr(text, "10.0.0.9"));

    /* what agent.conf says wins; an address stays an address */
    STR_COPY(c.replication_options, "sslmode=require user=other");
    assert_int_equal(pgsettings_primary_conninfo(&c, "host=10.0.0.9 sslmode=prefer user=u", &up,
                                                 "db01", text, sizeof(text), NULL),
                     0);
    assert_string_equal(text, "host=10.77.0.22 port=5432 user=other application_name=db01 "
                              "sslmode=require");
    /* a service may have a hostaddr of its own */
    c.replication_options[0] = '\0';
    assert_int_equal(
        pgsettings_primary_conninfo(&c, "service=upstream", &up, "db01", text, sizeof(text), NULL),
        0);
    assert_string_equal(text, "host=10.77.0.22 hostaddr=10.77.0.22 port=5432 user=repl "
                              "application_name=db01 service=upstream");
}

/* DETACH empties the setting: what it said is kept, also when the agent is started anew. */
static void test_kept_conninfo(void **state)
{
    char path[300];
    struct pgkept *k = pgkept_new();

    (void)state;
    STR_PRINTF(path, "%s/primary_conninfo", made.data_directory);
    put("postgresql.conf", "port = 1\n");
    put("postgresql.auto.conf", "primary_conninfo = ''\n");
    pgkept_load(k, path); /* none yet */
    assert_string_equal(pgkept_base(k, &made), "");
    pgkept_note(k, "host=a sslmode=require");
    assert_string_equal(pgkept_base(k, &made), "host=a sslmode=require");
    pgkept_note(k, "");
    assert_string_equal(pgkept_base(k, &made), "host=a sslmode=require");
    pgkept_free(k);
    k = pgkept_new();
    pgkept_load(k, path);
    assert_string_equal(pgkept_base(k, &made), "host=a sslmode=require");
    put("postgresql.auto.conf", "primary_conninfo = 'host=b'\n"); /* by hand, while stopped */
    assert_string_equal(pgkept_base(k, &made), "host=b");
    pgkept_free(k);
}

static void test_edit_of_auto_conf(void **state)
{
    static const char *const names[] = {"primary_conninfo", "primary_slot_name"};
    static const char *const values[] = {"host=1 options='-c x\\y'", "db01"};
    static const char *const broken[] = {"a\nb", ""};
    struct err e = {0};
    AUTO(arena) a = arena_new();

    (void)state;
    assert_int_equal(pgsettings_auto_conf(&made, names, values, 1, NULL), 0); /* none there yet */
    assert_string_equal(get(a, "postgresql.auto.conf"),
                        "primary_conninfo = 'host=1 options=''-c x\\\\y'''\n");
    put("postgresql.auto.conf", "# kept\n\nPRIMARY_CONNINFO = 'x'\nwork_mem = '1MB'\n"
                                " primary_slot_name='y'\nprimary_conninfo_x = 'z'");
    assert_int_equal(pgsettings_auto_conf(&made, names, values, 2, NULL), 0);
    assert_string_equal(get(a, "postgresql.auto.conf"),
                        "# kept\n\nwork_mem = '1MB'\nprimary_conninfo_x = 'z'\n"
                        "primary_conninfo = 'host=1 options=''-c x\\\\y'''\n"
                        "primary_slot_name = 'db01'\n");
    assert_int_equal(pgsettings_auto_conf(&made, names, broken, 2, &e), ERR_INVALID);
}

static void test_slot_names(void **state)
{
    struct slot_name s;

    (void)state;
    postgres_slot_name("db-01-b", &s);
    assert_string_equal(s.name, "db_01_b");
}

int main(void)
{
#define IN_DIRECTORY(f) cmocka_unit_test_setup_teardown(f, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_of_each_version),
        cmocka_unit_test(test_control_flipped_anywhere),
        cmocka_unit_test(test_control_cut_anywhere),
        cmocka_unit_test(test_control_of_an_unknown_version),
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
        cmocka_unit_test(test_conninfo_quoting),
        cmocka_unit_test(test_primary_conninfo),
        cmocka_unit_test(test_hosts_of_a_conninfo),
        IN_DIRECTORY(test_conninfo_in_files),
        cmocka_unit_test(test_conninfo_is_kept),
        IN_DIRECTORY(test_kept_conninfo),
        IN_DIRECTORY(test_edit_of_auto_conf),
        cmocka_unit_test(test_slot_names),
    };

    return cmocka_run_group_tests_name("postgres", tests, NULL, NULL);
}
