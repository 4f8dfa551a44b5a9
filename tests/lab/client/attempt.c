#include "attempt.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void finish(struct attempt *a, bool acknowledged)
{
    a->state = ATTEMPT_ENDED;
    a->ended_us = monotonic_us();
    a->acknowledged = acknowledged;
}

static void end(struct attempt *a, bool acknowledged, const char *stage, const char *text)
{
    finish(a, acknowledged);
    snprintf(a->text, sizeof a->text, "%s%s%s", stage, *stage ? ": " : "", text);
    for (char *c = a->text; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    for (size_t n = strlen(a->text); n > 0 && a->text[n - 1] == ' ';)
        a->text[--n] = '\0';
}

static void ask(struct attempt *a)
{
    char id[24];
    const char *values[] = {id};
    snprintf(id, sizeof id, "%" PRId64, a->id);
    a->state = ATTEMPT_ASKING;
    a->asked = true;
    if (!PQsendQueryParams(a->conn, a->target->sql, 1, NULL, values, NULL, NULL, 0))
        end(a, false, "send", PQerrorMessage(a->conn));
    a->events = POLLIN;
}

static void resolve(struct attempt *a)
{
    struct gaicb *list[] = {&a->request};
    a->hints = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    a->request = (struct gaicb){.ar_name = a->target->alias, .ar_request = &a->hints};
    a->state = ATTEMPT_RESOLVING;
    int rc = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
    if (rc)
        end(a, false, "resolve", gai_strerror(rc));
}

void attempt_start(struct attempt *a, const struct target *t, int64_t id)
{
    a->target = t;
    a->id = id;
    a->started_us = monotonic_us();
    a->asked = false;
    a->answered = false;
    if (a->conn) {
        ask(a);
    } else {
        a->address[0] = '\0';
        resolve(a);
    }
}

/* libpq would print what a server says on its own account */
static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static void start_connection(struct attempt *a)
{
    char host[INET_ADDRSTRLEN] = "";
    const void *found = a->request.ar_result->ai_addr;
    const struct sockaddr_in *in = found;
    inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
    freeaddrinfo(a->request.ar_result);
    a->request.ar_result = NULL;
    memcpy(a->address, host, sizeof host);

    const struct target *t = a->target;
    const char *keys[] = {"host",    "hostaddr",   "port", "user", "dbname", "application_name",
                          "sslmode", "gssencmode", NULL};
    const char *values[] = {t->alias,       host,      t->port,   t->user, t->database,
                            t->application, "disable", "disable", NULL};
    a->conn = PQconnectStartParams(keys, values, 0);
    a->state = ATTEMPT_CONNECTING;
    a->events = POLLOUT;
    if (!a->conn || PQstatus(a->conn) == CONNECTION_BAD)
        end(a, false, "connect", a->conn ? PQerrorMessage(a->conn) : "out of memory");
    else
        PQsetNoticeProcessor(a->conn, ignore_notice, NULL);
}

static void advance_resolving(struct attempt *a)
{
    int rc = gai_error(&a->request);
    if (rc == EAI_INPROGRESS)
        return;
    if (rc)
        end(a, false, "resolve", gai_strerror(rc));
    else
        start_connection(a);
}

static bool socket_ready(const struct attempt *a)
{
    struct pollfd p = attempt_pollfd(a);
    return p.fd < 0 || poll(&p, 1, 0) > 0;
}

static void advance_connecting(struct attempt *a)
{
    while (a->state == ATTEMPT_CONNECTING && socket_ready(a)) {
        switch (PQconnectPoll(a->conn)) {
        case PGRES_POLLING_READING:
            a->events = POLLIN;
            break;
        case PGRES_POLLING_OK:
            ask(a);
            break;
        case PGRES_POLLING_FAILED:
            end(a, false, "connect", PQerrorMessage(a->conn));
            break;
        case PGRES_POLLING_WRITING:
        default:
            a->events = POLLOUT;
            break;
        }
    }
}

static void take_row(struct attempt *a, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && PQnfields(r) == 2) {
        snprintf(a->address, sizeof a->address, "%s", PQgetvalue(r, 0, 1));
        snprintf(a->text, sizeof a->text, "%s", PQgetvalue(r, 0, 0));
        a->answered = true;
    } else {
        end(a, false, "answer", PQresultErrorMessage(r));
    }
}

/* The row is no acknowledgement yet: the server commits after it has put the row into its buffer,
 * and a backend that is told to end in between sends the row, then an error, and has not committed.
 */
static void advance_asking(struct attempt *a)
{
    if (!socket_ready(a))
        return;
    if (!PQconsumeInput(a->conn)) {
        end(a, false, "answer", PQerrorMessage(a->conn));
        return;
    }
    while (a->state == ATTEMPT_ASKING && !PQisBusy(a->conn)) {
        PGresult *r = PQgetResult(a->conn);
        if (r)
            take_row(a, r);
        else if (!a->answered)
            end(a, false, "answer", "no row");
        else if (PQstatus(a->conn) == CONNECTION_BAD)
            end(a, false, "answer", PQerrorMessage(a->conn));
        else
            finish(a, true);
        PQclear(r);
    }
}

void attempt_advance(struct attempt *a, int64_t now_us)
{
    if (a->state == ATTEMPT_RESOLVING)
        advance_resolving(a);
    if (a->state == ATTEMPT_CONNECTING)
        advance_connecting(a);
    if (a->state == ATTEMPT_ASKING)
        advance_asking(a);
    if (a->state == ATTEMPT_ORPHAN && gai_error(&a->request) != EAI_INPROGRESS) {
        if (a->request.ar_result)
            freeaddrinfo(a->request.ar_result);
        a->state = ATTEMPT_IDLE;
    }
    if (a->state == ATTEMPT_RESOLVING || a->state == ATTEMPT_CONNECTING ||
        a->state == ATTEMPT_ASKING)
        if (now_us - a->started_us >= a->target->timeout_us)
            end(a, false,
                a->state == ATTEMPT_RESOLVING    ? "resolve"
                : a->state == ATTEMPT_CONNECTING ? "connect"
                                                 : "answer",
                "timed out");
}

struct pollfd attempt_pollfd(const struct attempt *a)
{
    bool waits = a->state == ATTEMPT_CONNECTING || a->state == ATTEMPT_ASKING;
    return (struct pollfd){.fd = waits ? PQsocket(a->conn) : -1, .events = a->events};
}

/* takes in the end of the last statement; false where a new one could not follow */
static bool ready_for_more(struct attempt *a)
{
    while (!PQisBusy(a->conn)) {
        PGresult *r = PQgetResult(a->conn);
        if (!r)
            return PQstatus(a->conn) == CONNECTION_OK;
        PQclear(r);
    }
    return false;
}

void attempt_release(struct attempt *a)
{
    if (!(a->target->keep && a->acknowledged && ready_for_more(a)))
        attempt_close(a);
    bool resolving = a->request.ar_name && gai_error(&a->request) == EAI_INPROGRESS;
    a->state = resolving ? ATTEMPT_ORPHAN : ATTEMPT_IDLE;
    if (resolving)
        gai_cancel(&a->request);
}

void attempt_close(struct attempt *a)
{
    PQfinish(a->conn);
    a->conn = NULL;
}
