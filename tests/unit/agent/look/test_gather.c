/* agent/look/gather, agent/decide/rules_guard: the table, and what a new node adopts. */
#include "agent/look/gather.h"

#include <string.h>

#include "base/str.h"
#include "tests/unit/unit.h"

enum { SYSID = 77 };

struct world {
    struct config config;
    struct agent agent;
    struct agent_state s;
    struct facts f;
    struct gathered seen;
};

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));

    w->agent.config = &w->config;
    STR_COPY(w->config.agent.node, "db02");
    w->config.n_peers = 2;
    w->s.sysid = w->f.sysid = SYSID;
    w->f.role = PG_STOPPED;
    w->f.control_state = CONTROL_SHUTDOWNED;
    gather_nothing(&w->agent, "test", &w->seen);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    mem_free(*state);
    return 0;
}

static void d_shows(struct world *w, int64_t epoch, enum register_state st, const char *owner)
{
    w->seen.d_answered = true;
    w->seen.d = (struct record){.epoch = epoch, .state = (int)st, .sysid = SYSID};
    STR_COPY(w->seen.d.owner, owner);
}

static void d_is_absent(struct world *w)
{
    w->seen.d_answered = w->seen.d_absent = true;
    w->seen.d = (struct record){.epoch = -1, .state = REGISTER_CLAIM, .sysid = SYSID};
}

static void peer_says(struct world *w, int64_t epoch, bool writable)
{
    w->seen.peers[0] = (struct guard_peer){
        .answered = true, .writable = writable, .in_recovery = !writable, .epoch = epoch};
}

static struct guard_decision expect(struct world *w, enum guard_verdict verdict, int row)
{
    struct guard_decision d;

    gather_decide(&w->agent, &w->s, &w->f, &w->seen, &d);
    assert_int_equal(d.ruling.verdict, verdict);
    assert_int_equal(d.ruling.row, row);
    return d;
}

static void test_adopts_a_stable_record(void **state)
{
    struct world *w = *state;

    d_shows(w, 8, REGISTER_STABLE, "db02");
    struct guard_decision d = expect(w, GUARD_WRITABLE, 9);
    assert_int_equal(d.next.epoch, 8);
    assert_true(d.next.cron_on);

    d_shows(w, 8, REGISTER_STABLE, "db01");
    expect(w, GUARD_FENCE, 6);
    w->f.standby_signal = true;
    expect(w, GUARD_STANDBY, 1);
}

static void test_adopts_nothing_else(void **state)
{
    struct world *w = *state;
    struct agent_state next;

    d_shows(w, 8, REGISTER_SEIZE, "db02");
    expect(w, GUARD_HOLD, 7);
    d_shows(w, 8, REGISTER_CLAIM, "db02");
    expect(w, GUARD_HOLD, 7);
    d_shows(w, 8, REGISTER_STABLE, "db02");
    peer_says(w, 9, false); /* obeys a later command: the record is an old one */
    expect(w, GUARD_HOLD, 4);
    peer_says(w, 8, true);
    expect(w, GUARD_HOLD, 4);

    w->s.epoch = 3;
    assert_false(rules_adopts(&w->s, "db02", &w->seen.d, &next));
    w->s.epoch = 0;
    w->s.fenced = true;
    assert_false(rules_adopts(&w->s, "db02", &w->seen.d, &next));
    w->s.fenced = false;
    w->s.sysid = SYSID + 1;
    assert_false(rules_adopts(&w->s, "db02", &w->seen.d, &next));
}

static void test_no_record_at_all(void **state)
{
    struct world *w = *state;

    d_is_absent(w);
    expect(w, GUARD_WRITABLE, GUARD_ROW_NO_RECORD);
    w->f.standby_signal = true;
    expect(w, GUARD_STANDBY, GUARD_ROW_NO_RECORD);
    w->f.standby_signal = false;

    w->s.held = w->s.held_was_primary = true; /* while DNS was silent */
    assert_false(expect(w, GUARD_WRITABLE, 0).next.held);
    w->s.held = w->s.held_was_primary = false;

    peer_says(w, 4, false); /* the record is lost, and our state too */
    expect(w, GUARD_HOLD, 4);
    peer_says(w, 0, false);
    w->s.epoch = 4;
    assert_true(expect(w, GUARD_HOLD, 5).ruling.alarm);
}

static void test_silence_holds(void **state)
{
    struct world *w = *state;
    struct guard_decision d = expect(w, GUARD_HOLD, 11);

    assert_true(d.next.held && d.next.held_was_primary);
    w->f.standby_signal = true;
    expect(w, GUARD_STANDBY, 1);
}

/* What the guard prints of a hold: whom it waits for, and the way without them. */
static void test_what_is_missing_for_the_release(void **state)
{
    struct world *w = *state;
    char text[600];

    STR_COPY(w->config.dns.server, "10.77.0.11");
    STR_COPY(w->config.peers[0].node, "db01");
    STR_COPY(w->config.peers[1].node, "vm");
    w->seen.peers[0].answered = true;
    gather_missing(&w->agent, GUARD_ROW_ELSE, &w->seen, text, sizeof(text));
    assert_string_equal(text, "missing: the zone's primary (10.77.0.11), or without it the word of "
                              "every other node (vm did not respond); either releases it "
                              "automatically; where neither comes back: `pgtandem unfence db02`");
    w->seen.peers[1].answered = true; /* they do, and say something else */
    gather_missing(&w->agent, GUARD_ROW_ELSE, &w->seen, text, sizeof(text));
    assert_non_null(
        strstr(text, "every other node that it is a standby of the same record; either"));
    gather_missing(&w->agent, GUARD_ROW_ELSE, NULL, text, sizeof(text)); /* nobody was asked */
    assert_non_null(strstr(text, "every other node (db01, vm); either"));
    w->seen.d_answered = true; /* it is held for what DNS says */
    gather_missing(&w->agent, GUARD_ROW_ELSE, &w->seen, text, sizeof(text));
    assert_string_equal(text, "");
}

static void test_unreadable_is_refused(void **state)
{
    struct world *w = *state;
    struct guard_decision d;

    d_shows(w, 8, REGISTER_STABLE, "db02");
    gather_decide(&w->agent, NULL, &w->f, &w->seen, &d);
    assert_int_equal(d.ruling.verdict, GUARD_REFUSE);
    d_is_absent(w);
    gather_decide(&w->agent, NULL, &w->f, &w->seen, &d);
    assert_int_equal(d.ruling.verdict, GUARD_REFUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_adopts_a_stable_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adopts_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_record_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_missing_for_the_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unreadable_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
