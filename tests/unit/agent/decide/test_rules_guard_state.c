/* agent/decide/rules: the guard before the first command, what a node adopts, and what it persists.
 */
#include "agent/decide/rules.h"

#include <string.h>

#include "tests/unit/agent/decide/guard_world.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Installed, never commanded, and the zone has no ownership record yet. */
static struct start *uninitialised(void)
{
    struct start *x = start();

    x->s = (struct agent_state){.sysid = 7};
    x->d = (struct record){.epoch = -1, .state = REGISTER_CLAIM, .sysid = 7};
    x->v.d_absent = true;
    x->peer.epoch = 0;
    return x;
}

static void without_a_record_nothing_is_guarded(void **unused)
{
    struct start *x = uninitialised();

    (void)unused;
    expect(x, 0, GUARD_WRITABLE);
    x->f.recovery_signal = true; /* a restore in place, before there is anything to guard */
    expect(x, 0, GUARD_WRITABLE);
    x = uninitialised();
    x->f.standby_signal = true;
    expect(x, 0, GUARD_STANDBY);
    x->s.held = x->s.held_was_primary = true; /* the hold's own signal file: it is let go */
    expect(x, 0, GUARD_WRITABLE);
    x = uninitialised();
    x->peer.answered = false;
    x->peer.epoch = 5; /* nothing was said: what the field holds is not an answer */
    expect(x, 0, GUARD_WRITABLE);
}

static void a_record_that_is_missing_is_not_the_same_as_none_yet(void **unused)
{
    struct start *x = uninitialised();

    (void)unused;
    x->peer.epoch = 5; /* it obeys one: the record is lost, and our state too */
    expect(x, 4, GUARD_HOLD);
    x = uninitialised();
    x->v.d_absent = false; /* there is one, which cannot be read */
    expect(x, 5, GUARD_HOLD);
    x = uninitialised();
    x->s.epoch = 5;
    expect(x, 5, GUARD_HOLD);
    x = uninitialised();
    x->s.fenced = true;
    expect(x, 2, GUARD_REFUSE);
    x = uninitialised();
    x->v.state_readable = false;
    expect(x, 2, GUARD_REFUSE);
    x = uninitialised();
    x->s.held = true; /* a standby that was held: nothing says that it may be more */
    expect(x, 5, GUARD_HOLD);
}

static void without_a_record_a_hold_ends_and_cron_is_left_alone(void **unused)
{
    struct start *x = uninitialised();
    struct guard_decision decision;

    (void)unused;
    x->s.held = x->s.held_was_primary = x->s.cron_on = true;
    x->s.held_tli = 1;
    x->s.held_row = 11;
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.row, 0);
    assert_true(!decision.next.held && !decision.next.held_was_primary && decision.next.cron_on);
    assert_int_equal(decision.next.held_tli, 0);
    assert_int_equal(decision.next.held_row, 0);
    assert_int_equal(decision.next.seen.epoch, 0); /* there was nothing to see */
    x->s.held = false;
    x->f.standby_signal = true;
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.verdict, GUARD_STANDBY);
    assert_true(decision.next.cron_on);
}

static void a_stable_record_is_adopted_by_a_node_without_command(void **unused)
{
    struct agent_state s = state_at(0), next;
    struct record d = record_of(5, REGISTER_STABLE, "a");

    (void)unused;
    s.seq = 0;
    assert_true(rules_adopts(&s, "a", &d, &next));
    assert_int_equal(next.epoch, 5);
    assert_string_equal(next.seen.nonce, nonce);
    assert_true(next.cron_on); /* the owner's jobs run already */
    assert_true(rules_adopts(&s, "b", &d, &next));
    assert_int_equal(next.epoch, 5);
    assert_false(next.cron_on);
}

static void nothing_else_is_adopted(void **unused)
{
    static const struct {
        int64_t epoch, seq;
        bool fenced;
        uint64_t sysid;
        int64_t d_epoch;
        enum register_state d_state;
        uint64_t d_sysid;
    } cases[] = {
        {4, 0, false, 7, 5, REGISTER_STABLE, 7}, {0, 1, false, 7, 5, REGISTER_STABLE, 7},
        {0, 0, true, 7, 5, REGISTER_STABLE, 7},  {0, 0, false, 0, 5, REGISTER_STABLE, 0},
        {0, 0, false, 7, 0, REGISTER_STABLE, 7}, {0, 0, false, 7, -1, REGISTER_STABLE, 7},
        {0, 0, false, 7, 5, REGISTER_CLAIM, 7},  {0, 0, false, 7, 5, REGISTER_FLIP, 7},
        {0, 0, false, 7, 5, REGISTER_STABLE, 8},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = {.epoch = cases[i].epoch,
                                .seq = cases[i].seq,
                                .fenced = cases[i].fenced,
                                .sysid = cases[i].sysid};
        struct agent_state next = {.seq = 99};
        struct record d = record_of(cases[i].d_epoch, cases[i].d_state, "a");

        d.sysid = cases[i].d_sysid;
        assert_false(rules_adopts(&s, "a", &d, &next));
        assert_int_equal(next.seq, 99);
    }
}

/* Without adopting first it would be held by row 7: the record's epoch is above its own. */
static void an_existing_owner_starts_writable_at_its_first_boot(void **unused)
{
    struct start *x = start();
    struct guard_decision decision;

    (void)unused;
    x->s = (struct agent_state){.sysid = 7};
    x->peer.epoch = 0;
    expect(x, 7, GUARD_HOLD);
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.row, 9);
    assert_int_equal(decision.ruling.verdict, GUARD_WRITABLE);
    assert_int_equal(decision.next.epoch, 5);
    assert_true(decision.next.cron_on);
    x->v.d_answered = false; /* what cannot be read cannot be adopted */
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.verdict, GUARD_HOLD);
    assert_int_equal(decision.next.epoch, 0);
}

