/* controller/decide/planner: what ends a command, refuses it or keeps it from turning round, in the
 * cases that a run seldom meets. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

static void expect_node(const struct planner_view *v, int node)
{
    struct planner_move m;

    planner_next(v, &m);
    assert_int_equal(m.node, node);
}

/* ---- the record ----------------------------------------------------------------------------- */

static void a_record_of_strangers(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    STR_COPY(v->d.owner, "stranger");
    expect_end(v, WHY_UNKNOWN_NODE, 8);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    register_from_add(&v->d, "stranger", GRADE_G3);
    expect_end(v, WHY_UNKNOWN_NODE, 8);
    v = fresh(PLANNER_RESUME, REGISTER_FLIP);
    v->d.n_from = 0; /* whom would it return to? */
    expect_end(v, WHY_UNKNOWN_NODE, 8);
}

/* Its form is right, so it is read; nothing may be stopped for a target that there is not. */
static void a_transition_without_a_target(void **unused)
{
    static const enum register_state states[] = {REGISTER_CLAIM, REGISTER_SEIZE};

    (void)unused;
    for (size_t i = 0; i < 2; i++)
        for (int command = PLANNER_RESUME; command <= PLANNER_ABORT; command++) {
            struct planner_view *v = world((enum planner_command)command, states[i]);

            v->d.to[0] = '\0';
            expect_end(v, WHY_UNKNOWN_NODE, 8);
        }
}

static void a_system_that_no_node_could_name(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->sysid = 0; /* no node could read its own */
    expect_end(v, WHY_NOTHING, 0);
}

/* The node that is named has said so now. */
static void a_record_that_is_gone(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->d = (struct record){.epoch = 0};
    silence(&v->nodes[A]);
    expect_end(v, WHY_RECORD_GONE, 8);
    expect_node(v, B);
}

/* ---- another command at work ---------------------------------------------------------------- */

static void what_is_written_is_done_whoever_comes_next(void **unused)
{
    struct planner_view *v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);

    (void)unused;
    v->d.nonce[0] = 'f'; /* another's, since our STABLE */
    v->d.epoch = 6;
    v->marks.finished = true;
    expect_end(v, WHY_FORWARD, 0);
    v->marks.finished = false;
    v->marks.undone = true; /* … since our STABLE_BACK: the role was not moved */
    expect_end(v, WHY_UNDONE, 3);
    v->command = PLANNER_ABORT;
    expect_end(v, WHY_UNDONE, 0);
    STR_COPY(v->d.owner, "stranger"); /* there is no owner that could be named */
    expect_end(v, WHY_DISPLACED, 7);
}

/* A failover that found A writable and B not (section 7, flip) has not moved the role either. */
static void a_failover_that_was_undone(void **unused)
{
    struct planner_view *v = world(PLANNER_FAILOVER, REGISTER_STABLE);

    (void)unused;
    v->marks.undone = true;
    expect_end(v, WHY_UNDONE, 3);
}

/* Whoever has lost the record does nothing more, not even back. */
static void a_lost_update_is_no_ground_to_turn(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_SWITCHOVER);

    (void)unused;
    silence(&v->nodes[C]);
    v->d.n_from = 0;
    register_from_add(&v->d, "c", GRADE_NONE);
    register_from_add(&v->d, "a", GRADE_G1);
    v->marks.accepted = 1U << C;
    expect_step(v, STEP_GRADE, C);
    planner_note(&v->marks, v, STEP_GRADE, -1, OUTCOME_LOST);
    expect_end(v, WHY_DISPLACED, 7);
    v->marks.lost = false; /* failed for another cause: back */
    expect_step(v, STEP_REVOKE, B);
}

