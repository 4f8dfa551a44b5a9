/* Checks of the agents: what they may do, which protocol they speak, their certificates. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "proto/hello.h"

/* In a failover only the nodes of the move itself must act: any other is dealt with afterwards. */
bool check_agent_mode(const struct check_view *v, struct preflight_result *r)
{
    char observing[100] = "", first[NODE_NAME_BYTES] = "";
    bool ok = true;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];
        bool in_the_move = (int)i == v->from || (int)i == v->to;

        if (!n->answered || n->obs.mode == MODE_ACT)
            continue;
        check_list(observing, sizeof(observing), v->c->nodes[i].name);
        if (v->kind == PREFLIGHT_UNPLANNED && !in_the_move)
            continue;
        if (ok)
            STR_COPY(first, v->c->nodes[i].name);
        ok = false;
    }
    if (*observing)
        check_measured(r, "observe at %s", observing);
    check_remedy(r,
                 "on %s: set \"mode = act\" in its agent.conf, then systemctl reload "
                 "pgtandem-agent",
                 first);
    return ok;
}

bool check_agent_version(const struct check_view *v, struct preflight_result *r)
{
    struct hello ours;

    hello_fill(&ours, PEER_CONTROLLER, "", "");
    STR_PRINTF(r->threshold, "%s, protocol %d", ours.software, PROTO_VERSION);
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];
        bool older = n->version && n->version < PROTO_VERSION;

        if (!n->answered || (strcmp(n->obs.software, ours.software) == 0 && !older))
            continue;
        check_measured(r, "%s has %s, protocol %d%s", v->c->nodes[i].name, n->obs.software,
                       n->version, older ? ": what came later cannot be looked at there" : "");
        check_remedy(r,
                     "install this version of pgtandem on %s, then there: systemctl restart "
                     "pgtandem-agent (PostgreSQL goes on)",
                     v->c->nodes[i].name);
        return false;
    }
    return true;
}

static bool fresh(struct preflight_result *r, int64_t days, const char *whose)
{
    if (days >= CERTIFICATE_WARN_DAYS)
        return true;
    if (days < 0)
        check_measured(r, "%s has expired", whose);
    else
        check_measured(r, "%s: %" PRId64 " days", whose, days);
    check_remedy(
        r, "make-certs makes a new one (docs/installing.md, \"Certificates\"); an agent takes "
           "it over by systemctl reload pgtandem-agent");
    return false;
}

bool check_certificates(const struct check_view *v, struct preflight_result *r)
{
    int64_t least = v->w->certificate_known ? v->w->certificate_days : INT64_MAX;

    STR_PRINTF(r->threshold, "at least %d days", CERTIFICATE_WARN_DAYS);
    if (!fresh(r, least, "ours"))
        return false;
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (!n->answered || n->version < 2 || n->obs.certificate_days == -2)
            continue; /* not reported */
        if (!fresh(r, n->obs.certificate_days, v->c->nodes[i].name))
            return false;
        least = n->obs.certificate_days < least ? n->obs.certificate_days : least;
    }
    if (least < INT64_MAX)
        check_measured(r, "%" PRId64 " days or more", least);
    return true;
}
