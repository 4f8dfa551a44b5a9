/*
 *             something is asked              PQconnectPoll: ok
 *   CLOSED ----------------------> CONNECTING ------------------> IDLE <--> BUSY
 *     ^                                |                           |         |
 *     '---- refused: all that waits fails; deadline: the late one -'---------'
 *
 * Invariants
 *   - `watch` polls the socket that libpq has now. It is closed before each PQconnectPoll and
 *     before PQfinish, since libpq may close that socket, and a socket must not be closed while
 *     polled.
 *   - The head of the queue is the statement in flight when BUSY; the timer stands at the earliest
 *     deadline of the queue.
 *   - A statement leaves the queue before its callback runs. The callback may do anything, also
 *     free the connection: the memory goes in the timer's close callback, one turn of the loop
 *     later.
 */
#include "agent/pgconn.h"

#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum pgconn_state { CLOSED, CONNECTING, IDLE, BUSY };

struct statement {
    struct statement *next;
    char *sql;
    char *params[PGCONN_PARAMS_MAX];
    size_t n_params;
    int64_t deadline_ms, timeout_ms;
    pgconn_fn fn; /* NULL: only wants the connection open */
    void *arg;
};

struct watch {
    uv_poll_t poll;
    struct pgconn *c;
};

struct pgconn {
    uv_loop_t *uv;
    uv_timer_t timer;
    char *conninfo;
    char label[96];
    enum pgconn_state state;
    bool freed, accepted;
    unsigned session; /* how often it has been opened */
    bool kicked;      /* the timer is to run at once: something was queued */
    PGconn *pq;
    struct watch *watch;
    struct statement *queue;
    PGresult *results[PGCONN_RESULTS_MAX];
    size_t n_results;
    bool flushing;
    char notice[256];
};

static void advance(struct pgconn *c, bool socket_ready);

/* ---- the queue ------------------------------------------------------------------------------- */

static void statement_free(struct statement *s)
{
    for (size_t i = 0; i < s->n_params; i++)
        mem_free(s->params[i]);
    mem_free(s->sql);
    mem_free(s);
}

static void unlink_statement(struct pgconn *c, struct statement *s)
{
    for (struct statement **at = &c->queue; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            return;
        }
}

static struct statement *earliest(const struct pgconn *c)
{
    struct statement *first = c->queue;

    for (struct statement *s = c->queue; s; s = s->next)
        if (s->deadline_ms < first->deadline_ms)
            first = s;
    return first;
}

static void clear_results(struct pgconn *c)
{
    for (size_t i = 0; i < c->n_results; i++)
        PQclear(c->results[i]);
    c->n_results = 0;
    c->notice[0] = '\0';
}

/* Takes the statement out of the queue, then calls back. Nothing but `freed` may be looked at
 * afterwards. */
static void finish(struct pgconn *c, struct statement *s, struct pgconn_reply *r)
{
    unlink_statement(c, s);
    r->notice = c->notice;
    r->raw = c->pq;
    if (!r->sqlstate)
        r->sqlstate = "";
    if (s->fn)
        s->fn(s->arg, r);
    statement_free(s);
}

static void fail_one(struct pgconn *c, struct statement *s, const struct err *e)
{
    struct pgconn_reply r = {.e = e};

    finish(c, s, &r);
}

/* ---- the socket ------------------------------------------------------------------------------ */

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void unwatch(struct pgconn *c)
{
    if (!c->watch)
        return;
    c->watch->c = NULL;
    uv_poll_stop(&c->watch->poll);
    uv_close((uv_handle_t *)&c->watch->poll, on_watch_closed);
    c->watch = NULL;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;

    (void)status; /* an error shows itself to libpq */
    (void)events;
    if (w->c)
        advance(w->c, true);
}

static void watch(struct pgconn *c, int events)
{
    if (!c->watch) {
        struct watch *w = mem_alloc(sizeof(*w));

        if (uv_poll_init(c->uv, &w->poll, PQsocket(c->pq)) < 0) {
            mem_free(w);
            return; /* then the deadline ends it */
        }
        w->c = c;
        w->poll.data = w;
        c->watch = w;
    }
    uv_poll_start(&c->watch->poll, events, on_poll);
}