/* Section 4, FLIP: what lands after all is taken over first, then undone. */
static void a_flip_that_lands_late_is_taken_over(void **unused)
{
    struct planner_view *v = claim_fenced(PLANNER_SWITCHOVER);
    struct record flip;

    (void)unused;
    planner_note(&v->marks, v, STEP_FLIP, -1, OUTCOME_UNKNOWN);
    STR_COPY(v->d.owner, "b");
    v->d.to[0] = '\0';
    v->d.state = REGISTER_FLIP;
    v->d.nonce[0] = 'f';
    register_from_add(&v->d, "a", GRADE_G1);
    expect_step(v, STEP_TAKEOVER, -1);
    v->d.epoch = 6;
    flip = v->d;
    planner_wrote(&v->marks, STEP_TAKEOVER, &flip);
    for (int i = A; i <= C; i++)
        v->nodes[i].epoch = 6;
    expect_step(v, STEP_REVOKE, B);
    v->nodes[B].revoked_epoch = 6;
    expect_step(v, STEP_UNDO, A);
}

/* ---- DNS silent ----------------------------------------------------------------------------- */

/* FENCE is no UPDATE: that it has no answer says nothing about the record. */
static void a_fence_without_an_answer_is_no_claim(void **unused)
{
    struct planner_view *v = fresh(PLANNER_FENCE, REGISTER_STABLE);

    (void)unused;
    v->d_answered = false;
    planner_note(&v->marks, v, STEP_FENCE, B, OUTCOME_UNKNOWN);
    expect_end(v, WHY_STEP_FAILED, 4);
}

static void resume_fences_no_one_without_dns(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    v->nodes[A].role = PG_STOPPED;
    expect_step(v, STEP_FENCE, A);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT, 4);
}

/* UNFENCE reads D: only while A writes without a mark is there anything to do without DNS. */
static void nothing_is_rolled_back_without_dns(void **unused)
{
    struct planner_view *v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);

    (void)unused;
    v->d_answered = false;
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v->nodes[A].fenced = v->nodes[A].was_primary = true; /* a FENCE that was cut short */
    expect_end(v, WHY_DNS_SILENT, 4);
    v = claim_fenced(PLANNER_SWITCHOVER);
    mark(v, STEP_VERIFY);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT, 4);
    v = flip_fenced(PLANNER_SWITCHOVER); /* nor after the flip */
    promote(&v->nodes[B]);
    v->nodes[B].role = PG_RECOVERY;
    v->d_answered = false;
    v->marks.failed = v->marks.failed_again = step_bit(STEP_PROMOTE);
    expect_end(v, WHY_STEP_FAILED, 4);
}

/* ---- one step is not possible --------------------------------------------------------------- */

static void a_switchover_to_no_node(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    v->to = -1;
    mark(v, STEP_PREFLIGHT);
    expect_end(v, WHY_NOT_READY, 4);
}

/* Rule W holds, but what VERIFY has proven does not hold any more. */
static void a_flip_whose_proof_is_gone(void **unused)
{
    struct planner_view *v = claim_fenced(PLANNER_RESUME);

    (void)unused;
    mark(v, STEP_VERIFY);
    expect_step(v, STEP_FLIP, B);
    v->nodes[B].sysid_ok = false;
    expect_end(v, WHY_NOT_READY, 4);
    expect_node(v, B);
    v->nodes[A].signal = false;
    expect_end(v, WHY_W, 4);
    expect_node(v, A);
}

/* In claim an owner that does not say what it is has perhaps never stopped: no command decides for
 * it. After the flip it may not write, whatever it is. */
static void an_owner_that_does_not_say_what_it_is(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    v->nodes[A].role = PG_UNKNOWN;
    expect_end(v, WHY_OWNER_UNKNOWN, 4);
    expect_node(v, A);
    v->command = PLANNER_SWITCHOVER;
    expect_end(v, WHY_OWNER_UNKNOWN, 4);
    v->command = PLANNER_ABORT; /* that it cannot return has not been seen either */
    expect_end(v, WHY_OWNER_UNKNOWN, 4);
    v = world(PLANNER_RESUME, REGISTER_FLIP);
    v->nodes[A].role = PG_UNKNOWN;
    expect_step(v, STEP_FENCE, A);
}

static void jobs_that_stay_on_keep_the_owners_off(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);

    (void)unused;
    promote(&v->nodes[B]);
    v->nodes[C].cron_off = false;
    expect_step(v, STEP_CRON_STRAY, C);
    planner_note(&v->marks, v, STEP_CRON_STRAY, C, OUTCOME_FAILED);
    expect_step(v, STEP_FOLLOW, C); /* outstanding: the way is forward */
}

