/*
 * The PostgreSQL of this node: what it is (observed through files, process and SQL) and what can be
 * done to it (stop, start, promote, follow, …). Everything is asynchronous on the agent's loop.
 *
 * Two libpq connections over the local socket (PostgreSQL 15, 34.4 Asynchronous Command
 * Processing): `observe` for short queries under a statement timeout, `act` for what may block
 * (CHECKPOINT). Both open when there is something to ask (a look opens both), stay open, and reopen
 * by themselves; idle they cost nothing. Where no service manager owns the postmaster it is stopped
 * by SIGINT and awaited by a pidfd on the loop, not by pg_ctl's 100 ms grid; where commands are
 * configured (systemctl …) they are used instead. pg_control is read as a file
 * (agent/postgres/pgcontrol.h).
 *
 * No callback runs inside the call that asked for it, and each runs exactly once. Operations are
 * not ordered among themselves, except that those on the act connection take turns: the caller has
 * one at a time. The role needs pg_monitor; the hints of errors say what else must be granted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/messages.h"

struct err;
struct loop;

struct postgres_config {
    char data_directory[256];
    char bin_directory[256];
    char config_file[256]; /* postgresql.conf outside PGDATA (Debian); "" inside */
    char socket_directory[108];
    int64_t port;
    char address[ADDRESS_BYTES]; /* the address where others reach this PostgreSQL */
    char user[64];               /* the agent's role; default postgres */
    char database[64];           /* default postgres */
    char replication_user[64];
    char replication_options[256]; /* appended to primary_conninfo, e.g. "sslmode=verify-full …" */
    char log_file[256];            /* where the postmaster's stderr goes when we start it */
    char start_command[256]; /* argv, blank-separated; "" = we start the postmaster ourselves */
    char stop_command[256];
    char reload_command[256];
    char stop_check_command[256]; /* rehearsals: status 0 says that stop_command would be let */
    char start_check_command[256];
    int64_t start_timeout_ms, stop_timeout_ms, promote_timeout_ms;
};
extern const struct field_table postgres_config_table;

struct postgres;
struct postgres *postgres_new(struct loop *l, const struct postgres_config *c, const char *node);
/* New commands and time limits, for what begins from now on. */
void postgres_reconfigure(struct postgres *p, const struct postgres_config *c);
/* What has not ended is dropped without a callback; a postmaster that we started runs on. Not from
 * inside a callback. */
void postgres_free(struct postgres *p);

/* Where the connection string of this standby outlives a detach (agent/postgres/pgkept.h). */
void postgres_keep_conninfo(struct postgres *p, const char *path);

typedef void (*postgres_done_fn)(void *arg, const struct err *e); /* e NULL: done and observed */

/* Where what an operation runs is noted; NULL: nowhere. It must outlive `p`. */
struct ran_log;
void postgres_keep_ran(struct postgres *p, struct ran_log *ran);

/* Look: fills a struct obs_pg and calls back within `timeout_ms` (a server that hangs, or that
 * accepts connections but not ours, gives role PG_UNKNOWN with `problem`; a postmaster that accepts
 * none yet, or no more, PG_STARTING). Cheap: one round trip when connected. Concurrent looks share
 * one, but a look never gets an answer that was asked for before it. */
typedef void (*postgres_look_fn)(void *arg, const struct obs_pg *pg);
void postgres_look(struct postgres *p, int64_t timeout_ms, postgres_look_fn fn, void *arg);

/* Files only, at once: signal files, pg_control, postmaster.pid (checked against the live process).
 * role is PG_STOPPED or PG_STARTING ("a postmaster is there, not asked"), or PG_UNKNOWN
 * with `problem` where postmaster.pid cannot be read; tli is 0, and history that of control_tli.
 * For guard and rules. */
void postgres_look_files(const struct postgres_config *c, struct obs_pg *ret_pg);

/* standby.signal inside PGDATA: created there (not renamed in), fsynced with its directory; `text`
 * says who, why, next command. Both are synchronous and idempotent. */
int postgres_signal_create(const struct postgres_config *c, const char *text, struct err *reterr);
int postgres_signal_remove(const struct postgres_config *c, struct err *reterr);

/* recovery.signal beside a standby.signal has no effect until that one goes, with a promotion or an
 * UNFENCE; then it turns the next start into a recovery from the archive, onto a new timeline.
 * Renamed to recovery.signal.set-aside (docs/protocol.md, section 2), durably. Synchronous. */
int postgres_recovery_signal_set_aside(const struct postgres_config *c, bool *ret_was_there,
                                       struct err *reterr);

/* Fast stop, awaited: no postmaster, and no process that outlived one. By stop_command, and by
 * signal where that ended well and had no effect on this postmaster; immediate: by SIGQUIT at once.
 * Stopping a stopped one is done at once, however it stopped. A fast stop that ends without "shut
 * down" in pg_control is ERR_INCOMPLETE; one that is late, ERR_TIMEOUT, may still happen later. */
void postgres_stop(struct postgres *p, bool immediate, int64_t timeout_ms, postgres_done_fn fn,
                   void *arg);
/* A fast stop (in an emergency by signal at once: a service manager that is broken, or does not own
 * the postmaster, must not keep it writable) that waits for no standby but `target` (NULL: for
 * those that answer), and for that one only while it answers (agent/postgres/pgwalsender.h). `pg`
 * is a look right before. Stopped, but the target has fallen silent: ERR_UNREACHABLE. */
