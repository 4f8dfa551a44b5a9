#include "dnsupdate/exchange.h"

#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/explain.h"
#include "dnsupdate/link.h"
#include "dnsupdate/reply.h"

enum { OPCODE_UPDATE = 5, TIMES = 4 };

/* A query's wait before its next try, by try; the last one repeats. */
static const int resend_ms[TIMES] = {300, 400, 800, 1500};

struct attempt {
    uint16_t id;
    bool answered;
    struct tsig_mac mac;
};

struct ask {
    struct exchange *exchange;
    struct ask *next;
    struct message request;
    bool update;
    bool tcp;
    bool answered;
    struct attempt tries[ASK_TRIES_MAX];
    int n_tries;
    struct timer *resend;
    ask_fn fn;
    void *arg;
};

struct exchange {
    struct loop *loop;
    struct exchange_spec spec;
    char server[64];
    struct link *link;
    struct timer *deadline;
    int64_t start_ms;
    int64_t end_ms;
    struct err hint;
    struct ask *asks;
};

static void on_received(void *arg, const uint8_t *wire, size_t len);
static void on_failed(void *arg, bool tcp, int sys);

static void on_deadline(void *arg)
{
    struct exchange *x = arg;

    x->spec.expired(x->spec.arg);
}

static void set_deadline(struct exchange *x, int64_t at_ms)
{
    timer_free(x->deadline);
    x->end_ms = at_ms;
    x->deadline = timer_start(x->loop, at_ms - clock_mono_ms(), on_deadline, x);
}

int exchange_open(struct loop *l, const struct exchange_spec *spec, struct exchange **ret_exchange,
                  struct err *reterr)
{
    struct sockaddr_storage to;
    struct exchange *x;

    if (!link_address(spec->server, &to))
        return err_set(reterr, ERR_CONFIG,
                       "Name DNS servers by address: when DNS is in trouble, no name resolves.",
                       "\"%.60s\" is not an IP address (with or without a port)", spec->server);
    x = mem_alloc(sizeof(*x));
    x->loop = l;
    x->spec = *spec;
    STR_COPY(x->server, spec->server);
    x->start_ms = clock_mono_ms();
    x->link = link_open(l, &to, &(struct link_events){on_received, on_failed, x});
    set_deadline(x, x->start_ms + spec->timeout_ms);
    *ret_exchange = x;
    return 0;
}

void exchange_close(struct exchange *x)
{
    if (!x)
        return;
    while (x->asks)
        ask_free(x->asks);
    timer_free(x->deadline);
    link_close(x->link);
    mem_free(x);
}

int exchange_explain(const struct exchange *x, struct err *reterr)
{
    if (!x->hint.code)
        return explain_silence(x->server, exchange_elapsed_ms(x), reterr);
    if (reterr)
        *reterr = x->hint;
    return x->hint.code;
}

int64_t exchange_elapsed_ms(const struct exchange *x)
{
    return clock_mono_ms() - x->start_ms;
}

const char *exchange_server(const struct exchange *x)
{
    return x->server;
}

/* ---- asks ------------------------------------------------------------------------------------ */

static bool id_used(const struct exchange *x, uint16_t id)
{
    for (const struct ask *a = x->asks; a; a = a->next)
        for (int i = 0; i < a->n_tries; i++)
            if (a->tries[i].id == id)
                return true;
    return false;
}

/* Unpredictable and not in use: with a random port it is what unsigned reads rely on. */
static uint16_t fresh_id(const struct exchange *x)
{
    uint16_t id = 0;

    while (id == 0 || id_used(x, id))
        if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id))
            id = 0;
    return id;
}

static void on_resend(void *arg)
{
    ask_again(arg);
}

