#include "proto/messages.h"

/*
 * Bounds are those of the sender's world, generous: they stop nonsense, not unusual hosts. Nothing
 * is required beyond what a message would be meaningless without.
 */

/* A text of many control characters grows sixfold as JSON, so the frame's cap is checked again
 * when a message is encoded. */
enum { TEXT_CAP_BYTES = 49152 };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MS_MAX INT64_C(4102444800000) /* the year 2100, as a wall clock in milliseconds */

const char *const verb_names[] = {
#define X(id, name, changes, since, whom) name,
    VERBS(X)
#undef X
        NULL,
};
_Static_assert(COUNT_OF(verb_names) == VERB_COUNT + 1, "a name for each verb");

bool verb_changes(enum verb v)
{
    static const bool changing[] = {
#define X(id, name, changes, since, whom) changes,
        VERBS(X)
#undef X
    };
    return (unsigned)v < VERB_COUNT && changing[v];
}

int verb_since(enum verb v)
{
    static const int versions[] = {
#define X(id, name, changes, since, whom) since,
        VERBS(X)
#undef X
    };
    return (unsigned)v < VERB_COUNT ? versions[v] : PROTO_VERSION;
}

bool verb_open_to(enum verb v, enum peer_role role)
{
    static const unsigned open_to[] = {
#define X(id, name, changes, since, whom) whom,
        VERBS(X)
#undef X
    };
    return (unsigned)v < VERB_COUNT && (open_to[v] & 1U << role);
}

const char *const agent_mode_names[] = {"act", "observe", NULL};
const char *const peer_role_names[] = {"controller", "agent", "monitor", NULL};
_Static_assert(COUNT_OF(peer_role_names) == PEER_MONITOR + 2, "a name for each role");
const char *const pg_role_names[] = {"unknown", "stopped", "starting", "standby", "primary", NULL};
_Static_assert(COUNT_OF(pg_role_names) == PG_WRITABLE + 2, "a name for each role");
const char *const rehearsal_kind_names[] = {
    "replication", "stop", "start", "agents-key", "crontab", "archive", "canary", "rights", NULL,
};
_Static_assert(COUNT_OF(rehearsal_kind_names) == REHEARSAL_RIGHTS + 2, "a name for each kind");
const char *const rehearsal_verdict_names[] = {"unproven", "passed", "failed", NULL};
_Static_assert(COUNT_OF(rehearsal_verdict_names) == REHEARSAL_FAILED + 2,
               "a name for each verdict");
const char *const pg_control_state_names[] = {
    "unreadable",
    "starting up",
    "shut down",
    "shut down in recovery",
    "shutting down",
    "in crash recovery",
    "in archive recovery",
    "in production",
    NULL,
};
_Static_assert(COUNT_OF(pg_control_state_names) == CONTROL_IN_PRODUCTION + 2,
               "a name for each state");

/* clang-format off */

static const struct field hello_fields[] = {
    F_INT(struct hello, version_min, FIELD_REQUIRED, 1, 1000000, "1", "oldest protocol version spoken"),
    F_INT(struct hello, version_max, FIELD_REQUIRED, 1, 1000000, "1", "newest protocol version spoken"),
    F_STRING(struct hello, software, 0, NULL, "program and version"),
    F_STRING(struct hello, cluster, FIELD_REQUIRED, NULL, "name of the cluster"),
    F_STRING(struct hello, node, 0, NULL, "an agent's node, or a controller's host"),
    F_ENUM(struct hello, role, FIELD_REQUIRED, peer_role_names, NULL, "controller, agent or monitor"),
};
FIELD_TABLE(hello_table, struct hello, "hello", hello_fields);

static const struct field upstream_fields[] = {
    F_STRING(struct upstream, node, 0, NULL, "name of the node"),
    F_STRING(struct upstream, address, 0, NULL, "IP address of its PostgreSQL"),
    F_INT(struct upstream, port, 0, 0, 65535, NULL, "port of its PostgreSQL"),
    F_STRING(struct upstream, host, FIELD_OMISSIBLE, NULL, "its name in DNS, for sslmode=verify-full", .since = 2),
};
static FIELD_TABLE(upstream_table, struct upstream, "upstream", upstream_fields);

