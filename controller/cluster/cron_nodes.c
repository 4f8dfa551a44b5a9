#include "controller/cluster/cron_nodes.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"

void cron_nodes_read(struct cluster *cl, struct cron_nodes *c)
{
    struct request show = {.verb = VERB_CRON_SHOW};
    const struct request *q[CLUSTER_NODES_MAX];
    struct rpc_peer *peers[CLUSTER_NODES_MAX];
    struct rpc_result *results = arena_alloc(cl->arena, CLUSTER_NODES_MAX * sizeof(*results));

    show.timeout_ms = cl->config.limits.agent_timeout_ms;
    STR_COPY(show.by, cl->by);
    for (size_t i = 0; i < c->n; i++) {
        q[i] = &show;
        peers[i] = c->world.nodes[i].answered ? cl->peers[i] : NULL;
        c->error[i] = c->world.nodes[i].error;
    }
    rpc_fanout(cl->loop, peers, q, c->n, show.timeout_ms, cl->arena, results);
    for (size_t i = 0; i < c->n; i++) {
        const struct reply *reply = peers[i] ? results[i].reply : NULL;

        if (reply && *reply->obs.node)
            c->world.nodes[i].obs = reply->obs; /* of the very crontab that came */
        if (reply && reply->ok)
            c->text[i] = reply->text ? reply->text : arena_strdup(cl->arena, "");
        else if (reply)
            err_set(&c->error[i], err_from_name(reply->code), reply->hint, "%s", reply->msg);
        else if (peers[i])
            c->error[i] = results[i].e;
    }
}

int cron_nodes_look(struct cluster *cl, const char *name, struct cron_nodes *ret,
                    struct err *reterr)
{
    if (name && !config_node_find(&cl->config, name))
        return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                       "no node is called \"%s\" in %s", name, cl->config.path);
    memset(ret, 0, sizeof(*ret));
    ret->n = cl->config.n_nodes;
    world_observe(cl, &ret->world, OBSERVE_AGENTS | OBSERVE_DNS);
    ret->owner = ret->world.d.status == DNS_VIEW_OK && ret->world.d.record_valid
                     ? config_node_index(&cl->config, ret->world.d.record.owner)
                     : -1;
    for (size_t i = 0; i < ret->n; i++)
        ret->chosen[i] = !name || strcmp(name, cl->config.nodes[i].name) == 0;
    cron_nodes_read(cl, ret);
    return 0;
}

int cron_nodes_silent(const struct cluster *cl, const struct cron_nodes *c, struct err *reterr)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->chosen[i] && !c->text[i]) {
            if (reterr)
                *reterr = c->error[i];
            err_set_node(reterr, cl->config.nodes[i].name);
            return ERR_UNREACHABLE;
        }
    return 0;
}

int cron_nodes_need_owner(const struct cluster *cl, const struct cron_nodes *c, struct err *reterr)
{
    if (c->world.d.status != DNS_VIEW_OK) {
        if (reterr)
            *reterr = c->world.d_error;
        return ERR_DNS;
    }
    if (c->owner < 0)
        return err_set(reterr, ERR_REGISTER, "`pgtandem dns show`",
                       "the ownership record names no configured node, so it is not known whose "
                       "crontab counts");
    if (!c->text[c->owner]) {
        if (reterr)
            *reterr = c->error[c->owner];
        err_set_node(reterr, cl->config.nodes[c->owner].name);
        return ERR_UNREACHABLE;
    }
    return 0;
}

int cron_nodes_mode(const struct cluster *cl, const struct cron_nodes *c,
                    enum crontab_mode *ret_mode, struct err *reterr)
{
    const char *text = c->text[c->owner];
    struct crontab_summary summary;
    int rc = crontab_summarize(text, strlen(text), CRONTAB_BLOCK, &summary, reterr);

    if (rc < 0)
        err_prefix(reterr, "the crontab of the owner %s", cl->config.nodes[c->owner].name);
    else
        *ret_mode = summary.has_block ? CRONTAB_BLOCK : CRONTAB_ALL;
    return rc;
}
