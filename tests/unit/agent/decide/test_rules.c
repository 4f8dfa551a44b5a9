/* agent/decide/rules: admission, and each verb's refusals. */
#include "agent/decide/rules.h"

#include <string.h>

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

static void admits_only_what_is_higher(void **unused)
{
    struct agent_state s = state_at(5), next;

    (void)unused;
    assert_int_equal(rules_admit(&s, 4, 9, &next), RULE_STALE);
    assert_int_equal(rules_admit(&s, 5, 3, &next), RULE_STALE);
    assert_int_equal(rules_admit(&s, 5, 4, &next), RULE_OBEY);
    assert_int_equal(next.seq, 4);
    assert_int_equal(rules_admit(&s, 6, 1, &next), RULE_OBEY);
    assert_int_equal(next.epoch, 6);
    assert_int_equal(next.seq, 1);
}

static void arm_wants_the_named_record(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(6, REGISTER_CLAIM, "a");

    (void)unused;
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_OBEY);
    assert_int_equal(next.epoch, 6);
    assert_int_equal(next.boot_epoch, 6);
    assert_string_equal(next.seen.owner, "a");
    assert_int_equal(rules_arm(&s, 6, 1, other_nonce, txn, &d, &next), RULE_NONCE);
    assert_int_equal(rules_arm(&s, 7, 1, nonce, txn, &d, &next), RULE_NONCE);
    assert_int_equal(rules_arm(&s, 5, 3, nonce, txn, &d, &next), RULE_STALE);
    d.sysid = 8;
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_FOREIGN);
    d = record_of(4, REGISTER_CLAIM, "a");
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_EPOCH_BELOW);
}

static void fence_remembers_a_primary(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary(), b = standby(), down = stopped_primary();

    (void)unused;
    s.cron_on = true;
    assert_int_equal(rules_fence(&s, &p, &next), RULE_OBEY);
    assert_true(next.fenced && next.fence_was_primary && !next.cron_on);
    rules_fence(&s, &down, &next);
    assert_true(next.fence_was_primary);
    rules_fence(&s, &b, &next);
    assert_false(next.fence_was_primary);
    /* a held primary runs read-only: it is still the primary that it was */
    s.held = s.held_was_primary = true;
    rules_fence(&s, &b, &next);
    assert_true(next.fence_was_primary && !next.held);
    /* a second FENCE keeps what the first one saw */
    s = next;
    s.fence_lsn = 99;
    down.standby_signal = true;
    rules_fence(&s, &down, &next);
    assert_true(next.fence_was_primary);
    assert_int_equal(next.fence_lsn, 99);
    assert_true(rules_fence_observed(&next, &down, false));
    down.control_state = CONTROL_IN_PRODUCTION;
    assert_false(rules_fence_observed(&next, &down, false));
    assert_true(rules_fence_observed(&next, &down, true));
    down.standby_signal = false;
    assert_false(rules_fence_observed(&next, &down, true));
}

/* FENCE saw a standby, the stop came after the promotion: pg_control tells. */
static void fence_meets_a_promotion(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts b = standby(), down = stopped_primary();

    (void)unused;
    rules_promote(&s, &b, 5, txn, &s);
    rules_fence(&s, &b, &s);
    assert_false(s.fence_was_primary);
    rules_fence_done(&s, &down, &next);
    assert_false(next.fence_was_primary); /* the old timeline: not promoted */
    down.newest_history_tli = 2;
    rules_fence_done(&s, &down, &next);
    assert_true(next.fence_was_primary);
    assert_int_equal(next.fence_tli, 2);
    down.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY; /* the history file came first */
    rules_fence_done(&s, &down, &next);
    assert_false(next.fence_was_primary);
}

static void promote_refuses(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts b = standby(), down = stopped_primary();

    (void)unused;
    s.fenced = true;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_FENCED);
    s.fence_standby_only = true; /* rejoined: the one that only PROMOTE may lift */
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_OBEY);
    assert_true(next.promoting && !next.fenced);
    assert_int_equal(next.promoting_tli, 1);
    s = state_at(5);
    s.held = true;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_HELD);
    s = state_at(5);
    s.revoked = true;
    s.revoked_epoch = 5;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_REVOKED);
    assert_int_equal(rules_promote(&s, &b, 6, txn, &next), RULE_OBEY);
    assert_int_equal(rules_promote(&s, &down, 6, txn, &next), RULE_NOT_STANDBY);
}

