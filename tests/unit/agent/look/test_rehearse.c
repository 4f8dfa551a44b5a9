/* Rehearsals: what is said of a refused connection, the canary's line, words of a command. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/jobs/canary_text.h"
#include "agent/look/inspect_parts.h"
#include "agent/postgres/pgrehearse.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/messages.h"
#include "tests/unit/unit.h"

static const struct upstream db01 = {.node = "db01", .address = "10.77.0.21", .port = 5433};

static void remedy(const char *text, const char *expected)
{
    char said[240];

    pgrehearse_remedy(text, &db01, "10.77.0.23", "replicator", said, sizeof(said));
    if (!strstr(said, expected))
        fail_msg("\"%s\": \"%s\" is not in \"%s\"", text, expected, said);
}

static void the_reason_is_the_servers(void **state)
{
    (void)state;
    assert_string_equal(
        pgrehearse_reason("PostgreSQL of db01: cannot connect: connection to server at "
                          "\"10.77.0.21\", port 5432 failed: FATAL:  the role is gone"),
        "the role is gone");
    assert_string_equal(pgrehearse_reason("connection to server at \"10.77.0.21\", port 5432 "
                                          "failed: Connection refused Is it running?"),
                        "Connection refused Is it running?");
    assert_string_equal(pgrehearse_reason("no answer within 900 ms"), "no answer within 900 ms");
}

static void the_remedy_is_a_line_to_type(void **state)
{
    (void)state;
    /* the address that the server saw, which need not be the one that we think we have */
    remedy("no pg_hba.conf entry for replication connection from host \"10.99.0.1\", user "
           "\"replicator\", no encryption",
           "on db01, to pg_hba.conf: host replication replicator 10.99.0.1/32 ");
    remedy("no pg_hba.conf entry for replication connection from host \"fd00::7\", user "
           "\"replicator\", SSL encryption",
           "hostssl replication replicator fd00::7/128 ");
    remedy("no pg_hba.conf entry for replication connection from host \"10.99.0.1\", user "
           "\"replicator\", SSL encryption connection to server failed: FATAL:  no pg_hba.conf "
           "entry for replication connection from host \"10.99.0.1\", user \"replicator\", no "
           "encryption",
           ": host replication");
    remedy("pg_hba.conf rejects replication connection", "replicator 10.77.0.23/32 ");
    remedy("password authentication failed for user \"replicator\"",
           "10.77.0.21:5433:replication:replicator:");
    remedy("fe_sendauth: no password supplied", ".pgpass");
    remedy("must be superuser or replication role to start walsender", "LOGIN REPLICATION");
    remedy("role \"replicator\" does not exist", "LOGIN REPLICATION");
    remedy("number of requested standby connections exceeds max_wal_senders (currently 2)",
           "SET max_wal_senders");
    remedy("root certificate file \"/x\" does not exist", "replic");
    remedy("no answer within 900 ms", "at 10.77.0.21 port 5433 from here");
}

/* ---- rights ---------------------------------------------------------------------------------- */

static void missing(const struct pgrights *g, const char *said, const char *remedy_has)
{
    char what[200], how[240];

    if (!pgrehearse_rights_missing(g, "tandem", true, what, sizeof(what), how, sizeof(how)))
        fail_msg("nothing is missing, not %s", said);
    if (!strstr(what, said) || !strstr(how, remedy_has))
        fail_msg("%s | %s, not %s | %s", what, how, said, remedy_has);
}

static void each_right_is_asked_for(void **state)
{
    const struct pgrights all = {.version = 150018,
                                 .alter_allowed = true,
                                 .alter = true,
                                 .checkpoint = true,
                                 .promote = true,
                                 .slots = true,
                                 .reload = true};
    struct pgrights g = all;
    char a[200], b[240];

    (void)state;
    assert_false(pgrehearse_rights_missing(&all, "tandem", true, a, sizeof(a), b, sizeof(b)));
    g.alter_allowed = false; /* 17: to everybody, a superuser too */
    missing(&g, "allow_alter_system is off", "allow_alter_system = on");
    g = all;
    g.alter = false;
    missing(&g, "primary_conninfo", "GRANT ALTER SYSTEM ON PARAMETER primary_conninfo");
    g.version = 140010;
    missing(&g, "primary_conninfo", "SUPERUSER");
    g = all;
    g.promote = false;
    missing(&g, "pg_promote()", "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO tandem");
    g = all;
    g.checkpoint = false;
    missing(&g, "CHECKPOINT", "GRANT pg_checkpoint TO tandem");
    g.version = 140010;
    missing(&g, "CHECKPOINT", "SUPERUSER");
    g = all;
    g.slots = false;
    missing(&g, "slots", "ALTER ROLE tandem REPLICATION");
    g = all;
    g.reload = false;
    missing(&g, "pg_reload_conf()", "GRANT EXECUTE");
    assert_false(pgrehearse_rights_missing(&g, "tandem", false, a, sizeof(a), b, sizeof(b)));
}

