/*
 * What controller and agents say to each other: hello, request, reply, and the node's observation
 * of itself. Each struct is declared once as a field table (base/field.h) and travels as JSON in
 * one frame (proto/frame.h). docs/protocol.md, section 2, says what each verb means.
 *
 * Every request that changes something carries (epoch, seq); an agent refuses what is not higher
 * than the last it obeyed. One-line strings are made printable as they arrive (base/field.h): they
 * end in logs and on terminals. Every reply, also a refusal, carries a fresh observation, so that a
 * step needs no second round trip to be observed.
 *
 * Versions. Two programs speak the lower of their two newest versions (hello). What came with a
 * version says so where it is declared: a verb in its row of VERBS, a field by `.since = 2` in its
 * row of messages.c. rpc_call() and rpc_answer() see to the rest: a reply to an older controller
 * goes without the newer fields; a request with a newer verb, or with a newer field that is not at
 * its default (and not FIELD_OMISSIBLE), does not go to an older agent: ERR_SKEW. A newer field of
 * a reply is at its default when it comes from an older agent; see reply.version.
 * The names of an enumeration stay as they are: what is new gets a new field. (Version 3 brought
 * the role "monitor": no older agent takes its certificate, so none reads that name.)
 * The rows of hello_table are for ever: both sides read them before they know of each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/field.h"
#include "dnsupdate/register.h"

#ifndef PGTANDEM_VERSION
#define PGTANDEM_VERSION "0.1.0" /* of the programs */
#endif
#define PGTANDEM_SOFTWARE "pgtandem " PGTANDEM_VERSION /* what both say of themselves */

enum {
    PROTO_VERSION = 3,     /* ours, N */
    PROTO_VERSION_MIN = 1, /* the oldest that we speak; N-1 at least */
    CLUSTER_NODES_MAX = 16,
    CLUSTER_NAME_BYTES = 33,
    ADDRESS_BYTES = 64, /* IP, or IP:port, or [IP6]:port */
    REASON_BYTES = 161,
};

enum peer_role { PEER_CONTROLLER, PEER_AGENT, PEER_MONITOR };
/* Whom a verb is open to; the certificate says who asks. A monitor looks, and nothing else. */
enum {
    OF_CONTROLLERS = 1 << PEER_CONTROLLER,
    OF_MONITORS = OF_CONTROLLERS | 1 << PEER_MONITOR,
    OF_ALL = OF_MONITORS | 1 << PEER_AGENT,
};

/* name, changes something (carries epoch and seq), first protocol version, open to which roles */
#define VERBS(X)                                                                                   \
    X(VERB_OBSERVE, "observe", false, 1, OF_ALL) /* answered always */                             \
    X(VERB_EVIDENCE, "evidence", false, 1,                                                         \
      OF_MONITORS) /* what it sees of `target` (a lost node) */                                    \
    X(VERB_CRON_SHOW, "cron-show", false, 1, OF_CONTROLLERS) /* the crontab's text */              \
    X(VERB_INSPECT, "inspect", false, 2,                                                           \
      OF_MONITORS) /* `text`: struct inspect as JSON (inspect.h) */                                \
    X(VERB_ARM, "arm", true, 1, OF_CONTROLLERS)                                                    \
    X(VERB_CRON_OFF, "cron-off", true, 1, OF_CONTROLLERS)                                          \
    X(VERB_CRON_ON, "cron-on", true, 1, OF_CONTROLLERS)                                            \
    X(VERB_CHECKPOINT, "checkpoint", true, 1, OF_CONTROLLERS)                                      \
    X(VERB_FENCE, "fence", true, 1, OF_CONTROLLERS)                                                \
    X(VERB_UNFENCE, "unfence", true, 1, OF_CONTROLLERS)                                            \
    X(VERB_DETACH, "detach", true, 1,                                                              \
      OF_CONTROLLERS) /* standby: stop receiving, drain the replay */                              \
    X(VERB_PROMOTE, "promote", true, 1, OF_CONTROLLERS)                                            \
    X(VERB_REVOKE, "revoke", true, 1, OF_CONTROLLERS)                                              \
    X(VERB_FOLLOW, "follow", true, 1, OF_CONTROLLERS) /* standby: stream from `upstream` */        \
    X(VERB_SLOTS, "slots", true, 1,                                                                \
      OF_CONTROLLERS) /* primary: have exactly the slots of `slots` */                             \
    X(VERB_REJOIN, "rejoin", true, 1,                                                              \
      OF_CONTROLLERS) /* fenced: start as a standby of `upstream` */                               \
    X(VERB_CRON_WRITE, "cron-write", true, 1, OF_CONTROLLERS) /* replace the managed block */      \
    X(VERB_REHEARSE, "rehearse", false, 2,                                                         \
      OF_CONTROLLERS)                                  /* later steps' paths, changes nothing */   \
    X(VERB_CANARY, "canary", false, 2, OF_CONTROLLERS) /* does cron fire? an entry of our own */   \
    X(VERB_JOB_CANCEL, "job-cancel", false, 3, OF_CONTROLLERS) /* the job that runs ends early */

