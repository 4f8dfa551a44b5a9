/* agent/decide/rules: admission, each verb's refusals, the guard's rows 1 to 12, the watch. */
#include "agent/decide/rules.h"

#include <string.h>

#include "base/str.h"
#include "tests/unit/unit.h"

static const char nonce[] = "00000000000000000000000000000001";
static const char other_nonce[] = "00000000000000000000000000000002";
static const char txn[] = "0000000000000001";

static struct agent_state state_at(int64_t epoch)
{
    return (struct agent_state){.sysid = 7, .epoch = epoch, .seq = 3};
}

static struct record record_of(int64_t epoch, enum register_state state, const char *owner)
{
    struct record d = {.epoch = epoch, .state = (int)state, .sysid = 7, .tli = 1, .ttl = 30};

    STR_COPY(d.nonce, nonce);
    STR_COPY(d.owner, owner);
    STR_COPY(d.txn, txn);
    return d;
}

static struct facts standby(void)
{
    return (struct facts){.role = PG_RECOVERY,
                          .standby_signal = true,
                          .control_state = CONTROL_IN_ARCHIVE_RECOVERY,
                          .control_tli = 1,
                          .tli = 1,
                          .sysid = 7};
}

static struct facts primary(void)
{
    return (struct facts){.role = PG_WRITABLE,
                          .control_state = CONTROL_IN_PRODUCTION,
                          .control_tli = 1,
                          .tli = 1,
                          .sysid = 7};
}

static struct facts stopped_primary(void)
{
    return (struct facts){
        .role = PG_STOPPED, .control_state = CONTROL_SHUTDOWNED, .control_tli = 1, .sysid = 7};
}

/* ---- requests ------------------------------------------------------------------------------ */

static void admits_only_what_is_higher(void **unused)
{
    struct agent_state s = state_at(5), next;

    (void)unused;
    assert_int_equal(rules_admit(&s, 4, 9, &next), RULE_STALE);
    assert_int_equal(rules_admit(&s, 5, 3, &next), RULE_STALE);
    assert_int_equal(rules_admit(&s, 5, 4, &next), RULE_OBEY);
    assert_int_equal(next.seq, 4);
    assert_int_equal(rules_admit(&s, 6, 1, &next), RULE_OBEY);
    assert_int_equal(next.epoch, 6);
    assert_int_equal(next.seq, 1);
}

static void arm_wants_the_named_record(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(6, REGISTER_CLAIM, "a");

    (void)unused;
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_OBEY);
    assert_int_equal(next.epoch, 6);
    assert_int_equal(next.boot_epoch, 6);
    assert_string_equal(next.seen.owner, "a");
    assert_int_equal(rules_arm(&s, 6, 1, other_nonce, txn, &d, &next), RULE_NONCE);
    assert_int_equal(rules_arm(&s, 7, 1, nonce, txn, &d, &next), RULE_NONCE);
    assert_int_equal(rules_arm(&s, 5, 3, nonce, txn, &d, &next), RULE_STALE);
    d.sysid = 8;
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_FOREIGN);
    d = record_of(4, REGISTER_CLAIM, "a");
    assert_int_equal(rules_arm(&s, 6, 1, nonce, txn, &d, &next), RULE_EPOCH_BELOW);
}

static void fence_remembers_a_primary(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary(), b = standby(), down = stopped_primary();

    (void)unused;
    s.cron_on = true;
    assert_int_equal(rules_fence(&s, &p, &next), RULE_OBEY);
    assert_true(next.fenced && next.fence_was_primary && !next.cron_on);
    rules_fence(&s, &down, &next);
    assert_true(next.fence_was_primary);
    rules_fence(&s, &b, &next);
    assert_false(next.fence_was_primary);
    /* a held primary runs read-only: it is still the primary that it was */
    s.held = s.held_was_primary = true;
    rules_fence(&s, &b, &next);
    assert_true(next.fence_was_primary && !next.held);
    /* a second FENCE keeps what the first one saw */
    s = next;
    s.fence_lsn = 99;
    down.standby_signal = true;
    rules_fence(&s, &down, &next);
    assert_true(next.fence_was_primary);
    assert_int_equal(next.fence_lsn, 99);
    assert_true(rules_fence_observed(&next, &down, false));
    down.control_state = CONTROL_IN_PRODUCTION;
    assert_false(rules_fence_observed(&next, &down, false));
    assert_true(rules_fence_observed(&next, &down, true));
    down.standby_signal = false;
    assert_false(rules_fence_observed(&next, &down, true));
}

