/*
 * What to do next: one pure function over (command, record, agents, what this run knows). A planned
 * switchover, a failover, `resume` and `abort` are the same loop:
 *
 *     look -> planner_next -> STEP: act, look, planner_note -> …  until DONE or STOP
 *
 * Observation outranks the journal: every decision is made from the view, so that any controller
 * with an empty journal reaches the same end (docs/protocol.md, section 7). The marks are what no
 * look can show: what this very run has written, tried or verified, and what a person has stated.
 *
 * No I/O, no clock, no memory of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/decide/steps.h"
#include "dnsupdate/register.h"
#include "proto/lineage.h"
#include "proto/messages.h"

enum planner_command {
    PLANNER_SWITCHOVER,
    PLANNER_FAILOVER,
    PLANNER_RESUME,
    PLANNER_ABORT,
    PLANNER_UNFENCE, /* the owner, at stable */
    PLANNER_FENCE,   /* view.to, at stable */
    PLANNER_REJOIN,  /* view.to, at stable, same epoch */
    PLANNER_FORGET,  /* view.to, at stable: lost for good */
    PLANNER_COMMANDS
};

/* One node as last heard. If it does not respond now: its last answer, with `answered` cleared. */
struct planner_node {
    char name[NODE_NAME_BYTES];
    bool answered; /* in the latest look */
    bool state_ok; /* durable state readable (if not, it never counts as fenced) */
    bool sysid_ok; /* its data directory is of this cluster (true if it cannot be read) */
    int64_t epoch; /* highest it obeys, as last heard; 0 never heard.
                             == d.epoch: an answer given after that epoch's compare-and-swap */
    enum pg_role role;
    bool orphans; /* its postmaster is gone, processes of it live on and may commit */
    bool fenced, standby_only, was_primary;
    bool held;
    bool promoting;
    int64_t promoting_epoch;
    bool promoted;         /* that promotion has taken place: there is no way back */
    int64_t revoked_epoch; /* 0 never */
    bool cron_on;  /* commanded on and every managed entry on (none managed: commanded on) */
    bool cron_off; /* commanded off, no managed entry on, no managed job running */
    bool signal;   /* standby.signal is in its data directory */
    bool clean;    /* stopped, pg_control "shut down" */
    uint64_t shutdown_lsn; /* durable, at the fence: pg_control's checkpoint location; 0 unknown */
    uint64_t control_lsn;  /* pg_control's checkpoint location now */
    int64_t tli;           /* timeline: running, else pg_control's */
    int64_t newest_tli;    /* highest it knows of: running, pg_control, history files */
    int64_t control_tli;
    uint64_t receive_lsn, replay_lsn, insert_lsn;
    bool receiving;          /* a walreceiver is active */
    bool streams_from_owner; /* … from the node that d names as owner, by address */
    bool attached;   /* the owner's own walsender says so too, past the owner's last checkpoint */
    bool history_ok; /* its timeline is the owner's or an ancestor that it left rightly */
    bool branched;   /* promoted by hand: a branch of the owner's timeline … */
    uint64_t branch_at; /* … which it left here */
    struct lineage wal; /* what it has beside the owner: LINEAGE_BEYOND was measured */
    bool seen_writable; /* latest evidence: somebody else sees it writable */
    bool saw_d;         /* the last record that it saw is d (asked while d_elsewhere) */
};

/* What this run knows beside the view. All zero at the start; only planner_note and planner_wrote
 * change it, and the engine for what a person gives (the command, at given_epoch; accepted; turned
 * by Ctrl-C). */
