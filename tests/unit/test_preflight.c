/* controller/preflight/preflight: a synthetic cluster in order passes; each single thing out of
 * order is found by the check that is meant for it, with its number, and by no other blocking
 * one. */
#include "controller/preflight/preflight.h"

#include <string.h>

#include "controller/world/view.h"
#include "tests/unit/preflight_world.h"
#include "tests/unit/unit.h"

/* ---- helpers --------------------------------------------------------------------------------- */

static bool absent(const char *name)
{
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.results[i].name, name) == 0)
            return false;
    return true;
}

static const struct preflight_result *result(const char *name)
{
    size_t i = 0;

    while (i + 1 < p.n && strcmp(p.results[i].name, name) != 0)
        i++;
    assert_string_equal(p.results[i].name, name);
    return &p.results[i];
}

static bool failed(const struct preflight_result *r)
{
    return !r->ok && !r->unchecked;
}

static void run(enum preflight_kind kind)
{
    preflight_run(&s, &w, kind, A, B, &p);
}

/* In a switchover exactly this check refuses, says so with `measured` in it, and has a remedy. */
static void refuses(const char *name, const char *measured)
{
    run(PREFLIGHT_PLANNED);
    const struct preflight_result *r = result(name);

    for (size_t i = 0; i < p.n; i++)
        if (failed(&p.results[i]) && p.results[i].severity == SEVERITY_BLOCK)
            assert_string_equal(p.results[i].name, name);
    assert_false(r->ok);
    assert_int_equal(p.blocking, 1);
    if (!strstr(r->measured, measured))
        fail_msg("%s: measured \"%s\", expected \"%s\" in it", name, r->measured, measured);
    assert_true(*r->remedy != '\0');
    assert_true(*r->threshold != '\0');
}

