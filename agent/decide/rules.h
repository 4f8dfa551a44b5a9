/*
 * What an agent may do: pure functions of durable state, request, ownership record and the facts
 * about PostgreSQL (docs/protocol.md, sections 2 and 6). No I/O, no clock, no log: tests/sim links
 * this very object and plays it exhaustively.
 *
 * A verb is carried out as: rules_admit -> (rules_X: refuse, or the state to persist) -> persist ->
 * re-read D where the verb needs it -> rules_X_permitted -> act -> observe -> rules_X_done ->
 * persist. Each function returns RULE_OBEY or the reason for refusing; *next is written only on
 * RULE_OBEY.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/state/state.h"

/* id, error code's name (base/err.h), what a person reads, what to do next */
#define RULE_REASONS(X)                                                                            \
    X(RULE_STALE, "stale", "an older command: this node already obeys a later one",                \
      "look at `pgtandem status`: another command has taken over")                                 \
    X(RULE_NONCE, "stale", "the ownership record is not the one that the request names",           \
      "another command has changed it: look at `pgtandem status`")                                 \
    X(RULE_EPOCH_BELOW, "register", "the ownership record is older than what this node has seen",  \
      "the zone may have been restored from a backup: `pgtandem dns show`, docs/operating.md")     \
    X(RULE_FOREIGN, "register", "the ownership record belongs to another system identifier",       \
      "check alias and zone in the configuration")                                                 \
    X(RULE_NOT_OWNER, "refused", "the ownership record names another owner",                       \
      "nothing to do here: this node may not become writable")                                     \
    X(RULE_D_STATE, "refused", "the ownership record is in a state that does not permit this",     \
      "look at `pgtandem status`")                                                                 \
    X(RULE_FENCED, "refused", "this node is fenced", "`pgtandem rejoin` or `pgtandem unfence`")    \
    X(RULE_NOT_FENCED, "refused", "this node is not fenced", "nothing to do")                      \
    X(RULE_NEVER_PRIMARY, "refused", "this node was not primary when it was fenced",               \
      "`pgtandem rejoin` starts it as a standby")                                                  \
    X(RULE_HELD, "refused", "this node is held by its guard", "`pgtandem status` says why")        \
    X(RULE_REVOKED, "refused", "this promotion has been revoked", "look at `pgtandem status`")     \
    X(RULE_NOT_STANDBY, "refused", "PostgreSQL is not running as a standby here",                  \
      "look at PostgreSQL's log on this node")                                                     \
    X(RULE_NOT_WRITABLE, "refused", "PostgreSQL is not writable here",                             \
      "scheduled jobs start only on the primary")                                                  \
    X(RULE_PROMOTING, "refused", "a promotion is recorded here", "`pgtandem resume`")              \
    X(RULE_PROMOTED, "refused", "promoted: forward only", "`pgtandem resume`")                     \
    X(RULE_RUNNING, "refused", "PostgreSQL is running here", "stop it first")                      \
    X(RULE_ORPHANS, "refused", "processes of a dead postmaster live on here and may still commit", \
      "`pgtandem fence` ends them, then run the command again")                                    \
    X(RULE_NOT_HELD, "refused", "this node is not held as the primary that it was",                \
      "`pgtandem-agent status` on the node says what keeps it from writing")                       \
    X(RULE_D_ANSWERS, "refused",                                                                   \
      "the zone's primary answers this node: its guard decides by that",                           \
      "look at `pgtandem status` again in a few seconds")                                          \
    X(RULE_OTHER_RECORD, "refused",                                                                \
      "the record that the secondary shows is not the last that this node has seen",               \
      "only the zone's primary decides which of them holds: bring it back")                        \
    X(RULE_PEER_DIFFERS, "refused",                                                                \
      "a peer that answers is not a standby that has last seen the same record",                   \
      "`pgtandem status` shows which; else bring the zone's primary back")                         \
    X(RULE_PEER_SILENT, "refused", "a peer does not respond, and no statement about it was given", \
      "make sure that it is down, then run the command again with --accept-unfenced NODE")         \
    X(RULE_STATE_BAD, "refused", "this agent's durable state cannot be read",                      \
      "see `pgtandem-agent status` on the node")