/* FENCE saw a standby, the stop came after the promotion: pg_control tells. */
static void fence_meets_a_promotion(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts b = standby(), down = stopped_primary();

    (void)unused;
    rules_promote(&s, &b, 5, txn, &s);
    rules_fence(&s, &b, &s);
    assert_false(s.fence_was_primary);
    rules_fence_done(&s, &down, &next);
    assert_false(next.fence_was_primary); /* the old timeline: not promoted */
    down.newest_history_tli = 2;
    rules_fence_done(&s, &down, &next);
    assert_true(next.fence_was_primary);
    assert_int_equal(next.fence_tli, 2);
    down.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY; /* the history file came first */
    rules_fence_done(&s, &down, &next);
    assert_false(next.fence_was_primary);
}

static void promote_refuses(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts b = standby(), down = stopped_primary();

    (void)unused;
    s.fenced = true;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_FENCED);
    s.fence_standby_only = true; /* rejoined: the one that only PROMOTE may lift */
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_OBEY);
    assert_true(next.promoting && !next.fenced);
    assert_int_equal(next.promoting_tli, 1);
    s = state_at(5);
    s.held = true;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_HELD);
    s = state_at(5);
    s.revoked = true;
    s.revoked_epoch = 5;
    assert_int_equal(rules_promote(&s, &b, 5, txn, &next), RULE_REVOKED);
    assert_int_equal(rules_promote(&s, &b, 6, txn, &next), RULE_OBEY);
    assert_int_equal(rules_promote(&s, &down, 6, txn, &next), RULE_NOT_STANDBY);
}

static void promote_needs_the_record(void **unused)
{
    struct agent_state s = state_at(5), p;
    struct facts b = standby();
    struct record d = record_of(5, REGISTER_FLIP, "b");

    (void)unused;
    assert_int_equal(rules_promote_permitted(&s, "b", nonce, &d), RULE_NONCE); /* no intent */
    rules_promote(&s, &b, 5, txn, &p);
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_OBEY);
    assert_int_equal(rules_promote_permitted(&p, "c", nonce, &d), RULE_NOT_OWNER);
    assert_int_equal(rules_promote_permitted(&p, "b", other_nonce, &d), RULE_NONCE);
    d.state = REGISTER_CLAIM;
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_D_STATE);
    d = record_of(6, REGISTER_FLIP, "b");
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_NONCE);
    d = record_of(4, REGISTER_FLIP, "b");
    assert_int_equal(rules_promote_permitted(&p, "b", nonce, &d), RULE_EPOCH_BELOW);
}

static void promoted_is_told_by_timelines(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby();

    (void)unused;
    rules_promote(&s, &f, 5, txn, &s);
    assert_false(rules_promoted(&s, &f));
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_UNDO_PROMOTION);
    f.newest_history_tli = 2; /* it got as far as the history file */
    assert_true(rules_promoted(&s, &f));
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_TOO_LATE);
    f = primary();
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_NOT_WRITABLE); /* the same timeline */
    f.tli = 2;
    assert_int_equal(rules_promote_done(&s, &f, &next), RULE_OBEY);
    assert_true(next.promoting); /* the guard's row 8 needs it until D is stable */
    s.promoting = false;
    assert_int_equal(rules_revoke_work(&s, &f), REVOKE_NOTHING);
}

