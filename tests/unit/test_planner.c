/* controller/decide/planner: whole moves, and every row of docs/protocol.md, section 7. */
#include "controller/decide/planner.h"

#include "tests/unit/planner_world.h"

/* ---- whole moves --------------------------------------------------------------------------- */

static void switchover_step_by_step(void **unused)
{
    struct plan_view *v = fresh(PLAN_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    expect_step(v, STEP_PREFLIGHT, -1);
    mark(v, STEP_PREFLIGHT);
    expect_step(v, STEP_CLAIM, -1);
    v = world(PLAN_SWITCHOVER, REGISTER_CLAIM);
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
    v = flip_fenced(PLAN_SWITCHOVER);
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
    struct plan_view *v = fresh(PLAN_FAILOVER, REGISTER_STABLE);

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
    expect_step(v, STEP_LOSS, A);
    mark(v, STEP_LOSS);
    expect_step(v, STEP_SEIZE, -1);
    v = world(PLAN_FAILOVER, REGISTER_SEIZE);
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
    v->nodes[C].receive_lsn = 100;
    v->nodes[C].newest_tli = 2;
    expect_end(v, WHY_TIMELINE, 4);
    v = world(PLAN_FAILOVER, REGISTER_FLIP);
    silence(&v->nodes[A]);
    register_from_add(&v->d, "a", GRADE_G3);
    expect_step(v, STEP_WAIT_WATCH, B);
    mark(v, STEP_WAIT_WATCH);
    v->nodes[A].seen_writable = true; /* heard while its watch had its time */
    expect_end(v, WHY_SEEN_WRITABLE, 4);
    v->nodes[A].seen_writable = false;
    expect_step(v, STEP_PROMOTE, B);
}

/* ---- section 7, row by row ------------------------------------------------------------------ */

static void distrusted_records(void **unused)
{
    struct plan_view *v = fresh(PLAN_RESUME, REGISTER_CLAIM);

    (void)unused;
    expect_step(v, STEP_TAKEOVER, -1);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT, 4);
    v = fresh(PLAN_ABORT, REGISTER_CLAIM);
    v->nodes[C].epoch = 6;
    expect_end(v, WHY_EPOCH_BELOW, 8);
    v = fresh(PLAN_RESUME, REGISTER_CLAIM);
    v->d.sysid = 8;
    expect_end(v, WHY_FOREIGN, 8);
    v = fresh(PLAN_RESUME, REGISTER_CLAIM);
    STR_COPY(v->d.to, "stranger");
    expect_end(v, WHY_UNKNOWN_NODE, 8);
    v = fresh(PLAN_RESUME, REGISTER_STABLE);
    v->d = (struct record){.epoch = 0};
    expect_end(v, WHY_NO_RECORD, 8);
}

static void two_writable(void **unused)
{
    struct plan_view *v = world(PLAN_RESUME, REGISTER_FLIP);

    (void)unused;
    promote(&v->nodes[B]);
    expect_end(v, WHY_TWO_WRITABLE, 4);
    v->d.from[0].grade = GRADE_G3;
    expect_step(v, STEP_WAIT_WATCH, A);
    mark(v, STEP_WAIT_WATCH);
    expect_end(v, WHY_TWO_WRITABLE, 4);
    v->command = PLAN_ABORT;
    expect_end(v, WHY_TWO_WRITABLE, 4);
}

static void stable_rows(void **unused)
{
    struct plan_view *v = fresh(PLAN_RESUME, REGISTER_STABLE);

    (void)unused;
    expect_end(v, WHY_NOTHING, 0);
    v->command = PLAN_ABORT;
    expect_end(v, WHY_NOTHING, 0);
    fence(&v->nodes[A]);
    expect_step(v, STEP_TAKEOVER, -1);
    v = world(PLAN_RESUME, REGISTER_STABLE);
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLAN_RESUME, REGISTER_STABLE);
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v = fresh(PLAN_RESUME, REGISTER_STABLE);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4); /* no TAKEOVER: a reboot would hold it */
    v = fresh(PLAN_RESUME, REGISTER_STABLE);
    fence(&v->nodes[A]);
    promote(&v->nodes[B]);
    expect_end(v, WHY_OTHER_WRITABLE, 4);
}

/* The owner's role is not given back over a node that may write and does not answer: `dns set`
 * names it in `from`, and the rule is that of a failover. */
