#include "proto/inspect.h"

#define MS_MAX INT64_C(4102444800000) /* the year 2100, as a wall clock in milliseconds */

/* clang-format off */

static const struct field setting_fields[] = {
    F_STRING(struct inspect_setting, name, FIELD_REQUIRED, NULL, "name of the setting"),
    F_STRING(struct inspect_setting, value, 0, NULL, "its value in its own unit; of a command: set, and a hash"),
    F_BOOL(struct inspect_setting, pending_restart, 0, NULL, "the file says something else, from the next start on"),
};
static FIELD_TABLE(setting_table, struct inspect_setting, "setting", setting_fields);

static const struct field text_fields[] = {
    F_STRING(struct inspect_text, text, 0, NULL, "one row"),
};
static FIELD_TABLE(text_table, struct inspect_text, "row", text_fields);

static const struct field mount_fields[] = {
    F_STRING(struct inspect_mount, name, FIELD_REQUIRED, NULL, "data, wal, or a tablespace"),
    F_STRING(struct inspect_mount, path, 0, NULL, "its directory"),
    F_BOOL(struct inspect_mount, present, 0, NULL, "the directory is there"),
    F_BOOL(struct inspect_mount, separate, 0, NULL, "it is on another device than the data directory"),
    F_INT(struct inspect_mount, free_bytes, 0, -1, INT64_MAX, NULL, "free in its file system"),
};
static FIELD_TABLE(mount_table, struct inspect_mount, "mount", mount_fields);

static const struct field job_fields[] = {
    F_STRING(struct inspect_job, place, FIELD_REQUIRED, NULL, "file and line, or timer"),
    F_STRING(struct inspect_job, what, 0, NULL, "the user that it runs as, and what"),
    F_STRING(struct inspect_job, hash, 0, NULL, "of its text: acknowledged_foreign may name it"),
};
static FIELD_TABLE(job_table, struct inspect_job, "job", job_fields);

static const struct field inspect_fields[] = {
    F_BOOL(struct inspect, pg_answered, 0, NULL, "PostgreSQL could be asked"),
    F_INT(struct inspect, version, 0, 0, 10000000, NULL, "server_version_num"),
    F_LIST(struct inspect, settings, n_settings, 0, &setting_table, "settings that matter to a move"),
    F_LIST(struct inspect, hba, n_hba, 0, &text_table, "rules of pg_hba.conf, in order"),
    F_INT(struct inspect, hba_rules, 0, -1, INT32_MAX, NULL, "how many there are, -1 not seen"),
    F_INT(struct inspect, hba_errors, 0, 0, INT32_MAX, NULL, "lines of it that are in error"),
    F_LIST(struct inspect, ident, n_ident, 0, &text_table, "mappings of pg_ident.conf"),
    F_INT(struct inspect, ident_rules, 0, -1, INT32_MAX, NULL, "how many there are, -1 not seen"),
    F_INT(struct inspect, ident_errors, 0, 0, INT32_MAX, NULL, "lines of it that are in error"),
    F_LIST(struct inspect, missing, n_missing, 0, &text_table, "extensions and libraries that databases use and that are not installed here"),
    F_INT(struct inspect, missing_count, 0, 0, INT32_MAX, NULL, "how many"),
    F_INT(struct inspect, databases, 0, 0, INT32_MAX, NULL, "databases that accept connections"),
    F_INT(struct inspect, databases_seen, 0, 0, INT32_MAX, NULL, "of them, those that were looked into"),
    F_LIST(struct inspect, collations, n_collations, 0, &text_table, "collations whose version here is not the one that indexes were built with"),
    F_INT(struct inspect, collations_count, 0, 0, INT32_MAX, NULL, "how many"),
    F_STRING(struct inspect, libc, 0, NULL, "the C library's version"),
    F_INT(struct inspect, unlogged, 0, 0, INT32_MAX, NULL, "unlogged tables: empty after a promotion"),
    F_STRING(struct inspect, unlogged_name, 0, NULL, "one of them"),
    F_STRING(struct inspect, certificate_names, 0, NULL, "names in the server's certificate"),
    F_BOOL(struct inspect, certificate_covers_alias, 0, NULL, "the alias is one of them"),
    F_INT(struct inspect, certificate_until_ms, 0, 0, INT64_MAX, NULL, "when it expires (wall clock, ms), 0 unknown"),
    F_STRING(struct inspect, certificate_problem, 0, NULL, "why it could not be read"),
    F_INT(struct inspect, oldest_xact_s, 0, -1, INT64_MAX, NULL, "age of the oldest transaction (s), -1 none"),
    F_STRING(struct inspect, oldest_xact, 0, NULL, "whose it is"),
    F_INT(struct inspect, dumps, 0, 0, INT32_MAX, NULL, "pg_dump, pg_dumpall or pg_restore at work"),
    F_BOOL(struct inspect, archive_failing, 0, NULL, "the last attempt to archive failed"),
    F_STRING(struct inspect, archive_failed_wal, 0, NULL, "the file that failed last"),
    F_INT(struct inspect, archive_failed_s, 0, -1, INT64_MAX, NULL, "since then (s), -1 never"),
    F_STRING(struct inspect, replication_role, 0, NULL, "what the replication role lacks"),
    F_STRING(struct inspect, rewind_lacks, 0, NULL, "functions that pg_rewind may not call as that role"),
    F_LIST(struct inspect, mounts, n_mounts, 0, &mount_table, "where PostgreSQL's files are"),
    F_LIST(struct inspect, jobs, n_jobs, 0, &job_table, "what is scheduled outside the managed crontab"),
    F_INT(struct inspect, jobs_count, 0, 0, INT32_MAX, NULL, "how many"),
    F_STRING(struct inspect, jobs_unread, 0, NULL, "places that the agent may not read"),
    F_BOOL(struct inspect, backup_configured, 0, NULL, "the agent's configuration has [backup]"),
    F_INT(struct inspect, backup_ms, 0, 0, MS_MAX, NULL, "the newest backup (wall clock, ms), 0 none"),
    F_STRING(struct inspect, backup_place, 0, NULL, "where it is"),
    F_BOOL(struct inspect, backup_outlives, 0, NULL, "not on this host's own disks"),
    F_STRING(struct inspect, backup_problem, 0, NULL, "why it could not be seen"),
    F_INT(struct inspect, elapsed_ms, 0, 0, INT32_MAX, NULL, "how long the inspection took (ms)"),
    F_STRING(struct inspect, problem, 0, NULL, "what kept the agent from seeing more"),
    F_STRING(struct inspect, denied, 0, NULL, "what the agent's role may not read"),
    F_STRING(struct inspect, libraries_unchecked, 0, NULL, "why libraries were not looked for"),
    F_STRING(struct inspect, late, 0, NULL, "what had no answer when its share of time was up"),
};
FIELD_TABLE(inspect_table, struct inspect, "inspection", inspect_fields);

/* clang-format on */