static void revoke_ends_a_promotion(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = standby();

    (void)unused;
    rules_promote(&s, &f, 5, txn, &s);
    rules_revoke(&s, 6, &next);
    assert_int_equal(next.revoked_epoch, 6);
    f.role = PG_STOPPED;
    f.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    assert_true(rules_revoke_observed(&next, &f));
    f.newest_history_tli = 2;
    assert_false(rules_revoke_observed(&next, &f));
    rules_revoke_done(&next, &s);
    assert_true(s.revoked && !s.promoting);
    rules_revoke(&s, 4, &next);
    assert_int_equal(next.revoked_epoch, 6);
}

static void unfence_only_what_was_primary(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct record d = record_of(5, REGISTER_CLAIM, "a");

    (void)unused;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NOT_FENCED);
    s.fenced = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
    s.fence_was_primary = true;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_OBEY);
    assert_int_equal(rules_unfence_permitted(&s, "b", nonce, &d), RULE_NOT_OWNER);
    d.state = REGISTER_FLIP;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_D_STATE);
    s.fence_standby_only = true;
    d.state = REGISTER_STABLE;
    assert_int_equal(rules_unfence_permitted(&s, "a", nonce, &d), RULE_NEVER_PRIMARY);
    s.held = true;
    rules_unfence_done(&s, &next);
    assert_false(next.fenced || next.held || next.fence_was_primary);
}

static void cron_on_only_on_a_writable_owner(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts p = primary(), b = standby();
    struct record d = record_of(5, REGISTER_FLIP, "b");

    (void)unused;
    assert_int_equal(rules_cron_on_permitted(&s, &b, "b", nonce, &d, &next), RULE_NOT_WRITABLE);
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_OBEY);
    assert_true(next.cron_on);
    assert_int_equal(rules_cron_on_permitted(&s, &p, "a", nonce, &d, &next), RULE_NOT_OWNER);
    d.state = REGISTER_SEIZE;
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_D_STATE);
    d.state = REGISTER_FLIP;
    s.fenced = true;
    assert_int_equal(rules_cron_on_permitted(&s, &p, "b", nonce, &d, &next), RULE_FENCED);
}

static void rejoin_ends_what_it_was(void **unused)
{
    struct agent_state s = state_at(5), next;
    struct facts f = stopped_primary();
    struct record d = record_of(5, REGISTER_STABLE, "b");

    (void)unused;
    s.fenced = s.fence_was_primary = s.promoting = s.cron_on = true;
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_OBEY);
    assert_true(next.fenced && next.fence_standby_only);
    assert_false(next.fence_was_primary || next.promoting || next.cron_on);
    assert_int_equal(rules_rejoin(&s, &f, "b", &d, &next), RULE_D_STATE);
    f = primary();
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_RUNNING);
    f.role = PG_UNKNOWN;
    f.orphans = true;
    assert_int_equal(rules_rejoin(&s, &f, "a", &d, &next), RULE_ORPHANS);
}

/* ---- guard --------------------------------------------------------------------------------- */

struct start {
    struct agent_state s;
    struct facts f;
    struct record d;
    struct guard_peer peer;
    struct guard_view v;
};

/* A primary that starts again under D stable with itself as the owner: row 9. */
static struct start *start(void)
{
    static struct start x;

    x = (struct start){.s = state_at(5),
                       .f = stopped_primary(),
                       .d = record_of(5, REGISTER_STABLE, "a"),
                       .peer = {.answered = true,
                                .in_recovery = true,
                                .epoch = 5,
                                .seen_epoch = 5,
                                .seen_state = REGISTER_STABLE,
                                .seen_owner = "a"}};
    x.s.seen = x.d;
    x.v = (struct guard_view){.node = "a",
                              .state_readable = true,
                              .state = &x.s,
                              .facts = &x.f,
                              .register_matches = true,
                              .d_answered = true,
                              .d = &x.d,
                              .peers = &x.peer,
                              .n_peers = 1};
    return &x;
}

static void expect(const struct start *x, int row, enum guard_verdict verdict)
{
    struct guard_ruling r = rules_guard(&x->v);

    assert_int_equal(r.row, row);
    assert_int_equal(r.verdict, verdict);
}

