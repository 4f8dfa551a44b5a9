#include "controller/cluster/inspect.h"

#include <string.h>
#include <sys/statvfs.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/observe.h"

struct asked {
    struct inspection *inspection;
    struct world_node *node;
    struct rpc_peer *peer;
};

struct inspection {
    struct cluster *cluster;
    struct request q;
    struct asked asked[CLUSTER_NODES_MAX];
    size_t open;
    bool done;
};

static void one_done(struct inspection *n)
{
    n->done = --n->open == 0;
}

/* ---- the agents ------------------------------------------------------------------------------ */

static void take_reply(void *arg, const struct reply *reply, const struct err *e)
{
    struct asked *a = arg;
    struct world_node *n = a->node;
    struct arena *arena = a->inspection->cluster->arena;
    struct inspect *i = arena_alloc(arena, sizeof(*i));
    struct err why = {.code = 0};

    if (!reply)
        why = *e;
    else if (!reply->ok || !reply->text)
        err_set(&why, err_from_name(reply->code), reply->hint, "%s",
                *reply->msg ? reply->msg : "it answered without an inspection");
    else if (field_from_text(&inspect_table, reply->text, strlen(reply->text), i, arena, &why) == 0)
        n->inspect = i;
    if (!n->inspect || n->inspect == i)
        n->inspect_error = why; /* of an earlier one more is known */
    one_done(a->inspection);
}

static void ask_agent(struct inspection *k, size_t node)
{
    struct cluster *cl = k->cluster;
    const struct config *c = &cl->config;
    struct asked *a = &k->asked[node];

    a->node->inspect_asked = true;
    a->peer = rpc_peer_new(cl->loop, cl->tls, c->cluster.name, c->nodes[node].name,
                           c->nodes[node].agent, tls_context_role(cl->tls), "");
    k->open++;
    rpc_call(a->peer, &k->q, k->q.timeout_ms, take_reply, a);
}

/* ---- their names in DNS, and our own disk ---------------------------------------------------- */

static void take_name(void *arg, const struct dns_addresses *found, const struct err *e)
{
    struct asked *a = arg;

    a->node->target = *found;
    a->node->target_error = e ? *e : (struct err){.code = 0};
    one_done(a->inspection);
}

static void ask_name(struct inspection *k, size_t node)
{
    struct cluster *cl = k->cluster;

    k->asked[node].node->target_asked = true;
    k->open++;
    (void)dns_resolve(cl->loop, &cl->zone, cl->config.nodes[node].target, k->q.timeout_ms,
                      take_name, &k->asked[node]);
}

/* The directory is made with the first journal: until then its parent's file system counts. */
static int64_t journal_free_bytes(const char *directory)
{
    char path[256];
    struct statvfs fs;

    STR_COPY(path, directory);
    for (char *slash; statvfs(path, &fs) < 0; *slash = '\0') {
        slash = strrchr(path, '/');
        if (!slash || slash == path)
            return 0;
    }
    return (int64_t)(fs.f_bavail * fs.f_frsize);
}

/* ---- all ------------------------------------------------------------------------------------- */

static struct inspection *new_inspection(struct cluster *cl, struct world *w, int64_t timeout_ms)
{
    struct inspection *k = arena_alloc(cl->arena, sizeof(*k));

    *k = (struct inspection){.cluster = cl};
    k->q = (struct request){.verb = VERB_INSPECT, .timeout_ms = timeout_ms};
    STR_COPY(k->q.by, cl->by);
    for (size_t i = 0; i < cl->config.n_nodes; i++)
        k->asked[i] = (struct asked){.inspection = k, .node = &w->nodes[i]};
    return k;
}

struct inspection *inspection_start(struct cluster *cl, struct world *w, bool answered_only)
{
    int64_t agent_ms = cl->config.limits.agent_timeout_ms;
    struct inspection *k =
        new_inspection(cl, w, agent_ms < INSPECT_TIMEOUT_MS ? agent_ms : INSPECT_TIMEOUT_MS);

    w->journal_free_bytes = journal_free_bytes(cl->config.journal.directory);
    for (size_t i = 0; i < cl->config.n_nodes; i++) {
        w->nodes[i].inspect = NULL;
        w->nodes[i].inspect_error = (struct err){.code = 0};
        if (!answered_only || w->nodes[i].answered)
            ask_agent(k, i);
        ask_name(k, i);
    }
    return k;
}

bool inspection_is_late(const struct world_node *n)
{
    return n->answered && (n->inspect ? n->inspect->late[0] != '\0'
                                      : n->inspect_asked && n->inspect_error.code == ERR_TIMEOUT);
}

struct inspection *inspection_again(struct cluster *cl, struct world *w, int64_t timeout_ms)
{
    struct inspection *k = new_inspection(cl, w, timeout_ms);

    for (size_t i = 0; i < cl->config.n_nodes; i++)
        if (inspection_is_late(&w->nodes[i]))
            ask_agent(k, i);
    return k->open ? k : NULL;
}

void inspection_end(struct inspection *k)
{
    if (!k)
        return;
    loop_wait(k->cluster->loop, &k->done, -1, NULL); /* each question has its own deadline */
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        rpc_peer_free(k->asked[i].peer);
}
