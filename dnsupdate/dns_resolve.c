#include <string.h>

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

struct resolve {
    struct dns_op op;
    const struct dns_zone *zone;
    char name[DNS_NAME_BYTES];
    struct exchange *exchange;
    int open; /* A and AAAA */
    struct dns_addresses found;
    struct timer *failing;
    struct err e;
    dns_addresses_fn fn;
    void *arg;
};

enum { ADDRESSES_MAX = sizeof(((struct dns_addresses *)0)->address) / DNS_ADDRESS_BYTES };

static void resolve_cancel(struct dns_op *op)
{
    struct resolve *r = (struct resolve *)op;

    exchange_close(r->exchange);
    timer_free(r->failing);
    mem_free(r);
}

static void resolve_end(struct resolve *r)
{
    struct dns_addresses found = r->found;
    struct err e = r->e;
    dns_addresses_fn fn = r->fn;
    void *arg = r->arg;

    resolve_cancel(&r->op);
    fn(arg, &found, e.code ? &e : NULL);
}

static void resolve_failed(void *arg)
{
    resolve_end(arg);
}

static void resolve_expired(void *arg)
{
    struct resolve *r = arg;

    exchange_explain(r->exchange, &r->e);
    resolve_end(r);
}

static void take_addresses(struct resolve *r, const struct reply *reply, int type)
{
    size_t room = ADDRESSES_MAX - r->found.n;

    if (reply->rcode != RCODE_NOERROR && reply->rcode != RCODE_NXDOMAIN) {
        explain_rcode(reply, r->zone, r->zone->server, false, &r->e);
        resolve_end(r);
        return;
    }
    /* any owner: the name may be an alias in the same zone, and the server follows it */
    if (room > 0)
        r->found.n +=
            reply_values(reply, NULL, type, r->found.address[r->found.n], DNS_ADDRESS_BYTES, room);
    if (--r->open > 0)
        return;
    r->found.answered = true;
    if (r->found.n == 0)
        err_set(&r->e, ERR_DNS, "Give the host an A or AAAA record in the zone.",
                "%s knows no address of \"%s\"", r->zone->server, r->name);
    resolve_end(r);
}

static void on_a(void *arg, const struct reply *reply)
{
    take_addresses(arg, reply, DNS_A);
}

static void on_aaaa(void *arg, const struct reply *reply)
{
    take_addresses(arg, reply, DNS_AAAA);
}

struct dns_op *dns_resolve(struct loop *l, const struct dns_zone *z, const char *name,
                           int64_t timeout_ms, dns_addresses_fn fn, void *arg)
{
    struct resolve *r = mem_alloc(sizeof(*r));
    const struct exchange_spec spec = {.server = z->server,
                                       .key = &z->key,
                                       .timeout_ms = timeout_ms,
                                       .tcp = z->tcp,
                                       .expired = resolve_expired,
                                       .arg = r};
    struct message a, aaaa;

    r->op.cancel = resolve_cancel;
    r->zone = z;
    r->fn = fn;
    r->arg = arg;
    if (!wire_name_normal(name, r->name))
        STR_COPY(r->name, "?");
    if (dns_zone_check(z, &r->e) < 0 || build_query(r->name, DNS_A, &a, &r->e) < 0 ||
        build_query(r->name, DNS_AAAA, &aaaa, &r->e) < 0 ||
        exchange_open(l, &spec, &r->exchange, &r->e) < 0) {
        r->failing = timer_start(l, 0, resolve_failed, r);
        return &r->op;
    }
    r->open = 2;
    ask_start(r->exchange, &a, on_a, r);
    ask_start(r->exchange, &aaaa, on_aaaa, r);
    return &r->op;
}
