/* controller/decide/planner: whole commands, from their first step to their last, and what turns
 * them round. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

static void switchover_step_by_step(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    expect_step(v, STEP_PREFLIGHT, -1);
    mark(v, STEP_PREFLIGHT);
    expect_step(v, STEP_CLAIM, -1);
    v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
    v->nodes[A].epoch = v->nodes[B].epoch = 4;
    expect_step(v, STEP_ARM, A);
    v->nodes[A].epoch = v->nodes[B].epoch = 5;
    expect_step(v, STEP_CRON_OFF, A);
    v->nodes[A].cron_on = false;
    v->nodes[A].cron_off = true;
    expect_step(v, STEP_CATCHUP, A);
    mark(v, STEP_CATCHUP);
    expect_step(v, STEP_ASK_DNS, -1);
    mark(v, STEP_ASK_DNS);
    expect_step(v, STEP_FENCE, A);
    fence(&v->nodes[A]);
    expect_step(v, STEP_VERIFY, B);
    mark(v, STEP_VERIFY);
    expect_step(v, STEP_FLIP, B);
    v = flip_fenced(PLANNER_SWITCHOVER);
    expect_step(v, STEP_PROMOTE, B);
    promote(&v->nodes[B]);
    expect_step(v, STEP_CRON_ON, B);
    v->nodes[B].cron_on = true;
    expect_step(v, STEP_FOLLOW, C);
    v->nodes[C].streams_from_owner = true;
    expect_step(v, STEP_CHECKPOINT, B);
    v->nodes[B].control_tli = 2;
    expect_step(v, STEP_STABLE, B);
    v->d.state = REGISTER_STABLE;
    v->marks.finished = v->rejoin = true;
    v->nodes[A].wal.kind = LINEAGE_INSIDE;
    expect_step(v, STEP_REJOIN, A);
    v->marks.rejoin_failed = 1U << A;
    expect_end(v, WHY_FORWARD, 0);
    v->nodes[B].cron_on = false;
    expect_end(v, WHY_CRON_OWED, 4);
}

static void failover_step_by_step(void **unused)
{
    struct planner_view *v = fresh(PLANNER_FAILOVER, REGISTER_STABLE);

    (void)unused;
    silence(&v->nodes[A]);
    mark(v, STEP_PREFLIGHT);
    expect_step(v, STEP_EVIDENCE, A);
    mark(v, STEP_EVIDENCE);
    expect_end(v, WHY_NO_GRADE_YET, 2);
    v->marks.accepted = 1U << A;
    v->nodes[A].seen_writable = true;
    expect_end(v, WHY_SEEN_WRITABLE, 2);
    v->nodes[A].seen_writable = false;
    v->nodes[C].receive_lsn++;
    expect_step(v, STEP_LOSS, A); /* what is on the wire is judged after DETACH */
    v->nodes[B].receiving = v->nodes[C].receiving = false;
    v->marks.less_accepted = true; /* a word for a hand promotion, not for this */
    expect_end(v, WHY_NOT_MOST_WAL, 2);
    v->marks.less_accepted = false;
    v->nodes[B].receiving = v->nodes[C].receiving = true;
    v->nodes[C].receive_lsn--;
    expect_step(v, STEP_LOSS, A);
    mark(v, STEP_LOSS);
    expect_step(v, STEP_SEIZE, -1);
    v->nodes[B].branched = true; /* promoted by hand before it had all that C has */
    v->nodes[B].branch_at = 99;
    v->nodes[B].tli = v->nodes[B].newest_tli = 2;
    expect_end(v, WHY_LEFT_BEHIND, 2);
    v->marks.less_accepted = true;
    expect_step(v, STEP_SEIZE, -1);
    v->marks.less_accepted = v->nodes[B].branched = false;
    v->nodes[B].tli = v->nodes[B].newest_tli = 1;
    v = world(PLANNER_FAILOVER, REGISTER_SEIZE);
    silence(&v->nodes[A]);
    mark(v, STEP_LOSS);
    expect_end(v, WHY_NO_GRADE, 4);
    v->cut_possible = true;
    expect_step(v, STEP_CUT, A);
    v->marks.accepted = 1U << A;
    expect_step(v, STEP_GRADE, A);
    register_from_add(&v->d, "a", GRADE_G3);
    expect_step(v, STEP_DETACH, B);
    mark(v, STEP_DETACH);
    v->nodes[B].receiving = v->nodes[C].receiving = false;
    expect_step(v, STEP_EVIDENCE_AGAIN, A);
    mark(v, STEP_EVIDENCE_AGAIN);
    expect_step(v, STEP_FLIP, B);
    v->nodes[C].receive_lsn = 101;
    expect_end(v, WHY_NOT_MOST_WAL, 4);
    v->marks.less_accepted = true; /* that is about a branch alone */
    expect_end(v, WHY_NOT_MOST_WAL, 4);
    v->nodes[B].branched = true;
    v->nodes[B].branch_at = 99;
    v->nodes[B].tli = v->nodes[B].newest_tli = 2;
    expect_step(v, STEP_FLIP, B);
    v->marks.less_accepted = false;
    expect_end(v, WHY_NOT_MOST_WAL, 4);
    v->nodes[B].branched = false;
    v->nodes[B].tli = v->nodes[B].newest_tli = 1;
    v->nodes[C].receive_lsn = 100;
    v->nodes[C].newest_tli = 2;
    expect_end(v, WHY_TIMELINE, 4);
    v = world(PLANNER_FAILOVER, REGISTER_FLIP);
    silence(&v->nodes[A]);
    register_from_add(&v->d, "a", GRADE_G3);
    expect_step(v, STEP_WAIT_WATCH, B);
    mark(v, STEP_WAIT_WATCH);
    v->nodes[A].seen_writable = true; /* heard while its watch had its time */
    expect_end(v, WHY_SEEN_WRITABLE, 4);
    v->nodes[A].seen_writable = false;
    expect_step(v, STEP_PROMOTE, B);
}

