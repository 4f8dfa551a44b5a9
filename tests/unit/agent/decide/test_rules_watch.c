/* agent/decide/rules: the watch, which ends what is no longer the owner. */
#include "agent/decide/rules.h"

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

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

/* Is it on the way to being writable? Then it is not waited for. */
static void the_watch_knows_what_may_write(void **unused)
{
    static const struct {
        enum pg_role role;
        bool signal, orphans;
        int control_state;
        enum watch_verdict verdict;
    } cases[] = {
        {PG_WRITABLE, true, false, CONTROL_IN_ARCHIVE_RECOVERY, WATCH_FENCE},
        {PG_STARTING, false, false, CONTROL_IN_PRODUCTION, WATCH_FENCE},
        {PG_STARTING, true, false, CONTROL_IN_ARCHIVE_RECOVERY, WATCH_CRON_OFF},
        {PG_UNKNOWN, false, false, CONTROL_IN_PRODUCTION, WATCH_FENCE},
        {PG_UNKNOWN, true, false, CONTROL_IN_PRODUCTION, WATCH_CRON_OFF},
        {PG_UNKNOWN, true, true, CONTROL_IN_PRODUCTION, WATCH_FENCE},
        {PG_UNKNOWN, true, true, CONTROL_UNREADABLE, WATCH_FENCE},
        {PG_UNKNOWN, true, true, CONTROL_IN_ARCHIVE_RECOVERY, WATCH_CRON_OFF},
        {PG_UNKNOWN, true, true, CONTROL_SHUTDOWNED_IN_RECOVERY, WATCH_CRON_OFF},
        {PG_RECOVERY, false, false, CONTROL_IN_ARCHIVE_RECOVERY, WATCH_CRON_OFF},
        {PG_STOPPED, false, false, CONTROL_SHUTDOWNED, WATCH_CRON_OFF},
    };
    struct record d = record_of(5, REGISTER_STABLE, "b");

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct agent_state s = state_at(5);
        struct facts f = {.role = cases[i].role,
                          .standby_signal = cases[i].signal,
                          .orphans = cases[i].orphans,
                          .control_state = cases[i].control_state};

        s.cron_on = true;
        assert_int_equal(rules_watch(&s, &f, "a", &d, &d), cases[i].verdict);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_needs_two_reads),
        cmocka_unit_test(the_watch_knows_what_may_write),
    };

    return cmocka_run_group_tests_name("rules_watch", tests, NULL, NULL);
}
