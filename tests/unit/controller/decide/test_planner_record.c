/* controller/decide/planner: rule W, what each step writes into the record, and what status derives
 * from a look: debts and one situation. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

/* ---- W and records ------------------------------------------------------------------------- */

static void rule_w(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);
    int who = -1;

    (void)unused;
    assert_true(planner_w_holds(v, B, NULL));
    v->nodes[A].answered = false; /* its answer at this epoch still holds */
    assert_true(planner_w_holds(v, B, NULL));
    v->nodes[A].epoch = 4; /* … one of an earlier epoch does not */
    assert_false(planner_w_holds(v, B, &who));
    assert_int_equal(who, A);
    v->d.from[0].grade = GRADE_G2;
    assert_true(planner_w_holds(v, B, NULL));
    v = flip_fenced(PLANNER_RESUME);
    v->nodes[A].control_lsn = 95; /* it has run since */
    assert_false(planner_w_holds(v, B, NULL));
    v = flip_fenced(PLANNER_RESUME);
    v->nodes[A].signal = false; /* a bare start would make it writable */
    assert_false(planner_w_holds(v, B, NULL));
    v = flip_fenced(PLANNER_RESUME);
    v->nodes[A].fenced = false;
    v->nodes[A].held = true; /* a hold is not a fence */
    v->nodes[A].role = PG_RECOVERY;
    assert_false(planner_w_holds(v, B, NULL));
    v->nodes[A].held = false;
    assert_true(planner_w_holds(v, B, NULL));
    v->nodes[A].promoting = true;
    assert_false(planner_w_holds(v, B, NULL));
    v->nodes[A].promoting = false;
    v->nodes[A].role = PG_WRITABLE;
    assert_false(planner_w_holds(v, B, NULL));
}

static void records_follow_each_other(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
    struct planner_record_args args = {.nonce = "000000000000000000000000000000ff",
                                       .txn = "00000000000000ff",
                                       .by = "root@ctl2",
                                       .tli = 2};
    struct record r;

    (void)unused;
    register_from_add(&v->d, "c", GRADE_G3);
    assert_true(planner_record(v, STEP_CLAIM, &args, &r));
    assert_int_equal(r.epoch, 6);
    assert_int_equal(r.state, REGISTER_CLAIM);
    assert_string_equal(r.owner, "a");
    assert_string_equal(r.to, "b");
    assert_string_equal(r.txn, args.txn);
    assert_string_equal(r.by, args.by);
    assert_string_equal(planner_alias_target(&r), "a");
    v->d = r;
    v->nodes[A].epoch = 6;
    fence(&v->nodes[A]);
    silence(&v->nodes[C]);
    assert_true(planner_record(v, STEP_FLIP, &args, &r));
    assert_int_equal(r.epoch, 6);
    assert_string_equal(r.owner, "b");
    assert_string_equal(r.to, "");
    assert_int_equal(r.n_from, 2);
    assert_string_equal(r.from[1].node, "a"); /* the previous owner is the last */
    assert_int_equal(r.from[1].grade, GRADE_G1);
    assert_int_equal(r.tli, 1);
    v->d = r;
    assert_int_equal(planner_previous(v), A);
    struct record flipped = r;
    assert_true(planner_record(v, STEP_UNDO, &args, &r));
    assert_int_equal(r.epoch, 7);
    assert_string_equal(r.owner, "a");
    assert_false(register_from_has(&r, "a") || register_from_has(&r, "b"));
    v->d = flipped;
    assert_true(planner_record(v, STEP_STABLE, &args, &r));
    assert_int_equal(r.tli, 2);
    assert_int_equal(r.n_from, 1); /* C was given up and has not answered since */
    v->nodes[C].answered = true;
    assert_true(planner_record(v, STEP_STABLE, &args, &r));
    assert_int_equal(r.n_from, 0);
    assert_false(planner_record(v, STEP_ARM, &args, &r));
}

