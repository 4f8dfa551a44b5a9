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
#include "agent/postgres/pgobserve.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pghistory.h"
#include "agent/postgres/pgkept.h"
#include "agent/postgres/pglooksql.h"
#include "agent/postgres/pgop.h"
#include "agent/postgres/pgrecovery.h"
#include "agent/postgres/pgsettings.h"
#include "base/buf.h"
#include "base/clock.h"
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
    struct {           /* by the last walreceiver that a look has met */
        int64_t wall_ms;
        uint64_t lsn;
        char host[ADDRESS_BYTES];
    } heard;
};

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

/* What is not in the message: which process and which connection it is. */
static void set_process(const PGresult *r, int row, struct obs_sender *s)
{
    long long pid = 0, port = 0;

    if (str_to_int(PQgetvalue(r, row, PQfnumber(r, "_pid")), 1, INT32_MAX, &pid))
        s->pid = pid;
    if (str_to_int(PQgetvalue(r, row, PQfnumber(r, "_port")), -1, 65535, &port))
        s->port = port;
}

static void read_lists(struct obs_pg *pg, const struct pgconn_reply *r)
{
    const size_t senders = sizeof(pg->senders) / sizeof(pg->senders[0]);
    const size_t slots = sizeof(pg->slots) / sizeof(pg->slots[0]);
    char *problem = pg->problem;

    for (int i = 0; i < PQntuples(r->results[1]) && pg->n_senders < senders; i++) {
        struct obs_sender *s = &pg->senders[pg->n_senders++];

        set_row(list_table("senders"), r->results[1], i, s, problem, sizeof(pg->problem));
        set_process(r->results[1], i, s);
    }
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

    int64_t read = pg->min_recovery_tli > pg->control_tli ? pg->min_recovery_tli : pg->control_tli;

    if (pg->tli == read || pg->tli == 0)
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
    const char *directory =
        r->n_results == PGLOOKSQL_RESULTS ? special(r->results[0], "_data_directory") : "";

    if (!same_directory(directory, c->data_directory)) {
        pg->role = PG_UNKNOWN;
        STR_PRINTF(pg->problem, "the server on %s port %d has data directory %s, not %s",
                   c->socket_directory, (int)c->port, directory, c->data_directory);
        return;
    }
    if (pg->orphans != 0) { /* it answers: postmaster.pid has been removed */
        pg->orphans = pg->orphan_pid = 0;
        pg->problem[0] = '\0';
    }
    set_row(pg_table(), r->results[0], 0, pg, pg->problem, sizeof(pg->problem));
    read_lists(pg, r);
    if (!pgsettings_hosts(special(r->results[0], "_conninfo"), pg->conninfo_hosts,
                          sizeof(pg->conninfo_hosts)) &&
        !pg->problem[0])
        STR_COPY(pg->problem, "primary_conninfo could not be read completely");
    if (pg->role == PG_RECOVERY) {
        pg->tli =
            pghistory_replayed(c->data_directory, control, pg->newest_history_tli, pg->replay_lsn);
        pg->receive_tli =
            pghistory_replayed(c->data_directory, control, pg->newest_history_tli, pg->receive_lsn);
    }
    set_history(c, pg);
}

/* ---- answering ------------------------------------------------------------------------------- */

/* The server could not be asked. It is stopped if no process of it is left; starting (or
 * stopping) if the pid file says that it accepts no connections; a server that should answer
 * and does not is unknown. */
static void take_silence(const struct postgres_config *c, const struct err *e, struct obs_pg *pg)
{
    struct pgpostmaster postmaster;

    if (!pgfiles_postmaster(c->data_directory, &postmaster)) {
        pgfiles_gone(c->data_directory, pg);
        return;
    }
    pg->orphans = pg->orphan_pid = 0;
    pg->role = strcmp(postmaster.status, "ready") == 0 || e->code == ERR_TIMEOUT ? PG_UNKNOWN
                                                                                 : PG_STARTING;
    if (!pg->problem[0])
        STR_COPY(pg->problem, e->msg);
}

/* A walreceiver that is gone has taken with it when it last heard: a look before may have seen it,
 * and the WAL that came is in a file that says when it was written. */
static void set_heard(struct pglook *l, const struct pgcontrol *control, struct obs_pg *pg)
{
    uint64_t end = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
    int64_t written;

    if (pg->role != PG_RECOVERY) {
        pg->heard_wall_ms = 0;
        return;
    }
    if (pg->heard_host[0]) {
        l->heard.wall_ms = pg->heard_wall_ms;
        l->heard.lsn = pg->heard_lsn;
        STR_COPY(l->heard.host, pg->heard_host);
        return;
    }
    written = pghistory_written_wall_ms(l->p->config.data_directory, control, pg->tli, end);
    pg->heard_wall_ms = written > l->heard.wall_ms ? written : l->heard.wall_ms;
    pg->heard_lsn = l->heard.lsn;
    STR_COPY(pg->heard_host, l->heard.host);
}

static void observe(struct pglook *l, const struct pgconn_reply *r, struct obs_pg *ret_pg)
{
    const struct postgres_config *c = &l->p->config;
    struct pgsettings_found found;
    struct pgcontrol control;
    char obeyed[PGRECOVERY_TEXT_BYTES];

    pgfiles_look(c, ret_pg, &control);
    if (r->e)
        take_silence(c, r->e, ret_pg);
    else
        take_answer(c, &control, r, ret_pg);
    set_heard(l, &control, ret_pg);
    pgrecovery_in_files(c, false, obeyed);
    STR_COPY(ret_pg->recovery_settings, obeyed); /* cut, if there are many: the first is enough */
    pgkept_note(l->p->kept,
                !r->e && ret_pg->role == PG_RECOVERY ? special(r->results[0], "_conninfo") : NULL);
    bool read = pgsettings_file_conninfo(c, &found);
    bool known =
        pgsettings_hosts(found.value, ret_pg->conninfo_hosts, sizeof(ret_pg->conninfo_hosts));
    if ((!read || !known) && !ret_pg->problem[0])
        STR_COPY(ret_pg->problem,
                 "not every configuration file could be read for primary_conninfo");
    STR_COPY(ret_pg->conninfo_place, found.place);
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

    err_set(&e, ERR_TIMEOUT, NULL, "PostgreSQL here does not respond");
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

    buf_init(&sql, PGLOOKSQL_CAP_BYTES);
    if (l->plain) {
        pglooksql_plain(&l->p->config, &sql);
        pgconn_query(c, sql.data, NULL, 0, timeout_ms, on_answer, l);
    } else {
        if (l->prepared == 0 || l->prepared != pgconn_session(c)) {
            pglooksql_prepare(&l->p->config, &sql);
            pgconn_query(c, sql.data, NULL, 0, timeout_ms, on_prepared, l);
        }
        pgconn_query(c, pglooksql_execute, NULL, 0, timeout_ms, on_answer, l);
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
