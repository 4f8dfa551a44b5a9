/* agent/decide/rules: what each verb refuses that test_rules.c does not show yet. */
#include "agent/decide/rules.h"

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* pg_control could not be read so far: there is no identity that a record could differ from. */
static void an_unknown_identity_differs_from_none(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(6, REGISTER_CLAIM, "a");
    struct facts f = stopped_primary();

    (void)unused;
    s.sysid = 0;
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_OBEY);
    assert_int_equal(next.epoch, 6);
    assert_int_equal(next.sysid, 0); /* what it is bound to, only its own data directory says */
    d = record_of(5, REGISTER_STABLE, "b");
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_OBEY);
    assert_int_equal(next.sysid, 0);
}

static void promote_is_for_a_standby(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary();

    (void)unused;
    /* writable without a promotion of ours: whoever made it so, it is not repeated */
    assert_int_equal(rules_promote(&s, &p, 5, txn, &next), RULE_NOT_STANDBY);
    s.promoting = true;
    s.promoting_epoch = 4;
    s.promoting_tli = 1;
    p.tli = 2; /* an earlier try, the answer to which was lost */
    assert_int_equal(rules_promote(&s, &p, 5, txn, &next), RULE_OBEY);
    assert_int_equal(next.promoting_epoch, 5);
    assert_string_equal(next.promoting_txn, txn);
    assert_int_equal(next.promoting_tli, 1); /* where it came from, not where it is */
}

static void a_promotion_is_permitted_for_its_own_epoch(void **unused)
{
    struct agent_state s = state_at(5), p;
    struct facts b = standby();
    struct record d = record_of(5, REGISTER_FLIP, "b");

    (void)unused;
    rules_promote(&s, &b, 5, txn, &p);
    p.revoked = true;
    p.revoked_epoch = 4; /* an earlier promotion's */
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_OBEY);
    p.revoked_epoch = 5;
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_REVOKED);
    p.revoked = false;
    p.promoting_epoch = 4; /* intended under a record that has since been taken over */
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_NONCE);
}

static void unfence_releases_a_held_primary_alone(void **unused)
{
    struct agent_state s = state_at(5);
    struct record d = record_of(5, REGISTER_STABLE, "a");

    (void)unused;
    s.held = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
    s.held_was_primary = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_OBEY);
    /* fenced as well: then the fence says what it was */
    s.fenced = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
}

static void jobs_stay_off_on_a_held_node(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary();
    struct record d = record_of(5, REGISTER_STABLE, "a");

    (void)unused;
    s.held = true;
    assert_int_equal(rules_cron_on_permitted(&s, &p, "a", nonce, &d, &next), RULE_HELD);
    s.cron_on = true;
    assert_int_equal(rules_cron_off(&s, &next), RULE_OBEY);
    assert_true(next.held && !next.cron_on);
}

/* Stable, for any node but the owner; in seize for the target alone; at the epoch that it obeys. */
static void rejoin_wants_a_record_that_lets_it_follow(void **unused)
{
    static const struct {
        int64_t epoch;
        enum register_state state;
        const char *to;
        uint64_t sysid;
        enum rule want;
    } cases[] = {
        {5, REGISTER_STABLE, "", 7, RULE_OBEY},        {5, REGISTER_SEIZE, "a", 7, RULE_OBEY},
        {5, REGISTER_SEIZE, "c", 7, RULE_D_STATE},     {5, REGISTER_CLAIM, "a", 7, RULE_D_STATE},
        {5, REGISTER_FLIP, "", 7, RULE_D_STATE},       {5, REGISTER_UNDO, "", 7, RULE_D_STATE},
        {4, REGISTER_STABLE, "", 7, RULE_EPOCH_BELOW}, {6, REGISTER_STABLE, "", 7, RULE_NONCE},
        {5, REGISTER_STABLE, "", 8, RULE_FOREIGN},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = state_at(5), next;
        struct facts f = stopped_primary();
        struct record d = record_of(cases[i].epoch, cases[i].state, "b");

        d.sysid = cases[i].sysid;
        STR_COPY(d.to, cases[i].to);
        assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), cases[i].want);
    }
}

/* DETACH and FOLLOW. */
static void only_a_standby_changes_what_it_follows(void **unused)
{
    struct agent_state s = state_at(5);
    struct facts b = standby(), p = primary(), down = stopped_primary();

    (void)unused;
    assert_int_equal(rules_standby_only(&s, &b), RULE_OBEY);
    assert_int_equal(rules_standby_only(&s, &p), RULE_NOT_STANDBY);
    assert_int_equal(rules_standby_only(&s, &down), RULE_NOT_STANDBY);
    s.fenced = true;
    assert_int_equal(rules_standby_only(&s, &b), RULE_FENCED);
    s.fence_standby_only = true; /* rejoined: a standby like any other */
    assert_int_equal(rules_standby_only(&s, &b), RULE_OBEY);
    s.promoting = true;
    assert_int_equal(rules_standby_only(&s, &b), RULE_PROMOTING);
    s = state_at(5);
    s.held = true; /* it runs in recovery, but was a primary: it follows no node */
    assert_int_equal(rules_standby_only(&s, &b), RULE_HELD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_identity_differs_from_none),
        cmocka_unit_test(promote_is_for_a_standby),
        cmocka_unit_test(a_promotion_is_permitted_for_its_own_epoch),
        cmocka_unit_test(unfence_releases_a_held_primary_alone),
        cmocka_unit_test(jobs_stay_off_on_a_held_node),
        cmocka_unit_test(rejoin_wants_a_record_that_lets_it_follow),
        cmocka_unit_test(only_a_standby_changes_what_it_follows),
    };

    return cmocka_run_group_tests_name("rules_refusals", tests, NULL, NULL);
}