static const struct field slot_name_fields[] = {
    F_STRING(struct slot_name, name, FIELD_REQUIRED, NULL, "name of a replication slot"),
};
static FIELD_TABLE(slot_name_table, struct slot_name, "slot", slot_name_fields);

static const struct field request_fields[] = {
    F_ENUM(struct request, verb, FIELD_REQUIRED, verb_names, NULL, "what to do"),
    F_INT(struct request, epoch, 0, 0, INT64_MAX, NULL, "epoch of the command"),
    F_INT(struct request, seq, 0, 0, INT64_MAX, NULL, "number within the epoch; each try has a new one"),
    F_STRING(struct request, txn, 0, NULL, "id of the transition"),
    F_STRING(struct request, nonce, 0, NULL, "nonce that the ownership record must show"),
    F_STRING(struct request, by, 0, NULL, "who commands"),
    F_STRING(struct request, reason, 0, NULL, "why"),
    F_STRING(struct request, step, FIELD_OMISSIBLE, NULL, "step of the transition, for the log", .since = 2),
    F_INT(struct request, timeout_ms, 0, 0, INT64_C(604800000), NULL, "the agent gives up before this (ms)"),
    F_BOOL(struct request, immediate, 0, NULL, "fence: no postmaster is enough"),
    F_INT(struct request, wait_jobs_s, 0, 0, 604800, NULL, "cron-off: wait for running jobs (s)"),
    F_STRING(struct request, expected_hash, 0, NULL, "sha256 of the crontab that was planned on"),
    F_STRING(struct request, expected_entries, FIELD_OMISSIBLE, NULL, "cron-off: parity of the entries that were planned on; the rest of the crontab may be another", .since = 2),
    F_STRING(struct request, expected_environment, FIELD_OMISSIBLE, NULL, "cron-off: the same of the variables in force at them", .since = 2),
    F_STRING(struct request, to, 0, NULL, "arm: the target of the transition"),
    F_STRING(struct request, command, FIELD_OMISSIBLE, NULL, "arm: the command that began the transition", .since = 2),
    F_STRUCT(struct request, upstream, 0, &upstream_table, "follow: the upstream; evidence: the lost node; fence: the node that takes over"),
    F_STRING(struct request, target_agent, 0, NULL, "evidence: the lost node's agent, IP:port"),
    F_LIST(struct request, slots, n_slots, 0, &slot_name_table, "slots: the ones wanted"),
    F_TEXT(struct request, crontab, 0, TEXT_CAP_BYTES, "cron-write: the whole new text"),
    F_LIST(struct request, rehearse, n_rehearse, 0, &upstream_table, "rehearse: the nodes that this one may have to follow", .since = 2),
    F_BOOL(struct request, archive, 0, NULL, "rehearse: the archive's probe too", .since = 2),
    F_STRING(struct request, declared_down, 0, NULL, "unfence: peers that a person declared down", .since = 2),
    F_BOOL(struct request, by_word, 0, NULL, "unfence: the zone's primary does not respond, by that declaration", .since = 2),
};
FIELD_TABLE(request_table, struct request, "request", request_fields);

static const struct field obs_sender_fields[] = {
    F_STRING(struct obs_sender, application, 0, NULL, "application_name of the standby"),
    F_STRING(struct obs_sender, address, 0, NULL, "its address"),
    F_STRING(struct obs_sender, state, 0, NULL, "pg_stat_replication.state; logical: a subscriber's"),
    F_STRING(struct obs_sender, sync, 0, NULL, "pg_stat_replication.sync_state"),
    F_LSN(struct obs_sender, sent_lsn, 0, "sent to it"),
    F_LSN(struct obs_sender, flush_lsn, 0, "flushed by it"),
    F_LSN(struct obs_sender, replay_lsn, 0, "replayed by it"),
    F_INT(struct obs_sender, replay_lag_ms, 0, -1, 999999999, "-1", "ms: pg_stat_replication.replay_lag; -1 none", .since = 2),
};
static FIELD_TABLE(obs_sender_table, struct obs_sender, "sender", obs_sender_fields);

