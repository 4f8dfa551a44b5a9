/*
 * One look = one round trip on the observe connection (three result sets), and the files. The names
 * of the columns are those of struct obs_pg, so the field tables of proto/messages.h also read
 * them; columns whose name begins with '_' are for this file.
 *
 * The statements are prepared once for each session: to plan them takes five times as long as to
 * run them, and every step of a transition waits for some look.
 *
 * Looks that are asked for while a round is under way do not join it (it may have been answered
 * before what the asker has just done): they share the next one.
 */
#include "agent/pgobserve.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/pgcontrol.h"
#include "agent/pgfiles.h"
#include "agent/pghistory.h"
#include "agent/pgop.h"
#include "agent/pgsettings.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

struct waiter {
    struct waiter *next;
    struct pglook *look;
    struct timer *timer;
    int64_t deadline_ms;
    postgres_look_fn fn;
    void *arg;
};

struct pglook {
    struct postgres *p;
    struct waiter *round; /* these are answered by the statement under way */
    struct waiter *later; /* these by the next */
    bool asking, retried;
    bool plain;        /* in this round the statements go as they are */
    unsigned prepared; /* the session that has the statements prepared */
};

enum { SQL_CAP_BYTES = 8192, VERSION_CAP_BYTES = 64 };

/* ---- the statement --------------------------------------------------------------------------- */

/* OFFSET 0 keeps the planner from asking pg_is_in_recovery() anew for each column. A promotion
 * between two columns makes a function fail with 55000; the look is then made again. */
static const char sql_main[] =
    "SELECT CASE WHEN rec THEN 'standby' ELSE 'primary' END AS role,"
    " current_setting('server_version_num') AS version,"
    " CASE WHEN NOT rec THEN"
    "  ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint"
    "  END AS tli,"
    " CASE WHEN NOT rec THEN pg_current_wal_insert_lsn() END AS insert_lsn,"
    " CASE WHEN NOT rec THEN pg_current_wal_flush_lsn() END AS flush_lsn,"
    " CASE WHEN rec THEN pg_last_wal_receive_lsn() END AS receive_lsn,"
    " CASE WHEN rec THEN pg_last_wal_replay_lsn() END AS replay_lsn,"
    " CASE WHEN rec THEN greatest(0, (extract(epoch FROM clock_timestamp()"
    "  - pg_last_xact_replay_timestamp()) * 1000)::bigint) END AS replay_delay_ms,"
    " CASE WHEN rec THEN pg_is_wal_replay_paused()::text END AS replay_paused,"
    " (extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)"
    "  * 1000)::bigint AS apply_delay_ms,"
    " w.status AS receiver_status, w.sender_host AS receiver_host,"
    " w.sender_port AS receiver_port, w.slot_name AS receiver_slot,"
    " current_setting('recovery_target_timeline') AS timeline_target,"
    " current_setting('synchronous_standby_names') AS sync_standby_names,"
    " current_setting('synchronous_commit') AS synchronous_commit,"
    " current_setting('max_wal_senders') AS max_wal_senders,"
    " current_setting('max_replication_slots') AS max_replication_slots,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender')"
    "  AS wal_senders_used,"
    " (SELECT count(*) FROM pg_prepared_xacts) AS prepared_xacts,"
    " (SELECT count(*) FROM pg_stat_replication WHERE state = 'backup')%s AS backups_running,"
    " (current_setting('full_page_writes')::bool AND (current_setting('wal_log_hints')::bool"
    "  OR current_setting('data_checksums')::bool))::text AS rewindable,"
    " current_setting('primary_conninfo') AS _conninfo,"
    " current_setting('data_directory') AS _data_directory"
    " FROM (SELECT pg_is_in_recovery() AS rec OFFSET 0) r"
    " LEFT JOIN pg_stat_wal_receiver w ON true;";

static const char sql_senders[] =
    "SELECT application_name AS application, coalesce(host(client_addr), '') AS address, state,"
    " sync_state AS sync, sent_lsn, flush_lsn, replay_lsn"
    " FROM pg_stat_replication WHERE state <> 'backup' ORDER BY 1, pid;";