static void stable_return_needs_the_others(void **unused)
{
    struct plan_view *v = fresh(PLAN_RESUME, REGISTER_STABLE);

    (void)unused;
    fence(&v->nodes[A]);
    silence(&v->nodes[B]);
    register_from_add(&v->d, "b", GRADE_NONE);
    register_from_add(&v->d, "c", GRADE_NONE);
    expect_step(v, STEP_EVIDENCE, B);
    mark(v, STEP_EVIDENCE);
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLAN_ABORT;
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLAN_UNFENCE;
    v->to = A;
    expect_end(v, WHY_NO_GRADE, 4);
    v->command = PLAN_RESUME;
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
    struct plan_view *v = fresh(PLAN_RESUME, REGISTER_STABLE);

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
    struct plan_view *v = world(PLAN_RESUME, REGISTER_CLAIM);

    (void)unused;
    expect_step(v, STEP_CRON_OFF, A);
    v->nodes[A].role = PG_STOPPED; /* without a fence */
    expect_step(v, STEP_FENCE, A);
    v = claim_fenced(PLAN_RESUME);
    silence(&v->nodes[B]);
    expect_end(v, WHY_TO_SILENT, 4);
    v->command = PLAN_SWITCHOVER; /* what it began it undoes */
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLAN_RESUME, REGISTER_CLAIM);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);

    v = world(PLAN_ABORT, REGISTER_CLAIM);
    v->nodes[A].cron_on = false;
    expect_step(v, STEP_CRON_BACK, A);
    v->nodes[A].cron_on = true;
    expect_step(v, STEP_STABLE_BACK, A);
    v->marks.unsettled = 1U << A; /* a late FENCE would leave it fenced under a stable record */
    expect_step(v, STEP_ARM, A);
    v->marks.arm_failed = 1U << A;
    expect_end(v, WHY_NOT_READY, 4);
    v = claim_fenced(PLAN_ABORT);
    expect_step(v, STEP_UNFENCE, A);
    v->marks.late_flip = true;
    expect_step(v, STEP_TAKEOVER, -1);
    v = claim_fenced(PLAN_ABORT);
    silence(&v->nodes[B]); /* B cannot promote without FLIP: its answer is not needed */
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLAN_ABORT, REGISTER_CLAIM);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
}

static void seize_rows(void **unused)
{
    struct plan_view *v = world(PLAN_RESUME, REGISTER_SEIZE);

    (void)unused;
    expect_step(v, STEP_FENCE_OLD, A);
    v->command = PLAN_ABORT;
    expect_step(v, STEP_UNDO, A);
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNDO, A);
    v->nodes[A].was_primary = false; /* it superseded a flip */
    expect_end(v, WHY_NEVER_PRIMARY, 4);
    v->command = PLAN_RESUME;
    expect_step(v, STEP_DETACH, B);
    v = world(PLAN_ABORT, REGISTER_SEIZE);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
    v->command = PLAN_RESUME;
    register_from_add(&v->d, "a", GRADE_G3);
    expect_end(v, WHY_NO_GRADE, 4); /* confirmed anew, or not at all */
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
    struct plan_view *v = flip_fenced(PLAN_RESUME);

    (void)unused;
    expect_step(v, STEP_PROMOTE, B);
    promote(&v->nodes[B]);
    silence(&v->nodes[A]);
    expect_step(v, STEP_CRON_ON, B); /* A silent, but G1 in the record */
    v = flip_fenced(PLAN_RESUME);
    silence(&v->nodes[A]);
    expect_end(v, WHY_NO_GRADE, 4); /* G1 is not enough to promote */
    v->marks.accepted = 1U << A;
    expect_step(v, STEP_GRADE, A);
    v = flip_fenced(PLAN_RESUME);
    silence(&v->nodes[B]);
    expect_end(v, WHY_NEW_OWNER_SILENT, 4);
    v = flip_fenced(PLAN_RESUME);
    v->nodes[B].held = v->nodes[B].promoting = true;
    expect_step(v, STEP_RELEASE, B);
    v = flip_fenced(PLAN_RESUME);
    v->nodes[A].fenced = false;
    expect_step(v, STEP_FENCE, A);
    v = world(PLAN_RESUME, REGISTER_FLIP); /* A writable, B in recovery */
    expect_step(v, STEP_REVOKE, B);
}