static const struct field obs_slot_fields[] = {
    F_STRING(struct obs_slot, name, 0, NULL, "name of the slot"),
    F_BOOL(struct obs_slot, active, 0, NULL, "a walsender uses it"),
    F_LSN(struct obs_slot, restart_lsn, 0, "WAL is kept from here"),
    F_BOOL(struct obs_slot, physical, 0, NULL, "physical, not logical"),
};
static FIELD_TABLE(obs_slot_table, struct obs_slot, "slot", obs_slot_fields);

static const struct field obs_tli_fields[] = {
    F_INT(struct obs_tli, tli, 0, 0, UINT32_MAX, NULL, "timeline"),
    F_LSN(struct obs_tli, end, 0, "where it ended"),
};
static FIELD_TABLE(obs_tli_table, struct obs_tli, "history", obs_tli_fields);

static const struct field obs_pg_fields[] = {
    F_ENUM(struct obs_pg, role, 0, pg_role_names, NULL, "what PostgreSQL is now"),
    F_INT(struct obs_pg, version, 0, 0, 10000000, NULL, "server_version_num"),
    F_ID(struct obs_pg, sysid, 0, "system identifier"),
    F_INT(struct obs_pg, tli, 0, 0, UINT32_MAX, NULL, "current timeline"),
    F_LIST(struct obs_pg, history, n_history, 0, &obs_tli_table, "switches of the timeline, oldest first"),
    F_INT(struct obs_pg, newest_history_tli, 0, 0, UINT32_MAX, NULL, "highest history file in pg_wal"),
    F_ENUM(struct obs_pg, control_state, 0, pg_control_state_names, NULL, "pg_control: cluster state"),
    F_INT(struct obs_pg, control_tli, 0, 0, UINT32_MAX, NULL, "pg_control: timeline of the latest checkpoint"),
    F_LSN(struct obs_pg, control_checkpoint, 0, "pg_control: latest checkpoint location"),
    F_INT(struct obs_pg, control_wall_ms, 0, 0, MS_MAX, NULL, "pg_control: when it was last changed (wall clock, ms)", .since = 2),
    F_LSN(struct obs_pg, min_recovery_lsn, 0, "pg_control: minimum recovery ending location", .since = 2),
    F_INT(struct obs_pg, min_recovery_tli, 0, 0, UINT32_MAX, NULL, "pg_control: timeline of the minimum recovery ending location, 0 none", .since = 2),
    F_BOOL(struct obs_pg, standby_signal, 0, NULL, "standby.signal is in PGDATA"),
    F_BOOL(struct obs_pg, promote_signal, 0, NULL, "promote.signal is in PGDATA"),
    F_BOOL(struct obs_pg, recovery_signal, 0, NULL, "recovery.signal is in PGDATA"),
    F_LSN(struct obs_pg, insert_lsn, 0, "primary: inserted up to"),
    F_LSN(struct obs_pg, flush_lsn, 0, "primary: flushed up to"),
    F_LSN(struct obs_pg, receive_lsn, 0, "standby: received up to"),
    F_LSN(struct obs_pg, replay_lsn, 0, "standby: replayed up to"),
    F_INT(struct obs_pg, receive_tli, 0, 0, UINT32_MAX, NULL, "standby: the timeline of what was received, 0 not reported", .since = 2),
    F_INT(struct obs_pg, replay_delay_ms, 0, -1, INT64_MAX, NULL, "age of the last replayed commit (ms), -1 unknown"),
    F_BOOL(struct obs_pg, replay_paused, 0, NULL, "replay is paused"),
    F_BOOL(struct obs_pg, drained, 0, NULL, "standby: no walreceiver, and the replay waits for WAL that is not here", .since = 2),
    F_INT(struct obs_pg, apply_delay_ms, 0, 0, INT64_MAX, NULL, "recovery_min_apply_delay (ms)"),
    F_STRING(struct obs_pg, receiver_status, 0, NULL, "pg_stat_wal_receiver.status"),
    F_STRING(struct obs_pg, receiver_host, 0, NULL, "where it receives from"),
    F_INT(struct obs_pg, receiver_port, 0, 0, 65535, NULL, "the port there"),
    F_STRING(struct obs_pg, receiver_slot, 0, NULL, "the slot there"),
    F_INT(struct obs_pg, heard_wall_ms, 0, 0, MS_MAX, NULL, "standby: when the last message or WAL came (wall clock, ms); 0 unknown", .since = 2),
    F_LSN(struct obs_pg, heard_lsn, 0, "standby: the end of the sender's WAL, as it said then", .since = 2),
    F_STRING(struct obs_pg, heard_host, 0, NULL, "standby: from where", .since = 2),
    F_STRING(struct obs_pg, conninfo_hosts, 0, NULL, "hosts of primary_conninfo: in force, and after a restart"),
    F_STRING(struct obs_pg, conninfo_place, 0, NULL, "file and line of the latter", .since = 2),
    F_STRING(struct obs_pg, timeline_target, 0, NULL, "recovery_target_timeline"),
    F_STRING(struct obs_pg, recovery_settings, 0, NULL, "what a start as a standby would obey, with file and line: recovery_target and its like", .since = 2),
    F_STRING(struct obs_pg, recovery_active, 0, NULL, "standby: what of that is in force and can end its recovery", .since = 2),
    F_STRING(struct obs_pg, sync_standby_names, 0, NULL, "synchronous_standby_names"),
    F_STRING(struct obs_pg, synchronous_commit, 0, NULL, "synchronous_commit"),
    F_INT(struct obs_pg, max_wal_senders, 0, 0, INT32_MAX, NULL, "max_wal_senders"),
    F_INT(struct obs_pg, max_replication_slots, 0, 0, INT32_MAX, NULL, "max_replication_slots"),
    F_INT(struct obs_pg, wal_senders_used, 0, 0, INT32_MAX, NULL, "walsenders in use"),
    F_INT(struct obs_pg, ready_files, 0, -1, INT64_MAX, NULL, "WAL files waiting to be archived"),
    F_INT(struct obs_pg, prepared_xacts, 0, -1, INT32_MAX, NULL, "prepared transactions"),
    F_INT(struct obs_pg, backups_running, 0, -1, INT32_MAX, NULL, "base backups running"),
    F_STRING(struct obs_pg, backups, 0, NULL, "as backup_list, cut off", .since = 2),
    F_STRING(struct obs_pg, backup_list, 0, NULL, "each base backup: process, program, client, target, how far", .since = 3),
    F_INT(struct obs_pg, slot_keep_bytes, 0, -1, INT64_MAX, "-1", "max_slot_wal_keep_size; -1: no limit", .since = 2),
    F_BOOL(struct obs_pg, rewindable, 0, NULL, "pg_rewind can work on it"),
    F_LIST(struct obs_pg, senders, n_senders, 0, &obs_sender_table, "who streams from here"),
    F_LIST(struct obs_pg, slots, n_slots, 0, &obs_slot_table, "replication slots"),
    F_INT(struct obs_pg, free_bytes, 0, -1, INT64_MAX, NULL, "free in pg_wal's file system"),
    F_INT(struct obs_pg, ready_oldest_s, 0, -1, INT64_MAX, "-1", "how long the oldest of them has been there (s), -1 none", .since = 2),
    F_INT(struct obs_pg, archiving_s, 0, -1, INT64_MAX, "-1", "how long archive_command has been running (s), -1 not, or not seen", .since = 2),
    F_BOOL(struct obs_pg, stopping, 0, NULL, "the postmaster is shutting down", .since = 2),
    F_INT(struct obs_pg, orphans, 0, -1, INT32_MAX, NULL, "no postmaster, but so many of its processes live on; -1 not known", .since = 2),
    F_INT(struct obs_pg, orphan_pid, 0, 0, INT32_MAX, NULL, "one of them", .since = 2),
    F_STRING(struct obs_pg, problem, 0, NULL, "what kept the agent from seeing more"),
};
static FIELD_TABLE(obs_pg_table, struct obs_pg, "pg", obs_pg_fields);

