/* controller/decide/planner: every row of docs/protocol.md, section 7. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

static void distrusted_records(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    expect_step(v, STEP_TAKEOVER, -1);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT, 4);
    v = fresh(PLANNER_ABORT, REGISTER_CLAIM);
    v->nodes[C].epoch = 6;
    expect_end(v, WHY_EPOCH_BELOW, 8);
    v = fresh(PLANNER_RESUME, REGISTER_CLAIM);
    v->d.sysid = 8;
    expect_end(v, WHY_FOREIGN, 8);
    v = fresh(PLANNER_RESUME, REGISTER_CLAIM);
    STR_COPY(v->d.to, "stranger");
    expect_end(v, WHY_UNKNOWN_NODE, 8);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    v->d = (struct record){.epoch = 0};
    expect_end(v, WHY_RECORD_GONE, 8); /* the agents have seen one: not `dns init` */
    for (size_t i = 0; i < v->n_nodes; i++)
        v->nodes[i].epoch = 0;
    expect_end(v, WHY_NO_RECORD, 8);
}

static void two_writable(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_FLIP);

    (void)unused;
    promote(&v->nodes[B]);
    expect_end(v, WHY_TWO_WRITABLE, 4);
    v->d.from[0].grade = GRADE_G3;
    expect_step(v, STEP_WAIT_WATCH, A);
    mark(v, STEP_WAIT_WATCH);
    expect_end(v, WHY_TWO_WRITABLE, 4);
    v->command = PLANNER_ABORT;
    expect_end(v, WHY_TWO_WRITABLE, 4);
}

static void stable_rows(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    expect_end(v, WHY_NOTHING, 0);
    v->command = PLANNER_ABORT;
    expect_end(v, WHY_NOTHING, 0);
    fence(&v->nodes[A]);
    expect_step(v, STEP_TAKEOVER, -1);
    v = world(PLANNER_RESUME, REGISTER_STABLE);
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLANNER_RESUME, REGISTER_STABLE);
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4); /* no TAKEOVER: a reboot would hold it */
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    fence(&v->nodes[A]);
    promote(&v->nodes[B]);
    expect_end(v, WHY_OTHER_WRITABLE, 4);
}

/* The owner's role is not given back over a node that may write and does not respond: `dns set`
 * names it in `from`, and the rule is that of a failover. */
static void stable_return_needs_the_others(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    fence(&v->nodes[A]);
    silence(&v->nodes[B]);
    register_from_add(&v->d, "b", GRADE_NONE);
    register_from_add(&v->d, "c", GRADE_NONE);
    expect_step(v, STEP_EVIDENCE, B);
    mark(v, STEP_EVIDENCE);
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLANNER_ABORT;
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLANNER_UNFENCE;
    v->to = A;
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLANNER_RESUME;
    v->nodes[B].seen_writable = true;
    v->marks.accepted = 1U << B;
    expect_end(v, WHY_SEEN_WRITABLE, 4);
    v->nodes[B].seen_writable = false;
    expect_step(v, STEP_WAIT_WATCH, A);
    mark(v, STEP_WAIT_WATCH);
    expect_step(v, STEP_TAKEOVER, -1);
    v->marks.epoch = 5;
    STR_COPY(v->marks.nonce, nonce);
    expect_step(v, STEP_GRADE, B);
    register_from_add(&v->d, "b", GRADE_G3);
    expect_step(v, STEP_UNFENCE, A);
    v->nodes[C].role = PG_STOPPED; /* it answers, but nothing keeps it from starting as a primary */
    expect_step(v, STEP_FENCE, C);
}

static void stable_settles_debts(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->nodes[C].epoch = 4;
    expect_step(v, STEP_ARM, C);
    v->nodes[C].epoch = 5;
    v->nodes[C].cron_off = false;
    expect_step(v, STEP_CRON_STRAY, C);
    v->nodes[C].cron_off = true;
    v->nodes[C].streams_from_owner = false;
    expect_step(v, STEP_FOLLOW, C);
    fence(&v->nodes[C]);
    v->nodes[C].wal.kind = LINEAGE_INSIDE;
    expect_step(v, STEP_REJOIN, C);
    register_from_add(&v->d, "c", GRADE_G3);
    expect_step(v, STEP_TAKEOVER, -1);
}