struct planner_marks {
    int64_t given_epoch; /* the record's at the look on which the command was given, its first; 0:
                            that showed none, or this run holds the record by now */
    int64_t epoch;       /* of the record that we hold; 0 we hold none */
    char nonce[NONCE_BYTES];       /* of our last UPDATE that is known to have been applied */
    uint64_t done;                 /* bit per enum step_id: done at this epoch */
    uint64_t failed, failed_again; /* … failed once, twice at this epoch */
    enum step_id last_failed;      /* STEP_NONE: nothing failed */
    bool last_unknown;             /* … and it is not known whether it happened */
    bool late_flip;     /* a FLIP of ours may still arrive: a compare-and-swap comes first */
    bool turned;        /* a switchover that undoes itself */
    bool declined;      /* a person said no */
    bool lost;          /* a compare-and-swap found another record */
    uint32_t unsettled; /* bit per node: a request to it may still arrive late */
    uint32_t arm_failed, follow_failed, rejoin_failed; /* bit per node */
    uint32_t cut;                                      /* bit per node: G2 verified by this run */
    uint32_t accepted;                                 /* bit per node: typed --accept-unfenced */
    bool less_accepted; /* typed: what others have beyond a hand promotion's branch stays behind */
    bool undone;        /* this run wrote stable on the way back */
    bool finished;      /* this run wrote stable on the way forward */
    bool began;         /* this run has changed something (claim, seize, takeover) */
    bool touched; /* … or an agent was asked to: "nothing has been changed" cannot be said */
    uint64_t verified_shutdown_lsn, verified_replay_lsn; /* STEP_VERIFY: the certificate */
};

struct planner_view {
    enum planner_command command;
    int to;            /* the node that the command names; -1 none */
    bool cut_possible; /* a G2 hook is configured */
    bool rejoin;       /* run STEP_REJOIN after STABLE (switchover) */
    uint64_t sysid;    /* the nodes' own; the record's, if one of them has that; 0 any */
    bool d_answered;   /* the zone's primary answered the latest look */
    bool d_elsewhere;  /* it does not respond, but another server of the zone shows d, signed */
    struct record d;   /* as read; when silent: the last that we read or wrote (epoch 0: never) */
    size_t n_nodes;
    struct planner_node nodes[CLUSTER_NODES_MAX];
    struct planner_marks marks;
};

enum planner_move_kind { MOVE_STEP, MOVE_DONE, MOVE_STOP };

