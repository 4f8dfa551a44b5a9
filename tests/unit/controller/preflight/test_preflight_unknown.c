/* Unknown is not false: every check of preflight, with each single fact missing, on a cluster that
 * is otherwise in order. A check that declares the fact says "not checked" and why; any other one
 * says what it said with the fact; only the checks whose finding the gap is, say so, and each of
 * these has a remedy. */
#include "controller/preflight/preflight.h"

#include "tests/unit/controller/preflight/preflight_world.h"
#include "tests/unit/unit.h"

/* ---- what may be missing --------------------------------------------------------------------- */

static void no_dns(void)
{
    w.d = (struct dns_view){.status = DNS_VIEW_REFUSED};
    err_set(&w.d_error, ERR_DNS, "compare the keys", "the name server refuses the key: BADSIG");
    w.key_error = w.d_error;
    w.survey.n = 0;
}

static void no_record(void)
{
    w.d.record_valid = false;
    w.d.n_txt = 0;
    w.d.record = (struct record){.epoch = 0};
}

static void invalid_record(void)
{
    no_record();
    w.d.n_txt = 1;
}

static void unreadable_socket(int node)
{
    struct obs_pg *pg = &w.nodes[node].obs.pg;

    *pg = (struct obs_pg){.role = PG_UNKNOWN,
                          .sysid = SYSID,
                          .control_tli = 5,
                          .newest_history_tli = 5,
                          .n_history = 1,
                          .history = {{.tli = 4, .end = 0x2000000}},
                          .free_bytes = 1 << 30};
    STR_COPY(pg->problem, "could not connect: Permission denied");
    if (w.nodes[node].inspect)
        facts[node].pg_answered = false;
}

static void owner_silent(void)
{
    w.nodes[A].answered = false;
    w.nodes[A].inspect = NULL;
    w.nodes[A].n_rehearsals = 0;
    err_set(&w.nodes[A].error, ERR_UNREACHABLE, "", "connection refused");
}

static void target_silent(void)
{
    w.nodes[B].answered = false;
    w.nodes[B].inspect = NULL;
    w.nodes[B].n_rehearsals = 0;
    err_set(&w.nodes[B].error, ERR_UNREACHABLE, "", "connection refused");
}

static void nobody_answers(void)
{
    owner_silent();
    target_silent();
    w.nodes[C].answered = false;
    w.nodes[C].inspect = NULL;
    w.nodes[C].n_rehearsals = 0;
}

static void owner_unseen(void)
{
    unreadable_socket(A);
}

static void target_unseen(void)
{
    unreadable_socket(B);
}

static void all_unseen(void)
{
    for (int i = 0; i < NODES; i++)
        unreadable_socket(i);
}

static void target_stopped(void)
{
    unreadable_socket(B);
    w.nodes[B].obs.pg.role = PG_STOPPED;
    w.nodes[B].obs.pg.problem[0] = '\0';
}

static void states_unreadable(void)
{
    for (int i = 0; i < NODES; i++) {
        w.nodes[i].obs.state_ok = false;
        w.nodes[i].obs.epoch = 0;
        w.nodes[i].obs.fence.fenced = true; /* it counts as a fence everywhere */
        STR_COPY(w.nodes[i].obs.state_problem, "it cannot be read");
    }
}

static void crontabs_unreadable(void)
{
    for (int i = 0; i < NODES; i++)
        w.nodes[i].obs.cron = (struct obs_cron){.daemon_running = true, .problem = "denied"};
}

static void not_inspected(void)
{
    for (int i = 0; i < NODES; i++) {
        w.nodes[i].inspect = NULL;
        err_set(&w.nodes[i].inspect_error, ERR_TIMEOUT, "", "it did not end in 1000 ms");
    }
}

static void not_asked_to_inspect(void)
{
    for (int i = 0; i < NODES; i++) {
        w.nodes[i].inspect = NULL;
        w.nodes[i].inspect_asked = false;
    }
}

static void inspected_without_postgres(void)
{
    for (int i = 0; i < NODES; i++) {
        facts[i].pg_answered = false;
        facts[i].n_settings = 0;
        STR_COPY(facts[i].problem, "settings and activity: no answer");
    }
}

static void not_rehearsed(void)
{
    for (int i = 0; i < NODES; i++)
        w.nodes[i].n_rehearsals = 0;
}