enum verb {
#define X(id, name, changes, since, whom) id,
    VERBS(X)
#undef X
        VERB_COUNT
};
extern const char *const verb_names[]; /* NULL-terminated */
bool verb_changes(enum verb v);
int verb_since(enum verb v);
bool verb_open_to(enum verb v, enum peer_role role);

extern const char *const peer_role_names[];

struct hello {
    int64_t version_min, version_max;
    char software[32]; /* "pgtandem 0.1.0" */
    char cluster[CLUSTER_NAME_BYTES];
    char node[NODE_NAME_BYTES]; /* an agent's node; a controller's host name cut to fit, or "" */
    int role;                   /* enum peer_role */
};

struct upstream {
    char node[NODE_NAME_BYTES];
    char address[ADDRESS_BYTES]; /* IP */
    int64_t port;
    char host[128]; /* its name in DNS, which certificates hold; "" not given */
};

struct slot_name {
    char name[64];
};

struct request {
    int verb; /* enum verb */
    int64_t epoch, seq;
    char txn[TXN_BYTES];
    char nonce[NONCE_BYTES]; /* the nonce that D must show (arm, promote, unfence, cron-on) */
    char by[BY_BYTES];
    char reason[REASON_BYTES];
    char step[24];          /* of the transition, for the log: "catch-up" */
    int64_t timeout_ms;     /* the agent gives up (and says so) before this has passed */
    bool immediate;         /* fence in seize: "no postmaster" is enough */
    int64_t wait_jobs_s;    /* cron-off: wait so long for running jobs; 0 refuses */
    char expected_hash[65]; /* cron-off/-on/-write: sha256 of the crontab planned on; "" any */
    /* cron-off: obs_cron's parity and environment; then the rest of the text may be another */
    char expected_entries[65], expected_environment[65];
    char to[NODE_NAME_BYTES]; /* arm: the target, shown to whoever looks at the node */
    char command[16];         /* arm: what was typed: "switchover"; kept with who, when and why */
    struct upstream upstream; /* follow, rejoin; evidence: the lost one; fence: who takes over */
    char target_agent[ADDRESS_BYTES];          /* evidence: the lost node's agent */
    struct slot_name slots[CLUSTER_NODES_MAX]; /* slots: names wanted */
    size_t n_slots;
    char *crontab; /* cron-write: the whole new text; NULL otherwise */
    struct upstream rehearse[CLUSTER_NODES_MAX]; /* rehearse: nodes that it may have to follow */
    size_t n_rehearse;
    bool archive; /* rehearse: the archive's probe too */
    /* unfence, DNS silent: peers that a person declared down, comma-separated */
    char declared_down[CLUSTER_NODES_MAX * NODE_NAME_BYTES];
    bool by_word; /* unfence: by that declaration (which may be empty) */
};

/* ---- the observation of one node ---------------------------------------------------------- */

enum pg_role {
    PG_UNKNOWN,  /* could not be determined: not the same as stopped */
    PG_STOPPED,  /* no postmaster */
    PG_STARTING, /* a postmaster that accepts no connection yet (or is shutting down) */
    PG_RECOVERY, /* pg_is_in_recovery() */
    PG_WRITABLE, /* not in recovery */
};
extern const char *const pg_role_names[]; /* "unknown" "stopped" "starting" "standby" "primary" */

