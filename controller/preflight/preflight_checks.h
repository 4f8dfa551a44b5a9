/* The checks themselves: each fills measured, threshold and remedy, and says if all is well. */
#pragma once

#include "controller/cluster/observe.h"
#include "controller/preflight/preflight.h"
#include "controller/session/commands.h"

/*
 * What a check has to know before it can judge: the column `needs` of the table below. Without one
 * of these facts its verdict would be a guess, so it is not called: "not checked", with the cause
 * (preflight_facts.c). The cause itself is the finding of one check that needs less: the record's
 * of "register", a silent node's of "owner", "target" and "other-agents", and so on.
 */
enum node_fact {
    NODE_ANSWER = 1,     /* its agent answered */
    NODE_STATE = 1 << 1, /* and can read its durable state */
    NODE_ROLE = 1 << 2,  /* and knows what PostgreSQL is there: writable, standby, stopped, … */
    NODE_PG = 1 << 3,    /* PostgreSQL runs there and answered the agent */
    NODE_LSN = 1 << 4,   /* and said how far its WAL goes (written, or replayed) */
    NODE_TLI = 1 << 5,   /* its timeline, running or from pg_control */
    NODE_CRON = 1 << 6,  /* its crontab was read */
    NODE_HOST = 1 << 7,  /* it was inspected (proto/inspect.h) */
    NODE_FACTS = 1 << 8, /* and PostgreSQL answered the inspection */
    NODE_REHEARSED = 1 << 9, /* it rehearsed (agent/look/rehearse.h) */
    NODE_FACTS_COUNT = 10,
};
#define NEEDS_NOTHING UINT64_C(0)
#define NEEDS_ZONE UINT64_C(1)       /* the zone's primary answered, and the answer is trusted */
#define NEEDS_RECORD UINT64_C(2)     /* and it has one valid ownership record */
#define NEEDS_OWNER_NAME UINT64_C(4) /* which names a node that is configured here */
#define OF_OWNER(fact) ((uint64_t)NODE_##fact << 4)
#define OF_TARGET(fact) ((uint64_t)NODE_##fact << 14)
/* For checks that go through all nodes: of one at least; those that lack it are named. */
#define OF_EACH(fact) ((uint64_t)NODE_##fact << 24)
/* Not needed in a failover: the owner is lost. */
#define PLANNED(facts) ((facts) << 34)
_Static_assert(4 + 3 * NODE_FACTS_COUNT <= 34, "facts fit, and once more for planned moves");

struct check_view {
    const struct config *c;
    const struct options *o;
    const struct world *w;
    enum preflight_kind kind;
    int from, to; /* indices; -1 unknown */
    const char *owner_name, *target_name;
    const struct node_obs *owner;  /* its answer; NULL: it does not respond or is unknown */
    const struct node_obs *target; /* its answer; NULL: it does not respond */
    const struct inspect *owner_inspection, *target_inspection; /* NULL: there is none */
    const struct record *d;                                     /* NULL: no valid record */
    unsigned known[CLUSTER_NODES_MAX];                          /* enum node_fact, of each node */
};

typedef bool (*check_fn)(const struct check_view *v, struct preflight_result *r);

struct preflight_check {
    const char *name;
    enum severity planned, unplanned;
    bool ignorable;
    uint64_t needs;
    const char *threshold;
    const char *what;
    check_fn fn;
};
/* All of them, in order; how many. */
size_t preflight_table(const struct preflight_check **ret_checks);

