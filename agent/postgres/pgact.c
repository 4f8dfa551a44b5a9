/* CHECKPOINT, promotion, the mark after it, and replication slots: what is done by one or two
 * statements on the act connection. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgop.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    PROMOTE_POLL_FIRST_MS = 2,
    PROMOTE_POLL_MOST_MS = 10,
    CANCEL_GRACE_MS = 2000, /* what a cancelled statement has to say so */
    CANCEL_TIMEOUT_MS = 1000,
};

/* ---- statements that may hang ------------------------------------------------------------------
 *
 * At its deadline the statement is cancelled through the observe connection, so that no backend is
 * left waiting in the server. If that does not help within CANCEL_GRACE_MS the connection is
 * dropped.
 */

struct long_op {
    struct pgop op;
    bool cancelled;
    const char *late_hint;
    char late_text[200]; /* what its being late means */
};

static void on_cancelled(void *arg, const struct pgconn_reply *r)
{
    (void)arg; /* the statement itself reports the outcome; by now the operation may be gone */
    (void)r;
}

static void long_late(struct pgop *op)
{
    struct long_op *l = (struct long_op *)op;
    char pid[24];
    const char *params[] = {pid};

    l->cancelled = true;
    if (pgconn_pid(op->p->act) == 0)
        return; /* it never got that far: its own deadline ends it */
    STR_PRINTF(pid, "%d", pgconn_pid(op->p->act));
    pgconn_query(op->p->observe, "SELECT pg_cancel_backend($1::int)", params, 1, CANCEL_TIMEOUT_MS,
                 on_cancelled, NULL);
}

static void on_long(void *arg, const struct pgconn_reply *r)
{
    struct long_op *l = arg;

    if (l->cancelled)
        pgop_fail(&l->op, ERR_TIMEOUT, l->late_hint, "%s did not end within %lld ms%s%s",
                  l->op.what, (long long)l->op.timeout_ms, l->late_text[0] ? "; " : "",
                  l->late_text);
    else
        pgop_end(&l->op, r->e);
}

static void long_run(struct long_op *l, const char *sql, const char *const *params, size_t n_params)
{
    pgop_after(&l->op, pgop_left_ms(&l->op), long_late);
    pgconn_query(l->op.p->act, sql, params, n_params, pgop_left_ms(&l->op) + CANCEL_GRACE_MS,
                 on_long, l);
}

static const char checkpoint[] = "checkpoint";

void postgres_checkpoint(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct long_op *l = pgop_new(p, sizeof(*l), checkpoint, timeout_ms, fn, arg);

    l->late_hint = "PostgreSQL goes on with it: try again";
    long_run(l, "CHECKPOINT", NULL, 0);
}

static void on_forsaken(void *arg, const struct err *e)
{
    (void)arg;
    (void)e;
}

void postgres_checkpoint_cancel(struct postgres *p, const void *arg)
{
    for (struct pgop *op = p->ops; op; op = op->next)
        if (op->arg == arg && op->what == checkpoint) {
            op->fn = on_forsaken;
            op->arg = NULL;
            timer_free(op->timer);
            op->timer = NULL;
            long_late(op);
        }
}

/* The setting is local to the one statement's transaction, and still holds while it commits. */
void postgres_mark(struct postgres *p, const char *txn, bool sync, int64_t timeout_ms,
                   postgres_done_fn fn, void *arg)
{
    struct long_op *l = pgop_new(p, sizeof(*l), "mark", timeout_ms, fn, arg);
    const char *params[] = {txn};

    if (sync) {
        l->late_hint = "look at synchronous_standby_names and at the standbys";
        STR_COPY(l->late_text, "it is committed here, but no synchronous standby has confirmed it");
    }
    long_run(l,
             sync ? "SELECT pg_logical_emit_message(true, 'pgtandem', $1::text)"
                  : "SELECT set_config('synchronous_commit', 'local', true),"
                    " pg_logical_emit_message(true, 'pgtandem', $1::text)",
             params, 1);
}

/* ---- promotion ------------------------------------------------------------------------------- */

