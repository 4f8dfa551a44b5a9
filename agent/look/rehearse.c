#include "agent/look/rehearse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/cron/cron.h"
#include "agent/look/observe.h"
#include "agent/node/agent.h"
#include "agent/node/answer.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/rpc.h"

enum {
    DEFAULT_TIMEOUT_MS = 2400,
    PROBE_WORDS_MAX = 32,
    PROBE_OUTPUT_BYTES = 4096,
    NOERROR = 0, /* RFC 1035, 4.1.1 and RFC 2136, 2.2 */
    REFUSED = 5,
    NOTAUTH = 9,
};

struct rehearse {
    struct agent *agent;
    struct rehearse *next;
    struct rpc_request *r;
    int waiting; /* for so many parts, and for ourselves */
    int64_t part_ms, started_ms;
    struct dns_op *dns;
    struct child *probe;
    struct rehearsals done;
};

/* ---- the end --------------------------------------------------------------------------------- */

static void forget(struct rehearse *k)
{
    struct rehearse **at = &k->agent->rehearsing;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    dns_op_cancel(k->dns);
    child_cancel(k->probe);
    mem_free(k);
}

void rehearse_drop_all(struct agent *g)
{
    while (g->rehearsing)
        forget(g->rehearsing);
}

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct rehearse *k = arg;
    AUTO(arena) a = arena_new();
    struct reply *reply = answer_new(obs, NULL);

    reply->text = field_to_text(&rehearsals_table, &k->done, a);
    answer_send(k->r, reply);
    forget(k);
}

static void one_done(struct rehearse *k)
{
    if (--k->waiting == 0)
        observe_node(k->agent, AGENT_LOOK_MS, false, on_observed, k);
}

static void take_rehearsal(void *arg, const struct rehearsal *r)
{
    struct rehearse *k = arg;
    struct rehearsal *kept = &k->done.list[k->done.n];

    if (k->done.n < sizeof(k->done.list) / sizeof(k->done.list[0])) {
        *kept = *r;
        str_make_printable(kept->said); /* a command may print anything */
        config_name_file(k->agent->config, kept->remedy, sizeof(kept->remedy));
        k->done.n++;
    }
    one_done(k);
}

__attribute__((format(printf, 5, 6))) static void
tell_words(struct rehearse *k, enum rehearsal_kind kind, enum rehearsal_verdict verdict,
           const char *remedy, const char *fmt, ...)
{
    struct rehearsal r = {.kind = (int)kind, .verdict = (int)verdict};
    va_list args;

    va_start(args, fmt);
    vsnprintf(r.said, sizeof(r.said), fmt, args);
    va_end(args);
    STR_COPY(r.remedy, remedy);
    r.elapsed_ms = clock_mono_ms() - k->started_ms;
    take_rehearsal(k, &r);
}

/* ---- the agents' key ------------------------------------------------------------------------- */

static void on_update(void *arg, int rcode, const struct err *e)
{
    struct rehearse *k = arg;
    const struct dns_zone *z = &k->agent->config->zone;

    k->dns = NULL;
    if (rcode == NOERROR)
        tell_words(k, REHEARSAL_KEY, REHEARSAL_FAILED,
                   "grant update rights to the controllers' keys only (BIND: update-policy); a "
                   "stolen agent's key could move the alias",
                   "the agents' key \"%s\" may change the zone", z->key.name);
    else if (rcode == REFUSED || rcode == NOTAUTH)
        tell_words(k, REHEARSAL_KEY, REHEARSAL_PASSED, "", "%s to the key \"%s\", as it must be",
                   rcode == REFUSED ? "REFUSED" : "NOTAUTH", z->key.name);
    else
        tell_words(k, REHEARSAL_KEY, REHEARSAL_UNPROVEN, "", "not decided: %s", e ? e->msg : "");
}

static void on_read(void *arg, const struct dns_view *view, const struct err *e)
{
    struct rehearse *k = arg;
    int64_t left_ms = k->started_ms + k->part_ms - clock_mono_ms();

    k->dns = NULL;
    if (e)
        tell_words(k, REHEARSAL_KEY, REHEARSAL_UNPROVEN, "", "not tried: %s", e->msg);
    else if (!view->cname_present || view->n_txt != 1 || !view->txt[0])
        tell_words(k, REHEARSAL_KEY, REHEARSAL_UNPROVEN, "", "not tried: no alias or no record");
    else
        k->dns = dns_rehearse(k->agent->loop, &k->agent->config->zone, view,
                              left_ms > 1 ? left_ms : 1, on_update, k);
}