/* `measured` is never left empty: it says "fine" if nothing was found. */
void check_measured(struct preflight_result *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void check_remedy(struct preflight_result *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* PostgreSQL of node `i` could not be looked at: says why, and the remedy. */
void check_unseen(const struct check_view *v, size_t i, struct preflight_result *r);
/* What could be known only now turned out to be unknown: false, and neither passed nor failed. */
bool check_unknown(struct preflight_result *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Is this known of node `i`? For checks that go through all nodes. */
bool check_knows(const struct check_view *v, size_t i, enum node_fact fact);

/* Fill `known`. */
void check_view_facts(struct check_view *v);
/* Is one of `needs` missing? Then why, in words. */
bool check_lacks(const struct check_view *v, uint64_t needs, char *ret_why, size_t bytes);
/* After a verdict over all nodes: "; not checked: vm", for those that lack what it needs. */
void check_name_the_rest(const struct check_view *v, uint64_t needs, struct preflight_result *r);
/* "a, b": append a name to `measured`. */
void check_list(char *text, size_t bytes, const char *name);
/* A setting as the inspection has it; NULL: it was not read. */
const char *check_setting(const struct inspect *i, const char *name);

/* name in C, name on the command line, planned, unplanned, ignorable, what it needs to know,
 * threshold, what it is for */
/* clang-format off */
#define PREFLIGHT_CHECKS(X)                                                                        \
    X(one_writable, "one-writable", BLOCK, BLOCK, false, OF_EACH(ROLE),                            \
      "at most 1 node", "no two nodes are writable")                                               \
    X(register_readable, "register", BLOCK, BLOCK, false, NEEDS_NOTHING,                           \
      "one valid record", "the zone's primary answers and the ownership record is valid")          \
    X(update_key, "update-key", BLOCK, BLOCK, false, NEEDS_ZONE,                                   \
      "accepted", "the zone's primary accepts an update signed with our key")                      \
    X(register_stable, "no-open-transition", BLOCK, WARN, false, NEEDS_RECORD,                     \
      "state stable", "no transition is open, no other command holds it")                       \
    X(register_epoch, "epoch", BLOCK, BLOCK, false, NEEDS_RECORD | OF_EACH(STATE),                 \
      "not below the agents'", "the record is not older than what the agents have seen")           \
    X(system_identifier, "system-identifier", BLOCK, BLOCK, false,                                 \
      NEEDS_RECORD | OF_EACH(ANSWER),                                                              \
      "the record's", "every node is of this cluster, by its system identifier")                   \
    X(owner_writable, "owner", BLOCK, OFF, false, NEEDS_RECORD,                                    \
      "the owner, and only it", "the record's owner is the node that is writable")                 \
    X(owner_lost, "owner-lost", OFF, BLOCK, true, OF_OWNER(ANSWER),                                \
      "not writable", "the owner is lost: as long as it serves, a switchover loses nothing")       \
    X(target_known, "target", BLOCK, BLOCK, false, NEEDS_NOTHING,                                  \
      "another node, its agent answers", "the target is not the owner, and its agent answers")     \
    X(target_free, "target-state", BLOCK, WARN, false, OF_TARGET(STATE),                           \
      "no mark", "the target is neither fenced nor held nor being promoted")                       \
    X(agent_state, "agent-state", BLOCK, BLOCK, false, OF_EACH(ANSWER),                            \
      "readable, this machine's", "the agents can read their durable state")                       \
    X(agent_mode, "agent-mode", BLOCK, BLOCK, false, OF_EACH(ANSWER),                              \
      "act", "the agents act; one in mode = observe refuses every step")                           \
    X(peers_complete, "peers", BLOCK, BLOCK, false, OF_EACH(ANSWER),                               \
      "all other nodes", "each agent's guard knows all other nodes")                               \
    X(others_answer, "other-agents", WARN, WARN, true, NEEDS_NOTHING,                              \
      "all", "the agents of the other nodes answer")                                               \
    X(alias_target, "alias", BLOCK, WARN, true, NEEDS_ZONE | NEEDS_OWNER_NAME,                     \
      "the owner's target", "the alias points to the owner")                                       \
    X(name_servers, "name-servers", BLOCK, WARN, true, NEEDS_ZONE,                                 \
      "all agree", "every name server of the zone shows the same alias and record")                \
    X(clocks, "clocks", BLOCK, WARN, true, OF_EACH(ANSWER),                                        \
      "by [limits]", "clocks of controller and nodes agree")                                       \
    X(conninfo, "conninfo", BLOCK, BLOCK, false, NEEDS_OWNER_NAME | OF_EACH(ANSWER),               \
      "other nodes' names or addresses",                                                           \
      "no standby's primary_conninfo names the alias or the standby itself")                       \
    X(attached, "attached", BLOCK, OFF, false, OF_OWNER(PG) | OF_TARGET(PG),                       \
      "streaming from the owner", "the target streams directly from the owner")                    \
    X(standby, "standby", BLOCK, WARN, false, OF_TARGET(ANSWER),                                   \
      "running as a standby", "PostgreSQL runs as a standby on the target")                        \
    X(receive_lag, "receive-lag", BLOCK, OFF, true, OF_OWNER(LSN) | OF_TARGET(PG),                 \
      "by [limits]", "the target has received nearly all WAL")                                     \
    X(replay_lag, "replay-lag", BLOCK, WARN, true, OF_TARGET(LSN),                                 \
      "by [limits]", "the target has replayed nearly all WAL")                                     \
    X(replay_paused, "replay-paused", BLOCK, BLOCK, true, OF_TARGET(PG),                           \
      "not paused", "replay is not paused on the target")                                          \
    X(apply_delay, "apply-delay", BLOCK, BLOCK, true, OF_TARGET(PG),                               \
      "0 ms", "the target replays without delay (recovery_min_apply_delay)")                       \
    X(history, "timeline", BLOCK, BLOCK, false, NEEDS_RECORD | OF_TARGET(TLI),                     \
      "the owner's, or a branch of it", "the target is on the owner's line of timelines")          \
    X(timeline_number, "timeline-number", BLOCK, BLOCK, true, OF_TARGET(TLI) | OF_EACH(TLI),       \
      "free", "the ID of the target's next timeline is not in use")                        \
    X(most_wal, "most-wal", OFF, BLOCK, true, OF_TARGET(LSN) | OF_EACH(LSN),                       \
      "no other standby has more", "the target has the most WAL of the standbys that answer")      \
    X(timeline_latest, "timeline-target", BLOCK, WARN, true, OF_EACH(PG),                          \
      "latest", "standbys follow the newest timeline (recovery_target_timeline)")                  \
    X(recovery_settings, "recovery-settings", BLOCK, BLOCK, false,                                 \
      PLANNED(OF_EACH(ANSWER)) | OF_TARGET(ANSWER),                                                \
      "none", "no node has settings of a restore that end its recovery as a standby")              \
    X(sync_names, "sync-names", BLOCK, WARN, true, OF_TARGET(PG),                                  \
      "not blocking", "synchronous_standby_names would not block writes on the target")            \
    X(walsenders, "walsenders", BLOCK, WARN, true, OF_TARGET(PG),                                  \
      "one for each other node", "the target has walsenders for all other nodes")                  \
    X(slots, "slots", BLOCK, WARN, true, OF_TARGET(PG),                                            \
      "one for each other node", "the target has replication slots for all other nodes")           \
    X(server_version, "server-version", BLOCK, OFF, true, OF_OWNER(PG) | OF_TARGET(PG),            \
      "same major version", "PostgreSQL's major version is the same on both")                      \
    X(cron_readable, "cron", BLOCK, WARN, true, PLANNED(OF_OWNER(ANSWER)) | OF_TARGET(ANSWER),     \
      "readable on both", "the crontabs can be read")                                              \
    X(cron_daemon, "cron-daemon", BLOCK, WARN, true, OF_TARGET(ANSWER),                            \
      "running", "cron runs on the target")                                                        \
    X(cron_parity, "cron-parity", BLOCK, WARN, true, OF_OWNER(CRON) | OF_TARGET(CRON),             \
      "identical", "the managed crontab entries of both are identical")                                    \
    X(cron_entries, "cron-entries", WARN, WARN, true, OF_TARGET(CRON),                             \
      "at least 1", "there are managed entries on the target")                                     \
    X(cron_single, "cron-single", BLOCK, WARN, true, NEEDS_OWNER_NAME | OF_EACH(CRON),             \
      "the owner only", "scheduled jobs are on at the owner and nowhere else")                     \
    X(jobs, "jobs", BLOCK, OFF, false, OF_OWNER(CRON),                                             \
      "0, or --wait-jobs", "no scheduled job runs on the owner")                                   \
    X(stop_permission, "stop-permission", BLOCK, OFF, true, OF_OWNER(ANSWER),                      \
      "yes", "the owner's agent may stop PostgreSQL")                                              \
    X(start_permission, "start-permission", BLOCK, WARN, true,                                     \
      PLANNED(OF_OWNER(ANSWER)) | OF_TARGET(ANSWER),                                               \
      "yes", "the agents of owner and target may start PostgreSQL")                                \
    X(rights, "rights", BLOCK, WARN, true, OF_EACH(REHEARSED),                                     \
      "all of them", "the agents may do what follow, detach, promote and a checkpoint need")       \
    X(replication_to, "replication-to", BLOCK, WARN, true, OF_EACH(REHEARSED),                     \
      "every node could follow it",                                                                \
      "each other node can open its future replication connection to the target")                  \
    X(replication_from, "replication-from", WARN, OFF, true,                                       \
      NEEDS_OWNER_NAME | OF_TARGET(REHEARSED),                                                     \
      "it could follow the owner", "the target can open a replication connection to the owner")    \
    X(replication_identity, "replication-identity", BLOCK, BLOCK, false,                           \
      NEEDS_RECORD | OF_EACH(REHEARSED),                                                           \
      "the record's", "the nodes' addresses lead to this cluster, by its system identifier")       \
    X(agents_key, "agents-key", BLOCK, WARN, true, OF_EACH(REHEARSED),                             \
      "refused", "the agents' TSIG key cannot change the zone")                                    \
    X(cron_write, "cron-write", BLOCK, WARN, true,                                                 \
      PLANNED(OF_OWNER(ANSWER)) | OF_TARGET(ANSWER),                                               \
      "yes", "the agents of owner and target may replace their crontabs")                          \
    X(cron_canary, "canary", BLOCK, WARN, true, OF_TARGET(ANSWER),                                 \
      "fired", "cron on the target fires an entry (--canary)")                                     \
    X(archive_probe, "archive-probe", BLOCK, WARN, true, OF_TARGET(REHEARSED),                     \
      "status 0", "the target's archive can be written to ([archive] probe_command)")              \
    X(disk, "disk", BLOCK, WARN, true, OF_TARGET(ANSWER),                                          \
      "by [limits]", "free space for WAL on the target")                                           \
    X(archive_backlog, "archive-backlog", BLOCK, OFF, true, OF_OWNER(ANSWER),                      \
      "by [limits]", "few WAL files wait to be archived on the owner (its stop waits for them)")   \
    X(archive_wait, "archive-wait", BLOCK, OFF, true, OF_OWNER(ANSWER),                            \
      "by [limits]", "the owner's archiver takes its WAL files at once (its stop waits for it)")   \
    X(prepared, "prepared-transactions", WARN, OFF, true, OF_OWNER(PG),                            \
      "0", "no prepared transaction is open on the owner")                                         \
    X(backups, "backups", BLOCK, OFF, true, OF_OWNER(PG),                                           \
      "0, or --wait-jobs", "no base backup runs on the owner")                                                     \
    X(signal_files, "signal-files", BLOCK, WARN, false,                                             \
      PLANNED(OF_OWNER(ROLE)) | OF_TARGET(ANSWER),                                                 \
      "none left over", "no left-over signal file would change a role at the next start")          \
    X(agent_busy, "agent-busy", BLOCK, WARN, true, OF_EACH(ANSWER),                                \
      "idle", "no agent is in the middle of an act")                                               \
    X(watch, "watch", WARN, WARN, true, OF_EACH(ANSWER),                                           \
      "on and fresh", "the agents' watch reads the record")                                        \
    X(certificates, "certificates", WARN, WARN, true, NEEDS_NOTHING,                               \
      "by [limits]", "no certificate of controller or agents expires soon")                        \
    X(agent_version, "agent-version", WARN, WARN, true, OF_EACH(ANSWER),                           \
      "as this program", "agents and controller are of one version")                               \
    X(cluster_name, "cluster-name", BLOCK, WARN, true, NEEDS_NOTHING,                              \
      "this cluster's", "the agents are of this cluster, by their certificates")                   \
    X(journal_space, "journal-space", BLOCK, WARN, true, NEEDS_NOTHING,                            \
      "at least 16 MiB", "there is room for the journal on this controller")                       \
    X(target_address, "target-address", BLOCK, WARN, true, NEEDS_ZONE,                             \
      "the target's address",                                                                      \
      "the name that the alias will point to resolves to the target's address")                    \
    X(ttl, "ttl", WARN, WARN, true, NEEDS_ZONE,                                                    \
      "by [limits]", "clients keep the alias's old target for a short time only")                  \
    X(zone_signed, "zone-signed", WARN, WARN, true, NEEDS_ZONE,                                    \
      "the record too, if the zone is", "a zone with DNSSEC signs what an update writes")          \
    X(settings_capacity, "settings-capacity", BLOCK, OFF, true,                                    \
      OF_OWNER(FACTS) | OF_TARGET(FACTS),                                                          \
      "not below the owner's", "connections, workers, slots and locks of the target suffice")      \
    X(settings_alike, "settings", WARN, OFF, true, OF_OWNER(FACTS) | OF_TARGET(FACTS),             \
      "the owner's", "settings that change how the server behaves are identical")                      \
    X(read_only, "read-only-default", BLOCK, WARN, true, OF_TARGET(FACTS),                         \
      "off", "transactions on the target do not begin read-only")                                  \
    X(pending_restart, "pending-restart", WARN, WARN, true, OF_TARGET(FACTS),                      \
      "none", "no setting of the target waits for a restart")                                      \
    X(preload, "preload-libraries", BLOCK, OFF, true, OF_OWNER(FACTS) | OF_TARGET(FACTS),          \
      "all of the owner's", "the target loads the owner's shared_preload_libraries")               \
    X(port, "port", BLOCK, WARN, true, NEEDS_OWNER_NAME | OF_TARGET(FACTS),                        \
      "the owner's", "the target listens on the owner's port")                                     \
    X(listen, "listen-addresses", BLOCK, WARN, true, OF_TARGET(FACTS),                             \
      "* or its own address", "the target listens on its address")                                 \
    X(tls, "tls", BLOCK, OFF, true, OF_OWNER(FACTS) | OF_TARGET(FACTS),                            \
      "on, if the owner's is", "the target offers TLS if the owner does")                          \
    X(certificate, "server-certificate", WARN, WARN, true, OF_TARGET(FACTS),                       \
      "by [limits]", "the target's certificate names the alias and is valid for some time")        \
    X(hba, "hba", WARN, OFF, true, OF_OWNER(FACTS) | OF_TARGET(FACTS),                             \
      "identical", "pg_hba.conf of owner and target say the same")                                     \
    X(ident, "ident", WARN, OFF, true, OF_OWNER(FACTS) | OF_TARGET(FACTS),                         \
      "identical", "pg_ident.conf of owner and target say the same")                                   \
    X(hba_errors, "hba-errors", BLOCK, WARN, true, OF_EACH(FACTS),                                 \
      "0", "pg_hba.conf and pg_ident.conf have no line in error")                                  \
    X(libraries, "libraries", BLOCK, WARN, true, OF_TARGET(FACTS),                                 \
      "0", "extensions and libraries that databases use are installed on the target")              \
    X(collations, "collations", BLOCK, WARN, true, OF_TARGET(FACTS),                               \
      "0", "text sorts on the target as where its indexes were built")                             \
    X(libc, "libc", WARN, OFF, true, OF_OWNER(HOST) | OF_TARGET(HOST),                             \
      "the owner's", "the C library is the same")                                                  \
    X(mounts, "mounts", BLOCK, WARN, true, OF_TARGET(HOST),                                        \
      "as at the owner", "data directory, WAL and tablespaces are mounted on the target")          \
    X(disk_data, "disk-data", BLOCK, WARN, true, OF_TARGET(HOST),                                  \
      "by [limits]", "free space for data and tablespaces on the target")                          \
    X(unlogged, "unlogged-tables", WARN, WARN, true, OF_TARGET(FACTS),                             \
      "0", "no table loses its rows in a promotion")                                               \
    X(transactions, "transactions", WARN, OFF, true, OF_OWNER(FACTS),                              \
      "by [limits]", "no long transaction is open on the owner")                                   \
    X(dumps, "dumps", WARN, OFF, true, OF_OWNER(FACTS),                                            \
      "0", "no pg_dump or pg_restore works on the owner")                                          \
    X(archiver, "archiver", WARN, OFF, true, OF_OWNER(FACTS),                                      \
      "the last attempt succeeded", "the owner can archive its WAL")                               \
    X(logical_slots, "logical-slots", WARN, OFF, true, OF_OWNER(PG),                               \
      "none", "no logical replication slot is on the owner (they do not move)")                    \
    X(replication_role, "replication-role", BLOCK, WARN, true, OF_TARGET(FACTS),                   \
      "may replicate", "the role of the standbys' connections exists and may replicate")           \
    X(rewindable, "rewindable", WARN, WARN, true, OF_TARGET(PG),                                   \
      "yes", "pg_rewind could take back a primary that diverged")                                  \
    X(rewind_rights, "rewind-rights", OFF, OFF, true, OF_TARGET(FACTS),                            \
      "all four functions", "the replication role may call what pg_rewind needs")                  \
    X(backup_age, "backup-age", WARN, WARN, true, OF_EACH(HOST),                                   \
      "by [limits]", "there is a recent backup")                                                   \
    X(backup_outlives, "backup-outlives", WARN, WARN, true, NEEDS_OWNER_NAME | OF_EACH(HOST),      \
      "by [limits]", "a recent backup can be reached without the owner's host")                    \
    X(foreign_jobs, "foreign-jobs", WARN, WARN, true, OF_EACH(HOST),                               \
      "none, or acknowledged", "nothing is scheduled outside the managed crontab")                 \
    X(inspected, "inspection", WARN, WARN, true, OF_EACH(ANSWER),                                  \
      "no problem", "the agents could see all that preflight asks for")                            \
    X(looked, "postgres-look", WARN, WARN, true, OF_EACH(ANSWER),                                  \
      "no problem", "the agents could see all of PostgreSQL and cron")

/* clang-format on */

#define X(id, name, planned, unplanned, ignorable, needs, threshold, what)                         \
    bool check_##id(const struct check_view *v, struct preflight_result *r);
PREFLIGHT_CHECKS(X)
#undef X
