#include "controller/engine/trace.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/lsn.h"
#include "base/str.h"
#include "controller/preflight/preflight.h"
#include "dnsupdate/dns.h"
#include "proto/rpc.h"

static void add_entry(struct trace *t, const char *key, json_t *value)
{
    if (!value) /* not UTF-8 somewhere in it */
        return;
    if (!t->data)
        t->data = json_object();

    json_t *list = json_object_get(t->data, key);

    if (!list) {
        list = json_array();
        json_object_set_new(t->data, key, list);
    }
    json_array_append_new(list, value);
}

static void put_text(json_t *o, const char *key, const char *text)
{
    if (text && *text)
        json_object_set_new(o, key, json_string(text));
}

/* What a program printed comes from elsewhere: lines of harmless text. */
static json_t *output_text(const char *text)
{
    char line[512];
    struct buf out;

    buf_init(&out, 4096);
    while (*text) {
        size_t len = strcspn(text, "\n");

        STR_PRINTF(line, "%.*s", (int)len, text);
        str_make_printable(line);
        buf_printf(&out, "%s%s", out.len ? "\n" : "", line);
        text += len + (text[len] == '\n');
    }
    json_t *o = json_string(out.data);
    buf_free(&out);
    return o;
}

static void add_ran(json_t *answer, const struct ran *r)
{
    json_t *list = json_object_get(answer, "ran");
    json_t *o = json_pack("{s:s, s:I, s:I, s:b, s:I}", "command", r->command, "status",
                          (json_int_t)r->status, "signal", (json_int_t)r->signal, "timed_out",
                          r->timed_out, "ms", (json_int_t)r->ms);

    if (o && r->output)
        json_object_set_new(o, "output", output_text(r->output));
    if (!list) {
        list = json_array();
        json_object_set_new(answer, "ran", list);
    }
    json_array_append_new(list, o);
}

void trace_answer(struct trace *t, const char *node, const struct request *q,
                  const struct rpc_result *result)
{
    const struct reply *r = result->reply;
    json_t *o =
        json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "node", node, "asked", verb_names[q->verb],
                  "ok", r && r->ok, "ms", (json_int_t)result->elapsed_ms, "epoch",
                  (json_int_t)q->epoch, "seq", (json_int_t)q->seq);

    put_text(o, "code", r ? r->code : err_name(result->e.code));
    put_text(o, "msg", r ? r->msg : result->e.msg);
    put_text(o, "hint", r ? r->hint : result->e.hint);
    if (r && q->verb != VERB_CRON_SHOW)
        put_text(o, "text", r->text);
    for (size_t i = 0; r && i < r->n_ran; i++)
        add_ran(o, &r->ran[i]);
    add_entry(t, "answers", o);
}

void trace_dns(struct trace *t, const struct dns_swap *swap, const struct dns_swap_result *result,
               const struct err *why)
{
    static const char *const verdicts[] = {
        [DNS_DONE] = "done", [DNS_REFUSED] = "refused", [DNS_UNKNOWN] = "unknown"};
    const struct dns_view *v = &result->view;
    json_t *o = json_pack(
        "{s:s, s:i, s:I, s:s?, s:s?, s:s, s:s}", "verdict", verdicts[result->verdict], "tries",
        result->tries, "ms", (json_int_t)result->elapsed_ms, "old_alias", swap->old_cname,
        "old_record", swap->old_txt, "alias", swap->new_cname, "record", swap->new_txt);

    if (v->status == DNS_VIEW_OK) {
        put_text(o, "server", v->server);
        put_text(o, "read_back_alias", v->cname);
        put_text(o, "read_back_record", v->txt);
    }
    put_text(o, "msg", why->msg);
    add_entry(t, "dns", o);
}

void trace_preflight(struct trace *t, const struct preflight *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct preflight_result *r = &p->results[i];
        json_t *o =
            json_pack("{s:s, s:b, s:b, s:s, s:b, s:s, s:s}", "check", r->name, "ok", r->ok,
                      "unchecked", r->unchecked, "severity", severity_names[r->severity], "ignored",
                      r->ignored, "measured", r->measured, "threshold", r->threshold);

        put_text(o, "remedy", r->remedy);
        add_entry(t, "checks", o);
    }
}

void trace_said(struct trace *t, const char *text)
{
    add_entry(t, "said", json_string(text));
}

void trace_seen(struct trace *t, const char *node, const struct node_obs *obs)
{
    char insert[LSN_TEXT_BYTES], receive[LSN_TEXT_BYTES], replay[LSN_TEXT_BYTES];

    if (!obs) {
        add_entry(t, "seen", json_pack("{s:s, s:s}", "node", node, "role", "silent"));
        return;
    }

    const struct obs_pg *pg = &obs->pg;
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:b, s:b, s:I, s:I, s:I}", "node", node, "role",
        pg_role_names[pg->role], "tli", (json_int_t)pg->tli, "pg_control",
        pg_control_state_names[pg->control_state], "epoch", (json_int_t)obs->epoch, "fenced",
        obs->fence.fenced && !obs->fence.standby_only, "held", obs->fence.held, "cron_on",
        (json_int_t)obs->cron.entries_on, "cron_off", (json_int_t)obs->cron.entries_off,
        "jobs_running", (json_int_t)obs->cron.jobs_running);
    if (pg->insert_lsn)
        put_text(o, "insert_lsn", lsn_text(pg->insert_lsn, insert));
    if (pg->receive_lsn)
        put_text(o, "receive_lsn", lsn_text(pg->receive_lsn, receive));
    if (pg->replay_lsn)
        put_text(o, "replay_lsn", lsn_text(pg->replay_lsn, replay));
    put_text(o, "receives_from", pg->receiver_host);
    put_text(o, "problem", pg->problem);
    add_entry(t, "seen", o);
}

void trace_take(struct trace *t, json_t *data)
{
    if (t->data)
        json_object_update(data, t->data);
    trace_drop(t);
}

void trace_drop(struct trace *t)
{
    json_decref(t->data);
    t->data = NULL;
}