/* ---- the archive ----------------------------------------------------------------------------- */

/* The last line that is not empty. */
static const char *last_line(const struct child_result *r, int *ret_len)
{
    size_t end = r->output_len;

    while (end > 0 && strchr(" \t\r\n", r->output[end - 1]))
        end--;

    size_t from = end;
    while (from > 0 && r->output[from - 1] != '\n')
        from--;
    *ret_len = (int)(end - from);
    return r->output + from;
}

static void archive_late(struct rehearse *k, const struct child_result *r)
{
    struct rehearsal late = {.kind = REHEARSAL_ARCHIVE,
                             .verdict = REHEARSAL_FAILED,
                             .elapsed_ms = r->elapsed_ms,
                             .late = k->part_ms < k->agent->config->archive.timeout_ms};

    STR_PRINTF(late.said, "probe_command did not end within %lld ms", (long long)r->elapsed_ms);
    STR_COPY(late.remedy, "run it by hand as the agent's user; [archive] timeout_ms limits it");
    take_rehearsal(k, &late);
}

static void on_probe(void *arg, const struct child_result *r)
{
    struct rehearse *k = arg;
    int len;
    const char *line = last_line(r, &len);

    k->probe = NULL;
    if (!r->started)
        tell_words(k, REHEARSAL_ARCHIVE, REHEARSAL_FAILED, "correct [archive] probe_command",
                   "probe_command cannot be run: %s", strerror(r->error));
    else if (r->timed_out)
        archive_late(k, r);
    else
        tell_words(k, REHEARSAL_ARCHIVE, r->status == 0 ? REHEARSAL_PASSED : REHEARSAL_FAILED,
                   r->status == 0 ? "" : "run it by hand as the agent's user, correct the archive",
                   "status %d%s%.*s", r->status, len ? ": " : "", len, line);
}

static void archive(struct rehearse *k)
{
    const struct config_archive *c = &k->agent->config->archive;
    char words[sizeof(c->probe_command)];
    const char *argv[PROBE_WORDS_MAX + 1];
    struct child_spec spec = {.argv = argv,
                              .output_cap_bytes = PROBE_OUTPUT_BYTES,
                              .timeout_ms =
                                  c->timeout_ms < k->part_ms ? c->timeout_ms : k->part_ms};

    STR_COPY(words, c->probe_command);
    if (str_words(words, argv, PROBE_WORDS_MAX) == 0)
        tell_words(k, REHEARSAL_ARCHIVE, REHEARSAL_UNPROVEN, "",
                   "no [archive] probe_command is configured");
    else
        k->probe = child_run(k->agent->loop, &spec, on_probe, k);
}

/* ---- all ------------------------------------------------------------------------------------- */

void rehearse_answer(struct agent *g, struct rpc_request *r)
{
    struct rehearse *k = mem_alloc(sizeof(*k));
    int64_t timeout_ms = r->q.timeout_ms > 0 ? r->q.timeout_ms : DEFAULT_TIMEOUT_MS;

    k->agent = g;
    k->r = r;
    k->next = g->rehearsing;
    g->rehearsing = k;
    k->started_ms = clock_mono_ms();
    k->part_ms = agent_part_ms(timeout_ms);
    k->waiting = 6 + (int)r->q.n_rehearse + r->q.archive;
    for (size_t i = 0; i < r->q.n_rehearse; i++)
        postgres_rehearse_follow(g->pg, &r->q.rehearse[i], k->part_ms, take_rehearsal, k);
    postgres_rehearse_service(g->pg, false, k->part_ms, take_rehearsal, k);
    postgres_rehearse_service(g->pg, true, k->part_ms, take_rehearsal, k);
    postgres_rehearse_rights(g->pg, k->part_ms, take_rehearsal, k);
    cron_rehearse(g->cron, k->part_ms, take_rehearsal, k);
    k->dns = dns_read(g->loop, &g->config->zone, NULL, DNS_READ_REGISTER | DNS_READ_ALIAS,
                      k->part_ms, on_read, k);
    if (r->q.archive)
        archive(k);
    one_done(k);
}
