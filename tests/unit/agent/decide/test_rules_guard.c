/* agent/decide/rules: the guard's rows 1 to 12, what releases a node that it holds, and the watch.
 */
#include "agent/decide/rules.h"

#include <string.h>

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

struct start {
    struct agent_state s;
    struct facts f;
    struct record d;
    struct guard_peer peer;
    struct guard_view v;
};

/* A primary that starts again under D stable with itself as the owner: row 9. */
static struct start *start(void)
{
    static struct start x;

    x = (struct start){.s = state_at(5),
                       .f = stopped_primary(),
                       .d = record_of(5, REGISTER_STABLE, "a"),
                       .peer = {.answered = true,
                                .in_recovery = true,
                                .epoch = 5,
                                .seen_epoch = 5,
                                .seen_state = REGISTER_STABLE,
                                .seen_owner = "a"}};
    x.s.seen = x.d;
    x.v = (struct guard_view){.node = "a",
                              .state_readable = true,
                              .state = &x.s,
                              .facts = &x.f,
                              .register_matches = true,
                              .d_answered = true,
                              .d = &x.d,
                              .peers = &x.peer,
                              .n_peers = 1};
    return &x;
}

static void expect(const struct start *x, int row, enum guard_verdict verdict)
{
    struct guard_ruling r = rules_guard(&x->v);

    assert_int_equal(r.row, row);
    assert_int_equal(r.verdict, verdict);
}

static void guard_rows_one_to_three(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->f.standby_signal = true;
    expect(x, 1, GUARD_STANDBY);
    x->s.fenced = true;
    expect(x, 2, GUARD_REFUSE);
    x->s.fence_standby_only = true; /* rejoined */
    expect(x, 1, GUARD_STANDBY);
    x->f.standby_signal = false; /* … and somebody removed the file */
    expect(x, 2, GUARD_REFUSE);
    x = start();
    x->v.state_readable = false;
    expect(x, 2, GUARD_REFUSE);
    x = start();
    x->v.register_matches = false;
    expect(x, 3, GUARD_REFUSE);
    x = start();
    x->f.sysid = 8;
    expect(x, 3, GUARD_REFUSE);
    assert_true(rules_guard(&x->v).alarm);
    x = start();
    x->d.sysid = 8;
    expect(x, 3, GUARD_REFUSE);
}

static void guard_rows_four_to_seven(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->peer.writable = true;
    expect(x, 4, GUARD_HOLD);
    STR_COPY(x->d.owner, "b");
    expect(x, 4, GUARD_FENCE);
    x->v.d_answered = false;
    expect(x, 4, GUARD_HOLD);
    STR_COPY(x->peer.seen_owner, "b");
    expect(x, 4, GUARD_FENCE);
    x = start();
    x->peer.epoch = 6;
    expect(x, 4, GUARD_HOLD);
    x = start();
    x->d.epoch = 4;
    expect(x, 5, GUARD_HOLD);
    assert_true(rules_guard(&x->v).alarm);
    x = start();
    STR_COPY(x->d.owner, "b");
    expect(x, 6, GUARD_FENCE);
    x->d.state = REGISTER_FLIP;
    expect(x, 6, GUARD_FENCE);
    x = start();
    x->d.state = REGISTER_SEIZE;
    expect(x, 7, GUARD_HOLD);
    x->d.state = REGISTER_CLAIM;
    x->d.epoch = 6;
    expect(x, 7, GUARD_HOLD);
}

static void guard_rows_eight_to_eleven(void **unused)
{
    struct start *x = start();

    (void)unused;
    expect(x, 9, GUARD_WRITABLE);
    x->d.state = REGISTER_CLAIM;
    expect(x, 9, GUARD_WRITABLE);
    x->d.state = REGISTER_UNDO;
    expect(x, 9, GUARD_WRITABLE);
    /* `dns set` wrote it: those in `from` have not said yet that they cannot write */
    x->d.state = REGISTER_STABLE;
    register_from_add(&x->d, "db09", GRADE_NONE);
    expect(x, 11, GUARD_HOLD);
    register_from_add(&x->d, "db09", GRADE_G3);
    expect(x, 9, GUARD_WRITABLE);
    register_from_remove(&x->d, "db09");
    x->d.state = REGISTER_FLIP;
    expect(x, 11, GUARD_HOLD);
    x->s.promoting = true;
    x->s.promoting_tli = 1;
    expect(x, 11, GUARD_HOLD); /* not promoted */
    x->f.newest_history_tli = 2;
    expect(x, 8, GUARD_WRITABLE);
    x = start();
    x->v.d_answered = false;
    expect(x, 10, GUARD_WRITABLE);
    x->peer.answered = false;
    expect(x, 11, GUARD_HOLD);
    x = start();
    x->v.d_answered = false;
    x->peer.seen_state = REGISTER_CLAIM;
    expect(x, 11, GUARD_HOLD);
    x = start();
    x->v.d_answered = false;
    x->v.n_peers = 0; /* nobody to confirm it */
    expect(x, 11, GUARD_HOLD);
}

