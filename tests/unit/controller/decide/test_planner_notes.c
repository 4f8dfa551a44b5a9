/* controller/decide/planner: where the record has no room for a step or no ground for it, what a
 * run remembers of its steps, and the record that a person types. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

static const struct planner_record_args args = {
    .nonce = nonce, .txn = txn, .by = "root@ctl", .tli = 2};

/* ---- records -------------------------------------------------------------------------------- */

/* As many nodes in `from` as it holds: n0 … n7. */
static void fill_from(struct record *r)
{
    r->n_from = 0;
    for (int i = 0; i < REGISTER_NODES_MAX; i++) {
        char name[NODE_NAME_BYTES];

        STR_PRINTF(name, "n%d", i);
        register_from_add(r, name, GRADE_G3);
    }
}

/* `from` must not silently lose a node: it may still be writable. */
static void a_full_from_refuses_another_node(void **unused)
{
    struct planner_view *v = claim_fenced(PLANNER_SWITCHOVER);
    struct record r;

    (void)unused;
    fill_from(&v->d);
    assert_false(planner_record(v, STEP_FLIP, &args, &r));
    STR_COPY(v->d.from[3].node, "a"); /* it is in it already */
    assert_true(planner_record(v, STEP_FLIP, &args, &r));
    assert_int_equal(r.n_from, REGISTER_NODES_MAX);
    assert_string_equal(r.from[REGISTER_NODES_MAX - 1].node, "a");

    v = world(PLANNER_FAILOVER, REGISTER_SEIZE);
    silence(&v->nodes[A]);
    v->marks.accepted = 1U << A;
    fill_from(&v->d);
    assert_false(planner_record(v, STEP_GRADE, &args, &r));
    STR_COPY(v->d.from[3].node, "a");
    v->d.from[3].grade = GRADE_NONE;
    assert_true(planner_record(v, STEP_GRADE, &args, &r));
    assert_int_equal(register_grade_of(&r, "a"), GRADE_G3);
}

/* A grade is one node's: another that is silent too needs a word of its own. */
static void a_grade_is_written_for_whom_it_was_given(void **unused)
{
    struct planner_view *v = world(PLANNER_FAILOVER, REGISTER_SEIZE);
    struct record r;

    (void)unused;
    silence(&v->nodes[A]);
    silence(&v->nodes[C]);
    register_from_add(&v->d, "c", GRADE_NONE);
    v->marks.cut = 1U << A;
    assert_true(planner_record(v, STEP_GRADE, &args, &r));
    assert_int_equal(register_grade_of(&r, "a"), GRADE_G2);
    assert_int_equal(register_grade_of(&r, "c"), GRADE_NONE);
}

static void what_has_no_ground_is_not_written(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
    struct record r;

    (void)unused;
    v->to = -1;
    assert_false(planner_record(v, STEP_CLAIM, &args, &r));
    assert_false(planner_record(v, STEP_SEIZE, &args, &r));
    v = world(PLANNER_ABORT, REGISTER_FLIP);
    v->d.n_from = 0; /* no owner before it: there is none to return to */
    assert_false(planner_record(v, STEP_UNDO, &args, &r));
}

/* In claim nothing was flipped, so no node was asked: one that a typed record names in `from` has
 * still to say at this epoch what it is. */
static void from_in_claim_forgets_who_has_said_it(void **unused)
{
    struct planner_view *v = world(PLANNER_ABORT, REGISTER_CLAIM);
    struct record r;

    (void)unused;
    register_from_add(&v->d, "c", GRADE_NONE);
    v->nodes[C].epoch = 4;
    assert_true(planner_record(v, STEP_STABLE_BACK, &args, &r));
    assert_true(register_from_has(&r, "c"));
    v->nodes[C].epoch = 5;
    assert_true(planner_record(v, STEP_STABLE_BACK, &args, &r));
    assert_false(register_from_has(&r, "c"));
    v->nodes[C].answered = false; /* said at this epoch: it holds when the node falls silent */
    assert_true(planner_record(v, STEP_STABLE_BACK, &args, &r));
    assert_false(register_from_has(&r, "c"));
    v->nodes[C].role = PG_STOPPED;
    assert_true(planner_record(v, STEP_STABLE_BACK, &args, &r));
    assert_true(register_from_has(&r, "c"));
}

