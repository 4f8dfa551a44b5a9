#include "controller/engine/change.h"

#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "controller/engine/trace.h"
#include "controller/journal/journal.h"
#include "controller/journal/who.h"
#include "controller/session/session.h"

const char *change_reason(struct session *s, const char *fallback)
{
    const char *reason = fallback;

    if (s->options.reason || (s->term.tty && !s->options.yes))
        (void)session_reason(s, &reason, NULL);
    return reason;
}

int change_open(struct change *c, struct session *s, const char *reason, const char *from,
                const char *to, struct err *reterr)
{
    *c = (struct change){.session = s, .began_ms = clock_mono_ms()};
    register_new_txn(c->txn);

    json_t *args = json_array();
    for (size_t i = 0; i < s->options.n_args; i++)
        json_array_append_new(args, json_string(s->options.args[i]));
    json_t *data = json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:o}", "verb", s->verb->name,
                             "by", s->cluster.by, "who", who_json(), "reason", reason, "cluster",
                             s->cluster.config.cluster.name, "from", from, "to", to, "args", args);
    int rc = journal_open(s->cluster.config.journal.directory, c->txn, data, &c->journal, reterr);

    json_decref(data);
    return rc;
}

int change_close(struct change *c, int rc, struct err *e)
{
    json_t *data = json_pack(
        "{s:s, s:i, s:s, s:I, s:I, s:I}", "outcome", rc < 0 ? "failed" : "done", "exit",
        err_exit_status(rc), "message", rc < 0 && e ? e->msg : "", "outage_ms", (json_int_t)-1,
        "duration_ms", (json_int_t)(clock_mono_ms() - c->began_ms), "epoch", (json_int_t)c->epoch);
    int written = journal_end(c->journal, data, rc < 0 ? NULL : e);

    json_decref(data);
    journal_close(c->journal);
    c->journal = NULL;
    return rc < 0 ? rc : written;
}

/* ---- one UPDATE ------------------------------------------------------------------------------ */

static int verdict(enum dns_verdict verdict, const struct err *why, struct err *reterr)
{
    switch (verdict) {
    case DNS_DONE:
        return 0;
    case DNS_REFUSED:
        if (reterr)
            *reterr = *why;
        return why->code < 0 ? why->code : ERR_DNS;
    case DNS_UNKNOWN:
        break;
    }
    return err_set(reterr, ERR_INCOMPLETE,
                   "`pgtandem dns show` says what is there; wait a minute before trying again",
                   "the update was sent and not answered: it may have been made, or be made later "
                   "(%.300s)",
                   why->msg);
}

int change_swap(struct change *c, const struct dns_swap *swap, struct err *reterr)
{
    struct session *s = c->session;
    struct dns_swap_result result;
    struct err why;
    json_t *data = json_pack("{s:s?, s:s?, s:s, s:s}", "old_alias", swap->old_cname, "old_record",
                             swap->old_txt, "alias", swap->new_cname, "record", swap->new_txt);
    int rc = journal_intent(c->journal, "dns-update", "", data, reterr);

    json_decref(data);
    if (rc < 0)
        return rc;
    cluster_swap(&s->cluster, swap, &result, &why);
    rc = verdict(result.verdict, &why, reterr);
    data = json_pack("{s:b, s:s, s:i, s:I}", "ok", rc == 0, "error", why.msg, "tries", result.tries,
                     "ms", (json_int_t)result.elapsed_ms);
    struct trace trace = {.data = NULL};
    trace_dns(&trace, swap, &result, &why);
    trace_take(&trace, data);
    (void)journal_result(c->journal, "dns-update", "", data, NULL);
    json_decref(data);
    return rc;
}