static void a_state_that_cannot_be_read_is_not_looked_at(void **unused)
{
    static const struct agent_state nothing;
    struct start *x = start();
    struct guard_decision decision;

    (void)unused;
    x->v.state_readable = false;
    x->v.state = NULL;
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.row, GUARD_ROW_UNREADABLE);
    assert_int_equal(decision.ruling.verdict, GUARD_REFUSE);
    assert_memory_equal(&decision.next, &nothing, sizeof(nothing));
    x->f.standby_signal = true; /* a standby too: it may have been fenced */
    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.row, GUARD_ROW_UNREADABLE);
}

static struct agent_state persisted(const struct start *x, int row)
{
    struct guard_decision decision;

    rules_guard_decide(&x->v, &decision);
    assert_int_equal(decision.ruling.row, row);
    return decision.next;
}

/* What is seen is remembered from row 4 on, and never what is older than what is obeyed. */
static void a_restored_zone_is_not_remembered(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->d.epoch = 4;
    assert_int_equal(persisted(x, 5).seen.epoch, 5);
    x->f.recovery_signal = true; /* row 12 in place of row 5 */
    assert_int_equal(persisted(x, 12).seen.epoch, 5);
    x = start();
    x->d.epoch = 6;
    assert_int_equal(persisted(x, 7).seen.epoch, 6);
    assert_int_equal(persisted(x, 7).epoch, 5);
    x = start();
    x->d.sysid = 8;
    x->d.epoch = 6; /* another cluster's */
    assert_int_equal(persisted(x, 3).seen.epoch, 5);
}

static void a_standby_and_what_is_refused_have_their_jobs_off(void **unused)
{
    struct start *x = start();
    struct agent_state next;

    (void)unused;
    x->s.cron_on = x->f.standby_signal = true;
    next = persisted(x, 1);
    assert_true(!next.cron_on && !next.fenced && !next.held);
    x->s.fenced = true;
    next = persisted(x, 2);
    assert_true(!next.cron_on && next.fenced && !next.held);
    x = start();
    x->s.cron_on = x->f.recovery_signal = true;
    next = persisted(x, 12);
    assert_true(!next.cron_on && !next.fenced && !next.held);
}

/* A peer names another owner while DNS does not respond: what this node saw itself stays. */
static void a_fence_by_a_peers_word_keeps_the_last_record(void **unused)
{
    struct start *x = start();
    struct agent_state next;

    (void)unused;
    x->v.d_answered = false;
    x->peer.writable = true;
    STR_COPY(x->peer.seen_owner, "b");
    STR_COPY(x->d.owner, "b"); /* nothing of it was read */
    x->s.cron_on = true;
    next = persisted(x, 4);
    assert_true(next.fenced && next.fence_was_primary && !next.cron_on);
    assert_string_equal(next.seen.owner, "a");
}

static void a_second_hold_keeps_what_the_first_one_saw(void **unused)
{
    struct start *x = start();
    struct agent_state next;

    (void)unused;
    x->d.state = REGISTER_SEIZE;
    x->s.cron_on = true;
    next = persisted(x, 7);
    assert_true(next.held && next.held_was_primary && next.cron_on);
    assert_int_equal(next.held_tli, 1);
    assert_int_equal(next.held_row, 7);
    x->s = next;
    x->v.d_answered = x->peer.answered = false;
    x->f.standby_signal = true; /* the hold's own */
    x->f.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    x->f.newest_history_tli = 2;
    next = persisted(x, 11);
    assert_true(next.held && next.held_was_primary);
    assert_int_equal(next.held_tli, 1); /* so that it stays held on the new timeline */
    assert_int_equal(next.held_row, 11);
}

static void the_table_is_printed_line_by_line(void **unused)
{
    static const int rows[] = {0, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    struct guard_ruling r;

    (void)unused;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(rules_guard_row(i, &r));
        assert_int_equal(r.row, rows[i]);
        assert_int_equal(r.alarm, r.row == 3 || r.row == 5 || r.row == 12);
    }
    assert_int_equal(r.verdict, GUARD_REFUSE); /* row 12 is no line of the table itself */
    assert_false(rules_guard_row(COUNT(rows), &r));
    for (int row = GUARD_ROW_NO_RECORD; row <= GUARD_ROW_RECOVERY; row++)
        assert_true(strlen(rules_guard_row_text(row)) > 0);
    assert_string_equal(rules_guard_row_text(-1), ""); /* a state file may hold any number */
    assert_string_equal(rules_guard_row_text(GUARD_ROW_RECOVERY + 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_record_nothing_is_guarded),
        cmocka_unit_test(a_record_that_is_missing_is_not_the_same_as_none_yet),
        cmocka_unit_test(without_a_record_a_hold_ends_and_cron_is_left_alone),
        cmocka_unit_test(a_stable_record_is_adopted_by_a_node_without_command),
        cmocka_unit_test(nothing_else_is_adopted),
        cmocka_unit_test(an_existing_owner_starts_writable_at_its_first_boot),
        cmocka_unit_test(a_state_that_cannot_be_read_is_not_looked_at),
        cmocka_unit_test(a_restored_zone_is_not_remembered),
        cmocka_unit_test(a_standby_and_what_is_refused_have_their_jobs_off),
        cmocka_unit_test(a_fence_by_a_peers_word_keeps_the_last_record),
        cmocka_unit_test(a_second_hold_keeps_what_the_first_one_saw),
        cmocka_unit_test(the_table_is_printed_line_by_line),
    };

    return cmocka_run_group_tests_name("rules_guard_state", tests, NULL, NULL);
}