/* id, what happened, what to do next. %s is the node of the move. */
#define PLANNER_REASONS(X)                                                                         \
    X(WHY_NONE, "", "")                                                                            \
    X(WHY_FORWARD, "the role is on %s", "")                                                        \
    X(WHY_UNDONE, "rolled back: %s is the owner as before",                                        \
      "`pgtandem show` has the step that failed and why; then the same command again")             \
    X(WHY_NOTHING, "nothing is open", "")                                                          \
    X(WHY_SETTLED, "settled: %s is the owner and runs", "")                                        \
    X(WHY_FENCED, "%s is fenced", "`pgtandem unfence` takes it back")                              \
    X(WHY_REJOINED, "%s is a standby of the owner", "")                                            \
    X(WHY_FORGOTTEN, "%s is forgotten: out of the record, its slot dropped",                       \
      "remove its section from pgtandem.conf, and it from the agents' peers")                      \
    X(WHY_NOT_LOST, "%s answers: it is not lost, and nothing has been changed",                    \
      "`pgtandem rejoin %s`, or stop its host for good first")                                     \
    X(WHY_CRON_OWED, "the role is on %s, but its scheduled jobs are not on", "`pgtandem resume`")  \
    X(WHY_PREFLIGHT, "a check refused; nothing has been changed", "correct what the check names")  \
    X(WHY_DECLINED, "declined", "nothing was done after the question")                             \
    X(WHY_NO_RECORD, "there is no ownership record", "`pgtandem dns init`")                        \
    X(WHY_RECORD_GONE, "there is no valid ownership record, though %s has seen one",               \
      "`pgtandem dns show` has the line that writes it again")                                     \
    X(WHY_DNS_SILENT, "the zone's primary does not respond, so nothing more is changed",           \
      "bring DNS back, then `pgtandem resume` (or `abort`)")                                       \
    X(WHY_DNS_SILENT_AT_FIRST, "the zone's primary does not respond; nothing has been changed",    \
      "`pgtandem dns show`; restore DNS, then run the same command again")                         \
    X(WHY_OPEN, "another transition is open",                                                      \
      "`pgtandem status` names who holds it; `pgtandem resume` or `abort`")                        \
    X(WHY_LOST, "another command claimed the record first", "`pgtandem status` names it")          \
    X(WHY_DISPLACED, "another command has taken over",                                             \
      "`pgtandem status` names it; do nothing here")                                               \
    X(WHY_CLAIM_UNKNOWN, "it is not known whether the record was written",                         \
      "`pgtandem status`, once DNS responds; if it is there: `pgtandem abort`, or `resume`")       \
    X(WHY_EPOCH_BELOW, "the ownership record is older than what %s has seen (a restored zone?)",   \
      "`pgtandem dns show`, then docs/operating.md")                                               \
    X(WHY_FOREIGN, "the ownership record belongs to another system identifier",                    \
      "check alias and zone; `pgtandem dns show`")                                                 \
    X(WHY_UNKNOWN_NODE, "the ownership record names a node that the configuration does not have",  \
      "complete the configuration, or `pgtandem dns show`")                                        \
    X(WHY_TWO_WRITABLE, "%s and another node are both writable; nothing has been changed",         \
      "docs/two-writable.md")                                                                      \
    X(WHY_OWNER_IS_TO, "%s is the owner already", "`pgtandem resume` if a transition is open")     \
    X(WHY_OWNER_SILENT, "the owner %s does not respond", "bring it back, or `pgtandem failover`")  \
    X(WHY_TO_SILENT, "the target %s does not respond",                                             \
      "bring it back and `pgtandem resume`, or `pgtandem abort`")                                  \
    X(WHY_NEW_OWNER_SILENT, "the new owner %s does not respond",                                   \
      "bring it back and `pgtandem resume`, or `pgtandem failover --to` another node, fencing it") \
    X(WHY_NEW_OWNER_DOWN, "PostgreSQL is not running as a standby on %s",                          \
      "start it there, then `pgtandem resume`, or `pgtandem abort`")                               \
    X(WHY_PROMOTED_DOWN, "%s has been promoted, and PostgreSQL does not serve there",              \
      "start it there, then `pgtandem resume`; there is no way back")                              \
    X(WHY_SEEN_WRITABLE, "%s is seen writable",                                                    \
      "it is not lost: see that its agent answers here, then `pgtandem switchover`")               \
    X(WHY_NO_GRADE, "%s does not respond and nothing proves that it cannot write",                 \
      "stop it for certain and `pgtandem resume --accept-unfenced %s`")                            \
    X(WHY_NO_GRADE_YET, "%s does not respond and nothing proves that it cannot write",             \
      "stop it for certain and run the command again with --accept-unfenced %s")                   \
    X(WHY_NOT_MOST_WAL, "another standby has more WAL than %s",                                    \
      "`pgtandem failover --to` that one; if %s was promoted by hand: `pgtandem plan --failover "  \
      "--to %s` shows what would stay behind")                                                     \
    X(WHY_LEFT_BEHIND,                                                                             \
      "%s was promoted by hand before it had all of the owner's WAL that another standby has; "    \
      "nothing has been changed",                                                                  \
      "the loss statement shows how much would stay where; to accept that, run the command again " \
      "with --ignore most-wal")                                                                    \
    X(WHY_TIMELINE,                                                                                \
      "%s is not on the owner's timeline history, or its next timeline ID is used already",        \
      "choose another target, or rebuild it")                                                      \
    X(WHY_TO_UNFIT, "%s cannot become the primary: it is not a running standby of this cluster",   \
      "choose another target")                                                                     \
    X(WHY_FORWARD_ONLY, "%s has been promoted: the only way is forward", "`pgtandem resume`")      \
    X(WHY_NO_WAY_BACK, "%s cannot be made the owner again",                                        \
      "`pgtandem resume`, or `pgtandem failover --to` another node")                               \
    X(WHY_NO_CLEAN_STOP,                                                                           \
      "%s is fenced, but not by a clean stop: it cannot be proven that no commit is lost",         \
      "`pgtandem abort` gives it its role back")                                                   \
    X(WHY_NEVER_PRIMARY, "the owner %s has never been the primary", "`pgtandem resume`")           \
    X(WHY_ORPHANS,                                                                                 \
      "PostgreSQL's postmaster on %s is gone, but processes of it live on and may still commit",   \
      "`pgtandem fence %s`")                                                                       \
    X(WHY_W, "not every node that may be writable has said that it is not; %s has not",            \
      "bring it back and `pgtandem resume`")                                                       \
    X(WHY_NOT_READY, "the next step is not possible now on %s", "`pgtandem status`")               \
    X(WHY_STEP_FAILED, "a step failed on %s",                                                      \
      "see the step's own message; then `pgtandem resume`")                                        \
    X(WHY_BACK_FAILED, "the rollback failed on %s",                                                \
      "see the step's own message; `pgtandem status` says what leads on from here")                \
    X(WHY_OWNER_IDLE, "the owner %s is not writable", "`pgtandem status` says what leads on")      \
    X(WHY_OWNER_UNKNOWN, "PostgreSQL on the owner %s does not say whether it is writable",         \
      "on %s: pgtandem-agent status; it may be starting, stopping, or too busy to answer")         \
    X(WHY_OWNER_DOWN,                                                                              \
      "PostgreSQL is not running as the primary on %s, though nothing keeps it from it",           \
      "start it there")                                                                            \
    X(WHY_OTHER_WRITABLE, "%s is writable but not the owner", "`pgtandem fence %s`")               \
    X(WHY_DIVERGED, "%s has WAL that the owner does not have",                                     \
      "save what only it has before it is re-cloned: docs/two-writable.md, \"Afterwards\"")        \
    X(WHY_REJOIN_FAILED, "%s did not become a standby of the owner",                               \
      "correct what the step's own message names, then `pgtandem rejoin %s`")                      \
    X(WHY_WORD_RECORD,                                                                             \
      "%s has last seen another record than the one that the zone's secondary shows",              \
      "only the zone's primary decides which of them holds: bring it back")                        \
    X(WHY_WORD_PEER,                                                                               \
      "%s answers, but it is not a standby that obeys the record's epoch; nothing has been "       \
      "changed",                                                                                   \
      "on %s: pgtandem-agent status; or bring the zone's primary back")                            \
    X(WHY_WORD_SILENT, "neither the zone's primary nor %s responds; nothing has been changed",     \
      "bring one of the two back; or make sure that %s is down, stays down and has not become "    \
      "the "                                                                                       \
      "primary since, then run the command again with --accept-unfenced %s")                       \
    X(WHY_NOT_OWNER, "%s is not the owner: it stays fenced", "`pgtandem rejoin` makes it a standby")

