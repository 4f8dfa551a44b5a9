/* controller/decide/foresee: what the planner will say if all goes well, and back. */
#include "controller/decide/foresee.h"

#include <string.h>

#include "base/str.h"
#include "tests/unit/unit.h"

enum { A, B, C };

static struct planner_view v;
static int upstream[CLUSTER_NODES_MAX];
static struct foresight f;

/* A writes with its jobs on, B and C stream from it; stable at epoch 5, nothing begun. */
static int set_up(void **unused)
{
    static const char *const names[] = {"a", "b", "c"};

    (void)unused;
    v = (struct planner_view){.command = PLANNER_SWITCHOVER,
                              .to = B,
                              .sysid = 7,
                              .rejoin = true,
                              .d_answered = true,
                              .d = {.epoch = 5, .sysid = 7, .tli = 1, .ttl = 30},
                              .n_nodes = 3};
    v.marks.done = step_bit(STEP_PREFLIGHT);
    STR_COPY(v.d.nonce, "0123456789abcdef0123456789abcdef");
    STR_COPY(v.d.txn, "0123456789abcdef");
    STR_COPY(v.d.owner, "a");
    STR_COPY(v.d.by, "root@ctl");
    for (int i = A; i <= C; i++) {
        bool owner = i == A;

        v.nodes[i] = (struct planner_node){.answered = true,
                                           .state_ok = true,
                                           .sysid_ok = true,
                                           .epoch = 5,
                                           .role = owner ? PG_WRITABLE : PG_RECOVERY,
                                           .cron_on = owner,
                                           .cron_off = !owner,
                                           .tli = 1,
                                           .newest_tli = 1,
                                           .control_tli = 1,
                                           .insert_lsn = owner ? 100 : 0,
                                           .control_lsn = 80,
                                           .receive_lsn = owner ? 0 : 100,
                                           .replay_lsn = owner ? 0 : 100,
                                           .receiving = !owner,
                                           .streams_from_owner = !owner,
                                           .history_ok = true};
        STR_COPY(v.nodes[i].name, names[i]);
    }
    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        upstream[i] = i == B || i == C ? A : -1;
    return 0;
}

static void one_line(const struct foreseen_step *s, size_t n, char *ret, size_t bytes)
{
    ret[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(ret);

        (void)str_printf(ret + used, bytes - used, "%s%s%s%s", i ? " " : "", steps[s[i].step].name,
                         s[i].no_return ? "!" : "", s[i].if_needed ? "?" : "");
    }
}

static void expect(const char *forward, const char *back)
{
    char line[2000];

    foresee(&v, upstream, &f);
    one_line(f.steps, f.n, line, sizeof(line));
    assert_string_equal(line, forward);
    one_line(f.back, f.n_back, line, sizeof(line));
    assert_string_equal(line, back);
}

static void switchover(void **unused)
{
    struct planner_debt outstanding[PLANNER_DEBTS_MAX];

    (void)unused;
    expect(
        "claim arm cron-off catch-up ask-dns fence verify flip promote! cron-on follow checkpoint? "
        "stable rejoin",
        "revoke undo arm unfence cron-back follow-back? stable-back");
    assert_int_equal(f.end.kind, MOVE_DONE);
    assert_int_equal(f.end.reason, WHY_FORWARD);
    assert_int_equal(f.back_end.reason, WHY_UNDONE);
    assert_int_equal(f.steps[0].before.epoch, 5);
    assert_int_equal(f.steps[0].after.epoch, 6);
    assert_int_equal(f.steps[0].after.state, REGISTER_CLAIM);
    assert_string_equal(f.steps[7].after.owner, "b");
    assert_string_equal(f.after.d.owner, "b");
    assert_int_equal(f.after.d.state, REGISTER_STABLE);
    assert_int_equal(f.after.d.tli, 2);
    assert_int_equal(f.upstream[A], B);
    assert_int_equal(f.upstream[B], -1);
    assert_int_equal(f.upstream[C], B);
    assert_int_equal(planner_debts(&f.after, outstanding), 0);
}

