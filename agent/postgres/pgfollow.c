/*
 * Whom a standby streams from: follow and detach.
 *
 * From PostgreSQL 13 on a reload is enough; in 12 these settings need a restart. The new value is
 * looked for after that: one given on the postmaster's command line would win over ALTER SYSTEM.
 */
#include <string.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgkept.h"
#include "agent/postgres/pgop.h"
#include "agent/postgres/pgrecovery.h"
#include "agent/postgres/pgsettings.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    POLL_FIRST_MS = 2,
    POLL_MOST_MS = 50,
    SQL_CAP_BYTES = 8192,
    RELOADABLE_VERSION = 130000,
    /* the startup process waits for more WAL, and has replayed nothing new for so long: what was
     * received beyond that is the torn beginning of a record */
    SETTLED_MS = 200,
};

struct follow_op {
    struct pgop op;
    bool detach;
    struct upstream up;
    char conninfo[CONNINFO_BYTES], slot[64];
    char receive[LSN_TEXT_BYTES], replay[LSN_TEXT_BYTES]; /* detach: as last seen */
    int64_t settled_since_ms;                             /* 0: not settled */
};

static void detach_check(struct pgop *op);
static void follow_check(struct pgop *op);

/* ---- the setting ----------------------------------------------------------------------------- */

static void on_setting(void *arg, const struct pgconn_reply *r)
{
    struct follow_op *f = arg;

    if (r->e)
        pgop_end(&f->op, r->e);
    else if (strcmp(pgop_text(r, 0, 0, 0), f->conninfo) == 0 &&
             (f->detach || strcmp(pgop_text(r, 0, 0, 1), f->slot) == 0)) {
        if (f->detach)
            detach_check(&f->op);
        else
            pgop_end(&f->op, NULL);
    } else if (pgop_late(&f->op))
        pgop_fail(&f->op, ERR_INCOMPLETE,
                  "remove it from PostgreSQL's command line, or correct postgresql.conf",
                  "%s: primary_conninfo has been set but is not in force (its source is \"%s\"%s)",
                  f->op.what, pgop_text(r, 0, 0, 2),
                  pgop_true(r, 0, 0, 3) ? ", it waits for a restart" : "");
    else
        pgop_poll(&f->op, POLL_FIRST_MS, POLL_MOST_MS, follow_check);
}

static void follow_check(struct pgop *op)
{
    pgop_act(op,
             "SELECT current_setting('primary_conninfo'), current_setting('primary_slot_name'),"
             " source, pending_restart FROM pg_settings WHERE name = 'primary_conninfo'",
             NULL, 0, on_setting);
}

static void on_restarted(void *arg, const struct err *e)
{
    struct pgop *op = arg;

    if (e)
        pgop_end(op, e);
    else
        follow_check(op);
}

static void on_altered(void *arg, const struct pgconn_reply *r)
{
    struct follow_op *f = arg;

    if (r->e)
        pgop_end(&f->op, r->e);
    else if (PQserverVersion(r->raw) < RELOADABLE_VERSION)
        postgres_restart(f->op.p, pgop_left_ms(&f->op), on_restarted, &f->op);
    else
        pgop_reload(&f->op, follow_check);
}

/* ALTER SYSTEM takes no parameters, so the literal is quoted here, for standard_conforming_strings
 * in either position: quotes doubled; a backslash makes it an E'' string (PostgreSQL, 4.1.2.2). */
static void alter_system(struct pgop *op, const char *name, const char *value, pgconn_fn fn)
{
    struct buf sql;

    buf_init(&sql, SQL_CAP_BYTES);
    buf_printf(&sql, "ALTER SYSTEM SET %s = %s'", name, strchr(value, '\\') ? "E" : "");
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            buf_add(&sql, value, 1);
        buf_add(&sql, value, 1);
    }
    buf_str(&sql, "'");
    pgop_act(op, sql.data, NULL, 0, fn);
    buf_free(&sql);
}

static void on_conninfo_altered(void *arg, const struct pgconn_reply *r)
{
    struct follow_op *f = arg;

    if (r->e && strcmp(r->sqlstate, "42501") == 0) {
        struct err e = *r->e;

        err_set_hint(&e,
                     "GRANT ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name TO %s "
                     "(PostgreSQL 15 and later; before that it takes a superuser)",
                     f->op.p->config.user);
        pgop_end(&f->op, &e);
    } else if (r->e) {
        pgop_end(&f->op, r->e);
    } else if (f->detach) {
        on_altered(f, r);
    } else {
        alter_system(&f->op, "primary_slot_name", f->slot, on_altered);
    }
}