enum planner_reason {
#define X(id, text, hint) id,
    PLANNER_REASONS(X)
#undef X
        WHY_COUNT
};
const char *planner_reason_text(enum planner_reason r);
const char *planner_reason_hint(enum planner_reason r);
/* A sentence of these tables with each %s replaced by `node`. */
void planner_sentence(const char *text, const char *node, char *ret_text, size_t bytes);

struct planner_move {
    enum planner_move_kind kind;
    enum step_id step; /* STOP: the one that failed or could not be done, or STEP_NONE */
    int node;          /* the node it is about; -1 none */
    uint32_t nodes;    /* STEP: bit per node to act on (one bit = node, unless STEP_NODES) */
    enum planner_reason reason;
    int exit_code;   /* DONE, STOP */
    const char *row; /* the row of which table decided: "claim: old owner fenced, target answers" */
};

void planner_next(const struct planner_view *v, struct planner_move *ret);

/* Remember how a step went: once for each node of the move (node -1 for steps on none). `after` is
 * the look taken after it; its own marks are not read. */
void planner_note(struct planner_marks *m, const struct planner_view *after, enum step_id step,
                  int node, enum planner_outcome outcome);
/* … and a DNS step that is DONE first goes here: this record is ours now. */
void planner_wrote(struct planner_marks *m, enum step_id step, const struct record *r);

/* Rule W (section 3), for FLIP too: of the nodes in `owner` and `from`, only `target` may be
 * writable. The engine asserts it again, with its latest view, right before FLIP, PROMOTE and
 * UNFENCE are sent. ret_node (may be NULL): the first node that breaks it. */
bool planner_w_holds(const struct planner_view *v, size_t target, int *ret_node);

/* The record that a DNS step writes, made from the one that is there (v->d). nonce, txn (fresh:
 * claim and seize begin a transition, the others ignore it), by and tli (stable: the new one, else
 * 0) are the caller's. False if `from` has no room or the step writes no record. */
