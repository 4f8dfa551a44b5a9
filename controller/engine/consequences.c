#include "controller/engine/consequences.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/decide/steps.h"
#include "controller/plan/plan.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "proto/slot.h"

static void say(struct session *s, const char *title, const char *text)
{
    char lead[32];

    STR_PRINTF(lead, "    %-13s ", title);
    if (*text)
        report_wrap(s, lead, text);
}

/* The standbys that `node` sends WAL to, by their names: "db01, vm". */
static const char *attached(struct session *s, const struct world *w, size_t node)
{
    const struct obs_pg *pg = &w->nodes[node].obs.pg;
    const char *names = "";

    for (size_t i = 0; i < pg->n_senders; i++)
        names = arena_printf(s->cluster.arena, "%s%s%s", names, i ? ", " : "",
                             pg->senders[i].application);
    return names;
}

static const char *cut_text(struct session *s, const struct world *w, size_t node)
{
    const char *name = s->cluster.config.nodes[node].name;
    const struct obs_pg *pg = &w->nodes[node].obs.pg;
    const char *standbys = attached(s, w, node), *backups = "", *prepared = "";

    if (!w->nodes[node].answered)
        return arena_printf(s->cluster.arena,
                            "%s does not respond: clients that still reach it are not cut off",
                            name);
    if (pg->backups_running)
        backups = arena_printf(s->cluster.arena, "; %" PRId64 " running backups fail",
                               pg->backups_running);
    if (pg->prepared_xacts)
        prepared = arena_printf(s->cluster.arena, "; %" PRId64 " prepared transactions wait",
                                pg->prepared_xacts);
    return arena_printf(s->cluster.arena,
                        "every connection to %s; open transactions are rolled back%s%s%s%s", name,
                        *standbys ? "; standbys attached: " : "", standbys, backups, prepared);
}

static const char *jobs_text(struct session *s, const struct world *w, size_t from, size_t to)
{
    const struct obs_cron *c = &w->nodes[from].obs.cron;

    if (!w->nodes[from].answered)
        return arena_printf(s->cluster.arena,
                            "%s cannot be asked to stop its own; they begin on %s",
                            s->cluster.config.nodes[from].name, s->cluster.config.nodes[to].name);
    return arena_printf(s->cluster.arena,
                        "%" PRId64 " entries go off on %s and on at %s; %" PRId64 " run now",
                        c->entries_on, s->cluster.config.nodes[from].name,
                        s->cluster.config.nodes[to].name, c->jobs_running);
}

/* The last step that still has a way back. */
static const char *no_return_text(struct session *s, const struct plan *p)
{
    for (size_t i = 0; i < p->n_actions; i++)
        if (p->actions[i].no_return)
            return arena_printf(s->cluster.arena,
                                "until step %" PRId64
                                " (%s): a failure, or Ctrl-C, puts everything "
                                "back; from then on it only goes forward",
                                p->actions[i].n, p->actions[i].step);
    return "";
}

void consequences_of_move(struct session *s, const struct world *w, struct plan *p)
{
    int from = config_node_index(&s->cluster.config, p->from),
        to = config_node_index(&s->cluster.config, p->to);

    if (s->options.format != FORMAT_PRETTY || from < 0 || to < 0)
        return;
    plan_read_history(s, p);
    printf("  what it means:\n");
    say(s, "cut off", cut_text(s, w, (size_t)from));
    say(s, "no writing", p->outlook.outage);
    say(s, "clients", p->outlook.clients);
    say(s, "jobs", jobs_text(s, w, (size_t)from, (size_t)to));
    say(s, "way back", no_return_text(s, p));
}

void consequences_of_fence(struct session *s, const struct world *w, size_t node)
{
    const char *name = s->cluster.config.nodes[node].name;
    bool writable = w->nodes[node].answered && w->nodes[node].obs.pg.role == PG_WRITABLE;
    bool owner = w->d.record_valid && strcmp(w->d.record.owner, name) == 0;

    if (s->options.format != FORMAT_PRETTY)
        return;
    printf("what fencing %s means:\n", name);
    say(s, "cut off", cut_text(s, w, node));
    if (writable)
        say(s, "no writing",
            owner ? "by anybody, from now until it is unfenced or a failover has ended"
                  : "on this node any more");
    say(s, "way back",
        arena_printf(s->cluster.arena,
                     "`pgtandem %s %s`; until then PostgreSQL does not start as a "
                     "primary there, not after a reboot either",
                     owner ? "unfence" : "rejoin", name));
}

/* The owner's slot of that node, by the name that attaching it gave. */
static const struct obs_slot *slot_of(const struct world *w, int owner, const char *name)
{
    const struct obs_pg *pg = &w->nodes[owner < 0 ? 0 : owner].obs.pg;

    for (size_t i = 0; owner >= 0 && w->nodes[owner].answered && i < pg->n_slots; i++)
        if (slot_is_of(pg->slots[i].name, name))
            return &pg->slots[i];
    return NULL;
}

static const char *slot_text(struct session *s, const struct world *w, int owner, const char *name)
{
    const struct obs_slot *slot = slot_of(w, owner, name);
    char lsn[LSN_TEXT_BYTES];

    if (!slot)
        return "none of it is seen on the owner";
    if (slot->restart_lsn == 0)
        return arena_printf(s->cluster.arena, "dropped on %s; it holds no WAL",
                            s->cluster.config.nodes[owner].name);
    return arena_printf(s->cluster.arena, "dropped on %s; it holds %s of WAL, from %s on",
                        s->cluster.config.nodes[owner].name,
                        human_bytes(s->cluster.arena, (int64_t)(w->nodes[owner].obs.pg.insert_lsn -
                                                                slot->restart_lsn)),
                        lsn_text(slot->restart_lsn, lsn));
}

void consequences_of_forget(struct session *s, const struct world *w, size_t node)
{
    const char *name = s->cluster.config.nodes[node].name;
    int owner = w->d.record_valid ? config_node_index(&s->cluster.config, w->d.record.owner) : -1;
    bool unfenced = w->d.record_valid && register_grade_of(&w->d.record, name) == GRADE_G3;

    if (s->options.format != FORMAT_PRETTY)
        return;
    printf("what forgetting %s means:\n", name);
    say(s, "its slot", slot_text(s, w, owner, name));
    if (unfenced)
        say(s, "its word",
            "it was declared lost without a fence and has not answered since; from now on no "
            "command waits for its answer. Commits that it alone has are lost");
    say(s, "way back",
        "`pgtandem rejoin` while it is configured, if the owner still has the WAL that it needs; "
        "else it is re-cloned. Its own guard keeps it from starting as a primary");
}
