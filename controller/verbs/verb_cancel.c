/* `cancel`: the job that runs on a node ends early, in its own order. */
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/observe.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

enum { CANCEL_MS = 5000 };

static int ask(struct session *s, int node, struct err *reterr)
{
    struct cluster *c = &s->cluster;
    struct request q = {.verb = VERB_JOB_CANCEL, .timeout_ms = CANCEL_MS};
    const struct request *qs[] = {&q};
    struct rpc_result *result = arena_alloc(c->arena, sizeof(*result));

    STR_COPY(q.by, c->by);
    rpc_fanout(c->loop, &c->peers[node], qs, 1, CANCEL_MS, c->arena, result);
    if (!result->reply) {
        if (reterr)
            *reterr = result->e;
        return result->e.code;
    }
    if (result->reply->ok)
        return 0;
    int code = err_from_name(result->reply->code);
    err_set(reterr, code, result->reply->hint, "%s", result->reply->msg);
    err_set_node(reterr, c->config.nodes[node].name);
    return code;
}

int verb_cancel(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    const char *name = s->options.args[0];
    int node = config_node_index(&s->cluster.config, name);

    if (node < 0)
        return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                       "no node is called \"%s\" in %s", name, s->cluster.config.path);
    world_observe(&s->cluster, w, OBSERVE_AGENTS);
    const struct obs_job *job = &w->nodes[node].obs.job;
    int rc = ask(s, node, reterr);
    if (rc < 0)
        return rc;
    printf("%s: %s, asked for by %s, is being cancelled; whoever asked sees it\n", name, job->kind,
           job->by);
    remedy_print(&s->options, s->cluster.arena, "pgtandem status");
    return 0;
}
