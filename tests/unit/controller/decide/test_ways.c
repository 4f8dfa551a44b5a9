/* controller/decide/ways: what `status` proposes leads on, or says what only a person can do. */
#include "controller/decide/ways.h"

#include "controller/decide/foresee.h"
#include "tests/unit/controller/decide/planner_world.h"

static struct planner_situation s;

static void next_is(const struct planner_view *v, const char *command)
{
    planner_situation(v, &s);
    if (strcmp(s.command, command) != 0)
        fail_msg("next: \"%s\" (%s), not \"%s\"", s.command, s.problem, command);
}

static void look_at(const struct planner_view *v, int node)
{
    planner_situation(v, &s);
    assert_string_equal(s.command, "");
    assert_int_equal(s.at_node, node);
}

/* Only abort helps: nothing proves what the new primary would lack. */
static void claim_without_a_clean_stop(void **state)
{
    struct planner_view *v = claim_fenced(PLANNER_RESUME);

    (void)state;
    next_is(v, "pgtandem resume");
    v->nodes[A].clean = false;
    v->nodes[A].shutdown_lsn = 0;
    next_is(v, "pgtandem abort");
}

/* resume would only say that it has to be started there. */
static void the_new_primary_is_down(void **state)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);

    (void)state;
    promote(&v->nodes[B]);
    next_is(v, "pgtandem resume");
    v->nodes[B].role = PG_STOPPED;
    next_is(v, "on b: start PostgreSQL; then here: pgtandem resume");
    v->nodes[B].promoting = false; /* not promoted yet: the way back is open */
    v->nodes[B].newest_tli = v->nodes[B].tli = 1;
    next_is(v, "pgtandem abort");
}

static void the_new_owner_is_silent(void **state)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);

    (void)state;
    silence(&v->nodes[B]);
    next_is(v, "bring back b; if it is lost, make sure that it stays down, then: "
               "pgtandem failover --to c --accept-unfenced b");
    silence(&v->nodes[C]);
    v->nodes[A].was_primary = false;
    planner_situation(v, &s);
    assert_string_not_equal(s.command, "pgtandem resume");
}

static void the_owner_is_silent(void **state)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)state;
    silence(&v->nodes[A]);
    v->nodes[C].receive_lsn = 101; /* the most */
    next_is(v, "bring back a; if it is lost, make sure that it stays down, then: "
               "pgtandem failover --to c --accept-unfenced a");
    v->nodes[A].seen_writable = true; /* by the others: it is not lost */
    look_at(v, A);
    v->nodes[A].seen_writable = false;
    silence(&v->nodes[B]);
    silence(&v->nodes[C]);
    look_at(v, A);
}

/* The owner is dead, and somebody promoted B: fenced by its watch or not yet, it is the one that
 * has what was written there; a standby with more of the owner's WAL than B had keeps it out. */
static void promoted_by_hand(void **state)
{
    static const char *const to_b =
        "bring back a; if it is lost, make sure that it stays down, then: "
        "pgtandem failover --to b --accept-unfenced a";
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)state;
    silence(&v->nodes[A]);
    promote(&v->nodes[B]);
    v->nodes[B].history_ok = v->nodes[B].promoting = false;
    v->nodes[B].branched = true;
    v->nodes[B].branch_at = 100;
    next_is(v, to_b);
    fence(&v->nodes[B]);
    next_is(v, to_b);
    v->nodes[C].receive_lsn = 101;
    look_at(v, A);
}

static void the_owner_answers(void **state)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)state;
    next_is(v, "");
    fence(&v->nodes[A]);
    next_is(v, "pgtandem resume");
    v->nodes[A].was_primary = false; /* UNFENCE would refuse, for ever */
    next_is(v, "pgtandem failover --to b");
}

static void a_standby(void **state)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)state;
    v->nodes[B].streams_from_owner = v->nodes[B].receiving = false;
    v->nodes[B].wal.kind = LINEAGE_INSIDE;
    next_is(v, "pgtandem rejoin b");
    v->nodes[B].promoting = true; /* given up half-way: it follows nobody before a FENCE */
    next_is(v, "pgtandem rejoin b");
    v->command = PLANNER_REJOIN;
    v->to = B;
    expect_step(v, STEP_FENCE, B);
    v->nodes[B].promoting = false;
    v->nodes[B].held = true;
    next_is(v, "pgtandem rejoin b");
    v->nodes[B].wal.kind = LINEAGE_BEYOND;
    next_is(v, "read docs/two-writable.md, \"Afterwards\"");
    v->nodes[B].held = false;
    next_is(v, "pgtandem fence b");
    fence(&v->nodes[B]);
    next_is(v, "read docs/two-writable.md, \"Afterwards\"");
    v->nodes[B].wal.kind = LINEAGE_UNMEASURED; /* a crash: rejoin measures */
    next_is(v, "pgtandem rejoin b");
    silence(&v->nodes[B]);
    look_at(v, B);
}

/* "db01 has left the owner's WAL" was said of every standby while the new owner was down. */
static void an_owner_that_is_down(void **state)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)state;
    v->nodes[A].role = PG_STOPPED;
    v->nodes[B].history_ok = v->nodes[C].history_ok = false;
    next_is(v, "start it again on a; if that fails: pgtandem failover");
    assert_int_equal(s.reason, WHY_OWNER_DOWN);
}

/* What begins is played to its end, and nothing of the view that was looked at changes. */
static void a_way_is_played_to_its_end(void **state)
{
    struct planner_view *v = claim_fenced(PLANNER_RESUME), before = *v;
    struct way w;

    (void)state;
    ways_find(v, WAY_RESUME | WAY_ABORT, -1, &w);
    assert_true(w.leads);
    assert_int_equal(w.command, PLANNER_RESUME);
    assert_int_equal(w.end.kind, MOVE_DONE);
    assert_memory_equal(v, &before, sizeof(before));
    v = fresh(PLANNER_RESUME, REGISTER_STABLE); /* nothing to do leads nowhere */
    ways_find(v, WAY_RESUME | WAY_ABORT, -1, &w);
    assert_false(w.leads);
}

/* A fence needs the node's own agent: no person's word stands in for it. */
static void a_silent_node_is_not_fenced(void **state)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct way w;

    (void)state;
    ways_find(v, WAY_FENCE, C, &w);
    assert_true(w.leads);
    silence(&v->nodes[C]);
    ways_find(v, WAY_FENCE, C, &w);
    assert_false(w.leads);
    assert_int_equal(w.command, PLANNER_FENCE);
    assert_int_equal(w.to, C);
    assert_int_equal(w.accepted, 0);
    assert_int_equal(w.end.kind, MOVE_STOP);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim_without_a_clean_stop),
        cmocka_unit_test(the_new_primary_is_down),
        cmocka_unit_test(the_new_owner_is_silent),
        cmocka_unit_test(the_owner_is_silent),
        cmocka_unit_test(promoted_by_hand),
        cmocka_unit_test(the_owner_answers),
        cmocka_unit_test(a_standby),
        cmocka_unit_test(an_owner_that_is_down),
        cmocka_unit_test(a_way_is_played_to_its_end),
        cmocka_unit_test(a_silent_node_is_not_fenced),
    };

    return cmocka_run_group_tests_name("ways", tests, NULL, NULL);
}
