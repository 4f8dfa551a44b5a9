#include "agent/decide/rules.h"

#include <string.h>

#include "agent/decide/rules_words.h"
#include "base/str.h"

static const struct {
    const char *code, *text, *hint;
} reasons[RULE_COUNT] = {{"ok", "", ""},
#define X(id, code, text, hint) {code, text, hint},
                         RULE_REASONS(X)
#undef X
};

const char *rule_code(enum rule r)
{
    return reasons[r].code;
}

const char *rule_text(enum rule r)
{
    return reasons[r].text;
}

const char *rule_hint(enum rule r)
{
    return reasons[r].hint;
}

/* ---- what the words mean ------------------------------------------------------------------ */

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool rules_blocked(const struct agent_state *s)
{
    return s->fenced && !s->fence_standby_only;
}

bool rules_settled_on_another(const struct record *d, const char *node)
{
    return (d->state == REGISTER_FLIP || d->state == REGISTER_STABLE) && !same(d->owner, node);
}

bool rules_was_primary(const struct agent_state *s, const struct facts *f)
{
    if (s->held)
        return s->held_was_primary;
    if (f->role == PG_WRITABLE || f->role == PG_RECOVERY)
        return f->role == PG_WRITABLE;
    return !f->standby_signal && f->control_state != CONTROL_SHUTDOWNED_IN_RECOVERY &&
           f->control_state != CONTROL_IN_ARCHIVE_RECOVERY;
}

static int64_t timeline(const struct facts *f)
{
    return f->tli ? f->tli : f->control_tli;
}

int64_t rules_latest_timeline(const struct facts *f)
{
    int64_t tli = timeline(f);

    if (f->control_tli > tli)
        tli = f->control_tli;
    return f->newest_history_tli > tli ? f->newest_history_tli : tli;
}

struct facts rules_facts(const struct obs_pg *pg)
{
    return (struct facts){
        .role = (enum pg_role)pg->role,
        .orphans = pg->orphans != 0,
        .standby_signal = pg->standby_signal,
        .recovery_signal = pg->recovery_signal,
        .control_state = pg->control_state,
        .control_tli = pg->control_tli,
        .tli = pg->tli,
        .newest_history_tli = pg->newest_history_tli,
        .sysid = pg->sysid,
    };
}

bool rules_adopts(const struct agent_state *s, const char *node, const struct record *d,
                  struct agent_state *next)
{
    if (s->epoch != 0 || s->seq != 0 || s->fenced || d->epoch <= 0 || d->state != REGISTER_STABLE ||
        s->sysid == 0 || d->sysid != s->sysid)
        return false;
    *next = *s;
    next->epoch = d->epoch;
    next->seen = *d;
    next->cron_on = strcmp(d->owner, node) == 0;
    return true;
}

bool rules_promoted(const struct agent_state *s, const struct facts *f)
{
    int64_t from = s->promoting_tli;

    return s->promoting && (f->role == PG_WRITABLE || f->tli > from || f->control_tli > from ||
                            f->newest_history_tli > from);
}

/* D as re-read for an unsafe act: ours, not older than what we obey, and the very one that the
 * request names. */
static enum rule named(const struct agent_state *s, const char *nonce, const struct record *d)
{
    if (s->sysid && d->sysid != s->sysid)
        return RULE_FOREIGN;
    if (d->epoch < s->epoch)
        return RULE_EPOCH_BELOW;
    if (d->epoch > s->epoch || !same(d->nonce, nonce))
        return RULE_NONCE;
    return RULE_OBEY;
}

enum rule rules_named_owner(const struct agent_state *s, const char *node, const char *nonce,
                            const struct record *d)
{
    enum rule r = named(s, nonce, d);

    if (r == RULE_OBEY && !same(d->owner, node))
        r = RULE_NOT_OWNER;
    return r;
}

/* ---- verbs -------------------------------------------------------------------------------- */

enum rule rules_admit(const struct agent_state *s, int64_t epoch, int64_t seq,
                      struct agent_state *next)
{
    if (epoch < s->epoch || (epoch == s->epoch && seq <= s->seq))
        return RULE_STALE;
    *next = *s;
    next->epoch = epoch;
    next->seq = seq;
    return RULE_OBEY;
}

