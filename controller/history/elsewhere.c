#include "controller/history/elsewhere.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/history/story.h"
#include "controller/session/session.h"

enum { READ_MS = 1500 };

struct look {
    bool done;
    struct dns_view view;
};

static void on_read(void *arg, const struct dns_view *view, const struct err *e)
{
    struct look *look = arg;

    (void)e;
    look->view = *view;
    look->done = true;
}

static bool told_here(const struct story_list *l, const char *txn)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->stories[i]->txn, txn) == 0 || strcmp(l->stories[i]->transition, txn) == 0)
            return true;
    return false;
}

void elsewhere_look(struct session *s, const struct story_list *l, struct elsewhere *ret)
{
    struct look look = {.view.status = DNS_VIEW_SILENT};

    *ret = (struct elsewhere){.answered = false};
    if (cluster_open_dns(&s->cluster, CLUSTER_KEY_QUERY, NULL) < 0)
        return;
    struct dns_op *op = dns_read(s->cluster.loop, &s->cluster.zone, NULL, DNS_READ_REGISTER,
                                 READ_MS, on_read, &look);
    if (loop_wait(s->cluster.loop, &look.done, READ_MS + 500, NULL) < 0)
        dns_op_cancel(op);
    if (look.view.status != DNS_VIEW_OK || !look.view.record_valid)
        return;
    ret->answered = true;
    ret->record = look.view.record;
    ret->open = ret->record.state != REGISTER_STABLE && !told_here(l, ret->record.txn);
    const char *at = strrchr(ret->record.by, '@');
    STR_COPY(ret->host, at ? at + 1 : "");
}

const char *elsewhere_text(struct session *s, const struct elsewhere *e)
{
    const struct record *d = &e->record;

    return arena_printf(s->cluster.arena,
                        "DNS shows it open: %s, owner %s%s%s, epoch %" PRId64
                        ", held by %s. `pgtandem status` shows who began it, when and why, as the "
                        "agents have it; each step is in the journals of %s: `pgtandem show %s` "
                        "there",
                        register_state_names[d->state], d->owner, d->to[0] ? " -> " : "", d->to,
                        d->epoch, d->by, *e->host ? e->host : "the controller that began it",
                        d->txn);
}
