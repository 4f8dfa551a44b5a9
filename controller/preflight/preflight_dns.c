/* Checks of what clients see of the zone. */
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

bool check_alias_target(const struct check_view *v, struct preflight_result *r)
{
    const struct dns_view *d = &v->w->d;

    check_measured(r, "%s", d->cname_present ? d->cname : "no CNAME");
    STR_PRINTF(r->threshold, "%.119s", v->c->nodes[v->from].target);
    check_remedy(r, "pgtandem dns show; another client changes this name");
    return d->cname_present && !d->alias_other_types &&
           strcasecmp(d->cname, v->c->nodes[v->from].target) == 0;
}

bool check_name_servers(const struct check_view *v, struct preflight_result *r)
{
    const struct dns_survey *survey = &v->w->survey;
    char names[120] = "";
    size_t agree = 0;

    if (!v->w->survey_done || survey->n == 0) {
        check_measured(r, "the zone's name servers could not be asked");
        check_remedy(r, "pgtandem dns show");
        return false;
    }
    for (size_t i = 0; i < survey->n; i++) {
        if (survey->ns[i].agrees)
            agree++;
        else
            check_list(names, sizeof(names), survey->ns[i].view.server);
    }
    check_measured(r, "%zu of %zu agree%s%s", agree, survey->n, *names ? "; not: " : "", names);
    check_remedy(r, "pgtandem dns show; a secondary lags or is down");
    return agree == survey->n;
}

bool check_target_address(const struct check_view *v, struct preflight_result *r)
{
    const struct world_node *n = v->to >= 0 ? &v->w->nodes[v->to] : NULL;
    char found[160] = "";
    bool ok = false;

    if (!n || !n->target_asked)
        return check_unknown(r, "the name was not asked for");
    const struct config_node *node = &v->c->nodes[v->to];
    STR_PRINTF(r->threshold, "%s", node->address);
    check_remedy(r, "correct the A or AAAA record of %.100s, or [node %s] in %.60s", node->target,
                 node->name, v->c->path);
    if (n->target_error.code && !n->target.answered)
        return check_unknown(r, "%.200s", n->target_error.msg);
    if (n->target_error.code) {
        check_measured(r, "%.200s", n->target_error.msg);
        return false;
    }
    for (size_t i = 0; i < n->target.n; i++) {
        check_list(found, sizeof(found), n->target.address[i]);
        ok = ok || strcmp(n->target.address[i], node->address) == 0;
    }
    check_measured(r, "%.80s is %s", node->target, *found ? found : "no address");
    return ok;
}

bool check_ttl(const struct check_view *v, struct preflight_result *r)
{
    const struct dns_view *d = &v->w->d;

    if (!d->cname_present)
        return check_unknown(r, "there is no alias");
    STR_PRINTF(r->threshold, "at most %" PRId64 " s", v->c->limits.ttl_s);
    check_measured(r, "%" PRId64 " s", d->cname_ttl);
    check_remedy(r, "clients keep the old name so long: lower the alias's TTL in the zone first");
    return d->cname_ttl <= v->c->limits.ttl_s;
}

bool check_zone_signed(const struct check_view *v, struct preflight_result *r)
{
    const struct dns_view *d = &v->w->d;

    if (d->zone_keys < 0)
        return check_unknown(r, "the zone's keys were not asked for");
    if (d->zone_keys == 0) {
        check_measured(r, "the zone is not signed");
        return true;
    }
    check_measured(r, "the zone has %d keys, the record %d signatures", d->zone_keys,
                   d->record_signatures);
    check_remedy(r,
                 "resolvers that validate may refuse the alias after an update: have the server "
                 "sign automatically (BIND: dnssec-policy), then dig +dnssec TXT _pgtandem.%s",
                 v->c->cluster.alias);
    return d->record_signatures > 0;
}