static void records_of_a_failover(void **unused)
{
    struct planner_view *v = fresh(PLANNER_FAILOVER, REGISTER_FLIP);
    struct planner_record_args args = {.nonce = nonce, .txn = txn, .by = "root@ctl"};
    struct record r;

    (void)unused;
    v->to = C; /* supersedes a flip: its owner B may be writable, `from` is kept */
    assert_true(planner_record(v, STEP_SEIZE, &args, &r));
    assert_int_equal(r.state, REGISTER_SEIZE);
    assert_string_equal(r.owner, "b");
    assert_string_equal(r.to, "c");
    assert_true(register_from_has(&r, "a"));
    v->d = r;
    silence(&v->nodes[B]);
    v->marks.accepted = 1U << B;
    assert_true(planner_record(v, STEP_GRADE, &args, &r));
    assert_int_equal(register_grade_of(&r, "b"), GRADE_G3);
    v->d = r;
    assert_true(planner_record(v, STEP_FLIP, &args, &r));
    assert_string_equal(r.owner, "c");
    assert_int_equal(register_grade_of(&r, "b"), GRADE_G3);
    assert_string_equal(r.from[r.n_from - 1].node, "b");
}

static void a_new_epoch_forgets_failures(void **unused)
{
    struct planner_view *v = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
    struct record r = v->d;

    (void)unused;
    mark(v, STEP_PREFLIGHT);
    mark(v, STEP_VERIFY);
    planner_note(&v->marks, v, STEP_FLIP, -1, OUTCOME_UNKNOWN);
    assert_true(v->marks.late_flip && v->marks.turned);
    r.epoch = 6;
    planner_wrote(&v->marks, STEP_TAKEOVER, &r);
    assert_false(v->marks.late_flip);
    assert_int_equal(v->marks.failed, 0);
    assert_int_equal(v->marks.done, step_bit(STEP_PREFLIGHT));
    assert_true(v->marks.turned); /* the direction stays */
}

/* ---- status -------------------------------------------------------------------------------- */

static void nothing_owed(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct planner_debt debts[PLANNER_DEBTS_MAX];
    struct planner_situation s;

    (void)unused;
    assert_int_equal(planner_debts(v, debts), 0);
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_NOTHING);
    assert_string_equal(s.problem, "");
}

static void debts_are_derived(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct planner_debt debts[PLANNER_DEBTS_MAX];

    (void)unused;
    v->nodes[A].cron_on = false;
    fence(&v->nodes[B]);
    silence(&v->nodes[C]);
    register_from_add(&v->d, "c", GRADE_G3);
    assert_int_equal(planner_debts(v, debts), 4);
    assert_int_equal(debts[0].kind, DEBT_OWNER_CRON_OFF);
    assert_int_equal(debts[1].kind, DEBT_FENCED);
    assert_false(planner_debt_is_problem(DEBT_FENCED));
    assert_int_equal(debts[2].kind, DEBT_SILENT);
    assert_int_equal(debts[3].kind, DEBT_FROM);
    v->nodes[B].epoch = 4;
    v->nodes[B].cron_off = false;
    assert_int_equal(planner_debts(v, debts), 6);
}

/* Section 6, "By a person's word": DNS silent, the owner held, C silent. */
static struct planner_view *held_without_dns(void)
{
    struct planner_view *v = fresh(PLANNER_UNFENCE, REGISTER_STABLE);

    v->to = A;
    v->d_answered = false;
    v->d_elsewhere = true;
    v->nodes[A].role = PG_RECOVERY;
    v->nodes[A].held = v->nodes[A].signal = true;
    v->nodes[A].saw_d = v->nodes[B].saw_d = true;
    v->nodes[A].cron_on = false;
    silence(&v->nodes[C]);
    return v;
}

static void a_held_owner_is_released_by_word(void **unused)
{
    struct planner_view *v = held_without_dns();

    (void)unused;
    expect_step(v, STEP_EVIDENCE, C);
    mark(v, STEP_EVIDENCE);
    expect_end(v, WHY_WORD_SILENT, 2);
    v->nodes[C].seen_writable = true;
    v->marks.accepted = 1U << C;
    expect_end(v, WHY_SEEN_WRITABLE, 2);
    v->nodes[C].seen_writable = false;
    expect_step(v, STEP_LET_GO, A);
    v->nodes[B].saw_d = false;
    expect_end(v, WHY_WORD_RECORD, 2);
    v->nodes[B].saw_d = true;
    v->nodes[B].role = PG_STOPPED;
    expect_end(v, WHY_WORD_PEER, 2);
    v = held_without_dns();
    v->nodes[A].held = false;
    fence(&v->nodes[A]); /* a fence is never taken off so */
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    v = held_without_dns();
    v->d_elsewhere = false;
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    v = held_without_dns();
    mark(v, STEP_EVIDENCE);
    v->marks.accepted = 1U << C;
    planner_note(&v->marks, v, STEP_LET_GO, A, OUTCOME_UNKNOWN);
    planner_note(&v->marks, v, STEP_LET_GO, A, OUTCOME_UNKNOWN);
    expect_end(v, WHY_BACK_FAILED, 4); /* not 2: something may have been changed */
}