static void warns(const char *name)
{
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    assert_int_equal(p.warnings, 1);
    assert_false(result(name)->ok);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void all_is_well(void **state)
{
    (void)state;
    run(PREFLIGHT_PLANNED);
    for (size_t i = 0; i < p.n; i++)
        if (failed(&p.results[i]))
            fail_msg("%s: %s", p.results[i].name, p.results[i].measured);
    assert_int_equal(p.blocking + p.warnings, 0);
    assert_int_equal(preflight_verdict(&p, NULL), 0);
    assert_true(p.n > 35);
}

static void failover_with_a_dead_owner_passes(void **state)
{
    (void)state;
    w.nodes[A].answered = false;
    run(PREFLIGHT_UNPLANNED);
    for (size_t i = 0; i < p.n; i++)
        if (failed(&p.results[i]))
            fail_msg("%s: %s", p.results[i].name, p.results[i].measured);
    assert_true(absent("attached")); /* off: a dead owner sends nothing */
}

static void register_and_roles(void **state)
{
    (void)state;
    w.nodes[C].obs.pg.role = PG_WRITABLE;
    refuses("one-writable", "2 writable: db02, vm");

    set_up(NULL);
    w.d.record.state = REGISTER_CLAIM;
    STR_COPY(w.d.record.by, "eve@ctl2");
    refuses("no-open-transition", "eve@ctl2");

    set_up(NULL);
    w.nodes[C].obs.epoch = 9;
    refuses("epoch", "agents 9 at vm");

    set_up(NULL);
    w.nodes[C].obs.pg.sysid = 42;
    refuses("system-identifier", "vm has 42");

    set_up(NULL);
    w.nodes[C].obs.state_ok = false;
    refuses("agent-state", "vm");

    set_up(NULL);
    STR_COPY(w.nodes[A].obs.peers, "db01,vm2"); /* its guard would not ask vm */
    refuses("peers", "does not list vm");

    set_up(NULL);
    w.key_tried = true;
    err_set(&w.key_error, ERR_DNS, "look at update-policy", "the update is refused");
    refuses("update-key", "refused");

    set_up(NULL);
    STR_COPY(w.d.cname, "elsewhere.ia2.test");
    refuses("alias", "elsewhere");

    set_up(NULL);
    w.survey.ns[1].agrees = false;
    refuses("name-servers", "1 of 2");

    set_up(NULL);
    w.nodes[B].skew_ms = -2500;
    refuses("clocks", "-2500 ms at db01");

    set_up(NULL);
    w.nodes[C].answered = false;
    warns("other-agents");
}

static void silent_dns_and_owner(void **state)
{
    (void)state;
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    run(PREFLIGHT_PLANNED);
    assert_false(result("register")->ok);
    assert_true(p.blocking > 0);

    set_up(NULL);
    w.nodes[A].answered = false;
    refuses("owner", "db02 does not answer");

    set_up(NULL);
    preflight_run(&s, &w, PREFLIGHT_PLANNED, A, A, &p);
    assert_false(result("target")->ok);
    assert_non_null(strstr(result("target")->measured, "db02 is the owner already"));
}

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
    assert_true(view_streams_from(&s.config, &w, B, A));
    STR_COPY(b->receiver_slot, "vm");
    assert_false(view_streams_from(&s.config, &w, B, A));
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
static void unrehearsed(void)
{
    set_up(NULL);
    for (int i = 0; i < NODES; i++)
        w.nodes[i].n_rehearsals = 0;
}

static void crontabs(void **state)
{
    (void)state;
    STR_COPY(w.nodes[B].obs.cron.parity, "other");
    refuses("cron-parity", "differ");
    w.nodes[B].obs.cron.damaged = true;
    STR_COPY(w.nodes[B].obs.cron.problem, "line 5: what it is");
    refuses("cron-parity", "the block at db01 is damaged: line 5: what it is");
    w.nodes[A].obs.cron.damaged = true;
    refuses("cron-parity", "the block at db02 is damaged");
    set_up(NULL);
    w.nodes[B].obs.cron.daemon_running = false;
    refuses("cron-daemon", "not running at db01");
    set_up(NULL);
    w.nodes[C].obs.cron.entries_on = 1;
    refuses("cron-single", "on at vm");
    set_up(NULL);
    w.nodes[A].obs.cron.jobs_running = 1;
    STR_COPY(w.nodes[A].obs.cron.jobs, "4711 pg_dump");
    refuses("jobs", "4711 pg_dump");
    s.options.wait_jobs_s = 60;
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    unrehearsed();
    w.nodes[A].obs.can_stop = false;
    refuses("stop-permission", "no at db02");
}

static void rehearsals(void **state)
{
    (void)state;
    unrehearsed();
    rehearse(C, REHEARSAL_REPLICATION, REHEARSAL_FAILED, "db01", "no pg_hba.conf entry");
    refuses("replication-to", "vm -> db01: no pg_hba.conf entry");
    unrehearsed();
    rehearse(A, REHEARSAL_REPLICATION, REHEARSAL_FAILED, "db01", "password");
    run(PREFLIGHT_UNPLANNED); /* it is lost: whom it could follow matters later */
    assert_false(failed(result("replication-to")));
    unrehearsed();
    rehearse(A, REHEARSAL_REPLICATION, REHEARSAL_PASSED, "db01", "")->sysid = SYSID + 1;
    refuses("replication-identity", "from db02, the address of db01 leads to 7302");
    unrehearsed();
    rehearse(B, REHEARSAL_REPLICATION, REHEARSAL_FAILED, "db02", "password");
    warns("replication-from");
    unrehearsed();
    rehearse(C, REHEARSAL_KEY, REHEARSAL_FAILED, "", "the agents' key may change the zone");
    refuses("agents-key", "may change the zone");
    unrehearsed();
    rehearse(A, REHEARSAL_STOP, REHEARSAL_FAILED, "", "not permitted");
    refuses("stop-permission", "db02: not permitted");
    unrehearsed();
    rehearse(B, REHEARSAL_START, REHEARSAL_FAILED, "", "cannot be executed");
    refuses("start-permission", "db01: cannot be executed");
    for (int i = 0; i < NODES; i++) { /* the owner becomes a standby, the third node follows */
        unrehearsed();
        rehearse(i, REHEARSAL_RIGHTS, REHEARSAL_FAILED, "", "may not set primary_conninfo");
        refuses("rights", "may not set primary_conninfo");
        run(PREFLIGHT_UNPLANNED); /* there is another way, then */
        assert_int_equal(result("rights")->severity, SEVERITY_WARN);
    }
    unrehearsed();
    rehearse(B, REHEARSAL_CRONTAB, REHEARSAL_FAILED, "", "You are not allowed");
    refuses("cron-write", "db01: You are not allowed");
    unrehearsed();
    rehearse(B, REHEARSAL_ARCHIVE, REHEARSAL_FAILED, "", "status 1: no bucket");
    refuses("archive-probe", "status 1: no bucket");
    unrehearsed();
    rehearse(B, REHEARSAL_CANARY, REHEARSAL_FAILED, "", "cron did not fire it");
    run(PREFLIGHT_PLANNED);
    assert_true(result("canary")->ok); /* it was not asked for */
    s.options.canary = true;
    refuses("canary", "cron did not fire it");
}

/* What ran out of its share of time refuses nothing and warns of nothing, before it has had all the
 * time that a move gives it. */
static void what_ran_out_of_time(void **state)
{
    static const struct {
        int node;
        enum rehearsal_kind kind;
        const char *to, *check;
    } parts[] = {
        {C, REHEARSAL_REPLICATION, "db01", "replication-to"},
        {B, REHEARSAL_CRONTAB, "", "cron-write"},
        {A, REHEARSAL_STOP, "", "stop-permission"},
        {B, REHEARSAL_START, "", "start-permission"},
        {C, REHEARSAL_RIGHTS, "", "rights"},
        {B, REHEARSAL_ARCHIVE, "", "archive-probe"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        unrehearsed();
        rehearse(parts[i].node, parts[i].kind, REHEARSAL_FAILED, parts[i].to,
                 "no answer within 668 ms")
            ->late = true;
        w.nodes[A].answered = false;
        run(PREFLIGHT_UNPLANNED);
        assert_int_equal(p.blocking + p.warnings, 0);
        w.nodes[A].answered = true;
        run(PREFLIGHT_PLANNED);
        assert_int_equal(p.blocking + p.warnings, 0);
        if (parts[i].kind != REHEARSAL_STOP) /* of which the observation tells too */
            assert_true(result(parts[i].check)->unchecked);
        w.asked_in_full = true;
        refuses(parts[i].check, "no answer within 668 ms");
    }
    set_up(NULL);
    STR_COPY(facts[A].late, "database tng: no answer within 20 ms");
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking + p.warnings, 0);
    assert_true(result("inspection")->unchecked);
    STR_COPY(facts[C].problem, "pg_hba_file_rules: permission denied");
    warns("inspection");
}

/* What could not be proven passes, and says so; so does an agent that does not rehearse. */
static void rehearsals_that_prove_nothing(void **state)
{
    (void)state;
    unrehearsed();
    rehearse(A, REHEARSAL_STOP, REHEARSAL_UNPROVEN, "", "polkit was not asked");
    err_set(&w.nodes[B].rehearsal_error, ERR_PROTOCOL, NULL, "an older agent");
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    assert_non_null(strstr(result("stop-permission")->measured, "not proven: polkit"));
    assert_true(result("stop-permission")->ok);
    assert_non_null(strstr(result("start-permission")->measured, "not rehearsed at db02"));
    assert_true(result("start-permission")->unchecked);
    assert_non_null(strstr(result("archive-probe")->measured, "an older agent"));
    assert_true(result("archive-probe")->unchecked);
    assert_non_null(strstr(result("replication-to")->measured, "no node has tried"));
}

static void marks_on_the_target(void **state)
{
    struct obs_fence *f = &w.nodes[B].obs.fence;

    (void)state;
    f->fenced = true;
    refuses("target-state", "fenced");
    f->standby_only = true; /* it has rejoined */
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    *f = (struct obs_fence){.held = true};
    refuses("target-state", "held");
    *f = (struct obs_fence){.promoting = true};
    refuses("target-state", "promotion");
}

static void ignoring_and_severities(void **state)
{
    struct err e = {.code = 0};

    (void)state;
    w.nodes[B].obs.cron.daemon_running = false;
    s.options.ignore[s.options.n_ignore++] = "cron-daemon";
    assert_int_equal(preflight_check_ignores(&s, &e), 0);
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    assert_int_equal(p.warnings, 1);
    assert_true(result("cron-daemon")->ignored);

    s.options.ignore[0] = "cron-deamon";
    assert_int_equal(preflight_check_ignores(&s, &e), ERR_USAGE);
    s.options.ignore[0] = "one-writable";
    assert_int_equal(preflight_check_ignores(&s, &e), ERR_USAGE);
    s.options.n_ignore = 0;

    /* configured milder; what cannot be ignored stays as it is */
    s.config.n_checks = 2;
    s.config.checks[0] = (struct config_check){
        .name = "cron-daemon", .planned = SEVERITY_OFF, .unplanned = SEVERITY_DEFAULT};
    s.config.checks[1] = (struct config_check){
        .name = "one-writable", .planned = SEVERITY_OFF, .unplanned = SEVERITY_OFF};
    run(PREFLIGHT_PLANNED);
    assert_true(absent("cron-daemon"));
    assert_false(absent("one-writable"));
    run(PREFLIGHT_UNPLANNED);
    assert_int_equal(result("cron-daemon")->severity, SEVERITY_WARN);
}

static void verdict_names_the_first(void **state)
{
    struct err e = {.code = 0};

    (void)state;
    w.nodes[C].obs.pg.role = PG_WRITABLE;
    run(PREFLIGHT_PLANNED);
    assert_int_equal(preflight_verdict(&p, &e), ERR_PREFLIGHT);
    assert_int_equal(err_exit_status(e.code), 2);
    assert_non_null(strstr(e.msg, "one-writable"));
    assert_true(*e.hint != '\0');
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
    const struct CMUnitTest tests[] = {
        TEST(all_is_well),
        TEST(failover_with_a_dead_owner_passes),
        TEST(register_and_roles),
        TEST(silent_dns_and_owner),
        TEST(timelines_and_who_has_most),
        TEST(conninfo_that_leads_back),
        TEST(attachment),
        TEST(attachment_by_name),
        TEST(lag_and_replay),
        TEST(settings_of_a_restore),
        TEST(timelines_and_capacity),
        TEST(a_backup_that_runs),
        TEST(synchronous_names),
        TEST(crontabs),
        TEST(rehearsals),
        TEST(what_ran_out_of_time),
        TEST(rehearsals_that_prove_nothing),
        TEST(marks_on_the_target),
        TEST(ignoring_and_severities),
        TEST(verdict_names_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
