/* `preflight --to NODE`: checks of a switchover, or of a failover if the owner does not respond. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/cluster/examine.h"
#include "controller/cluster/inspect.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/rehearse.h"
#include "controller/preflight/preflight.h"
#include "controller/preflight/preflight_checks.h"
#include "controller/session/remedy.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

static void canary(struct session *s, struct world *w, int node)
{
    if (s->options.format == FORMAT_PRETTY)
        fprintf(stderr, "waiting until cron on %s has fired an entry (up to 70 s)\n",
                s->cluster.config.nodes[node].name);
    rehearse_canary(&s->cluster, w, node);
}

int verb_preflight(struct session *s, struct err *reterr)
{
    struct world *w = arena_alloc(s->cluster.arena, sizeof(*w));
    struct preflight *p = arena_alloc(s->cluster.arena, sizeof(*p));
    int rc = preflight_check_ignores(s, reterr), to, from;

    if (rc < 0)
        return rc;
    if (!s->options.to)
        return err_set(reterr, ERR_USAGE, "pgtandem preflight --to NODE",
                       "preflight needs the node to move to");
    to = config_node_index(&s->cluster.config, s->options.to);
    if (to < 0)
        return err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                       "no node is called \"%s\" in %s", s->options.to, s->cluster.config.path);
    if (s->cluster.config.limits.agent_timeout_ms > INSPECT_TIMEOUT_MS)
        s->cluster.config.limits.agent_timeout_ms = INSPECT_TIMEOUT_MS; /* whoever is dead: 2 s */
    examine(
        &s->cluster, w,
        &(struct examine){.time = EXAMINE_PREFLIGHT,
                          .to = to,
                          .inspect = true,
                          .observe = OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY | OBSERVE_KEY});
    if (s->options.canary && w->nodes[to].answered)
        canary(s, w, to);
    from = w->d.record_valid ? config_node_index(&s->cluster.config, w->d.record.owner) : -1;

    /* silent as a host, not only as a database: then only a failover could be meant */
    bool unplanned = from >= 0 && from != to && !w->nodes[from].answered;
    if (s->options.format == FORMAT_PRETTY)
        report_wrap(s, "",
                    arena_printf(s->cluster.arena, "%s of %s: %s -> %s%s",
                                 unplanned ? "failover" : "switchover",
                                 s->cluster.config.cluster.name,
                                 from >= 0 ? s->cluster.config.nodes[from].name : "?",
                                 s->options.to, unplanned ? " (the owner does not respond)" : ""));
    preflight_run(s, w, unplanned ? PREFLIGHT_UNPLANNED : PREFLIGHT_PLANNED, from, to, p);
    preflight_print(s, p, false);
    rc = preflight_verdict(p, reterr);
    if (rc == 0 && s->options.format == FORMAT_PRETTY) {
        report_wrap(s, "",
                    arena_printf(s->cluster.arena,
                                 "%zu checks, %zu warnings, %zu not checked, nothing blocks.", p->n,
                                 p->warnings, p->unchecked));
        remedy_print(&s->options, s->cluster.arena,
                     arena_printf(s->cluster.arena, "pgtandem %s --to %s",
                                  unplanned ? "failover" : "switchover", s->options.to));
    }
    return rc;
}

/* ---- all checks ------------------------------------------------------------------------------ */

int verb_checks(struct session *s, struct err *reterr)
{
    static const struct report_column columns[] = {
        {"check", "CHECK", REPORT_TEXT, 0},         {"planned", "PLANNED", REPORT_TEXT, 0},
        {"unplanned", "UNPLANNED", REPORT_TEXT, 0}, {"ignorable", "IGNORABLE", REPORT_BOOL, 0},
        {"threshold", "SHOULD BE", REPORT_TEXT, 2}, {"what", "WHAT IT SEES TO", REPORT_TEXT, -1},
    };
    const struct preflight_check *checks;
    size_t n = preflight_table(&checks);
    struct report t;

    (void)reterr;
    REPORT_INIT(&t, s->cluster.arena, columns);
    for (size_t i = 0; i < n; i++) {
        report_text(&t, STYLE_PLAIN, "%s", checks[i].name);
        report_text(&t, STYLE_PLAIN, "%s", severity_names[checks[i].planned]);
        report_text(&t, STYLE_PLAIN, "%s", severity_names[checks[i].unplanned]);
        report_bool(&t, STYLE_PLAIN, checks[i].ignorable);
        report_text(&t, STYLE_PLAIN, "%s", checks[i].threshold);
        report_text(&t, STYLE_PLAIN, "%s", checks[i].what);
    }
    report_print(&t, s);
    return 0;
}
