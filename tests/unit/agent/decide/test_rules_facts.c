/* agent/decide/rules: what the facts about PostgreSQL say: was it a primary, is it fenced, has the
 * promotion happened, is it revoked. */
#include "agent/decide/rules.h"

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void a_look_becomes_facts(void **unused)
{
    struct obs_pg pg = {.role = PG_STOPPED,
                        .standby_signal = true,
                        .control_state = CONTROL_SHUTDOWNED,
                        .control_tli = 2,
                        .tli = 3,
                        .newest_history_tli = 4,
                        .sysid = 7};
    struct facts f = rules_facts(&pg);

    (void)unused;
    assert_int_equal(f.role, PG_STOPPED);
    assert_true(f.standby_signal && !f.recovery_signal && !f.orphans);
    assert_int_equal(f.control_state, CONTROL_SHUTDOWNED);
    assert_int_equal(f.control_tli, 2);
    assert_int_equal(f.tli, 3);
    assert_int_equal(f.newest_history_tli, 4);
    assert_int_equal(f.sysid, 7);
    pg.standby_signal = false;
    pg.recovery_signal = true;
    pg.orphans = -1; /* not knowable: then there may be some */
    f = rules_facts(&pg);
    assert_true(!f.standby_signal && f.recovery_signal && f.orphans);
}

/* Only what was a primary can ever be given its role back (UNFENCE). */
static void a_fence_knows_what_was_primary(void **unused)
{
    static const struct {
        enum pg_role role;
        bool signal;
        int control_state;
        bool primary;
    } cases[] = {
        {PG_WRITABLE, false, CONTROL_IN_PRODUCTION, true},
        {PG_WRITABLE, true, CONTROL_IN_ARCHIVE_RECOVERY, true}, /* what it does outranks files */
        {PG_RECOVERY, true, CONTROL_IN_ARCHIVE_RECOVERY, false},
        {PG_RECOVERY, false, CONTROL_IN_PRODUCTION, false},
        {PG_STOPPED, false, CONTROL_SHUTDOWNED, true},
        {PG_STOPPED, false, CONTROL_IN_PRODUCTION, true}, /* crashed */
        {PG_STOPPED, true, CONTROL_SHUTDOWNED, false},
        /* a standby whose signal file was removed: pg_control still says what it was */
        {PG_STOPPED, false, CONTROL_SHUTDOWNED_IN_RECOVERY, false},
        {PG_STOPPED, false, CONTROL_IN_ARCHIVE_RECOVERY, false},
        {PG_STARTING, false, CONTROL_IN_PRODUCTION, true},
        {PG_STARTING, true, CONTROL_IN_ARCHIVE_RECOVERY, false},
        {PG_UNKNOWN, false, CONTROL_IN_PRODUCTION, true},
        {PG_UNKNOWN, true, CONTROL_IN_PRODUCTION, false},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = state_at(5), next;
        struct facts f = {.role = cases[i].role,
                          .standby_signal = cases[i].signal,
                          .control_state = cases[i].control_state,
                          .control_tli = 1,
                          .sysid = 7};

        rules_fence(&s, &f, &next);
        assert_true(next.fenced);
        assert_int_equal(next.fence_was_primary, cases[i].primary);
    }
}

/* A fenced node that somehow runs as a primary is seen as one: by the next FENCE, at the latest. */
static void a_second_fence_meets_a_writable_node(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary();

    (void)unused;
    s.fenced = s.fence_standby_only = true;
    s.fence_tli = 1;
    s.fence_lsn = 99;
    p.tli = 2; /* pg_control lags behind a promotion */
    rules_fence(&s, &p, &next);
    assert_true(next.fence_was_primary && !next.fence_standby_only);
    assert_int_equal(next.fence_tli, 2);
    assert_int_equal(next.fence_lsn, 0);
}

static void a_promotion_shows_in_one_of_four_places(void **unused)
{
    static const struct {
        enum pg_role role;
        int64_t tli, control_tli, newest;
        bool promoted;
    } cases[] = {
        {PG_STOPPED, 0, 1, 0, false},  {PG_RECOVERY, 1, 1, 1, false}, {PG_WRITABLE, 0, 1, 0, true},
        {PG_UNKNOWN, 2, 1, 1, true},   {PG_STOPPED, 0, 2, 0, true},   {PG_STOPPED, 0, 1, 2, true},
        {PG_STARTING, 0, 1, 1, false},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = state_at(5);
        struct facts f = {.role = cases[i].role,
                          .tli = cases[i].tli,
                          .control_tli = cases[i].control_tli,
                          .newest_history_tli = cases[i].newest};

        assert_false(rules_promoted(&s, &f)); /* it was never to be promoted */
        s.promoting = true;
        s.promoting_tli = 1;
        assert_int_equal(rules_promoted(&s, &f), cases[i].promoted);
    }
}