/* Alone it ends every start in a promotion; beside standby.signal it has no effect. */
static void guard_row_twelve(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->f.recovery_signal = true;
    expect(x, 12, GUARD_REFUSE);
    assert_true(rules_guard(&x->v).alarm);
    x->f.standby_signal = true;
    expect(x, 1, GUARD_STANDBY);
    x->s.held = x->s.held_was_primary = true;
    x->s.held_tli = x->f.control_tli;
    expect(x, 9, GUARD_WRITABLE); /* the hold's own signal file; the other is set aside */
    x = start();
    x->f.recovery_signal = true;
    x->v.d_answered = false;
    x->peer.answered = false;
    expect(x, 12, GUARD_REFUSE); /* it would be held: a read-only start is one as well */
    x = start();
    x->f.recovery_signal = true;
    STR_COPY(x->d.owner, "b");
    expect(x, 6, GUARD_FENCE);
    x = start();
    x->f.recovery_signal = true;
    x->f.role = PG_STARTING; /* it runs: the guard before cron */
    expect(x, 9, GUARD_WRITABLE);
}

/* A hold is released on the timeline it was held on; right after a promotion pg_control still shows
 * the old one. */
static void guard_releases_what_it_held(void **unused)
{
    struct start *x = start();
    struct agent_state held, free_again;

    (void)unused;
    x->d = record_of(6, REGISTER_FLIP, "a");
    x->s.promoting = x->s.cron_on = true;
    x->s.promoting_tli = 1;
    x->f.newest_history_tli = 2;
    x->f.control_state = CONTROL_IN_PRODUCTION;
    struct guard_ruling r = rules_guard(&x->v);
    assert_int_equal(r.row, 7);
    rules_guard_state(&x->v, &r, &held);
    assert_true(held.held && held.held_was_primary && held.cron_on);
    assert_int_equal(held.epoch, 5); /* ARM alone raises it */

    held.epoch = 6;
    x->s = held;
    x->f.role = PG_RECOVERY;
    x->f.standby_signal = true;
    x->f.tli = 2;
    r = rules_guard(&x->v);
    assert_int_equal(r.row, 8);
    rules_guard_state(&x->v, &r, &free_again);
    assert_true(!free_again.held && free_again.cron_on);
    x->f.tli = 3; /* it has followed somebody: no way back by itself */
    x->f.newest_history_tli = 3;
    expect(x, 11, GUARD_HOLD);
}

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

static void guard_fence_is_remembered(void **unused)
{
    struct start *x = start();
    struct agent_state next;

    (void)unused;
    x->s.cron_on = true;
    STR_COPY(x->d.owner, "b");
    struct guard_ruling r = rules_guard(&x->v);
    rules_guard_state(&x->v, &r, &next);
    assert_true(next.fenced && next.fence_was_primary && !next.cron_on);
    assert_string_equal(next.seen.owner, "b");
    for (int row = 1; row <= 12; row++)
        assert_true(strlen(rules_guard_row_text(row)) > 0);
}

static void watch_needs_two_reads(void **unused)
{
    struct agent_state s = state_at(5);
    struct facts p = primary(), b = standby();
    struct record mine = record_of(5, REGISTER_STABLE, "a"), theirs = mine;

    (void)unused;
    STR_COPY(theirs.owner, "b");
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &mine), WATCH_NOTHING);
    assert_int_equal(rules_watch(&s, &p, "a", &mine, &theirs), WATCH_NOTHING);
    assert_int_equal(rules_watch(&s, &b, "a", &theirs, &theirs), WATCH_NOTHING);
    s.cron_on = true;
    assert_int_equal(rules_watch(&s, &b, "a", &theirs, &theirs), WATCH_CRON_OFF);
    theirs.state = REGISTER_CLAIM;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.state = REGISTER_FLIP;
    theirs.epoch = 4;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.epoch = 6;
    theirs.sysid = 8;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.sysid = 7;
    p.role = PG_UNKNOWN; /* a backend has outlived its postmaster, under a signal file made since */
    p.standby_signal = p.orphans = true;
    p.control_state = CONTROL_IN_PRODUCTION;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    p.control_state = CONTROL_IN_ARCHIVE_RECOVERY; /* a standby's: it cannot commit */
    assert_int_not_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    p.standby_signal = p.orphans = false;
    p.control_state = CONTROL_IN_PRODUCTION;
    p.role = PG_UNKNOWN; /* too busy to be asked, but no standby */
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_rows_one_to_three),
        cmocka_unit_test(guard_rows_four_to_seven),
        cmocka_unit_test(guard_rows_eight_to_eleven),
        cmocka_unit_test(guard_row_twelve),
        cmocka_unit_test(guard_releases_what_it_held),
        cmocka_unit_test(a_hold_is_released_by_word),
        cmocka_unit_test(no_word_releases_anything_else),
        cmocka_unit_test(guard_fence_is_remembered),
        cmocka_unit_test(watch_needs_two_reads),
    };

    return cmocka_run_group_tests_name("rules_guard", tests, NULL, NULL);
}
