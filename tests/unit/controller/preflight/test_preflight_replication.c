/* controller/preflight/preflight: which node streams from which, how far, on which timeline, with
 * which settings: each thing out of order is found by the check that is meant for it. */
#include "controller/preflight/preflight.h"

#include <string.h>

#include "controller/cluster/view.h"
#include "tests/unit/controller/preflight/preflight_asks.h"
#include "tests/unit/controller/preflight/preflight_world.h"
#include "tests/unit/unit.h"

static void timelines_and_who_has_most(void **state)
{
    (void)state;
    w.nodes[B].obs.pg.history[0].end++; /* number 5, but it began elsewhere */
    refuses("timeline", "both on timeline 5");

    set_up(NULL);
    w.nodes[C].obs.pg.newest_history_tli = 6;
    refuses("timeline-number", "vm has had timeline 6");

    set_up(NULL);
    w.nodes[C].obs.pg.receive_lsn += 40;
    run(PREFLIGHT_PLANNED);
    assert_true(absent("most-wal"));
    run(PREFLIGHT_UNPLANNED); /* the owner writes: it is on its way to the others */
    assert_true(result("most-wal")->ok);
    w.nodes[A].answered = false;
    run(PREFLIGHT_UNPLANNED);
    assert_false(result("most-wal")->ok);
    assert_non_null(strstr(result("most-wal")->measured, "vm 0/3000170: 40 bytes more"));
}

static void conninfo_that_leads_back(void **state)
{
    static const char *const wrong[] = {"db.ia2.test",
                                        "DB.IA2.test",
                                        "10.77.0.21",
                                        "db01",
                                        "db01.ia2.test",
                                        "localhost",
                                        "10.77.0.20,db.ia2.test",
                                        "/run/postgresql"};

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        set_up(NULL);
        STR_COPY(w.nodes[B].obs.pg.conninfo_hosts, wrong[i]);
        refuses("conninfo", "db01 names");
    }
    set_up(NULL);
    STR_COPY(w.nodes[B].obs.pg.conninfo_hosts, "db02.ia2.test,10.77.0.20,10.77.0.22");
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    /* the third node's counts too: it would follow the alias to whatever it names */
    STR_COPY(w.nodes[C].obs.pg.conninfo_hosts, "db.ia2.test");
    refuses("conninfo", "vm names db.ia2.test");
}

static void attachment(void **state)
{
    struct obs_pg *b = &w.nodes[B].obs.pg;

    (void)state;
    STR_COPY(b->receiver_host, "10.77.0.22"); /* a cascade: from vm */
    refuses("attached", "10.77.0.22");
    set_up(NULL);
    b->receiver_status[0] = '\0';
    refuses("attached", "no walreceiver");
    set_up(NULL);
    w.nodes[A].obs.pg.senders[0].address[0] = '\0';
    refuses("attached", "no walsender");
    set_up(NULL);
    STR_COPY(w.nodes[A].obs.pg.senders[0].state, "catchup");
    refuses("attached", "catchup");
}

/* A host name is as good as an address: the owner's walsender says whom it serves. */
static void attachment_by_name(void **state)
{
    struct obs_pg *a = &w.nodes[A].obs.pg, *b = &w.nodes[B].obs.pg;

    (void)state;
    STR_COPY(b->receiver_host, "db02"); /* as /etc/hosts has it */
    run(PREFLIGHT_PLANNED);
    assert_true(result("attached")->ok);
    STR_COPY(b->receiver_host, "pg-primary.internal");
    run(PREFLIGHT_PLANNED);
    assert_true(result("attached")->ok);
    STR_COPY(b->receiver_host, "192.168.7.2"); /* another address of the owner's host */
    run(PREFLIGHT_PLANNED);
    assert_true(result("attached")->ok);

    STR_COPY(b->receiver_host, "vm.ia2.test"); /* it says itself that it is another node */
    refuses("attached", "vm.ia2.test");
    STR_COPY(b->receiver_host, "pg-primary.internal");
    a->senders[0].address[0] = '\0'; /* and the owner knows nothing of it */
    refuses("attached", "pg-primary.internal");
    /* with NAT between them neither address fits, but its slot is at work */
    a->n_slots = 1;
    a->slots[0] = (struct obs_slot){.name = "db01", .active = true, .physical = true};
    STR_COPY(b->receiver_slot, "db01");
    assert_true(view_streams_from(&s.cluster.config, &w, B, A));
    STR_COPY(b->receiver_slot, "vm");
    assert_false(view_streams_from(&s.cluster.config, &w, B, A));
}

static void lag_and_replay(void **state)
{
    struct obs_pg *b = &w.nodes[B].obs.pg;

    (void)state;
    w.nodes[A].obs.pg.flush_lsn = w.nodes[A].obs.pg.insert_lsn = 0x3000148 + (16 << 20);
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0); /* exactly the limit */
    w.nodes[A].obs.pg.flush_lsn++;
    run(PREFLIGHT_PLANNED);
    assert_false(result("receive-lag")->ok);
    assert_non_null(strstr(result("receive-lag")->measured, "16777217 bytes"));
    assert_false(result("replay-lag")->ok);

    /* received, but replayed 15 minutes ago: receive alone would have passed */
    set_up(NULL);
    b->replay_lsn = 0x1000000;
    refuses("replay-lag", "33554760 bytes");

    /* "lag 0" because nothing is known */
    set_up(NULL);
    b->receive_lsn = 0;
    refuses("receive-lag", "no LSN");

    set_up(NULL);
    b->replay_paused = true;
    refuses("replay-paused", "paused");
    /* at a recovery target: to resume the replay would promote it */
    b->replay_paused = true;
    STR_COPY(b->recovery_active, "recovery_target_time = 2026-11-01 03:00:00+00");
    run(PREFLIGHT_PLANNED);
    assert_non_null(strstr(result("replay-paused")->remedy, "would promote it"));
    assert_false(result("recovery-settings")->ok);
    assert_null(strstr(result("recovery-settings")->remedy, "replay_resume()"));
    set_up(NULL);
    b->apply_delay_ms = 60000;
    refuses("apply-delay", "60000 ms");
    run(PREFLIGHT_UNPLANNED);
    assert_int_equal(result("apply-delay")->severity, SEVERITY_BLOCK);
}