/* ---- $libdir --------------------------------------------------------------------------------- */

static void the_library_directory_is_proven(void **state)
{
    char top[] = "/tmp/test_rehearse.XXXXXX", path[128], directory[256], bin[64];
    static const char *const made[] = {"bin", "lib", "lib64", "lib64/pgsql", NULL};

    (void)state;
    assert_non_null(mkdtemp(top));
    STR_PRINTF(bin, "%s/bin", top);
    for (size_t i = 0; made[i]; i++) { /* lib is there, and of something else */
        STR_PRINTF(path, "%s/%s", top, made[i]);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_false(inspect_library_directory(bin, directory, sizeof(directory)));
    }
    STR_PRINTF(path, "%s/lib64/pgsql/libpqwalreceiver.so", top); /* as Rocky's own package has it */
    assert_int_equal(file_replace(path, "x", 1, 0600, NULL), 0);
    assert_true(inspect_library_directory(bin, directory, sizeof(directory)));
    assert_non_null(strstr(directory, "/bin/../lib64/pgsql"));
    assert_int_equal(unlink(path), 0);
    for (size_t i = 4; i-- > 0;) {
        STR_PRINTF(path, "%s/%s", top, made[i]);
        assert_int_equal(rmdir(path), 0);
    }
    assert_int_equal(rmdir(top), 0);
}

/* ---- the canary's line ----------------------------------------------------------------------- */

#define NONCE "0123456789abcdef0123456789abcdef"
#define PATH "/var/lib/pgtandem-agent/canary.fired"

static void the_line_comes_and_goes(void **state)
{
    static const char *const texts[] = {
        "30 4 * * 1\tvacuumdb -a -q\n",
        "MAILTO=\"\"\n# BEGIN pgtandem\n#pgtandem-off# * * * * *  x  \n# END pgtandem\n\n\n",
        "# " CANARY_MARK "\n* * * * * a\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        AUTO(arena) a = arena_new();
        char *with, *without;
        struct err e;

        assert_int_equal(canary_text_add(texts[i], PATH, NONCE, a, &with, &e), 0);
        assert_memory_equal(with, texts[i], strlen(texts[i]));
        assert_string_equal(with + strlen(texts[i]),
                            "* * * * * echo " NONCE " >'" PATH "' " CANARY_MARK "\n");
        assert_true(canary_text_remove(with, a, &without));
        assert_string_equal(without, texts[i]);
        assert_false(canary_text_remove(without, a, &without)); /* a human's comment stays */
        assert_string_equal(without, texts[i]);
    }
}

static void a_line_that_was_left_twice_goes_twice(void **state)
{
    AUTO(arena) a = arena_new();
    char *text;

    (void)state;
    assert_true(canary_text_remove("1 x " CANARY_MARK "\n2 y\n3 z " CANARY_MARK, a, &text));
    assert_string_equal(text, "2 y\n");
}

static void where_no_line_may_stand(void **state)
{
    AUTO(arena) a = arena_new();
    char *text;
    struct err e;

    (void)state;
    assert_int_equal(canary_text_add("", PATH, NONCE, a, &text, &e), ERR_REFUSED);
    assert_int_equal(canary_text_add("* * * * * x", PATH, NONCE, a, &text, &e), ERR_REFUSED);
    assert_int_equal(canary_text_add("#\n", "/a%b", NONCE, a, &text, &e), ERR_REFUSED);
    assert_int_equal(canary_text_add("#\n", "/it's", NONCE, a, &text, &e), ERR_REFUSED);
    assert_true(e.hint[0] != '\0');
}

static void words_without_a_shell(void **state)
{
    char text[] = "  /bin/probe\t-x  'a b' ";
    char none[] = " \t";
    const char *argv[5];

    (void)state;
    assert_int_equal(str_words(text, argv, 4), 4);
    assert_string_equal(argv[0], "/bin/probe");
    assert_string_equal(argv[2], "'a");
    assert_string_equal(argv[3], "b'");
    assert_null(argv[4]);
    assert_int_equal(str_words(none, argv, 4), 0);
    assert_null(argv[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_is_the_servers),
        cmocka_unit_test(the_remedy_is_a_line_to_type),
        cmocka_unit_test(each_right_is_asked_for),
        cmocka_unit_test(the_library_directory_is_proven),
        cmocka_unit_test(the_line_comes_and_goes),
        cmocka_unit_test(a_line_that_was_left_twice_goes_twice),
        cmocka_unit_test(where_no_line_may_stand),
        cmocka_unit_test(words_without_a_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