void postgres_stop_for(struct postgres *p, const struct obs_pg *pg, const struct upstream *target,
                       bool emergency, int64_t timeout_ms, postgres_done_fn fn, void *arg);
/* Start and wait until it accepts connections. Already running: done at once. If it ends while
 * starting, the error has the last lines of its log. */
void postgres_start(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);
/* … with these settings on the command line of a postmaster that the agent starts itself
 * ("name=value", NULL-terminated, alive until the callback). */
void postgres_start_with(struct postgres *p, const char *const *settings, int64_t timeout_ms,
                         postgres_done_fn fn, void *arg);
/* stop + start */
void postgres_restart(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);

/* CHECKPOINT on the act connection; a restartpoint on a standby. */
void postgres_checkpoint(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);
/* Nobody waits for it any more: no callback with this `arg`, and its statement is cancelled. */
void postgres_checkpoint_cancel(struct postgres *p, const void *arg);

/* pg_promote without waiting (where the role may not call it, what it does by hand: its signal file
 * and SIGUSR1 to the postmaster), then short adaptive polling of pg_is_in_recovery(); done when
 * writable, its timeline is new and the signal files are gone. */
void postgres_promote(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);
/* SELECT pg_logical_emit_message(true, 'pgtandem', txn), committed under synchronous_commit=local
 * (sync false) or the default (sync true). ERR_TIMEOUT with sync: committed here, but no
 * synchronous standby has confirmed it; no session is left waiting in the server. */
void postgres_mark(struct postgres *p, const char *txn, bool sync, int64_t timeout_ms,
                   postgres_done_fn fn, void *arg);

/* Stop receiving WAL (primary_conninfo = '' and reload; PostgreSQL 12: restart), wait until the
 * walreceiver is gone and the replay has drained what was received, up to the last whole record. */
void postgres_detach(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg);

/* primary_conninfo as it is, but for host, hostaddr and port (agent/postgres/pgsettings.h), and
 * primary_slot_name = slot, by ALTER SYSTEM and reload when running (PostgreSQL 12: restart),
 * through postgresql.auto.conf when stopped; done when the setting is in force (streaming is
 * observed by a look). */
void postgres_follow(struct postgres *p, const struct upstream *up, const char *slot,
                     int64_t timeout_ms, postgres_done_fn fn, void *arg);

/* The second way of both, where ALTER SYSTEM is refused: stop it (if it runs), and start it as a
 * standby with the setting, in postgresql.auto.conf or on its command line
 * (agent/postgres/pgrestart.c). `up` NULL: detach. */
void postgres_follow_by_restart(struct postgres *p, const struct upstream *up, const char *slot,
                                int64_t timeout_ms, postgres_done_fn fn, void *arg);

/* Have physical slots of these names (created if missing, reserved at once, re-created if they were
 * invalidated), on a primary or a standby; others of this cluster's nodes that are inactive are
 * dropped only if listed in `drop`. */
void postgres_slots(struct postgres *p, const struct slot_name *want, size_t n_want,
                    const struct slot_name *drop, size_t n_drop, int64_t timeout_ms,
                    postgres_done_fn fn, void *arg);

/* Another PostgreSQL: is it there, is it writable? For evidence. It is asked over a replication
 * connection as a standby would make it, and if that is refused, as the agent's own role. */
struct postgres_probe_result {
    bool port_open, connected, writable, in_recovery;
    uint64_t sysid;
    char problem[200];
};
typedef void (*postgres_probe_fn)(void *arg, const struct postgres_probe_result *r);
void postgres_probe(struct postgres *p, const struct upstream *target, int64_t timeout_ms,
                    postgres_probe_fn fn, void *arg);

/* Rehearsals: the path of a later step, tried without a change. Each calls back once, within
 * `timeout_ms`. */
typedef void (*rehearsal_fn)(void *arg, const struct rehearsal *r);
/* The connection of `follow` to `up`: primary_conninfo as follow would write it, as a walreceiver
 * opens it, and IDENTIFY_SYSTEM. It departs from it in two words that decide nothing here:
 * application_name is pgtandem-agent, so that looks do not take it for a standby, and gssencmode is
 * off, as looking for tickets may block. */
void postgres_rehearse_follow(struct postgres *p, const struct upstream *up, int64_t timeout_ms,
                              rehearsal_fn fn, void *arg);
/* Stop (start false) or start: may the postmaster be signalled, may it be made, or, with commands
 * configured, what can be known of their permission without giving them. A start of our own reads
 * the whole configuration (`postgres -C data_directory`), and is compared with how the postmaster
 * that runs was started (agent/postgres/pgopts.h). */
void postgres_rehearse_service(struct postgres *p, bool start, int64_t timeout_ms, rehearsal_fn fn,
                               void *arg);
/* What follow, detach, promote and a checkpoint need: postgresql.auto.conf that can be written, and
 * the rights of the agent's role. */
void postgres_rehearse_rights(struct postgres *p, int64_t timeout_ms, rehearsal_fn fn, void *arg);

/* What must end before REVOKE may answer: a promotion in progress makes no further step (it fails
 * from the loop), and its signal file is removed. A promotion that the server has already begun is
 * ended only by stopping the server. */
void postgres_end_children(struct postgres *p);
