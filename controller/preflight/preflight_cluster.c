/* Checks of register, agents and machines: whose cluster, who owns it, is anybody else at work. */
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "proto/hello.h"

/* ---- the register ---------------------------------------------------------------------------- */

bool check_one_writable(const struct check_view *v, struct preflight_result *r)
{
    char names[160] = "";
    size_t n = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++)
        if (v->w->nodes[i].answered && v->w->nodes[i].obs.pg.role == PG_WRITABLE) {
            check_list(names, sizeof(names), v->c->nodes[i].name);
            n++;
        }
    check_measured(r, "%zu writable%s%s", n, n ? ": " : "", names);
    check_remedy(r, "pgtandem status, then docs/two-writable.md: change nothing before");
    return n <= 1;
}

bool check_register_readable(const struct check_view *v, struct preflight_result *r)
{
    const struct dns_view *d = &v->w->d;

    if (v->d) {
        check_measured(r, "epoch %" PRId64 ", %s", v->d->epoch, register_state_names[v->d->state]);
        return true;
    }
    check_remedy(r, "%s", *v->w->d_error.hint ? v->w->d_error.hint : "pgtandem status");
    if (d->status != DNS_VIEW_OK)
        check_measured(r, "%s",
                       *v->w->d_error.msg ? v->w->d_error.msg
                                          : "the zone's primary does not respond");
    else if (d->n_txt == 0) {
        check_measured(r, "no record");
    } else {
        check_measured(r, "%d TXT record(s), none valid", d->n_txt);
    }
    return false;
}

/* A wrong key would otherwise show only after CLAIM, and as silence: such answers are unsigned. */
bool check_update_key(const struct check_view *v, struct preflight_result *r)
{
    if (!v->w->key_tried)
        return check_unknown(r, "the key was not tried");
    check_measured(r, "%.150s",
                   v->w->key_error.code == ERR_LOST ? "accepted; the record changed meanwhile"
                   : v->w->key_error.code           ? v->w->key_error.msg
                   : v->w->key_proven ? "accepted for alias and record, nothing changed"
                                      : "accepted");
    check_remedy(r, "%s", *v->w->key_error.hint ? v->w->key_error.hint : "pgtandem config check");
    return v->w->key_error.code == 0 || v->w->key_error.code == ERR_LOST;
}

bool check_register_stable(const struct check_view *v, struct preflight_result *r)
{
    if (v->d->state == REGISTER_STABLE)
        check_measured(r, "stable");
    else
        check_measured(r, "%s, transition %s held by %s", register_state_names[v->d->state],
                       v->d->txn, v->d->by);
    check_remedy(r, "pgtandem status; then pgtandem resume or pgtandem abort");
    return v->d->state == REGISTER_STABLE;
}

bool check_register_epoch(const struct check_view *v, struct preflight_result *r)
{
    const char *who = "";
    int64_t highest = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++)
        if (check_knows(v, i, NODE_STATE) && v->w->nodes[i].obs.epoch > highest) {
            highest = v->w->nodes[i].obs.epoch;
            who = v->c->nodes[i].name;
        }
    check_measured(r, "record %" PRId64 ", agents %" PRId64 "%s%s", v->d->epoch, highest,
                   *who ? " at " : "", who);
    check_remedy(r, "the zone may have been restored from a backup: pgtandem dns show");
    return v->d->epoch >= highest;
}

bool check_system_identifier(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRIu64, v->d->sysid);
    check_remedy(r, "another cluster's data directory, or another alias: compare pg_controldata on "
                    "the nodes with pgtandem dns show");
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        uint64_t sysid = v->w->nodes[i].obs.pg.sysid;

        if (v->w->nodes[i].answered && sysid && sysid != v->d->sysid) {
            check_measured(r, "%s has %" PRIu64 ", the record %" PRIu64, v->c->nodes[i].name, sysid,
                           v->d->sysid);
            return false;
        }
    }
    if (v->target && !v->target->pg.sysid) {
        check_measured(r, "unreadable on %s", v->target_name);
        return false;
    }
    return true;
}

void check_unseen(const struct check_view *v, size_t i, struct preflight_result *r)
{
    const char *name = v->c->nodes[i].name, *problem = v->w->nodes[i].obs.pg.problem;

    check_measured(r, "PostgreSQL of %s could not be looked at%s%.150s", name, *problem ? ": " : "",
                   problem);
    check_remedy(r, "on %s: pgtandem-agent status", name);
}