enum rule {
    RULE_OBEY = 0,
#define X(id, code, text, hint) id,
    RULE_REASONS(X)
#undef X
        RULE_COUNT
};
const char *rule_code(enum rule r);
const char *rule_text(enum rule r);
const char *rule_hint(enum rule r);

/* The facts about PostgreSQL and its files that rules look at. */
struct facts {
    enum pg_role role;
    bool orphans; /* no postmaster, but processes of it live on, or may: not stopped */
    bool standby_signal, recovery_signal;
    int control_state; /* enum pg_control_state */
    int64_t control_tli;
    int64_t tli; /* of the running server; 0 unknown */
    int64_t newest_history_tli;
    uint64_t sysid; /* of the data directory; 0 unreadable */
};

struct facts rules_facts(const struct obs_pg *pg); /* out of a look */

/* A node that never obeyed a command takes over what a stable record says of it: its epoch, and for
 * the owner that its jobs are on. Without this, an existing cluster could not be adopted: its owner
 * would be held at its first reboot (guard, row 7). True: *next is to be persisted. */
bool rules_adopts(const struct agent_state *s, const char *node, const struct record *d,
                  struct agent_state *next);

/* Is what was PROMOTING promoted? Running: not in recovery. Stopped: pg_control or a history file
 * shows a timeline above the one it came from (a hold's own signal file does not count). */
bool rules_promoted(const struct agent_state *s, const struct facts *f);

/* (epoch, seq) higher than the last? *next has them. Every changing verb starts here. */
enum rule rules_admit(const struct agent_state *s, int64_t epoch, int64_t seq,
                      struct agent_state *next);

/* ARM: D as read now must be of this epoch and nonce, ours, and not below what we know. */
enum rule rules_arm(const struct agent_state *s, int64_t epoch, int64_t seq, const char *nonce,
                    const char *txn, const struct record *d, struct agent_state *next);

/* FENCE: always obeyed once admitted; remembers whether it was primary. */
enum rule rules_fence(const struct agent_state *s, const struct facts *f, struct agent_state *next);
/* … and after the stop: a promotion may have ended between the look and the stop; then it was
 * primary after all, or no UNFENCE could ever give it the role back. */
enum rule rules_fence_done(const struct agent_state *s, const struct facts *f,
                           struct agent_state *next);
/* observed: stopped as required (seize: `immediate`, no postmaster is enough), signal file there */
bool rules_fence_observed(const struct agent_state *s, const struct facts *f, bool immediate);

/* PROMOTE: intent (persists PROMOTING), then permission by D re-read, then done. */
enum rule rules_promote(const struct agent_state *s, const struct facts *f, int64_t epoch,
                        const char *txn, struct agent_state *next);
enum rule rules_promote_permitted(const struct agent_state *s, const char *node, const char *nonce,
                                  const struct record *d);
enum rule rules_promote_done(const struct agent_state *s, const struct facts *f,
                             struct agent_state *next);

/* REVOKE: persist REVOKED first, then what there is to do. */
enum revoke_work { REVOKE_NOTHING, REVOKE_UNDO_PROMOTION, REVOKE_TOO_LATE };
enum rule rules_revoke(const struct agent_state *s, int64_t epoch, struct agent_state *next);
enum revoke_work rules_revoke_work(const struct agent_state *s, const struct facts *f);
/* observed: standby.signal, "shut down in recovery" on the old timeline, no newer history file */
bool rules_revoke_observed(const struct agent_state *s, const struct facts *f);
enum rule rules_revoke_done(const struct agent_state *s, struct agent_state *next);

/* UNFENCE: permission by D re-read (owner = me, named nonce; claim, seize, undo or stable), then
 * done (mark cleared). `d_was_before` is not needed: the nonce names the very record. */
enum rule rules_unfence_permitted(const struct agent_state *s, const char *node, const char *nonce,
                                  const struct record *d);
enum rule rules_unfence_done(const struct agent_state *s, struct agent_state *next);

