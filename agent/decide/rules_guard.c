/* Guard and watch: docs/protocol.md, sections 6 and 2. */
#include <string.h>

#include "agent/decide/rules.h"
#include "agent/decide/rules_words.h"

/* ---- guard -------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

const char *const guard_verdict_names[] = {"standby", "refuse", "fence", "hold", "writable", NULL};

static int64_t my_epoch(const struct guard_view *v)
{
    return v->state->epoch;
}

static bool d_is(const struct guard_view *v, enum register_state state)
{
    return v->d_answered && v->d->state == (int)state;
}

static bool d_names_me(const struct guard_view *v)
{
    return v->d_answered && same(v->d->owner, v->node);
}

bool rules_held_for_good(const struct agent_state *s, const struct facts *f)
{
    return s->held && (!s->held_was_primary || rules_latest_timeline(f) > s->held_tli);
}

static bool held_for_good(const struct guard_view *v)
{
    return rules_held_for_good(v->state, v->facts);
}

/* No command yet, no ownership record: not ours to guard. A peer that obeys one says that the
 * record has been lost, and our state too. While DNS does not respond a node is held: a lost state
 * directory looks just the same. */
static bool is_uninitialised(const struct guard_view *v)
{
    for (size_t i = 0; i < v->n_peers; i++)
        if (v->peers[i].answered && v->peers[i].epoch > 0)
            return false;
    return v->state_readable && v->d_absent && my_epoch(v) == 0 && !v->state->fenced &&
           (!v->state->held || v->state->held_was_primary);
}

static bool is_uninitialised_standby(const struct guard_view *v)
{
    return is_uninitialised(v) && v->facts->standby_signal && !v->state->held;
}

static bool is_standby(const struct guard_view *v)
{
    return v->state_readable && v->facts->standby_signal && !rules_blocked(v->state) &&
           !v->state->held;
}

static bool is_fenced(const struct guard_view *v)
{
    return !v->state_readable || v->state->fenced;
}

static bool is_foreign(const struct guard_view *v)
{
    uint64_t mine = v->state->sysid;

    return !v->register_matches || (mine && ((v->facts->sysid && v->facts->sysid != mine) ||
                                             (v->d_answered && v->d->sysid != mine)));
}

static bool peer_objects(const struct guard_view *v)
{
    for (size_t i = 0; i < v->n_peers; i++)
        if (v->peers[i].answered && (v->peers[i].writable || v->peers[i].epoch > my_epoch(v)))
            return true;
    return false;
}

/* … and another node is named as the owner: by D or, if D does not respond, by what a peer last
 * saw. */
static bool peer_objects_and_names_another(const struct guard_view *v)
{
    if (!peer_objects(v))
        return false;
    if (v->d_answered)
        return v->d->epoch >= my_epoch(v) && !d_names_me(v);
    for (size_t i = 0; i < v->n_peers; i++) {
        const struct guard_peer *p = &v->peers[i];

        if (p->answered && p->seen_epoch >= my_epoch(v) && !same(p->seen_owner, v->node) &&
            (p->seen_state == REGISTER_FLIP || p->seen_state == REGISTER_STABLE))
            return true;
    }
    return false;
}

static bool d_below(const struct guard_view *v)
{
    return v->d_answered && v->d->epoch < my_epoch(v);
}

static bool d_settled_on_another(const struct guard_view *v)
{
    return v->d_answered && rules_settled_on_another(v->d, v->node);
}

static bool d_seize_or_newer(const struct guard_view *v)
{
    return v->d_answered && (v->d->state == REGISTER_SEIZE || v->d->epoch > my_epoch(v));
}

/* What rows 5 to 7 have let through is a record of our epoch; where it is flip or stable, its owner
 * is this node. */
static bool promoted_and_flip(const struct guard_view *v)
{
    return d_is(v, REGISTER_FLIP) && rules_promoted(v->state, v->facts) && !held_for_good(v);
}