/* ---- what a run remembers ------------------------------------------------------------------- */

static void the_certificate_is_of_two_nodes(void **unused)
{
    struct planner_view *v = claim_fenced(PLANNER_SWITCHOVER);

    (void)unused;
    planner_note(&v->marks, v, STEP_VERIFY, -1, OUTCOME_DONE);
    assert_int_equal(v->marks.verified_replay_lsn, 0);
    STR_COPY(v->d.owner, "stranger"); /* the look after it shows another's record */
    planner_note(&v->marks, v, STEP_VERIFY, B, OUTCOME_DONE);
    assert_int_equal(v->marks.verified_replay_lsn, 0);
    STR_COPY(v->d.owner, "a");
    planner_note(&v->marks, v, STEP_VERIFY, B, OUTCOME_DONE);
    assert_int_equal(v->marks.verified_shutdown_lsn, 90);
    assert_int_equal(v->marks.verified_replay_lsn, 100);
}

/* Steps to many nodes: one that fails does not speak for the others. */
static void a_failure_is_of_its_node(void **unused)
{
    static const enum step_id following[] = {STEP_FOLLOW, STEP_FOLLOW_BACK};

    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        struct planner_view *v = world(PLANNER_ABORT, REGISTER_UNDO);

        planner_note(&v->marks, v, following[i], C, OUTCOME_FAILED);
        assert_int_equal(v->marks.follow_failed, 1U << C);
        assert_int_equal(v->marks.failed, 0);
        assert_true(v->marks.touched);
    }
}

/* ---- `dns set` ------------------------------------------------------------------------------ */

static void a_typed_record_has_no_target(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct record r = v->d;
    int node = -1;

    (void)unused;
    STR_COPY(r.to, "b");
    assert_int_equal(planner_typed(v, &r, &node), TYPED_NOT_STABLE);
}

/* What is down without a mark may be the primary that it was. */
static void who_may_be_typed_as_the_owner(void **unused)
{
    static const struct {
        bool fenced, was_primary, held;
        enum pg_role role;
        enum planner_typed expected;
    } rows[] = {
        {.role = PG_WRITABLE, .expected = TYPED_OK},
        {.role = PG_STOPPED, .expected = TYPED_OK},
        {.role = PG_RECOVERY, .held = true, .expected = TYPED_OK},
        {.role = PG_STOPPED, .fenced = true, .was_primary = true, .expected = TYPED_OK},
        {.role = PG_STOPPED, .fenced = true, .expected = TYPED_NO_PRIMARY},
        {.role = PG_RECOVERY, .expected = TYPED_NO_PRIMARY},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
        struct record r = v->d;
        int node = -1;

        v->nodes[A].fenced = rows[i].fenced;
        v->nodes[A].was_primary = rows[i].was_primary;
        v->nodes[A].held = rows[i].held;
        v->nodes[A].role = rows[i].role;
        if (planner_typed(v, &r, &node) != rows[i].expected)
            fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_from_refuses_another_node),
        cmocka_unit_test(a_grade_is_written_for_whom_it_was_given),
        cmocka_unit_test(what_has_no_ground_is_not_written),
        cmocka_unit_test(from_in_claim_forgets_who_has_said_it),
        cmocka_unit_test(the_certificate_is_of_two_nodes),
        cmocka_unit_test(a_failure_is_of_its_node),
        cmocka_unit_test(a_typed_record_has_no_target),
        cmocka_unit_test(who_may_be_typed_as_the_owner),
    };

    return cmocka_run_group_tests_name("planner_notes", tests, NULL, NULL);
}
