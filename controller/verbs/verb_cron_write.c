/*
 * `cron adopt`, `unadopt`, `sync`: a new crontab for a node, written by its agent, journaled. Only
 * while the record is stable, at its epoch; entries are never switched on here (the agent refuses
 * it).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cron_nodes.h"
#include "controller/engine/change.h"
#include "controller/engine/trace.h"
#include "controller/journal/journal.h"
#include "controller/screen/difference.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

/* What one node's new text is; *ret_text NULL: it stays as it is. */
typedef int (*edit_fn)(struct session *s, const struct cron_nodes *c, size_t node, char **ret_text,
                       struct err *reterr);

static int edit_adopt(struct session *s, const struct cron_nodes *c, size_t node, char **ret_text,
                      struct err *reterr)
{
    char *text = NULL;
    size_t len = 0;
    int rc =
        crontab_adopt(c->text[node], strlen(c->text[node]), s->cluster.arena, &text, &len, reterr);

    if (rc == 0 && (int)node != c->owner)
        rc = crontab_set(text, len, CRONTAB_BLOCK, false, s->cluster.arena, &text, &len, reterr);
    if (rc == 0)
        *ret_text = text;
    return rc;
}

static int edit_unadopt(struct session *s, const struct cron_nodes *c, size_t node, char **ret_text,
                        struct err *reterr)
{
    size_t len;

    return crontab_unadopt(c->text[node], strlen(c->text[node]), s->cluster.arena, ret_text, &len,
                           reterr);
}

static int edit_sync(struct session *s, const struct cron_nodes *c, size_t node, char **ret_text,
                     struct err *reterr)
{
    const struct obs_cron *owner = &c->world.nodes[c->owner].obs.cron;
    const char *text = c->text[node], *source = c->text[c->owner];
    enum crontab_mode mode;
    size_t len, taken = 0;

    if ((int)node == c->owner) {
        *ret_text = NULL;
        return 0;
    }
    if (owner->entries_on + owner->entries_off == 0)
        return err_set(reterr, ERR_REFUSED,
                       "`pgtandem cron adopt NODE` puts its entries under management first",
                       "the owner %s has no managed entries to copy",
                       s->cluster.config.nodes[c->owner].name);

    int rc = cron_nodes_mode(&s->cluster, c, &mode, reterr);
    if (rc < 0)
        return rc;
    rc = crontab_sync(text, strlen(text), source, strlen(source), mode, false, s->cluster.arena,
                      ret_text, &len, &taken, reterr);
    if (rc == 0 && taken > 0)
        printf(
            "# %s: %zu %s outside the block, on, off or commented out by hand, would be taken into "
            "it\n",
            s->cluster.config.nodes[node].name, taken, taken == 1 ? "entry" : "entries");
    return rc;
}

/* ---- asking the agent ------------------------------------------------------------------------ */

/* *ret_text: what the agent says about it, in the session's arena; NULL: not wanted. */
static int ask(struct session *s, struct cron_nodes *c, size_t node, struct request *q,
               struct trace *trace, const char **ret_text, struct err *reterr)
{
    struct world_node *n = &c->world.nodes[node];
    const struct request *qs[1] = {q};
    struct rpc_peer *peers[1] = {s->cluster.peers[node]};
    struct rpc_result *result = arena_alloc(s->cluster.arena, sizeof(*result));

    q->epoch = c->world.d.record.epoch;
    q->seq = ++n->last_seq;
    q->timeout_ms = 10000;
    STR_COPY(q->by, s->cluster.by);
    STR_COPY(q->step, "cron-write");
    STR_COPY(q->nonce, c->world.d.record.nonce);
    STR_COPY(q->txn, c->world.d.record.txn);
    rpc_fanout(s->cluster.loop, peers, qs, 1, q->timeout_ms + 1000, s->cluster.arena, result);
    trace_answer(trace, s->cluster.config.nodes[node].name, q, result);
    if (!result->reply) {
        if (reterr)
            *reterr = result->e;
        return result->e.code;
    }
    if (*result->reply->obs.node)
        n->obs = result->reply->obs;
    if (result->reply->ok) {
        if (ret_text && result->reply->text)
            *ret_text = arena_strdup(s->cluster.arena, result->reply->text);
        return 0;
    }
    int code = err_from_name(result->reply->code);
    err_set(reterr, code, result->reply->hint, "%s", result->reply->msg);
    err_set_node(reterr, s->cluster.config.nodes[node].name);
    return code;
}

/* An agent that was away while the epoch rose is brought to it first. */
static int arm(struct session *s, struct cron_nodes *c, size_t node, struct trace *trace,
               struct err *reterr)
{
    struct request q = {.verb = VERB_ARM};

    if (c->world.nodes[node].obs.epoch >= c->world.d.record.epoch)
        return 0;
    return ask(s, c, node, &q, trace, NULL, reterr);
}