/* FENCE saw a standby that was being promoted; what is found after the stop decides. */
static void after_the_stop_pg_control_says_what_it_was(void **unused)
{
    static const struct {
        int control_state;
        int64_t newest;
        bool primary;
    } cases[] = {
        {CONTROL_SHUTDOWNED, 2, true},
        {CONTROL_SHUTDOWNED, 1, false}, /* not promoted */
        {CONTROL_IN_PRODUCTION, 2, true},
        /* the history file is written before recovery ends: not promoted, or not known */
        {CONTROL_SHUTDOWNED_IN_RECOVERY, 2, false},
        {CONTROL_IN_ARCHIVE_RECOVERY, 2, false},
        {CONTROL_UNREADABLE, 2, false},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = state_at(5), next;
        struct facts f = {.role = PG_STOPPED,
                          .standby_signal = true,
                          .control_state = cases[i].control_state,
                          .control_tli = 1,
                          .newest_history_tli = cases[i].newest};

        s.fenced = s.promoting = true;
        s.promoting_tli = s.fence_tli = 1;
        assert_int_equal(rules_fence_done(&s, &f, &next), RULE_OBEY);
        assert_true(next.fenced);
        assert_int_equal(next.fence_was_primary, cases[i].primary);
        assert_int_equal(next.fence_tli, cases[i].primary ? 2 : 1);
    }
}

static void fenced_is_stopped_marked_and_without_processes(void **unused)
{
    static const struct {
        bool fenced, standby_only, signal, orphans, immediate;
        enum pg_role role;
        int control_state;
        bool observed;
    } cases[] = {
        {true, false, true, false, false, PG_STOPPED, CONTROL_SHUTDOWNED, true},
        {true, false, true, false, false, PG_STOPPED, CONTROL_SHUTDOWNED_IN_RECOVERY, true},
        {true, false, true, false, false, PG_STOPPED, CONTROL_IN_PRODUCTION, false},
        {true, false, true, false, true, PG_STOPPED, CONTROL_IN_PRODUCTION, true},
        {true, false, true, true, true, PG_STOPPED, CONTROL_SHUTDOWNED, false},
        {true, false, true, false, true, PG_UNKNOWN, CONTROL_SHUTDOWNED, false},
        {true, false, true, false, true, PG_WRITABLE, CONTROL_SHUTDOWNED, false},
        {true, false, false, false, true, PG_STOPPED, CONTROL_SHUTDOWNED, false},
        {true, true, true, false, true, PG_STOPPED, CONTROL_SHUTDOWNED, false},
        {false, false, true, false, true, PG_STOPPED, CONTROL_SHUTDOWNED, false},
    };

    (void)unused;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct agent_state s = state_at(5);
        struct facts f = {.role = cases[i].role,
                          .orphans = cases[i].orphans,
                          .standby_signal = cases[i].signal,
                          .control_state = cases[i].control_state};

        s.fenced = cases[i].fenced;
        s.fence_standby_only = cases[i].standby_only;
        assert_int_equal(rules_fence_observed(&s, &f, cases[i].immediate), cases[i].observed);
    }
}

static struct facts revoked_standby(void)
{
    return (struct facts){.role = PG_STOPPED,
                          .standby_signal = true,
                          .control_state = CONTROL_SHUTDOWNED_IN_RECOVERY,
                          .control_tli = 1,
                          .newest_history_tli = 1};
}

/* Each of these says by itself that the promotion may still come, or has come. */
static void revoked_is_each_of_six_conditions(void **unused)
{
    struct agent_state s = state_at(5);
    struct facts bad[7];

    (void)unused;
    s.promoting = true;
    s.promoting_tli = 1;
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = revoked_standby();
    assert_true(rules_revoke_observed(&s, &bad[0]));
    bad[0].role = PG_RECOVERY;
    bad[1].role = PG_UNKNOWN;
    bad[2].orphans = true;
    bad[3].standby_signal = false;
    bad[4].control_state = CONTROL_IN_ARCHIVE_RECOVERY;
    bad[5].control_tli = 2;
    bad[6].newest_history_tli = 2;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(rules_revoke_observed(&s, &bad[i]));
}

/* Done is: writable, on a timeline of its own, and its next start would be a primary's too. */
static void promoted_for_good_is_more_than_writable(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts good = primary(), f;

    (void)unused;
    s.promoting = true;
    s.promoting_tli = 1;
    STR_COPY(s.upstream.node, "a");
    good.tli = 2;
    assert_int_equal(rules_promote_done(&s, &good, &next), RULE_OBEY);
    assert_string_equal(next.upstream.node, ""); /* it follows no node any more */
    f = good;
    f.role = PG_RECOVERY;
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_NOT_WRITABLE);
    f = good;
    f.standby_signal = true;
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_NOT_WRITABLE);
    f = good;
    f.tli = 1;
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_NOT_WRITABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_becomes_facts),
        cmocka_unit_test(a_fence_knows_what_was_primary),
        cmocka_unit_test(a_second_fence_meets_a_writable_node),
        cmocka_unit_test(a_promotion_shows_in_one_of_four_places),
        cmocka_unit_test(after_the_stop_pg_control_says_what_it_was),
        cmocka_unit_test(fenced_is_stopped_marked_and_without_processes),
        cmocka_unit_test(revoked_is_each_of_six_conditions),
        cmocka_unit_test(promoted_for_good_is_more_than_writable),
    };

    return cmocka_run_group_tests_name("rules_facts", tests, NULL, NULL);
}