static void guard_rows_one_to_three(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->f.standby_signal = true;
    expect(x, 1, GUARD_STANDBY);
    x->s.fenced = true;
    expect(x, 2, GUARD_REFUSE);
    x->s.fence_standby_only = true; /* rejoined */
    expect(x, 1, GUARD_STANDBY);
    x->f.standby_signal = false; /* … and somebody removed the file */
    expect(x, 2, GUARD_REFUSE);
    x = start();
    x->v.state_readable = false;
    expect(x, 2, GUARD_REFUSE);
    x = start();
    x->v.register_matches = false;
    expect(x, 3, GUARD_REFUSE);
    x = start();
    x->f.sysid = 8;
    expect(x, 3, GUARD_REFUSE);
    assert_true(rules_guard(&x->v).alarm);
    x = start();
    x->d.sysid = 8;
    expect(x, 3, GUARD_REFUSE);
}

static void guard_rows_four_to_seven(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->peer.writable = true;
    expect(x, 4, GUARD_HOLD);
    STR_COPY(x->d.owner, "b");
    expect(x, 4, GUARD_FENCE);
    x->v.d_answered = false;
    expect(x, 4, GUARD_HOLD);
    STR_COPY(x->peer.seen_owner, "b");
    expect(x, 4, GUARD_FENCE);
    x = start();
    x->peer.epoch = 6;
    expect(x, 4, GUARD_HOLD);
    x = start();
    x->d.epoch = 4;
    expect(x, 5, GUARD_HOLD);
    assert_true(rules_guard(&x->v).alarm);
    x = start();
    STR_COPY(x->d.owner, "b");
    expect(x, 6, GUARD_FENCE);
    x->d.state = REGISTER_FLIP;
    expect(x, 6, GUARD_FENCE);
    x = start();
    x->d.state = REGISTER_SEIZE;
    expect(x, 7, GUARD_HOLD);
    x->d.state = REGISTER_CLAIM;
    x->d.epoch = 6;
    expect(x, 7, GUARD_HOLD);
}

static void guard_rows_eight_to_eleven(void **unused)
{
    struct start *x = start();

    (void)unused;
    expect(x, 9, GUARD_WRITABLE);
    x->d.state = REGISTER_CLAIM;
    expect(x, 9, GUARD_WRITABLE);
    x->d.state = REGISTER_UNDO;
    expect(x, 9, GUARD_WRITABLE);
    /* `dns set` wrote it: those in `from` have not said yet that they cannot write */
    x->d.state = REGISTER_STABLE;
    register_from_add(&x->d, "db09", GRADE_NONE);
    expect(x, 11, GUARD_HOLD);
    register_from_add(&x->d, "db09", GRADE_G3);
    expect(x, 9, GUARD_WRITABLE);
    register_from_remove(&x->d, "db09");
    x->d.state = REGISTER_FLIP;
    expect(x, 11, GUARD_HOLD);
    x->s.promoting = true;
    x->s.promoting_tli = 1;
    expect(x, 11, GUARD_HOLD); /* not promoted */
    x->f.newest_history_tli = 2;
    expect(x, 8, GUARD_WRITABLE);
    x = start();
    x->v.d_answered = false;
    expect(x, 10, GUARD_WRITABLE);
    x->peer.answered = false;
    expect(x, 11, GUARD_HOLD);
    x = start();
    x->v.d_answered = false;
    x->peer.seen_state = REGISTER_CLAIM;
    expect(x, 11, GUARD_HOLD);
    x = start();
    x->v.d_answered = false;
    x->v.n_peers = 0; /* nobody to confirm it */
    expect(x, 11, GUARD_HOLD);
}