static void rights_not_granted(void)
{
    for (int i = 0; i < NODES; i++)
        facts[i].hba_rules = facts[i].ident_rules = -1;
}

static void names_not_resolved(void)
{
    for (int i = 0; i < NODES; i++) {
        w.nodes[i].target = (struct dns_addresses){.n = 0};
        err_set(&w.nodes[i].target_error, ERR_TIMEOUT, "", "no answer");
    }
}

static void own_disk_unknown(void)
{
    w.journal_free_bytes = 0;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* With `remove`, these and only these may find fault: it is what they are for. */
static const struct gap {
    const char *name;
    void (*remove)(void);
    const char *found_by;
    const char *not_checked; /* some that must be in the answer as "not checked" */
    const char *why;
} gaps[] = {
    {"DNS refuses our key", no_dns, " register other-agents ",
     " update-key alias name-servers timeline cron-single conninfo attached server-version ttl ",
     "could not be read"},
    {"no record yet", no_record, " register other-agents ",
     " timeline cron-single epoch alias attached owner ", "there is no ownership record yet"},
    {"an invalid record", invalid_record, " register other-agents ", " timeline cron-single owner ",
     "is not valid"},
    {"the owner's agent is silent", owner_silent, " owner other-agents ",
     " attached receive-lag jobs backups server-version cron-parity settings start-permission ",
     "the agent of db02 does not respond"},
    {"the target's agent is silent", target_silent, " target ",
     " attached standby most-wal timeline walsenders slots disk canary libraries ",
     "the agent of db01 does not respond"},
    {"no agent answers", nobody_answers, " owner target other-agents ",
     " one-writable peers clocks agent-mode watch agent-busy inspection cluster-name hba-errors ",
     "respond"},
    {"the owner's socket cannot be used", owner_unseen, " owner owner-lost postgres-look ",
     " attached receive-lag prepared-transactions backups server-version logical-slots settings ",
     "PostgreSQL of db02"},
    {"the target's socket cannot be used", target_unseen, " standby postgres-look ",
     " attached walsenders slots server-version replay-lag replay-paused sync-names libraries ",
     "PostgreSQL of db01"},
    {"no socket can be used", all_unseen, " owner owner-lost standby postgres-look ",
     " one-writable timeline-target ", "could not be looked at"},
    {"the target is stopped", target_stopped, " standby ",
     " most-wal walsenders slots server-version attached replay-lag ",
     "PostgreSQL of db01 is stopped"},
    {"no state can be read", states_unreadable, " agent-state ", " epoch target-state ",
     "durable state"},
    {"no crontab can be read", crontabs_unreadable, " cron postgres-look ",
     " cron-parity cron-entries cron-single jobs ", "could not be read"},
    {"the inspections failed", not_inspected, " inspection ",
     " settings settings-capacity libraries collations libc mounts dumps archiver hba port "
     "backup-age foreign-jobs hba-errors listen-addresses ",
     "it did not end in 1000 ms"},
    {"no inspection was asked for", not_asked_to_inspect, " ", " settings libraries mounts ",
     "was not inspected"},
    {"inspected without PostgreSQL", inspected_without_postgres, " inspection ",
     " settings libraries read-only-default port tls ", "did not answer the inspection"},
    {"nobody rehearsed", not_rehearsed, " ",
     " start-permission replication-to replication-from replication-identity agents-key cron-write "
     "archive-probe ",
     "has not rehearsed"},
    {"rules may not be read", rights_not_granted, " ", " hba ident hba-errors ",
     "could not be read"},
    {"names are not resolved", names_not_resolved, " ", " target-address ", "no answer"},
    {"our own disk is not known", own_disk_unknown, " ", " journal-space ", "is not known"},
};

/* ---- the test -------------------------------------------------------------------------------- */

static struct preflight before;

static bool listed(const char *list, const char *name)
{
    char word[80];

    STR_PRINTF(word, " %s ", name);
    return strstr(list, word) != NULL;
}

static const struct preflight_result *result_before(const char *name)
{
    for (size_t i = 0; i < before.n; i++)
        if (strcmp(before.results[i].name, name) == 0)
            return &before.results[i];
    return NULL;
}

static void judge_one(const struct gap *g, const struct preflight_result *r)
{
    const struct preflight_result *was = result_before(r->name);

    assert_false(r->ok && r->unchecked);
    if (r->unchecked) {
        assert_int_equal(strncmp(r->measured, "not checked: ", 13), 0);
        assert_string_equal(r->remedy, "");
        return;
    }
    if (!was || (was->ok && !r->ok && !listed(g->found_by, r->name)))
        fail_msg("%s: %s gives a verdict: \"%s\", remedy \"%s\"", g->name, r->name, r->measured,
                 r->remedy);
    if (!r->ok)
        assert_true(*r->remedy != '\0' || !*r->measured);
    if (strstr(r->measured, "0 of 0") || strstr(r->measured, "0/0"))
        fail_msg("%s: %s says \"%s\"", g->name, r->name, r->measured);
}

static void not_checked(const struct gap *g, enum preflight_kind kind)
{
    bool said = false;

    for (size_t i = 0; i < p.n; i++) {
        const struct preflight_result *r = &p.results[i];

        said |= r->unchecked && strstr(r->measured, g->why);
        if (listed(g->not_checked, r->name) && !r->unchecked)
            fail_msg("%s: %s is judged: \"%s\"", g->name, r->name, r->measured);
    }
    if (!said && kind == PREFLIGHT_PLANNED)
        fail_msg("%s: no check says why: \"%s\"", g->name, g->why);
}

/* What blocks is the cause, and it comes first. */
static void cause_first(const struct gap *g)
{
    struct err e = {.code = 0};
    char first[80] = "";

    if (preflight_verdict(&p, &e) == 0)
        return;
    for (size_t i = 0; i < p.n && !*first; i++)
        if (!p.results[i].ok && !p.results[i].unchecked && p.results[i].severity == SEVERITY_BLOCK)
            STR_COPY(first, p.results[i].name);
    if (!listed(g->found_by, first))
        fail_msg("%s: blocked first by %s", g->name, first);
    assert_true(*e.hint != '\0');
}

static void without_one_fact(void **state)
{
    static const enum preflight_kind kinds[] = {PREFLIGHT_PLANNED, PREFLIGHT_UNPLANNED};

    (void)state;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof(gaps) / sizeof(gaps[0]); i++) {
            set_up(NULL);
            if (kinds[k] == PREFLIGHT_UNPLANNED)
                owner_silent();
            preflight_run(&s, &w, kinds[k], A, B, &before);
            gaps[i].remove();
            int from = w.d.status == DNS_VIEW_OK && w.d.record_valid ? A : -1;
            preflight_run(&s, &w, kinds[k], from, B, &p);
            assert_int_equal(p.n, before.n);
            for (size_t n = 0; n < p.n; n++)
                judge_one(&gaps[i], &p.results[n]);
            if (kinds[k] == PREFLIGHT_PLANNED)
                not_checked(&gaps[i], kinds[k]);
            cause_first(&gaps[i]);
        }
}

