/*
 * One compare-and-swap.
 *
 *   send ──answer──> read back ──judge──> done | lost | refused
 *    ^  └─ 2 s ────────^   │
 *    └──── retry (phantom) ┴── read again
 *
 * Invariants: every try carries the same prerequisites and the same new string. DONE needs our
 * exact string in a signed read-back from the primary. A try that was sent and not answered may
 * land until a read-back shows that the record has moved on; at the deadline that is UNKNOWN.
 */
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
#include "dnsupdate/view.h"

/* A server that syncs disks, or batches, is not to be hurried: a second copy only adds to its
 * work. */
enum { TRY_MS = 2000, RETRY_MS = 20, READ_AGAIN_FIRST_MS = 5, READ_AGAIN_LAST_MS = 250 };

struct swap {
    struct dns_op op;
    struct loop *loop;
    const struct dns_zone *zone;
    struct dns_swap swap; /* its strings are below */
    char old_cname[DNS_NAME_BYTES], new_cname[DNS_NAME_BYTES];
    char old_txt[DNS_TXT_BYTES], new_txt[DNS_TXT_BYTES];
    struct exchange *exchange;
    struct ask *update;
    struct reader *reader;
    bool read_again_now; /* an answer came while a read was on its way: that read may be older */
    struct timer *resend, *read_again;
    int64_t read_again_ms, retry_ms;
    bool accepted;
    int failure;        /* rcode */
    struct err refusal; /* its text */
    struct err read_error;
    struct dns_swap_result result;
    struct timer *failing;
    dns_swap_fn fn;
    void *arg;
};

static void swap_read(struct swap *s);

static void swap_cancel(struct dns_op *op)
{
    struct swap *s = (struct swap *)op;

    reader_free(s->reader);
    exchange_close(s->exchange);
    timer_free(s->resend);
    timer_free(s->read_again);
    timer_free(s->failing);
    mem_free(s);
}

static void swap_end(struct swap *s, enum dns_verdict verdict, const struct err *e)
{
    struct dns_swap_result result = s->result;
    struct err why = {.code = 0};
    dns_swap_fn fn = s->fn;
    void *arg = s->arg;

    if (e)
        why = *e;
    result.verdict = verdict;
    if (s->exchange) {
        result.tries = s->update ? ask_tries(s->update) : 0;
        result.elapsed_ms = exchange_elapsed_ms(s->exchange);
    }
    swap_cancel(&s->op);
    fn(arg, &result, e ? &why : NULL);
}

static void done(struct swap *s)
{
    const struct dns_view *v = &s->result.view;
    struct err e;

    if (v->cname_ttl == s->swap.cname_ttl) {
        swap_end(s, DNS_DONE, NULL);
        return;
    }
    explain_ttl(v, s->zone, s->swap.cname_ttl, &e);
    swap_end(s, DNS_DONE, &e);
}

/* ---- tries ----------------------------------------------------------------------------------- */

static void on_resend(void *arg)
{
    struct swap *s = arg;

    timer_free(s->resend);
    s->resend = timer_start(s->loop, TRY_MS, on_resend, s);
    if (!s->accepted && ask_again(s->update))
        s->failure = 0; /* the new try's answer counts */
    swap_read(s);
}

/* The same compare-and-swap was refused though nothing had changed: a little later, again. */
static void try_later(struct swap *s)
{
    timer_free(s->resend);
    s->resend = timer_start(s->loop, s->retry_ms, on_resend, s);
    if (s->retry_ms < TRY_MS)
        s->retry_ms *= 2;
}

static void on_read_again(void *arg)
{
    struct swap *s = arg;

    timer_free(s->read_again);
    s->read_again = NULL;
    swap_read(s);
}

static void read_later(struct swap *s)
{
    if (s->read_again)
        return;
    s->read_again = timer_start(s->loop, s->read_again_ms, on_read_again, s);
    if (s->read_again_ms < READ_AGAIN_LAST_MS)
        s->read_again_ms *= 2;
}

/* ---- what was seen --------------------------------------------------------------------------- */

static enum swap_judgement judge(struct swap *s)
{
    const struct swap_seen seen = {
        .swap = &s->swap,
        .view = s->result.view.status == DNS_VIEW_OK ? &s->result.view : NULL,
        .accepted = s->accepted,
        .failure = s->failure,
        .unanswered = ask_unanswered(s->update),
    };

    return op_judge_swap(&seen);
}

static void act(struct swap *s)
{
    struct err e;

    switch (judge(s)) {
    case SWAP_DONE:
        done(s);
        return;
    case SWAP_LOST:
        if (s->result.view.alias_other_types)
            explain_other_types(&s->result.view, s->zone, &e);
        else
            explain_lost(&s->result.view, s->zone, &e);
        swap_end(s, DNS_REFUSED, &e);
        return;
    case SWAP_REFUSED:
        swap_end(s, DNS_REFUSED, &s->refusal);
        return;
    case SWAP_BLOCKED:
        explain_other_types(&s->result.view, s->zone, &e);
        swap_end(s, DNS_UNKNOWN, &e);
        return;
    case SWAP_RETRY:
        try_later(s);
        return;
    case SWAP_READ:
        read_later(s);
        return;
    case SWAP_WAIT:
        return;
    }
}