static void promote_needs_the_record(void **unused)
{
    struct agent_state s = state_at(5), p;
    struct facts b = standby();
    struct record d = record_of(5, REGISTER_FLIP, "b");

    (void)unused;
    assert_int_equal(rules_promote_permitted(&s, "b", nonce, &d), RULE_NONCE); /* no intent */
    rules_promote(&s, &b, 5, txn, &p);
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_OBEY);
    assert_int_equal(rules_promote_permitted(&p, "c", nonce, &d), RULE_NOT_OWNER);
    assert_int_equal(rules_promote_permitted(&p, "b", other_nonce, &d), RULE_NONCE);
    d.state = REGISTER_CLAIM;
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_D_STATE);
    d = record_of(6, REGISTER_FLIP, "b");
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_NONCE);
    d = record_of(4, REGISTER_FLIP, "b");
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_EPOCH_BELOW);
}

static void promoted_is_told_by_timelines(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby();

    (void)unused;
    rules_promote(&s, &f, 5, txn, &s);
    assert_false(rules_promoted(&s, &f));
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_UNDO_PROMOTION);
    f.newest_history_tli = 2; /* it got as far as the history file */
    assert_true(rules_promoted(&s, &f));
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_TOO_LATE);
    f = primary();
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_NOT_WRITABLE); /* the same timeline */
    f.tli = 2;
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_OBEY);
    assert_true(next.promoting); /* the guard's row 8 needs it until D is stable */
    s.promoting = false;
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_NOTHING);
}

static void revoke_ends_a_promotion(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby();

    (void)unused;
    rules_promote(&s, &f, 5, txn, &s);
    rules_revoke(&s, 6, &next);
    assert_int_equal(next.revoked_epoch, 6);
    f.role = PG_STOPPED;
    f.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    assert_true(rules_revoke_observed(&next, &f));
    f.newest_history_tli = 2;
    assert_false(rules_revoke_observed(&next, &f));
    rules_revoke_done(&next, &s);
    assert_true(s.revoked && !s.promoting);
    rules_revoke(&s, 4, &next);
    assert_int_equal(next.revoked_epoch, 6);
}

static void unfence_only_what_was_primary(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(5, REGISTER_CLAIM, "a");

    (void)unused;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NOT_FENCED);
    s.fenced = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
    s.fence_was_primary = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_OBEY);
    assert_int_equal(rules_unfence_permitted(&s, "b", nonce, &d), RULE_NOT_OWNER);
    d.state = REGISTER_FLIP;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_D_STATE);
    s.fence_standby_only = true;
    d.state = REGISTER_STABLE;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
    s.held = true;
    rules_unfence_done(&s, &next);
    assert_false(next.fenced || next.held || next.fence_was_primary);
}

static void cron_on_only_on_a_writable_owner(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary(), b = standby();
    struct record d = record_of(5, REGISTER_FLIP, "b");

    (void)unused;
    assert_int_equal(rules_cron_on_permitted(&s, &b, "b", nonce, &d, &next), RULE_NOT_WRITABLE);
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_OBEY);
    assert_true(next.cron_on);
    assert_int_equal(rules_cron_on_permitted(&s, &p, "a", nonce, &d, &next), RULE_NOT_OWNER);
    d.state = REGISTER_SEIZE;
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_D_STATE);
    d.state = REGISTER_FLIP;
    s.fenced = true;
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_FENCED);
}

static void rejoin_ends_what_it_was(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = stopped_primary();
    struct record d = record_of(5, REGISTER_STABLE, "b");

    (void)unused;
    s.fenced = s.fence_was_primary = s.promoting = s.cron_on = true;
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_OBEY);
    assert_true(next.fenced && next.fence_standby_only);
    assert_false(next.fence_was_primary || next.promoting || next.cron_on);
    assert_int_equal(rules_rejoin(&s, &f, "b", &d, &next), RULE_D_STATE);
    f = primary();
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_RUNNING);
    f.role = PG_UNKNOWN;
    f.orphans = true;
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_ORPHANS);
}