/* The table and the functions agree: whatever single fact is missing of those that a check
 * declares, it is not called. */
static void each_declared_fact(void **state)
{
    const struct preflight_check *checks;
    size_t n = preflight_table(&checks);
    char why[240];

    (void)state;
    nobody_answers();
    no_dns();
    struct check_view v = {.c = &s.cluster.config, .o = &s.options, .w = &w, .from = -1, .to = B};
    check_view_facts(&v);
    for (size_t i = 0; i < n; i++)
        for (int bit = 0; bit < 34; bit++) {
            uint64_t fact = checks[i].needs & (UINT64_C(1) << bit);

            why[0] = '\0';
            assert_int_equal(fact != 0, check_lacks(&v, fact, why, sizeof(why)));
            assert_int_equal(fact != 0, *why != '\0');
        }
}

/* What is known of some nodes is judged, and those that are missing are named. */
static void the_rest_is_named(void **state)
{
    (void)state;
    w.nodes[C].answered = false;
    preflight_run(&s, &w, PREFLIGHT_PLANNED, A, B, &p);
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.results[i].name, "one-writable") == 0 ||
            strcmp(p.results[i].name, "peers") == 0) {
            assert_true(p.results[i].ok);
            assert_non_null(strstr(p.results[i].measured, "; not checked: vm"));
        }
    assert_int_equal(p.unchecked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(without_one_fact, set_up),
        cmocka_unit_test_setup(each_declared_fact, set_up),
        cmocka_unit_test_setup(the_rest_is_named, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