static void on_view(void *arg, const struct dns_view *view, const struct err *e)
{
    struct swap *s = arg;
    bool again = s->read_again_now;

    s->result.view = *view;
    s->read_again_now = false;
    reader_free(s->reader); /* `view` lies in it */
    s->reader = NULL;
    if (e)
        s->read_error = *e;
    if (again && judge(s) != SWAP_DONE) {
        s->result.view.status = DNS_VIEW_SILENT;
        swap_read(s);
        return;
    }
    act(s);
}

static void swap_read(struct swap *s)
{
    if (s->reader) {
        s->read_again_now = true;
        return;
    }
    s->reader = reader_start(s->exchange, s->zone, DNS_READ_REGISTER | DNS_READ_ALIAS, on_view, s);
}

static void on_answer(void *arg, const struct reply *reply)
{
    struct swap *s = arg;

    if (reply->rcode == RCODE_NOERROR) {
        s->accepted = true;
    } else {
        s->failure = reply->rcode;
        explain_rcode(reply, s->zone, s->zone->server, true, &s->refusal);
        s->result.view.status = DNS_VIEW_SILENT; /* what was read before this answer is too old */
        if (judge(s) == SWAP_REFUSED) {
            act(s);
            return;
        }
    }
    swap_read(s);
}

/* ---- the deadline ---------------------------------------------------------------------------- */

static void swap_expired(void *arg)
{
    struct swap *s = arg;
    struct err e = {.code = 0};

    if (s->failure && !s->accepted && ask_unanswered(s->update) == 0) {
        swap_end(s, DNS_REFUSED, &s->refusal);
        return;
    }
    if (s->accepted && s->result.view.status == DNS_VIEW_OK)
        explain_unseen(&s->result.view, s->zone, &e);
    else if (s->read_error.code)
        e = s->read_error;
    else
        exchange_explain(s->exchange, &e);
    swap_end(s, DNS_UNKNOWN, &e);
}

static void swap_failed(void *arg)
{
    struct swap *s = arg;

    swap_end(s, DNS_REFUSED, &s->refusal); /* nothing was sent */
}

/* ---- start ----------------------------------------------------------------------------------- */

static const char *keep_text(char array[DNS_TXT_BYTES], const char *text)
{
    return text && str_copy(array, DNS_TXT_BYTES, text) ? array : NULL;
}

/* in the spelling that views have, to compare with */
static const char *keep_name(char array[DNS_NAME_BYTES], const char *name)
{
    return name && wire_name_normal(name, array) ? array : NULL;
}

static bool too_long(const struct dns_swap *w)
{
    const char *const texts[] = {w->old_cname, w->new_cname, w->old_txt, w->new_txt};
    char any[DNS_NAME_BYTES];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i] && !STR_COPY(any, texts[i]))
            return true;
    return !w->new_cname || !w->new_txt;
}

static int start(struct swap *s, int64_t timeout_ms)
{
    const struct exchange_spec spec = {.server = s->zone->server,
                                       .key = &s->zone->key,
                                       .timeout_ms = timeout_ms,
                                       .tcp = s->zone->tcp,
                                       .expired = swap_expired,
                                       .arg = s};
    struct message request;
    int rc = dns_zone_check(s->zone, &s->refusal);

    if (rc < 0)
        return rc;
    rc = build_swap(s->zone, &s->swap, &request, &s->refusal);
    if (rc < 0)
        return rc;
    rc = exchange_open(s->loop, &spec, &s->exchange, &s->refusal);
    if (rc < 0)
        return rc;
    s->update = ask_start(s->exchange, &request, on_answer, s);
    s->resend = timer_start(s->loop, TRY_MS, on_resend, s);
    return 0;
}

struct dns_op *dns_swap(struct loop *l, const struct dns_zone *z, const struct dns_swap *swap,
                        int64_t timeout_ms, dns_swap_fn fn, void *arg)
{
    struct swap *s = mem_alloc(sizeof(*s));
    int rc;

    s->op.cancel = swap_cancel;
    s->loop = l;
    s->zone = z;
    s->fn = fn;
    s->arg = arg;
    s->read_again_ms = READ_AGAIN_FIRST_MS;
    s->retry_ms = RETRY_MS;
    s->swap.cname_ttl = swap->cname_ttl;
    s->swap.old_cname = keep_name(s->old_cname, swap->old_cname);
    s->swap.new_cname = keep_name(s->new_cname, swap->new_cname);
    s->swap.old_txt = keep_text(s->old_txt, swap->old_txt);
    s->swap.new_txt = keep_text(s->new_txt, swap->new_txt);
    view_init(&s->result.view, z->server);
    rc = too_long(swap) ? err_set(&s->refusal, ERR_INVALID, NULL,
                                  "a new value is missing, or one is longer than 255 bytes")
                        : start(s, timeout_ms);
    if (rc < 0)
        s->failing = timer_start(l, 0, swap_failed, s);
    return &s->op;
}
