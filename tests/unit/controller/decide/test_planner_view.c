/* controller/decide/planner_view: what is asked of a view, one condition at a time. */
#include "controller/decide/planner_view.h"

#include "tests/unit/controller/decide/planner_world.h"

/* What breaks what must hold: each case is one change to a world where the answer is yes. */
struct breaks {
    const char *what;
    void (*change)(struct planner_view *v);
};

static void expect_each_breaks(struct planner_view *(*make)(void),
                               bool (*holds)(const struct planner_view *v),
                               const struct breaks *list, size_t n)
{
    if (!holds(make()))
        fail_msg("it does not hold with nothing broken");
    for (size_t i = 0; i < n; i++) {
        struct planner_view *v = make();

        list[i].change(v);
        if (holds(v))
            fail_msg("it holds, though %s", list[i].what);
    }
}

#define EXPECT_EACH_BREAKS(make, holds, list)                                                      \
    expect_each_breaks(make, holds, list, sizeof(list) / sizeof((list)[0]))

/* clang-format off */
static void b_another_epoch(struct planner_view *v) { v->nodes[B].epoch = 4; }
static void b_no_standby(struct planner_view *v) { v->nodes[B].role = PG_STOPPED; }
static void b_another_system(struct planner_view *v) { v->nodes[B].sysid_ok = false; }
static void b_another_history(struct planner_view *v) { v->nodes[B].history_ok = false; }
static void b_replayed_up_to_the_checkpoint(struct planner_view *v) { v->nodes[B].replay_lsn = 90; }
static void b_not_streaming(struct planner_view *v) { v->nodes[B].streams_from_owner = false; }
static void b_not_attached(struct planner_view *v) { v->nodes[B].attached = false; }
static void b_behind(struct planner_view *v) { v->nodes[A].insert_lsn = 100 + (1 << 20) + 1; }
static void c_receives(struct planner_view *v) { v->nodes[C].receiving = true; }
static void c_has_more(struct planner_view *v) { v->nodes[C].receive_lsn = 101; }
static void c_had_the_next_timeline(struct planner_view *v) { v->nodes[C].newest_tli = 2; }
static void a_another_epoch(struct planner_view *v) { v->nodes[A].epoch = 4; }
static void a_state_unreadable(struct planner_view *v) { v->nodes[A].state_ok = false; }
static void a_not_fenced(struct planner_view *v) { v->nodes[A].fenced = false; }
static void a_not_clean(struct planner_view *v) { v->nodes[A].clean = false; }
static void a_stop_unseen(struct planner_view *v) { v->nodes[A].shutdown_lsn = 0; }
static void a_ran_since(struct planner_view *v) { v->nodes[A].control_lsn = 91; }
static void a_silent(struct planner_view *v) { v->nodes[A].answered = false; }
static void a_orphans(struct planner_view *v) { v->nodes[A].orphans = true; }
static void a_starting(struct planner_view *v) { v->nodes[A].role = PG_STARTING; }
static void a_writable(struct planner_view *v) { v->nodes[A].role = PG_WRITABLE; }
static void another_holds(struct planner_view *v) { v->d.nonce[0] = 'f'; }
static void not_verified(struct planner_view *v) { v->marks.done &= ~step_bit(STEP_VERIFY); }
static void not_detached(struct planner_view *v) { v->marks.done &= ~step_bit(STEP_DETACH); }
static void no_loss(struct planner_view *v) { v->marks.done &= ~step_bit(STEP_LOSS); }
static void no_evidence(struct planner_view *v) { v->marks.done &= ~step_bit(STEP_EVIDENCE_AGAIN); }
static void stable(struct planner_view *v) { v->d.state = REGISTER_STABLE; }
/* clang-format on */

/* ---- the proof that no commit is lost, and what a planned move stops the owner for ---------- */

static struct planner_view *verified(void)
{
    return claim_fenced(PLANNER_SWITCHOVER);
}

static bool is_verified(const struct planner_view *v)
{
    return planner_verified(v, A, B);
}

static void the_proof_needs_all_of_it(void **unused)
{
    static const struct breaks list[] = {
        {"A was heard before this epoch", a_another_epoch},
        {"A cannot read its state", a_state_unreadable},
        {"A is not fenced", a_not_fenced},
        {"A did not stop cleanly", a_not_clean},
        {"no one saw where A stopped", a_stop_unseen},
        {"A has run since", a_ran_since},
        {"B has not replayed past the checkpoint", b_replayed_up_to_the_checkpoint},
        {"B is on another line of WAL", b_another_history},
        {"B is of another system", b_another_system},
    };

    (void)unused;
    EXPECT_EACH_BREAKS(verified, is_verified, list);
    assert_false(planner_verified(verified(), -1, B)); /* a record of strangers */
    assert_false(planner_verified(verified(), A, -1));
}

