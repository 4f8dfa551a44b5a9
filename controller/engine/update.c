#include "controller/engine/update.h"

#include "base/loop.h"
#include "controller/cluster/dns_words.h"
#include "controller/session/session.h"

enum { GRACE_MS = 1000 }; /* the operation ends by itself at its deadline */

struct wait {
    struct dns_swap_result *result;
    struct err *why;
    bool done;
};

static void on_swap(void *arg, const struct dns_swap_result *result, const struct err *e)
{
    struct wait *w = arg;

    *w->result = *result;
    if (e)
        *w->why = *e;
    w->done = true;
}

void update_wait(struct session *s, const struct dns_swap *swap, struct dns_swap_result *ret_result,
                 struct err *ret_why)
{
    struct wait w = {.result = ret_result, .why = ret_why};
    int64_t timeout_ms = s->cluster.config.dns.timeout_ms;

    *ret_result = (struct dns_swap_result){.verdict = DNS_UNKNOWN, .view.status = DNS_VIEW_SILENT};
    *ret_why = (struct err){.code = 0};
    struct dns_op *op = dns_swap(s->cluster.loop, &s->cluster.zone, swap, timeout_ms, on_swap, &w);
    if (loop_wait(s->cluster.loop, &w.done, timeout_ms + GRACE_MS, ret_why) < 0)
        dns_op_cancel(op);
    dns_words_name_key(&s->cluster, ret_why);
}
