/* postgres_rehearse_follow() of postgres.h: the future replication connection, now. */
#include <string.h>

#include "agent/postgres/pgkept.h"
#include "agent/postgres/pgrehearsal.h"
#include "agent/postgres/pgrehearse.h"
#include "agent/postgres/pgsettings.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

enum { CONNINFO_CAP_BYTES = 2048, ACCEPT_MS = 500 };

struct rehearse_op {
    struct pgrehearsal base;
    struct upstream up;
    struct pgconn *conn;
    int64_t connect_ms; /* since when it connects */
};

/* ---- words ----------------------------------------------------------------------------------- */

const char *pgrehearse_reason(const char *text)
{
    static const char *const before[] = {"FATAL: ", " failed: ", NULL};

    for (size_t i = 0; before[i]; i++) {
        const char *at = strstr(text, before[i]);

        if (at) {
            at += strlen(before[i]);
            return at + strspn(at, " ");
        }
    }
    return text;
}

/* The client's address as the server saw it: `… from host "10.0.0.1", …`. */
static void seen_address(const char *text, const char *own, char *ret_address, size_t bytes)
{
    static const char before[] = "from host \"";
    const char *at = strstr(text, before);

    if (at && strcspn(at + sizeof(before) - 1, "\"") < bytes)
        str_printf(ret_address, bytes, "%.*s", (int)strcspn(at + sizeof(before) - 1, "\""),
                   at + sizeof(before) - 1);
    else
        str_copy(ret_address, bytes, own);
}

void pgrehearse_remedy(const char *text, const struct upstream *up, const char *own_address,
                       const char *user, char *ret_remedy, size_t bytes)
{
    char address[ADDRESS_BYTES];

    seen_address(text, own_address, address, sizeof(address));
    if (strstr(text, "no pg_hba.conf entry") || strstr(text, "pg_hba.conf rejects"))
        str_printf(ret_remedy, bytes,
                   "on %s, to pg_hba.conf: host%s replication %s %s/%d scram-sha-256, then SELECT "
                   "pg_reload_conf()",
                   up->node,
                   strstr(text, "SSL encryption") && !strstr(text, "no encryption") ? "ssl" : "",
                   user, address, strchr(address, ':') ? 128 : 32);
    else if (strstr(text, "password"))
        str_printf(
            ret_remedy, bytes,
            "here in ~postgres/.pgpass (mode 0600): %s:%d:replication:%s:PASSWORD, or on %s: "
            "ALTER ROLE %s PASSWORD …",
            up->address, (int)up->port, user, up->node, user);
    else if (strstr(text, "does not exist") || strstr(text, "must be superuser or replication") ||
             strstr(text, "not permitted to log in") || strstr(text, "WAL sender"))
        str_printf(ret_remedy, bytes, "on the primary: CREATE (or ALTER) ROLE %s LOGIN REPLICATION",
                   user);
    else if (strstr(text, "max_wal_senders"))
        str_printf(ret_remedy, bytes, "on %s: ALTER SYSTEM SET max_wal_senders = …; restart",
                   up->node);
    else if (strstr(text, "SSL") || strstr(text, "certificate"))
        str_printf(
            ret_remedy, bytes,
            "correct replication_options in agent.conf here, or the server's certificate on %s",
            up->node);
    else
        str_printf(
            ret_remedy, bytes,
            "is PostgreSQL of %s reachable at %s port %d from here (listen_addresses, "
            "firewall)? `psql \"host=%s port=%d user=%s replication=true\" -c IDENTIFY_SYSTEM`",
            up->node, up->address, (int)up->port, up->address, (int)up->port, user);
}

/* ---- the operation --------------------------------------------------------------------------- */

static void release(struct pgop *op)
{
    struct rehearse_op *o = (struct rehearse_op *)op;

    pgconn_free(o->conn);
    pgrehearsal_release(op);
}

static void failed(struct rehearse_op *o, const char *why)
{
    const struct postgres_config *c = &o->base.op.p->config;
    const char *reason = pgrehearse_reason(why);
    char remedy[sizeof(o->base.answer->r.remedy)];

    pgrehearse_remedy(reason, &o->up, c->address, c->replication_user, remedy, sizeof(remedy));
    pgrehearsal_end(&o->base, REHEARSAL_FAILED, remedy, "%s", reason);
}

/* A slow server, or a share of time that was too short, is no refusal yet. A connection that was
 * not accepted in half a second never will be: kernels do that, however busy the server is. */
static bool is_late(const struct rehearse_op *o, const struct err *e)
{
    return e->code == ERR_TIMEOUT &&
           (pgconn_was_accepted(o->conn) || clock_mono_ms() - o->connect_ms < ACCEPT_MS);
}

static void on_identified(void *arg, const struct pgconn_reply *reply)
{
    struct rehearse_op *o = arg;
    unsigned long long sysid;

    if (reply->e) {
        o->base.answer->r.late = is_late(o, reply->e);
        failed(o, reply->e->msg);
        return;
    }
    if (!str_to_u64(pgop_text(reply, 0, 0, 0), &sysid)) {
        failed(o, "IDENTIFY_SYSTEM was answered without a system identifier");
        return;
    }
    o->base.answer->r.sysid = sysid;
    pgrehearsal_end(&o->base, REHEARSAL_PASSED, "", "IDENTIFY_SYSTEM: %llu, timeline %.12s", sysid,
                    pgop_text(reply, 0, 0, 1));
}

static void connect_now(struct pgop *op)
{
    struct rehearse_op *o = (struct rehearse_op *)op;
    char conninfo[CONNINFO_CAP_BYTES / 2], label[96];
    struct err e = {0};
    struct buf b;

    if (pgsettings_primary_conninfo(&op->p->config, pgkept_base(op->p->kept, &op->p->config),
                                    &o->up, op->p->node, conninfo, sizeof(conninfo), &e) < 0) {
        failed(o, e.msg);
        return;
    }
    buf_init(&b, CONNINFO_CAP_BYTES);
    pgsettings_conninfo_add(&b, "gssencmode", "disable"); /* a later word wins over an earlier */
    buf_printf(&b, " %s", conninfo);
    pgsettings_conninfo_add(&b, "application_name", "pgtandem-agent");
    pgsettings_conninfo_add(&b, "replication", "true");
    STR_PRINTF(label, "PostgreSQL of %s (%s port %d)", o->up.node, o->up.address, (int)o->up.port);
    o->connect_ms = clock_mono_ms();
    o->conn = pgconn_new(op->p->loop, b.data, label);
    pgconn_query(o->conn, "IDENTIFY_SYSTEM", NULL, 0, pgop_left_ms(op), on_identified, o);
    buf_free(&b);
}

static void on_base(void *arg, const struct pgconn_reply *r)
{
    struct rehearse_op *o = arg;

    if (!r->e)
        pgkept_note(o->base.op.p->kept, pgop_text(r, 0, 0, 0));
    connect_now(&o->base.op);
}

/* The rest of the connection string is that of the one in force. */
static void ask_base(struct pgop *op)
{
    pgop_ask(op, "SELECT current_setting('primary_conninfo') WHERE pg_is_in_recovery()", on_base);
}

void postgres_rehearse_follow(struct postgres *p, const struct upstream *up, int64_t timeout_ms,
                              rehearsal_fn fn, void *arg)
{
    struct rehearse_op *o =
        pgrehearsal_new(p, sizeof(*o), REHEARSAL_REPLICATION, timeout_ms, ask_base, fn, arg);

    STR_COPY(o->base.answer->r.node, up->node);
    o->up = *up;
    o->base.op.release = release;
}