static struct planner_view *caught_up(void)
{
    return world(PLANNER_SWITCHOVER, REGISTER_CLAIM);
}

static void caught_up_needs_both_words(void **unused)
{
    static const struct breaks list[] = {
        {"A is silent", a_silent},
        {"B is no standby", b_no_standby},
        {"B does not stream from A", b_not_streaming},
        {"A does not say so", b_not_attached},
        {"B lacks more than next to nothing", b_behind},
    };

    (void)unused;
    EXPECT_EACH_BREAKS(caught_up, planner_caught_up, list);
}

/* ---- FLIP ----------------------------------------------------------------------------------- */

static struct planner_view *claim_before_flip(void)
{
    struct planner_view *v = claim_fenced(PLANNER_SWITCHOVER);

    mark(v, STEP_VERIFY);
    return v;
}

/* … A is lost, by a person's word. */
static struct planner_view *seize_before_flip(void)
{
    struct planner_view *v = world(PLANNER_FAILOVER, REGISTER_SEIZE);

    silence(&v->nodes[A]);
    register_from_add(&v->d, "a", GRADE_G3);
    v->nodes[B].receiving = v->nodes[C].receiving = false;
    mark(v, STEP_DETACH);
    mark(v, STEP_LOSS);
    mark(v, STEP_EVIDENCE_AGAIN);
    return v;
}

static void no_grade(struct planner_view *v)
{
    register_from_remove(&v->d, "a");
}

static void flipped_already(struct planner_view *v)
{
    v->d.state = REGISTER_FLIP;
    STR_COPY(v->d.owner, "b");
    v->d.to[0] = '\0';
    register_from_add(&v->d, "a", GRADE_G1);
}

static void flip_needs_all_of_it(void **unused)
{
    static const struct breaks planned[] = {
        {"another holds the record", another_holds},
        {"B is no standby", b_no_standby},
        {"B was heard before this epoch", b_another_epoch},
        {"rule W does not hold", a_not_fenced},
        {"VERIFY has not been done", not_verified},
        {"the proof does not hold any more", b_another_system},
        {"no transition is open", stable},
        {"it has been written already", flipped_already},
    };
    static const struct breaks unplanned[] = {
        {"rule W does not hold", no_grade},
        {"a standby still receives", c_receives},
        {"another has more WAL", c_has_more},
        {"the next timeline ID is used", c_had_the_next_timeline},
        {"B is on another line of WAL", b_another_history},
        {"B is of another system", b_another_system},
        {"the standbys have not been detached", not_detached},
        {"no one was asked again about the silent", no_evidence},
        {"no person has accepted the loss", no_loss},
    };

    (void)unused;
    EXPECT_EACH_BREAKS(claim_before_flip, planner_flip_ready, planned);
    EXPECT_EACH_BREAKS(seize_before_flip, planner_flip_ready, unplanned);
}

/* Whoever has answered "fenced" at this epoch has said more than a witness could. */
static void evidence_is_about_the_silent(void **unused)
{
    struct planner_view *v = seize_before_flip();

    (void)unused;
    v->nodes[A].answered = true;
    v->nodes[A].epoch = 5;
    fence(&v->nodes[A]);
    no_evidence(v);
    assert_true(planner_flip_ready(v));
}

/* A target that was promoted by hand is off the owner's history by that alone. */
static void a_branch_may_be_the_target(void **unused)
{
    struct planner_view *v = seize_before_flip();

    (void)unused;
    v->nodes[B].history_ok = false;
    v->nodes[B].branched = true;
    v->nodes[B].branch_at = 100;
    v->nodes[B].tli = v->nodes[B].newest_tli = 2;
    assert_true(planner_flip_ready(v));
}

/* ---- rule W --------------------------------------------------------------------------------- */

static struct planner_view *a_is_fenced(void)
{
    return flip_fenced(PLANNER_RESUME);
}

static bool a_cannot_write(const struct planner_view *v)
{
    return planner_known_not_writable(v, A);
}

static void a_fence_is_a_word_only_when_it_is_whole(void **unused)
{
    static const struct breaks list[] = {
        {"it was said at an earlier epoch", a_another_epoch},
        {"its durable state cannot be read", a_state_unreadable},
        {"it is writable", a_writable},
        {"processes have outlived its postmaster", a_orphans},
        {"it is still stopping", a_starting},
        {"it has run since", a_ran_since},
    };

    (void)unused;
    EXPECT_EACH_BREAKS(a_is_fenced, a_cannot_write, list);
}

