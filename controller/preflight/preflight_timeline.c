/* Checks of timelines and of who has the most WAL (PostgreSQL, 26.3.5 Timelines). */
#include <inttypes.h>
#include <string.h>

#include "base/lsn.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "proto/lineage.h"

/* Is `tli` the one of `pg`, or one that its history went through? */
static bool went_through(const struct obs_pg *pg, int64_t tli)
{
    if (lineage_tli(pg) == tli)
        return true;
    for (size_t i = 0; i < pg->n_history; i++)
        if (pg->history[i].tli == tli)
            return true;
    return false;
}

bool check_history(const struct check_view *v, struct preflight_result *r)
{
    /* a primary that is down reports none: then the record's */
    int64_t line = v->owner && v->owner->pg.tli ? v->owner->pg.tli : v->d ? v->d->tli : 0;

    STR_PRINTF(r->threshold, "timeline %" PRId64 " in it", line);
    check_measured(r, "%s is on timeline %" PRId64 ", newest history file %" PRId64, v->target_name,
                   lineage_tli(&v->target->pg), v->target->pg.newest_history_tli);
    check_remedy(r,
                 "%s is not on the owner's timeline history: `pgtandem status` shows where it left "
                 "it; what was written there since is lost when it is re-cloned from %s",
                 v->target_name, *v->owner_name ? v->owner_name : "the owner");
    if (v->owner && v->owner->pg.tli && v->owner->pg.tli == lineage_tli(&v->target->pg) &&
        !lineage_same(&v->target->pg, &v->owner->pg)) {
        check_measured(
            r, "%s and %s are both on timeline %" PRId64 ", which began at different places",
            v->owner_name, v->target_name, line);
        return false;
    }
    return line > 0 && went_through(&v->target->pg, line);
}

/* The newest number that a node knows of, used or left behind. */
static int64_t newest(const struct obs_pg *pg)
{
    int64_t tli = lineage_tli(pg) > pg->control_tli ? lineage_tli(pg) : pg->control_tli;

    return pg->newest_history_tli > tli ? pg->newest_history_tli : tli;
}

bool check_timeline_number(const struct check_view *v, struct preflight_result *r)
{
    int64_t mine;

    mine = newest(&v->target->pg);
    STR_PRINTF(r->threshold, "%" PRId64 " is free", mine + 1);
    check_measured(r, "%s has %" PRId64 ", no node a newer one", v->target_name, mine);
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if ((int)i == v->to || !check_knows(v, i, NODE_TLI) || newest(&n->obs.pg) <= mine)
            continue;
        check_measured(r, "%s has had timeline %" PRId64 ", %s only %" PRId64, v->c->nodes[i].name,
                       newest(&n->obs.pg), v->target_name, mine);
        check_remedy(r,
                     "%s was promoted once by hand: save what it alone has "
                     "(docs/two-writable.md, \"Afterwards\"), then re-clone it; two timelines of "
                     "one number are distinguished by their histories only",
                     v->c->nodes[i].name);
        return false;
    }
    return true;
}

bool check_timeline_latest(const struct check_view *v, struct preflight_result *r)
{
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (!check_knows(v, i, NODE_PG) || n->obs.pg.role != PG_RECOVERY ||
            strcmp(n->obs.pg.timeline_target, "latest") == 0)
            continue;
        check_measured(r, "%s at %s", n->obs.pg.timeline_target, v->c->nodes[i].name);
        check_remedy(r, "on %s: ALTER SYSTEM SET recovery_target_timeline = 'latest'; restart",
                     v->c->nodes[i].name);
        return false;
    }
    return true;
}

/* Of a node that is lost nothing is asked; of the others in an unplanned move, whether the target
 * can be promoted by something else than this command. */
bool check_recovery_settings(const struct check_view *v, struct preflight_result *r)
{
    size_t seen = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];
        const struct obs_pg *pg = &n->obs.pg;
        const char *what = pg->recovery_active[0] ? pg->recovery_active : pg->recovery_settings;

        if (!n->answered || n->version < 2 ||
            (v->kind == PREFLIGHT_UNPLANNED && ((int)i != v->to || !pg->recovery_active[0])))
            continue;
        seen++;
        if (!what[0])
            continue;
        check_measured(r, "%s: %s", v->c->nodes[i].name,
                       pg->recovery_settings[0] ? pg->recovery_settings : what);
        check_remedy(
            r, "on %s: remove it (ALTER SYSTEM RESET …, or that line of the file)%s",
            v->c->nodes[i].name,
            pg->recovery_active[0] ? " and restart PostgreSQL; do not resume a paused replay" : "");
        return false;
    }
    if (seen > 0)
        check_measured(r, "none");
    return true;
}

static uint64_t last_wal(const struct obs_pg *pg)
{
    return pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
}

/* A target that was promoted by hand has of the owner's timeline what lies before its branch. What
 * another standby has beyond that is not overwritten; but it stays there alone. */
static bool nothing_beyond_branch(const struct check_view *v, uint64_t branch,
                                  struct preflight_result *r)
{
    char at[LSN_TEXT_BYTES], theirs[LSN_TEXT_BYTES];

    check_measured(r, "%s was promoted by hand at %s, no node has more of what was before",
                   v->target_name, lsn_text(branch, at));
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];
        uint64_t wal = last_wal(&n->obs.pg);

        if ((int)i == v->to || (int)i == v->from || !n->answered || n->obs.pg.role != PG_RECOVERY ||
            lineage_tli(&n->obs.pg) >= lineage_tli(&v->target->pg) || wal <= branch)
            continue;
        check_measured(r,
                       "%s was promoted by hand at %s, %s has %" PRIu64
                       " bytes of %s's WAL beyond that, up to %s",
                       v->target_name, at, v->c->nodes[i].name, wal - branch, v->owner_name,
                       lsn_text(wal, theirs));
        check_remedy(
            r,
            "its commits in there would stay on %s alone, which then has diverged: compare "
            "the rows; to accept that: --ignore most-wal",
            v->c->nodes[i].name);
        return false;
    }
    return true;
}

/* While the owner still writes, standbys differ by what is on the wire. */
bool check_most_wal(const struct check_view *v, struct preflight_result *r)
{
    char mine[LSN_TEXT_BYTES], theirs[LSN_TEXT_BYTES];
    uint64_t branch;

    if (lineage_branched(&v->target->pg, v->owner ? &v->owner->pg : NULL, v->d ? v->d->tli : 0,
                         &branch))
        return nothing_beyond_branch(v, branch, r);
    check_measured(r, "%s has %s, no node more", v->target_name,
                   lsn_text(last_wal(&v->target->pg), mine));
    if (v->owner && v->owner->pg.role == PG_WRITABLE)
        return true;
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];
        uint64_t wal = last_wal(&n->obs.pg);

        if ((int)i == v->to || (int)i == v->from || !n->answered || n->obs.pg.role != PG_RECOVERY ||
            lineage_tli(&n->obs.pg) < lineage_tli(&v->target->pg) ||
            wal <= last_wal(&v->target->pg))
            continue;
        check_measured(r, "%s has %s, %s %s: %" PRIu64 " bytes more WAL", v->target_name, mine,
                       v->c->nodes[i].name, lsn_text(wal, theirs), wal - last_wal(&v->target->pg));
        check_remedy(r, "pgtandem failover --to %s", v->c->nodes[i].name);
        return false;
    }
    return true;
}
