/*
 * What a node shows to preflight and plan beyond its observation: the facts that are too heavy for
 * every look. The answer to the verb `inspect` carries it as JSON in the reply's `text`.
 *
 * Nothing here is a secret: a command or an option that may hold a password is shown only as "set"
 * and a hash, a scheduled job as its place and program. Lists are cut at their bounds; the counts
 * beside them are of all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/field.h"

struct inspect_setting { /* pg_settings: the value at session start, in its own unit */
    char name[40];
    char value[128];
    bool pending_restart;
};

struct inspect_text {
    char text[160];
};

struct inspect_mount { /* where PostgreSQL's files are */
    char name[72];     /* "data", "wal", "tablespace NAME" */
    char path[160];
    bool present;
    bool separate; /* on another device than the data directory */
    int64_t free_bytes;
};

struct inspect_job { /* something scheduled outside the crontab that is managed */
    char place[112]; /* "/etc/cron.d/x:3", "x.timer", "/etc/pgbackrest.conf" */
    char what[64];   /* "postgres: pg_dump" */
    char hash[17];   /* of the line or file: what `acknowledged_foreign` may name */
};

struct inspect {
    /* PostgreSQL's settings and rules */
    bool pg_answered;
    int64_t version; /* server_version_num */
    struct inspect_setting settings[56];
    size_t n_settings;
    struct inspect_text hba[48]; /* pg_hba_file_rules, in order; what is too long ends in a hash */
    size_t n_hba;
    int64_t hba_rules, hba_errors; /* hba_rules -1: not seen */
    struct inspect_text ident[24];
    size_t n_ident;
    int64_t ident_rules, ident_errors; /* -1: not seen (the view is of PostgreSQL 15) */

    /* what clients would miss */
    struct inspect_text missing[16]; /* "vospace: pgcrypto 1.3: no control file" */
    size_t n_missing;
    int64_t missing_count, databases, databases_seen;
    struct inspect_text collations[16]; /* "vospace: \"de_DE\" built with 2.36, here is 2.39" */
    size_t n_collations;
    int64_t collations_count;
    char libc[32];    /* "glibc 2.36" */
    int64_t unlogged; /* tables whose rows do not survive a promotion */
    char unlogged_name[128];
    char certificate_names[256]; /* subject alternative names, comma-separated */
    bool certificate_covers_alias;
    int64_t certificate_until_ms;  /* wall clock; 0: ssl is off, or it could not be read */
    char certificate_problem[160]; /* why it could not */

    /* what a stop would meet */
    int64_t oldest_xact_s; /* -1 none */
    char oldest_xact[128]; /* "pid 4711 of app, idle in transaction" */
    int64_t dumps;         /* pg_dump, pg_dumpall, pg_restore at work */
    bool archive_failing;  /* the last attempt failed */
    char archive_failed_wal[64];
    int64_t archive_failed_s; /* since then; -1 never */

    /* rights */
    char replication_role[160]; /* what its role lacks; "" nothing */
    char rewind_lacks[160];     /* functions that pg_rewind over that role may not call */

    /* the host */
    struct inspect_mount mounts[16];
    size_t n_mounts;
    struct inspect_job jobs[32];
    size_t n_jobs;
    int64_t jobs_count;
    char jobs_unread[160]; /* places that the agent may not read */

    /* backups ([backup] of the agent's configuration) */
    bool backup_configured;
    int64_t backup_ms; /* the newest one, wall clock; 0 none seen */
    char backup_place[160];
    bool backup_outlives; /* not on this host's own disks, as far as can be determined */
    char backup_problem[160];

    int64_t elapsed_ms;
    char problem[200]; /* what kept the agent from seeing more; "" none */
    char denied[200];  /* what its role may not read: "pg_hba_file_rules, pg_config"; "" nothing */
    char libraries_unchecked[160]; /* why libraries were not looked for; "" they were */
    char late[200]; /* what had no answer when its share of time was up: ask again with a longer
                          one; "" nothing */
};

extern const struct field_table inspect_table;