enum rule rules_arm(const struct agent_state *s, int64_t epoch, int64_t seq, const char *nonce,
                    const char *txn, const struct record *d, struct agent_state *next)
{
    struct agent_state armed;
    enum rule r = rules_admit(s, epoch, seq, &armed);

    if (r == RULE_OBEY)
        r = d->epoch < s->epoch ? RULE_EPOCH_BELOW : named(&armed, nonce, d);
    /* the record is older than the command that names it: not a restored zone, a lagging server */
    if (r == RULE_EPOCH_BELOW && d->epoch >= s->epoch)
        r = RULE_NONCE;
    if (r != RULE_OBEY)
        return r;
    STR_COPY(armed.txn, txn);
    armed.seen = *d;
    armed.boot_epoch = epoch;
    *next = armed;
    return RULE_OBEY;
}

enum rule rules_fence(const struct agent_state *s, const struct facts *f, struct agent_state *next)
{
    struct agent_state n = *s;

    /* A second FENCE keeps what the first one saw, unless PostgreSQL has come up writable since. */
    if (!s->fenced || f->role == PG_WRITABLE) {
        n.fence_was_primary = rules_was_primary(s, f);
        n.fence_tli = timeline(f);
        n.fence_lsn = 0;
    }
    n.fenced = true;
    n.fence_standby_only = false;
    n.fence_epoch = s->epoch;
    n.held = false;
    n.cron_on = false;
    *next = n;
    return RULE_OBEY;
}

enum rule rules_fence_done(const struct agent_state *s, const struct facts *f,
                           struct agent_state *next)
{
    bool recovery = f->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY ||
                    f->control_state == CONTROL_IN_ARCHIVE_RECOVERY ||
                    f->control_state == CONTROL_UNREADABLE;

    *next = *s;
    if (rules_promoted(s, f) && !recovery) {
        next->fence_was_primary = true;
        next->fence_tli = rules_latest_timeline(f);
    }
    return RULE_OBEY;
}

bool rules_fence_observed(const struct agent_state *s, const struct facts *f, bool immediate)
{
    return rules_blocked(s) && f->standby_signal && f->role == PG_STOPPED && !f->orphans &&
           (immediate || f->control_state == CONTROL_SHUTDOWNED ||
            f->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY);
}

enum rule rules_promote(const struct agent_state *s, const struct facts *f, int64_t epoch,
                        const char *txn, struct agent_state *next)
{
    bool promoted = rules_promoted(s, f);

    if (rules_blocked(s))
        return RULE_FENCED;
    if (s->held)
        return RULE_HELD;
    if (s->revoked && s->revoked_epoch >= epoch)
        return RULE_REVOKED;
    if (f->role != PG_RECOVERY && !(f->role == PG_WRITABLE && promoted))
        return RULE_NOT_STANDBY;
    *next = *s;
    next->promoting = true;
    next->promoting_epoch = epoch;
    STR_COPY(next->promoting_txn, txn);
    if (!promoted) /* else the timeline it came from is the one recorded the first time */
        next->promoting_tli = timeline(f);
    /* What rejoin left ends here: from now on standby.signal and PROMOTING say all there is to say,
     * and a restart right after the promotion must not find a fence (guard, row 2). */
    next->fenced = false;
    next->fence_standby_only = false;
    return RULE_OBEY;
}

enum rule rules_promote_permitted(const struct agent_state *s, const char *node, const char *nonce,
                                  const struct record *d)
{
    enum rule r = rules_named_owner(s, node, nonce, d);

    if (r != RULE_OBEY)
        return r;
    if (d->state != REGISTER_FLIP)
        return RULE_D_STATE;
    if (s->revoked && s->revoked_epoch >= s->promoting_epoch)
        return RULE_REVOKED;
    return s->promoting && s->promoting_epoch == d->epoch ? RULE_OBEY : RULE_NONCE;
}

enum rule rules_promote_done(const struct agent_state *s, const struct facts *f,
                             struct agent_state *next)
{
    if (f->role != PG_WRITABLE || f->standby_signal || f->tli <= s->promoting_tli)
        return RULE_NOT_WRITABLE;
    /* PROMOTING stays: until D is stable it is what lets the guard start this node (row 8) */
    *next = *s;
    next->upstream = (struct upstream){.node = ""};
    return RULE_OBEY;
}

enum rule rules_revoke(const struct agent_state *s, int64_t epoch, struct agent_state *next)
{
    *next = *s;
    next->revoked = true;
    if (next->revoked_epoch < epoch)
        next->revoked_epoch = epoch;
    return RULE_OBEY;
}

enum revoke_work rules_revoke_work(const struct agent_state *s, const struct facts *f)
{
    if (!s->promoting)
        return REVOKE_NOTHING;
    return rules_promoted(s, f) ? REVOKE_TOO_LATE : REVOKE_UNDO_PROMOTION;
}