static void held_by_another(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_FLIP);

    (void)unused;
    expect_end(v, WHY_OPEN, 7);
    v->command = PLANNER_REJOIN;
    expect_end(v, WHY_OPEN, 7);
    v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
    v->d.nonce[0] = 'f';
    expect_end(v, WHY_DISPLACED, 7);
    v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
    v->nodes[C].epoch = 6;
    expect_end(v, WHY_DISPLACED, 7);
    v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
    mark(v, STEP_PREFLIGHT);
    planner_note(&v->marks, v, STEP_CLAIM, -1, OUTCOME_LOST);
    expect_end(v, WHY_LOST, 7);
    v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
    planner_note(&v->marks, v, STEP_PREFLIGHT, -1, OUTCOME_FAILED);
    expect_end(v, WHY_PREFLIGHT, 2);
    v->marks.given_epoch = v->d.epoch;
    expect_end(v, WHY_PREFLIGHT, 2);
    v->d.epoch++; /* another's claim lay between what the checks saw: theirs is no word on it */
    expect_end(v, WHY_LOST, 7);
    v->marks.failed =
        0; /* a move that has ended again is no ground to make one more on the old word */
    expect_end(v, WHY_LOST, 7);
    v->command = PLANNER_RESUME;
    v->d.state = REGISTER_CLAIM; /* taken over by somebody else's resume */
    expect_end(v, WHY_LOST, 7);
    v->d_answered = false; /* what it is now is not known */
    expect_end(v, WHY_DNS_SILENT, 4);
    v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
    planner_note(&v->marks, v, STEP_PREFLIGHT, -1, OUTCOME_DECLINED);
    expect_end(v, WHY_DECLINED, 9);
}

static void silent_dns_at_first_and_in_the_middle(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT, 4); /* A is not stopped without a way on … */
    v->nodes[A].cron_on = false;
    v->nodes[A].cron_off = true;
    mark(v, STEP_CATCHUP);
    v->marks.failed = step_bit(STEP_ASK_DNS);
    expect_step(v, STEP_CRON_BACK, A); /* … and gets its jobs back */
    v->marks.turned = v->nodes[A].cron_on = true;
    v->nodes[A].cron_off = false;
    expect_end(v, WHY_DNS_SILENT, 4);
    v = flip_fenced(PLANNER_SWITCHOVER);
    v->d_answered = false;
    expect_step(v, STEP_PROMOTE, B); /* its agent reads D itself */
    promote(&v->nodes[B]);
    v->nodes[B].cron_on = v->nodes[C].streams_from_owner = true;
    v->nodes[B].control_tli = 2;
    expect_end(v, WHY_DNS_SILENT, 4);
}

/* I14: the target's own word is not enough to stop a serving owner. */
static void stopped_only_for_an_attached_target(void **unused)
{
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    v->nodes[A].cron_on = false;
    v->nodes[A].cron_off = true;
    v->nodes[B].attached = false;
    expect_step(v, STEP_CATCHUP, A);
    assert_false(steps[STEP_CATCHUP].achieved(v, A));
    mark(v, STEP_CATCHUP);
    mark(v, STEP_ASK_DNS);
    expect_step(v, STEP_CRON_BACK, A); /* A cannot be fenced: back, before anything has stopped */
    v->nodes[B].attached = true;
    assert_true(steps[STEP_CATCHUP].achieved(v, A));
    expect_step(v, STEP_FENCE, A);
    v->nodes[A].insert_lsn = v->nodes[B].replay_lsn + (2 << 20);
    assert_false(steps[STEP_CATCHUP].achieved(v, A));
}