static const struct field obs_cron_fields[] = {
    F_BOOL(struct obs_cron, readable, 0, NULL, "crontab -l worked"),
    F_BOOL(struct obs_cron, daemon_running, 0, NULL, "cron runs"),
    F_INT(struct obs_cron, entries_on, 0, 0, INT32_MAX, NULL, "managed entries that are on"),
    F_INT(struct obs_cron, entries_off, 0, 0, INT32_MAX, NULL, "managed entries that are off"),
    F_INT(struct obs_cron, unmarked, 0, -1, INT32_MAX, NULL, "entries outside; -1 when there is no block"),
    F_STRING(struct obs_cron, hash, 0, NULL, "sha256 of the crontab"),
    F_STRING(struct obs_cron, parity, 0, NULL, "sha256 of the managed part with all entries on"),
    F_INT(struct obs_cron, jobs_running, 0, -1, INT32_MAX, NULL, "managed jobs running now"),
    F_STRING(struct obs_cron, jobs, 0, NULL, "the first few of them"),
    F_BOOL(struct obs_cron, commanded_on, 0, NULL, "cron as last commanded"),
    F_STRING(struct obs_cron, problem, 0, NULL, "what kept the agent from seeing more"),
    F_BOOL(struct obs_cron, damaged, 0, NULL, "the block is damaged; entries are those known from before", .since = 2),
    F_STRING(struct obs_cron, environment, 0, NULL, "sha256 of the variables in force at each managed entry", .since = 2),
};
static FIELD_TABLE(obs_cron_table, struct obs_cron, "cron", obs_cron_fields);