/* A standby behind the target needs no FOLLOW; one whose jobs are on is turned off in between. */
static void switchover_of_an_odd_cluster(void **unused)
{
    (void)unused;
    upstream[C] = B;
    v.nodes[C].streams_from_owner = false;
    v.nodes[C].cron_off = false;
    expect("claim arm cron-off catch-up ask-dns fence verify flip promote! cron-stray cron-on "
           "checkpoint? "
           "stable rejoin",
           "revoke undo arm unfence cron-stray cron-back follow-back? stable-back");

    set_up(NULL);
    v.nodes[C].answered = false;
    expect(
        "claim arm cron-off catch-up ask-dns fence verify flip promote! cron-on checkpoint? stable "
        "rejoin",
        "revoke undo arm unfence cron-back follow-back? stable-back");
}

static void failover(void **unused)
{
    (void)unused;
    v.command = PLANNER_FAILOVER;
    v.nodes[A].role = PG_STOPPED; /* crashed: its agent lives */
    expect("evidence loss seize arm fence-old detach flip promote! cron-on follow "
           "checkpoint? stable",
           "revoke undo arm unfence cron-back follow-back? stable-back");
    assert_true(f.after.nodes[A].fenced);
    assert_int_equal(f.end.reason, WHY_FORWARD);
}

static void failover_from_a_silent_node(void **unused)
{
    (void)unused;
    v.command = PLANNER_FAILOVER;
    v.nodes[A].answered = false;
    expect("evidence", "");
    assert_int_equal(f.end.reason, WHY_NO_GRADE_YET);
    assert_int_equal(f.end.exit_code, 2);
    v.marks.accepted = 1U << A;
    expect("evidence loss seize arm grade detach evidence-again flip wait-watch promote! cron-on "
           "follow checkpoint? stable",
           "");
    assert_int_equal(f.back_end.reason, WHY_NO_WAY_BACK);
    assert_int_equal(register_grade_of(&f.after.d, "a"), GRADE_G3);
}

static void other_commands(void **unused)
{
    (void)unused;
    v.command = PLANNER_RESUME;
    expect("", "");
    assert_int_equal(f.end.reason, WHY_NOTHING);
    v.command = PLANNER_FENCE;
    v.to = C;
    expect("takeover arm fence", "");
    assert_int_equal(f.end.reason, WHY_FENCED);
    assert_true(f.after.nodes[C].fenced);
}

/* A transition that another controller left open after FENCE. */
static void resume_and_abort(void **unused)
{
    (void)unused;
    v.command = PLANNER_RESUME;
    v.to = -1;
    v.rejoin = false;
    v.d.state = REGISTER_CLAIM;
    STR_COPY(v.d.to, "b");
    v.nodes[A].fenced = v.nodes[A].was_primary = v.nodes[A].clean = v.nodes[A].signal = true;
    v.nodes[A].cron_on = false;
    v.nodes[A].cron_off = true;
    v.nodes[A].role = PG_STOPPED;
    v.nodes[A].shutdown_lsn = v.nodes[A].control_lsn = 99;
    v.nodes[B].receiving = v.nodes[B].streams_from_owner = false;
    v.nodes[C].receiving = v.nodes[C].streams_from_owner = false;
    expect("takeover arm verify flip promote! cron-on follow checkpoint? stable",
           "revoke undo arm unfence cron-back follow-back? stable-back");
    v.command = PLANNER_ABORT;
    expect("takeover arm unfence cron-back follow-back? stable-back", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(switchover, set_up),
        cmocka_unit_test_setup(switchover_of_an_odd_cluster, set_up),
        cmocka_unit_test_setup(failover, set_up),
        cmocka_unit_test_setup(failover_from_a_silent_node, set_up),
        cmocka_unit_test_setup(other_commands, set_up),
        cmocka_unit_test_setup(resume_and_abort, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