/* pg_control's "Database cluster state" (PostgreSQL: src/include/catalog/pg_control.h). */
enum pg_control_state {
    CONTROL_UNREADABLE,
    CONTROL_STARTUP,
    CONTROL_SHUTDOWNED,             /* "shut down" */
    CONTROL_SHUTDOWNED_IN_RECOVERY, /* "shut down in recovery" */
    CONTROL_SHUTDOWNING,
    CONTROL_IN_CRASH_RECOVERY,
    CONTROL_IN_ARCHIVE_RECOVERY,
    CONTROL_IN_PRODUCTION,
};
extern const char *const pg_control_state_names[];

struct obs_sender { /* one walsender (pg_stat_replication) */
    char application[64];
    char address[ADDRESS_BYTES];
    char state[16]; /* "streaming"; "logical": a subscriber, whatever it does */
    char sync[16];  /* "async", "sync", "quorum", "potential" */
    uint64_t sent_lsn, flush_lsn, replay_lsn;
    int64_t
        replay_lag_ms; /* measured by PostgreSQL: from flushed here to replayed there; -1 none */
    /* known to its own agent alone, not in the message */
    int64_t pid;  /* the walsender's */
    int64_t port; /* the standby's end of the connection; -1 a Unix socket, 0 unknown */
};
enum { OBS_SENDERS_MAX = CLUSTER_NODES_MAX };

struct obs_slot {
    char name[64];
    bool active;
    uint64_t restart_lsn;
    bool physical;
};

struct obs_tli { /* one switch of the timeline's history: `tli` ended at `end` */
    int64_t tli;
    uint64_t end;
};

struct obs_pg {
    int role;        /* enum pg_role */
    int64_t version; /* server_version_num */
    uint64_t sysid;
    int64_t tli; /* current timeline (primary: of WAL written; standby: of WAL replayed) */
    struct obs_tli history[32]; /* of tli, oldest first */
    size_t n_history;
    int64_t newest_history_tli;  /* highest NNNNNNNN.history in pg_wal, 0 if none */
    int control_state;           /* enum pg_control_state, read from the file */
    int64_t control_tli;         /* Latest checkpoint's TimeLineID */
    uint64_t control_checkpoint; /* Latest checkpoint location */
    int64_t control_wall_ms;     /* pg_control's last change: of a stopped one, when it stopped */
    uint64_t min_recovery_lsn;   /* Minimum recovery ending location: a standby has got so far */
    int64_t min_recovery_tli;    /* … on this timeline; 0 none: it was stopped as a primary */
    bool standby_signal, promote_signal, recovery_signal;
    uint64_t insert_lsn, flush_lsn;   /* primary */
    uint64_t receive_lsn, replay_lsn; /* standby; `tli` is that of the latter */
    int64_t receive_tli;              /* … of the former: ahead at a switch; 0 not reported */
    int64_t replay_delay_ms;          /* standby: age of the last replayed commit; -1 unknown */
    bool replay_paused;
    bool drained; /* standby: no walreceiver, and the replay waits for WAL that is not here:
                           what was received behind it is no whole record */
    int64_t apply_delay_ms;   /* recovery_min_apply_delay */
    char receiver_status[16]; /* pg_stat_wal_receiver.status, "" none */
    char receiver_host[ADDRESS_BYTES];
    int64_t receiver_port;
    char receiver_slot[64];
    /* standby: what its walreceivers last heard, kept when they are gone; 0, "": not known */
    int64_t heard_wall_ms; /* the last message, or byte of WAL, came (the node's clock) */
    uint64_t heard_lsn;    /* how far the sender's WAL went then */
    char heard_host[ADDRESS_BYTES];
    /* every host and hostaddr of primary_conninfo, the one in force and the one that a restart
     * would bring, comma-separated */
    char conninfo_hosts[256];
    char conninfo_place[96];     /* "FILE:LINE" of the latter; "" none */
    char timeline_target[16];    /* recovery_target_timeline */
    char recovery_settings[100]; /* what a start as a standby would obey (recovery_target …), by the
                                    files, each with file and line; "" nothing */
    char recovery_active[80];    /* standby: what of that is in force and can end its recovery */
    char sync_standby_names[128];
    char synchronous_commit[16];
    int64_t max_wal_senders, max_replication_slots, wal_senders_used;
    int64_t ready_files; /* archive_status: files that end in .ready */
    int64_t prepared_xacts, backups_running;
    char backups[96];        /* as in backup_list, cut off: what version 2 has */
    char backup_list[256];   /* each: process, program, client, target, how far; "" none */
    int64_t slot_keep_bytes; /* max_slot_wal_keep_size; -1: without a limit, or not reported */
    bool rewindable;         /* wal_log_hints or data checksums, and full_page_writes */
    struct obs_sender senders[OBS_SENDERS_MAX];
    size_t n_senders;
    struct obs_slot slots[32];
    size_t n_slots;
    int64_t free_bytes;     /* in pg_wal's file system */
    int64_t ready_oldest_s; /* how long the oldest of ready_files has been there; -1 none */
    int64_t archiving_s;    /* how long archive_command has been running; -1 not, or not seen */
    bool stopping;          /* the postmaster is shutting down (role "starting") */
    int64_t orphans;        /* no postmaster, but processes of it live on: how many; -1 unknown */
    int64_t orphan_pid;     /* one of them */
    char problem[200];      /* what kept the agent from seeing more; "" none */
};

