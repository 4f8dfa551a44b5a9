/* Connection strings and settings: written, found in the files that a start reads, kept. */
#include "agent/postgres/pgsettings.h"

#include "agent/postgres/pgkept.h"
#include "base/buf.h"
#include "tests/unit/agent/postgres/pgdata.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conninfo_quoting),    cmocka_unit_test(test_primary_conninfo),
        cmocka_unit_test(test_hosts_of_a_conninfo), IN_DIRECTORY(test_conninfo_in_files),
        cmocka_unit_test(test_conninfo_is_kept),    IN_DIRECTORY(test_kept_conninfo),
        IN_DIRECTORY(test_edit_of_auto_conf),
    };

    return cmocka_run_group_tests_name("pgsettings", tests, NULL, NULL);
}