bool rules_others_unproven(const struct record *d)
{
    for (size_t i = 0; i < d->n_from; i++)
        if (d->from[i].grade == GRADE_NONE)
            return true;
    return false;
}

static bool owner_as_ever(const struct guard_view *v)
{
    if (!d_names_me(v) || held_for_good(v))
        return false;
    return d_is(v, REGISTER_UNDO) ||
           ((d_is(v, REGISTER_STABLE) || d_is(v, REGISTER_CLAIM)) && !rules_others_unproven(v->d));
}

static bool cold_start(const struct guard_view *v)
{
    const struct record *seen = &v->state->seen;

    if (v->d_answered || v->n_peers == 0 || held_for_good(v))
        return false;
    if (seen->state != REGISTER_STABLE || !same(seen->owner, v->node) || seen->epoch != my_epoch(v))
        return false;
    for (size_t i = 0; i < v->n_peers; i++) {
        const struct guard_peer *p = &v->peers[i];

        if (!p->answered || !p->in_recovery || p->epoch != my_epoch(v) ||
            p->seen_state != REGISTER_STABLE || !same(p->seen_owner, v->node))
            return false;
    }
    return true;
}

static bool anything(const struct guard_view *v)
{
    (void)v;
    return true;
}

/* docs/protocol.md, section 6; first match. */
static const struct {
    int row;
    bool (*when)(const struct guard_view *v);
    enum guard_verdict verdict;
    bool alarm;
} guard_rows[] = {
    /* row  when                              verdict         alarm */
    {0, is_uninitialised_standby, GUARD_STANDBY, false},
    {0, is_uninitialised, GUARD_WRITABLE, false},
    {1, is_standby, GUARD_STANDBY, false},
    {2, is_fenced, GUARD_REFUSE, false},
    {3, is_foreign, GUARD_REFUSE, true},
    {4, peer_objects_and_names_another, GUARD_FENCE, false},
    {4, peer_objects, GUARD_HOLD, false},
    {5, d_below, GUARD_HOLD, true},
    {6, d_settled_on_another, GUARD_FENCE, false},
    {7, d_seize_or_newer, GUARD_HOLD, false},
    {8, promoted_and_flip, GUARD_WRITABLE, false},
    {9, owner_as_ever, GUARD_WRITABLE, false},
    {10, cold_start, GUARD_WRITABLE, false},
    {11, anything, GUARD_HOLD, false},
};

static const char *const guard_texts[] = {
    "there is no ownership record yet (`pgtandem dns init`): nothing is guarded",
    "it is a standby",
    "it is fenced, or its durable state cannot be read",
    "system identifier or register is not the one it belongs to",
    "another node is writable or obeys a later command",
    "the ownership record is older than what this node has seen",
    "the ownership record names another owner",
    "a transition is open that this node does not know of",
    "it was promoted, and the ownership record still says so",
    "it is the owner",
    "it was the owner, all other nodes agree, and DNS does not respond",
    "nothing permits it to be writable",
    ("recovery.signal is in its data directory: this start would be a recovery from the archive, "
     "onto a new timeline that no command asked for"),
};

/* Beside standby.signal it has no effect, and is set aside; alone it makes every start, of a node
 * that is held too, end in a promotion. A server that runs has started without it. */
static bool would_recover(const struct guard_view *v)
{
    return v->facts->role == PG_STOPPED && v->facts->recovery_signal && !v->facts->standby_signal;
}

/* Instead of writable or held, by any of the rows. */
static const struct guard_ruling recovery_refused = {
    .verdict = GUARD_REFUSE, .row = GUARD_ROW_RECOVERY, .alarm = true};

struct guard_ruling rules_guard(const struct guard_view *v)
{
    size_t i = 0;

