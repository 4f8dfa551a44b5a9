/*
 *             something is asked              PQconnectPoll: ok
 *   CLOSED ----------------------> CONNECTING ------------------> IDLE <--> BUSY
 *     ^                                |                           |         |
 *     '---- refused: all that waits fails; deadline: the late one -'---------'
 *
 * A new connection is kept for PATIENCE_MS, though statements run out of time meanwhile, until it
 * has answered in time all that it was asked: on a busy host the next one would need as long to
 * open and for its first answers, and no look would ever end.
 *
 * Invariants
 *   - The head of the queue is the statement in flight when BUSY, unless that one was `given_up`:
 *     it has left the queue, and its answer is thrown away. The timer is at the earliest deadline
 *     of the queue, or where patience ends.
 *   - A statement leaves the queue before its callback runs. The callback may do anything, also
 *     free the connection: the memory goes in the timer's close callback, one turn of the loop
 *     later.
 */
#include "agent/postgres/pgconn.h"

#include <uv.h>

#include "agent/postgres/pglink.h"
#include "agent/postgres/pgstatement.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum pgconn_state { CLOSED, CONNECTING, IDLE, BUSY };
enum { PATIENCE_MS = 10000 };

struct pgconn {
    uv_loop_t *uv;
    uv_timer_t timer;
    char *conninfo;
    char label[96];
    enum pgconn_state state;
    bool freed;
    unsigned session;   /* how often it has been opened */
    int64_t patient_ms; /* monotonic: until then, unless … */
    bool answered;      /* … it has answered all that it was asked */
    bool given_up;      /* the statement in flight: its result is no longer wanted */
    bool kicked;        /* the timer is to run at once: something was queued */
    struct pglink link;
    struct pgstatement *queue;
    PGresult *results[PGCONN_RESULTS_MAX];
    size_t n_results;
    bool flushing;
    char notice[256];
};

static void advance(struct pgconn *c, bool socket_ready);

static void clear_results(struct pgconn *c)
{
    for (size_t i = 0; i < c->n_results; i++)
        PQclear(c->results[i]);
    c->n_results = 0;
    c->notice[0] = '\0';
}

/* Takes the statement out of the queue, then calls back. Nothing but `freed` may be looked at
 * afterwards. */
static void finish(struct pgconn *c, struct pgstatement *s, struct pgconn_reply *r)
{
    pgstatement_unlink(&c->queue, s);
    r->notice = c->notice;
    r->raw = c->link.pq;
    if (!r->sqlstate)
        r->sqlstate = "";
    if (s->fn)
        s->fn(s->arg, r);
    pgstatement_free(s);
}

static void fail_one(struct pgconn *c, struct pgstatement *s, const struct err *e)
{
    struct pgconn_reply r = {.e = e};

    finish(c, s, &r);
}

static void hang_up(struct pgconn *c)
{
    pglink_close(&c->link);
    c->state = CLOSED;
    c->flushing = c->given_up = false;
    clear_results(c);
}

/* ---- what can go wrong ----------------------------------------------------------------------- */

/* The connection is of no use any more: all that waits for it fails. */
static void broken(struct pgconn *c, const char *what)
{
    char line[400];
    struct err e = {0};
    struct pgstatement *waiting = c->queue;

    pglink_error(&c->link, line, sizeof(line));
    err_set(&e, ERR_UNREACHABLE, NULL, "%s: %s%s%s", c->label, what, line[0] ? ": " : "", line);
    hang_up(c);
    c->queue = NULL; /* a statement queued by a callback must not fail with these */
    while (waiting) {
        struct pgstatement *s = waiting;

        waiting = s->next;
        if (c->freed)
            pgstatement_free(s);
        else
            fail_one(c, s, &e);
    }
}

static bool is_patient(const struct pgconn *c)
{
    return !c->answered && clock_mono_ms() < c->patient_ms;
}

/* Something is expected of the server even if no statement in the queue waits for it. */
static bool is_under_way(const struct pgconn *c)
{
    return c->state == CONNECTING || c->given_up;
}