bool ask_again(struct ask *a)
{
    struct exchange *x = a->exchange;
    struct attempt *t = &a->tries[a->n_tries];
    enum link_way way;
    struct message m;
    int wait;

    if (a->n_tries == ASK_TRIES_MAX)
        return false;
    t->id = fresh_id(x);
    if (build_try(&a->request, t->id, x->spec.key, clock_wall_ms() / 1000, &m, &t->mac, &x->hint) <
        0) {
        set_deadline(x, clock_mono_ms());
        return false;
    }
    wait = resend_ms[a->n_tries < TIMES ? a->n_tries : TIMES - 1];
    a->n_tries++;
    a->tcp = a->tcp || m.len > WIRE_UDP_BYTES;
    timer_free(a->resend);
    a->resend = a->update ? NULL : timer_start(x->loop, wait, on_resend, a);
    way = a->n_tries > 1 ? LINK_TCP_FRESH : LINK_TCP;
    link_send(x->link, a->tcp ? way : LINK_UDP, m.bytes, m.len);
    return true;
}

struct ask *ask_start(struct exchange *x, const struct message *request, ask_fn fn, void *arg)
{
    struct ask *a = mem_alloc(sizeof(*a));

    a->exchange = x;
    a->next = x->asks;
    x->asks = a;
    a->request = *request;
    a->update = ((request->bytes[2] >> 3) & 15) == OPCODE_UPDATE;
    a->tcp = x->spec.tcp;
    a->fn = fn;
    a->arg = arg;
    ask_again(a);
    return a;
}

int ask_tries(const struct ask *a)
{
    return a->n_tries;
}

int ask_unanswered(const struct ask *a)
{
    int n = 0;

    for (int i = 0; i < a->n_tries; i++)
        n += !a->tries[i].answered;
    return n;
}

void ask_free(struct ask *a)
{
    struct ask **p;

    if (!a)
        return;
    for (p = &a->exchange->asks; *p != a; p = &(*p)->next)
        ;
    *p = a->next;
    timer_free(a->resend);
    mem_free(a);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void take_hint(struct exchange *x, const struct err *hint)
{
    int64_t soon = clock_mono_ms() + EXCHANGE_HINT_MS;

    if (x->hint.code && x->hint.code != ERR_UNREACHABLE)
        return;
    x->hint = *hint;
    if (soon < x->end_ms)
        set_deadline(x, soon);
}

/* A socket's failure is a hint too, but waiting on is worth it: servers are restarted. */
static void on_failed(void *arg, bool tcp, int sys)
{
    struct exchange *x = arg;

    if (!x->hint.code)
        explain_unreachable(x->server, tcp, sys, &x->hint);
}

static void take_answer(struct ask *a, struct attempt *t, const uint8_t *wire, size_t len)
{
    struct exchange *x = a->exchange;
    struct request request = {.message = &a->request,
                              .id = t->id,
                              .key = x->spec.key,
                              .mac = &t->mac,
                              .server = x->server,
                              .now_s = clock_wall_ms() / 1000};
    struct reply reply = {.pkt = NULL};
    struct err hint = {.code = 0};

    switch (reply_read(wire, len, &request, &reply, &hint)) {
    case REPLY_FOREIGN:
        return;
    case REPLY_HINT:
        take_hint(x, &hint);
        return;
    case REPLY_TRUNCATED:
        if (!a->tcp && !a->answered) {
            a->tcp = true;
            ask_again(a);
        }
        return;
    case REPLY_DECIDES:
        break;
    }
    t->answered = true;
    timer_free(a->resend);
    a->resend = NULL;
    if (a->update || !a->answered) {
        a->answered = true;
        a->fn(a->arg, &reply); /* may have freed a and x */
    }
    reply_free(&reply);
}

static void on_received(void *arg, const uint8_t *wire, size_t len)
{
    struct exchange *x = arg;

    if (len < WIRE_HEADER_BYTES)
        return;
    for (struct ask *a = x->asks; a; a = a->next)
        for (int i = 0; i < a->n_tries; i++)
            if (a->tries[i].id == wire_get16(wire) && !a->tries[i].answered) {
                take_answer(a, &a->tries[i], wire, len);
                return;
            }
}