static void claim_rows(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    expect_step(v, STEP_CRON_OFF, A);
    v->nodes[A].role = PG_STOPPED; /* without a fence */
    expect_step(v, STEP_FENCE, A);
    v = claim_fenced(PLANNER_RESUME);
    silence(&v->nodes[B]);
    expect_end(v, WHY_TO_SILENT, 4);
    v->command = PLANNER_SWITCHOVER; /* what it began it undoes */
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLANNER_RESUME, REGISTER_CLAIM);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);

    v = world(PLANNER_ABORT, REGISTER_CLAIM);
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v->nodes[A].cron_on = true;
    expect_step(v, STEP_STABLE_BACK, A);
    v->marks.unsettled = 1U << A; /* a late FENCE would leave it fenced under a stable record */
    expect_step(v, STEP_ARM, A);
    v->marks.arm_failed = 1U << A;
    expect_end(v, WHY_NOT_READY, 4);
    v = claim_fenced(PLANNER_ABORT);
    expect_step(v, STEP_UNFENCE, A);
    v->marks.late_flip = true;
    expect_step(v, STEP_TAKEOVER, -1);
    v = claim_fenced(PLANNER_ABORT);
    silence(&v->nodes[B]); /* B cannot promote without FLIP: its answer is not needed */
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLANNER_ABORT, REGISTER_CLAIM);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
}

static void seize_rows(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_SEIZE);

    (void)unused;
    expect_step(v, STEP_FENCE_OLD, A);
    v->command = PLANNER_ABORT;
    expect_step(v, STEP_UNDO, A);
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNDO, A);
    v->nodes[A].was_primary = false; /* it superseded a flip */
    expect_end(v, WHY_NEVER_PRIMARY, 4);
    v->command = PLANNER_RESUME;
    expect_step(v, STEP_DETACH, B);
    v = world(PLANNER_ABORT, REGISTER_SEIZE);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
    v->command = PLANNER_RESUME;
    register_from_add(&v->d, "a", GRADE_G3);
    expect_end(v, WHY_NO_GRADE, 4); /* confirmed again, or not at all */
    v->marks.accepted = 1U << A;
    expect_step(v, STEP_DETACH, B);
    fence(&v->nodes[B]);
    expect_step(v, STEP_RAISE, B);
    v->nodes[B].held = true;
    v->nodes[B].fenced = false;
    v->nodes[B].role = PG_RECOVERY;
    expect_step(v, STEP_FENCE_OLD, B);
}

static void flip_rows_forward(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);

    (void)unused;
    expect_step(v, STEP_PROMOTE, B);
    promote(&v->nodes[B]);
    silence(&v->nodes[A]);
    expect_step(v, STEP_CRON_ON, B); /* A silent, but G1 in the record */
    v = flip_fenced(PLANNER_RESUME);
    silence(&v->nodes[A]);
    expect_end(v, WHY_NO_GRADE, 4); /* G1 is not enough to promote */
    v->marks.accepted = 1U << A;
    expect_step(v, STEP_GRADE, A);
    v = flip_fenced(PLANNER_RESUME);
    silence(&v->nodes[B]);
    expect_end(v, WHY_NEW_OWNER_SILENT, 4);
    v = flip_fenced(PLANNER_RESUME);
    v->nodes[B].held = v->nodes[B].promoting = true;
    expect_step(v, STEP_RELEASE, B);
    v = flip_fenced(PLANNER_RESUME);
    v->nodes[A].fenced = false;
    expect_step(v, STEP_FENCE, A);
    v = world(PLANNER_RESUME, REGISTER_FLIP); /* A writable, B in recovery */
    expect_step(v, STEP_REVOKE, B);
}

static void flip_rows_back(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_ABORT);

    (void)unused;
    expect_step(v, STEP_REVOKE, B);
    v->nodes[B].revoked_epoch = 5;
    expect_step(v, STEP_UNDO, A);
    v->nodes[B].promoting = true;
    expect_step(v, STEP_REVOKE, B);
    promote(&v->nodes[B]);
    expect_end(v, WHY_FORWARD_ONLY, 4);
    v = flip_fenced(PLANNER_ABORT);
    silence(&v->nodes[A]);
    expect_end(v, WHY_NO_WAY_BACK, 4);
    v = flip_fenced(PLANNER_ABORT);
    silence(&v->nodes[B]);
    expect_end(v, WHY_NEW_OWNER_SILENT, 4);
    v = flip_fenced(PLANNER_SWITCHOVER); /* a promotion that really fails */
    v->marks.failed = step_bit(STEP_PROMOTE);
    expect_step(v, STEP_PROMOTE, B);
    v->marks.failed_again = v->marks.failed;
    expect_step(v, STEP_REVOKE, B);
    v->command = PLANNER_RESUME;
    expect_end(v, WHY_STEP_FAILED, 4);
    v = flip_fenced(PLANNER_SWITCHOVER); /* … or has happened after all */
    v->marks.turned = true;
    promote(&v->nodes[B]);
    expect_step(v, STEP_CRON_ON, B);
}

