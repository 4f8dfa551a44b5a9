/*
 * All statements go over a connection of the inspection's own, one after the other, each with what
 * is left of the deadline; a failed one costs only its own findings. They run on
 * PostgreSQL 13 to 17.
 */
#include <string.h>
#include <unistd.h>

#include "agent/look/inspect_parts.h"
#include "agent/postgres/pgop.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { DATABASES_MAX = 64, LIBRARY_BYTES = 256, EXTENSIONS_CAP_BYTES = 256 * 1024 };

struct look {
    struct loop *loop;
    const struct postgres_config *config;
    struct inspect *i;
    int64_t deadline_ms;
    bool done, recovery, extensions_known;
    char library_directory[LIBRARY_BYTES];
    struct buf extensions; /* "name version", a line each */
    char databases[DATABASES_MAX][64];
    size_t n_databases;
};

/* Commands are reported as set or not: they may contain a password. */
static const char sql_settings[] =
    "SELECT name, CASE WHEN name IN ('archive_command', 'restore_command', "
    "'archive_cleanup_command',"
    " 'recovery_end_command') AND coalesce(reset_val, '') <> ''"
    " THEN 'set, ' || left(encode(sha256(convert_to(reset_val, 'UTF8')), 'hex'), 12)"
    " ELSE left(coalesce(reset_val, ''), 120) END AS value, pending_restart::text"
    " FROM pg_settings WHERE name IN ('max_connections', 'max_worker_processes', 'max_wal_senders',"
    " 'max_prepared_transactions', 'max_locks_per_transaction', 'max_replication_slots',"
    " 'max_logical_replication_workers', 'max_parallel_workers', 'superuser_reserved_connections',"
    " 'wal_level', 'archive_mode', 'archive_command', 'archive_library', 'archive_timeout',"
    " 'restore_command', 'shared_preload_libraries', 'session_preload_libraries',"
    " 'local_preload_libraries', 'listen_addresses', 'port', 'ssl', 'ssl_cert_file',"
    " 'ssl_min_protocol_version', 'password_encryption', 'hot_standby', 'hot_standby_feedback',"
    " 'wal_log_hints', 'data_checksums', 'full_page_writes', 'fsync', 'max_slot_wal_keep_size',"
    " 'wal_keep_size', 'recovery_target_timeline', 'recovery_min_apply_delay',"
    " 'synchronous_commit', 'default_transaction_read_only', 'default_transaction_isolation',"
    " 'TimeZone', 'shared_buffers', 'work_mem', 'max_wal_size', 'autovacuum',"
    " 'idle_in_transaction_session_timeout', 'track_commit_timestamp', 'jit',"
    " 'wal_sender_timeout', 'huge_pages', 'data_directory', 'dynamic_library_path')"
    " OR pending_restart ORDER BY pending_restart DESC, name;";

static const char sql_state[] =
    "SELECT current_setting('server_version_num') AS version, pg_is_in_recovery() AS rec,"
    " coalesce(x.age, -1) AS oldest_xact_s, x.who AS oldest_xact,"
    " (SELECT count(*) FROM pg_stat_activity"
    "  WHERE application_name IN ('pg_dump', 'pg_dumpall', 'pg_restore')) AS dumps,"
    " (a.last_failed_time > coalesce(a.last_archived_time, '-infinity'))::text AS archive_failing,"
    " a.last_failed_wal AS archive_failed_wal,"
    " extract(epoch FROM clock_timestamp() - a.last_failed_time)::bigint AS archive_failed_s"
    " FROM pg_stat_archiver a LEFT JOIN LATERAL"
    " (SELECT greatest(0, extract(epoch FROM clock_timestamp() - xact_start))::bigint AS age,"
    "   format('pid %s of %s, %s', pid, usename, state) AS who FROM pg_stat_activity"
    "   WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    "   AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1) x ON true;";

static const char sql_databases[] =
    "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datistemplate, datname;";

