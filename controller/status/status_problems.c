/*
 * What is wrong, in words, the most pressing first; what is outstanding, not urgent; and one
 * command to type next. The planner's situation is the headline; what it lists as outstanding and
 * what else a look shows follow.
 */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"

/* ---- what is outstanding --------------------------------------------------------------------- */

/* Does the headline say this already? */
static bool told(const struct status *st, const struct planner_debt *d)
{
    if (st->situation.reason == WHY_TWO_WRITABLE && d->kind == DEBT_WRITABLE)
        return true;
    if (st->situation.reason == WHY_OWNER_DOWN && d->kind == DEBT_NO_STANDBY &&
        st->view->nodes[d->node].role == PG_RECOVERY)
        return true; /* there is no node to stream from */
    if (st->situation.node != (int)d->node)
        return false;
    switch (st->situation.reason) {
    case WHY_OWNER_SILENT:
    case WHY_NEW_OWNER_SILENT:
        return d->kind == DEBT_SILENT;
    case WHY_OWNER_DOWN:
    case WHY_OWNER_UNKNOWN:
    case WHY_WORD_SILENT:
        return d->kind == DEBT_OWNER_DOWN || d->kind == DEBT_HELD;
    case WHY_CRON_OWED:
        return d->kind == DEBT_OWNER_CRON_OFF;
    case WHY_OTHER_WRITABLE:
        return d->kind == DEBT_WRITABLE;
    case WHY_DIVERGED:
        return d->kind == DEBT_DIVERGED;
    case WHY_W: /* "not settled" */
        return d->kind == DEBT_CRON_ON || d->kind == DEBT_EPOCH;
    case WHY_NOT_READY:
        return d->kind == DEBT_STATE || d->kind == DEBT_HELD || d->kind == DEBT_NO_STANDBY ||
               d->kind == DEBT_SILENT;
    default: /* the other headlines do not cover it */
        return false;
    }
}

static void fenced(struct status *st, size_t node)
{
    const char *name = status_name(st, (int)node);
    bool measured = st->view->nodes[node].wal.kind == LINEAGE_INSIDE;

    status_add(st, &st->outstanding, name,
               measured
                   ? "%s is fenced; `pgtandem rejoin %s` makes it a standby"
                   : "%s is fenced, and was not cleanly stopped; `pgtandem rejoin %s` measures "
                     "how far its WAL goes, and makes it a standby if the owner has all of it",
               name, name);
}

/* A record that cannot be used says nothing of anybody's role; while a transition is open, fences
 * and jobs that are off are its own doing. */
static bool roles_are_measured(const struct status *st)
{
    switch (st->situation.reason) {
    case WHY_FOREIGN:
    case WHY_UNKNOWN_NODE:
    case WHY_EPOCH_BELOW:
        return false;
    default:
        return st->view->d.state == REGISTER_STABLE;
    }
}

/* What they see of it is known, whatever else the headline is. */
static bool seen_by_others(const struct status *st, int node)
{
    return st->w->evidence.began_ms && st->w->evidence.about == node && st->w->evidence.from;
}

static void debts(struct status *st)
{
    struct planner_debt list[PLANNER_DEBTS_MAX];
    size_t n = planner_debts(st->view, list);
    bool roles = roles_are_measured(st);

    for (size_t i = 0; i < n; i++) {
        enum planner_debt_kind kind = (enum planner_debt_kind)list[i].kind;
        const char *node = status_name(st, (int)list[i].node);

        if (told(st, &list[i]) || (!roles && kind != DEBT_SILENT && kind != DEBT_STATE))
            continue;
        if (kind == DEBT_SILENT && seen_by_others(st, (int)list[i].node)) {
            status_add(st, &st->problems, node, "%s does not respond%s", node,
                       status_why_silent(st, (int)list[i].node));
            status_owner_silent(st, (int)list[i].node);
            continue;
        }
        if (kind == DEBT_FENCED) {
            fenced(st, list[i].node);
            continue;
        }
        if (kind == DEBT_DIVERGED) {
            status_add(st, &st->problems, node, "%s", status_diverged(st, (int)list[i].node));
            continue;
        }
        status_add(st, planner_debt_is_problem(kind) ? &st->problems : &st->outstanding, node,
                   "%s%s", status_fill(st, planner_debt_text(kind), node),
                   kind == DEBT_SILENT ? status_why_silent(st, (int)list[i].node) : "");
    }
}