static const char sql_slots[] = "SELECT slot_name AS name, active::text, restart_lsn, (slot_type = "
                                "'physical')::text AS physical"
                                " FROM pg_replication_slots ORDER BY 1";

/* PG_VERSION of the data directory: what the server speaks before it has been asked. */
static long major_version(const struct postgres_config *c)
{
    char path[512];
    char *text;
    long long major = 0;
    AUTO(arena) a = arena_new();

    if (!STR_PRINTF(path, "%s/PG_VERSION", c->data_directory) ||
        file_read(path, VERSION_CAP_BYTES, a, &text, NULL, NULL) < 0)
        return 0;
    text[strcspn(text, "\n")] = '\0';
    return str_to_int(text, 9, 99, &major) ? (long)major : 0;
}

/* The three statements, each behind its prefix. */
static void make_sql(const struct postgres_config *c, const char *const prefix[3], struct buf *b)
{
    long major = major_version(c);
    /* the exclusive backup mode ended with version 15, its function with it */
    const char *exclusive = major > 0 && major < 15 ? " + pg_is_in_backup()::int" : "";
    const char *hole = strstr(sql_main, "%s");

    buf_str(b, prefix[0]);
    buf_add(b, sql_main, (size_t)(hole - sql_main));
    buf_str(b, exclusive);
    buf_str(b, hole + 2);
    buf_str(b, prefix[1]);
    buf_str(b, sql_senders);
    buf_str(b, prefix[2]);
    buf_str(b, sql_slots);
}

static const char *const as_they_are[] = {"", "", ""};
static const char *const prepare_as[] = {"PREPARE look_main AS ", "PREPARE look_senders AS ",
                                         "PREPARE look_slots AS "};
static const char sql_prepared[] = "EXECUTE look_main; EXECUTE look_senders; EXECUTE look_slots";

/* ---- results into structs -------------------------------------------------------------------- */

static const struct field_table *pg_table(void)
{
    return field_find(&node_obs_table, "pg")->sub;
}

static const struct field_table *list_table(const char *name)
{
    return field_find(pg_table(), name)->sub;
}

/* A text longer than its array is cut rather than lost; everything else that does not fit its field
 * is a surprise, and is named. */
static void set_column(const struct field *f, void *obj, const char *value, char *problem,
                       size_t bytes)
{
    struct err e;

    if (field_set(f, obj, value, NULL, &e) == 0)
        return;
    if (f->type == FIELD_STRING)
        str_copy((char *)obj + f->offset, f->size, value);
    if (!problem[0])
        str_printf(problem, bytes, "%s: %s", f->name, e.msg);
}

static void set_row(const struct field_table *t, const PGresult *r, int row, void *obj,
                    char *problem, size_t bytes)
{
    for (int i = 0; i < PQnfields(r); i++) {
        const struct field *f = field_find(t, PQfname(r, i));

        if (f && !PQgetisnull(r, row, i))
            set_column(f, obj, PQgetvalue(r, row, i), problem, bytes);
    }
}

static const char *special(const PGresult *r, const char *column)
{
    int i = PQfnumber(r, column);

    return i >= 0 && PQntuples(r) > 0 ? PQgetvalue(r, 0, i) : "";
}

static void read_lists(struct obs_pg *pg, const struct pgconn_reply *r)
{
    const size_t senders = sizeof(pg->senders) / sizeof(pg->senders[0]);
    const size_t slots = sizeof(pg->slots) / sizeof(pg->slots[0]);
    char *problem = pg->problem;

    for (int i = 0; i < PQntuples(r->results[1]) && pg->n_senders < senders; i++)
        set_row(list_table("senders"), r->results[1], i, &pg->senders[pg->n_senders++], problem,
                sizeof(pg->problem));
    for (int i = 0; i < PQntuples(r->results[2]) && pg->n_slots < slots; i++)
        set_row(list_table("slots"), r->results[2], i, &pg->slots[pg->n_slots++], problem,
                sizeof(pg->problem));
    if (!problem[0] &&
        ((size_t)PQntuples(r->results[1]) > senders || (size_t)PQntuples(r->results[2]) > slots))
        STR_COPY(pg->problem, "more walsenders or slots than are shown");
}

