/* agent/decide/rules: the guard's rows 1 to 12, and what releases a node that it holds. */
#include "agent/decide/rules.h"

#include <string.h>

#include "tests/unit/agent/decide/guard_world.h"

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

/* Each line makes one thing of a cold start (row 10) differ. */
static void a_cold_start_wants_every_word(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->v.d_answered = false;
    expect(x, 10, GUARD_WRITABLE);
    STR_COPY(x->s.seen.owner, "b");
    expect(x, 11, GUARD_HOLD);
    STR_COPY(x->s.seen.owner, "a");
    x->s.seen.epoch = 6; /* seen, not obeyed: a command went by */
    expect(x, 11, GUARD_HOLD);
    x->s.seen.epoch = 4; /* obeyed, not seen */
    expect(x, 11, GUARD_HOLD);
    x->s.seen.epoch = 5;
    x->s.seen.state = REGISTER_CLAIM;
    expect(x, 11, GUARD_HOLD);
    x->s.seen.state = REGISTER_STABLE;
    x->peer.epoch = 4;
    expect(x, 11, GUARD_HOLD);
    x->peer.epoch = 5;
    x->peer.in_recovery = false; /* stopped, or not known */
    expect(x, 11, GUARD_HOLD);
    x->peer.in_recovery = true;
    STR_COPY(x->peer.seen_owner, "b");
    expect(x, 11, GUARD_HOLD);
    STR_COPY(x->peer.seen_owner, "a");
    expect(x, 10, GUARD_WRITABLE);
    x->s.held = true; /* it was no primary when it was held */
    expect(x, 11, GUARD_HOLD);
}

/* Row 3 is about what differs; what is not known does not. */
static void an_unknown_identity_is_not_foreign(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->f.sysid = 0;
    expect(x, 9, GUARD_WRITABLE);
    x->d.sysid = 8;
    expect(x, 3, GUARD_REFUSE);
    x->v.d_answered = false;
    expect(x, 10, GUARD_WRITABLE);
    x = start();
    x->s.sysid = 0;
    expect(x, 9, GUARD_WRITABLE);
}

/* A peer objects: that is a hold, unless another owner is named by what is not older. */
static void a_fence_needs_an_owner_that_is_named(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->peer.writable = true;
    STR_COPY(x->d.owner, "b");
    x->d.epoch = 4; /* a restored zone */
    expect(x, 4, GUARD_HOLD);
    x->v.d_answered = false;
    STR_COPY(x->peer.seen_owner, "b");
    expect(x, 4, GUARD_FENCE);
    x->peer.seen_state = REGISTER_FLIP;
    expect(x, 4, GUARD_FENCE);
    x->peer.seen_state = REGISTER_CLAIM; /* the old owner, not for good */
    expect(x, 4, GUARD_HOLD);
    x->peer.seen_state = REGISTER_STABLE;
    x->peer.seen_epoch = 4;
    expect(x, 4, GUARD_HOLD);
}

/* One peer objects, another that does not respond would have named an owner: it has not. */
static void a_silent_peer_names_no_owner(void **unused)
{
    struct start *x = start();
    struct guard_peer peers[2] = {x->peer, x->peer};

    (void)unused;
    x->v.d_answered = false;
    x->v.peers = peers;
    x->v.n_peers = 2;
    peers[0].writable = true;
    peers[1].answered = false;
    STR_COPY(peers[1].seen_owner, "b");
    expect(x, 4, GUARD_HOLD);
    peers[1].answered = true;
    expect(x, 4, GUARD_FENCE);
}

/* Rows 8 and 9 are reached by a record of this epoch alone, and row 8 by this node's. */
static void a_promotion_counts_at_its_own_epoch(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->s.promoting = true;
    x->s.promoting_tli = 1;
    x->f.newest_history_tli = 2;
    x->d.state = REGISTER_FLIP;
    expect(x, 8, GUARD_WRITABLE);
    x->d.epoch = 4;
    expect(x, 5, GUARD_HOLD);
    x->d.epoch = 6;
    expect(x, 7, GUARD_HOLD);
    x->d.epoch = 5;
    STR_COPY(x->d.owner, "b");
    expect(x, 6, GUARD_FENCE);
    x->d.state = REGISTER_UNDO; /* back to another node, which has yet to become writable */
    expect(x, 11, GUARD_HOLD);
    x->d.state = REGISTER_CLAIM;
    expect(x, 11, GUARD_HOLD);
    STR_COPY(x->d.owner, "a");
    x->d.epoch = 4;
    expect(x, 5, GUARD_HOLD);
    x->d.state = REGISTER_UNDO;
    x->d.epoch = 6;
    expect(x, 7, GUARD_HOLD);
}

static void a_hold_ends_on_the_timeline_it_began_on(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->s.held = x->s.held_was_primary = x->f.standby_signal = true;
    x->s.held_tli = 1;
    x->f.role = PG_RECOVERY;
    x->f.tli = 1;
    expect(x, 9, GUARD_WRITABLE);
    x->f.control_tli = 2; /* recovery has passed a switch that the running server does not show */
    expect(x, 11, GUARD_HOLD);
    x->f.control_tli = 1;
    x->s.held_was_primary = false;
    expect(x, 11, GUARD_HOLD);
    x->d.state = REGISTER_FLIP;
    x->s.promoting = true;
    x->f.tli = 2;
    x->s.promoting_tli = 1;
    expect(x, 11, GUARD_HOLD);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guard_rows_one_to_three),
        cmocka_unit_test(guard_rows_four_to_seven),
        cmocka_unit_test(guard_rows_eight_to_eleven),
        cmocka_unit_test(guard_row_twelve),
        cmocka_unit_test(guard_releases_what_it_held),
        cmocka_unit_test(a_cold_start_wants_every_word),
        cmocka_unit_test(an_unknown_identity_is_not_foreign),
        cmocka_unit_test(a_fence_needs_an_owner_that_is_named),
        cmocka_unit_test(a_silent_peer_names_no_owner),
        cmocka_unit_test(a_promotion_counts_at_its_own_epoch),
        cmocka_unit_test(a_hold_ends_on_the_timeline_it_began_on),
        cmocka_unit_test(guard_fence_is_remembered),
    };

    return cmocka_run_group_tests_name("rules_guard", tests, NULL, NULL);
}