/* ---- DNS ------------------------------------------------------------------------------------- */

static void dns_problems(struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const struct config_node *owner;

    for (size_t i = 0; i < st->ns_total; i++) {
        const char *differs = dns_words_differs(st->arena, st->w, i, st->now_wall_ms);

        if (differs)
            status_add(st, &st->problems, "", "%s", differs);
        if (differs && d->status == DNS_VIEW_OK)
            status_propose(st, "pgtandem dns show");
    }
    if (d->status != DNS_VIEW_OK)
        return;
    if (d->alias_other_types)
        status_add(st, &st->problems, "", "%s holds something that is not a CNAME",
                   st->cluster->zone.alias);
    if (d->n_txt > 0 && !d->record_valid)
        status_add(st, &st->problems, "",
                   "the ownership record is not valid (%d TXT record(s)): \"%s\"", d->n_txt,
                   d->txt);
    owner = d->record_valid ? config_node_find(&st->cluster->config, d->record.owner) : NULL;
    if (owner && (!d->cname_present || strcmp(d->cname, owner->target) != 0)) {
        status_add(st, &st->problems, owner->name,
                   "the alias points to %s, but the owner is %s (%s)",
                   d->cname_present ? d->cname : "nothing", owner->name, owner->target);
        status_propose(st, "pgtandem dns show");
    }
    if (!st->w->survey_done || st->ns_total == 0) {
        status_add(st, &st->problems, "", "the zone's name servers could not be asked");
        status_propose(st, "pgtandem dns show");
    }
}

/* ---- the cluster, and this host -------------------------------------------------------------- */

/* One line for all: what to do is the same. */
static void observers(struct status *st)
{
    char names[200] = "";

    for (size_t i = 0; i < st->w->n_nodes; i++) {
        size_t used = strlen(names);

        if (st->w->nodes[i].answered && st->w->nodes[i].obs.mode == MODE_OBSERVE)
            (void)str_printf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                             status_name(st, (int)i));
    }
    if (*names)
        status_add(
            st, &st->outstanding, "",
            "agents that only observe: %s. They refuse every act, their guard and watch only "
            "report; "
            "to change that: mode = act in agent.conf there, systemctl reload pgtandem-agent",
            names);
}

static bool nobody_answers(const struct status *st)
{
    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (st->w->nodes[i].answered)
            return false;
    return st->w->d.status == DNS_VIEW_SILENT;
}

/* Without a record nothing is outstanding; a node that does not respond is reported all the same,
 * with the reason. */
static void silence(struct status *st)
{
    if (nobody_answers(st)) {
        status_add(
            st, &st->problems, "",
            "neither the zone's primary nor any agent answers: look at this host's own network "
            "first");
        status_propose(st, "ip address; ip route");
    }
    for (size_t i = 0; st->view->d.epoch == 0 && i < st->w->n_nodes; i++)
        if (!st->w->nodes[i].answered)
            status_add(st, &st->problems, status_name(st, (int)i), "%s does not respond%s",
                       status_name(st, (int)i), status_why_silent(st, (int)i));
}

/* A host that only looks has a monitor's: its successor must not be one that agents obey. */
static const char *own_kind(const struct status *st)
{
    const struct tls_context *tls = st->cluster->tls;

    return tls && tls_context_role(tls) == PEER_MONITOR ? "monitor" : "controller";
}

static void say_own_certificate(struct status *st)
{
    status_certificate(st, "", arena_printf(st->arena, "this %s's certificate", own_kind(st)),
                       st->w->certificate_days);
}

/* Every agent refuses it, and each then looks silent: the cause comes first. */
static void own_certificate(struct status *st)
{
    if (!st->w->certificate_known || st->w->certificate_days >= 0)
        return;
    say_own_certificate(st);
    status_propose(st, status_renew(st, own_kind(st), "this host",
                                    "; until then pgtandem works on another controller"));
}

void status_problems(struct status *st)
{
    int owner = planner_owner(st->view);

    own_certificate(st);
    silence(st);
    status_headline(st);
    dns_problems(st);
    debts(st);
    if (st->w->certificate_known && st->w->certificate_days >= 0)
        say_own_certificate(st);
    observers(st);
    for (size_t i = 0; i < st->w->n_nodes; i++)
        status_node(st, i, owner);
}
