/* controller/preflight/preflight: a synthetic cluster in order passes; each single thing out of
 * order is found by the check that is meant for it, with its number, and by no other blocking
 * one. What replication and PostgreSQL's settings show is in test_preflight_replication.c. */
#include "controller/preflight/preflight.h"

#include <string.h>

#include "controller/cluster/view.h"
#include "tests/unit/controller/preflight/preflight_asks.h"
#include "tests/unit/controller/preflight/preflight_world.h"
#include "tests/unit/unit.h"

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
    refuses("owner", "db02 does not respond");

    set_up(NULL);
    preflight_run(&s, &w, PREFLIGHT_PLANNED, A, A, &p);
    assert_false(result("target")->ok);
    assert_non_null(strstr(result("target")->measured, "db02 is the owner already"));
}

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

static void a_configured_check_that_is_none(void **state)
{
    struct err e = {.code = 0};

    (void)state;
    s.cluster.config.n_checks = 1;
    s.cluster.config.checks[0] = (struct config_check){.name = "archive-backlogg"};
    assert_int_equal(preflight_check_names(&s.cluster.config, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "[check] name = archive-backlogg: there is no such check"));
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
    s.cluster.config.n_checks = 2;
    s.cluster.config.checks[0] = (struct config_check){
        .name = "cron-daemon", .planned = SEVERITY_OFF, .unplanned = SEVERITY_DEFAULT};
    s.cluster.config.checks[1] = (struct config_check){
        .name = "one-writable", .planned = SEVERITY_OFF, .unplanned = SEVERITY_OFF};
    assert_int_equal(preflight_check_names(&s.cluster.config, &e), 0);
    run(PREFLIGHT_PLANNED);
    assert_true(absent("cron-daemon"));
    assert_false(absent("one-writable"));
    run(PREFLIGHT_UNPLANNED);
    assert_int_equal(result("cron-daemon")->severity, SEVERITY_WARN);
}

/* "Fine" would be found wrong by ARM. */
static void a_watch_that_does_not_read(void **state)
{
    (void)state;
    w.nodes[C].obs.watch_age_ms = -1;
    warns("watch");
    assert_string_equal(result("watch")->measured,
                        "vm has not read the record since its agent was started");
    assert_non_null(strstr(result("watch")->remedy, "on vm: pgtandem-agent status"));
    w.nodes[C].obs.watch_age_ms = 30000;
    run(PREFLIGHT_PLANNED);
    assert_true(result("watch")->ok);
    w.nodes[C].obs.watch_age_ms = 31000;
    warns("watch");
    assert_string_equal(result("watch")->measured, "vm last read the record 31 s ago");
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
        TEST(crontabs),
        TEST(rehearsals),
        TEST(what_ran_out_of_time),
        TEST(rehearsals_that_prove_nothing),
        TEST(marks_on_the_target),
        TEST(a_configured_check_that_is_none),
        TEST(ignoring_and_severities),
        TEST(a_watch_that_does_not_read),
        TEST(verdict_names_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
