/* controller/decide/steps: the table obeys its own rules, and reads as the protocol's tables do. */
#include "controller/decide/steps.h"

#include <string.h>

#include "controller/decide/planner.h"
#include "tests/unit/unit.h"

/* ids in order, titles, a timeout of ten minutes at most, both functions */
static void every_row_is_complete(void **unused)
{
    (void)unused;
    for (int i = STEP_NONE + 1; i < STEP_COUNT; i++) {
        const struct step *s = &steps[i];

        assert_int_equal(s->id, i);
        assert_true(s->name && s->name[0]);
        assert_true(s->title && s->title[0]);
        assert_true(s->ready && s->achieved);
        assert_in_range(s->timeout_ms, 1, 600000);
    }
}

static const char *fault_of(const struct step *s)
{
    bool changes = s->flags & STEP_CHANGES, early = s->flags & STEP_BEFORE_PNR;

    if (changes && early && s->undo == STEP_NONE)
        return "changes something before the point of no return and has no undo";
    if (!changes && s->undo != STEP_NONE)
        return "changes nothing and has an undo";
    if (s->undo != STEP_NONE && !(steps[s->undo].flags & STEP_BACKWARD))
        return "has an undo that is no backward step";
    if ((s->flags & STEP_BACKWARD) && !changes)
        return "is a backward step that changes nothing";
    if ((s->flags & STEP_DNS) &&
        (!changes || !(s->flags & STEP_NEEDS_DNS) || s->on_fail == FAIL_GO_ON))
        return "is an UPDATE but does not say so";
    if (early && s->on_fail == FAIL_GO_ON)
        return "goes on after a failure before the point of no return";
    return NULL;
}

static void what_is_changed_can_be_undone(void **unused)
{
    (void)unused;
    for (int i = STEP_NONE + 1; i < STEP_COUNT; i++)
        if (fault_of(&steps[i]))
            fail_msg("step %d (%s) %s", i, steps[i].name, fault_of(&steps[i]));
}

static void names_are_found(void **unused)
{
    (void)unused;
    for (int s = STEP_NONE + 1; s < STEP_COUNT; s++)
        assert_int_equal(step_from_name(steps[s].name), s);
    assert_int_equal(step_from_name("no-such-step"), STEP_NONE);
}

/* docs/protocol.md, section 4, last column */
static void failures_are_as_in_the_protocol(void **unused)
{
    (void)unused;
    for (int s = STEP_ARM; s <= STEP_VERIFY; s++)
        assert_int_equal(steps[s].on_fail, FAIL_BACK);
    assert_int_equal(steps[STEP_FLIP].on_fail, FAIL_BACK);
    assert_int_equal(steps[STEP_PROMOTE].on_fail, FAIL_RETRY);
    assert_int_equal(steps[STEP_PROMOTE].undo, STEP_REVOKE);
    for (int s = STEP_CRON_ON; s <= STEP_CHECKPOINT; s++)
        assert_int_equal(steps[s].on_fail, FAIL_GO_ON);
}

static void nothing_is_ready_in_an_empty_world(void **unused)
{
    struct planner_view v = {.to = -1};

    (void)unused;
    for (int s = STEP_NONE + 1; s < STEP_COUNT; s++)
        if ((steps[s].flags & STEP_CHANGES) && steps[s].ready(&v, 0))
            fail_msg("%s is ready though nothing answers", steps[s].name);
}

/* An agent that could not end a process of the old primary has said so: no look overrules that. */
static void a_refused_fence_is_refused(void **unused)
{
    struct planner_view v = {.to = -1, .n_nodes = 1, .d = {.epoch = 5}};
    struct planner_node *a = &v.nodes[0];

    (void)unused;
    *a = (struct planner_node){.answered = true, .state_ok = true, .epoch = 5, .role = PG_STOPPED};
    a->fenced = a->signal = true;
    assert_int_equal(steps_judge(&v, STEP_FENCE_OLD, 0, OUTCOME_FAILED, true), OUTCOME_FAILED);
    assert_int_equal(steps_judge(&v, STEP_FENCE, 0, OUTCOME_FAILED, true), OUTCOME_FAILED);
    /* out of time is no refusal: it may have ended just after */
    assert_int_equal(steps_judge(&v, STEP_FENCE, 0, OUTCOME_FAILED, false), OUTCOME_DONE);
    assert_int_equal(steps_judge(&v, STEP_FENCE, 0, OUTCOME_UNKNOWN, false), OUTCOME_DONE);
    a->orphans = true; /* and a yes counts only if the look shows it */
    a->role = PG_UNKNOWN;
    assert_int_equal(steps_judge(&v, STEP_FENCE, 0, OUTCOME_DONE, false), OUTCOME_FAILED);
}

static void reasons_have_texts(void **unused)
{
    (void)unused;
    for (int r = WHY_NONE + 1; r < WHY_COUNT; r++)
        assert_true(strlen(planner_reason_text((enum planner_reason)r)) > 0);
    for (int k = 0; k < DEBT_KINDS; k++)
        assert_true(strlen(planner_debt_text((enum planner_debt_kind)k)) > 0);
}

/* From the stop to the first write no step waits for the journal's disk; a `fence` by itself
 * announces nothing. */
static void the_steps_without_a_writer_are_announced(void **unused)
{
    struct planner_view v = {.to = -1, .d = {.state = REGISTER_CLAIM, .epoch = 2}};
    uint64_t claim = steps_announced(&v, STEP_FENCE), seize = steps_announced(&v, STEP_SEIZE);

    (void)unused;
    assert_true(claim == (step_bit(STEP_VERIFY) | step_bit(STEP_FLIP) | step_bit(STEP_PROMOTE)));
    for (int s = STEP_ARM; s <= STEP_PROMOTE; s++)
        if (seize & step_bit((enum step_id)s))
            assert_true(steps[s].flags & (STEP_BEFORE_PNR | STEP_CHANGES));
    assert_true(seize & step_bit(STEP_PROMOTE));
    v.d.state = REGISTER_STABLE;
    assert_true(steps_announced(&v, STEP_FENCE) == 0);
    assert_true(steps_announced(&v, STEP_CRON_ON) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(what_is_changed_can_be_undone),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(failures_are_as_in_the_protocol),
        cmocka_unit_test(nothing_is_ready_in_an_empty_world),
        cmocka_unit_test(a_refused_fence_is_refused),
        cmocka_unit_test(reasons_have_texts),
        cmocka_unit_test(the_steps_without_a_writer_are_announced),
    };

    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
