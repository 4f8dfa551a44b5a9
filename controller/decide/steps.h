/*
 * The steps of every transition, as a table of rows (docs/protocol.md, sections 4 and 5): what a
 * step is called, whether it may run now, whether it has been achieved, how it is undone, what
 * happens when it fails, how long it may take. `plan`, `--dry-run`, the documentation and the
 * engine read these very rows; which row comes next is the planner's business
 * (controller/decide/planner.h).
 *
 * Pure: functions of the view alone. controller/engine/ops.c has {act, observe} for each step by
 * its id.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum planner_outcome {
    OUTCOME_DONE,    /* observed */
    OUTCOME_FAILED,  /* it did not happen, and will not */
    OUTCOME_UNKNOWN, /* no answer: it may have happened, or still happen */
    OUTCOME_LOST,    /* DNS: another record is there */
    OUTCOME_DECLINED /* a person said no */
};

struct planner_view;

enum step_id {
    STEP_NONE, /* "no undo" */

    /* before we hold the record: nothing is changed by these */
    STEP_PREFLIGHT, /* every check; the plan shown and confirmed */
    STEP_EVIDENCE,  /* unplanned: what everybody sees of the nodes to be replaced */
    STEP_LOSS,      /* unplanned: the loss statement, accepted by a person */

    /* the record, to get hold of it */
    STEP_CLAIM,    /* stable -> claim */
    STEP_SEIZE,    /* anything -> seize */
    STEP_TAKEOVER, /* same state, epoch + 1 */
    STEP_ARM,      /* all that answer: nothing older is obeyed from here on */

    /* planned, before the flip */
    STEP_CRON_OFF,
    STEP_CATCHUP,
    STEP_ASK_DNS, /* the zone's primary, signed: the last that could be noticed without an outage */
    STEP_FENCE,
    STEP_VERIFY,

    /* unplanned, before the flip */
    STEP_FENCE_OLD,      /* G1: the node's agent fences it, "no postmaster" is enough */
    STEP_CUT,            /* G2: the hook cuts its power and verifies it */
    STEP_GRADE,          /* a G2 or G3 goes into the record */
    STEP_RAISE,          /* a fenced target is started as a standby without an upstream */
    STEP_DETACH,         /* every standby stops receiving and drains */
    STEP_EVIDENCE_AGAIN, /* as STEP_EVIDENCE, right before the flip */

    /* forward */
    STEP_FLIP,
    STEP_WAIT_WATCH, /* one watch period plus stop time: a G3 node that lives fences itself */
    STEP_RELEASE,    /* a held new owner: its guard lets it go once it is armed; observed only */
    STEP_PROMOTE,
    STEP_CRON_STRAY, /* others that still have jobs on, before anybody's are turned on */
    STEP_CRON_ON,
    STEP_FOLLOW,
    STEP_CHECKPOINT,
    STEP_STABLE,
    STEP_REJOIN,
    STEP_FORGET, /* on the owner: the slot of a node that is lost for good */

    /* back */
    STEP_REVOKE,
    STEP_UNDO, /* flip or seize -> undo, epoch + 1, alias back */
    STEP_UNFENCE,
    STEP_LET_GO,      /* DNS silent: a held owner, by a person's word about the silent */
    STEP_CRON_BACK,   /* cron on at the old owner */
    STEP_FOLLOW_BACK, /* standbys stream from the old owner again */
    STEP_STABLE_BACK, /* -> stable, old owner, the alias's own TTL */

    STEP_COUNT
};

enum step_flag {
    STEP_CHANGES = 1 << 0, /* changes something somewhere */
    STEP_DNS = 1 << 1,     /* is one UPDATE: alias and record, by compare-and-swap */
    STEP_NODES = 1 << 2,   /* sent to every node of move.nodes at once */
    STEP_BEFORE_PNR =
        1 << 3, /* can lie before the point of no return: needs an undo if it changes */
    STEP_NEEDS_DNS = 1 << 4, /* not begun while the zone's primary does not respond */
    STEP_BACKWARD = 1 << 5,  /* a row of the way back: is itself an undo, or serves one */
    STEP_OBSERVES = 1 << 6,  /* no look can show that it was done: the act says so, planner_note
                                keeps it in the marks */
    STEP_STOPS = 1 << 7,     /* its point is that a node does not write: an agent that refuses it,
                                or could not, is believed whatever a look shows */
};

/* The last column of docs/protocol.md, section 4. */
enum step_on_fail {
    FAIL_STOP,  /* the command ends, exit 4; `resume` or `abort` */
    FAIL_BACK,  /* a switchover undoes what it did; any other command stops */
    FAIL_RETRY, /* once more; then as FAIL_BACK */
    FAIL_GO_ON, /* reported as outstanding, the way is forward */
};

struct step {
    enum step_id id;
    const char *name;  /* "cron-off": in journals, on the command line */
    const char *title; /* what a person reads: "turn the managed crontab entries of %s off" */
    unsigned flags;    /* enum step_flag */
    enum step_id undo; /* STEP_NONE: none needed, or none possible */
    enum step_on_fail on_fail;
    int64_t timeout_ms; /* default; configuration may stretch it */
    /* May it run now, on this node? The planner never hands out a step that is not ready, and the
     * engine asks again with its latest view right before the act. */
    bool (*ready)(const struct planner_view *v, size_t node);
    /* Is it so? Asked with a view taken after the act: this, not the reply, decides. Of
     * STEP_OBSERVES rows: nothing in the view contradicts it. */
    bool (*achieved)(const struct planner_view *v, size_t node);
};

_Static_assert(STEP_COUNT <= 64, "a bit for each step in struct planner_marks");
static inline uint64_t step_bit(enum step_id s)
{
    return (uint64_t)1 << s;
}

extern const struct step steps[STEP_COUNT]; /* by id */

/* What came of a request to `node`: `said` is its answer, the view was taken after it. A "yes"
 * counts only if the look shows the thing done; a "no" for want of time may still have left it done
 * (a stop that ended just after its deadline), so the look decides there too. `refused`: it was a
 * "no" for any other reason. */
enum planner_outcome steps_judge(const struct planner_view *v, enum step_id id, int node,
                                 enum planner_outcome said, bool refused);

/* A bit for each step that the durable intent of `step` announces too: what may follow it while no
 * node can write. None of them then waits for a disk write of its own (docs/protocol.md, I11). */
uint64_t steps_announced(const struct planner_view *v, enum step_id step);

/* STEP_NONE for an unknown name. */
enum step_id step_from_name(const char *name);
