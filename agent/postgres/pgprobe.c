/*
 * Evidence about another PostgreSQL, over the network. First as a standby would connect: physical
 * replication, IDENTIFY_SYSTEM, and the in_hot_standby that the server reports unasked (14 and
 * later; before that `SHOW transaction_read_only`, the only commands that a physical walsender
 * takes). A server that refuses that is asked as the agent's own role. One that refuses both is at
 * least there.
 */
#include <string.h>

#include "agent/postgres/pgop.h"
#include "agent/postgres/pgsettings.h"
#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { CONNINFO_CAP_BYTES = 2048 };

/* outlives the operation: the callback's argument is in it */
struct answer {
    postgres_probe_fn fn;
    void *arg;
    struct postgres_probe_result result;
};

struct probe_op {
    struct pgop op;
    struct answer *answer;
    struct upstream target;
    struct pgconn *conn;
};

static void on_done(void *arg, const struct err *e)
{
    struct answer *a = arg;

    if (e)
        STR_COPY(a->result.problem, e->msg);
    a->fn(a->arg, &a->result);
    mem_free(a);
}

static void probe_release(struct pgop *op)
{
    struct probe_op *o = (struct probe_op *)op;

    pgconn_free(o->conn);
    if (op->fn) /* dropped without a callback */
        mem_free(o->answer);
}

static void set_sysid(struct probe_op *o, const char *text)
{
    unsigned long long sysid;

    if (str_to_u64(text, &sysid))
        o->answer->result.sysid = sysid;
}

static void conclude(struct probe_op *o, bool in_recovery)
{
    o->answer->result.in_recovery = in_recovery;
    o->answer->result.writable = !in_recovery;
    pgop_end(&o->op, NULL);
}

static void probe_ask(struct probe_op *o, const char *conninfo, const char *sql, pgconn_fn fn)
{
    char label[80];

    STR_PRINTF(label, "PostgreSQL on %s port %d", o->target.address, (int)o->target.port);
    pgconn_free(o->conn);
    o->conn = pgconn_new(o->op.p->loop, conninfo, label);
    pgconn_query(o->conn, sql, NULL, 0, pgop_left_ms(&o->op), fn, o);
}

static void make_conninfo(const struct probe_op *o, bool replication, struct buf *b)
{
    const struct postgres_config *c = &o->op.p->config;
    char port[24];

    buf_init(b, CONNINFO_CAP_BYTES);
    STR_PRINTF(port, "%d", (int)o->target.port);
    pgsettings_conninfo_add(b, "gssencmode", "disable");
    if (c->replication_options[0])
        buf_printf(b, " %s", c->replication_options);
    pgsettings_conninfo_add(b, "hostaddr", o->target.address);
    pgsettings_conninfo_add(b, "host", o->target.address);
    pgsettings_conninfo_add(b, "port", port);
    pgsettings_conninfo_add(b, "application_name", "pgtandem-agent");
    pgsettings_conninfo_add(b, "user", replication ? c->replication_user : c->user);
    if (replication)
        pgsettings_conninfo_add(b, "replication", "true");
    else
        pgsettings_conninfo_add(b, "dbname", c->database);
}

/* ---- as the agent's role --------------------------------------------------------------------- */

static void on_sql(void *arg, const struct pgconn_reply *r)
{
    struct probe_op *o = arg;

    if (r->e) {
        pgop_end(&o->op, r->e);
        return;
    }
    o->answer->result.connected = true;
    set_sysid(o, pgop_text(r, 0, 0, 1));
    conclude(o, pgop_true(r, 0, 0, 0));
}

static void probe_sql(struct pgop *op)
{
    struct probe_op *o = (struct probe_op *)op;
    struct buf b;

    make_conninfo(o, false, &b);
    probe_ask(o, b.data,
              "SELECT pg_catalog.pg_is_in_recovery(), system_identifier"
              " FROM pg_catalog.pg_control_system()",
              on_sql);
    buf_free(&b);
}

/* ---- as a standby ---------------------------------------------------------------------------- */

static void on_read_only(void *arg, const struct pgconn_reply *r)
{
    struct probe_op *o = arg;

    if (r->e)
        pgop_end(&o->op, r->e);
    else
        conclude(o, strcmp(pgop_text(r, 0, 0, 0), "on") == 0);
}

static void on_identify(void *arg, const struct pgconn_reply *r)
{
    struct probe_op *o = arg;
    const char *standby = r->raw ? PQparameterStatus(r->raw, "in_hot_standby") : NULL;

    o->answer->result.port_open |= pgconn_was_accepted(o->conn);
    if (r->e && pgconn_was_accepted(o->conn) && r->e->code != ERR_TIMEOUT) {
        probe_sql(&o->op);
    } else if (r->e) {
        pgop_end(&o->op, r->e);
    } else {
        o->answer->result.connected = true;
        set_sysid(o, pgop_text(r, 0, 0, 0));
        if (standby)
            conclude(o, strcmp(standby, "on") == 0);
        else
            pgconn_query(o->conn, "SHOW transaction_read_only", NULL, 0, pgop_left_ms(&o->op),
                         on_read_only, o);
    }
}

static void probe_replication(struct pgop *op)
{
    struct probe_op *o = (struct probe_op *)op;
    struct buf b;

    make_conninfo(o, true, &b);
    probe_ask(o, b.data, "IDENTIFY_SYSTEM", on_identify);
    buf_free(&b);
}

void postgres_probe(struct postgres *p, const struct upstream *target, int64_t timeout_ms,
                    postgres_probe_fn fn, void *arg)
{
    struct answer *a = mem_alloc(sizeof(*a));
    struct probe_op *o = pgop_new(p, sizeof(*o), "probe", timeout_ms, on_done, a);

    a->fn = fn;
    a->arg = arg;
    o->answer = a;
    o->target = *target;
    o->op.release = probe_release;
    pgop_after(&o->op, 0, probe_replication);
}
