/* The most pressing thing, which is what the planner says of the situation, and what to type. */
#include <inttypes.h>
#include <string.h>

#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/dns_words.h"
#include "controller/cluster/evidence.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"

static void two_writable(struct status *st)
{
    char lsn[LSN_TEXT_BYTES];

    status_add(
        st, &st->problems, "",
        "TWO NODES ARE WRITABLE: clients may be writing to both. Nothing moves until a person has "
        "decided which one is right; docs/two-writable.md says how, step by step.");
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        const struct world_node *n = &st->w->nodes[i];

        if (n->answered && n->obs.pg.role == PG_WRITABLE)
            status_add(st, &st->problems, status_name(st, (int)i),
                       "%s is writable: timeline %" PRId64 ", LSN %s%s", status_name(st, (int)i),
                       n->obs.pg.tli, lsn_text(n->obs.pg.insert_lsn, lsn),
                       (int)i == planner_owner(st->view) ? ", the record's owner" : "");
    }
}

static bool expired(const struct status *st, int node)
{
    return node >= 0 && !st->w->nodes[node].answered &&
           st->w->nodes[node].error.code == ERR_EXPIRED;
}

static const char *renew_agent(const struct status *st, int node)
{
    return status_renew(st, "agent", status_name(st, node),
                        ", there: systemctl reload pgtandem-agent");
}

static const char *at_the_node(const struct status *st, int node)
{
    if (node < 0)
        return "";
    if (expired(st, node))
        return renew_agent(st, node);
    if (!st->w->nodes[node].answered)
        return arena_printf(st->arena,
                            "ping %s; if %s is up, there: systemctl status pgtandem-agent%s%s",
                            st->cluster->config.nodes[node].address, status_name(st, node),
                            node == planner_owner(st->view) ? ""
                                                            : "; if it is lost for good, here: "
                                                              "pgtandem forget ",
                            node == planner_owner(st->view) ? "" : status_name(st, node));
    if (status_is_busy(&st->w->nodes[node].obs))
        return "pgtandem status -w 2"; /* until that has ended */
    return arena_printf(st->arena, "on %s: pgtandem-agent status", status_name(st, node));
}

void status_owner_silent(struct status *st, int owner)
{
    const struct world *w = st->w;
    const char *name = status_name(st, owner);
    bool agent = false, writable = false;

    if (expired(st, owner))
        status_propose(st, renew_agent(st, owner));
    if (w->evidence.about != owner)
        return;
    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct obs_peer *e = &w->evidence.seen[i];

        if (!(w->evidence.from & (1U << i)))
            continue;
        status_add(st, &st->problems, name, "%s",
                   evidence_words(st->arena, status_name(st, (int)i), e));
        agent |= e->agent_answers;
        writable |= e->writable_seen;
    }
    if (agent) /* it is the way from here that is cut */
        status_propose(
            st, arena_printf(st->arena,
                             "look at the network from here to %s (ping %s), or use pgtandem on "
                             "another controller; it is not lost",
                             name, st->cluster->config.nodes[owner].address));
    else if (writable)
        status_propose(
            st,
            arena_printf(st->arena,
                         "on %s: systemctl status pgtandem-agent; PostgreSQL serves there", name));
}

/* Which of the two it is: jobs or epoch, or both. */
static void not_settled(struct status *st, int node)
{
    struct planner_debt list[PLANNER_DEBTS_MAX];
    size_t n = planner_debts(st->view, list);

    for (size_t i = 0; i < n; i++)
        if ((int)list[i].node == node &&
            (list[i].kind == DEBT_CRON_ON || list[i].kind == DEBT_EPOCH))
            status_add(st, &st->problems, status_name(st, node), "%s",
                       status_fill(st, planner_debt_text((enum planner_debt_kind)list[i].kind),
                                   status_name(st, node)));
}

static void dns_silent(struct status *st)
{
    if (dns_words_our_key(&st->w->d_error)) /* `dns show` would only say the same */
        status_propose(st, st->w->d_error.hint);
    status_add(st, &st->problems, "", "%s: %s",
               st->w->d.status == DNS_VIEW_REFUSED ? "the ownership record cannot be read"
                                                   : "the zone's primary does not respond",
               st->w->d_error.msg);
}

/* The guard releases it automatically as soon as either condition holds (rows 9 and 10). */
static void held_without_dns(struct status *st, int owner)
{
    char names[300] = "";

    dns_silent(st);
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        size_t used = strlen(names);

        if (!st->w->nodes[i].answered)
            (void)str_printf(names + used, sizeof(names) - used, "%s%s", used ? " and " : "",
                             status_name(st, (int)i));
    }
    status_add(
        st, &st->problems, status_name(st, owner),
        "the owner %s is held by its guard; it is released automatically as soon as the zone's "
        "primary (%s) responds%s%s%s",
        status_name(st, owner), st->cluster->zone.server, *names ? ", or " : "", names,
        *names ? " does" : ", or all other nodes are standbys that obey the same record");
}

void status_headline(struct status *st)
{
    const struct planner_situation *now = &st->situation;
    const char *command = now->command;

    if (now->reason == WHY_NOTHING) {
        if (*command) /* outstanding, not urgent */
            status_propose(st, command);
        return;
    }
    if (now->reason == WHY_TWO_WRITABLE)
        two_writable(st);
    else if (now->reason == WHY_DNS_SILENT)
        dns_silent(st);
    else if (now->reason == WHY_WORD_SILENT)
        held_without_dns(st, now->node);
    else if (now->reason == WHY_W)
        not_settled(st, now->node);
    else if (now->reason == WHY_DIVERGED)
        status_add(st, &st->problems, status_name(st, now->node), "%s",
                   status_diverged(st, now->node));
    else
        status_add(st, &st->problems, status_name(st, now->node), "%s%s",
                   status_fill(st, now->problem, status_name(st, now->node)),
                   status_why_silent(st, now->node));
    if (now->reason == WHY_OWNER_SILENT)
        status_owner_silent(st, now->node);
    if (st->journal.running_pid && st->view->d.state != REGISTER_STABLE)
        status_propose(
            st, "pgtandem status -w 2"); /* resume would take over from the command at work */
    status_propose(st, now->at_node >= 0 ? at_the_node(st, now->at_node) : command);
}
