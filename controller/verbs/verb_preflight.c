/* `preflight --to NODE`: the checks of a switchover (or, if the owner is silent, of a failover). */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/preflight/preflight.h"
#include "controller/remedy.h"
#include "controller/screen/report.h"
#include "controller/session.h"
#include "controller/verbs/verbs.h"
#include "controller/world/examine.h"
#include "controller/world/inspect.h"
#include "controller/world/observe.h"
#include "controller/world/rehearse.h"

static void canary(struct session *s, struct world *w, int node)
{
    if (s->options.format == FORMAT_PRETTY)
        fprintf(stderr, "waiting until cron on %s has fired an entry (up to 70 s)\n",
                s->config.nodes[node].name);
    rehearse_canary(s, w, node);
}

int verb_preflight(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->arena, sizeof(*w));
    struct preflight *p = arena_alloc(s->arena, sizeof(*p));
    int rc = preflight_check_ignores(s, reterr), to, from;

    if (rc < 0)
        return rc;
    if (!s->options.to)
        return err_set(reterr, ERR_USAGE, "pgtandem preflight --to NODE",
                       "preflight needs the node to move to");
    to = config_node_index(&s->config, s->options.to);
    if (to < 0)
        return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                       "no node is called \"%s\" in %s", s->options.to, s->config.path);
    if (s->config.limits.agent_timeout_ms > INSPECT_TIMEOUT_MS)
        s->config.limits.agent_timeout_ms = INSPECT_TIMEOUT_MS; /* whoever is dead: 2 s */
    examine(
        s, w,
        &(struct examine){.time = EXAMINE_PREFLIGHT,
                          .to = to,
                          .inspect = true,
                          .observe = OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY | OBSERVE_KEY});
    if (s->options.canary && w->nodes[to].answered)
        canary(s, w, to);
    from = w->d.record_valid ? config_node_index(&s->config, w->d.record.owner) : -1;

    /* silent as a host, not only as a database: then only a failover could be meant */
    bool unplanned = from >= 0 && from != to && !w->nodes[from].answered;
    if (s->options.format == FORMAT_PRETTY)
        report_wrap(s, "",
                    arena_printf(s->arena, "%s of %s: %s -> %s%s",
                                 unplanned ? "failover" : "switchover", s->config.cluster.name,
                                 from >= 0 ? s->config.nodes[from].name : "?", s->options.to,
                                 unplanned ? " (the owner does not respond)" : ""));
    preflight_run(s, w, unplanned ? PREFLIGHT_UNPLANNED : PREFLIGHT_PLANNED, from, to, p);
    preflight_print(s, p, false);
    rc = preflight_verdict(p, reterr);
    if (rc == 0 && s->options.format == FORMAT_PRETTY) {
        report_wrap(s, "",
                    arena_printf(s->arena,
                                 "%zu checks, %zu warnings, %zu not checked, nothing blocks.", p->n,
                                 p->warnings, p->unchecked));
        remedy_print(&s->options, s->arena,
                     arena_printf(s->arena, "pgtandem %s --to %s",
                                  unplanned ? "failover" : "switchover", s->options.to));
    }
    return rc;
}
