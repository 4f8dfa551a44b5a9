/* controller/status/status_node: what is wrong with one node that answers, in words. */
#include "controller/status/status.h"
#include "tests/unit/controller/status/status_world.h"

/* Paused at a recovery target it is not to be resumed: that would promote it. */
static void paused_at_a_recovery_target(void **state)
{
    struct obs_pg *pg = &w.nodes[B].obs.pg;

    (void)state;
    pg->replay_paused = true;
    STR_COPY(pg->recovery_active,
             "recovery_target_time in /var/lib/postgresql/data/postgresql.auto.conf line 4");
    STR_COPY(pg->recovery_settings, pg->recovery_active);
    build();
    assert_true(says(&st.problems,
                     "replay on db01 has stopped at a recovery target (recovery_target_time in "
                     "/var/lib/postgresql/data/postgresql.auto.conf line 4): remove that setting "
                     "and restart PostgreSQL there; do not resume the replay, that would promote "
                     "it"));
    for (int format = FORMAT_PRETTY; format <= FORMAT_TSV; format++)
        assert_null(strstr(screen((enum output_format)format), "pg_wal_replay_resume"));

    pg->replay_paused = false; /* it will stop there, or leave recovery */
    build();
    assert_true(says(&st.problems, "db01 can leave recovery without a command (recovery_target_"));
    assert_null(strstr(screen(FORMAT_PRETTY), "pg_wal_replay_resume"));

    pg->replay_paused = true; /* by hand: nothing but that */
    pg->recovery_active[0] = pg->recovery_settings[0] = '\0';
    build();
    assert_true(says(&st.problems, "replay is paused on db01: SELECT pg_wal_replay_resume()"));
}

/* Right after its start that is no problem; an agent that has read it once and does not any more
 * would not notice another owner. */
static void a_watch_that_does_not_read(void **state)
{
    (void)state;
    w.nodes[C].obs.watch_age_ms = -1;
    build();
    assert_true(says(&st.outstanding, "the agent of vm has not read the record since it was "
                                      "started: on vm, pgtandem-agent status says why"));
    assert_int_equal(st.problems.n, 0);
    assert_non_null(strstr(screen(FORMAT_PRETTY), "no problem found"));

    w.nodes[C].obs.watch_age_ms = 60000;
    build();
    assert_int_equal(st.problems.n + st.outstanding.n, 0);
    w.nodes[C].obs.watch_age_ms = 61000;
    build();
    assert_true(says(&st.problems, "the watch of vm has not read the record for 61 s"));
    assert_int_equal(st.outstanding.n, 0);

    w.nodes[C].obs.watch_period_ms = 20000; /* so configured */
    build();
    assert_int_equal(st.problems.n, 0);
    w.nodes[C].obs.watch_enabled = false;
    build();
    assert_true(says(&st.outstanding, "the watch is off on vm"));
}

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    term_locale();
    const struct CMUnitTest tests[] = {
        TEST(paused_at_a_recovery_target),
        TEST(a_watch_that_does_not_read),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
