/*
 * An agent's durable state (docs/protocol.md, section 2): one file, atomically replaced, bound to
 * machine, uid, register name and system identifier.
 *
 * Invariants
 *   S1  what a request or the watch is about to do is in the file, fsynced, before it is done.
 *   S2  (epoch, seq) never decreases.
 *   S3  a file that cannot be read, or is bound to something else, is never replaced by an empty
 *       one: the node is then treated as fenced (guard, row 2) until a human decides.
 *   S4  whoever reads, decides and writes holds the lock meanwhile: requests, watch and guard.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dnsupdate/register.h"
#include "proto/messages.h"

struct err;

struct agent_state {
    /* bound to */
    char machine[40]; /* /etc/machine-id */
    int64_t uid;
    char register_name[256]; /* "_pgtandem.db.ia2.test" */
    uint64_t sysid;

    int64_t epoch, seq; /* highest obeyed */
    char txn[TXN_BYTES];
    struct obs_begun begun; /* who began the transition that it was last armed for; for people */
    struct record seen;     /* the last D seen; epoch 0: none yet */
    char boot_id[40];       /* the boot in which … */
    int64_t boot_epoch;     /* … this epoch was read from the zone's primary itself */

    bool fenced;             /* may not run as primary */
    bool fence_standby_only; /* fenced, but may run as a standby (rejoin) */
    bool fence_was_primary;  /* was primary when it was fenced: UNFENCE is possible */
    int64_t fence_tli;       /* its timeline then */
    uint64_t fence_lsn;      /* pg_control's checkpoint location after the stop; 0 unknown */
    int64_t fence_epoch, fence_wall_ms;
    char fence_by[BY_BYTES];
    char fence_reason[REASON_BYTES];

    bool held; /* read-only until a row of the guard allows more */
    bool held_was_primary;
    int64_t held_tli;
    int64_t held_row; /* the guard's row that held it */

    bool promoting; /* PROMOTING(epoch, txn): the point of no return */
    int64_t promoting_epoch;
    char promoting_txn[TXN_BYTES];
    int64_t promoting_tli; /* the timeline it came from */

    bool revoked; /* REVOKED(epoch): a promotion at or below it is refused */
    int64_t revoked_epoch;

    bool cron_on; /* cron as last commanded */

    struct upstream upstream; /* rejoin and follow: what it streams from; node "" none */
};

extern const struct field_table agent_state_table;

/* Where the file is and what it must be bound to. */
struct state_binding {
    char directory[256];
    char machine[40];
    int64_t uid;
    char register_name[256];
    uint64_t sysid; /* from pg_control; 0 when unreadable: then only the other three are checked */
};

/* Take the lock that serializes requests, watch and guard. An fd, closed by the caller. */
int state_lock(const struct state_binding *b, int wait_ms, int *ret_fd, struct err *reterr);

/* Load. A file that does not exist yet gives a fresh state with this binding (epoch 0).
 * Unreadable, torn, foreign or too widely readable: ERR_INVALID with the reason and what to do;
 * *ret untouched. */
int state_load(const struct state_binding *b, struct agent_state *ret_state, struct err *reterr);

/* The bytes that were loaded last and what they mean, for a program that loads often. {0} knows
 * none; state_forget() frees what it owns. */
struct state_known {
    struct state_binding binding;
    char *text;
    size_t len;
    struct agent_state state;
};
/* state_load(), but the same bytes under the same binding are not understood a second time: the
 * watch loads at each look. The file is read all the same. */
int state_load_again(const struct state_binding *b, struct state_known *known,
                     struct agent_state *ret_state, struct err *reterr);
void state_forget(struct state_known *known);

/* Durable when it returns 0. */
int state_save(const struct state_binding *b, const struct agent_state *s, struct err *reterr);