struct planner_record_args {
    const char *nonce, *txn, *by;
    int64_t tli;
};
bool planner_record(const struct planner_view *v, enum step_id step,
                    const struct planner_record_args *args, struct record *ret);
/* The record that a person types for `dns set`: which `from` it gets, or why it is refused.
 * v->marks.accepted: the nodes that were declared lost without a fence. ret_node: the node that the
 * refusal is about. */
enum planner_typed {
    TYPED_OK,
    TYPED_NOT_STABLE, /* must be stable, to=-: what was open ends with the old record */
    TYPED_STRANGER,   /* the owner is no node of the configuration */
    TYPED_NO_PRIMARY, /* the owner is a standby that has never been the primary */
    TYPED_SILENT      /* a node does not respond, and no one has stated that it is down */
};
enum planner_typed planner_typed(const struct planner_view *v, struct record *r, int *ret_node);
/* Whom the alias names under a record: its owner (claim and seize: still the old one). */
const char *planner_alias_target(const struct record *r);

/* ---- status ------------------------------------------------------------------------------- */

#define PLANNER_DEBTS(X)                                                                           \
    X(DEBT_SILENT, "%s does not respond: its state is unknown")                                    \
    X(DEBT_STATE, "%s cannot read its durable state")                                              \
    X(DEBT_WRITABLE, "%s is writable but not the owner")                                           \
    X(DEBT_HELD, "%s is held by its guard")                                                        \
    X(DEBT_NO_STANDBY, "%s is not seen streaming from the owner, and is not fenced")               \
    X(DEBT_DIVERGED, "%s has WAL that the owner does not have")                                    \
    X(DEBT_FENCED, "%s is fenced and waits for `pgtandem rejoin`")                                 \
    X(DEBT_CRON_ON, "%s is not the owner and has its scheduled jobs on")                           \
    X(DEBT_EPOCH, "%s carries an older epoch")                                                     \
    X(DEBT_OWNER_CRON_OFF, "the owner %s has its scheduled jobs off")                              \
    X(DEBT_OWNER_DOWN, "the owner %s is not writable")                                             \
    X(DEBT_FROM, "%s was declared lost without a fence and has not answered since")

enum planner_debt_kind {
#define X(id, text) id,
    PLANNER_DEBTS(X)
#undef X
        DEBT_KINDS
};
const char *planner_debt_text(enum planner_debt_kind k); /* %s is the node */
bool planner_debt_is_problem(
    enum planner_debt_kind k); /* false: outstanding, but not urgent (fenced) */

struct planner_debt {
    int kind;
    size_t node;
};
enum { PLANNER_DEBTS_MAX = CLUSTER_NODES_MAX * 3 };

/* Derived from the view, never stored. At stable: what is outstanding. Returns how many. */
size_t planner_debts(const struct planner_view *v, struct planner_debt ret[PLANNER_DEBTS_MAX]);

/* One problem and what to do next for `status` (v->command and marks are not read). WHY_NOTHING
 * when all is well. `command` is what to type, or what a person has to do where no command leads
 * on; "" when there is nothing, or when the node at_node has to be looked at itself. */
struct planner_situation {
    enum planner_reason reason;
    int node;            /* -1 none */
    const char *problem; /* %s is the node */
    char command[480];
    int at_node;         /* -1 none */
    bool past_no_return; /* see below */
};
void planner_situation(const struct planner_view *v, struct planner_situation *ret);
/* An open transition whose new owner is PROMOTING or writable. */
bool planner_past_no_return(const struct planner_view *v);
/* In flip, by its agent's word: the owner's promotion has taken place. And PostgreSQL is neither
 * primary there nor in recovery: after a crash within the promotion it can be promoted again. */
bool planner_promoted(const struct planner_view *v);
bool planner_promoted_down(const struct planner_view *v);

/* Lookup helpers: index, or -1. */
int planner_node_index(const struct planner_view *v, const char *name);
int planner_owner(const struct planner_view *v); /* d.owner */
int planner_previous(
    const struct planner_view *v); /* flip: the last of `from`, the owner before it */
