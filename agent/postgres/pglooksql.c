#include "agent/postgres/pglooksql.h"

#include <string.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgrecovery.h"
#include "base/buf.h"

/* OFFSET 0 keeps the planner from calling pg_is_in_recovery() again for each column. A promotion
 * between two columns makes a function fail with 55000; the look is then repeated. */
static const char sql_main[] =
    "SELECT CASE WHEN rec THEN 'standby' ELSE 'primary' END AS role,"
    " current_setting('server_version_num') AS version,"
    " CASE WHEN NOT rec THEN"
    "  ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint"
    "  END AS tli,"
    " CASE WHEN NOT rec THEN pg_current_wal_insert_lsn() END AS insert_lsn,"
    " CASE WHEN NOT rec THEN pg_current_wal_flush_lsn() END AS flush_lsn,"
    " CASE WHEN rec THEN pg_last_wal_receive_lsn() END AS receive_lsn,"
    " CASE WHEN rec THEN pg_last_wal_replay_lsn() END AS replay_lsn,"
    " CASE WHEN rec THEN greatest(0, (extract(epoch FROM clock_timestamp()"
    "  - pg_last_xact_replay_timestamp()) * 1000)::bigint) END AS replay_delay_ms,"
    " CASE WHEN rec THEN pg_is_wal_replay_paused()::text END AS replay_paused,"
    " CASE WHEN rec THEN (w.pid IS NULL AND EXISTS (SELECT FROM pg_stat_activity"
    "  WHERE backend_type = 'startup' AND wait_event IN"
    "  ('RecoveryRetrieveRetryInterval', 'RecoveryWalAll')))::text END AS drained,"
    " (extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)"
    "  * 1000)::bigint AS apply_delay_ms,"
    " w.status AS receiver_status, w.sender_host AS receiver_host,"
    " w.sender_port AS receiver_port, w.slot_name AS receiver_slot,"
    " (extract(epoch FROM w.last_msg_receipt_time) * 1000)::bigint AS heard_wall_ms,"
    " w.latest_end_lsn AS heard_lsn, w.sender_host AS heard_host,"
    " CASE WHEN rec THEN " PGRECOVERY_ACTIVE_SQL " END AS recovery_active,"
    " current_setting('recovery_target_timeline') AS timeline_target,"
    " current_setting('synchronous_standby_names') AS sync_standby_names,"
    " current_setting('synchronous_commit') AS synchronous_commit,"
    " current_setting('max_wal_senders') AS max_wal_senders,"
    " current_setting('max_replication_slots') AS max_replication_slots,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender'"
    "  AND application_name <> 'pgtandem-agent') AS wal_senders_used," /* rehearsals, evidence */
    " (SELECT count(*) FROM pg_prepared_xacts) AS prepared_xacts,"
    " b.n@1 AS backups_running, left(b.who, 94) AS backups,"
    " left(b.who, 254) AS backup_list,"
    " pg_size_bytes(current_setting('max_slot_wal_keep_size', true)) AS slot_keep_bytes,"
    " (current_setting('full_page_writes')::bool AND (current_setting('wal_log_hints')::bool"
    "  OR current_setting('data_checksums')::bool))::text AS rewindable,"
    " current_setting('primary_conninfo') AS _conninfo,"
    " current_setting('data_directory') AS _data_directory"
    " FROM (SELECT pg_is_in_recovery() AS rec OFFSET 0) r"
    " LEFT JOIN pg_stat_wal_receiver w ON true"
    /* whoever copies the files behind PostgreSQL's back holds a session that began the backup;
     * where to is in BASE_BACKUP's TARGET, of version 15: else to the client, who alone knows the
     * place */
    " CROSS JOIN (SELECT count(*) AS n, string_agg('process ' || a.pid || ' ('"
    "  || coalesce(nullif(a.application_name, ''), a.backend_type) || ') of ' || a.usename"
    "  || coalesce(' from ' || host(a.client_addr), '')"
    "  || CASE WHEN s.state = 'backup' AND (a.query LIKE 'BASE_BACKUP%'"
    "   OR current_setting('server_version_num')::int < 150000) THEN ' to ' || coalesce("
    "   substring(a.query FROM 'TARGET ''([a-z]+)''')"
    "   || coalesce(' ' || substring(a.query FROM 'TARGET_DETAIL ''([^'']*)'''), ''), 'client')"
    "   ELSE '' END || ', since ' || to_char(a.backend_start, 'HH24:MI') || @2, '; ' ORDER BY "
    "a.pid) AS who"
    "  FROM pg_stat_activity a LEFT JOIN pg_stat_replication s ON s.pid = a.pid"
    "  WHERE s.state = 'backup' OR a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'"
    "  AND (a.application_name LIKE 'pgBackRest [backup%'"
    "  OR a.query ~* '^[^'']*pg_(backup_start|start_backup)\\s*\\(')) b;";

/* Of version 13: how far pg_basebackup is. */
static const char sql_progress[] =
    "coalesce((SELECT ', ' || p.phase || coalesce(' ' || 100 * p.backup_streamed"
    " / nullif(p.backup_total, 0) || '%', '') FROM pg_stat_progress_basebackup p"
    " WHERE p.pid = a.pid), '')";

static const char sql_senders[] =
    "SELECT r.application_name AS application, coalesce(host(r.client_addr), '') AS address,"
    " CASE WHEN s.slot_type = 'logical' THEN 'logical' ELSE r.state END AS state,"
    " r.sync_state AS sync, r.sent_lsn, r.flush_lsn, r.replay_lsn, r.pid AS _pid,"
    " least(999999999, extract(epoch FROM r.replay_lag) * 1000)::bigint AS replay_lag_ms,"
    " coalesce(r.client_port, 0) AS _port"
    " FROM pg_stat_replication r LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid"
    " WHERE r.state <> 'backup' AND r.application_name <> 'pgtandem-agent' ORDER BY 1, r.pid;";

static const char sql_slots[] = "SELECT slot_name AS name, active::text, restart_lsn, (slot_type = "
                                "'physical')::text AS physical"
                                " FROM pg_replication_slots ORDER BY 1";

/* The three statements, each behind its prefix. */
static void add_statements(const struct postgres_config *c, const char *const prefix[3],
                           struct buf *b)
{
    long major = pgfiles_major(c);
    /* the exclusive backup mode ended with version 15, its function with it */
    const char *exclusive = major > 0 && major < 15 ? " + pg_is_in_backup()::int" : "";
    const char *progress = major >= 13 ? sql_progress : "''";
    const char *one = strstr(sql_main, "@1"), *two = strstr(sql_main, "@2");

    buf_str(b, prefix[0]);
    buf_add(b, sql_main, (size_t)(one - sql_main));
    buf_str(b, exclusive);
    buf_add(b, one + 2, (size_t)(two - one - 2));
    buf_str(b, progress);
    buf_str(b, two + 2);
    buf_str(b, prefix[1]);
    buf_str(b, sql_senders);
    buf_str(b, prefix[2]);
    buf_str(b, sql_slots);
}

void pglooksql_plain(const struct postgres_config *c, struct buf *b)
{
    static const char *const as_they_are[] = {"", "", ""};

    add_statements(c, as_they_are, b);
}

void pglooksql_prepare(const struct postgres_config *c, struct buf *b)
{
    static const char *const prepare[] = {"PREPARE look_main AS ", "PREPARE look_senders AS ",
                                          "PREPARE look_slots AS "};

    add_statements(c, prepare, b);
}

const char pglooksql_execute[] = "EXECUTE look_main; EXECUTE look_senders; EXECUTE look_slots";
