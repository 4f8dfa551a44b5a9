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

/* A standby whose walreceiver is down gets nothing of the owner's stop. */
static void a_standby_that_receives_nothing(void **unused)
{
    (void)unused;
    v.nodes[C].receiving = v.nodes[C].streams_from_owner = false;
    v.nodes[C].receive_lsn = v.nodes[C].replay_lsn = 60;
    foresee(&v, upstream, &f);
    assert_int_equal(f.end.kind, MOVE_DONE);
    assert_int_equal(f.after.nodes[A].shutdown_lsn, 101);
    assert_int_equal(f.after.nodes[B].receive_lsn, 102);
    assert_int_equal(f.after.nodes[C].receive_lsn, 60);
}

/* After a failover: a clean stop before the new timeline lies within it, if it is of this cluster;
 * of anything else only a measurement can say so. */
static void what_the_old_owner_has(void **unused)
{
    static const struct {
        enum pg_role role;
        bool clean, sysid_ok;
        uint64_t control_lsn;
        enum lineage_kind kind;
    } cases[] = {
        {PG_STOPPED, true, true, 80, LINEAGE_INSIDE},
        {PG_STOPPED, true, true, 100, LINEAGE_UNMEASURED},
        {PG_STOPPED, true, false, 80, LINEAGE_UNMEASURED},
        {PG_STOPPED, false, true, 80, LINEAGE_UNMEASURED},
        {PG_WRITABLE, false, true, 80, LINEAGE_UNMEASURED}, /* stopped at once */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct planner_node *a = &v.nodes[A];

        set_up(unused);
        v.command = PLANNER_FAILOVER;
        a->role = cases[i].role;
        a->clean = cases[i].clean;
        a->sysid_ok = cases[i].sysid_ok;
        a->control_lsn = cases[i].control_lsn;
        foresee(&v, upstream, &f);
        assert_int_equal(f.end.kind, MOVE_DONE);
        assert_string_equal(f.after.d.owner, "b");
        assert_int_equal(f.after.nodes[A].clean, cases[i].clean);
        assert_int_equal(f.after.nodes[A].wal.kind, cases[i].kind);
    }
}

static void ends_in_the_middle(enum step_id step)
{
    assert_int_equal(f.end.kind, MOVE_STOP);
    assert_int_equal(f.end.step, step);
    assert_int_equal(f.end.reason, WHY_NOT_READY);
    assert_int_equal(f.end.exit_code, 4);
}

/* The agent would refuse: a history file says that the timeline has been used. */
static void a_revoke_that_would_be_refused(void **unused)
{
    struct planner_move end;

    (void)unused;
    v.command = PLANNER_ABORT;
    v.d.state = REGISTER_FLIP;
    STR_COPY(v.d.owner, "b");
    register_from_add(&v.d, "a", GRADE_G1);
    v.nodes[A].fenced = v.nodes[A].was_primary = v.nodes[A].clean = v.nodes[A].signal = true;
    v.nodes[A].role = PG_STOPPED;
    v.nodes[A].shutdown_lsn = v.nodes[A].control_lsn = 99;
    v.nodes[A].cron_on = false;
    v.nodes[A].cron_off = true;
    v.nodes[B].receiving = v.nodes[B].streams_from_owner = false;
    v.nodes[C].receiving = v.nodes[C].streams_from_owner = false;
    v.nodes[B].promoting = true;
    expect("takeover arm revoke undo arm unfence cron-back follow-back? stable-back", "");
    v.nodes[B].newest_tli = 2;
    expect("takeover arm", "");
    ends_in_the_middle(STEP_REVOKE);
    assert_int_equal(f.after.nodes[B].revoked_epoch, 0);
    assert_true(f.after.nodes[B].promoting);
    assert_true(foresee_end(&v, &end)); /* a takeover would have been written */
    f.end = end;
    ends_in_the_middle(STEP_REVOKE);
}

/* A clean stop at no place in the WAL: one FENCE more asks where it was, and then no other. */
static void a_stop_that_no_one_saw(void **unused)
{
    (void)unused;
    v.command = PLANNER_RESUME;
    v.d.state = REGISTER_CLAIM;
    STR_COPY(v.d.to, "b");
    v.nodes[A].fenced = v.nodes[A].was_primary = v.nodes[A].clean = v.nodes[A].signal = true;
    v.nodes[A].role = PG_STOPPED;
    v.nodes[A].control_lsn = 0;
    foresee(&v, upstream, &f);
    assert_int_equal(f.steps[f.n - 1].step, STEP_FENCE);
    assert_int_equal(f.end.reason, WHY_NO_CLEAN_STOP);
    v.nodes[A].control_lsn = 99; /* it is known */
    foresee(&v, upstream, &f);
    assert_int_equal(f.end.kind, MOVE_DONE);
}

/* `from` has eight places: no flip without one for the owner before. */
static void a_record_without_room(void **unused)
{
    static const char *const lost[] = {"d", "e", "f", "g", "h", "i", "j", "k"};

    (void)unused;
    for (size_t i = 0; i < REGISTER_NODES_MAX; i++) {
        struct planner_node *n = &v.nodes[v.n_nodes++];

        STR_COPY(n->name, lost[i]);
        register_from_add(&v.d, lost[i], GRADE_G3);
    }
    expect("claim arm cron-off catch-up ask-dns fence verify", "");
    ends_in_the_middle(STEP_FLIP);
    assert_string_equal(f.after.d.owner, "a");
    assert_int_equal(f.after.d.state, REGISTER_CLAIM);
    register_from_remove(&v.d, "k");
    v.n_nodes--;
    foresee(&v, upstream, &f);
    assert_string_equal(f.after.d.owner, "b");
}

/* `fence` needs no record. Where none was ever read no node is the owner, nor streams from it. */
static void a_fence_without_a_record(void **unused)
{
    (void)unused;
    v.command = PLANNER_FENCE;
    v.to = C;
    v.d_answered = false;
    v.d = (struct record){.epoch = 0};
    upstream[B] = -1;
    v.nodes[B].streams_from_owner = false;
    expect("fence", "");
    assert_int_equal(f.end.reason, WHY_FENCED);
    assert_true(f.after.nodes[C].fenced);
    assert_true(f.after.nodes[B].receiving);
    assert_false(f.after.nodes[B].streams_from_owner);
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
        cmocka_unit_test_setup(a_standby_that_receives_nothing, set_up),
        cmocka_unit_test_setup(what_the_old_owner_has, set_up),
        cmocka_unit_test_setup(a_revoke_that_would_be_refused, set_up),
        cmocka_unit_test_setup(a_stop_that_no_one_saw, set_up),
        cmocka_unit_test_setup(a_record_without_room, set_up),
        cmocka_unit_test_setup(a_fence_without_a_record, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
