/* The object of agent/postgres/postgres.h and its configuration; what it does is in pgobserve.c,
 * pgprocess.c, pgact.c, pgfollow.c and pgprobe.c. */
#include "agent/postgres/postgres.h"

#include <string.h>

#include "agent/postgres/pgkept.h"
#include "agent/postgres/pgobserve.h"
#include "agent/postgres/pgop.h"
#include "agent/postgres/pgsettings.h"
#include "agent/postgres/pgspawn.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* clang-format off */
static const struct field config_fields[] = {
    F_STRING(struct postgres_config, data_directory, FIELD_REQUIRED, NULL, "PGDATA"),
    F_STRING(struct postgres_config, bin_directory, FIELD_REQUIRED, NULL, "where postgres and pg_rewind are, e.g. /usr/lib/postgresql/15/bin"),
    F_STRING(struct postgres_config, config_file, 0, "", "postgresql.conf, where it is outside PGDATA (Debian)"),
    F_STRING(struct postgres_config, socket_directory, 0, "/var/run/postgresql", "directory of PostgreSQL's Unix socket"),
    F_INT(struct postgres_config, port, 0, 1, 65535, "5432", "PostgreSQL's port"),
    F_STRING(struct postgres_config, address, FIELD_REQUIRED, NULL, "IP address where the other nodes reach this PostgreSQL"),
    F_STRING(struct postgres_config, user, 0, "postgres", "role that the agent connects as"),
    F_STRING(struct postgres_config, database, 0, "postgres", "database that the agent connects to"),
    F_STRING(struct postgres_config, replication_user, 0, "replicator", "role of the standbys' connections"),
    F_STRING(struct postgres_config, replication_options, FIELD_SECRET, "", "appended to primary_conninfo, e.g. sslmode=verify-full; never host, hostaddr or port"),
    F_STRING(struct postgres_config, log_file, 0, "", "where the postmaster's messages go when the agent starts it; empty: PGDATA/pgtandem-start.log"),
    F_STRING(struct postgres_config, start_command, FIELD_RELOADS, "", "command that starts PostgreSQL, e.g. systemctl start postgresql@15-main; empty: the agent starts it"),
    F_STRING(struct postgres_config, stop_command, FIELD_RELOADS, "", "command that stops it; empty: SIGINT to the postmaster"),
    F_STRING(struct postgres_config, reload_command, FIELD_RELOADS, "", "command that reloads it; empty: pg_reload_conf()"),
    F_STRING(struct postgres_config, stop_check_command, FIELD_RELOADS, "", "rehearsals: a command that changes nothing and ends with 0 where stop_command is permitted"),
    F_STRING(struct postgres_config, start_check_command, FIELD_RELOADS, "", "the same for start_command"),
    F_INT(struct postgres_config, start_timeout_ms, FIELD_RELOADS, 100, 86400000, "60000", "longest start (ms)"),
    F_INT(struct postgres_config, stop_timeout_ms, FIELD_RELOADS, 100, 86400000, "60000", "longest fast stop (ms)"),
    F_INT(struct postgres_config, promote_timeout_ms, FIELD_RELOADS, 100, 86400000, "60000", "longest promotion (ms)"),
};
/* clang-format on */
FIELD_TABLE(postgres_config_table, struct postgres_config, "postgres", config_fields);

enum {
    CONNINFO_CAP_BYTES = 4096,
    OBSERVE_STATEMENT_TIMEOUT_MS = 10000,
};

/* What goes into every session: our statements name catalog objects only, wait for no lock for
 * long, and end by themselves if this side goes away. The act connection has no statement_timeout:
 * a CHECKPOINT may take its time, and pg_cancel_backend() ends what passes its deadline. */
struct pgconn *postgres_connection(struct loop *l, const struct postgres_config *c,
                                   const char *database, int statement_timeout_ms)
{
    struct buf b;
    char number[24], options[160];

    buf_init(&b, CONNINFO_CAP_BYTES);
    STR_PRINTF(number, "%d", (int)c->port);
    STR_PRINTF(options,
               "-c search_path=pg_catalog -c lock_timeout=5000 -c statement_timeout=%d "
               "-c client_min_messages=warning",
               statement_timeout_ms);
    pgsettings_conninfo_add(&b, "host", c->socket_directory);
    pgsettings_conninfo_add(&b, "port", number);
    pgsettings_conninfo_add(&b, "user", c->user);
    pgsettings_conninfo_add(&b, "dbname", database);
    pgsettings_conninfo_add(&b, "application_name", "pgtandem-agent");
    pgsettings_conninfo_add(&b, "client_encoding", "UTF8");
    pgsettings_conninfo_add(&b, "gssencmode", "disable"); /* looking for tickets may block */
    pgsettings_conninfo_add(&b, "options", options);

    struct pgconn *conn = pgconn_new(l, b.data, "PostgreSQL here");

    buf_free(&b);
    return conn;
}

void postgres_reconfigure(struct postgres *p, const struct postgres_config *c)
{
    p->config = *c;
}

void postgres_keep_conninfo(struct postgres *p, const char *path)
{
    pgkept_load(p->kept, path);
}

void postgres_keep_ran(struct postgres *p, struct ran_log *ran)
{
    p->ran = ran;
}

struct postgres *postgres_new(struct loop *l, const struct postgres_config *c, const char *node)
{
    struct postgres *p = mem_alloc(sizeof(*p));

    p->loop = l;
    p->config = *c;
    STR_COPY(p->node, node);
    p->observe = postgres_connection(l, c, c->database, OBSERVE_STATEMENT_TIMEOUT_MS);
    p->act = postgres_connection(l, c, c->database, 0);
    p->look = pglook_new(p);
    p->kept = pgkept_new();
    return p;
}

void postgres_free(struct postgres *p)
{
    if (!p)
        return;
    pgconn_free(p->observe);
    pgconn_free(p->act);
    pglook_free(p->look);
    pgkept_free(p->kept);
    while (p->ops)
        pgop_drop(p->ops);
    pgspawn_free(p->spawn);
    mem_free(p);
}

/* A promotion in progress makes no further step: its deadline has passed, and it says so from the
 * loop. What it may have left behind that could act later is its signal file. */
void postgres_end_children(struct postgres *p)
{
    char path[sizeof(p->config.data_directory) + 16];

    for (struct pgop *op = p->ops; op; op = op->next)
        if (strcmp(op->what, "promote") == 0)
            op->deadline_ms = 0;
    if (STR_PRINTF(path, "%s/promote", p->config.data_directory))
        file_remove(path, NULL);
}