/* Alone it ends every start in a promotion; beside standby.signal it has no effect. */
static void guard_row_twelve(void **unused)
{
    struct start *x = start();

    (void)unused;
    x->f.recovery_signal = true;
    expect(x, 12, GUARD_REFUSE);
    assert_true(rules_guard(&x->v).alarm);
    x->f.standby_signal = true;
    expect(x, 1, GUARD_STANDBY);
    x->s.held = x->s.held_was_primary = true;
    x->s.held_tli = x->f.control_tli;
    expect(x, 9, GUARD_WRITABLE); /* the hold's own signal file; the other is set aside */
    x = start();
    x->f.recovery_signal = true;
    x->v.d_answered = false;
    x->peer.answered = false;
    expect(x, 12, GUARD_REFUSE); /* it would be held: a read-only start is one as well */
    x = start();
    x->f.recovery_signal = true;
    STR_COPY(x->d.owner, "b");
    expect(x, 6, GUARD_FENCE);
    x = start();
    x->f.recovery_signal = true;
    x->f.role = PG_STARTING; /* it runs: the guard before cron */
    expect(x, 9, GUARD_WRITABLE);
}

/* A hold is released on the timeline it was held on; right after a promotion pg_control still shows
 * the old one. */
static void guard_releases_what_it_held(void **unused)
{
    struct start *x = start();
    struct agent_state held, free_again;

    (void)unused;
    x->d = record_of(6, REGISTER_FLIP, "a");
    x->s.promoting = x->s.cron_on = true;
    x->s.promoting_tli = 1;
    x->f.newest_history_tli = 2;
    x->f.control_state = CONTROL_IN_PRODUCTION;
    struct guard_ruling r = rules_guard(&x->v);
    assert_int_equal(r.row, 7);
    rules_guard_state(&x->v, &r, &held);
    assert_true(held.held && held.held_was_primary && held.cron_on);
    assert_int_equal(held.epoch, 5); /* ARM alone raises it */

    held.epoch = 6;
    x->s = held;
    x->f.role = PG_RECOVERY;
    x->f.standby_signal = true;
    x->f.tli = 2;
    r = rules_guard(&x->v);
    assert_int_equal(r.row, 8);
    rules_guard_state(&x->v, &r, &free_again);
    assert_true(!free_again.held && free_again.cron_on);
    x->f.tli = 3; /* it has followed somebody: no way back by itself */
    x->f.newest_history_tli = 3;
    expect(x, 11, GUARD_HOLD);
}

/* Held, the zone's primary silent: row 10 with the word of a person for a peer that is silent, and
 * the record as another server shows it. */
static struct start *held_without_dns(void)
{
    struct start *x = start();

    x->v.d_answered = false;
    x->s.held = x->s.held_was_primary = true;
    x->s.held_tli = 1;
    x->f.role = PG_RECOVERY;
    x->f.standby_signal = true;
    STR_COPY(x->peer.seen_nonce, nonce);
    return x;
}

static void a_hold_is_released_by_word(void **unused)
{
    struct start *x = held_without_dns();

    (void)unused;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_OBEY);
    x->peer.answered = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_SILENT);
    x->peer.declared_down = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_OBEY);
    x->peer.answered = true; /* it answers: then its answer counts, whatever was said of it */
    x->peer.epoch = 6;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
    x = held_without_dns();
    STR_COPY(x->peer.seen_nonce, other_nonce);
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
    x = held_without_dns();
    x->peer.in_recovery = false; /* stopped, or not known */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &x->d), RULE_PEER_DIFFERS);
}

static void no_word_releases_anything_else(void **unused)
{
    struct start *x = held_without_dns();
    struct record shown = x->d;

    (void)unused;
    x->v.d_answered = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_ANSWERS);
    x = held_without_dns();
    x->s.fenced = x->s.fence_was_primary = true;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_FENCED);
    x = held_without_dns();
    x->s.held = false;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_HELD);
    x = held_without_dns();
    x->f.newest_history_tli = 2; /* it has left the timeline that it was held on */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_HELD);
    x = held_without_dns();
    STR_COPY(x->s.seen.nonce, other_nonce);
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_OTHER_RECORD);
    x = held_without_dns();
    shown.epoch = 4; /* the secondary lags */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_EPOCH_BELOW);
    shown = x->d;
    shown.state = REGISTER_SEIZE;
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_STATE);
    shown = x->d;
    register_from_add(&shown, "b", GRADE_NONE); /* dns set wrote it */
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_D_STATE);
    shown = x->d;
    STR_COPY(shown.owner, "b");
    assert_int_equal(rules_release_by_word(&x->v, nonce, &shown), RULE_NOT_OWNER);
}

