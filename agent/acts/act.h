/*
 * An act: something that changes this node, as a sequence of phases under the state lock.
 *
 *     queue --> [lock, load the state] --> phases of its kind --> unlock --> answer --> next act
 *                                                                   '--> next act
 *                                                                   '--> tail --> answer
 *
 * What a request then only waits for, running jobs or a CHECKPOINT, is its tail: it would keep out
 * the command that takes over, the watch and the guard.
 *
 * Invariants
 *   A1  one act at a time; it holds the lock from before it reads the state until its phases have
 *       ended.
 *   A2  `s` is what is in the state file; it changes by act_save() alone (S1: before the deed).
 *   A3  a request whose time is up before its turn does nothing.
 *   A4  every act ends: each phase, of a tail too, waits for something with a deadline.
 *   A5  a tail holds neither turn nor lock, and changes nothing durable; it is refused as stale as
 *       soon as a higher epoch is in the state file.
 */
#pragma once

#include "agent/node/agent.h"
#include "agent/state/sequence.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "proto/rpc.h"

struct act;
struct gather;

typedef void (*act_phase_fn)(struct act *a);

struct act_kind {
    const char *name;
    const act_phase_fn *phases;     /* NULL-terminated */
    const act_phase_fn *tail;       /* of requests only; NULL: none */
    void (*forsake)(struct act *a); /* ends what the tail waits for: no callback from now on */
    bool quiet;                     /* not worth a line in the log */
};

struct act {
    struct agent *agent;
    struct act *next;
    const struct act_kind *kind;
    struct sequence seq;
    const act_phase_fn *phases; /* of its kind, or the tail */
    struct timer *timer;
    struct rpc_request *rpc; /* who asked; NULL: the watch or a hold's release */
    const struct request *q; /* what; never NULL */
    struct request own;      /* of acts without a caller: who and why */
    int64_t started_ms, deadline_ms;
    int lock;
    bool permit; /* a guard started by our own start command may let it through */
    struct agent_state s;
    struct obs_pg pg; /* the last look */
    struct facts f;
    struct record d; /* as re-read for this act */
    bool d_from_primary;
    struct dns_op *d_op; /* the question to the zone's primary */
    struct act_other {
        struct act *act;
        struct dns_op *op;
    } others[DNS_NS_MAX];          /* to the other servers, if it does not respond */
    struct gather *gather;         /* unfence by a person's word: peers and the zone's primary */
    struct record first, second;   /* watch: its two reads */
    struct agent_state next_state; /* hold: to be saved once it is seen writable */
    bool late;                     /* s is to be saved once the answer has been sent */
    struct buf text;               /* for the reply */
    struct err target_lost;        /* fence: who was to take over fell silent; code 0 no */
    struct ran_log ran;            /* its own children, once its phases have ended */
    void *data;                    /* of the kind; freed with the act by mem_free() */
};

/* A line of the log that names the act, its step and its transition; event: "begins", "done",
 * "refused", "notes". */
void act_log(const struct act *a, enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Queue an act for a request; it is answered when the act has ended. */
void act_request(struct agent *g, const struct act_kind *kind, struct rpc_request *r);
/* One of our own. Returns it before it starts, to be filled in (first, second, data). */
struct act *act_own(struct agent *g, const struct act_kind *kind, const char *by,
                    const char *reason);
/* End of the program: no more answers. */
void act_drop_all(struct agent *g);

/* ---- for phases ------------------------------------------------------------------------------ */

int64_t act_left_ms(const struct act *a); /* until the deadline, at least 1 */
/* Seize, watch, a guard's hold: what would prevent the stop is reported and passed over. */
bool act_is_emergency(const struct act *a);
void act_next(struct act *a);
void act_finish(struct act *a); /* done, skip the rest */
void act_fail(struct act *a, const struct err *e);
void act_refuse(struct act *a, enum rule why);
void act_done(void *act, const struct err *e); /* a postgres_done_fn, cron_done_fn */
/* Persist *next; true when it is durable, else the act has failed. */
bool act_save(struct act *a, const struct agent_state *next);

/* A rule's answer: refused; or obeyed, and once `next` (NULL: nothing changes) is durable the next
 * phase. */
void act_obey(struct act *a, enum rule r, const struct agent_state *next);

/* The same after the answer, for what a crash in between may lose: a look finds it out again, and
 * while it is missing it counts as unknown. Nobody waits for the disk then. */
void act_save_late(struct act *a, const struct agent_state *next);

/* Phases that many kinds share. */
void act_look(struct act *a);             /* pg and f, by SQL where it runs */
void act_look_after_start(struct act *a); /* the same, with more time */
void act_look_files(struct act *a);       /* pg and f, of files alone */
void act_admit(struct act *a);            /* rules_admit, persisted */
void act_read_d(struct act *a);      /* d, as docs/protocol.md, section 1, lets a request read it */
void act_read_others(struct act *a); /* d, from another server that shows what the request names */
void act_signal(struct act *a); /* standby.signal with who, why, what next; recovery.signal goes */
/* Once it is stopped: nothing that a file says may end the recovery of whoever starts it
 * (agent/postgres/pgrecovery.h). In an emergency a file that cannot be written is only reported. */
void act_disarm(struct act *a);
/* Sets recovery.signal aside if it exists, and reports that; false: the act has failed. */
bool act_set_aside(struct act *a);
bool act_permit(
    struct act *a); /* for the guard of a start by start_command; false: it has failed */
void act_start(struct act *a);
void act_start_then(struct act *a, postgres_done_fn fn); /* with a callback of the kind's own */
void act_restart_then(struct act *a, postgres_done_fn fn);