static bool same_directory(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void set_history(const struct postgres_config *c, struct obs_pg *pg)
{
    struct pghistory h;

    if (pg->tli == pg->control_tli || pg->tli == 0)
        return; /* pgfiles_look() has read it */
    pg->n_history = 0;
    if (!pghistory_read(c->data_directory, pg->tli, &h))
        return;
    memcpy(pg->history, h.rows, h.n * sizeof(h.rows[0]));
    pg->n_history = h.n;
}

/* What the server said, over what the files said. */
static void take_answer(const struct postgres_config *c, const struct pgcontrol *control,
                        const struct pgconn_reply *r, struct obs_pg *pg)
{
    const char *directory = r->n_results == 3 ? special(r->results[0], "_data_directory") : "";

    if (!same_directory(directory, c->data_directory)) {
        pg->role = PG_UNKNOWN;
        STR_PRINTF(pg->problem, "the server on %s port %d has data directory %s, not %s",
                   c->socket_directory, (int)c->port, directory, c->data_directory);
        return;
    }
    set_row(pg_table(), r->results[0], 0, pg, pg->problem, sizeof(pg->problem));
    read_lists(pg, r);
    if (!pgsettings_hosts(special(r->results[0], "_conninfo"), pg->conninfo_hosts,
                          sizeof(pg->conninfo_hosts)) &&
        !pg->problem[0])
        STR_COPY(pg->problem, "primary_conninfo could not be read completely");
    if (pg->role == PG_RECOVERY)
        pg->tli =
            pghistory_replayed(c->data_directory, control, pg->newest_history_tli, pg->replay_lsn);
    set_history(c, pg);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* The server could not be asked. It is stopped if nobody is there; starting (or stopping) if the
 * pid file says that it does not accept anyone; a server that should answer and does not is
 * unknown. */
static void take_silence(const struct postgres_config *c, const struct err *e, struct obs_pg *pg)
{
    struct pgpostmaster postmaster;

    if (!pgfiles_postmaster(c->data_directory, &postmaster)) {
        pg->role = PG_STOPPED;
        return;
    }
    pg->role = strcmp(postmaster.status, "ready") == 0 || e->code == ERR_TIMEOUT ? PG_UNKNOWN
                                                                                 : PG_STARTING;
    if (!pg->problem[0])
        STR_COPY(pg->problem, e->msg);
}

static void observe(struct pglook *l, const struct pgconn_reply *r, struct obs_pg *ret_pg)
{
    const struct postgres_config *c = &l->p->config;
    struct pgcontrol control;

    pgfiles_look(c, ret_pg, &control);
    if (r->e)
        take_silence(c, r->e, ret_pg);
    else
        take_answer(c, &control, r, ret_pg);
    if (!pgsettings_file_hosts(c, ret_pg->conninfo_hosts, sizeof(ret_pg->conninfo_hosts)) &&
        !ret_pg->problem[0])
        STR_COPY(ret_pg->problem,
                 "not every configuration file could be read for primary_conninfo");
}

static void unlink_waiter(struct waiter **list, const struct waiter *w)
{
    for (; *list; list = &(*list)->next)
        if (*list == w) {
            *list = w->next;
            return;
        }
}

static void answer_one(struct waiter *w, const struct obs_pg *pg)
{
    unlink_waiter(&w->look->round, w);
    unlink_waiter(&w->look->later, w);
    timer_free(w->timer);
    if (w->fn)
        w->fn(w->arg, pg);
    mem_free(w);
}

static void waiter_free(struct waiter *w)
{
    timer_free(w->timer);
    mem_free(w);
}

static void on_late(void *arg)
{
    struct waiter *w = arg;
    struct err e;
    struct obs_pg pg;

    err_set(&e, ERR_TIMEOUT, NULL, "PostgreSQL here does not answer");
    observe(w->look, &(struct pgconn_reply){.e = &e}, &pg);
    answer_one(w, &pg);
}

static void round_start(struct pglook *l);

/* If it has failed, EXECUTE says so (26000), and the statements go as they are. */
static void on_prepared(void *arg, const struct pgconn_reply *r)
{
    struct pglook *l = arg;

    (void)r;
    l->prepared = pgconn_session(l->p->observe);
}

/* Not answered, but for a reason that another try does not meet. */
static bool asks_again(struct pglook *l, const struct pgconn_reply *r)
{
    bool unprepared = strcmp(r->sqlstate, "26000") == 0 && !l->plain;
    bool promoted = strcmp(r->sqlstate, "55000") == 0 && !l->retried;

    if (!r->e || !(unprepared || promoted))
        return false;
    l->plain = l->plain || unprepared;
    l->retried = l->retried || promoted;
    return true;
}

static void on_answer(void *arg, const struct pgconn_reply *r)
{
    struct pglook *l = arg;
    struct obs_pg pg;
    struct waiter *answered = l->round;

    l->asking = false;
    if (asks_again(l, r)) {
        round_start(l);
        return;
    }
    l->retried = l->plain = false;
    observe(l, r, &pg);
    l->round = NULL;
    /* before the callbacks: one of them may end all this */
    if (l->later)
        round_start(l);
    while (answered) {
        struct waiter *w = answered;

        answered = w->next;
        answer_one(w, &pg);
    }
}

static void round_ask(struct pglook *l, int64_t timeout_ms)
{
    struct pgconn *c = l->p->observe;
    struct buf sql;

    buf_init(&sql, SQL_CAP_BYTES);
    make_sql(&l->p->config, l->plain ? as_they_are : prepare_as, &sql);
    if (l->plain) {
        pgconn_query(c, sql.data, NULL, 0, timeout_ms, on_answer, l);
    } else {
        if (l->prepared == 0 || l->prepared != pgconn_session(c))
            pgconn_query(c, sql.data, NULL, 0, timeout_ms, on_prepared, l);
        pgconn_query(c, sql_prepared, NULL, 0, timeout_ms, on_answer, l);
    }
    buf_free(&sql);
}

static void round_start(struct pglook *l)
{
    int64_t latest = 0;

    if (!l->round) {
        l->round = l->later;
        l->later = NULL;
    }
    for (const struct waiter *w = l->round; w; w = w->next)
        if (w->deadline_ms > latest)
            latest = w->deadline_ms;
    latest -= clock_mono_ms();
    l->asking = true;
    round_ask(l, latest > 1 ? latest : 1);
    pgconn_warm(l->p->act, latest > 1 ? latest : 1);
}

/* ---- for others ------------------------------------------------------------------------------ */

struct pglook *pglook_new(struct postgres *p)
{
    struct pglook *l = mem_alloc(sizeof(*l));

    l->p = p;
    return l;
}

void pglook_free(struct pglook *l)
{
    struct waiter **lists[] = {&l->round, &l->later};

    for (size_t i = 0; i < 2; i++)
        while (*lists[i]) {
            struct waiter *w = *lists[i];

            *lists[i] = w->next;
            waiter_free(w);
        }
    mem_free(l);
}

void postgres_look(struct postgres *p, int64_t timeout_ms, postgres_look_fn fn, void *arg)
{
    struct pglook *l = p->look;
    struct waiter *w = mem_alloc(sizeof(*w));
    struct waiter **end = &l->later;

    w->look = l;
    w->fn = fn;
    w->arg = arg;
    w->deadline_ms = clock_mono_ms() + timeout_ms;
    w->timer = timer_start(p->loop, timeout_ms, on_late, w);
    while (*end)
        end = &(*end)->next;
    *end = w;
    if (!l->asking)
        round_start(l);
}