static const struct field obs_begun_fields[] = {
    F_STRING(struct obs_begun, txn, 0, NULL, "the transition"),
    F_STRING(struct obs_begun, command, 0, NULL, "what was typed"),
    F_STRING(struct obs_begun, by, 0, NULL, "the user and host that it came from"),
    F_STRING(struct obs_begun, reason, 0, NULL, "why"),
    F_INT(struct obs_begun, wall_ms, 0, 0, MS_MAX, NULL, "when (wall clock of the node, ms)"),
};
FIELD_TABLE(obs_begun_table, struct obs_begun, "begun", obs_begun_fields);

static const struct field obs_fence_fields[] = {
    F_BOOL(struct obs_fence, fenced, 0, NULL, "may not run as primary"),
    F_BOOL(struct obs_fence, standby_only, 0, NULL, "fenced, and allowed to run as a standby"),
    F_BOOL(struct obs_fence, was_primary, 0, NULL, "was primary when it was fenced"),
    F_INT(struct obs_fence, tli, 0, 0, UINT32_MAX, NULL, "its timeline then"),
    F_LSN(struct obs_fence, shutdown_lsn, 0, "its checkpoint location after the stop"),
    F_INT(struct obs_fence, wall_ms, 0, 0, MS_MAX, NULL, "when it was fenced (wall clock, ms); 0 unknown", .since = 2),
    F_BOOL(struct obs_fence, held, 0, NULL, "held by the guard"),
    F_BOOL(struct obs_fence, promoting, 0, NULL, "PROMOTING is recorded"),
    F_INT(struct obs_fence, promoting_epoch, 0, 0, INT64_MAX, NULL, "by which epoch"),
    F_BOOL(struct obs_fence, promoted, 0, NULL, "that promotion has taken place", .since = 2),
    F_BOOL(struct obs_fence, revoked, 0, NULL, "REVOKED is recorded"),
    F_INT(struct obs_fence, revoked_epoch, 0, 0, INT64_MAX, NULL, "by which epoch"),
};
static FIELD_TABLE(obs_fence_table, struct obs_fence, "fence", obs_fence_fields);