static void on_timer(uv_timer_t *timer)
{
    struct pgconn *c = timer->data;
    struct pgstatement *late = pgstatement_earliest(c->queue);
    struct err e = {0};

    c->kicked = false;
    if (late && late->deadline_ms <= clock_mono_ms()) {
        err_set(&e, ERR_TIMEOUT, NULL, "%s: no answer within %lld ms%s", c->label,
                (long long)late->timeout_ms, c->state == CONNECTING ? " (connecting)" : "");
        if (late == c->queue && is_patient(c))
            c->given_up = c->state == BUSY;
        else if (late == c->queue)
            hang_up(c);
        fail_one(c, late, &e);
    }
    if (!c->freed && is_under_way(c) && !is_patient(c))
        hang_up(c);
    if (!c->freed)
        advance(c, false);
}

static void set_timer(struct pgconn *c)
{
    struct pgstatement *first = pgstatement_earliest(c->queue);
    int64_t next_ms = first ? first->deadline_ms : INT64_MAX;

    if (is_under_way(c) && c->patient_ms < next_ms)
        next_ms = c->patient_ms;
    if (next_ms == INT64_MAX) {
        uv_timer_stop(&c->timer);
        return;
    }
    int64_t left = c->kicked ? 0 : next_ms - clock_mono_ms();
    uv_update_time(c->uv);
    uv_timer_start(&c->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void on_notice(void *arg, const char *message)
{
    struct pgconn *c = arg;

    pglink_one_line(message, c->notice, sizeof(c->notice));
}

static void connect_on(struct pgconn *c, enum pglink_progress progress)
{
    switch (progress) {
    case PGLINK_FAILED:
        broken(c, "cannot connect");
        break;
    case PGLINK_CONNECTING:
        c->state = CONNECTING;
        break;
    case PGLINK_OPEN:
        c->state = IDLE;
        c->session++;
        break;
    }
}

static void connect_start(struct pgconn *c)
{
    enum pglink_progress progress = pglink_open(&c->link, c->conninfo);

    c->patient_ms = clock_mono_ms() + PATIENCE_MS;
    c->answered = false;
    if (progress == PGLINK_CONNECTING)
        PQsetNoticeProcessor(c->link.pq, on_notice, c);
    connect_on(c, progress);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void send_head(struct pgconn *c)
{
    struct pgstatement *s = c->queue;
    const char *params[PGCONN_PARAMS_MAX];
    int sent;

    for (size_t i = 0; i < s->n_params; i++)
        params[i] = s->params[i];
    if (s->n_params > 0)
        sent = PQsendQueryParams(c->link.pq, s->sql, (int)s->n_params, NULL, params, NULL, NULL, 0);
    else
        sent = PQsendQuery(c->link.pq, s->sql);
    if (!sent) {
        broken(c, "the connection is lost");
        return;
    }
    c->state = BUSY;
    c->flushing = true;
}

static bool is_error(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);

    return s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK && s != PGRES_EMPTY_QUERY;
}

static bool is_copy(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);

    return s == PGRES_COPY_IN || s == PGRES_COPY_OUT || s == PGRES_COPY_BOTH;
}

static const PGresult *first_error(const struct pgconn *c)
{
    for (size_t i = 0; i < c->n_results; i++)
        if (is_error(c->results[i]))
            return c->results[i];
    return NULL;
}

static void answer(struct pgconn *c)
{
    struct pgstatement *s = c->queue;
    const PGresult *bad = first_error(c);
    struct err e = {0};
    struct pgconn_reply r = {.n_results = c->n_results};
    char line[400];

    for (size_t i = 0; i < c->n_results; i++)
        r.results[i] = c->results[i];
    if (bad) {
        const char *state = PQresultErrorField(bad, PG_DIAG_SQLSTATE);

        pglink_one_line(PQresultErrorMessage(bad), line, sizeof(line));
        err_set(&e, ERR_REFUSED, NULL, "%s: %s", c->label, line);
        r.e = &e;
        r.sqlstate = state ? state : "";
    }
    c->state = IDLE;
    if (c->given_up) {
        c->given_up = false;
    } else {
        c->answered = c->answered || !s->next;
        finish(c, s, &r);
    }
    clear_results(c);
}

static void keep_result(struct pgconn *c, PGresult *r)
{
    if (c->n_results < PGCONN_RESULTS_MAX)
        c->results[c->n_results++] = r;
    else
        PQclear(r);
}

/* Everything has arrived: the callback has run. False: wait for more. */
static bool read_answer(struct pgconn *c)
{
    while (!PQisBusy(c->link.pq)) {
        PGresult *r = PQgetResult(c->link.pq);

        if (r)
            keep_result(c, r);
        /* an error that also ended the connection is the connection's; COPY is never requested */
        if (PQstatus(c->link.pq) == CONNECTION_BAD || (r && is_copy(r))) {
            broken(c, "the connection was cut");
            return true;
        }
        if (!r) {
            answer(c);
            return true;
        }
    }
    return false;
}

static void advance_busy(struct pgconn *c)
{
    if (c->flushing) {
        int r = PQflush(c->link.pq);

        if (r < 0) {
            broken(c, "the connection is lost");
            return;
        }
        c->flushing = r > 0;
    }
    if (!PQconsumeInput(c->link.pq)) {
        broken(c, "the connection was cut");
        return;
    }
    if (!read_answer(c))
        pglink_watch(&c->link, c->flushing);
}

/* An idle connection is watched so that its end is noticed when it happens, not at the next use. */
static void advance_idle(struct pgconn *c)
{
    struct pgstatement *s = c->queue;

    if (s && !s->sql) {
        struct pgconn_reply r = {0};

        finish(c, s, &r);
    } else if (s) {
        send_head(c);
    } else if (PQconsumeInput(c->link.pq) && PQstatus(c->link.pq) == CONNECTION_OK) {
        pglink_watch(&c->link, false);
    } else {
        hang_up(c);
    }
}

/* Go on until it is the server's turn. PQconnectPoll may only be called when the socket is
 * ready. */
static void advance(struct pgconn *c, bool socket_ready)
{
    enum pgconn_state before;
    const struct pgstatement *head;

    do {
        before = c->state;
        head = c->queue;
        if (c->state == CLOSED && c->queue)
            connect_start(c);
        else if (c->state == CONNECTING && socket_ready)
            connect_on(c, pglink_connect(&c->link));
        else if (c->state == IDLE)
            advance_idle(c);
        else if (c->state == BUSY)
            advance_busy(c);
        socket_ready = false;
    } while (!c->freed && c->state != CLOSED && (c->state != before || c->queue != head));
    if (!c->freed)
        set_timer(c);
}

/* ---- for others ------------------------------------------------------------------------------ */

static void on_ready(void *arg)
{
    advance(arg, true);
}

struct pgconn *pgconn_new(struct loop *l, const char *conninfo, const char *label)
{
    struct pgconn *c = mem_alloc(sizeof(*c));

    c->uv = loop_uv(l);
    c->link = (struct pglink){.uv = c->uv, .ready = on_ready, .arg = c};
    c->conninfo = mem_strdup(conninfo);
    STR_COPY(c->label, label);
    uv_timer_init(c->uv, &c->timer);
    c->timer.data = c;
    return c;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct pgconn *c = handle->data;

    mem_free(c->conninfo);
    mem_free(c);
}

void pgconn_free(struct pgconn *c)
{
    if (!c || c->freed)
        return;
    c->freed = true;
    hang_up(c);
    while (c->queue) {
        struct pgstatement *s = c->queue;

        c->queue = s->next;
        pgstatement_free(s);
    }
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

/* From the loop, so that no callback runs inside the caller. */
static void kick(struct pgconn *c)
{
    c->kicked = true;
    set_timer(c);
}

void pgconn_query(struct pgconn *c, const char *sql, const char *const *params, size_t n_params,
                  int64_t timeout_ms, pgconn_fn fn, void *arg)
{
    struct pgstatement *s = pgstatement_new(sql, params, n_params, fn, arg);

    pgstatement_push(&c->queue, s, timeout_ms);
    kick(c);
}

void pgconn_warm(struct pgconn *c, int64_t timeout_ms)
{
    if (c->state != CLOSED || c->queue)
        return;
    pgstatement_push(&c->queue, pgstatement_new(NULL, NULL, 0, NULL, NULL), timeout_ms);
    kick(c);
}

bool pgconn_is_open(const struct pgconn *c)
{
    return c->state == IDLE || c->state == BUSY;
}

unsigned pgconn_session(const struct pgconn *c)
{
    return pgconn_is_open(c) ? c->session : 0;
}

int pgconn_pid(const struct pgconn *c)
{
    return c->state == BUSY ? PQbackendPID(c->link.pq) : 0;
}

bool pgconn_was_accepted(const struct pgconn *c)
{
    return pglink_was_accepted(&c->link);
}
