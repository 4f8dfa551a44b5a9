/*
 * What clients can see: the primary's signed view, then every address of every NS, without a key,
 * as a resolver asks; and the register once more with our key: does that server take it?
 *
 *   primary's view ─┐
 *   NS of the zone ─┴─> a name: dns_resolve ─(out of zone)─> getaddrinfo ─> a row for each address
 *
 * `open` counts what is on its way; at 0, or at the deadline, the survey is reported once.
 */
#include <netdb.h>
#include <string.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/exchange.h"
#include "dnsupdate/explain.h"
#include "dnsupdate/link.h"
#include "dnsupdate/op.h"
#include "dnsupdate/reply.h"
#include "dnsupdate/view.h"
#include "dnsupdate/wire.h"

enum { READS = DNS_READ_REGISTER | DNS_READ_ALIAS | DNS_READ_SERIAL };

/* Servers that the primary named once: asked in case it does not respond now. */
static const char kept[] = "(named earlier)";

struct survey;

/* getaddrinfo cannot always be cancelled: this then lives on, with `name` NULL. */
struct lookup {
    uv_getaddrinfo_t req;
    struct ns_name *name;
};

struct ns_name {
    struct survey *survey;
    char name[DNS_NAME_BYTES];
    struct dns_op *op;
    struct lookup *lookup;
};

struct row {
    struct survey *survey;
    size_t index;
    struct dns_op *op, *with_key;
};

struct survey {
    struct dns_op op;
    struct loop *loop;
    const struct dns_zone *zone;
    int64_t end_ms;
    struct timer *deadline;
    struct exchange *exchange; /* the question for NS */
    struct dns_op *primary;
    struct ns_name names[DNS_NS_MAX];
    size_t n_names;
    struct row rows[DNS_NS_MAX];
    int open;
    struct err e;
    struct dns_survey result;
    dns_survey_fn fn;
    void *arg;
};

static void survey_cancel(struct dns_op *op)
{
    struct survey *s = (struct survey *)op;

    for (size_t i = 0; i < s->n_names; i++) {
        dns_op_cancel(s->names[i].op);
        if (s->names[i].lookup) {
            s->names[i].lookup->name = NULL;
            uv_cancel((uv_req_t *)&s->names[i].lookup->req);
        }
    }
    for (size_t i = 0; i < s->result.n; i++) {
        dns_op_cancel(s->rows[i].op);
        dns_op_cancel(s->rows[i].with_key);
    }
    dns_op_cancel(s->primary);
    exchange_close(s->exchange);
    timer_free(s->deadline);
    mem_free(s);
}

static bool same_view(const struct dns_view *a, const struct dns_view *b)
{
    return a->status == DNS_VIEW_OK && b->status == DNS_VIEW_OK &&
           a->cname_present == b->cname_present && strcmp(a->cname, b->cname) == 0 &&
           a->alias_other_types == b->alias_other_types && a->n_txt == b->n_txt &&
           strcmp(a->txt, b->txt) == 0;
}

/* The primary has named its servers: one that it named earlier and names no more is none. */
static void drop_kept(struct dns_survey *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->ns[i].name, kept) != 0)
            r->ns[n++] = r->ns[i];
    r->n = n;
}

static void survey_end(struct survey *s)
{
    struct dns_survey *result = mem_alloc(sizeof(*result));
    struct err e = s->e;
    dns_survey_fn fn = s->fn;
    void *arg = s->arg;

    for (size_t i = 0; i < s->result.n; i++)
        s->result.ns[i].agrees = same_view(&s->result.primary, &s->result.ns[i].view);
    *result = s->result;
    result->names_known = s->n_names > 0;
    if (result->names_known)
        drop_kept(result);
    survey_cancel(&s->op);
    fn(arg, result, e.code ? &e : NULL);
    mem_free(result);
}

static void survey_step(struct survey *s)
{
    if (--s->open == 0)
        survey_end(s);
}

static void on_deadline(void *arg)
{
    survey_end(arg);
}

static int64_t left_ms(const struct survey *s)
{
    int64_t left = s->end_ms - clock_mono_ms();

    return left > 0 ? left : 0;
}

/* ---- one address ----------------------------------------------------------------------------- */

static void on_row(void *arg, const struct dns_view *view, const struct err *e)
{
    struct row *row = arg;
    struct survey *s = row->survey;

    row->op = NULL;
    s->result.ns[row->index].view = *view;
    STR_COPY(s->result.ns[row->index].why, e ? e->msg : "");
    survey_step(s);
}

static void on_signed(void *arg, const struct dns_view *view, const struct err *e)
{
    struct row *row = arg;
    struct survey *s = row->survey;

    row->with_key = NULL;
    s->result.ns[row->index].key = view->status;
    s->result.ns[row->index].record_valid = view->status == DNS_VIEW_OK && view->record_valid;
    s->result.ns[row->index].record = view->record;
    STR_COPY(s->result.ns[row->index].key_why, e ? e->msg : "");
    survey_step(s);
}

/* A row for this address; NULL `ip`: none was found. */
static void add_row(struct survey *s, const char *name, const char *ip)
{
    size_t i = s->result.n;
    char server[DNS_ADDRESS_BYTES] = "?";

    if (i == DNS_NS_MAX || (ip && !link_sibling(s->zone->server, ip, server, sizeof(server))))
        return;
    for (size_t k = 0; ip && k < i; k++)
        if (strcmp(s->result.ns[k].view.server, server) ==
            0) { /* asked already, by configuration */
            STR_COPY(s->result.ns[k].name, name);
            return;
        }
    s->result.n++;
    STR_COPY(s->result.ns[i].name, name);
    view_init(&s->result.ns[i].view, server);
    s->result.ns[i].key = DNS_VIEW_SILENT;
    STR_COPY(s->result.ns[i].why, ip ? "no answer" : "no address found for this name");
    if (!ip)
        return;
    s->rows[i].survey = s;
    s->rows[i].index = i;
    s->open += 2;
    s->rows[i].op = dns_read(s->loop, s->zone, server, READS | DNS_READ_UNSIGNED, left_ms(s),
                             on_row, &s->rows[i]);
    s->rows[i].with_key =
        dns_read(s->loop, s->zone, server, DNS_READ_REGISTER, left_ms(s), on_signed, &s->rows[i]);
}