struct promote_op {
    struct pgop op;
    int64_t old_tli;   /* highest timeline that pg_control knew before */
    bool was_promoted; /* when it began: its timeline need not be new */
};

static void promote_check(struct pgop *op);

static void promote_observe(struct promote_op *o, int64_t tli)
{
    const struct postgres_config *c = &o->op.p->config;

    if (!o->was_promoted && tli <= o->old_tli)
        pgop_fail(&o->op, ERR_INCOMPLETE, "look at PostgreSQL's log on this node",
                  "PostgreSQL is writable, but on timeline %lld, which is not new (%lld before)",
                  (long long)tli, (long long)o->old_tli);
    else if (pgfiles_has(c, "standby.signal") || pgfiles_has(c, "recovery.signal"))
        pgop_fail(&o->op, ERR_INCOMPLETE,
                  "remove the file: with it, one crash of a backend would make this a standby",
                  "PostgreSQL is writable, but standby.signal or recovery.signal is in %s",
                  c->data_directory);
    else
        pgop_end(&o->op, NULL);
}

static void on_recovery(void *arg, const struct pgconn_reply *r)
{
    struct promote_op *o = arg;
    struct pgpostmaster postmaster;
    long long tli = 0;

    if (!r->e && strcmp(pgop_text(r, 0, 0, 0), "f") == 0) {
        str_to_int(pgop_text(r, 0, 0, 1), 0, UINT32_MAX, &tli);
        promote_observe(o, tli);
    } else if (r->e && !pgfiles_postmaster(o->op.p->config.data_directory, &postmaster)) {
        pgop_fail(&o->op, ERR_INCOMPLETE, "PostgreSQL's log on this node says why",
                  "PostgreSQL has ended during its promotion");
    } else if (pgop_late(&o->op)) {
        if (r->e)
            pgop_end(&o->op, r->e);
        else
            pgop_fail(&o->op, ERR_TIMEOUT, "look at PostgreSQL's log on this node",
                      "PostgreSQL is still in recovery %lld ms after the order to promote",
                      (long long)o->op.timeout_ms);
    } else {
        /* an error too: the connection may have been cut, and opens again */
        pgop_poll(&o->op, PROMOTE_POLL_FIRST_MS, PROMOTE_POLL_MOST_MS, promote_check);
    }
}

static void promote_check(struct pgop *op)
{
    if (pgop_late(op))
        pgop_fail(op, ERR_TIMEOUT, "look at PostgreSQL's log on this node",
                  "PostgreSQL has not ended its recovery within %lld ms",
                  (long long)op->timeout_ms);
    else
        pgop_act(op,
                 "SELECT rec, CASE WHEN NOT rec THEN"
                 " ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))"
                 "::bit(32)::bigint END FROM (SELECT pg_is_in_recovery() AS rec OFFSET 0) r",
                 NULL, 0, on_recovery);
}

/* What pg_promote() does (PostgreSQL, src/backend/access/transam/xlogfuncs.c). False, with
 * errno. */
static bool promote_by_file(const struct postgres_config *c)
{
    char path[sizeof(c->data_directory) + 16];
    struct pgpostmaster postmaster;

    STR_PRINTF(path, "%s/promote", c->data_directory);
    AUTO(fd) fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    errno = fd < 0 ? errno : ESRCH;
    return fd >= 0 && pgfiles_postmaster(c->data_directory, &postmaster) && postmaster.pid > 0 &&
           kill(postmaster.pid, SIGUSR1) == 0;
}

