/* What is wrong with one node that answers, and what is outstanding there: crontab, recovery,
 * slots, backups, watch, clock, agent. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/mem.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"
#include "proto/slot.h"

enum { SLOT_TOLD_BYTES = 64 << 20 }; /* less is what a short absence keeps */

static void cron_problems(struct status *st, const struct node_obs *o, const char *name, int owner,
                          bool is_owner)
{
    const struct world_node *other = owner >= 0 ? &st->w->nodes[owner] : NULL;

    if (!o->cron.readable)
        status_add(st, &st->problems, name, "%s cannot read its crontab: %s", name,
                   o->cron.problem);
    if (!o->cron.daemon_running)
        status_add(st, is_owner ? &st->problems : &st->outstanding, name,
                   "cron is not running on %s", name);
    if (o->cron.damaged) {
        status_add(
            st, &st->problems, name,
            "the pgtandem block in the crontab of %s is damaged (%s); of the entries known from "
            "before %" PRId64 " are on and %" PRId64 " off",
            name, o->cron.problem, o->cron.entries_on, o->cron.entries_off);
        status_propose(st, is_owner ? arena_printf(st->arena, "pgtandem cron show %s", name)
                                    : arena_printf(st->arena, "pgtandem cron sync %s", name));
    } else if (!is_owner && other && other->answered && o->cron.readable &&
               other->obs.cron.readable && !other->obs.cron.damaged && *o->cron.environment &&
               *other->obs.cron.environment &&
               strcmp(o->cron.parity, other->obs.cron.parity) == 0 &&
               strcmp(o->cron.environment, other->obs.cron.environment) != 0) {
        status_add(st, &st->problems, name,
                   "the variables in force at the managed crontab entries of %s differ from %s's",
                   name, status_name(st, owner));
        status_propose(st, arena_printf(st->arena, "pgtandem cron diff %s", name));
    } else if (!is_owner && other && other->answered && o->cron.readable &&
               other->obs.cron.readable && !other->obs.cron.damaged &&
               strcmp(o->cron.parity, other->obs.cron.parity) != 0) {
        status_add(st, &st->problems, name, "the managed crontab entries of %s differ from %s's",
                   name, status_name(st, owner));
        status_propose(st, arena_printf(st->arena, "pgtandem cron diff %s", name));
    }
}

/* A slot keeps WAL for its node, also while that is away; PostgreSQL's default has no limit. */
static void slots(struct status *st, size_t owner)
{
    const struct obs_pg *pg = &st->w->nodes[owner].obs.pg;
    uint64_t end = pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;

    for (size_t i = 0; i < pg->n_slots; i++) {
        const struct obs_slot *slot = &pg->slots[i];
        const char *node = NULL;

        for (size_t k = 0; k < st->w->n_nodes; k++)
            if (slot_is_of(slot->name, status_name(st, (int)k)))
                node = status_name(st, (int)k);
        if (slot->active || !slot->restart_lsn || slot->restart_lsn > end || !slot->physical ||
            end - slot->restart_lsn < SLOT_TOLD_BYTES)
            continue;
        int64_t held = (int64_t)(end - slot->restart_lsn), left = pg->free_bytes;
        bool limited = pg->slot_keep_bytes >= 0 && pg->slot_keep_bytes - held < left;

        if (limited)
            left = pg->slot_keep_bytes > held ? pg->slot_keep_bytes - held : 0;
        status_add(
            st, left < held ? &st->problems : &st->outstanding, status_name(st, (int)owner),
            "%s keeps %s of WAL in slot \"%s\" for %s, which does not stream; %s left until %s",
            status_name(st, (int)owner), human_bytes(st->arena, held), slot->name,
            node ? node : "no node of this cluster", human_bytes(st->arena, left),
            limited ? "max_slot_wal_keep_size gives the slot up"
                    : "pg_wal's file system is full and PostgreSQL stops "
                      "(max_slot_wal_keep_size has no lower limit)");
    }
}

static void job(struct status *st, const struct node_obs *o, const char *name)
{
    char at[CLOCK_TEXT_BYTES];

    if (!*o->job.kind)
        return;
    clock_text(o->job.since_wall_ms, at);
    status_add(
        st, &st->outstanding, name,
        "a job runs on %s: %s, asked for by %s, since %.8s UTC%s%s; `pgtandem cancel %s` ends it",
        name, o->job.kind, o->job.by, at + 11, *o->job.progress ? ": " : "", o->job.progress, name);
}

