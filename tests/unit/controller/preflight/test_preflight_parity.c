/* The checks over two inspections, the owner's and the target's: alike they pass; each single
 * difference is found by its check, with its number; what one cannot tell is told as not looked
 * at. */
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "controller/cluster/observe.h"
#include "controller/preflight/preflight_checks.h"
#include "controller/session/session.h"
#include "tests/unit/controller/preflight/inspect_set.h"
#include "tests/unit/unit.h"

enum { A, B, NODES };

static struct config c;
static struct world w;
static struct inspect facts[NODES];
static struct check_view v;
static struct preflight_result r;

static void rule(struct inspect *i, const char *text)
{
    STR_COPY(i->hba[i->n_hba].text, text);
    i->hba_rules = (int64_t)++i->n_hba;
}

static void mount_at(struct inspect *i, const char *name, bool separate)
{
    struct inspect_mount *m = &i->mounts[i->n_mounts++];

    *m = (struct inspect_mount){.present = true, .separate = separate, .free_bytes = 10 << 20};
    STR_COPY(m->name, name);
    STR_PRINTF(m->path, "/srv/%s", name);
}

static void make_facts(struct inspect *i)
{
    *i = (struct inspect){.pg_answered = true, .oldest_xact_s = -1, .archive_failed_s = -1};
    set(i, "max_connections", "100");
    set(i, "max_worker_processes", "8");
    set(i, "wal_level", "replica");
    set(i, "archive_command", "set, 0123456789ab");
    set(i, "shared_preload_libraries", "pg_stat_statements, auto_explain");
    set(i, "port", "5432");
    set(i, "listen_addresses", "localhost,10.77.0.21");
    set(i, "ssl", "on");
    set(i, "default_transaction_read_only", "off");
    rule(i, "local all postgres peer");
    rule(i, "host all app 10.77.0.0 255.255.255.0 scram-sha-256");
    mount_at(i, "data", false);
    mount_at(i, "tablespace big", true);
    STR_COPY(i->libc, "glibc 2.36");
    i->certificate_until_ms = clock_wall_ms() + INT64_C(90) * 86400000 + 3600000;
    i->certificate_covers_alias = true;
}

static int set_up(void **state)
{
    (void)state;
    c = (struct config){.n_nodes = NODES,
                        .limits = {.free_bytes = 1 << 20,
                                   .xact_age_s = 60,
                                   .backup_age_s = 26 * 3600,
                                   .ttl_s = 300,
                                   .certificate_days = 14}};
    STR_COPY(c.nodes[A].name, "db02");
    STR_COPY(c.nodes[B].name, "db01");
    STR_COPY(c.nodes[B].address, "10.77.0.21");
    STR_COPY(c.cluster.alias, "db.ia2.test");
    w = (struct world){.n_nodes = NODES};
    for (int i = 0; i < NODES; i++) {
        make_facts(&facts[i]);
        w.nodes[i].answered = w.nodes[i].inspect_asked = true;
        w.nodes[i].inspect = &facts[i];
    }
    v = (struct check_view){.c = &c,
                            .w = &w,
                            .from = A,
                            .to = B,
                            .owner_name = "db02",
                            .target_name = "db01",
                            .owner = &w.nodes[A].obs,
                            .target = &w.nodes[B].obs,
                            .owner_inspection = &facts[A],
                            .target_inspection = &facts[B]};
    return 0;
}

static void passes(check_fn check)
{
    r = (struct preflight_result){.ok = false};
    if (!check(&v, &r))
        fail_msg("%s (should be %s)", r.measured, r.threshold);
}

static void refuses(check_fn check, const char *measured)
{
    r = (struct preflight_result){.ok = false};
    assert_false(check(&v, &r));
    if (!strstr(r.measured, measured))
        fail_msg("\"%s\", expected \"%s\" in it", r.measured, measured);
    assert_true(*r.remedy != '\0');
}

/* ---- tests ----------------------------------------------------------------------------------- */

static const check_fn all[] = {
    check_settings_capacity,
    check_settings_alike,
    check_read_only,
    check_pending_restart,
    check_preload,
    check_port,
    check_listen,
    check_tls,
    check_certificate,
    check_hba,
    check_ident,
    check_hba_errors,
    check_libraries,
    check_collations,
    check_libc,
    check_mounts,
    check_disk_data,
    check_unlogged,
    check_transactions,
    check_dumps,
    check_archiver,
    check_replication_role,
    check_rewind_rights,
    check_backup_age,
    check_backup_outlives,
    check_foreign_jobs,
    check_inspected,
};

static void alike_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        passes(all[i]);
}