static void on_promote(void *arg, const struct pgconn_reply *r)
{
    struct promote_op *o = arg;

    /* 55000: recovery is not in progress */
    o->was_promoted = r->e && strcmp(r->sqlstate, "55000") == 0;
    bool not_granted = r->e && strcmp(r->sqlstate, "42501") == 0;

    if (not_granted && promote_by_file(&o->op.p->config)) {
        pgop_poll(&o->op, PROMOTE_POLL_FIRST_MS, PROMOTE_POLL_MOST_MS, promote_check);
    } else if (not_granted) {
        struct err e = *r->e;

        err_set_hint(&e, "GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer) TO %s",
                     o->op.p->config.user);
        pgop_end(&o->op, &e);
    } else if (r->e && !o->was_promoted) {
        pgop_end(&o->op, r->e);
    } else if (!r->e && !pgop_true(r, 0, 0, 0)) {
        pgop_fail(&o->op, ERR_REFUSED, "look at PostgreSQL's log on this node",
                  "pg_promote() could not signal the postmaster");
    } else if (o->was_promoted) {
        promote_check(&o->op);
    } else {
        pgop_poll(&o->op, PROMOTE_POLL_FIRST_MS, PROMOTE_POLL_MOST_MS, promote_check);
    }
}

void postgres_promote(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct promote_op *o = pgop_new(p, sizeof(*o), "promote", timeout_ms, fn, arg);
    struct pgcontrol control;

    if (pgcontrol_read(p->config.data_directory, &control, NULL) == 0)
        o->old_tli =
            control.tli > control.min_recovery_tli ? control.tli : control.min_recovery_tli;
    pgop_act(&o->op, "SELECT pg_promote(false)", NULL, 0, on_promote);
}

/* ---- slots ----------------------------------------------------------------------------------- */

struct slots_op {
    struct pgop op;
    struct buf want, drop; /* as array literals */
};

static void slots_release(struct pgop *op)
{
    struct slots_op *s = (struct slots_op *)op;

    buf_free(&s->want);
    buf_free(&s->drop);
}

/* Only names that PostgreSQL itself allows get into the array literal. */
static bool add_names(struct buf *b, const struct slot_name *names, size_t n)
{
    buf_init(b, CLUSTER_NODES_MAX * 2 * sizeof(names[0].name));
    buf_str(b, "{");
    for (size_t i = 0; i < n; i++) {
        const char *name = names[i].name;

        if (!name[0] || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")])
            return false;
        buf_printf(b, "%s%s", i > 0 ? "," : "", name);
    }
    buf_str(b, "}");
    return buf_ok(b);
}

static void on_slots(void *arg, const struct pgconn_reply *r)
{
    struct pgop *op = arg;

    pgop_end(op, r->e && strcmp(r->sqlstate, "42710") == 0 ? NULL : r->e); /* exists already */
}

static void on_slots_dropped(void *arg, const struct pgconn_reply *r)
{
    struct slots_op *s = arg;
    const char *params[] = {s->want.data};

    if (r->e)
        pgop_end(&s->op, r->e);
    else
        pgop_act(&s->op,
                 "SELECT pg_create_physical_replication_slot(n, true) FROM unnest($1::text[]) n"
                 " WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = n)",
                 params, 1, on_slots);
}

static void slots_begin(struct pgop *op)
{
    struct slots_op *s = (struct slots_op *)op;
    const char *params[] = {s->want.data, s->drop.data};

    /* a wanted slot that holds nothing back (never reserved, or invalidated) is re-created */
    pgop_act(op,
             "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
             " WHERE slot_type = 'physical' AND NOT active AND NOT temporary"
             " AND ((slot_name = ANY ($1::text[]) AND restart_lsn IS NULL)"
             "  OR (slot_name = ANY ($2::text[]) AND NOT slot_name = ANY ($1::text[])))",
             params, 2, on_slots_dropped);
}

static void slots_refuse(struct pgop *op)
{
    pgop_fail(op, ERR_INVALID, "slot names are made of a-z, 0-9 and _",
              "a replication slot's name is not one that PostgreSQL allows");
}

void postgres_slots(struct postgres *p, const struct slot_name *want, size_t n_want,
                    const struct slot_name *drop, size_t n_drop, int64_t timeout_ms,
                    postgres_done_fn fn, void *arg)
{
    struct slots_op *s = pgop_new(p, sizeof(*s), "slots", timeout_ms, fn, arg);
    bool wanted = add_names(&s->want, want, n_want);
    bool dropped = add_names(&s->drop, drop, n_drop);

    s->op.release = slots_release;
    pgop_after(&s->op, 0, wanted && dropped ? slots_begin : slots_refuse);
}