static void flip_rows_back(void **unused)
{
    struct plan_view *v = flip_fenced(PLAN_ABORT);

    (void)unused;
    expect_step(v, STEP_REVOKE, B);
    v->nodes[B].revoked_epoch = 5;
    expect_step(v, STEP_UNDO, A);
    v->nodes[B].promoting = true;
    expect_step(v, STEP_REVOKE, B);
    promote(&v->nodes[B]);
    expect_end(v, WHY_FORWARD_ONLY, 4);
    v = flip_fenced(PLAN_ABORT);
    silence(&v->nodes[A]);
    expect_end(v, WHY_NO_WAY_BACK, 4);
    v = flip_fenced(PLAN_ABORT);
    silence(&v->nodes[B]);
    expect_end(v, WHY_NEW_OWNER_SILENT, 4);
    v = flip_fenced(PLAN_SWITCHOVER); /* a promotion that really fails */
    v->marks.failed = step_bit(STEP_PROMOTE);
    expect_step(v, STEP_PROMOTE, B);
    v->marks.failed_again = v->marks.failed;
    expect_step(v, STEP_REVOKE, B);
    v->command = PLAN_RESUME;
    expect_end(v, WHY_STEP_FAILED, 4);
    v = flip_fenced(PLAN_SWITCHOVER); /* … or has happened after all */
    v->marks.turned = true;
    promote(&v->nodes[B]);
    expect_step(v, STEP_CRON_ON, B);
}

static void undo_rows(void **unused)
{
    struct plan_view *v = world(PLAN_RESUME, REGISTER_UNDO);

    (void)unused;
    fence(&v->nodes[A]);
    expect_step(v, STEP_UNFENCE, A);
    v = world(PLAN_ABORT, REGISTER_UNDO);
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
    v->command = PLAN_SWITCHOVER;
    expect_end(v, WHY_UNDONE, 3);
    v = world(PLAN_RESUME, REGISTER_UNDO);
    silence(&v->nodes[A]);
    expect_end(v, WHY_OWNER_SILENT, 4);
}

/* Rule W on the way back: whoever in `from` its word does not cover is fenced first. */
static void others_on_the_way_back(void **unused)
{
    struct plan_view *v = world(PLAN_ABORT, REGISTER_UNDO);

    (void)unused;
    fence(&v->nodes[A]);
    register_from_add(&v->d, "c", GRADE_G2);
    v->nodes[C].held = true;
    expect_step(v, STEP_FENCE, C);
    v = world(PLAN_ABORT, REGISTER_UNDO);
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
    struct plan_view *v = world(PLAN_RESUME, REGISTER_SEIZE);

    (void)unused;
    fence(&v->nodes[A]); /* by an agent that died meanwhile */
    v->nodes[A].clean = false;
    v->nodes[A].shutdown_lsn = 0;
    v->nodes[A].role = PG_UNKNOWN;
    v->nodes[A].orphans = true;
    assert_false(planner_w_holds(v, B, NULL));
    expect_step(v, STEP_FENCE_OLD, A);
    v = world(PLAN_RESUME, REGISTER_FLIP);
    fence(&v->nodes[A]);
    v->nodes[A].role = PG_UNKNOWN;
    v->nodes[A].orphans = true;
    expect_step(v, STEP_FENCE, A);
}

/* A stop that takes long is not a stop that went wrong: FENCE goes on with it. */
static void a_stop_under_way_is_waited_for(void **unused)
{
    struct plan_view *v = world(PLAN_RESUME, REGISTER_CLAIM);

    (void)unused;
    fence(&v->nodes[A]);
    v->nodes[A].clean = false;
    v->nodes[A].shutdown_lsn = 0;
    v->nodes[A].role = PG_STARTING;
    expect_step(v, STEP_FENCE, A);
    v->nodes[A].role = PG_STOPPED;
    expect_end(v, WHY_NO_CLEAN_STOP, 4);
}

/* I14: the target's own word is not enough to stop a serving owner. */
static void stopped_only_for_an_attached_target(void **unused)
{
    struct plan_view *v = world(PLAN_RESUME, REGISTER_CLAIM);

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
    struct plan_view *v;

    (void)unused;
    v = world(PLAN_RESUME, REGISTER_CLAIM);
    v->nodes[A].cron_on = false;
    v->nodes[A].cron_off = true;
    v->marks.failed = step_bit(STEP_CATCHUP);
    expect_step(v, STEP_CRON_BACK, A);
    for (size_t i = 0; i < 2; i++) {
        v = claim_fenced(PLAN_RESUME);
        v->marks.failed = step_bit(failing[i]);
        if (failing[i] == STEP_CATCHUP)
            v->nodes[B].answered = false;
        expect_step(v, STEP_UNFENCE, A);
    }
    v = claim_fenced(PLAN_RESUME); /* it has stopped A, and then B fell silent */
    mark(v, STEP_CATCHUP);
    v->nodes[B].answered = false;
    expect_step(v, STEP_UNFENCE, A);
    v = claim_fenced(PLAN_RESUME); /* A was stopped before: a person decides */
    v->nodes[B].answered = false;
    expect_end(v, WHY_TO_SILENT, 4);
    v = world(PLAN_RESUME, REGISTER_STABLE);
    v->marks.undone = v->marks.turned = true;
    expect_end(v, WHY_UNDONE, 3);
}