static void undo_rows(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_UNDO);

    (void)unused;
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLANNER_ABORT, REGISTER_UNDO);
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v->nodes[A].cron_on = true;
    v->nodes[B].streams_from_owner = false;
    expect_step(v, STEP_FOLLOW_BACK, B);
    v->marks.follow_failed = 1U << B;
    expect_step(v, STEP_STABLE_BACK, A);
    v->d.state = REGISTER_STABLE;
    v->marks.undone = true;
    expect_end(v, WHY_UNDONE, 0);
    v->command = PLANNER_SWITCHOVER;
    expect_end(v, WHY_UNDONE, 3);
    v = world(PLANNER_RESUME, REGISTER_UNDO);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
}

/* Rule W on the way back: whoever in `from` its word does not cover is fenced first. */
static void others_on_the_way_back(void **unused)
{
    struct planner_view *v = world(PLANNER_ABORT, REGISTER_UNDO);

    (void)unused;
    fence(&v->nodes[A]);
    register_from_add(&v->d, "c", GRADE_G2);
    v->nodes[C].held = true;
    expect_step(v, STEP_FENCE, C);
    v = world(PLANNER_ABORT, REGISTER_UNDO);
    fence(&v->nodes[A]); /* … by a FENCE that met its promotion halfway */
    v->nodes[A].was_primary = false;
    v->nodes[A].role = PG_WRITABLE;
    expect_step(v, STEP_FENCE, A);
    v->nodes[A].role = PG_STOPPED;
    expect_end(v, WHY_NO_WAY_BACK, 4);
}

/* A postmaster that is gone is no stop: its last backend may commit, whatever marks are set. */
static void orphans_are_fenced_first(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_SEIZE);

    (void)unused;
    fence(&v->nodes[A]); /* by an agent that died meanwhile */
    v->nodes[A].clean = false;
    v->nodes[A].shutdown_lsn = 0;
    v->nodes[A].role = PG_UNKNOWN;
    v->nodes[A].orphans = true;
    assert_false(planner_w_holds(v, B, NULL));
    expect_step(v, STEP_FENCE_OLD, A);
    v = world(PLANNER_RESUME, REGISTER_FLIP);
    fence(&v->nodes[A]);
    v->nodes[A].role = PG_UNKNOWN;
    v->nodes[A].orphans = true;
    expect_step(v, STEP_FENCE, A);
}

/* A stop that takes long is not a stop that went wrong: FENCE goes on with it. */
static void a_stop_under_way_is_waited_for(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    fence(&v->nodes[A]);
    v->nodes[A].clean = false;
    v->nodes[A].shutdown_lsn = 0;
    v->nodes[A].role = PG_STARTING;
    expect_step(v, STEP_FENCE, A);
    v->nodes[A].role = PG_STOPPED;
    expect_end(v, WHY_NO_CLEAN_STOP, 4);
    v->nodes[A].clean =
        true; /* it came to its end when no one looked: another FENCE records where */
    expect_step(v, STEP_FENCE, A);
    v->marks.done |= step_bit(STEP_FENCE); /* … and does not: not a third one, without an end */
    expect_end(v, WHY_NO_CLEAN_STOP, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distrusted_records),
        cmocka_unit_test(two_writable),
        cmocka_unit_test(stable_rows),
        cmocka_unit_test(stable_return_needs_the_others),
        cmocka_unit_test(stable_settles_debts),
        cmocka_unit_test(claim_rows),
        cmocka_unit_test(seize_rows),
        cmocka_unit_test(flip_rows_forward),
        cmocka_unit_test(flip_rows_back),
        cmocka_unit_test(undo_rows),
        cmocka_unit_test(others_on_the_way_back),
        cmocka_unit_test(orphans_are_fenced_first),
        cmocka_unit_test(a_stop_under_way_is_waited_for),
    };

    return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