static void guard_fence_is_remembered(void **unused)
{
    struct start *x = start();
    struct agent_state next;

    (void)unused;
    x->s.cron_on = true;
    STR_COPY(x->d.owner, "b");
    struct guard_ruling r = rules_guard(&x->v);
    rules_guard_state(&x->v, &r, &next);
    assert_true(next.fenced && next.fence_was_primary && !next.cron_on);
    assert_string_equal(next.seen.owner, "b");
    for (int row = 1; row <= 12; row++)
        assert_true(strlen(rules_guard_row_text(row)) > 0);
}

/* ---- watch --------------------------------------------------------------------------------- */

static void watch_needs_two_reads(void **unused)
{
    struct agent_state s = state_at(5);
    struct facts p = primary(), b = standby();
    struct record mine = record_of(5, REGISTER_STABLE, "a"), theirs = mine;

    (void)unused;
    STR_COPY(theirs.owner, "b");
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &mine), WATCH_NOTHING);
    assert_int_equal(rules_watch(&s, &p, "a", &mine, &theirs), WATCH_NOTHING);
    assert_int_equal(rules_watch(&s, &b, "a", &theirs, &theirs), WATCH_NOTHING);
    s.cron_on = true;
    assert_int_equal(rules_watch(&s, &b, "a", &theirs, &theirs), WATCH_CRON_OFF);
    theirs.state = REGISTER_CLAIM;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.state = REGISTER_FLIP;
    theirs.epoch = 4;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.epoch = 6;
    theirs.sysid = 8;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_NOTHING);
    theirs.sysid = 7;
    p.role = PG_UNKNOWN; /* a backend has outlived its postmaster, under a signal file made since */
    p.standby_signal = p.orphans = true;
    p.control_state = CONTROL_IN_PRODUCTION;
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    p.control_state = CONTROL_IN_ARCHIVE_RECOVERY; /* a standby's: it cannot commit */
    assert_int_not_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
    p.standby_signal = p.orphans = false;
    p.control_state = CONTROL_IN_PRODUCTION;
    p.role = PG_UNKNOWN; /* too busy to be asked, but no standby */
    assert_int_equal(rules_watch(&s, &p, "a", &theirs, &theirs), WATCH_FENCE);
}

static void reasons_are_complete(void **unused)
{
    (void)unused;
    for (int r = RULE_OBEY + 1; r < RULE_COUNT; r++) {
        assert_true(strlen(rule_code((enum rule)r)) > 0);
        assert_true(strlen(rule_text((enum rule)r)) > 0);
        assert_true(strlen(rule_hint((enum rule)r)) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admits_only_what_is_higher),
        cmocka_unit_test(arm_wants_the_named_record),
        cmocka_unit_test(fence_remembers_a_primary),
        cmocka_unit_test(fence_meets_a_promotion),
        cmocka_unit_test(promote_refuses),
        cmocka_unit_test(promote_needs_the_record),
        cmocka_unit_test(promoted_is_told_by_timelines),
        cmocka_unit_test(revoke_ends_a_promotion),
        cmocka_unit_test(unfence_only_what_was_primary),
        cmocka_unit_test(cron_on_only_on_a_writable_owner),
        cmocka_unit_test(rejoin_ends_what_it_was),
        cmocka_unit_test(guard_rows_one_to_three),
        cmocka_unit_test(guard_rows_four_to_seven),
        cmocka_unit_test(guard_rows_eight_to_eleven),
        cmocka_unit_test(guard_row_twelve),
        cmocka_unit_test(guard_releases_what_it_held),
        cmocka_unit_test(a_hold_is_released_by_word),
        cmocka_unit_test(no_word_releases_anything_else),
        cmocka_unit_test(guard_fence_is_remembered),
        cmocka_unit_test(watch_needs_two_reads),
        cmocka_unit_test(reasons_are_complete),
    };

    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