static void backups(struct status *st, size_t node)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;

    if (pg->backups_running > 0)
        status_add(st, &st->outstanding, status_name(st, (int)node), "a base backup runs on %s%s%s",
                   status_name(st, (int)node), *obs_pg_backups(pg) ? ": " : "", obs_pg_backups(pg));
}

/* Its commands wait for that; it answers, and is not absent. */
static void busy(struct status *st, const struct node_obs *o, const char *name)
{
    char at[CLOCK_TEXT_BYTES];

    if (!status_is_busy(o))
        return;
    status_add(st, &st->outstanding, name, "%s is busy: %s has been running there since %s", name,
               o->act, clock_text_hms(st->now_wall_ms - o->act_ms, at));
}

static void agent_problems(struct status *st, const struct world_node *n, const char *name)
{
    if (n->version && n->version < PROTO_VERSION)
        status_add(
            st, &st->outstanding, name,
            "the agent of %s speaks protocol %d, this program %d: install this version there", name,
            n->version, PROTO_VERSION);
    if (n->version >= 2 && n->obs.certificate_days != -2)
        status_certificate(st, name, arena_printf(st->arena, "the certificate of %s", name),
                           n->obs.certificate_days);
}

/* What makes, or would make, a standby leave recovery, or a primary enter it, without a command. */
static void recovery_problems(struct status *st, const struct node_obs *o, const char *name)
{
    const struct obs_pg *pg = &o->pg;

    if (pg->recovery_signal)
        status_add(
            st, &st->problems, name,
            "recovery.signal is in the data directory of %s: its next start as a primary would be "
            "a "
            "recovery from the archive, onto a new timeline; remove that file on %s",
            name, name);
    if (pg->recovery_active[0] && pg->replay_paused)
        status_add(
            st, &st->problems, name,
            "replay on %s has stopped at a recovery target (%s): remove that setting and restart "
            "PostgreSQL there; do not resume the replay, that would promote it",
            name, pg->recovery_active);
    else if (pg->recovery_active[0])
        status_add(st, &st->problems, name,
                   "%s can leave recovery without a command (%s): remove that setting and restart "
                   "PostgreSQL there",
                   name, pg->recovery_active);
    else if (pg->replay_paused)
        status_add(st, &st->problems, name, "replay is paused on %s: SELECT pg_wal_replay_resume()",
                   name);
    if (pg->recovery_settings[0] && !pg->recovery_active[0])
        status_add(st, &st->problems, name,
                   "%s would obey settings of a restore when it starts as a standby: remove %s",
                   name, pg->recovery_settings);
}

void status_node(struct status *st, size_t i, int owner)
{
    const struct world_node *n = &st->w->nodes[i];
    const struct node_obs *o = &n->obs;
    const char *name = status_name(st, (int)i);
    int64_t skew = n->skew_ms < 0 ? -n->skew_ms : n->skew_ms;

    if (!n->answered)
        return;
    if (!o->state_ok && *o->state_problem)
        status_add(st, &st->problems, name, "%s: %s", name, o->state_problem);
    if (*o->pg.problem)
        status_add(st, &st->problems, name, "%s: %s", name, o->pg.problem);
    if (o->pg.role == PG_WRITABLE && o->pg.standby_signal)
        status_add(
            st, &st->problems, name,
            "%s is the running primary and has a standby.signal: one crash would make it a standby",
            name);
    recovery_problems(st, o, name);
    cron_problems(st, o, name, owner, (int)i == owner);
    agent_problems(st, n, name);
    busy(st, o, name);
    backups(st, i);
    job(st, o, name);
    if (o->pg.role == PG_WRITABLE)
        slots(st, i);
    if (!o->watch_enabled)
        status_add(st, &st->outstanding, name,
                   "the watch is off on %s: it would not notice another owner", name);
    else if (o->watch_age_ms > 10 * o->watch_period_ms && o->watch_age_ms > 60000)
        status_add(st, &st->problems, name,
                   "the watch of %s has not read the record for %" PRId64 " s", name,
                   o->watch_age_ms / 1000);
    else if (o->watch_age_ms < 0 && st->view->d.epoch > 0)
        status_add(st, &st->outstanding, name,
                   "the agent of %s has not read the record since it was started: on %s, "
                   "pgtandem-agent status says why, if it stays so",
                   name, name);
    if (skew > st->cluster->config.limits.clock_skew_ms)
        status_add(st, &st->problems, name, "the clock of %s is %" PRId64 " ms %s ours", name, skew,
                   n->skew_ms < 0 ? "behind" : "ahead of");
    if ((int)i == owner && !o->can_stop)
        status_add(st, &st->problems, name,
                   "the agent of %s may not stop PostgreSQL: a switchover would "
                   "be refused",
                   name);
}