/* Those of the configuration: they need nothing of the primary. */
static void add_others(struct survey *s)
{
    const char *at = s->zone->others;

    for (size_t len; *at; at += len) {
        char ip[DNS_ADDRESS_BYTES];

        at += strspn(at, ", \t");
        len = strcspn(at, ", \t");
        if (len > 0 && len < sizeof(ip)) {
            STR_PRINTF(ip, "%.*s", (int)len, at);
            add_row(s, s->zone->others_kept ? kept : "(configured)", ip);
        }
    }
}

/* ---- one name -------------------------------------------------------------------------------- */

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
    struct lookup *lookup = req->data;
    struct ns_name *n = lookup->name;

    if (n) {
        struct survey *s = n->survey;

        n->lookup = NULL;
        for (struct addrinfo *a = list; a; a = a->ai_next) {
            char ip[DNS_ADDRESS_BYTES] = "";

            if (getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST) ==
                0)
                add_row(s, n->name, ip);
        }
        if (status < 0 || !list)
            add_row(s, n->name, NULL);
        survey_step(s);
    }
    uv_freeaddrinfo(list);
    mem_free(lookup);
}

static bool lookup_start(struct ns_name *n)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct lookup *lookup = mem_alloc(sizeof(*lookup));

    lookup->req.data = lookup;
    lookup->name = n;
    if (uv_getaddrinfo(loop_uv(n->survey->loop), &lookup->req, on_lookup, n->name, NULL, &hints) <
        0) {
        mem_free(lookup);
        return false;
    }
    n->lookup = lookup;
    return true;
}

static void on_resolved(void *arg, const struct dns_addresses *found, const struct err *e)
{
    struct ns_name *n = arg;
    struct survey *s = n->survey;

    n->op = NULL;
    for (size_t i = 0; i < found->n; i++)
        add_row(s, n->name, found->address[i]);
    if (e && found->n == 0) {
        if (!wire_name_in_zone(n->name, s->zone->zone) && lookup_start(n))
            return;
        add_row(s, n->name, NULL);
    }
    survey_step(s);
}

static void on_ns(void *arg, const struct reply *reply)
{
    struct survey *s = arg;
    const char *server = s->zone->server;
    char names[DNS_NS_MAX][DNS_NAME_BYTES];
    size_t n = reply_values(reply, s->zone->zone, DNS_NS, names[0], sizeof(names[0]), DNS_NS_MAX);

    if (!s->e.code && reply->rcode != RCODE_NOERROR)
        explain_rcode(reply, s->zone, server, false, &s->e);
    else if (!s->e.code && (!reply->aa || n == 0))
        explain_lame(server, s->zone->zone, "", &s->e);
    exchange_close(s->exchange); /* and with it its deadline */
    s->exchange = NULL;
    for (size_t i = 0; i < n; i++) {
        struct ns_name *name = &s->names[s->n_names++];

        name->survey = s;
        STR_COPY(name->name, names[i]);
        s->open++;
        name->op = dns_resolve(s->loop, s->zone, name->name, left_ms(s) / 2, on_resolved, name);
    }
    survey_step(s);
}

/* ---- the primary ----------------------------------------------------------------------------- */

static void on_primary(void *arg, const struct dns_view *view, const struct err *e)
{
    struct survey *s = arg;

    s->primary = NULL;
    s->result.primary = *view;
    if (e)
        s->e = *e;
    survey_step(s);
}

static void ns_expired(void *arg)
{
    struct survey *s = arg;

    if (!s->e.code)
        exchange_explain(s->exchange, &s->e);
    exchange_close(s->exchange);
    s->exchange = NULL;
    survey_step(s);
}

struct dns_op *dns_survey(struct loop *l, const struct dns_zone *z, int64_t timeout_ms,
                          dns_survey_fn fn, void *arg)
{
    struct survey *s = mem_alloc(sizeof(*s));
    const struct exchange_spec spec = {.server = z->server,
                                       .key = &z->key,
                                       .timeout_ms = timeout_ms * 9 / 10,
                                       .tcp = z->tcp,
                                       .expired = ns_expired,
                                       .arg = s};
    struct message m;

    s->op.cancel = survey_cancel;
    s->loop = l;
    s->zone = z;
    s->fn = fn;
    s->arg = arg;
    s->end_ms = clock_mono_ms() + timeout_ms * 9 / 10;
    view_init(&s->result.primary, z->server);
    if (dns_zone_check(z, &s->e) < 0 || build_query(z->zone, DNS_NS, &m, &s->e) < 0 ||
        exchange_open(l, &spec, &s->exchange, &s->e) < 0) {
        s->deadline = timer_start(l, 0, on_deadline, s);
        return &s->op;
    }
    s->deadline = timer_start(l, timeout_ms, on_deadline, s);
    s->open = 2;
    ask_start(s->exchange, &m, on_ns, s);
    s->primary = dns_read(l, z, NULL, READS, left_ms(s), on_primary, s);
    add_others(s);
    return &s->op;
}