static void what_status_says_of_a_held_owner_without_dns(void **unused)
{
    struct planner_view *v = held_without_dns();
    struct planner_situation s;

    (void)unused;
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_WORD_SILENT);
    assert_int_equal(s.node, A);
    assert_string_equal(s.command, "bring back c; if it is lost, make sure that it stays down, "
                                   "then: pgtandem unfence a --accept-unfenced c");
    v->d_elsewhere = false; /* no command helps: DNS, or c */
    planner_situation(v, &s);
    assert_string_equal(s.command, "pgtandem dns show");
}

/* A revoke would be refused there, and "undoing failed: abort again" leads nowhere. */
static void a_promoted_node_that_is_down_is_started(void **unused)
{
    (void)unused;
    for (int command = PLANNER_RESUME; command <= PLANNER_ABORT; command++) {
        struct planner_view *v = flip_fenced((enum planner_command)command);

        v->nodes[B].promoting = v->nodes[B].promoted = true;
        v->nodes[B].role = PG_STOPPED;
        expect_end(v, WHY_PROMOTED_DOWN, 4);
        v->nodes[B].role = PG_RECOVERY; /* a crash within the promotion */
        v->nodes[B].signal = true;
        if (command == PLANNER_ABORT)
            expect_end(v, WHY_FORWARD_ONLY, 4);
        else
            expect_step(v, STEP_PROMOTE, B);
    }
}

/* Exit 2 promises that nothing has been changed. */
static void what_was_sent_is_not_nothing(void **unused)
{
    struct planner_view *v = fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);

    (void)unused;
    mark(v, STEP_PREFLIGHT);
    v->d_answered = false;
    expect_end(v, WHY_DNS_SILENT_AT_FIRST, 2);
    planner_note(&v->marks, v, STEP_CLAIM, -1, OUTCOME_UNKNOWN); /* sent, and then silence */
    expect_end(v, WHY_CLAIM_UNKNOWN, 4);
    v = fresh(PLANNER_FENCE, REGISTER_STABLE);
    v->d_answered = false; /* no takeover comes before it then */
    planner_note(&v->marks, v, STEP_FENCE, B, OUTCOME_FAILED);
    planner_note(&v->marks, v, STEP_FENCE, B, OUTCOME_FAILED);
    expect_end(v, WHY_STEP_FAILED, 4);
}

/* An owner that is too busy to say what it is, is not down: nothing is to be started there. */
static void an_owner_that_does_not_say(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct planner_situation s;

    (void)unused;
    for (int role = PG_UNKNOWN; role <= PG_STARTING; role += PG_STARTING - PG_UNKNOWN) {
        v->nodes[A].role = (enum pg_role)role;
        planner_situation(v, &s);
        assert_int_equal(s.reason, WHY_OWNER_UNKNOWN);
        assert_int_equal(s.at_node, A);
        expect_end(v, WHY_OWNER_UNKNOWN, 4);
    }
    v->nodes[A].role = PG_STOPPED;
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_OWNER_DOWN);
}

