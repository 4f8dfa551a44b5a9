/* controller/decide/steps: when a step may run, and when it is done: each condition by itself. */
#include "controller/decide/planner_view.h"
#include "controller/decide/steps.h"
#include "tests/unit/controller/decide/planner_world.h"

static struct planner_view *v;
/* What is asked, of which step on which node, in a view made by `start`. */
static struct {
    struct planner_view *(*start)(void);
    bool (*ask)(const struct planner_view *v, size_t node);
    const char *name;
    int node;
} now;

static void check(bool expected, const char *change)
{
    if (now.ask(v, (size_t)now.node) != expected)
        fail_msg("%s: %s with %s", now.name, expected ? "no" : "yes", change);
}

static void begin(struct planner_view *(*start)(void), const char *name, int node)
{
    now.start = start;
    now.name = name;
    now.node = node;
    v = start();
    check(true, "nothing changed");
}

static void ready(struct planner_view *(*start)(void), enum step_id step, int node)
{
    now.ask = steps[step].ready;
    begin(start, steps[step].name, node);
}

static void achieved(struct planner_view *(*start)(void), enum step_id step, int node)
{
    now.ask = steps[step].achieved;
    begin(start, steps[step].name, node);
}

#define WITH(expected, change)                                                                     \
    do {                                                                                           \
        v = now.start();                                                                           \
        change;                                                                                    \
        check(expected, #change);                                                                  \
    } while (0)
#define YES_WITH(change) WITH(true, change)
#define NO_WITH(change) WITH(false, change)

static void hold(void)
{
    v->marks.epoch = v->d.epoch;
    STR_COPY(v->marks.nonce, v->d.nonce);
}

static void owner_is(const char *name)
{
    STR_COPY(v->d.owner, name);
}

static struct planner_view *stable(void)
{
    return fresh(PLANNER_SWITCHOVER, REGISTER_STABLE);
}

static struct planner_view *loss_accepted(void)
{
    struct planner_view *w = fresh(PLANNER_FAILOVER, REGISTER_STABLE);

    mark(w, STEP_LOSS);
    return w;
}

static struct planner_view *claim_of_another(void)
{
    return fresh(PLANNER_RESUME, REGISTER_CLAIM);
}

static void a_record_is_claimed_or_seized_once_for_another_node(void **unused)
{
    (void)unused;
    ready(stable, STEP_CLAIM, A);
    NO_WITH(v->d_answered = false);
    NO_WITH(v->d.state = REGISTER_CLAIM);
    NO_WITH(v->to = -1);
    NO_WITH(v->to = A);
    NO_WITH(hold());
    ready(loss_accepted, STEP_SEIZE, A);
    YES_WITH(v->d.state = REGISTER_FLIP);
    NO_WITH(v->d_answered = false);
    NO_WITH(v->to = -1);
    NO_WITH(v->to = A);
    NO_WITH(hold());
    NO_WITH(v->marks.done = 0);
}

/* At stable a reboot of an owner that did not answer would end in a hold. */
static void a_stable_record_is_taken_over_if_its_owner_answers(void **unused)
{
    (void)unused;
    ready(stable, STEP_TAKEOVER, A);
    NO_WITH(silence(&v->nodes[A]));
    ready(claim_of_another, STEP_TAKEOVER, A);
    YES_WITH(silence(&v->nodes[A]));
    NO_WITH(v->d_answered = false);
    NO_WITH(v->d.epoch = 0);
}

static struct planner_view *jobs_off(void)
{
    struct planner_view *w = world(PLANNER_SWITCHOVER, REGISTER_CLAIM);

    w->nodes[A].cron_on = false;
    w->nodes[A].cron_off = true;
    mark(w, STEP_CATCHUP);
    mark(w, STEP_ASK_DNS);
    return w;
}

static void a_serving_owner_is_stopped_last(void **unused)
{
    (void)unused;
    ready(jobs_off, STEP_CATCHUP, A);
    NO_WITH(v->nodes[A].role = PG_STOPPED);
    NO_WITH(v->nodes[B].held = true);
    ready(jobs_off, STEP_FENCE, A);
    NO_WITH(silence(&v->nodes[A]));
    NO_WITH(v->nodes[A].cron_off = false);
    NO_WITH(v->marks.done &= ~step_bit(STEP_CATCHUP));
    NO_WITH(v->marks.done &= ~step_bit(STEP_ASK_DNS));
    NO_WITH(v->nodes[B].role = PG_STOPPED);
    NO_WITH(v->nodes[B].attached = false); /* I14 */
    NO_WITH(v->nodes[A].epoch = 4);
    /* these begin no outage */
    YES_WITH(v->marks.done = 0; v->nodes[A].role = PG_STOPPED);
    YES_WITH(v->marks.done = 0; v->nodes[A].fenced = true);
    YES_WITH(v->marks.done = 0; v->d.state = REGISTER_STABLE);
}

static struct planner_view *owner_fenced(void)
{
    struct planner_view *w = claim_fenced(PLANNER_SWITCHOVER);

    mark(w, STEP_VERIFY);
    return w;
}

static void the_role_goes_to_a_standby_of_a_fenced_owner(void **unused)
{
    (void)unused;
    ready(owner_fenced, STEP_VERIFY, B);
    NO_WITH(v->nodes[B].held = true);
    NO_WITH(v->nodes[A].epoch = 4);
    NO_WITH(v->nodes[A].fenced = false);
    ready(owner_fenced, STEP_FLIP, B);
    NO_WITH(STR_COPY(v->d.to, "c"));
    NO_WITH(v->d_answered = false);
    NO_WITH(v->nodes[A].fenced = false); /* W */
}

static struct planner_view *owner_lost(void)
{
    struct planner_view *w = world(PLANNER_FAILOVER, REGISTER_SEIZE);

    silence(&w->nodes[A]);
    w->cut_possible = true;
    w->marks.accepted = 1U << A;
    return w;
}

static struct planner_view *target_fenced(void)
{
    struct planner_view *w = world(PLANNER_FAILOVER, REGISTER_SEIZE);

    fence(&w->nodes[B]);
    return w;
}

static void only_a_silent_node_is_cut_or_graded(void **unused)
{
    (void)unused;
    ready(owner_lost, STEP_CUT, A);
    NO_WITH(v->cut_possible = false);
    NO_WITH(v->nodes[A].answered = true);
    ready(owner_lost, STEP_GRADE, A);
    YES_WITH(v->marks.accepted = 0; v->marks.cut = 1U << A);
    NO_WITH(v->marks.accepted = 0);
    NO_WITH(v->nodes[A].answered = true);
}

static void a_fenced_node_is_raised_unless_it_is_the_owner(void **unused)
{
    (void)unused;
    ready(target_fenced, STEP_RAISE, B);
    NO_WITH(silence(&v->nodes[B]));
    NO_WITH(v->nodes[B].fenced = false);
    NO_WITH(owner_is("b"));
    NO_WITH(v->nodes[B].role = PG_WRITABLE);
}

static struct planner_view *flipped(void)
{
    return flip_fenced(PLANNER_SWITCHOVER);
}

static struct planner_view *flipped_and_held(void)
{
    struct planner_view *w = flipped();

    w->nodes[B].held = true;
    return w;
}

static struct planner_view *promoted(void)
{
    struct planner_view *w = flipped();

    promote(&w->nodes[B]);
    return w;
}

static void the_new_owner_is_promoted_under_rule_w(void **unused)
{
    (void)unused;
    ready(flipped_and_held, STEP_RELEASE, B);
    NO_WITH(silence(&v->nodes[B]));
    NO_WITH(v->nodes[B].held = false);
    ready(flipped, STEP_PROMOTE, B);
    NO_WITH(v->d.state = REGISTER_CLAIM);
    NO_WITH(owner_is("c"));
    NO_WITH(v->marks.epoch = 4);
    NO_WITH(v->nodes[B].held = true);
    NO_WITH(v->nodes[A].fenced = false);
}

static void what_follows_needs_a_writable_owner(void **unused)
{
    (void)unused;
    ready(promoted, STEP_CRON_ON, B);
    NO_WITH(owner_is("c"));
    NO_WITH(v->nodes[B].role = PG_RECOVERY);
    NO_WITH(v->nodes[C].cron_off = false); /* I4 */
    ready(promoted, STEP_FOLLOW, C);
    NO_WITH(v->nodes[C].held = true);
    NO_WITH(v->nodes[C].promoting = true);
    NO_WITH(v->nodes[C].history_ok = false);
    NO_WITH(v->nodes[B].role = PG_STOPPED);
    ready(promoted, STEP_CHECKPOINT, B);
    NO_WITH(owner_is("c"));
    NO_WITH(v->nodes[B].role = PG_RECOVERY);
}

/* A late CRON_OFF or FENCE must not find a closed record. */
static void a_record_is_closed_when_nothing_is_under_way(void **unused)
{
    (void)unused;
    ready(promoted, STEP_STABLE, B);
    YES_WITH(v->marks.unsettled = 1U << C);
    NO_WITH(v->marks.unsettled = 1U << B);
    NO_WITH(v->d_answered = false);
    NO_WITH(v->marks.epoch = 4);
    NO_WITH(v->nodes[B].role = PG_RECOVERY);
    NO_WITH(v->nodes[B].epoch = 4);
}

static void what_is_fenced_rejoins_a_writable_owner(void **unused)
{
    (void)unused;
    ready(promoted, STEP_REJOIN, A);
    NO_WITH(silence(&v->nodes[A]));
    NO_WITH(owner_is("a"));
    NO_WITH(v->nodes[A].fenced = false);
    NO_WITH(v->nodes[A].wal.kind = LINEAGE_BEYOND);
    NO_WITH(v->nodes[B].role = PG_STOPPED);
}

static struct planner_view *revoked(void)
{
    struct planner_view *w = flipped();

    w->nodes[B].revoked_epoch = 5;
    return w;
}

static void a_flip_is_undone_after_a_revoke(void **unused)
{
    (void)unused;
    ready(flipped, STEP_REVOKE, B);
    NO_WITH(silence(&v->nodes[B]));
    NO_WITH(v->nodes[B].role = PG_WRITABLE);
    ready(revoked, STEP_UNDO, A);
    NO_WITH(v->d_answered = false);
    NO_WITH(v->marks.epoch = 4);
    NO_WITH(v->nodes[A].was_primary = false);
    NO_WITH(v->nodes[B].epoch = 4);
    NO_WITH(v->nodes[B].revoked_epoch = 4);
    YES_WITH(v->d.state = REGISTER_SEIZE; owner_is("a"); v->nodes[B].revoked_epoch = 0);
}

static void silent_in_from(int node)
{
    register_from_add(&v->d, v->nodes[node].name, GRADE_NONE);
    silence(&v->nodes[node]);
}

static void the_owner_gets_its_role_back_under_rule_w(void **unused)
{
    (void)unused;
    ready(owner_fenced, STEP_UNFENCE, A);
    NO_WITH(owner_is("b"));
    NO_WITH(v->marks.epoch = 4);
    NO_WITH(v->marks.late_flip = true);
    NO_WITH(v->d.state = REGISTER_FLIP);
    NO_WITH(v->d.state = REGISTER_SEIZE);
    NO_WITH(v->nodes[A].was_primary = false);
    NO_WITH(silent_in_from(C));
    YES_WITH(v->nodes[A].fenced = false; v->nodes[A].held = true);
    YES_WITH(v->nodes[A].role = PG_WRITABLE); /* and its fence is to be lifted */
    NO_WITH(v->nodes[A].role = PG_WRITABLE; v->nodes[A].fenced = false);
}

static struct planner_view *held_without_dns(void)
{
    struct planner_view *w = fresh(PLANNER_UNFENCE, REGISTER_STABLE);

    w->d_answered = false;
    w->d_elsewhere = w->nodes[A].held = true;
    w->nodes[A].role = PG_RECOVERY;
    return w;
}

/* What a person's word releases is a held owner, never a fenced one. */
static void a_word_releases_a_held_owner(void **unused)
{
    (void)unused;
    ready(held_without_dns, STEP_LET_GO, A);
    NO_WITH(owner_is("b"));
    NO_WITH(v->d_elsewhere = false);
    NO_WITH(v->nodes[A].held = false);
    NO_WITH(v->nodes[A].fenced = true);
    NO_WITH(v->nodes[A].fenced = v->nodes[A].was_primary = true);
}

static void a_fence_is_done_when_postgresql_has_ended(void **unused)
{
    (void)unused;
    achieved(owner_fenced, STEP_FENCE_OLD, A);
    NO_WITH(v->nodes[A].fenced = false);
    NO_WITH(v->nodes[A].standby_only = true);
    NO_WITH(v->nodes[A].role = PG_UNKNOWN);
    NO_WITH(v->nodes[A].epoch = 4);
    achieved(owner_fenced, STEP_FENCE, A);
    NO_WITH(v->nodes[A].fenced = false);
    NO_WITH(v->nodes[A].standby_only = true);
    NO_WITH(v->nodes[A].role = PG_UNKNOWN);
    YES_WITH(v->nodes[A].epoch = 4); /* DNS does not respond: no epoch to compare with */
}

static struct planner_view *detached(void)
{
    struct planner_view *w = world(PLANNER_FAILOVER, REGISTER_SEIZE);

    w->nodes[C].receiving = w->nodes[C].streams_from_owner = false;
    return w;
}

static void a_standby_is_judged_while_it_runs(void **unused)
{
    (void)unused;
    achieved(detached, STEP_DETACH, C);
    NO_WITH(v->nodes[C].role = PG_STOPPED);
    NO_WITH(v->nodes[C].receiving = true);
    achieved(stable, STEP_REJOIN, C);
    NO_WITH(v->nodes[C].role = PG_STOPPED);
    NO_WITH(v->nodes[C].streams_from_owner = false);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_claimed_or_seized_once_for_another_node),
        cmocka_unit_test(a_stable_record_is_taken_over_if_its_owner_answers),
        cmocka_unit_test(a_serving_owner_is_stopped_last),
        cmocka_unit_test(the_role_goes_to_a_standby_of_a_fenced_owner),
        cmocka_unit_test(only_a_silent_node_is_cut_or_graded),
        cmocka_unit_test(a_fenced_node_is_raised_unless_it_is_the_owner),
        cmocka_unit_test(the_new_owner_is_promoted_under_rule_w),
        cmocka_unit_test(what_follows_needs_a_writable_owner),
        cmocka_unit_test(a_record_is_closed_when_nothing_is_under_way),
        cmocka_unit_test(what_is_fenced_rejoins_a_writable_owner),
        cmocka_unit_test(a_flip_is_undone_after_a_revoke),
        cmocka_unit_test(the_owner_gets_its_role_back_under_rule_w),
        cmocka_unit_test(a_word_releases_a_held_owner),
        cmocka_unit_test(a_fence_is_done_when_postgresql_has_ended),
        cmocka_unit_test(a_standby_is_judged_while_it_runs),
    };

    return cmocka_run_group_tests_name("steps_ready", tests, NULL, NULL);
}
