#include "agent/reload.h"

#include <inttypes.h>

#include "agent/node/agent.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/rpc.h"

static void log_change(void *arg, const char *section, const char *key, const char *old,
                       const char *now, bool taken)
{
    int *waiting = arg;

    *waiting += !taken;
    if (taken)
        log_info("reload: [%s] %s: \"%s\" -> \"%s\"", section, key, old, now);
    else
        log_warning(
            "reload: [%s] %s%s%s%s%s%swaits for a restart: systemctl restart pgtandem-agent "
            "(PostgreSQL goes on)",
            section, key, *key ? ": \"" : "", old, *key ? "\" -> \"" : "", now, *key ? "\" " : "");
}

/* The new paths count only if what they name can be used. */
static int load_secrets(struct agent *g, struct config *now, struct err *reterr)
{
    int r = config_load_key(now, reterr);

    if (r == 0)
        r = tls_context_reload(g->tls, &now->tls, PEER_AGENT, g->config->agent.node, reterr);
    return r;
}

void reload_configuration(struct agent *g)
{
    struct config *c = g->config, *now = mem_alloc(sizeof(*now));
    struct err e = {0};
    int waiting = 0;
    int r = config_load(c->path, now, &e);

    if (r == 0)
        r = load_secrets(g, now, &e);
    if (r < 0) {
        err_prefix(&e, "reload: nothing was taken over");
        log_err(LOG_LEVEL_ERROR, &e);
    } else {
        c->zone.key = now->zone.key;
        config_take(c, now, log_change, &waiting);
        postgres_reconfigure(g->pg, &c->postgresql);
        log_info("reload: done, mode = %s, certificate valid for %" PRId64 " days%s",
                 agent_mode_names[c->agent.mode], tls_context_days_left(g->tls, clock_wall_ms()),
                 waiting ? "; not all is in force" : "");
    }
    mem_free(now);
}