bool rules_revoke_observed(const struct agent_state *s, const struct facts *f)
{
    return f->role == PG_STOPPED && !f->orphans && f->standby_signal &&
           f->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY &&
           f->control_tli <= s->promoting_tli && f->newest_history_tli <= s->promoting_tli;
}

static void forget_promotion(struct agent_state *s)
{
    s->promoting = false;
    s->promoting_epoch = 0;
    s->promoting_txn[0] = '\0';
    s->promoting_tli = 0;
}

enum rule rules_revoke_done(const struct agent_state *s, struct agent_state *next)
{
    *next = *s;
    forget_promotion(next);
    return RULE_OBEY;
}

enum rule rules_unfence_permitted(const struct agent_state *s, const char *node, const char *nonce,
                                  const struct record *d)
{
    enum rule r = rules_named_owner(s, node, nonce, d);

    if (r != RULE_OBEY)
        return r;
    if (d->state == REGISTER_FLIP)
        return RULE_D_STATE;
    if (s->fenced)
        return s->fence_was_primary && !s->fence_standby_only ? RULE_OBEY : RULE_NEVER_PRIMARY;
    if (s->held)
        return s->held_was_primary ? RULE_OBEY : RULE_NEVER_PRIMARY;
    /* neither: the signal file here is not ours to remove */
    return RULE_NOT_FENCED;
}

static void forget_fence(struct agent_state *s)
{
    s->fenced = s->fence_standby_only = s->fence_was_primary = false;
    s->fence_tli = s->fence_epoch = s->fence_wall_ms = 0;
    s->fence_lsn = 0;
    s->fence_by[0] = s->fence_reason[0] = '\0';
}

void rules_forget_hold(struct agent_state *s)
{
    s->held = s->held_was_primary = false;
    s->held_tli = s->held_row = 0;
}

enum rule rules_unfence_done(const struct agent_state *s, struct agent_state *next)
{
    *next = *s;
    forget_fence(next);
    rules_forget_hold(next);
    return RULE_OBEY;
}

enum rule rules_cron_off(const struct agent_state *s, struct agent_state *next)
{
    *next = *s;
    next->cron_on = false;
    return RULE_OBEY;
}

enum rule rules_cron_on_permitted(const struct agent_state *s, const struct facts *f,
                                  const char *node, const char *nonce, const struct record *d,
                                  struct agent_state *next)
{
    enum rule r = rules_named_owner(s, node, nonce, d);

    if (r != RULE_OBEY)
        return r;
    if (d->state == REGISTER_SEIZE)
        return RULE_D_STATE;
    if (s->fenced)
        return RULE_FENCED;
    if (s->held)
        return RULE_HELD;
    if (f->role != PG_WRITABLE)
        return RULE_NOT_WRITABLE;
    *next = *s;
    next->cron_on = true;
    return RULE_OBEY;
}

enum rule rules_rejoin(const struct agent_state *s, const struct facts *f, const char *node,
                       const struct record *d, struct agent_state *next)
{
    if (s->sysid && d->sysid != s->sysid)
        return RULE_FOREIGN;
    if (d->epoch < s->epoch)
        return RULE_EPOCH_BELOW;
    if (d->epoch > s->epoch)
        return RULE_NONCE;
    if (same(d->owner, node)) /* the owner does not follow anybody */
        return RULE_D_STATE;
    /* an operation of its own at stable (section 4); in seize for the target alone (section 5) */
    if (d->state != REGISTER_STABLE && !(d->state == REGISTER_SEIZE && same(d->to, node)))
        return RULE_D_STATE;
    if (f->role == PG_WRITABLE)
        return RULE_RUNNING;
    if (f->orphans)
        return RULE_ORPHANS;
    *next = *s;
    next->fenced = true;
    next->fence_standby_only = true;
    next->fence_was_primary = false; /* it leaves its old timeline: UNFENCE is over */
    next->cron_on = false;
    rules_forget_hold(next);
    forget_promotion(next);
    return RULE_OBEY;
}

enum rule rules_standby_only(const struct agent_state *s, const struct facts *f)
{
    if (rules_blocked(s))
        return RULE_FENCED;
    if (s->held)
        return RULE_HELD;
    if (s->promoting)
        return RULE_PROMOTING;
    return f->role == PG_RECOVERY ? RULE_OBEY : RULE_NOT_STANDBY;
}