/* A resume whose target does not catch up, or has gone, undoes as a switchover does. */
static void resume_turns_round(void **unused)
{
    static const enum step_id failing[] = {STEP_CATCHUP, STEP_VERIFY};
    struct planner_view *v;

    (void)unused;
    v = world(PLANNER_RESUME, REGISTER_CLAIM);
    v->nodes[A].cron_on = false;
    v->nodes[A].cron_off = true;
    v->marks.failed = step_bit(STEP_CATCHUP);
    expect_step(v, STEP_CRON_BACK, A);
    for (size_t i = 0; i < 2; i++) {
        v = claim_fenced(PLANNER_RESUME);
        v->marks.failed = step_bit(failing[i]);
        if (failing[i] == STEP_CATCHUP)
            v->nodes[B].answered = false;
        expect_step(v, STEP_UNFENCE, A);
    }
    v = claim_fenced(PLANNER_RESUME); /* it has stopped A, and then B fell silent */
    mark(v, STEP_CATCHUP);
    v->nodes[B].answered = false;
    expect_step(v, STEP_UNFENCE, A);
    v = claim_fenced(PLANNER_RESUME); /* A was stopped before: a person decides */
    v->nodes[B].answered = false;
    expect_end(v, WHY_TO_SILENT, 4);
    v = world(PLANNER_RESUME, REGISTER_STABLE);
    v->marks.undone = v->marks.turned = true;
    expect_end(v, WHY_UNDONE, 3);
}

static void single_commands(void **unused)
{
    struct planner_view *v = fresh(PLANNER_FENCE, REGISTER_STABLE);

    (void)unused;
    expect_step(v, STEP_TAKEOVER, -1);
    v = world(PLANNER_FENCE, REGISTER_STABLE);
    expect_step(v, STEP_FENCE, B);
    fence(&v->nodes[B]);
    expect_end(v, WHY_FENCED, 0);
    v = fresh(PLANNER_FENCE, REGISTER_STABLE);
    v->d_answered = false; /* fence, where DNS does not respond */
    expect_step(v, STEP_FENCE, B);

    v = fresh(PLANNER_UNFENCE, REGISTER_STABLE);
    expect_end(v, WHY_NOT_OWNER, 2);
    v->to = A;
    expect_end(v, WHY_SETTLED, 0);
    fence(&v->nodes[A]);
    expect_step(v, STEP_TAKEOVER, -1);

    v = fresh(PLANNER_FORGET, REGISTER_STABLE);
    expect_end(v, WHY_NOT_LOST, 2); /* it answers */
    silence(&v->nodes[B]);
    expect_step(v, STEP_FORGET, A); /* nothing of it is in the record: only its slot */
    mark(v, STEP_FORGET);
    expect_end(v, WHY_FORGOTTEN, 0);
    v->marks.done = 0;
    register_from_add(&v->d, "b", GRADE_G3);
    expect_step(v, STEP_TAKEOVER, -1);
    v->nodes[A].role = PG_STOPPED;
    expect_end(v, WHY_OWNER_IDLE, 4); /* it responds: a failover is not what it needs */
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
    v->to = A;
    expect_end(v, WHY_OWNER_IS_TO, 2);

    v = fresh(PLANNER_REJOIN, REGISTER_STABLE);
    expect_end(v, WHY_REJOINED, 0);
    fence(&v->nodes[B]);
    v->nodes[B].wal.kind = LINEAGE_BEYOND;
    expect_end(v, WHY_DIVERGED, 4);
    v->nodes[B].wal.kind = LINEAGE_UNMEASURED; /* only PostgreSQL knows: it is tried */
    expect_step(v, STEP_REJOIN, B);
    v->marks.rejoin_failed = 1U << B; /* and nothing has been measured to have diverged */
    expect_end(v, WHY_REJOIN_FAILED, 4);
    v->marks.rejoin_failed = 0;
    v->nodes[B].wal.kind = LINEAGE_INSIDE;
    expect_step(v, STEP_REJOIN, B);
    v->nodes[B].epoch = 4;
    expect_step(v, STEP_ARM, B);
    v->to = A;
    expect_end(v, WHY_OWNER_IS_TO, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(switchover_step_by_step),
        cmocka_unit_test(failover_step_by_step),
        cmocka_unit_test(held_by_another),
        cmocka_unit_test(silent_dns_at_first_and_in_the_middle),
        cmocka_unit_test(stopped_only_for_an_attached_target),
        cmocka_unit_test(resume_turns_round),
        cmocka_unit_test(single_commands),
    };

    return cmocka_run_group_tests_name("planner_moves", tests, NULL, NULL);
}