/* Why the others had nothing to judge by. */
/* What a connection has proven counts, no text against it; without one a name proves nothing. */
static void listening_is_proven_by_a_connection(void **state)
{
    static const struct rehearsal connected = {
        .kind = REHEARSAL_REPLICATION, .verdict = REHEARSAL_PASSED, .node = "db01", .sysid = 7301};

    (void)state;
    set(&facts[B], "listen_addresses", "db01.ia2.test");
    r = (struct preflight_result){.ok = false};
    assert_false(check_listen(&v, &r));
    assert_true(r.unchecked);
    w.nodes[A].rehearsals = &connected;
    w.nodes[A].n_rehearsals = 1;
    passes(check_listen);
    set(&facts[B], "listen_addresses", "localhost"); /* a proxy? It was reached at its address */
    passes(check_listen);
}

/* Nothing missing in one of twelve databases says nothing about the others. */
static void what_was_not_looked_into(void **state)
{
    static const check_fn each[] = {check_libraries, check_collations, check_unlogged};

    (void)state;
    facts[B].databases = 12;
    facts[B].databases_seen = 1;
    STR_COPY(facts[B].problem, "database vospace: no pg_hba.conf entry");
    for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++) {
        r = (struct preflight_result){.ok = false};
        assert_false(each[i](&v, &r));
        assert_true(r.unchecked);
        assert_non_null(strstr(r.measured, "1 of 12 databases of db01"));
        assert_non_null(strstr(r.measured, "vospace"));
    }
    facts[B].databases_seen = 12;
    facts[B].problem[0] = '\0';
    passes(check_libraries);
    STR_COPY(facts[B].libraries_unchecked, "the server's library directory is not known");
    r = (struct preflight_result){.ok = false};
    assert_false(check_libraries(&v, &r));
    assert_true(r.unchecked);
    STR_COPY(facts[B].denied, "pg_hba_file_rules"); /* no right is no fault */
    r = (struct preflight_result){.ok = false};
    assert_false(check_inspected(&v, &r));
    assert_true(r.unchecked);
    assert_non_null(strstr(r.measured, "pg_hba_file_rules"));
}

static void without_an_inspection(void **state)
{
    (void)state;
    v.target_inspection = w.nodes[B].inspect = NULL;
    err_set(&w.nodes[B].inspect_error, ERR_TIMEOUT, "", "the inspection did not end in 900 ms");
    assert_false(check_inspected(&v, &r));
    assert_true(r.unchecked); /* a busy host: nothing is said of it yet */
    w.asked_in_full = true;
    refuses(check_inspected, "db01: the inspection did not end in 900 ms");
    w.asked_in_full = false;
}

static void settings(void **state)
{
    (void)state;
    set(&facts[B], "max_connections", "90");
    refuses(check_settings_capacity, "max_connections 90 instead of 100");
    assert_non_null(strstr(r.remedy, "ALTER SYSTEM SET max_connections = 100"));
    set(&facts[B], "max_connections", "500");
    passes(check_settings_capacity);
    set(&facts[B], "archive_command", "set, ba9876543210");
    refuses(check_settings_alike, "archive_command 'set, ba9876543210'");
    set(&facts[B], "shared_preload_libraries", "auto_explain");
    refuses(check_preload, "pg_stat_statements: not at db01");
    set(&facts[B], "default_transaction_read_only", "on");
    refuses(check_read_only, "on at db01");
    facts[B].settings[1].pending_restart = true;
    refuses(check_pending_restart, "max_worker_processes at db01");
}

static void reaching_it(void **state)
{
    (void)state;
    set(&facts[B], "port", "5433");
    refuses(check_port, "5433 at db01");
    set(&facts[B], "listen_addresses", "localhost");
    refuses(check_listen, "'localhost'");
    set(&facts[B], "listen_addresses", "10.77.0.211"); /* begins like its own */
    refuses(check_listen, "'10.77.0.211'");
    set(&facts[B], "listen_addresses", "*");
    passes(check_listen);
    facts[B].certificate_covers_alias = false;
    refuses(check_certificate, "not the alias");
    facts[A].certificate_covers_alias = false; /* then nobody verifies it */
    passes(check_certificate);
    facts[B].certificate_until_ms = clock_wall_ms() + INT64_C(3) * 86400000 + 3600000;
    refuses(check_certificate, "3 days");
    set(&facts[B], "ssl", "off");
    refuses(check_tls, "on at db02, off at db01");
    set(&facts[A], "ssl", "off");
    passes(check_tls);
}

static void rules_of_pg_hba(void **state)
{
    (void)state;
    rule(&facts[A], "host all app 10.9.0.0 255.255.0.0 md5");
    refuses(check_hba, "1 not at db01, 0 only there: host all app 10.9.0.0");
    rule(&facts[B], "host all app 10.8.0.0 255.255.0.0 md5");
    refuses(check_hba, "1 not at db01, 1 only there");

    set_up(NULL);
    struct inspect_text first = facts[B].hba[0];
    facts[B].hba[0] = facts[B].hba[1];
    facts[B].hba[1] = first;
    refuses(check_hba, "another order, from rule 1");
    facts[A].hba_errors = 2;
    refuses(check_hba_errors, "2 in error at db02");
}