static void who_can_be_given_the_role_back(void **unused)
{
    static const struct {
        bool fenced, was_primary, standby_only, held;
        enum pg_role role;
        bool expected;
    } rows[] = {
        {.fenced = true, .was_primary = true, .role = PG_STOPPED, .expected = true},
        {.fenced = true, .role = PG_STOPPED},
        {.fenced = true, .was_primary = true, .standby_only = true, .role = PG_STOPPED},
        {.held = true, .role = PG_RECOVERY, .expected = true},
        {.role = PG_WRITABLE, .expected = true},
        {.role = PG_RECOVERY},
        {.role = PG_STOPPED},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct planner_view *v = world(PLANNER_ABORT, REGISTER_UNDO);

        v->nodes[A].fenced = rows[i].fenced;
        v->nodes[A].was_primary = rows[i].was_primary;
        v->nodes[A].standby_only = rows[i].standby_only;
        v->nodes[A].held = rows[i].held;
        v->nodes[A].role = rows[i].role;
        if (planner_can_return(v, A) != rows[i].expected)
            fail_msg("row %zu", i);
    }
}

/* REVOKED is durable, but who writes all the same has not been stopped by it. */
static void a_revoke_holds_while_nothing_contradicts_it(void **unused)
{
    struct planner_view *v = flip_fenced(PLANNER_ABORT);

    (void)unused;
    v->nodes[B].revoked_epoch = 5;
    assert_true(planner_revoked(v, B));
    v->nodes[B].role = PG_WRITABLE;
    assert_false(planner_revoked(v, B));
    v->nodes[B].role = PG_RECOVERY;
    v->nodes[B].promoting = true;
    assert_false(planner_revoked(v, B));
    v->nodes[B].promoting = false;
    v->nodes[B].revoked_epoch = 4;
    assert_false(planner_revoked(v, B));
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static struct planner_view *promoted(void)
{
    struct planner_view *v = flip_fenced(PLANNER_RESUME);

    promote(&v->nodes[B]);
    return v;
}

static void c_has_jobs_on(struct planner_view *v)
{
    v->nodes[C].cron_off = false;
}

static void a_is_held(struct planner_view *v)
{
    a_not_fenced(v);
    v->nodes[A].held = true;
}

static void a_is_lost_without_a_word(struct planner_view *v)
{
    silence(&v->nodes[A]);
    v->d.from[0].grade = GRADE_NONE;
}

static void jobs_go_on_only_where_no_other_has_them(void **unused)
{
    static const struct breaks list[] = {
        {"C has its jobs on", c_has_jobs_on},
        {"A answers, and a hold is not a fence", a_is_held},
        {"A is silent without a grade", a_is_lost_without_a_word},
    };
    struct planner_view *v;

    (void)unused;
    EXPECT_EACH_BREAKS(promoted, planner_cron_clear, list);
    v = promoted();
    silence(&v->nodes[A]); /* G1 in the record: cron off is included */
    assert_true(planner_cron_clear(v));
    v = promoted();
    v->nodes[C].cron_off = v->nodes[C].answered = false; /* a bystander that is silent */
    assert_true(planner_cron_clear(v));
}

/* ---- no node -------------------------------------------------------------------------------- */

/* A record may name a node that the configuration does not have: of that one nothing is true. */
static void of_a_stranger_nothing_is_true(void **unused)
{
    static bool (*const questions[])(const struct planner_view *v,
                                     int node) = {planner_answers,
                                                  planner_heard,
                                                  planner_writable,
                                                  planner_standby,
                                                  planner_not_following,
                                                  planner_fenced,
                                                  planner_unfenced,
                                                  planner_fence_unfinished,
                                                  planner_known_not_writable,
                                                  planner_graded,
                                                  planner_confirmed,
                                                  planner_can_return,
                                                  planner_unknown,
                                                  planner_marked,
                                                  planner_revoked,
                                                  planner_from_may_lose};
    struct planner_view *v = world(PLANNER_RESUME, REGISTER_CLAIM);

    (void)unused;
    v->marks.accepted = v->marks.cut = UINT32_MAX;
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        if (questions[i](v, -1))
            fail_msg("question %zu", i);
}

static void without_a_record_no_answer_is_of_its_epoch(void **unused)
{
    struct planner_view *v = fresh(PLANNER_RESUME, REGISTER_STABLE);

    (void)unused;
    v->d = (struct record){.epoch = 0};
    v->nodes[B].epoch = 0;
    assert_false(planner_heard(v, B));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_proof_needs_all_of_it),
        cmocka_unit_test(caught_up_needs_both_words),
        cmocka_unit_test(flip_needs_all_of_it),
        cmocka_unit_test(evidence_is_about_the_silent),
        cmocka_unit_test(a_branch_may_be_the_target),
        cmocka_unit_test(a_fence_is_a_word_only_when_it_is_whole),
        cmocka_unit_test(who_can_be_given_the_role_back),
        cmocka_unit_test(a_revoke_holds_while_nothing_contradicts_it),
        cmocka_unit_test(jobs_go_on_only_where_no_other_has_them),
        cmocka_unit_test(of_a_stranger_nothing_is_true),
        cmocka_unit_test(without_a_record_no_answer_is_of_its_epoch),
    };

    return cmocka_run_group_tests_name("planner_view", tests, NULL, NULL);
}