/* ---- seize: the target ---------------------------------------------------------------------- */

static void a_target_that_is_fenced_and_held(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_SEIZE);

    (void)unused;
    fence(&v->nodes[A]);
    fence(&v->nodes[B]);
    v->nodes[B].held = true;
    expect_step(v, STEP_RAISE, B);
}

/* ---- fence ---------------------------------------------------------------------------------- */

/* It is what ends two writable nodes. */
static void fence_goes_on_where_two_write(void **unused)
{
    struct planner_view *v = world(PLANNER_FENCE, REGISTER_STABLE);

    (void)unused;
    promote(&v->nodes[B]);
    expect_step(v, STEP_FENCE, B);
    v->command = PLANNER_RESUME;
    expect_end(v, WHY_TWO_WRITABLE, 4);
}

/* A takeover at stable would have a silent owner held by its guard at the next boot. */
static void fence_takes_nothing_over_from_a_silent_owner(void **unused)
{
    struct planner_view *v = fresh(PLANNER_FENCE, REGISTER_STABLE);

    (void)unused;
    silence(&v->nodes[A]);
    expect_step(v, STEP_FENCE, B);
}

static void a_fence_of_another_time_is_not_enough(void **unused)
{
    struct planner_view *v = world(PLANNER_FENCE, REGISTER_STABLE);

    (void)unused;
    fence(&v->nodes[B]);
    expect_end(v, WHY_FENCED, 0);
    v->nodes[B].standby_only = true; /* rejoined since, and stopped */
    expect_step(v, STEP_FENCE, B);
    v->nodes[B].standby_only = false;
    v->nodes[B].epoch = 4;
    v->marks.arm_failed = 1U << B;
    expect_step(v, STEP_FENCE, B);
}

/* ---- by a person's word --------------------------------------------------------------------- */

static void a_word_is_about_the_record_that_all_have_seen(void **unused)
{
    struct planner_view *v = fresh(PLANNER_UNFENCE, REGISTER_STABLE);

    (void)unused;
    v->to = A;
    v->d_answered = false;
    v->d_elsewhere = true;
    for (int i = A; i <= C; i++)
        v->nodes[i].saw_d = true;
    v->nodes[A].role = PG_RECOVERY;
    v->nodes[A].held = true;
    expect_step(v, STEP_LET_GO, A);
    v->nodes[C].epoch = 4; /* … and obey */
    expect_end(v, WHY_WORD_RECORD, 2);
    expect_node(v, C);
    v->nodes[C].epoch = 5;
    v->nodes[A].fenced = true; /* held and fenced: a fence is never taken off so */
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    v->nodes[A].fenced = false;
    v->marks.declined = true;
    expect_end(v, WHY_DECLINED, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_of_strangers),
        cmocka_unit_test(a_transition_without_a_target),
        cmocka_unit_test(a_system_that_no_node_could_name),
        cmocka_unit_test(a_record_that_is_gone),
        cmocka_unit_test(what_is_written_is_done_whoever_comes_next),
        cmocka_unit_test(a_failover_that_was_undone),
        cmocka_unit_test(a_lost_update_is_no_ground_to_turn),
        cmocka_unit_test(a_flip_that_lands_late_is_taken_over),
        cmocka_unit_test(a_fence_without_an_answer_is_no_claim),
        cmocka_unit_test(resume_fences_no_one_without_dns),
        cmocka_unit_test(nothing_is_rolled_back_without_dns),
        cmocka_unit_test(a_switchover_to_no_node),
        cmocka_unit_test(a_flip_whose_proof_is_gone),
        cmocka_unit_test(an_owner_that_does_not_say_what_it_is),
        cmocka_unit_test(jobs_that_stay_on_keep_the_owners_off),
        cmocka_unit_test(a_target_that_is_fenced_and_held),
        cmocka_unit_test(fence_goes_on_where_two_write),
        cmocka_unit_test(fence_takes_nothing_over_from_a_silent_owner),
        cmocka_unit_test(a_fence_of_another_time_is_not_enough),
        cmocka_unit_test(a_word_is_about_the_record_that_all_have_seen),
    };

    return cmocka_run_group_tests_name("planner_refusals", tests, NULL, NULL);
}
