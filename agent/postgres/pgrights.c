/*
 * postgres_rehearse_rights() of agent/postgres/postgres.h: what follow, detach, promote, rejoin and
 * a checkpoint need, short of doing it.
 *
 *   postgresql.auto.conf   opened for writing and fsynced, as ALTER SYSTEM itself does before it
 *                          renames over it (durable_rename()): read-only, immutable, a link to
 *                          /dev/null and a directory each fail here as they would there
 *   the agent's role       asked for each right; what a version has no grant for takes a superuser
 *   allow_alter_system     from version 17 on: off refuses ALTER SYSTEM to everybody
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgrehearsal.h"
#include "agent/postgres/pgrehearse.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

/* ---- the file -------------------------------------------------------------------------------- */

int pgrehearse_auto_conf(const char *data_directory, char *ret_path, size_t bytes)
{
    if (!str_printf(ret_path, bytes, "%s/postgresql.auto.conf", data_directory))
        return ENAMETOOLONG;

    AUTO(fd) fd = open(ret_path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return errno == ENOENT ? 0 : errno;
    return fsync(fd) < 0 ? errno : 0;
}

/* ---- the role -------------------------------------------------------------------------------- */

/* The first thing that is missing, in the order of their need; false: nothing is. */
bool pgrehearse_rights_missing(const struct pgrights *g, const char *user, bool reloads_by_sql,
                               char *ret_said, size_t said_bytes, char *ret_remedy, size_t bytes)
{
    bool grants = g->version >= 150000;

    if (!g->alter_allowed) {
        str_copy(ret_said, said_bytes,
                 "allow_alter_system is off: follow and detach need ALTER SYSTEM");
        str_copy(ret_remedy, bytes,
                 "in postgresql.conf: allow_alter_system = on, then SELECT pg_reload_conf()");
    } else if (!g->alter) {
        str_printf(ret_said, said_bytes, "the role %s may not set primary_conninfo (ALTER SYSTEM)",
                   user);
        str_printf(ret_remedy, bytes,
                   grants
                       ? "GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name TO %s"
                       : "ALTER ROLE %s SUPERUSER (before version 15 there is no grant for it)",
                   user);
    } else if (!g->promote) {
        str_printf(ret_said, said_bytes, "the role %s may not call pg_promote()", user);
        str_printf(ret_remedy, bytes,
                   "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO %s", user);
    } else if (!g->checkpoint) {
        str_printf(ret_said, said_bytes, "the role %s may not give CHECKPOINT", user);
        str_printf(ret_remedy, bytes,
                   grants ? "GRANT pg_checkpoint TO %s"
                          : "ALTER ROLE %s SUPERUSER (before version 15 there is no grant for it)",
                   user);
    } else if (!g->slots) {
        str_printf(ret_said, said_bytes, "the role %s may not create replication slots", user);
        str_printf(ret_remedy, bytes, "ALTER ROLE %s REPLICATION", user);
    } else if (!g->reload && reloads_by_sql) {
        str_printf(ret_said, said_bytes, "the role %s may not call pg_reload_conf()", user);
        str_printf(ret_remedy, bytes, "GRANT EXECUTE ON FUNCTION pg_reload_conf() TO %s", user);
    } else {
        return false;
    }
    return true;
}

static void on_rights(void *arg, const struct pgconn_reply *r)
{
    struct pgrehearsal *o = arg;
    const struct postgres_config *c = &o->op.p->config;
    char said[sizeof(o->answer->r.said)], remedy[sizeof(o->answer->r.remedy)];

    if (r->e) {
        o->answer->r.late = r->e->code == ERR_TIMEOUT;
        pgrehearsal_end(o, REHEARSAL_UNPROVEN, "",
                        "the role's rights could not be asked for: %.120s", r->e->msg);
        return;
    }

    const struct pgrights g = {
        .version = PQserverVersion(r->raw),
        .alter_allowed = strcmp(pgop_text(r, 0, 0, 0), "off") != 0,
        .alter = pgop_true(r, 0, 0, 1),
        .checkpoint = pgop_true(r, 0, 0, 2),
        .promote = pgop_true(r, 0, 0, 3),
        .slots = pgop_true(r, 0, 0, 4),
        .reload = pgop_true(r, 0, 0, 5),
    };

    if (pgrehearse_rights_missing(&g, c->user, !c->reload_command[0], said, sizeof(said), remedy,
                                  sizeof(remedy)))
        pgrehearsal_end(o, REHEARSAL_FAILED, remedy, "%s", said);
    else
        pgrehearsal_end(o, REHEARSAL_PASSED, "",
                        "ALTER SYSTEM, pg_promote(), CHECKPOINT and slots are permitted");
}

/* has_parameter_privilege() and pg_checkpoint are of version 15 */
static void ask(struct pgrehearsal *o)
{
    static const char granted[] =
        "SELECT coalesce(current_setting('allow_alter_system', true), 'on'),"
        " has_parameter_privilege('primary_conninfo', 'ALTER SYSTEM')"
        " AND has_parameter_privilege('primary_slot_name', 'ALTER SYSTEM'),"
        " rolsuper OR pg_has_role('pg_checkpoint', 'USAGE'),"
        " has_function_privilege('pg_promote(boolean, integer)', 'EXECUTE'),"
        " rolsuper OR rolreplication, has_function_privilege('pg_reload_conf()', 'EXECUTE')"
        " FROM pg_roles WHERE rolname = current_user";
    static const char superuser[] =
        "SELECT 'on', rolsuper, rolsuper,"
        " has_function_privilege('pg_promote(boolean, integer)', 'EXECUTE'),"
        " rolsuper OR rolreplication, has_function_privilege('pg_reload_conf()', 'EXECUTE')"
        " FROM pg_roles WHERE rolname = current_user";

    pgop_ask(&o->op, pgfiles_major(&o->op.p->config) >= 15 ? granted : superuser, on_rights);
}

static void begin(struct pgop *op)
{
    struct pgrehearsal *o = (struct pgrehearsal *)op;
    struct pgpostmaster postmaster;
    char path[512], remedy[sizeof(o->answer->r.remedy)];
    int error = pgrehearse_auto_conf(op->p->config.data_directory, path, sizeof(path));

    if (error) {
        STR_PRINTF(remedy, "make %s a file that PostgreSQL's user can write", path);
        pgrehearsal_end(o, REHEARSAL_FAILED, remedy, "ALTER SYSTEM cannot write %s: %s", path,
                        strerror(error));
    } else if (!pgfiles_postmaster(op->p->config.data_directory, &postmaster)) {
        pgrehearsal_end(o, REHEARSAL_UNPROVEN, "",
                        "PostgreSQL does not run: what its role may do was not asked");
    } else {
        ask(o);
    }
}

void postgres_rehearse_rights(struct postgres *p, int64_t timeout_ms, rehearsal_fn fn, void *arg)
{
    pgrehearsal_new(p, sizeof(struct pgrehearsal), REHEARSAL_RIGHTS, timeout_ms, begin, fn, arg);
}