bool check_owner_writable(const struct check_view *v, struct preflight_result *r)
{
    if (v->from < 0) {
        check_measured(r, "%s, which is not configured", v->d->owner);
        check_remedy(r, "add [node %s] to %s", v->d->owner, v->c->path);
        return false;
    }
    if (!v->owner) {
        check_measured(r, "%s does not respond: %.100s", v->owner_name,
                       v->w->nodes[v->from].error.msg);
        check_remedy(r,
                     "start pgtandem-agent on %s; if the host is lost: pgtandem failover --to %s",
                     v->owner_name, *v->target_name ? v->target_name : "NODE");
        return false;
    }

    /* a state that cannot be read counts as a fence elsewhere; here "agent-state" says so */
    bool fenced = v->owner->fence.fenced && v->owner->state_ok;

    check_measured(r, "%s is %s%s", v->owner_name, pg_role_names[v->owner->pg.role],
                   fenced                 ? ", fenced"
                   : v->owner->fence.held ? ", held"
                                          : "");
    check_remedy(r, "pgtandem status; pgtandem resume");
    if (v->owner->pg.role == PG_UNKNOWN)
        check_unseen(v, (size_t)v->from, r);
    return v->owner->pg.role == PG_WRITABLE && !fenced && !v->owner->fence.held;
}

/* ---- the agents ------------------------------------------------------------------------------ */

bool check_owner_lost(const struct check_view *v, struct preflight_result *r)
{
    bool serves = v->owner->pg.role == PG_WRITABLE;

    if (v->owner->pg.role == PG_UNKNOWN && !v->owner->pg.orphans) {
        check_measured(r, "PostgreSQL of %s is there and does not say what it is", v->owner_name);
        check_remedy(r,
                     "on %s: pgtandem-agent status; if it cannot be made to respond: --ignore "
                     "owner-lost (it is fenced first)",
                     v->owner_name);
        return false;
    }
    check_measured(r, "%s is %s", v->owner_name, pg_role_names[v->owner->pg.role]);
    check_remedy(r, "pgtandem switchover --to %s (or --ignore owner-lost: it is fenced first)",
                 v->target_name);
    return !serves;
}

bool check_target_known(const struct check_view *v, struct preflight_result *r)
{
    if (v->to < 0) {
        check_measured(r, "none");
        check_remedy(r, "--to NODE");
        return false;
    }
    if (v->to == v->from) {
        check_measured(r, "%s is the owner already", v->target_name);
        check_remedy(r, "--to another node");
        return false;
    }
    if (!v->target) {
        check_measured(r, "%s does not respond: %.100s", v->target_name,
                       v->w->nodes[v->to].error.msg);
        check_remedy(r, "start pgtandem-agent on %s", v->target_name);
        return false;
    }
    check_measured(r, "%s answers in %" PRId64 " ms", v->target_name, v->w->nodes[v->to].rtt_ms);
    return true;
}

bool check_target_free(const struct check_view *v, struct preflight_result *r)
{
    const struct obs_fence *f = &v->target->fence;
    const char *mark = f->promoting                    ? "a promotion is recorded"
                       : f->fenced && !f->standby_only ? "fenced"
                       : f->held                       ? "held by its guard"
                                                       : "no mark";
    check_measured(r, "%s", mark);
    check_remedy(r, f->promoting ? "pgtandem resume" : "pgtandem rejoin %s", v->target_name);
    return !f->promoting && !f->held && (!f->fenced || f->standby_only);
}

bool check_agent_state(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (!n->answered || n->obs.state_ok)
            continue;
        check_measured(r, "%s: %.130s", v->c->nodes[i].name, n->obs.state_problem);
        check_remedy(r, "on %s: pgtandem-agent status", v->c->nodes[i].name);
        return false;
    }
    return true;
}

static bool listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = list; (at = strstr(at, name)) != NULL; at += len)
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

/* A guard that boots with DNS silent trusts its peers to be all there are (docs/protocol.md, 6, row
 * 10): one that it does not know may be writable. */
bool check_peers_complete(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++)
        for (size_t k = 0; k < v->w->n_nodes; k++) {
            const char *name = v->c->nodes[i].name, *other = v->c->nodes[k].name;

            if (i == k || !v->w->nodes[i].answered || listed(v->w->nodes[i].obs.peers, other))
                continue;
            check_measured(r, "%s does not list %s", name, other);
            check_remedy(r, "on %s: add [peer %s] to its agent.conf, restart pgtandem-agent", name,
                         other);
            return false;
        }
    check_measured(r, "all list all");
    return true;
}