/* The base backups that run, as far as the agent's version reports them. */
static inline const char *obs_pg_backups(const struct obs_pg *pg)
{
    return *pg->backup_list ? pg->backup_list : pg->backups;
}

/* May it commit? Writable, or its postmaster is gone and a process of a primary lives on. */
static inline bool obs_may_commit(const struct obs_pg *pg)
{
    return pg->role == PG_WRITABLE ||
           (pg->orphans != 0 && pg->control_state != CONTROL_IN_ARCHIVE_RECOVERY &&
            pg->control_state != CONTROL_SHUTDOWNED_IN_RECOVERY);
}

struct obs_cron {
    bool readable; /* crontab -l worked */
    bool daemon_running;
    int64_t entries_on, entries_off; /* managed ones */
    int64_t unmarked;                /* mode block: no block found is entries 0 and unmarked -1 */
    char hash[65];                   /* sha256 of the whole text */
    char parity[65];      /* sha256 of the managed part, all entries on: identical on all nodes */
    int64_t jobs_running; /* those that descend from cron, and not from other entries */
    char jobs[256];       /* "pid command", the first few */
    bool commanded_on;    /* cron as last commanded */
    char problem[200];
    bool damaged;         /* the block; entries_on and _off are of those known from before */
    char environment[65]; /* sha256 of the variables in force at each managed entry; "" unknown */
};

/* Who began a transition, when and why: the first ARM of it says so, and each node keeps it, so
 * that it is known when the controller that began it is gone. */
struct obs_begun {
    char txn[TXN_BYTES]; /* "": nothing is known */
    char command[16];    /* "switchover"; "" */
    char by[BY_BYTES];
    char reason[REASON_BYTES];
    int64_t wall_ms; /* the node's clock when that ARM came */
};

/* What takes minutes or hours on a node, beside its acts (agent/jobs/job.h). */
struct obs_job {
    char kind[16];         /* "canary"; "" none */
    char by[BY_BYTES];     /* who asked for it */
    int64_t since_wall_ms; /* the node's clock */
    char progress[120];    /* how far it is; "" not said */
};

struct obs_fence { /* durable state, as far as others need it */
    bool fenced;
    bool standby_only;     /* fenced and allowed to run as a standby (after rejoin) */
    bool was_primary;      /* was it primary when it was fenced */
    int64_t tli;           /* its timeline then */
    uint64_t shutdown_lsn; /* pg_control's checkpoint location after the stop */
    int64_t wall_ms;       /* when it was fenced; 0 unknown */
    bool held;
    bool promoting;
    int64_t promoting_epoch;
    bool promoted; /* … and that promotion has taken place, whatever PostgreSQL is at now */
    bool revoked;
    int64_t revoked_epoch;
};

struct obs_peer { /* evidence about one other node, as seen from here */
    char node[NODE_NAME_BYTES];
    bool agent_answers, port_open, writable_seen, in_recovery_seen, receiver_streaming;
    uint64_t last_lsn; /* last LSN known of it here */
    int64_t last_lsn_wall_ms;
    int64_t heard_wall_ms; /* its last message, or byte of WAL, came here; 0 unknown */
};

/* What an agent may do: everything, or look. In `observe` it refuses every act, its guard lets each
 * start through and says what it would have done, and its watch only logs. */
enum agent_mode { MODE_ACT, MODE_OBSERVE };
enum { CERTIFICATE_WARN_DAYS = 30 }; /* days before it expires from which this is reported */
extern const char *const agent_mode_names[];

