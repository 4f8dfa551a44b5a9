#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/exchange.h"
#include "dnsupdate/explain.h"
#include "dnsupdate/op.h"
#include "dnsupdate/reply.h"

/* ---- one signed question, one verdict: dns_probe_update, dns_rehearse, dns_probe_wildcard ---- */

struct probe {
    struct dns_op op;
    const struct dns_zone *zone;
    struct exchange *exchange;
    struct ask *ask;
    struct timer *timer; /* the next try of an UPDATE, or the report of a failed start */
    struct loop *loop;
    struct err e;
    int rcode;      /* of the answer; -1 none */
    dns_done_fn fn; /* one of these two */
    dns_rehearsal_fn rehearsed;
    void *arg;
};

enum { TRY_MS = 2000 };

static void probe_cancel(struct dns_op *op)
{
    struct probe *p = (struct probe *)op;

    exchange_close(p->exchange);
    timer_free(p->timer);
    mem_free(p);
}

static void probe_end(struct probe *p)
{
    struct err e = p->e;
    dns_done_fn fn = p->fn;
    dns_rehearsal_fn rehearsed = p->rehearsed;
    void *arg = p->arg;
    int rcode = p->rcode;

    probe_cancel(&p->op);
    if (rehearsed)
        rehearsed(arg, rcode, e.code ? &e : NULL);
    else
        fn(arg, e.code ? &e : NULL);
}

static void probe_failed(void *arg)
{
    probe_end(arg);
}

static void probe_expired(void *arg)
{
    struct probe *p = arg;

    exchange_explain(p->exchange, &p->e);
    probe_end(p);
}

static void on_resend(void *arg)
{
    struct probe *p = arg;

    timer_free(p->timer);
    p->timer = timer_start(p->loop, TRY_MS, on_resend, p);
    ask_again(p->ask);
}

static void on_update_answer(void *arg, const struct reply *reply)
{
    struct probe *p = arg;

    p->rcode = reply->rcode;
    if (reply->rcode != RCODE_NOERROR)
        explain_rcode(reply, p->zone, p->zone->server, true, &p->e);
    probe_end(p);
}

/* A name that no one created must not exist: a wildcard would answer for an absent register. */
static void on_wildcard_answer(void *arg, const struct reply *reply)
{
    struct probe *p = arg;

    if (reply->rcode == RCODE_NXDOMAIN && reply->aa)
        ;
    else if (reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN)
        explain_rcode(reply, p->zone, p->zone->server, false, &p->e);
    else if (!reply->aa)
        explain_lame(p->zone->server, p->zone->alias, "", &p->e);
    else
        err_set(&p->e, ERR_REGISTER,
                "Remove the wildcard record (\"*\") above the register's name, or put the alias "
                "into a zone without one.",
                "%s answers for names that do not exist beside \"_pgtandem.%s\": a wildcard",
                p->zone->server, p->zone->alias);
    probe_end(p);
}

static struct dns_op *probe_start(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                                  struct probe *p, ask_fn on_answer, const struct message *m)
{
    const struct exchange_spec spec = {.server = z->server,
                                       .key = &z->key,
                                       .timeout_ms = timeout_ms,
                                       .tcp = z->tcp,
                                       .expired = probe_expired,
                                       .arg = p};

    p->op.cancel = probe_cancel;
    p->zone = z;
    p->loop = l;
    if (p->e.code || exchange_open(l, &spec, &p->exchange, &p->e) < 0) {
        p->timer = timer_start(l, 0, probe_failed, p);
        return &p->op;
    }
    p->ask = ask_start(p->exchange, m, on_answer, p);
    if (on_answer == on_update_answer)
        p->timer = timer_start(l, TRY_MS, on_resend, p);
    return &p->op;
}

static struct probe *probe_new(const struct dns_zone *z, dns_done_fn fn, void *arg)
{
    struct probe *p = mem_alloc(sizeof(*p));

    p->rcode = -1;
    p->fn = fn;
    p->arg = arg;
    dns_zone_check(z, &p->e);
    return p;
}

struct dns_op *dns_probe_update(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                                dns_done_fn fn, void *arg)
{
    struct probe *p = probe_new(z, fn, arg);
    struct message m = {.len = 0};

    if (!p->e.code)
        build_probe(z, &m, &p->e);
    return probe_start(l, z, timeout_ms, p, on_update_answer, &m);
}

struct dns_op *dns_rehearse(struct loop *l, const struct dns_zone *z, const struct dns_view *now,
                            int64_t timeout_ms, dns_rehearsal_fn fn, void *arg)
{
    struct probe *p = probe_new(z, NULL, arg);
    struct message m = {.len = 0};

    p->rehearsed = fn;
    if (!p->e.code)
        build_rehearsal(z, now, &m, &p->e);
    return probe_start(l, z, timeout_ms, p, on_update_answer, &m);
}

struct dns_op *dns_probe_wildcard(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                                  dns_done_fn fn, void *arg)
{
    struct probe *p = probe_new(z, fn, arg);
    struct message m = {.len = 0};
    char nonce[NONCE_BYTES], label[64], name[DNS_NAME_BYTES];

    register_new_nonce(nonce);
    STR_PRINTF(label, "_probe-%s", nonce);
    /* a sibling of the register's name, or, for a long alias, of the alias */
    if (!STR_PRINTF(name, "%s.%s", label, z->alias) || !wire_name_valid(name))
        STR_PRINTF(name, "%.30s.%s", label, z->zone);
    if (!p->e.code)
        build_query(name, DNS_TXT, &m, &p->e);
    return probe_start(l, z, timeout_ms, p, on_wildcard_answer, &m);
}
