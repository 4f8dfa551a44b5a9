/* Settings that a standby obeys, as files and the last command line have them (agent/postgres:
 * pgrecovery.h, pgopts.h, pgsettings_of_files()), and a recovery.signal that was left behind. */
#include "agent/postgres/pgrecovery.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgopts.h"
#include "agent/postgres/pgsettings.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

static struct postgres_config made;
static char text[PGRECOVERY_TEXT_BYTES];

static void path_of(const char *name, char path[512])
{
    str_printf(path, 512, "%s/%s", made.data_directory, name);
}

static void put(const char *name, const char *content)
{
    char path[512];

    path_of(name, path);
    assert_int_equal(file_replace(path, content, strlen(content), 0600, NULL), 0);
}

static bool there(const char *name)
{
    return pgfiles_has(&made, name);
}

static const char *get(const char *name)
{
    static char kept[4096];
    char path[512];
    char *content;
    AUTO(arena) a = arena_new();

    path_of(name, path);
    assert_int_equal(file_read(path, sizeof(kept) - 1, a, &content, NULL, NULL), 0);
    STR_COPY(kept, content);
    return kept;
}

static int set_up(void **state)
{
    char template[] = "/tmp/pgtandem-recovery-XXXXXX";
    char path[512];

    (void)state;
    made = (struct postgres_config){.port = 5432};
    STR_COPY(made.data_directory, mkdtemp(template));
    path_of("conf.d", path);
    mkdir(path, 0700);
    put("PG_VERSION", "15\n");
    put("postgresql.conf", "port = 5432\n");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"PG_VERSION",
                                        "postgresql.conf",
                                        "postgresql.auto.conf/x",
                                        "postgresql.auto.conf",
                                        "conf.d/10.conf",
                                        "conf.d/9.conf",
                                        "conf.d",
                                        "postmaster.opts",
                                        "recovery.signal",
                                        "other.conf",
                                        "recovery.signal.set-aside",
                                        "standby.signal"};
    char path[512];

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        path_of(names[i], path);
        (void)remove(path);
    }
    return rmdir(made.data_directory);
}

static void finds(bool ending, const char *what)
{
    char with[512];

    assert_true(pgrecovery_in_files(&made, ending, text));
    path_of("", with);
    if (!what[0])
        assert_string_equal(text, "");
    else if (!strstr(text, what))
        fail_msg("\"%s\" is not in \"%s\"", what, text);
}

/* ---- what is in force ------------------------------------------------------------------------ */

static void the_last_line_counts(void **state)
{
    (void)state;
    finds(false, "");
    put("postgresql.auto.conf",
        "restore_command = 'cp %p %f'\nrecovery_target_action = 'promote'\n");
    finds(false, ""); /* the action alone ends nothing */
    put("postgresql.conf", "port = 1\nRecovery_Target='immediate' # of a restore\n");
    finds(true, "recovery_target = 'immediate' (");
    finds(true, "/postgresql.conf line 2)");
    put("postgresql.auto.conf", "recovery_target = ''\nrecovery_target_xid = '7'\n");
    finds(true, "recovery_target_xid = '7' (");
    finds(true, "/postgresql.auto.conf line 2)");
    assert_null(strstr(text, "immediate"));
    put("postgresql.auto.conf", "");
    put("postgresql.conf", "include_dir 'conf.d'\n");
    put("conf.d/10.conf", "recovery_target_lsn = '0/5'\n");
    put("conf.d/9.conf", "recovery_target_lsn = ''\n"); /* after 10.conf, in byte order */
    finds(true, "");
    put("conf.d/9.conf", "recovery_target_time = '2026-11-01 03:00'\n");
    finds(true, "recovery_target_time = '2026-11-01 03:00'");
    finds(true, "recovery_target_lsn = '0/5'");
    put("postgresql.conf", "include 'missing.conf'\n");
    assert_false(pgrecovery_in_files(&made, true, text)); /* not known, not "nothing" */
}

static void what_a_standby_obeys_besides(void **state)
{
    (void)state;
    put("postgresql.conf", "recovery_end_command = 'pw=secret do'\nrecovery_target_timeline = 3\n"
                           "hot_standby = False\n");
    finds(true, "");
    finds(false, "recovery_end_command = '(a command)'");
    assert_null(strstr(text, "secret"));
    finds(false, "recovery_target_timeline = '3'");
    finds(false, "hot_standby = 'False'");
    put("postgresql.conf", "recovery_target_timeline = 'latest'\nhot_standby = on\n");
    finds(false, "");
    put("postgresql.conf", "promote_trigger_file = '/tmp/trigger'\n");
    finds(true, "promote_trigger_file");
}