static void situations(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_FLIP);
    struct planner_situation s;

    (void)unused;
    fence(&v->nodes[A]);
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_OPEN);
    assert_false(s.past_no_return);
    v->nodes[B].promoting = true;
    planner_situation(v, &s);
    assert_true(s.past_no_return);
    assert_string_equal(s.command, "pgtandem resume");
    v->nodes[B].promoted = true; /* and then its postmaster was killed */
    v->nodes[B].role = PG_STOPPED;
    v->nodes[B].signal = false;
    planner_situation(v, &s);
    assert_string_equal(s.command, "on b: start PostgreSQL; then here: pgtandem resume; if it does "
                                   "not start: pgtandem failover");
    v->d_answered = false;
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_DNS_SILENT);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    silence(&v->nodes[A]);
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_OWNER_SILENT);
    assert_int_equal(s.node, A);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    STR_COPY(v->d.owner, "stranger");
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_UNKNOWN_NODE);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE); /* streaming or not: its WAL is not the owner's */
    v->nodes[C].history_ok = v->nodes[C].streams_from_owner = false;
    v->nodes[C].wal.kind = LINEAGE_BEYOND;
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_DIVERGED);
    assert_int_equal(s.node, C);
    expect_end(v, WHY_NOTHING, 0); /* resume does not turn it to the owner */
    fence(&v->nodes[C]); /* stopped it can wait, and what helps another node comes first */
    v->nodes[C].role = PG_STOPPED;
    planner_situation(v, &s);
    assert_string_equal(s.command, "read docs/two-writable.md, \"Afterwards\"");
    v->nodes[B].role = PG_STOPPED;
    v->nodes[B].streams_from_owner = false;
    planner_situation(v, &s);
    assert_int_equal(s.node, B);
    assert_string_equal(s.command, "pgtandem rejoin b");
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    promote(&v->nodes[B]);
    planner_situation(v, &s);
    assert_int_equal(s.reason, WHY_TWO_WRITABLE);
}

/* `dns set`: all others are named; who is silent takes a person's word. */
static void typed_record_names_the_others(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_FLIP);
    struct record r = v->d;
    int node = -1;

    (void)unused;
    STR_COPY(r.owner, "a");
    assert_int_equal(planner_typed(v, &r, &node), TYPED_NOT_STABLE);
    r.state = REGISTER_STABLE;
    register_from_add(&r, "b", GRADE_G3); /* typed in the text: that alone states nothing */
    silence(&v->nodes[B]);
    assert_int_equal(planner_typed(v, &r, &node), TYPED_SILENT);
    assert_int_equal(node, B);
    v->marks.accepted = 1U << B | 1U << C;
    assert_int_equal(planner_typed(v, &r, &node), TYPED_OK);
    assert_int_equal(r.n_from, 2);
    assert_int_equal(register_grade_of(&r, "b"), GRADE_G3);
    assert_int_equal(register_grade_of(&r, "c"), GRADE_NONE); /* it answers: it has to say it */
    STR_COPY(r.owner, "c");
    assert_int_equal(planner_typed(v, &r, &node), TYPED_NO_PRIMARY);
    STR_COPY(r.owner, "b"); /* lost: a failover comes next */
    assert_int_equal(planner_typed(v, &r, &node), TYPED_OK);
    STR_COPY(r.owner, "z");
    assert_int_equal(planner_typed(v, &r, &node), TYPED_STRANGER);
}

static void typed_from_stays_until_heard(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    const struct planner_record_args args = {.nonce = nonce, .txn = txn, .by = "root@ctl2"};
    struct record r;

    (void)unused;
    register_from_add(&v->d, "b", GRADE_NONE);
    register_from_add(&v->d, "c", GRADE_NONE);
    v->nodes[C].epoch = 4; /* before the record was typed it was a standby: that is no answer */
    assert_true(planner_record(v, STEP_TAKEOVER, &args, &r));
    assert_int_equal(r.n_from, 1);
    assert_string_equal(r.from[0].node, "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(typed_record_names_the_others),
        cmocka_unit_test(typed_from_stays_until_heard),
        cmocka_unit_test(rule_w),
        cmocka_unit_test(records_follow_each_other),
        cmocka_unit_test(records_of_a_failover),
        cmocka_unit_test(a_new_epoch_forgets_failures),
        cmocka_unit_test(nothing_owed),
        cmocka_unit_test(debts_are_derived),
        cmocka_unit_test(a_held_owner_is_released_by_word),
        cmocka_unit_test(what_status_says_of_a_held_owner_without_dns),
        cmocka_unit_test(a_promoted_node_that_is_down_is_started),
        cmocka_unit_test(what_was_sent_is_not_nothing),
        cmocka_unit_test(an_owner_that_does_not_say),
        cmocka_unit_test(situations),
    };

    return cmocka_run_group_tests_name("planner_record", tests, NULL, NULL);
}