/* ---- detach ---------------------------------------------------------------------------------- */

/* No walreceiver, and what was received has been replayed: up to the end, or, when the sender died
 * within a record, as far as it goes. */
static bool is_drained(struct follow_op *f, const struct pgconn_reply *r)
{
    uint64_t receive = 0, replay = 0;
    const char *receive_text = pgop_text(r, 0, 0, 1), *replay_text = pgop_text(r, 0, 0, 2);
    bool waits = pgop_true(r, 0, 0, 3);
    bool moved = strcmp(f->replay, replay_text) != 0;

    lsn_parse(receive_text, &receive);
    lsn_parse(replay_text, &replay);
    STR_COPY(f->receive, receive_text);
    STR_COPY(f->replay, replay_text);
    if (pgop_true(r, 0, 0, 0))
        return false;
    if (receive > 0 && replay >= receive)
        return true;
    if (moved || !waits || f->settled_since_ms == 0)
        f->settled_since_ms = waits && !moved ? clock_mono_ms() : 0;
    return f->settled_since_ms > 0 && clock_mono_ms() - f->settled_since_ms >= SETTLED_MS;
}

static void on_drain(void *arg, const struct pgconn_reply *r)
{
    struct follow_op *f = arg;

    if (r->e)
        pgop_end(&f->op, r->e);
    else if (is_drained(f, r))
        pgop_end(&f->op, NULL);
    else if (pgop_late(&f->op))
        pgop_fail(&f->op, ERR_TIMEOUT,
                  *pgop_text(r, 0, 0, 5)
                      ? "it has reached a recovery target: remove the setting and "
                        "restart it; pg_wal_replay_resume() would promote it"
                  : pgop_true(r, 0, 0, 4) ? "the replay is paused: SELECT pg_wal_replay_resume()"
                                          : "wait for the replay, or look at what holds it up",
                  "%s after %lld ms: received up to %s, replayed up to %s",
                  pgop_true(r, 0, 0, 0) ? "the walreceiver is still there"
                                        : "the replay has not come to its end",
                  (long long)f->op.timeout_ms, f->receive, f->replay);
    else
        pgop_poll(&f->op, POLL_FIRST_MS, POLL_MOST_MS, detach_check);
}

static void detach_check(struct pgop *op)
{
    pgop_ask(
        op,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'walreceiver'),"
        " pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(),"
        " EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event IN"
        "  ('RecoveryRetrieveRetryInterval', 'RecoveryWalStream', 'RecoveryWalAll')),"
        " CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END, " PGRECOVERY_ACTIVE_SQL,
        on_drain);
}

/* ---- for others ------------------------------------------------------------------------------ */

static void follow_running(struct pgop *op)
{
    struct follow_op *f = (struct follow_op *)op;

    alter_system(op, "primary_conninfo", f->conninfo, on_conninfo_altered);
}

static void follow_stopped(struct pgop *op)
{
    struct follow_op *f = (struct follow_op *)op;
    const char *names[] = {"primary_conninfo", "primary_slot_name"};
    const char *values[] = {f->conninfo, f->slot};
    struct err e = {0};
    int r = pgsettings_auto_conf(&op->p->config, names, values, f->detach ? 1 : 2, &e);

    pgop_end(op, r < 0 ? &e : NULL);
}

static void follow_begin(struct pgop *op)
{
    struct follow_op *f = (struct follow_op *)op;
    struct pgpostmaster postmaster;
    struct err e = {0};

    if (!f->detach &&
        pgsettings_primary_conninfo(&op->p->config, pgkept_base(op->p->kept, &op->p->config),
                                    &f->up, op->p->node, f->conninfo, sizeof(f->conninfo), &e) < 0)
        pgop_end(op, &e);
    else if (pgfiles_postmaster(op->p->config.data_directory, &postmaster))
        follow_running(op);
    else
        follow_stopped(op);
}

void postgres_follow(struct postgres *p, const struct upstream *up, const char *slot,
                     int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct follow_op *f = pgop_new(p, sizeof(*f), "follow", timeout_ms, fn, arg);

    STR_COPY(f->slot, slot);
    f->up = *up;
    pgop_after(&f->op, 0, follow_begin);
}

void postgres_detach(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct follow_op *f = pgop_new(p, sizeof(*f), "detach", timeout_ms, fn, arg);

    f->detach = true;
    pgop_after(&f->op, 0, follow_begin);
}

void postgres_drain(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct follow_op *f = pgop_new(p, sizeof(*f), "detach", timeout_ms, fn, arg);

    f->detach = true;
    pgop_after(&f->op, 0, detach_check);
}