static const struct field obs_job_fields[] = {
    F_STRING(struct obs_job, kind, 0, NULL, "what it is", .since = 3),
    F_STRING(struct obs_job, by, 0, NULL, "who asked for it", .since = 3),
    F_INT(struct obs_job, since_wall_ms, 0, 0, MS_MAX, NULL, "since when (wall clock, ms)", .since = 3),
    F_STRING(struct obs_job, progress, 0, NULL, "how far it is", .since = 3),
};
FIELD_TABLE(obs_job_table, struct obs_job, "job", obs_job_fields);

static const struct field obs_peer_fields[] = {
    F_STRING(struct obs_peer, node, 0, NULL, "the node that it is about"),
    F_BOOL(struct obs_peer, agent_answers, 0, NULL, "its agent answers"),
    F_BOOL(struct obs_peer, port_open, 0, NULL, "its PostgreSQL port accepts"),
    F_BOOL(struct obs_peer, writable_seen, 0, NULL, "it was seen writable"),
    F_BOOL(struct obs_peer, in_recovery_seen, 0, NULL, "it was seen in recovery"),
    F_BOOL(struct obs_peer, receiver_streaming, 0, NULL, "this node streams from it"),
    F_LSN(struct obs_peer, last_lsn, 0, "last LSN known of it"),
    F_INT(struct obs_peer, last_lsn_wall_ms, 0, 0, MS_MAX, NULL, "when (wall clock, ms)"),
    F_INT(struct obs_peer, heard_wall_ms, 0, 0, MS_MAX, NULL, "when its last message or WAL came (wall clock, ms); 0 unknown", .since = 2),
};
static FIELD_TABLE(obs_peer_table, struct obs_peer, "evidence", obs_peer_fields);

static const struct field node_obs_fields[] = {
    F_STRING(struct node_obs, node, 0, NULL, "name of the node"),
    F_STRING(struct node_obs, software, 0, NULL, "program and version of the agent"),
    F_STRING(struct node_obs, boot_id, 0, NULL, "boot id of the host"),
    F_INT(struct node_obs, wall_ms, 0, 0, MS_MAX, NULL, "the node's clock (wall, ms)"),
    F_INT(struct node_obs, epoch, 0, 0, INT64_MAX, NULL, "highest epoch obeyed"),
    F_INT(struct node_obs, seq, 0, 0, INT64_MAX, NULL, "highest number obeyed in it"),
    F_STRING(struct node_obs, txn, 0, NULL, "transition last obeyed"),
    F_STRING(struct node_obs, seen, 0, NULL, "the last ownership record seen"),
    F_BOOL(struct node_obs, state_ok, 0, NULL, "durable state is readable and this node's"),
    F_STRING(struct node_obs, state_problem, 0, NULL, "why it is not"),
    F_BOOL(struct node_obs, watch_enabled, 0, NULL, "the watch runs"),
    F_INT(struct node_obs, watch_age_ms, 0, -1, INT64_MAX, NULL, "since it last read the record (ms), -1 never"),
    F_INT(struct node_obs, watch_period_ms, 0, 0, INT64_MAX, NULL, "how often it reads (ms)"),
    F_STRING(struct node_obs, peers, 0, NULL, "nodes that its guard asks"),
    F_BOOL(struct node_obs, can_stop, 0, NULL, "stopping PostgreSQL was checked to be permitted"),
    F_BOOL(struct node_obs, starting_act, 0, NULL, "an act is running"),
    F_STRING(struct node_obs, act, 0, NULL, "its verb"),
    F_INT(struct node_obs, act_ms, 0, 0, INT64_MAX, NULL, "for how long it has been running (ms)", .since = 2),
    F_ENUM(struct node_obs, mode, 0, agent_mode_names, NULL, "what the agent may do: act, or only observe", .since = 2),
    F_INT(struct node_obs, certificate_days, 0, -2, INT64_MAX, "-2", "days until its certificate expires, -1 it has, -2 unknown", .since = 2),
    F_STRUCT(struct node_obs, begun, 0, &obs_begun_table, "who began the transition last obeyed", .since = 2),
    F_STRUCT(struct node_obs, job, 0, &obs_job_table, "what takes long here, beside acts", .since = 3),
    F_STRUCT(struct node_obs, fence, 0, &obs_fence_table, "fence and promises"),
    F_STRUCT(struct node_obs, pg, 0, &obs_pg_table, "PostgreSQL"),
    F_STRUCT(struct node_obs, cron, 0, &obs_cron_table, "crontab"),
    F_LIST(struct node_obs, evidence, n_evidence, 0, &obs_peer_table, "what this node sees of a lost one"),
};
FIELD_TABLE(node_obs_table, struct node_obs, "observation", node_obs_fields);