/* CRON_OFF is always obeyed; CRON_ON re-reads D and requires this node writable and unfenced. */
enum rule rules_cron_off(const struct agent_state *s, struct agent_state *next);
enum rule rules_cron_on_permitted(const struct agent_state *s, const struct facts *f,
                                  const char *node, const char *nonce, const struct record *d,
                                  struct agent_state *next);

/* REJOIN: a fenced (or stopped) non-owner may start as a standby; the fence becomes standby-only.
 */
enum rule rules_rejoin(const struct agent_state *s, const struct facts *f, const char *node,
                       const struct record *d, struct agent_state *next);

/* DETACH, FOLLOW: a standby only. */
enum rule rules_standby_only(const struct agent_state *s, const struct facts *f);

/* ---- guard (section 6) -------------------------------------------------------------------- */

struct guard_peer {
    bool answered;
    bool writable;
    bool in_recovery;
    int64_t epoch;
    int64_t seen_epoch;               /* the last D it saw: epoch, */
    int seen_state;                   /* state, */
    char seen_owner[NODE_NAME_BYTES]; /* owner, */
    char seen_nonce[NONCE_BYTES];     /* nonce */
    bool declared_down;               /* a person typed its name (rules_release_by_word) */
};

struct guard_view {
    const char *node; /* me */
    bool state_readable;
    const struct agent_state *state;
    const struct facts *facts;
    bool register_matches;  /* the state's register is the configured one */
    bool d_answered;        /* the zone's primary, signed */
    bool d_absent;          /* … and it has no ownership record at all */
    const struct record *d; /* when d_answered; epoch -1 when there is no valid one */
    const struct guard_peer *peers;
    size_t n_peers; /* all that are configured */
};

enum guard_verdict {
    GUARD_STANDBY,  /* start as standby, cron off */
    GUARD_REFUSE,   /* signal file, cron off, do not start (fenced already, or foreign: alarm) */
    GUARD_FENCE,    /* persist the fence, then as GUARD_REFUSE */
    GUARD_HOLD,     /* persist HELD, signal file, cron off, start read-only */
    GUARD_WRITABLE, /* start writable; cron as last commanded */
};
extern const char *const guard_verdict_names[];

enum { GUARD_ROW_NO_RECORD, GUARD_ROW_UNREADABLE = 2, GUARD_ROW_ELSE = 11, GUARD_ROW_RECOVERY };
struct guard_ruling {
    enum guard_verdict verdict;
    int row; /* 0 … 12 of the table in docs/protocol.md, section 6 */
    bool alarm;
};
struct guard_ruling rules_guard(const struct guard_view *v);
const char *rules_guard_row_text(int row); /* why, for people */
/* The table's line `i` as it rules, for whoever prints it; false behind the last. */
bool rules_guard_row(size_t i, struct guard_ruling *ret);

/* The state to persist for a verdict; of a readable one. */
void rules_guard_state(const struct guard_view *v, const struct guard_ruling *r,
                       struct agent_state *next);

/* The whole of it: what a node that was never commanded adopts, the table, the state to persist.
 * `next` is zero where the state is not readable (v->state is not looked at then). */
struct guard_decision {
    struct guard_ruling ruling;
    struct agent_state next;
};
void rules_guard_decide(const struct guard_view *v, struct guard_decision *ret);

/* UNFENCE of a held owner while the zone's primary does not respond (section 6, "By a person's
 * word"): as row 10, but that a silent peer may have been declared down, and that another server
 * of the zone still shows `shown`, the very record that this node and every peer that answers saw
 * last. `nonce`: the one that the request names. */
enum rule rules_release_by_word(const struct guard_view *v, const char *nonce,
                                const struct record *shown);

/* ---- watch (section 2) -------------------------------------------------------------------- */

enum watch_verdict { WATCH_NOTHING, WATCH_FENCE, WATCH_CRON_OFF };

/* Two signed reads a moment apart: flip or stable, another owner, epoch not below ours, our sysid.
 * A writable node fences itself, any node turns its cron off, a standby is never stopped. */
enum watch_verdict rules_watch(const struct agent_state *s, const struct facts *f, const char *node,
                               const struct record *first, const struct record *second);
