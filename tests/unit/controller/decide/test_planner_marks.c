/* controller/decide/planner: a fence's mark on a primary that still runs (a FENCE that was cut
 * short), and what a crontab that cannot be read counts for. */
#include <string.h>

#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/view.h"
#include "controller/decide/planner.h"
#include "tests/unit/unit.h"

enum { A, B, NODES };

static struct planner_view v;

static int set_up(void **state)
{
    (void)state;
    v = (struct planner_view){
        .command = PLANNER_ABORT, .to = -1, .d_answered = true, .n_nodes = NODES, .sysid = 1};
    v.d = (struct record){.epoch = 3, .state = REGISTER_CLAIM, .sysid = 1, .tli = 1};
    STR_COPY(v.d.nonce, "00000000000000000000000000000003");
    STR_COPY(v.d.owner, "a");
    STR_COPY(v.d.to, "b");
    v.marks.epoch = 3;
    v.marks.began = true;
    STR_COPY(v.marks.nonce, v.d.nonce);
    for (int i = 0; i < NODES; i++) {
        v.nodes[i] = (struct planner_node){.answered = true,
                                           .state_ok = true,
                                           .sysid_ok = true,
                                           .history_ok = true,
                                           .epoch = 3,
                                           .cron_off = true,
                                           .role = i == A ? PG_WRITABLE : PG_RECOVERY};
        STR_COPY(v.nodes[i].name, i == A ? "a" : "b");
    }
    v.nodes[A].fenced = v.nodes[A].was_primary = true;
    v.nodes[B].streams_from_owner = true;
    return 0;
}

static void expect(enum step_id step, int node)
{
    struct planner_move m;

    planner_next(&v, &m);
    assert_int_equal(m.kind, MOVE_STEP);
    assert_string_equal(steps[m.step].name, steps[step].name);
    assert_int_equal(m.node, node);
}

static void test_abort_lifts_the_mark_of_a_running_primary(void **state)
{
    (void)state;
    expect(STEP_UNFENCE, A);
    v.d.state = REGISTER_UNDO;
    expect(STEP_UNFENCE, A);
    v.nodes[A].fenced = false;
    expect(STEP_CRON_BACK, A);
}

static void test_resume_at_stable_lifts_it_after_a_takeover(void **state)
{
    struct planner_situation now;

    (void)state;
    v.command = PLANNER_RESUME;
    v.d.state = REGISTER_STABLE;
    v.d.to[0] = '\0';
    v.nodes[A].cron_off = false;
    v.nodes[A].cron_on = true;
    planner_situation(&v, &now);
    assert_string_equal(now.command, "pgtandem resume");
    v.marks = (struct planner_marks){.epoch = 0};
    expect(STEP_TAKEOVER, -1);
    v.marks.epoch = 3;
    STR_COPY(v.marks.nonce, v.d.nonce);
    expect(STEP_UNFENCE, A);
}

static void test_it_is_not_lifted_against_rule_w(void **state)
{
    struct planner_move m;

    (void)state;
    v.d.n_from = 1;
    STR_COPY(v.d.from[0].node, "b");
    v.nodes[B].promoting = true;
    planner_next(&v, &m);
    assert_true(m.kind == MOVE_STOP || m.step != STEP_UNFENCE);
}

/* PostgreSQL stopped after the FENCE had given up: where is not recorded, 0/0 would never be
 * passed. */
static void test_a_stop_that_no_fence_saw_is_fenced_again(void **state)
{
    (void)state;
    v.command = PLANNER_RESUME;
    v.nodes[A].role = PG_STOPPED;
    v.nodes[A].clean = true;
    v.nodes[A].control_lsn = 0x3000148;
    expect(STEP_FENCE, A);
    v.nodes[A].shutdown_lsn = 0x3000148;
    expect(STEP_VERIFY, B);
}

/* A node declared lost without a fence whose fence's mark is set, while PostgreSQL is still there.
 */
static void test_from_forgets_nobody_who_may_write(void **state)
{
    const struct planner_record_args args = {.nonce = "00000000000000000000000000000004",
                                             .by = "x@y"};
    struct record r;

    (void)state;
    v.d.state = REGISTER_FLIP;
    v.d.to[0] = '\0';
    STR_COPY(v.d.owner, "b");
    v.d.n_from = 1;
    STR_COPY(v.d.from[0].node, "a");
    v.d.from[0].grade = GRADE_G3;
    v.nodes[A].role = PG_UNKNOWN;
    assert_true(planner_record(&v, STEP_STABLE, &args, &r));
    assert_int_equal(r.n_from, 1);
    v.nodes[A].role = PG_STOPPED;
    assert_true(planner_record(&v, STEP_STABLE, &args, &r));
    assert_int_equal(r.n_from, 0);
}

static void test_an_unreadable_crontab_is_neither_on_nor_off(void **state)
{
    static struct config c;
    static struct world w;
    static struct record known;

    (void)state;
    c.n_nodes = w.n_nodes = 1;
    STR_COPY(c.nodes[0].name, "a");
    STR_COPY(w.nodes[0].obs.node, "a");
    w.nodes[0].answered = true;
    view_from_world(&c, &w, &known, 0, &v);
    assert_false(v.nodes[0].cron_off);
    w.nodes[0].obs.cron.commanded_on = true;
    view_from_world(&c, &w, &known, 0, &v);
    assert_false(v.nodes[0].cron_on);
    w.nodes[0].obs.cron.readable = true;
    view_from_world(&c, &w, &known, 0, &v);
    assert_true(v.nodes[0].cron_on);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_abort_lifts_the_mark_of_a_running_primary, set_up),
        cmocka_unit_test_setup(test_resume_at_stable_lifts_it_after_a_takeover, set_up),
        cmocka_unit_test_setup(test_it_is_not_lifted_against_rule_w, set_up),
        cmocka_unit_test_setup(test_a_stop_that_no_fence_saw_is_fenced_again, set_up),
        cmocka_unit_test_setup(test_from_forgets_nobody_who_may_write, set_up),
        cmocka_unit_test(test_an_unreadable_crontab_is_neither_on_nor_off),
    };

    return cmocka_run_group_tests_name("test_planner_marks", tests, NULL, NULL);
}
