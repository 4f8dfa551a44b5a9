#include "agent/postgres/pglink.h"

#include <poll.h>

#include "base/mem.h"

struct pglink_watch {
    uv_poll_t poll;
    struct pglink *l; /* NULL: no more */
};

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void unwatch(struct pglink *l)
{
    if (!l->watch)
        return;
    l->watch->l = NULL;
    uv_poll_stop(&l->watch->poll);
    uv_close((uv_handle_t *)&l->watch->poll, on_watch_closed);
    l->watch = NULL;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pglink_watch *w = poll->data;

    (void)status; /* an error shows itself to libpq */
    (void)events;
    if (w->l)
        w->l->ready(w->l->arg);
}

static void watch_for(struct pglink *l, int events)
{
    if (!l->watch) {
        struct pglink_watch *w = mem_alloc(sizeof(*w));

        if (uv_poll_init(l->uv, &w->poll, PQsocket(l->pq)) < 0) {
            mem_free(w);
            return; /* then a deadline ends it */
        }
        w->l = l;
        w->poll.data = w;
        l->watch = w;
    }
    uv_poll_start(&l->watch->poll, events | UV_DISCONNECT, on_poll);
}

void pglink_watch(struct pglink *l, bool writable_too)
{
    watch_for(l, UV_READABLE | (writable_too ? UV_WRITABLE : 0));
}

static void note_accepted(struct pglink *l)
{
    ConnStatusType status = PQstatus(l->pq);

    if (status != CONNECTION_BAD && status != CONNECTION_STARTED && status != CONNECTION_NEEDED)
        l->accepted = true;
}

enum pglink_progress pglink_open(struct pglink *l, const char *conninfo)
{
    l->accepted = false;
    l->pq = PQconnectStart(conninfo);
    if (!l->pq || PQstatus(l->pq) == CONNECTION_BAD)
        return PGLINK_FAILED;
    /* libpq: behave as if PQconnectPoll had last returned PGRES_POLLING_WRITING */
    watch_for(l, UV_WRITABLE);
    return PGLINK_CONNECTING;
}

enum pglink_progress pglink_connect(struct pglink *l)
{
    PostgresPollingStatusType next;

    unwatch(l);
    next = PQconnectPoll(l->pq);
    note_accepted(l);
    switch (next) {
    case PGRES_POLLING_READING:
        watch_for(l, UV_READABLE);
        return PGLINK_CONNECTING;
    case PGRES_POLLING_WRITING:
        watch_for(l, UV_WRITABLE);
        return PGLINK_CONNECTING;
    case PGRES_POLLING_OK:
        PQsetnonblocking(l->pq, 1);
        return PGLINK_OPEN;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        break;
    }
    return PGLINK_FAILED;
}

/* The kernel may know more than we have had the time to take in. */
static bool is_connected(const struct pglink *l)
{
    struct pollfd socket = {.fd = l->pq ? PQsocket(l->pq) : -1, .events = POLLOUT};

    return socket.fd >= 0 && poll(&socket, 1, 0) == 1 &&
           (socket.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT;
}

bool pglink_was_accepted(const struct pglink *l)
{
    return l->accepted || is_connected(l);
}

void pglink_close(struct pglink *l)
{
    l->accepted = pglink_was_accepted(l);
    unwatch(l);
    PQfinish(l->pq); /* NULL is fine; the connection is non-blocking, so is the farewell */
    l->pq = NULL;
}

void pglink_error(const struct pglink *l, char *ret_line, size_t bytes)
{
    pglink_one_line(l->pq ? PQerrorMessage(l->pq) : "", ret_line, bytes);
}

void pglink_one_line(const char *text, char *ret_line, size_t bytes)
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
