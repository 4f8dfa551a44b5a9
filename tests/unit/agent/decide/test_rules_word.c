/* agent/decide/rules_word: what a person's word may release while the zone's primary is silent. */
#include "agent/decide/rules.h"

#include "tests/unit/agent/decide/guard_world.h"

/* Held, the zone's primary silent: row 10 with the word of a person for a peer that is silent, and
 * the record as another server shows it. */
static struct start *held_without_dns(void)
{
    struct start *x = start();

    x->v.d_answered = false;
    x->s.held = x->s.held_was_primary = true;
    x->s.held_tli = 1;
    x->f.role = PG_RECOVERY;
    x->f.standby_signal = true;
    STR_COPY(x->peer.seen_nonce, nonce);
    return x;
}

static void a_hold_is_released_by_word(void **unused)
{
    struct start *x = held_without_dns();

    (void)unused;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_OBEY);
    x->peer.answered = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_SILENT);
    x->peer.declared_down = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_OBEY);
    x->peer.answered = true; /* it answers: then its answer counts, whatever was said of it */
    x->peer.epoch = 6;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
    x = held_without_dns();
    STR_COPY(x->peer.seen_nonce, other_nonce);
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
    x = held_without_dns();
    x->peer.in_recovery = false; /* stopped, or not known */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
}

static void no_word_releases_anything_else(void **unused)
{
    struct start *x = held_without_dns();
    struct record shown = x->d;

    (void)unused;
    x->v.d_answered = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_ANSWERS);
    x = held_without_dns();
    x->s.fenced = x->s.fence_was_primary = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_FENCED);
    x = held_without_dns();
    x->s.held = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_HELD);
    x = held_without_dns();
    x->f.newest_history_tli = 2; /* it has left the timeline that it was held on */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_HELD);
    x = held_without_dns();
    STR_COPY(x->s.seen.nonce, other_nonce);
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_OTHER_RECORD);
    x = held_without_dns();
    shown.epoch = 4; /* the secondary lags */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_EPOCH_BELOW);
    shown = x->d;
    shown.state = REGISTER_SEIZE;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_STATE);
    shown = x->d;
    register_from_add(&shown, "b", GRADE_NONE); /* dns set wrote it */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_STATE);
    shown = x->d;
    STR_COPY(shown.owner, "b");
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_OWNER);
}

/* The agent itself would not ask then; whoever does gets the reason. */
static void a_word_is_about_a_hold_that_can_be_judged(void **unused)
{
    struct start *x = held_without_dns();

    (void)unused;
    x->v.state_readable = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_STATE_BAD);
    x = held_without_dns();
    x->s.promoting = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PROMOTING);
    x = held_without_dns();
    x->f.role = PG_UNKNOWN; /* a backend has outlived its postmaster */
    x->f.orphans = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_ORPHANS);
    x = held_without_dns();
    x->s.held_was_primary = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_NOT_HELD);
}

static void a_peer_that_can_commit_is_no_standby(void **unused)
{
    struct start *x = held_without_dns();

    (void)unused;
    x->peer.writable = true; /* processes of a primary live on there, whatever else it says */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
    x->peer.declared_down = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_is_released_by_word),
        cmocka_unit_test(no_word_releases_anything_else),
        cmocka_unit_test(a_word_is_about_a_hold_that_can_be_judged),
        cmocka_unit_test(a_peer_that_can_commit_is_no_standby),
    };

    return cmocka_run_group_tests_name("rules_word", tests, NULL, NULL);
}
