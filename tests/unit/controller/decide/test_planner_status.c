/* controller/decide/planner_status: what is outstanding, the one problem, and what a person types
 * or does next. */
#include "controller/decide/planner.h"

#include "tests/unit/controller/decide/planner_world.h"

static void expect_situation(const struct planner_view *v, enum planner_reason why, int node,
                             const char *command)
{
    struct planner_situation s;

    planner_situation(v, &s);
    if (s.reason != why || s.node != node || strcmp(s.command, command) != 0)
        fail_msg("expected \"%s\" on %d: \"%s\", got \"%s\" on %d: \"%s\"",
                 planner_reason_text(why), node, command, planner_reason_text(s.reason), s.node,
                 s.command);
}

/* ---- sentences ------------------------------------------------------------------------------ */

static void sentences_name_the_node(void **unused)
{
    static const struct {
        const char *text, *expected;
        size_t bytes;
    } rows[] = {
        {"", "", 64},
        {"%s", "db01", 64},
        {"fence %s, then rejoin %s", "fence db01, then rejoin db01", 64},
        {"100 % and %d stay", "100 % and %d stay", 64},
        {"fence %s", "fence d", 8}, /* cut, never past its end */
        {"fence", "fen", 4},
        {"%s", "", 1},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];

        memset(text, 'x', sizeof(text));
        planner_sentence(rows[i].text, "db01", text, rows[i].bytes);
        assert_string_equal(text, rows[i].expected);
    }
}

/* ---- debts ---------------------------------------------------------------------------------- */

static void expect_debt(const struct planner_view *v, int kind, size_t node)
{
    struct planner_debt debts[PLANNER_DEBTS_MAX];

    assert_int_equal(planner_debts(v, debts), 1);
    assert_int_equal(debts[0].kind, kind);
    assert_int_equal(debts[0].node, node);
    assert_true(planner_debt_is_problem((enum planner_debt_kind)kind));
}

static void one_thing_is_outstanding(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->nodes[C].state_ok = false; /* what epoch it obeys is not known then */
    v->nodes[C].epoch = 0;
    expect_debt(v, DEBT_STATE, C);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    v->nodes[A].role = PG_STOPPED;
    expect_debt(v, DEBT_OWNER_DOWN, A);
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    promote(&v->nodes[B]);
    expect_debt(v, DEBT_WRITABLE, B);
    v->nodes[B].wal.kind = LINEAGE_BEYOND; /* that it writes comes first */
    expect_debt(v, DEBT_WRITABLE, B);
    v->nodes[B].role = PG_RECOVERY;
    expect_debt(v, DEBT_DIVERGED, B);
}

static void without_a_record_nothing_is_outstanding(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    struct planner_debt debts[PLANNER_DEBTS_MAX];

    (void)unused;
    v->d = (struct record){.epoch = 0};
    v->nodes[A].cron_on = false;
    assert_int_equal(planner_debts(v, debts), 0);
}

/* ---- the record ----------------------------------------------------------------------------- */

static void what_is_wrong_with_the_record(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->d.sysid = 8;
    expect_situation(v, WHY_FOREIGN, -1, "pgtandem dns show");
    v->sysid = 0; /* no node could read its own */
    expect_situation(v, WHY_NOTHING, -1, "");
    v = fresh(PLANNER_RESUME, REGISTER_STABLE);
    v->nodes[C].epoch = 6;
    expect_situation(v, WHY_EPOCH_BELOW, C, "pgtandem dns show");
    v->d = (struct record){.epoch = 0};
    v->nodes[A].epoch = v->nodes[B].epoch = 0;
    expect_situation(v, WHY_RECORD_GONE, C, "pgtandem dns show");
    v->nodes[C].epoch = 0;
    expect_situation(v, WHY_NO_RECORD, -1, "pgtandem dns init");
    v->nodes[C].orphans = true; /* no transition is open that could be resumed */
    expect_situation(v, WHY_ORPHANS, C, "pgtandem fence c");
}

