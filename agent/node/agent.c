#include "agent/node/agent.h"

#include <string.h>

#include "agent/cron/cron.h"
#include "agent/state/machine.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

static int open_network(struct agent *g, struct err *reterr)
{
    struct config *c = g->config;
    int r = config_load_key(c, reterr);

    if (r == 0)
        r = tls_context_new(&c->tls, c->agent.cluster, PEER_AGENT, c->agent.node, &g->tls, reterr);
    if (r < 0)
        return r;
    for (size_t i = 0; i < c->n_peers; i++)
        g->peers[i] = rpc_peer_new(g->loop, g->tls, c->agent.cluster, c->peers[i].node,
                                   c->peers[i].agent, PEER_AGENT, c->agent.node);
    return 0;
}

int agent_new(struct loop *l, struct config *config, bool network, struct agent **ret_agent,
              struct err *reterr)
{
    struct agent *g = mem_alloc(sizeof(*g));
    char kept[sizeof(config->agent.state_directory) + 24];

    config_bind(config);
    g->loop = l;
    g->config = config;
    machine_boot(g->boot);
    int r = network ? open_network(g, reterr) : 0;
    if (r < 0) {
        agent_free(g);
        return r;
    }
    g->pg = postgres_new(l, &config->postgresql, config->agent.node);
    if (STR_PRINTF(kept, "%s/primary_conninfo", config->agent.state_directory))
        postgres_keep_conninfo(g->pg, kept);
    g->cron = cron_new(l, &config->cron, config->binding.directory);
    postgres_keep_ran(g->pg, &g->ran);
    cron_keep_ran(g->cron, &g->ran);
    *ret_agent = g;
    return 0;
}

void agent_free(struct agent *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++)
        rpc_peer_free(g->peers[i]);
    cron_free(g->cron);
    postgres_free(g->pg);
    tls_context_free(g->tls);
    state_forget(&g->known);
    mem_free(g);
}

int agent_state(struct agent *g, struct agent_state *ret_state, struct err *reterr)
{
    if (g->config->binding.sysid == 0) /* the data directory may have come since the start */
        config_bind(g->config);
    return state_load_again(&g->config->binding, &g->known, ret_state, reterr);
}

int agent_save(struct agent *g, const struct agent_state *s, struct err *reterr)
{
    return state_save(&g->config->binding, s, reterr);
}

int agent_may_act(const struct agent *g, const char *what, struct err *reterr)
{
    const struct config *c = g->config;

    if (c->agent.mode != MODE_OBSERVE)
        return 0;
    err_set(reterr, ERR_REFUSED, NULL,
            "the agent of %s only observes ([agent] mode = observe in %s): %s was refused, nothing "
            "was changed there",
            c->agent.node, c->path, what);
    err_set_hint(reterr, "on %s: set \"mode = act\" in %s, then systemctl reload pgtandem-agent",
                 c->agent.node, c->path);
    return ERR_REFUSED;
}