static void files(void **state)
{
    (void)state;
    facts[B].mounts[1].separate = false;
    refuses(check_mounts, "tablespace big");
    facts[B].mounts[1].present = false;
    refuses(check_mounts, "is not at db01");
    facts[B].mounts[1].free_bytes = 1000;
    refuses(check_disk_data, "0 MiB free for tablespace big");
    facts[B].missing_count = 1;
    facts[B].n_missing = 1;
    STR_COPY(facts[B].missing[0].text, "gis: postgis 3.3.2: extension not installed here");
    refuses(check_libraries, "1 missing: gis: postgis 3.3.2");
    facts[B].collations_count = 3;
    refuses(check_collations, "3 differ");
    STR_COPY(facts[B].libc, "glibc 2.28");
    refuses(check_libc, "glibc 2.28");
}

static void activity(void **state)
{
    (void)state;
    facts[A].oldest_xact_s = 61;
    refuses(check_transactions, "61 s");
    facts[A].dumps = 1;
    refuses(check_dumps, "1 running");
    facts[A].archive_failing = true;
    STR_COPY(facts[A].archive_failed_wal, "00000001000000000000002A");
    refuses(check_archiver, "00000001000000000000002A failed");
    STR_COPY(facts[B].replication_role, "replicator lacks REPLICATION");
    refuses(check_replication_role, "lacks REPLICATION");
    w.nodes[A].obs.pg.n_slots = 2;
    w.nodes[A].obs.pg.slots[0].physical = true;
    STR_COPY(w.nodes[A].obs.pg.slots[1].name, "cdc");
    refuses(check_logical_slots, "cdc");
}

static void backup(struct inspect *i, int64_t hours, const char *place, bool outlives)
{
    i->backup_configured = true;
    i->backup_ms = clock_wall_ms() - hours * 3600000;
    i->backup_outlives = outlives;
    STR_COPY(i->backup_place, place);
}

static void backups(void **state)
{
    (void)state;
    facts[A].backup_configured = true;
    refuses(check_backup_age, "none found");
    backup(&facts[A], 2, "db02:/backup/base.tar", false);
    passes(check_backup_age);
    refuses(check_backup_outlives, "owner's own disks");
    backup(&facts[A], 2, "db02:/nfs/base.tar", true);
    passes(check_backup_outlives);
    backup(&facts[A], 27, "db02:/nfs/base.tar", true);
    refuses(check_backup_age, "27 h old, db02:/nfs/base.tar");
    backup(&facts[B], 3, "db01:/backup/base.tar", false); /* the target's own disk stays */
    passes(check_backup_age);
    passes(check_backup_outlives);
}

static void jobs_elsewhere(void **state)
{
    (void)state;
    facts[A].jobs_count = 2;
    facts[A].n_jobs = 2;
    facts[A].jobs[0] = (struct inspect_job){
        .place = "/etc/cron.d/x:3", .what = "postgres: pg_dump", .hash = "0123456789abcdef"};
    facts[A].jobs[1] = (struct inspect_job){
        .place = "vac.timer", .what = "root: vacuumdb", .hash = "fedcba9876543210"};
    refuses(check_foreign_jobs, "2: db02 /etc/cron.d/x:3 (postgres: pg_dump)");
    STR_COPY(c.preflight.acknowledged_foreign, "/etc/cron.d/x, vac");
    refuses(check_foreign_jobs, "1: db02 vac.timer");
    STR_COPY(c.preflight.acknowledged_foreign, "0123456789abcdef,vac.timer");
    passes(check_foreign_jobs);
}

static void names_in_dns(void **state)
{
    (void)state;
    w.nodes[B].target_asked = true;
    w.nodes[B].target.n = 1;
    STR_COPY(w.nodes[B].target.address[0], "10.77.0.99");
    refuses(check_target_address, "10.77.0.99");
    STR_COPY(w.nodes[B].target.address[0], "10.77.0.21");
    passes(check_target_address);
    w.d = (struct dns_view){.status = DNS_VIEW_OK, .cname_present = true, .cname_ttl = 3600};
    refuses(check_ttl, "3600 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(alike_passes, set_up),
        cmocka_unit_test_setup(without_an_inspection, set_up),
        cmocka_unit_test_setup(listening_is_proven_by_a_connection, set_up),
        cmocka_unit_test_setup(what_was_not_looked_into, set_up),
        cmocka_unit_test_setup(settings, set_up),
        cmocka_unit_test_setup(reaching_it, set_up),
        cmocka_unit_test_setup(rules_of_pg_hba, set_up),
        cmocka_unit_test_setup(files, set_up),
        cmocka_unit_test_setup(activity, set_up),
        cmocka_unit_test_setup(backups, set_up),
        cmocka_unit_test_setup(jobs_elsewhere, set_up),
        cmocka_unit_test_setup(names_in_dns, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
