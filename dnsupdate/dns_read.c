#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/exchange.h"
#include "dnsupdate/op.h"
#include "dnsupdate/reply.h"
#include "dnsupdate/view.h"

/* ---- reader: the questions of one view, over an open exchange -------------------------------- */

enum { TXT, CNAME, SOA, OTHERS, KEYS, SIGNATURES, QUESTIONS };

struct reader {
    struct exchange *exchange;
    const struct dns_zone *zone;
    struct ask *asks[QUESTIONS];
    int open; /* questions without an answer */
    struct dns_view view;
    reader_fn fn;
    void *arg;
};

void reader_free(struct reader *r)
{
    if (!r)
        return;
    for (int i = 0; i < QUESTIONS; i++)
        ask_free(r->asks[i]);
    mem_free(r);
}

static void reader_end(struct reader *r, const struct err *e)
{
    r->view.status = e ? DNS_VIEW_REFUSED : DNS_VIEW_OK;
    r->view.elapsed_ms = exchange_elapsed_ms(r->exchange);
    r->fn(r->arg, &r->view, e); /* frees r */
}

static void reader_step(struct reader *r, int rc, const struct err *e)
{
    if (rc < 0)
        reader_end(r, e);
    else if (--r->open == 0)
        reader_end(r, NULL);
}

static int reader_ask(struct reader *r, int question, const char *name, int type, ask_fn fn,
                      struct err *reterr)
{
    struct message m;
    int rc = build_query(name, type, &m, reterr);

    if (rc < 0)
        return rc;
    r->open++;
    r->asks[question] = ask_start(r->exchange, &m, fn, r);
    return 0;
}

static void on_txt(void *arg, const struct reply *reply)
{
    struct reader *r = arg;
    struct err e;

    reader_step(r, view_txt(reply, r->zone, &r->view, &e), &e);
}

static void on_others(void *arg, const struct reply *reply)
{
    struct reader *r = arg;
    struct err e;

    reader_step(r, view_others(reply, r->zone, &r->view, &e), &e);
}

/* No CNAME: nothing at all, or something that keeps a CNAME out? */
static void on_cname(void *arg, const struct reply *reply)
{
    struct reader *r = arg;
    struct err e;
    int rc = view_cname(reply, r->zone, &r->view, &e);

    if (rc == 0 && !r->view.cname_present && reply->rcode == RCODE_NOERROR)
        rc = reader_ask(r, OTHERS, r->zone->alias, DNS_ANY, on_others, &e);
    reader_step(r, rc, &e);
}

static void on_soa(void *arg, const struct reply *reply)
{
    struct reader *r = arg;
    struct err e;

    reader_step(r, view_soa(reply, r->zone, &r->view, &e), &e);
}

static void on_keys(void *arg, const struct reply *reply)
{
    struct reader *r = arg;

    r->view.zone_keys = view_count(reply, r->zone->zone, DNS_DNSKEY);
    reader_step(r, 0, NULL);
}

static void on_signatures(void *arg, const struct reply *reply)
{
    struct reader *r = arg;
    char name[DNS_NAME_BYTES];

    if (register_name(r->zone->alias, name, sizeof(name)))
        r->view.record_signatures = view_count(reply, name, DNS_RRSIG);
    reader_step(r, 0, NULL);
}

struct reader *reader_start(struct exchange *x, const struct dns_zone *z, unsigned what,
                            reader_fn fn, void *arg)
{
    struct reader *r = mem_alloc(sizeof(*r));
    char name[DNS_NAME_BYTES];

    r->exchange = x;
    r->zone = z;
    r->fn = fn;
    r->arg = arg;
    view_init(&r->view, exchange_server(x));
    /* the names were checked by dns_zone_check(), so that no question can fail here */
    if (what & DNS_READ_REGISTER && register_name(z->alias, name, sizeof(name)))
        reader_ask(r, TXT, name, DNS_TXT, on_txt, NULL);
    if (what & DNS_READ_ALIAS)
        reader_ask(r, CNAME, z->alias, DNS_CNAME, on_cname, NULL);
    if (what & DNS_READ_SERIAL)
        reader_ask(r, SOA, z->zone, DNS_SOA, on_soa, NULL);
    if (what & DNS_READ_DNSSEC && register_name(z->alias, name, sizeof(name))) {
        reader_ask(r, KEYS, z->zone, DNS_DNSKEY, on_keys, NULL);
        reader_ask(r, SIGNATURES, name, DNS_RRSIG, on_signatures, NULL);
    }
    return r;
}

/* ---- dns_read -------------------------------------------------------------------------------- */

struct read {
    struct dns_op op;
    struct exchange *exchange;
    struct reader *reader;
    struct timer *failing; /* reports an error of the start from the loop */
    struct err e;
    char server[DNS_ADDRESS_BYTES];
    dns_view_fn fn;
    void *arg;
};

static void read_cancel(struct dns_op *op)
{
    struct read *r = (struct read *)op;

    reader_free(r->reader);
    exchange_close(r->exchange);
    timer_free(r->failing);
    mem_free(r);
}

static void read_end(struct read *r, const struct dns_view *view, const struct err *e)
{
    struct dns_view last = *view;
    struct err why = {.code = 0};
    dns_view_fn fn = r->fn;
    void *arg = r->arg;

    if (e)
        why = *e;
    read_cancel(&r->op);
    fn(arg, &last, e ? &why : NULL);
}

static void read_viewed(void *arg, const struct dns_view *view, const struct err *e)
{
    read_end(arg, view, e);
}

static void read_expired(void *arg)
{
    struct read *r = arg;
    struct dns_view view;
    struct err e;

    view_init(&view, r->server);
    view.elapsed_ms = exchange_elapsed_ms(r->exchange);
    if (exchange_explain(r->exchange, &e) != ERR_UNREACHABLE)
        view.status = DNS_VIEW_REFUSED; /* something came, which may not decide */
    read_end(r, &view, &e);
}

static void read_failed(void *arg)
{
    struct read *r = arg;
    struct dns_view view;

    view_init(&view, r->server);
    view.status = DNS_VIEW_REFUSED;
    read_end(r, &view, &r->e);
}

struct dns_op *dns_read(struct loop *l, const struct dns_zone *z, const char *server, unsigned what,
                        int64_t timeout_ms, dns_view_fn fn, void *arg)
{
    struct read *r = mem_alloc(sizeof(*r));
    struct exchange_spec spec = {.server = server ? server : z->server,
                                 .key = what & DNS_READ_UNSIGNED ? NULL : &z->key,
                                 .timeout_ms = timeout_ms,
                                 .tcp = z->tcp,
                                 .expired = read_expired,
                                 .arg = r};

    r->op.cancel = read_cancel;
    r->fn = fn;
    r->arg = arg;
    STR_COPY(r->server, spec.server);
    if (dns_zone_check(z, &r->e) < 0 || exchange_open(l, &spec, &r->exchange, &r->e) < 0)
        r->failing = timer_start(l, 0, read_failed, r);
    else
        r->reader = reader_start(r->exchange, z, what, read_viewed, r);
    return &r->op;
}