static void hang_up(struct pgconn *c)
{
    unwatch(c);
    PQfinish(c->pq); /* NULL is fine; the connection is non-blocking, so is the farewell */
    c->pq = NULL;
    c->state = CLOSED;
    c->flushing = false;
    clear_results(c);
}

/* ---- what can go wrong ----------------------------------------------------------------------- */

/* libpq's message is several lines, the first of them about the attempt: one line for people. */
static void one_line(const char *text, char *ret_line, size_t bytes)
{
    size_t n = 0;
    bool blank = true;

    for (; *text && n + 1 < bytes; text++) {
        bool space = *text == '\n' || *text == '\t' || *text == ' ';

        if (!space || !blank)
            ret_line[n++] = space ? ' ' : *text;
        blank = space;
    }
    while (n > 0 && ret_line[n - 1] == ' ')
        n--;
    ret_line[n] = '\0';
}

/* The connection is of no use any more: all that waits for it fails. */
static void broken(struct pgconn *c, const char *what)
{
    char line[400];
    struct err e = {0};
    struct statement *waiting = c->queue;

    one_line(c->pq ? PQerrorMessage(c->pq) : "", line, sizeof(line));
    err_set(&e, ERR_UNREACHABLE, NULL, "%s: %s%s%s", c->label, what, line[0] ? ": " : "", line);
    hang_up(c);
    c->queue = NULL; /* what a callback asks anew is not to fail with these */
    while (waiting) {
        struct statement *s = waiting;

        waiting = s->next;
        if (c->freed)
            statement_free(s);
        else
            fail_one(c, s, &e);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct pgconn *c = timer->data;
    struct statement *late = earliest(c);
    struct err e = {0};

    c->kicked = false;
    if (late && late->deadline_ms <= clock_mono_ms()) {
        err_set(&e, ERR_TIMEOUT, NULL, "%s: no answer within %lld ms%s", c->label,
                (long long)late->timeout_ms, c->state == CONNECTING ? " (connecting)" : "");
        if (late == c->queue)
            hang_up(c);
        fail_one(c, late, &e);
    }
    if (!c->freed)
        advance(c, false);
}

static void set_timer(struct pgconn *c)
{
    struct statement *first = earliest(c);
    int64_t left = first && !c->kicked ? first->deadline_ms - clock_mono_ms() : 0;

    if (!first) {
        uv_timer_stop(&c->timer);
        return;
    }
    uv_update_time(c->uv);
    uv_timer_start(&c->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void on_notice(void *arg, const char *message)
{
    struct pgconn *c = arg;

    one_line(message, c->notice, sizeof(c->notice));
}

static void note_accepted(struct pgconn *c)
{
    ConnStatusType status = PQstatus(c->pq);

    if (status != CONNECTION_BAD && status != CONNECTION_STARTED && status != CONNECTION_NEEDED)
        c->accepted = true;
}

static void connect_more(struct pgconn *c)
{
    PostgresPollingStatusType next;

    unwatch(c);
    next = PQconnectPoll(c->pq);
    note_accepted(c);
    switch (next) {
    case PGRES_POLLING_READING:
        watch(c, UV_READABLE | UV_DISCONNECT);
        break;
    case PGRES_POLLING_WRITING:
        watch(c, UV_WRITABLE | UV_DISCONNECT);
        break;
    case PGRES_POLLING_OK:
        PQsetnonblocking(c->pq, 1);
        c->state = IDLE;
        c->session++;
        break;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        broken(c, "cannot connect");
        break;
    }
}

static void connect_start(struct pgconn *c)
{
    c->accepted = false;
    c->pq = PQconnectStart(c->conninfo);
    if (!c->pq || PQstatus(c->pq) == CONNECTION_BAD) {
        broken(c, "cannot connect");
        return;
    }
    PQsetNoticeProcessor(c->pq, on_notice, c);
    c->state = CONNECTING;
    /* libpq: behave as if PQconnectPoll had last returned PGRES_POLLING_WRITING */
    watch(c, UV_WRITABLE | UV_DISCONNECT);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void send_head(struct pgconn *c)
{
    struct statement *s = c->queue;
    const char *params[PGCONN_PARAMS_MAX];
    int sent;

    for (size_t i = 0; i < s->n_params; i++)
        params[i] = s->params[i];
    if (s->n_params > 0)
        sent = PQsendQueryParams(c->pq, s->sql, (int)s->n_params, NULL, params, NULL, NULL, 0);
    else
        sent = PQsendQuery(c->pq, s->sql);
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
    struct statement *s = c->queue;
    const PGresult *bad = first_error(c);
    struct err e = {0};
    struct pgconn_reply r = {.n_results = c->n_results};
    char line[400];

    for (size_t i = 0; i < c->n_results; i++)
        r.results[i] = c->results[i];
    if (bad) {
        const char *state = PQresultErrorField(bad, PG_DIAG_SQLSTATE);

        one_line(PQresultErrorMessage(bad), line, sizeof(line));
        err_set(&e, ERR_REFUSED, NULL, "%s: %s", c->label, line);
        r.e = &e;
        r.sqlstate = state ? state : "";
    }
    c->state = IDLE;
    finish(c, s, &r);
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
    while (!PQisBusy(c->pq)) {
        PGresult *r = PQgetResult(c->pq);

        if (r)
            keep_result(c, r);
        /* an error that also ended the connection is the connection's; nobody here asks for COPY */
        if (PQstatus(c->pq) == CONNECTION_BAD || (r && is_copy(r))) {
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
        int r = PQflush(c->pq);

        if (r < 0) {
            broken(c, "the connection is lost");
            return;
        }
        c->flushing = r > 0;
    }
    if (!PQconsumeInput(c->pq)) {
        broken(c, "the connection was cut");
        return;
    }
    if (!read_answer(c))
        watch(c, UV_READABLE | UV_DISCONNECT | (c->flushing ? UV_WRITABLE : 0));
}

/* An idle connection is watched so that its end is noticed when it happens, not at the next use. */
static void advance_idle(struct pgconn *c)
{
    struct statement *s = c->queue;

    if (s && !s->sql) {
        struct pgconn_reply r = {0};

        finish(c, s, &r);
    } else if (s) {
        send_head(c);
    } else if (PQconsumeInput(c->pq) && PQstatus(c->pq) == CONNECTION_OK) {
        watch(c, UV_READABLE | UV_DISCONNECT);
    } else {
        hang_up(c);
    }
}

/* Go on until it is the server's turn. PQconnectPoll may only be called when the socket is
 * ready. */
static void advance(struct pgconn *c, bool socket_ready)
{
    enum pgconn_state before;
    const struct statement *head;

    do {
        before = c->state;
        head = c->queue;
        if (c->state == CLOSED && c->queue)
            connect_start(c);
        else if (c->state == CONNECTING && socket_ready)
            connect_more(c);
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

struct pgconn *pgconn_new(struct loop *l, const char *conninfo, const char *label)
{
    struct pgconn *c = mem_alloc(sizeof(*c));

    c->uv = loop_uv(l);
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
        struct statement *s = c->queue;

        c->queue = s->next;
        statement_free(s);
    }
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
}

static void push(struct pgconn *c, struct statement *s, int64_t timeout_ms)
{
    struct statement **end = &c->queue;

    s->timeout_ms = timeout_ms;
    s->deadline_ms = clock_mono_ms() + timeout_ms;
    while (*end)
        end = &(*end)->next;
    *end = s;
    /* from the loop, so that no callback runs inside the caller */
    c->kicked = true;
    set_timer(c);
}

void pgconn_query(struct pgconn *c, const char *sql, const char *const *params, size_t n_params,
                  int64_t timeout_ms, pgconn_fn fn, void *arg)
{
    struct statement *s = mem_alloc(sizeof(*s));

    s->sql = mem_strdup(sql);
    s->fn = fn;
    s->arg = arg;
    s->n_params = n_params < PGCONN_PARAMS_MAX ? n_params : PGCONN_PARAMS_MAX;
    for (size_t i = 0; i < s->n_params; i++)
        s->params[i] = mem_strdup(params[i]);
    push(c, s, timeout_ms);
}

void pgconn_warm(struct pgconn *c, int64_t timeout_ms)
{
    if (c->state == CLOSED && !c->queue)
        push(c, mem_alloc(sizeof(struct statement)), timeout_ms);
}

void pgconn_drop(struct pgconn *c)
{
    if (c->queue)
        broken(c, "dropped");
    else
        hang_up(c);
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
    return c->state == BUSY ? PQbackendPID(c->pq) : 0;
}

bool pgconn_was_accepted(const struct pgconn *c)
{
    return c->accepted;
}