/* Of a restore, on any node: the owner becomes a standby too. */
static void settings_of_a_restore(void **state)
{
    static const char found[] = "recovery_target = 'immediate' (/data/postgresql.auto.conf line 4)";

    (void)state;
    for (int i = 0; i < NODES; i++) {
        set_up(NULL);
        STR_COPY(w.nodes[i].obs.pg.recovery_settings, found);
        refuses("recovery-settings", "postgresql.auto.conf line 4");
        assert_false(result("recovery-settings")->ignorable);
        run(PREFLIGHT_UNPLANNED);
        assert_true(result("recovery-settings")->ok); /* a fence empties them */
        set_up(NULL);
        w.nodes[i].obs.pg.recovery_signal = true;
        refuses("signal-files", "recovery.signal");
        assert_false(result("signal-files")->ignorable);
    }
    set_up(NULL);
    STR_COPY(w.nodes[B].obs.pg.recovery_active, "recovery_target = immediate");
    run(PREFLIGHT_UNPLANNED);
    assert_false(result("recovery-settings")->ok);
    assert_int_equal(result("recovery-settings")->severity, SEVERITY_BLOCK);
}

static void timelines_and_capacity(void **state)
{
    struct obs_pg *b = &w.nodes[B].obs.pg;

    (void)state;
    b->tli = 6;
    b->n_history = 0;
    refuses("timeline", "timeline 6");
    set_up(NULL);
    STR_COPY(w.nodes[C].obs.pg.timeline_target, "current");
    refuses("timeline-target", "current at vm");
    set_up(NULL);
    b->max_wal_senders = 3;
    b->wal_senders_used = 2;
    refuses("walsenders", "1 free of 3");
    set_up(NULL);
    b->max_replication_slots = 1;
    refuses("slots", "1 of 1");
    set_up(NULL);
    b->version = 160002;
    refuses("server-version", "15 and 16");
    set_up(NULL);
    b->free_bytes = 5;
    refuses("disk", "0 MiB");
    set_up(NULL);
    w.nodes[A].obs.pg.ready_files = 9;
    refuses("archive-backlog", "9 files");
    set_up(NULL);
    w.nodes[A].obs.pg.ready_files = 2; /* few, but the first of them takes long */
    w.nodes[A].obs.pg.ready_oldest_s = w.nodes[A].obs.pg.archiving_s = 41;
    refuses("archive-wait", "archive_command has been running for 41 s");
    set_up(NULL);
    w.nodes[A].obs.pg.ready_oldest_s = 41;
    w.nodes[A].obs.pg.archiving_s = -1;
    refuses("archive-wait", "waited for 41 s");
    set_up(NULL);
    w.nodes[A].obs.pg.standby_signal = true;
    refuses("signal-files", "standby.signal");
    set_up(NULL);
    w.nodes[A].obs.pg.prepared_xacts = 1;
    warns("prepared-transactions");
}

/* A base backup of hours is not aborted by a --yes. */
static void a_backup_that_runs(void **state)
{
    (void)state;
    w.nodes[A].obs.pg.backups_running = 1;
    STR_COPY(w.nodes[A].obs.pg.backups, "process 4711 (pg_basebackup) of rep from 10.0.0.9, 40%");
    refuses("backups", "1 running: process 4711 (pg_basebackup) of rep from 10.0.0.9, 40%");
    s.options.yes = true;
    refuses("backups", "4711");
    s.options.wait_jobs_s = 60;
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
}

static void synchronous_names(void **state)
{
    struct obs_pg *b = &w.nodes[B].obs.pg;

    (void)state;
    STR_COPY(b->synchronous_commit, "on");
    STR_COPY(b->sync_standby_names, "*");
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0); /* vm will do */
    STR_COPY(b->sync_standby_names, "FIRST 2 (db02, vm)");
    refuses("sync-names", "1 for 'FIRST 2 (db02, vm)'");
    STR_COPY(b->sync_standby_names, "ANY 1 (db02)");
    refuses("sync-names", "0 for");
    STR_COPY(b->sync_standby_names, "vmware"); /* a name that only begins like a node's */
    refuses("sync-names", "0 for");
    STR_COPY(b->synchronous_commit, "local");
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
}

/* None but what the test says. */
int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
    const struct CMUnitTest tests[] = {
        TEST(timelines_and_who_has_most),
        TEST(conninfo_that_leads_back),
        TEST(attachment),
        TEST(attachment_by_name),
        TEST(lag_and_replay),
        TEST(settings_of_a_restore),
        TEST(timelines_and_capacity),
        TEST(a_backup_that_runs),
        TEST(synchronous_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