static void who_is_to_be_fenced_for_orphans(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_SEIZE);

    (void)unused;
    v->nodes[A].role = PG_UNKNOWN;
    v->nodes[A].orphans = true;
    expect_situation(v, WHY_ORPHANS, A, "pgtandem resume");
    v->d_answered = false;
    expect_situation(v, WHY_ORPHANS, A, "pgtandem fence a");
}

/* ---- DNS silent: the owner held ------------------------------------------------------------- */

static struct planner_view *held_without_dns(void)
{
    struct planner_view *v = fresh(PLANNER_UNFENCE, REGISTER_STABLE);

    v->d_answered = false;
    v->d_elsewhere = true;
    v->nodes[A].role = PG_RECOVERY;
    v->nodes[A].held = v->nodes[A].signal = true;
    v->nodes[A].cron_on = false;
    for (int i = A; i <= C; i++)
        v->nodes[i].saw_d = true;
    return v;
}

static void what_keeps_a_word_from_helping(void **unused)
{
    struct planner_view *v = held_without_dns();

    (void)unused;
    expect_situation(v, WHY_WORD_SILENT, A, "pgtandem unfence a");
    v->nodes[B].saw_d = false;
    expect_situation(v, WHY_WORD_SILENT, A, "pgtandem dns show");
    v = held_without_dns();
    v->nodes[B].role = PG_STOPPED;
    expect_situation(v, WHY_WORD_SILENT, A, "pgtandem dns show");
    v = held_without_dns();
    v->nodes[A].fenced = true; /* a fence is never taken off so */
    expect_situation(v, WHY_DNS_SILENT, -1, "pgtandem dns show");
}

/* ---- where no command leads on -------------------------------------------------------------- */

/* Fenced, but never the primary; and no other node answers that could become it. */
static void an_owner_that_cannot_return_and_no_other(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    fence(&v->nodes[A]);
    v->nodes[A].was_primary = false;
    silence(&v->nodes[B]);
    silence(&v->nodes[C]);
    expect_situation(v, WHY_OWNER_DOWN, A, "start it again on a; if that fails: pgtandem failover");
}

/* C has more than the target, and is of no use itself. */
static void a_target_that_has_not_the_most(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_SEIZE);

    (void)unused;
    fence(&v->nodes[A]);
    v->nodes[A].was_primary = false;
    v->nodes[C].receive_lsn = 200;
    v->nodes[C].sysid_ok = false;
    expect_situation(v, WHY_OPEN, B, "pgtandem plan --failover --to b");
}

/* B was promoted by hand before it had all that C has, and runs as a standby since. */
static void a_branch_that_leaves_something_behind(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    silence(&v->nodes[A]);
    v->cut_possible = true;
    v->nodes[B].branched = true;
    v->nodes[B].branch_at = 99;
    v->nodes[B].tli = v->nodes[B].newest_tli = 2;
    v->nodes[B].receive_lsn = 150;
    expect_situation(v, WHY_OWNER_SILENT, A, "pgtandem plan --failover --to b");
}

/* B was started as a primary on the owner's own timeline; a failover to C would make them two. */
static void a_failover_that_would_end_with_two(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    silence(&v->nodes[A]);
    v->cut_possible = true;
    v->nodes[B].role = PG_WRITABLE;
    v->nodes[B].history_ok = v->nodes[B].receiving = false;
    expect_situation(v, WHY_OTHER_WRITABLE, B, "read docs/two-writable.md; change nothing before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_name_the_node),
        cmocka_unit_test(one_thing_is_outstanding),
        cmocka_unit_test(without_a_record_nothing_is_outstanding),
        cmocka_unit_test(what_is_wrong_with_the_record),
        cmocka_unit_test(who_is_to_be_fenced_for_orphans),
        cmocka_unit_test(what_keeps_a_word_from_helping),
        cmocka_unit_test(an_owner_that_cannot_return_and_no_other),
        cmocka_unit_test(a_target_that_has_not_the_most),
        cmocka_unit_test(a_branch_that_leaves_something_behind),
        cmocka_unit_test(a_failover_that_would_end_with_two),
    };

    return cmocka_run_group_tests_name("planner_status", tests, NULL, NULL);
}