static void arm_again_at_the_same_epoch(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(5, REGISTER_CLAIM, "a");

    (void)unused;
    /* a request was without an answer: its successor has a new seq */
    assert_int_equal(rules_arm(&s, 5, 4, nonce, txn, &d, &next), RULE_OBEY);
    assert_int_equal(next.seq, 4);
    assert_string_equal(next.txn, txn);
    /* a server that lags behind the command: no restored zone */
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_NONCE);
}

static void promote_ends_what_rejoin_left(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby(), down = stopped_primary();
    struct record d = record_of(5, REGISTER_STABLE, "b");

    (void)unused;
    s.held = s.held_was_primary = true; /* a hold is no fence: rejoin makes one */
    s.held_tli = s.held_row = 1;
    assert_int_equal(rules_rejoin(&s, &down, "a", &d, &next), RULE_OBEY);
    assert_true(next.fenced && next.fence_standby_only);
    assert_true(!next.held && !next.held_was_primary && !next.held_tli && !next.held_row);
    s = next;
    assert_int_equal(rules_promote(&s, &f, 5, txn, &next), RULE_OBEY);
    assert_true(!next.fenced && !next.fence_standby_only);
}

static void revoke_leaves_nothing_of_a_promotion(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby();

    (void)unused;
    rules_promote(&s, &f, 5, txn, &s);
    assert_int_equal(rules_revoke(&s, 6, &next), RULE_OBEY);
    assert_true(next.promoting && next.revoked); /* until it is observed */
    assert_int_equal(rules_revoke_done(&next, &s), RULE_OBEY);
    assert_false(s.promoting);
    assert_int_equal(s.promoting_epoch, 0);
    assert_int_equal(s.promoting_tli, 0);
    assert_string_equal(s.promoting_txn, "");
}

static void unfence_leaves_nothing_of_a_fence(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary();

    (void)unused;
    rules_fence(&s, &p, &s);
    assert_int_equal(s.fence_epoch, 5);
    assert_int_equal(s.fence_tli, 1);
    s.fence_lsn = 99;
    s.fence_wall_ms = 1;
    STR_COPY(s.fence_by, "root@ctl");
    STR_COPY(s.fence_reason, "a test");
    assert_int_equal(rules_unfence_done(&s, &next), RULE_OBEY);
    assert_true(!next.fenced && !next.fence_was_primary && !next.fence_lsn);
    assert_true(!next.fence_tli && !next.fence_epoch && !next.fence_wall_ms);
    assert_string_equal(next.fence_by, "");
    assert_string_equal(next.fence_reason, "");
}

static void reasons_are_complete(void **unused)
{
    (void)unused;
    for (int r = RULE_OBEY + 1; r < RULE_COUNT; r++) {
        assert_true(strlen(rule_code((enum rule)r)) > 0);
        assert_true(strlen(rule_text((enum rule)r)) > 0);
        assert_true(strlen(rule_hint((enum rule)r)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_only_what_is_higher),
        cmocka_unit_test(arm_wants_the_named_record),
        cmocka_unit_test(fence_remembers_a_primary),
        cmocka_unit_test(fence_meets_a_promotion),
        cmocka_unit_test(promote_refuses),
        cmocka_unit_test(promote_needs_the_record),
        cmocka_unit_test(promoted_is_told_by_timelines),
        cmocka_unit_test(revoke_ends_a_promotion),
        cmocka_unit_test(unfence_only_what_was_primary),
        cmocka_unit_test(cron_on_only_on_a_writable_owner),
        cmocka_unit_test(rejoin_ends_what_it_was),
        cmocka_unit_test(arm_again_at_the_same_epoch),
        cmocka_unit_test(promote_ends_what_rejoin_left),
        cmocka_unit_test(revoke_leaves_nothing_of_a_promotion),
        cmocka_unit_test(unfence_leaves_nothing_of_a_fence),
        cmocka_unit_test(reasons_are_complete),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