struct node_obs {
    char node[NODE_NAME_BYTES];
    char software[32];
    char boot_id[40];
    int64_t wall_ms;    /* the node's clock when it looked */
    int64_t epoch, seq; /* highest obeyed */
    char txn[TXN_BYTES];
    char seen[REGISTER_TEXT_BYTES]; /* the last D it saw, as text; "" none */
    bool state_ok; /* durable state readable and bound to this machine and cluster */
    char state_problem[200];
    bool watch_enabled;
    int64_t watch_age_ms; /* since the watch last read D; -1 never */
    int64_t watch_period_ms;
    char peers[CLUSTER_NODES_MAX * NODE_NAME_BYTES]; /* nodes its guard asks, comma-separated */
    bool can_stop;                                   /* the stop path was checked (permission) */
    bool starting_act;                               /* an act is running now */
    char act[24];                                    /* its verb */
    int64_t act_ms;                                  /* for how long; 0: none, or not reported */
    int mode;                                        /* enum agent_mode */
    int64_t certificate_days; /* whole, until the agent's expires; -1 it has; -2 not reported */
    struct obs_begun begun;   /* the transition that this node was last armed for */
    struct obs_job job;       /* that runs here */
    struct obs_fence fence;
    struct obs_pg pg;
    struct obs_cron cron;
    struct obs_peer evidence[1]; /* reply to evidence */
    size_t n_evidence;
};

/* ---- rehearsals --------------------------------------------------------------------------- */

enum rehearsal_kind {
    REHEARSAL_REPLICATION, /* the very connection that `follow` would set, to `node` */
    REHEARSAL_STOP,        /* may the agent stop PostgreSQL */
    REHEARSAL_START,       /* may it start it, as what it is now or as a standby */
    REHEARSAL_KEY,         /* the agents' key may not change the zone */
    REHEARSAL_CRONTAB,     /* may it replace its crontab */
    REHEARSAL_ARCHIVE,     /* [archive] probe_command */
    REHEARSAL_CANARY,      /* cron has run an entry of ours */
    REHEARSAL_RIGHTS,      /* what follow, detach, promote and a checkpoint need */
};
extern const char *const rehearsal_kind_names[];
enum rehearsal_verdict { REHEARSAL_UNPROVEN, REHEARSAL_PASSED, REHEARSAL_FAILED };
extern const char *const rehearsal_verdict_names[];

struct rehearsal {
    int kind;                   /* enum rehearsal_kind */
    int verdict;                /* enum rehearsal_verdict */
    char node[NODE_NAME_BYTES]; /* replication: to which node */
    uint64_t sysid;             /* replication: the cluster found there; 0: none */
    int64_t elapsed_ms;
    bool late;        /* it ran out of its share of time: with a longer one it may say otherwise */
    char said[200];   /* what was proven, or what was said instead */
    char remedy[240]; /* "" when nothing is to be done */
};
struct rehearsals { /* in reply.text: a frame has no room for them beside the worst observation */
    struct rehearsal list[CLUSTER_NODES_MAX + 8];
    size_t n;
};

enum { RAN_MAX = 6 };

struct ran {           /* one child that an agent had to run for an act */
    char command[128]; /* cut to fit */
    int64_t status;    /* its exit status; -1: by a signal, or it runs on (a server) */
    int64_t signal;
    bool timed_out;
    int64_t ms;
    char *output; /* the end of what it printed, or NULL */
};

struct reply {
    bool ok;
    char code[24]; /* err_name() when not ok: "stale", "refused", "timeout", … */
    char msg[640];
    char hint[512];
    struct node_obs obs;
    char *text; /* cron-show: the crontab; inspect: struct inspect; rehearse, canary: struct
                   rehearsals; promote/rejoin/…: output of what was run */
    struct ran ran[RAN_MAX];
    size_t n_ran;
    int version; /* protocol that was spoken; set by who receives it, not sent */
};

extern const struct field_table hello_table, request_table, reply_table, node_obs_table;
extern const struct field_table rehearsals_table;
extern const struct field_table obs_begun_table;      /* an agent keeps it as it is sent */
extern const struct field_table obs_job_table;        /* … this too, as a job's intent */
extern const struct field_table message_record_table; /* struct record (proto/record_fields.c) */