bool check_others_answer(const struct check_view *v, struct preflight_result *r)
{
    char names[120] = "";

    for (size_t i = 0; i < v->w->n_nodes; i++)
        if ((int)i != v->from && (int)i != v->to && !v->w->nodes[i].answered)
            check_list(names, sizeof(names), v->c->nodes[i].name);
    check_measured(r, "%s%s", *names ? "silent: " : "all answer", names);
    check_remedy(r, "start pgtandem-agent there; else `pgtandem resume` lets them follow later");
    return !*names;
}

bool check_agent_busy(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (!n->answered || !n->obs.starting_act)
            continue;
        check_measured(r, "%s is busy: %s, for %lld s", v->c->nodes[i].name, n->obs.act,
                       (long long)(n->obs.act_ms / 1000));
        check_remedy(r, "wait, then look again: pgtandem status");
        return false;
    }
    return true;
}

bool check_watch(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct node_obs *o = &v->w->nodes[i].obs;

        if (!v->w->nodes[i].answered)
            continue;
        if (!o->watch_enabled) {
            check_measured(r, "off at %s", v->c->nodes[i].name);
            check_remedy(r, "on %s: switch the watch on in the agent's configuration",
                         v->c->nodes[i].name);
            return false;
        }
        if (o->watch_age_ms < 0 || o->watch_age_ms > 10 * o->watch_period_ms) {
            check_measured(r, "%s last read the record %" PRId64 " s ago", v->c->nodes[i].name,
                           o->watch_age_ms / 1000);
            if (o->watch_age_ms < 0)
                check_measured(r, "%s has not read the record since its agent was started",
                               v->c->nodes[i].name);
            check_remedy(r, "on %s: pgtandem-agent status (DNS server or key)",
                         v->c->nodes[i].name);
            return false;
        }
    }
    return true;
}

bool check_looked(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct node_obs *o = &v->w->nodes[i].obs;
        const char *problem = *o->pg.problem ? o->pg.problem : o->cron.problem;

        if (!v->w->nodes[i].answered || !*problem)
            continue;
        check_measured(r, "%s: %.130s", v->c->nodes[i].name, problem);
        check_remedy(r, "on %s: pgtandem-agent status", v->c->nodes[i].name);
        return false;
    }
    return true;
}

bool check_clocks(const struct check_view *v, struct preflight_result *r)
{
    int64_t worst = 0;
    const char *who = "";

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        int64_t skew = v->w->nodes[i].skew_ms;

        if (!v->w->nodes[i].answered || (skew < 0 ? -skew : skew) <= (worst < 0 ? -worst : worst))
            continue;
        worst = skew;
        who = v->c->nodes[i].name;
    }
    STR_PRINTF(r->threshold, "within %" PRId64 " ms", v->c->limits.clock_skew_ms);
    check_measured(r, "%" PRId64 " ms%s%s", worst, *who ? " at " : "", who);
    check_remedy(r, "on %s and here: chronyc tracking (or timedatectl)", who);
    return (worst < 0 ? -worst : worst) <= v->c->limits.clock_skew_ms;
}

/* ---- this controller ------------------------------------------------------------------------- */

bool check_cluster_name(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (n->answered || (n->error.code != ERR_TLS && n->error.code != ERR_EXPIRED &&
                            n->error.code != ERR_PROTOCOL))
            continue;
        check_measured(r, "%s: %.150s", v->c->nodes[i].name, n->error.msg);
        check_remedy(r, "%.200s", *n->error.hint ? n->error.hint : "pgtandem config check");
        return false;
    }
    for (size_t i = 0; i < v->w->n_nodes; i++)
        if (v->w->nodes[i].answered) {
            check_measured(r, "%s", v->c->cluster.name);
            return true;
        }
    return check_unknown(r, "no agent responds");
}

/* The journal is written before each act: a full disk would leave a move without its record. */
bool check_journal_space(const struct check_view *v, struct preflight_result *r)
{
    enum { LEAST_MIB = 16 };

    if (v->w->journal_free_bytes <= 0)
        return check_unknown(r, "the free space of %.100s is not known", v->c->journal.directory);
    STR_PRINTF(r->threshold, "at least %d MiB", LEAST_MIB);
    check_measured(r, "%" PRId64 " MiB free in %.100s", v->w->journal_free_bytes >> 20,
                   v->c->journal.directory);
    check_remedy(r, "free space here: df %.150s", v->c->journal.directory);
    return v->w->journal_free_bytes >> 20 >= LEAST_MIB;
}