static const struct field rehearsal_fields[] = {
    F_ENUM(struct rehearsal, kind, FIELD_REQUIRED, rehearsal_kind_names, NULL, "what was rehearsed"),
    F_ENUM(struct rehearsal, verdict, FIELD_REQUIRED, rehearsal_verdict_names, NULL, "what came of it"),
    F_STRING(struct rehearsal, node, 0, NULL, "replication: the node that was connected to"),
    F_ID(struct rehearsal, sysid, 0, "replication: the system identifier found there"),
    F_INT(struct rehearsal, elapsed_ms, 0, 0, INT32_MAX, NULL, "how long it took (ms)"),
    F_BOOL(struct rehearsal, late, 0, NULL, "it ran out of its share of time: a longer one may say otherwise", .since = 2),
    F_STRING(struct rehearsal, said, 0, NULL, "what was proven, or what was said instead"),
    F_STRING(struct rehearsal, remedy, 0, NULL, "what to do"),
};
static FIELD_TABLE(rehearsal_table, struct rehearsal, "rehearsal", rehearsal_fields);
static const struct field rehearsals_fields[] = {
    F_LIST(struct rehearsals, list, n, 0, &rehearsal_table, "what was rehearsed"),
};
FIELD_TABLE(rehearsals_table, struct rehearsals, "rehearsals", rehearsals_fields);

static const struct field ran_fields[] = {
    F_STRING(struct ran, command, FIELD_REQUIRED, NULL, "what was run"),
    F_INT(struct ran, status, 0, -1, 255, NULL, "its exit status; -1 a signal, or it runs on"),
    F_INT(struct ran, signal, 0, 0, 255, NULL, "the signal that ended it, or 0"),
    F_BOOL(struct ran, timed_out, 0, NULL, "it was killed at its deadline"),
    F_INT(struct ran, ms, 0, 0, INT64_MAX, NULL, "how long it took (ms)"),
    F_TEXT(struct ran, output, 0, 1024, "the end of what it printed"),
};
static FIELD_TABLE(ran_table, struct ran, "ran", ran_fields);

static const struct field reply_fields[] = {
    F_BOOL(struct reply, ok, FIELD_REQUIRED, NULL, "it was done"),
    F_STRING(struct reply, code, 0, NULL, "name of the error"),
    F_STRING(struct reply, msg, 0, NULL, "what happened"),
    F_STRING(struct reply, hint, 0, NULL, "what to do next"),
    F_STRUCT(struct reply, obs, 0, &node_obs_table, "the node as it is now"),
    F_TEXT(struct reply, text, 0, TEXT_CAP_BYTES, "the crontab, the inspection or rehearsals as JSON, or the output of what was run"),
    F_LIST(struct reply, ran, n_ran, 0, &ran_table, "what had to be run for it", .since = 2),
};
FIELD_TABLE(reply_table, struct reply, "reply", reply_fields);

/* clang-format on */