static const char sql_tablespaces[] =
    "SELECT spcname AS name, pg_tablespace_location(oid) AS path FROM pg_tablespace"
    " WHERE pg_tablespace_location(oid) <> '' ORDER BY 1";

/* Options may hold a bind password. */
static const char sql_hba[] =
    "SELECT error IS NOT NULL, concat_ws(' ', type, array_to_string(database, ','),"
    " array_to_string(user_name, ','), address, netmask, auth_method,"
    " regexp_replace(array_to_string(options, ' '), '(passwd|secrets?)=\\S*', '\\1=(secret)', 'g'))"
    " FROM pg_hba_file_rules ORDER BY line_number";

static const char sql_ident[] = "SELECT error IS NOT NULL, concat_ws(' ', map_name, sys_name,"
                                " pg_username) FROM pg_ident_file_mappings ORDER BY line_number";

/* One read of the control files, not one in each database. */
static const char sql_extensions[] = "SELECT name || ' ' || version FROM"
                                     " pg_available_extension_versions";

static const char sql_library_directory[] =
    "SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'";

/* Databases' own collation: of PostgreSQL 15. */
static const char sql_database_collations[] =
    "SELECT format('%s: its default collation was built with %s, here is %s', datname,"
    " datcollversion, pg_database_collation_actual_version(oid)) FROM pg_database"
    " WHERE datcollversion <> pg_database_collation_actual_version(oid) ORDER BY datname";

/* pg_rewind's needs: PostgreSQL, pg_rewind, Notes. */
static const char sql_role[] =
    "SELECT CASE WHEN r.oid IS NULL THEN 'does not exist'"
    " WHEN NOT r.rolcanlogin THEN 'may not log in'"
    " WHEN NOT (r.rolreplication OR r.rolsuper) THEN 'lacks REPLICATION' ELSE '' END,"
    " (SELECT string_agg(f, ', ') FROM (VALUES ('pg_ls_dir(text, boolean, boolean)'),"
    "  ('pg_stat_file(text, boolean)'), ('pg_read_binary_file(text)'),"
    "  ('pg_read_binary_file(text, bigint, bigint, boolean)')) v(f)"
    "  WHERE r.oid IS NOT NULL AND NOT has_function_privilege(r.oid, f, 'EXECUTE'))"
    " FROM (SELECT $1::name AS name) q LEFT JOIN pg_roles r ON r.rolname = q.name";

/* ---- results into the struct ----------------------------------------------------------------- */

/* What is too long is cut, what does not fit its field left out: nothing here decides alone. */
static void set_row(const struct field_table *t, const PGresult *r, int row, void *obj)
{
    for (int k = 0; k < PQnfields(r); k++) {
        const struct field *f = field_find(t, PQfname(r, k));

        if (!f || PQgetisnull(r, row, k))
            continue;
        if (f->type == FIELD_STRING)
            str_copy((char *)obj + f->offset, f->size, PQgetvalue(r, row, k));
        else
            (void)field_set(f, obj, PQgetvalue(r, row, k), NULL, NULL);
    }
}

static void take_settings(struct inspect *i, const PGresult *r)
{
    const struct field_table *t = field_find(&inspect_table, "settings")->sub;
    const size_t max = sizeof(i->settings) / sizeof(i->settings[0]);

    for (int row = 0; row < PQntuples(r) && i->n_settings < max; row++)
        set_row(t, r, row, &i->settings[i->n_settings++]);
}

static void take_databases(struct look *k, const PGresult *r)
{
    k->i->databases = PQntuples(r);
    for (int row = 0; row < PQntuples(r) && k->n_databases < DATABASES_MAX; row++) {
        STR_COPY(k->databases[k->n_databases], PQgetvalue(r, row, 0));
        k->n_databases++;
    }
}

static void take_tablespaces(struct inspect *i, const PGresult *r)
{
    const size_t max = sizeof(i->mounts) / sizeof(i->mounts[0]);

    for (int row = 0; row < PQntuples(r) && i->n_mounts < max; row++) {
        struct inspect_mount *m = &i->mounts[i->n_mounts++];

        STR_PRINTF(m->name, "tablespace %s", PQgetvalue(r, row, 0));
        STR_COPY(m->path, PQgetvalue(r, row, 1));
    }
}