static void held_by_another(void **unused)
{
    struct plan_view *v = fresh(PLAN_SWITCHOVER, REGISTER_FLIP);

    (void)unused;
    expect_end(v, WHY_OPEN, 7);
    v->command = PLAN_REJOIN;
    expect_end(v, WHY_OPEN, 7);
    v = world(PLAN_SWITCHOVER, REGISTER_CLAIM);
    v->d.nonce[0] = 'f';
    expect_end(v, WHY_DISPLACED, 7);
    v = world(PLAN_SWITCHOVER, REGISTER_CLAIM);
    v->nodes[C].epoch = 6;
    expect_end(v, WHY_DISPLACED, 7);
    v = fresh(PLAN_SWITCHOVER, REGISTER_STABLE);
    mark(v, STEP_PREFLIGHT);
    planner_note(&v->marks, v, STEP_CLAIM, -1, OUTCOME_LOST);
    expect_end(v, WHY_LOST, 7);
    v = fresh(PLAN_SWITCHOVER, REGISTER_STABLE);
    planner_note(&v->marks, v, STEP_PREFLIGHT, -1, OUTCOME_FAILED);
    expect_end(v, WHY_PREFLIGHT, 2);
    v = fresh(PLAN_SWITCHOVER, REGISTER_STABLE);
    planner_note(&v->marks, v, STEP_PREFLIGHT, -1, OUTCOME_DECLINED);
    expect_end(v, WHY_DECLINED, 9);
}

static void silent_dns_at_first_and_in_the_middle(void **unused)
{
    struct plan_view *v = fresh(PLAN_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    v = world(PLAN_SWITCHOVER, REGISTER_CLAIM);
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
    v = flip_fenced(PLAN_SWITCHOVER);
    v->d_answered = false;
    expect_step(v, STEP_PROMOTE, B); /* its agent reads D itself */
    promote(&v->nodes[B]);
    v->nodes[B].cron_on = v->nodes[C].streams_from_owner = true;
    v->nodes[B].control_tli = 2;
    expect_end(v, WHY_DNS_SILENT, 4);
}

/* ---- fence, unfence, rejoin ---------------------------------------------------------------- */

static void single_commands(void **unused)
{
    struct plan_view *v = fresh(PLAN_FENCE, REGISTER_STABLE);

    (void)unused;
    expect_step(v, STEP_TAKEOVER, -1);
    v = world(PLAN_FENCE, REGISTER_STABLE);
    expect_step(v, STEP_FENCE, B);
    fence(&v->nodes[B]);
    expect_end(v, WHY_FENCED, 0);
    v = fresh(PLAN_FENCE, REGISTER_STABLE);
    v->d_answered = false; /* fence, where DNS does not answer */
    expect_step(v, STEP_FENCE, B);

    v = fresh(PLAN_UNFENCE, REGISTER_STABLE);
    expect_end(v, WHY_NOT_OWNER, 2);
    v->to = A;
    expect_end(v, WHY_SETTLED, 0);
    fence(&v->nodes[A]);
    expect_step(v, STEP_TAKEOVER, -1);

    v = fresh(PLAN_FORGET, REGISTER_STABLE);
    expect_end(v, WHY_NOT_LOST, 2); /* it answers */
    silence(&v->nodes[B]);
    expect_step(v, STEP_FORGET, A); /* nothing of it is in the record: only its slot */
    mark(v, STEP_FORGET);
    expect_end(v, WHY_FORGOTTEN, 0);
    v->marks.done = 0;
    register_from_add(&v->d, "b", GRADE_G3);
    expect_step(v, STEP_TAKEOVER, -1);
    v->nodes[A].role = PG_STOPPED;
    expect_end(v, WHY_OWNER_SILENT, 4);
    v->to = A;
    expect_end(v, WHY_OWNER_IS_TO, 2);

    v = fresh(PLAN_REJOIN, REGISTER_STABLE);
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
        cmocka_unit_test(stopped_only_for_an_attached_target),
        cmocka_unit_test(resume_turns_round),
        cmocka_unit_test(held_by_another),
        cmocka_unit_test(silent_dns_at_first_and_in_the_middle),
        cmocka_unit_test(single_commands),
    };

    return cmocka_run_group_tests_name("planner", tests, NULL, NULL);
}