/* ---- the command line ------------------------------------------------------------------------ */

static void options_of_each_version(void **state)
{
    const char *options[PGRECOVERY_OPTIONS_MAX];

    (void)state;
    assert_int_equal(pgrecovery_options(&made, options), 6);
    assert_string_equal(options[0], "recovery_target=");
    assert_string_equal(options[5], "promote_trigger_file=");
    put("PG_VERSION", "16\n"); /* it would not start with a setting that it does not know */
    assert_int_equal(pgrecovery_options(&made, options), 5);
    put("PG_VERSION", "?\n");
    assert_int_equal(pgrecovery_options(&made, options), 5);
}

static void the_last_postmasters_options(void **state)
{
    struct pgopts o;
    char line[1024];

    (void)state;
    assert_false(pgopts_read(made.data_directory, &o));
    STR_PRINTF(line,
               "/usr/lib/postgresql/15/bin/postgres \"-D\" \"%s\" \"-c\" "
               "\"config_file=/etc/postgresql/15/main/postgresql.conf\"\n",
               made.data_directory);
    put("postmaster.opts", line);
    assert_true(pgopts_read(made.data_directory, &o));
    assert_string_equal(o.config_file, "/etc/postgresql/15/main/postgresql.conf");
    assert_string_equal(o.others, "");
    pgopts_parse("/x/postgres \"-D\" \"/etc/pg\" \"-p\" \"5433\" \"-c\" \"recovery_target=\" "
                 "\"--work_mem=1MB\" \"-F\" \"-c\" \"a=b \"c\" d\"\n",
                 "/data", &o);
    assert_string_equal(o.config_file, "/etc/pg/postgresql.conf");
    assert_string_equal(o.others, "-p 5433 -c work_mem=1MB -F -c a=b \"c\" d");
    pgopts_parse("/x/postgres\n", "/data", &o);
    assert_string_equal(o.config_file, "");
}

/* The main file is where the last start found it, if agent.conf does not say. */
static void the_main_file_is_found(void **state)
{
    char line[1024];

    (void)state;
    put("other.conf", "recovery_target_name = 'before'\n");
    STR_PRINTF(line, "/x/postgres \"-D\" \"%s\" \"--config_file=%s/other.conf\"\n",
               made.data_directory, made.data_directory);
    put("postmaster.opts", line);
    finds(true, "other.conf line 1)");
    STR_PRINTF(made.config_file, "%s/postgresql.conf", made.data_directory);
    finds(true, "");
}

/* ---- making it harmless ---------------------------------------------------------------------- */

static void emptied_and_told(void **state)
{
    struct err e;
    char path[512];

    (void)state;
    assert_int_equal(pgrecovery_disarm(&made, text, &e), 0);
    assert_string_equal(text, "");
    assert_false(there("postgresql.auto.conf")); /* nothing is touched for nothing */
    put("postgresql.conf", "recovery_target = 'immediate'\n");
    put("postgresql.auto.conf", "work_mem = '1MB'\nrecovery_target_action = 'promote'\n"
                                "promote_trigger_file = '/tmp/x'\n");
    assert_int_equal(pgrecovery_disarm(&made, text, &e), 0);
    assert_non_null(strstr(text, "recovery_target = 'immediate'"));
    assert_string_equal(get("postgresql.auto.conf"),
                        "work_mem = '1MB'\nrecovery_target_action = 'promote'\n"
                        "recovery_target = ''\npromote_trigger_file = ''\n");
    assert_string_equal(get("postgresql.conf"), "recovery_target = 'immediate'\n");
    finds(true, "");

    path_of("postgresql.auto.conf", path);
    unlink(path);
    mkdir(path, 0700);
    put("postgresql.auto.conf/x", "");
    assert_int_equal(pgrecovery_disarm(&made, text, &e), ERR_REFUSED);
    assert_non_null(strstr(e.msg, "recovery_target = 'immediate'"));
    assert_non_null(strstr(e.msg, "postgresql.auto.conf"));
}

static void a_recovery_signal_is_set_aside(void **state)
{
    bool was = true;

    (void)state;
    assert_int_equal(postgres_recovery_signal_set_aside(&made, &was, NULL), 0);
    assert_false(was);
    put("recovery.signal", "# restored on Sunday\n");
    assert_int_equal(postgres_recovery_signal_set_aside(&made, &was, NULL), 0);
    assert_true(was);
    assert_false(there("recovery.signal"));
    assert_string_equal(get("recovery.signal.set-aside"), "# restored on Sunday\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_line_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_standby_obeys_besides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(options_of_each_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_postmasters_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_main_file_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(emptied_and_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_recovery_signal_is_set_aside, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