void inspect_note(struct inspect *i, const char *what, const struct pgconn_reply *r)
{
    static const char insufficient_privilege[] = "42501", query_canceled[] = "57014";
    bool late = r->e->code == ERR_TIMEOUT || strcmp(r->sqlstate, query_canceled) == 0;
    char *said = late ? i->late : i->problem;
    size_t used = strlen(i->denied);

    if (strcmp(r->sqlstate, insufficient_privilege) == 0)
        (void)str_printf(i->denied + used, sizeof(i->denied) - used, "%s%s", used ? ", " : "",
                         what);
    else if (!said[0])
        (void)str_printf(said, late ? sizeof(i->late) : sizeof(i->problem), "%s: %s", what,
                         r->e->msg);
}

static void note(struct look *k, const char *what, const struct pgconn_reply *r)
{
    inspect_note(k->i, what, r);
}

static void on_state(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e) {
        note(k, "settings and activity", r);
        return;
    }
    k->i->pg_answered = true;
    take_settings(k->i, r->results[0]);
    set_row(&inspect_table, r->results[1], 0, k->i);
    k->recovery = pgop_true(r, 1, 0, PQfnumber(r->results[1], "rec"));
    take_databases(k, r->results[2]);
    take_tablespaces(k->i, r->results[3]);
}

/* (is it an error?, text) */
static void take_rules(const PGresult *r, struct inspect_text *rows, size_t *n, size_t max,
                       int64_t *ret_rules, int64_t *ret_errors)
{
    *ret_rules = 0;
    for (int row = 0; row < PQntuples(r); row++) {
        if (PQgetvalue(r, row, 0)[0] == 't') {
            ++*ret_errors;
            continue;
        }
        ++*ret_rules;
        inspect_add_text(rows, n, max, PQgetvalue(r, row, 1));
    }
}

static void on_hba(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e)
        note(k, "pg_hba_file_rules", r);
    else
        take_rules(r->results[0], k->i->hba, &k->i->n_hba, sizeof(k->i->hba) / sizeof(k->i->hba[0]),
                   &k->i->hba_rules, &k->i->hba_errors);
}

static void on_ident(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e)
        note(k, "pg_ident_file_mappings", r);
    else
        take_rules(r->results[0], k->i->ident, &k->i->n_ident,
                   sizeof(k->i->ident) / sizeof(k->i->ident[0]), &k->i->ident_rules,
                   &k->i->ident_errors);
}

static void on_role(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e) {
        note(k, "rights of the replication role", r);
        return;
    }
    if (*pgop_text(r, 0, 0, 0))
        STR_PRINTF(k->i->replication_role, "%s %s", k->config->replication_user,
                   pgop_text(r, 0, 0, 0));
    STR_COPY(k->i->rewind_lacks, pgop_text(r, 0, 0, 1));
}

static void on_collations(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e) {
        note(k, "collations of databases", r);
        return;
    }
    for (int row = 0; row < PQntuples(r->results[0]); row++, k->i->collations_count++)
        inspect_add_text(k->i->collations, &k->i->n_collations,
                         sizeof(k->i->collations) / sizeof(k->i->collations[0]),
                         pgop_text(r, 0, row, 0));
}

static void on_extensions(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;

    k->done = true;
    if (r->e) {
        note(k, "extensions that can be had", r);
        return;
    }
    k->extensions_known = true;
    for (int row = 0; row < PQntuples(r->results[0]); row++)
        buf_printf(&k->extensions, "%s\n", pgop_text(r, 0, row, 0));
}