    while (!guard_rows[i].when(v))
        i++;
    if (would_recover(v) && guard_rows[i].row != GUARD_ROW_NO_RECORD &&
        (guard_rows[i].verdict == GUARD_WRITABLE || guard_rows[i].verdict == GUARD_HOLD))
        return recovery_refused;
    return (struct guard_ruling){
        .verdict = guard_rows[i].verdict, .row = guard_rows[i].row, .alarm = guard_rows[i].alarm};
}

bool rules_guard_row(size_t i, struct guard_ruling *ret)
{
    enum { ROWS = sizeof(guard_rows) / sizeof(guard_rows[0]) };

    if (i > (size_t)ROWS)
        return false;
    *ret = i == ROWS ? recovery_refused
                     : (struct guard_ruling){.verdict = guard_rows[i].verdict,
                                             .row = guard_rows[i].row,
                                             .alarm = guard_rows[i].alarm};
    return true;
}

const char *rules_guard_row_text(int row)
{
    return row >= 0 && row <= GUARD_ROW_RECOVERY ? guard_texts[row] : "";
}

/* Cron as last commanded is kept: it returns with the release. */
static void hold(const struct guard_view *v, const struct guard_ruling *r, struct agent_state *next)
{
    next->held = true;
    next->held_row = r->row;
    if (v->state->held)
        return;
    next->held_was_primary = rules_was_primary(v->state, v->facts);
    next->held_tli = rules_latest_timeline(v->facts);
}

void rules_guard_state(const struct guard_view *v, const struct guard_ruling *r,
                       struct agent_state *next)
{
    const struct agent_state *s = v->state;

    *next = *s;
    if (r->row == GUARD_ROW_NO_RECORD) {
        rules_forget_hold(next);
        return;
    }
    if (r->verdict == GUARD_FENCE)
        rules_fence(s, v->facts, next);
    else if (r->verdict == GUARD_HOLD)
        hold(v, r, next);
    else if (r->verdict == GUARD_WRITABLE)
        rules_forget_hold(next);
    else
        next->cron_on = false;
    /* What was seen is remembered; what is obeyed is raised by ARM alone (row 7 depends on it). */
    if (v->d_answered && r->row > 3 && v->d->epoch >= s->epoch)
        next->seen = *v->d;
}

void rules_guard_decide(const struct guard_view *v, struct guard_decision *ret)
{
    struct agent_state adopted = {0};
    struct guard_view seen = *v;

    *ret = (struct guard_decision){0};
    if (!v->state_readable)
        seen.state = &adopted;
    else if (v->d_answered && rules_adopts(v->state, v->node, v->d, &adopted))
        seen.state = &adopted;
    ret->ruling = rules_guard(&seen);
    if (v->state_readable)
        rules_guard_state(&seen, &ret->ruling, &ret->next);
}

/* ---- watch -------------------------------------------------------------------------------- */

static bool replaced(const struct agent_state *s, const char *node, const struct record *d)
{
    return rules_settled_on_another(d, node) && d->epoch >= s->epoch && d->sysid == s->sysid;
}

static bool in_recovery(int control_state)
{
    return control_state == CONTROL_IN_ARCHIVE_RECOVERY ||
           control_state == CONTROL_SHUTDOWNED_IN_RECOVERY;
}

/* Writable, or on the way there: a server too busy to be asked is no standby for that. A process
 * that has outlived its postmaster commits as before, whatever signal files say since. */
static bool may_write(const struct facts *f)
{
    return f->role == PG_WRITABLE || (f->orphans && !in_recovery(f->control_state)) ||
           ((f->role == PG_UNKNOWN || f->role == PG_STARTING) && !f->standby_signal);
}

enum watch_verdict rules_watch(const struct agent_state *s, const struct facts *f, const char *node,
                               const struct record *first, const struct record *second)
{
    if (!replaced(s, node, first) || !replaced(s, node, second))
        return WATCH_NOTHING;
    if (may_write(f))
        return WATCH_FENCE;
    return s->cron_on ? WATCH_CRON_OFF : WATCH_NOTHING;
}
