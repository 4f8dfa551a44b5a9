/*
 * The second way of follow and detach, for a server that refuses ALTER SYSTEM (no right to it,
 * allow_alter_system = off, a postgresql.auto.conf that it cannot replace): stop it, and start it
 * as a standby with the setting.
 *
 *   stopped, postgresql.auto.conf can be replaced      there, so that every later start has it too
 *   else, and the agent starts the postmaster itself   on its command line: until the next start
 *   else                                               it fails; PostgreSQL starts as it was
 */
#include <string.h>
#include <sys/stat.h>

#include "agent/postgres/pgkept.h"
#include "agent/postgres/pgop.h"
#include "agent/postgres/pgsettings.h"
#include "agent/postgres/pgspawn.h"
#include "base/str.h"

struct restart_op {
    struct pgop op;
    bool detach;
    char conninfo[CONNINFO_BYTES], slot[64];
    char settings[2][CONNINFO_BYTES + 32]; /* for the command line */
    const char *more[3];
    struct err why; /* the setting could not be made */
};

static void on_drained(void *arg, const struct err *e)
{
    pgop_end(arg, e);
}

static void on_value(void *arg, const struct pgconn_reply *r)
{
    struct restart_op *o = arg;

    if (r->e)
        pgop_end(&o->op, r->e);
    else if (strcmp(pgop_text(r, 0, 0, 0), o->conninfo) != 0)
        pgop_fail(&o->op, ERR_INCOMPLETE, "look for it in the configuration files",
                  "restarted, but primary_conninfo is not what was set (its source is \"%s\")",
                  pgop_text(r, 0, 0, 1));
    else if (o->detach)
        postgres_drain(o->op.p, pgop_left_ms(&o->op), on_drained, &o->op);
    else
        pgop_end(&o->op, NULL);
}

static void on_started(void *arg, const struct err *e)
{
    struct restart_op *o = arg;

    if (o->why.code)
        pgop_end(&o->op, &o->why);
    else if (e)
        pgop_end(&o->op, e);
    else
        pgop_ask(&o->op, "SELECT setting, source FROM pg_settings WHERE name = 'primary_conninfo'",
                 on_value);
}

/* Every user of the host sees a command line. */
static bool may_be_shown(const char *conninfo)
{
    return strstr(conninfo, "password") == NULL;
}

static void on_stopped(void *arg, const struct err *e)
{
    struct restart_op *o = arg;
    const struct postgres_config *c = &o->op.p->config;
    const char *names[] = {"primary_conninfo", "primary_slot_name"};
    const char *values[] = {o->conninfo, o->slot};
    const char *const *more = NULL;

    if (e) {
        pgop_end(&o->op, e);
        return;
    }
    if (pgsettings_auto_conf(c, names, values, o->detach ? 1 : 2, &o->why) == 0) {
        o->why.code = 0;
    } else if (c->start_command[0] == '\0' && may_be_shown(o->conninfo)) {
        o->why.code = 0;
        more = o->more;
    }
    postgres_start_with(o->op.p, more, pgop_left_ms(&o->op), on_started, &o->op);
}

static void begin(struct pgop *op)
{
    struct restart_op *o = (struct restart_op *)op;

    if (o->why.code) { /* nothing to set: nothing is stopped for it */
        pgop_end(op, &o->why);
        return;
    }
    STR_PRINTF(o->settings[0], "primary_conninfo=%s", o->conninfo);
    STR_PRINTF(o->settings[1], "primary_slot_name=%s", o->slot);
    o->more[0] = o->settings[0];
    o->more[1] = o->detach ? NULL : o->settings[1];
    postgres_stop(op->p, false, pgop_left_ms(op), on_stopped, op);
}

void postgres_follow_by_restart(struct postgres *p, const struct upstream *up, const char *slot,
                                int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct restart_op *o = pgop_new(p, sizeof(*o), "restart", timeout_ms, fn, arg);
    struct err e = {0};

    o->detach = up == NULL;
    STR_COPY(o->slot, slot);
    if (up && pgsettings_primary_conninfo(&p->config, pgkept_base(p->kept, &p->config), up, p->node,
                                          o->conninfo, sizeof(o->conninfo), &e) < 0)
        o->why = e;
    pgop_after(&o->op, 0, begin);
}