bool inspect_library_directory(const char *bin_directory, char *ret_directory, size_t bytes)
{
    /* pgdg's and Debian's packages; Rocky's own; a build of one's own */
    static const char *const beside[] = {
        "lib", "lib64/pgsql", "lib/pgsql", "lib64/postgresql", "lib/postgresql", NULL};
    char file[LIBRARY_BYTES + 32];

    for (size_t n = 0; beside[n]; n++) {
        STR_PRINTF(file, "%s/../%s/libpqwalreceiver.so", bin_directory, beside[n]);
        if (access(file, F_OK) == 0)
            return str_printf(ret_directory, bytes, "%s/../%s", bin_directory, beside[n]);
    }
    return false;
}

/* The view needs a right; else it is the directory beside the programs that has the server's own
 * library. */
static void on_library_directory(void *arg, const struct pgconn_reply *r)
{
    struct look *k = arg;
    const char *directory = r->e ? "" : pgop_text(r, 0, 0, 0);

    k->done = true;
    if (*directory)
        STR_COPY(k->library_directory, directory);
    else if (!inspect_library_directory(k->config->bin_directory, k->library_directory,
                                        sizeof(k->library_directory)) &&
             r->e) {
        note(k, "pg_config", r);
        STR_PRINTF(k->i->libraries_unchecked, "the server's library directory is not known: %s",
                   r->e->msg);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static int64_t left_ms(const struct look *k)
{
    int64_t left = k->deadline_ms - clock_mono_ms();

    return left > 1 ? left : 1;
}

static void ask(struct look *k, struct pgconn *c, const char *sql, const char *parameter,
                pgconn_fn fn)
{
    k->done = false;
    pgconn_query(c, sql, &parameter, parameter ? 1 : 0, left_ms(k), fn, k);
    (void)loop_wait(k->loop, &k->done, -1, NULL); /* the statement has the deadline */
}

static void ask_all(struct look *k, struct pgconn *c)
{
    char sql[sizeof(sql_settings) + sizeof(sql_state) + sizeof(sql_databases) +
             sizeof(sql_tablespaces)];

    STR_PRINTF(sql, "%s%s%s%s", sql_settings, sql_state, sql_databases, sql_tablespaces);
    ask(k, c, sql, NULL, on_state);
    if (!k->i->pg_answered)
        return;
    ask(k, c, sql_hba, NULL, on_hba);
    ask(k, c, sql_role, k->config->replication_user, on_role);
    if (k->i->version >= 150000)
        ask(k, c, sql_ident, NULL, on_ident);
    if (!k->recovery)
        return;
    ask(k, c, sql_extensions, NULL, on_extensions);
    ask(k, c, sql_library_directory, NULL, on_library_directory);
    if (k->i->version >= 150000)
        ask(k, c, sql_database_collations, NULL, on_collations);
}

/* Only a standby may become the target, and a primary has better things to do. */
static void look_into_databases(struct look *k)
{
    for (size_t n = 0; n < k->n_databases; n++) {
        if (clock_mono_ms() >= k->deadline_ms) {
            if (!k->i->late[0])
                STR_PRINTF(k->i->late, "%zu of %zu databases were looked into", n, k->n_databases);
            return;
        }
        const struct inspect_database d = {.config = k->config,
                                           .name = k->databases[n],
                                           .library_directory = k->library_directory,
                                           .extensions =
                                               k->extensions_known ? k->extensions.data : NULL};

        inspect_pg_database(k->loop, &d, k->deadline_ms, k->i);
    }
}

void inspect_pg(struct loop *l, const struct postgres_config *c, int64_t deadline_ms,
                struct inspect *i)
{
    struct look *k = mem_alloc(sizeof(*k));
    struct pgconn *conn = postgres_connection(l, c, c->database, 0);

    *k = (struct look){.loop = l, .config = c, .i = i, .deadline_ms = deadline_ms};
    buf_init(&k->extensions, EXTENSIONS_CAP_BYTES);
    i->hba_rules = i->ident_rules = i->oldest_xact_s = i->archive_failed_s = -1;
    ask_all(k, conn);
    pgconn_free(conn);
    if (k->recovery)
        look_into_databases(k);
    buf_free(&k->extensions);
    mem_free(k);
}