static int write_one(struct session *s, struct change *change, struct cron_nodes *c, size_t node,
                     char *text, struct err *reterr)
{
    struct request q = {.verb = VERB_CRON_WRITE, .crontab = text};
    const char *name = s->cluster.config.nodes[node].name;
    struct err e = {.code = 0};
    struct trace trace = {.data = NULL};
    const char *kept = NULL;
    char before[JOURNAL_HASH_BYTES], after[JOURNAL_HASH_BYTES];

    /* not the texts: crontabs hold passwords, and journals are copied into tickets. The agent keeps
     * the previous text (crontab.backup.N in its state directory). */
    journal_hash(c->text[node], strlen(c->text[node]), before);
    journal_hash(text, strlen(text), after);
    json_t *data = json_pack("{s:s, s:s, s:s}", "expected_hash", c->world.nodes[node].obs.cron.hash,
                             "before_sha256", before, "after_sha256", after);
    int rc = journal_intent(change->journal, "cron-write", name, data, reterr);

    json_decref(data);
    if (rc < 0)
        return rc;
    STR_COPY(q.expected_hash, c->world.nodes[node].obs.cron.hash);
    STR_COPY(q.reason, s->verb->name);
    int64_t asked_ms = clock_mono_ms();
    rc = arm(s, c, node, &trace, &e);
    if (rc == 0)
        rc = ask(s, c, node, &q, &trace, &kept, &e);
    data = json_pack("{s:b, s:s, s:s, s:I}", "ok", rc == 0, "error", e.msg, "hint", e.hint, "ms",
                     (json_int_t)(clock_mono_ms() - asked_ms));
    trace_take(&trace, data);
    (void)journal_result(change->journal, "cron-write", name, data, NULL);
    json_decref(data);
    if (rc < 0 && reterr)
        *reterr = e;
    if (rc == 0)
        printf("%s: written; %d managed entries on, %d off%s%s\n", name,
               (int)c->world.nodes[node].obs.cron.entries_on,
               (int)c->world.nodes[node].obs.cron.entries_off, kept ? "; " : "", kept ? kept : "");
    return rc;
}

/* ---- the verbs ------------------------------------------------------------------------------- */

static int look(struct session *s, struct cron_nodes *c, struct err *reterr)
{
    int rc = cron_nodes_look(&s->cluster, s->options.args[0], c, reterr);

    if (rc == 0)
        rc = cron_nodes_need_owner(&s->cluster, c, reterr);
    if (rc == 0 && c->world.d.record.state != REGISTER_STABLE)
        rc = err_set(reterr, ERR_HELD, "`pgtandem status`; crontabs are edited when nothing moves",
                     "a transition is open (epoch %" PRId64 ", %s), held by %s",
                     c->world.d.record.epoch, register_state_names[c->world.d.record.state],
                     c->world.d.record.by);
    return rc < 0 ? rc : cron_nodes_silent(&s->cluster, c, reterr);
}

/* The new texts of all chosen nodes; NULL where nothing changes. */
static int plan(struct session *s, const struct cron_nodes *c, edit_fn edit, char **texts,
                size_t *ret_n, struct err *reterr)
{
    *ret_n = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!c->chosen[i])
            continue;
        int rc = edit(s, c, i, &texts[i], reterr);
        if (rc < 0) {
            err_set_node(reterr, s->cluster.config.nodes[i].name);
            return rc;
        }
        /* the block is gone: its agent still has to forget what it knew of it */
        bool forget = edit == edit_unadopt && c->world.nodes[i].obs.cron.damaged;
        if (texts[i] && strcmp(texts[i], c->text[i]) == 0 && !forget)
            texts[i] = NULL;
        if (!texts[i])
            continue;
        const char *name = s->cluster.config.nodes[i].name;
        report_put_text(
            s, difference_unified(
                   c->text[i], texts[i], arena_printf(s->cluster.arena, "%s, as it is", name),
                   arena_printf(s->cluster.arena, "%s, as it would be", name), s->cluster.arena));
        ++*ret_n;
    }
    fflush(stdout);
    return 0;
}

static int edit_crontabs(struct session *s, edit_fn edit, const char *question, struct err *reterr)
{
    struct cron_nodes *c = arena_alloc(s->cluster.arena, sizeof(*c));
    char *texts[CLUSTER_NODES_MAX] = {NULL};
    struct change change;
    size_t n = 0;
    int rc = look(s, c, reterr);

    if (rc == 0)
        rc = plan(s, c, edit, texts, &n, reterr);
    if (rc < 0)
        return rc;
    if (n == 0) {
        printf("nothing to do: the crontabs are so already\n");
        return 0;
    }
    if (s->options.dry_run) {
        printf("# dry run: nothing was changed\n");
        return 0;
    }
    rc = session_confirm(s, question, NULL, reterr);
    if (rc == 0)
        rc = change_open(&change, s, change_reason(s, s->verb->name), "",
                         s->options.n_args ? s->options.args[0] : "", reterr);
    if (rc < 0)
        return rc;
    change.epoch = c->world.d.record.epoch;
    for (size_t i = 0; rc == 0 && i < c->n; i++)
        if (texts[i])
            rc = write_one(s, &change, c, i, texts[i], reterr);
    return change_close(&change, rc, reterr);
}

int verb_cron_adopt(struct session *s, struct err *reterr)
{
    return edit_crontabs(s, edit_adopt, "Put these entries under pgtandem's management?", reterr);
}

int verb_cron_unadopt(struct session *s, struct err *reterr)
{
    return edit_crontabs(s, edit_unadopt, "Take these entries out of pgtandem's management?",
                         reterr);
}

int verb_cron_sync(struct session *s, struct err *reterr)
{
    return edit_crontabs(s, edit_sync, "Write these crontabs (every entry off)?", reterr);
}
