#include "proto/lineage.h"

#include "proto/messages.h"

int64_t lineage_tli(const struct obs_pg *pg)
{
    bool running = pg->role == PG_RECOVERY || pg->role == PG_WRITABLE;
    if (running && pg->tli)
        return pg->tli;
    return pg->min_recovery_tli > pg->control_tli ? pg->min_recovery_tli : pg->control_tli;
}

bool lineage_end(const struct obs_pg *pg, int64_t tli, uint64_t *ret_end)
{
    for (size_t i = 0; i < pg->n_history; i++)
        if (pg->history[i].tli == tli) {
            *ret_end = pg->history[i].end;
            return true;
        }
    return false;
}

/* Does every switch of `pg` to a timeline not above `tli` stand in `other` too, at the same LSN?
 * A full list has lost its oldest rows: what is older is bound by the rows that follow. */
static bool history_has(const struct obs_pg *other, const struct obs_pg *pg, int64_t tli)
{
    bool full = other->n_history == sizeof(other->history) / sizeof(other->history[0]);
    int64_t oldest = full ? other->history[0].tli : 0;

    for (size_t i = 0; i < pg->n_history; i++) {
        uint64_t end;
        if (pg->history[i].tli >= tli || pg->history[i].tli < oldest)
            continue;
        if (!lineage_end(other, pg->history[i].tli, &end) || end != pg->history[i].end)
            return false;
    }
    return true;
}

bool lineage_same(const struct obs_pg *pg, const struct obs_pg *other)
{
    int64_t tli = lineage_tli(pg);
    uint64_t end;

    return (tli == lineage_tli(other) || lineage_end(other, tli, &end)) &&
           history_has(other, pg, tli) && history_has(pg, other, tli);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* How far it has the timeline that it replays. At a switch what it receives is ahead: of the next
 * timeline already, and no part of the one before. A primary that died within a record has sent the
 * beginning of it: the new one leaves the timeline where its last whole record ended, and so do the
 * others, which have replayed as far as theirs. */
static uint64_t standby_reach(const struct obs_pg *pg)
{
    return pg->drained || pg->receive_tli > pg->tli ? pg->replay_lsn
                                                    : larger(pg->receive_lsn, pg->replay_lsn);
}

bool lineage_fits(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli)
{
    int64_t tli = lineage_tli(pg);
    uint64_t end;

    if (!owner)
        return tli > 0 && (record_tli == 0 || tli == record_tli);
    return lineage_same(pg, owner) && (!lineage_end(owner, tli, &end) || standby_reach(pg) <= end);
}

bool lineage_branched(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli,
                      uint64_t *ret_at)
{
    int64_t tli = owner && lineage_tli(owner) > 0 ? lineage_tli(owner) : record_tli;

    return tli > 0 && lineage_tli(pg) > tli && lineage_end(pg, tli, ret_at) &&
           (!owner || lineage_tli(owner) == 0 || history_has(pg, owner, tli));
}

/* Where the two histories part, by the first switch that they do not share; false: neither shows
 * one, so nothing is proven. A node that was promoted by hand left the owner's own timeline. */
static bool parted(const struct obs_pg *pg, const struct obs_pg *owner, uint64_t *ret_at)
{
    for (size_t i = 0; i < pg->n_history; i++) {
        const struct obs_tli *mine = &pg->history[i];
        uint64_t theirs;

        if (mine->tli >= lineage_tli(pg))
            break;
        if (owner->n_history && mine->tli < owner->history[0].tli)
            continue; /* the owner's list has lost its oldest rows */
        if (lineage_end(owner, mine->tli, &theirs)) {
            if (theirs == mine->end)
                continue;
            *ret_at = theirs < mine->end ? theirs : mine->end;
            return true;
        }
        if (mine->tli != lineage_tli(owner))
            return false;
        *ret_at = mine->end;
        return true;
    }
    return false;
}

/* How far its WAL goes, at least. */
static uint64_t reach(const struct obs_pg *pg)
{
    if (pg->role == PG_RECOVERY)
        return standby_reach(pg);
    if (pg->role == PG_WRITABLE)
        return pg->insert_lsn;
    return larger(pg->control_checkpoint, pg->min_recovery_tli ? pg->min_recovery_lsn : 0);
}

/* … and is that all? A standby that crashed has nothing that did not come from a primary. */
static bool cleanly_stopped(const struct obs_pg *pg, const struct obs_fence *fence)
{
    if (pg->role == PG_RECOVERY)
        return true;
    if (pg->role != PG_STOPPED)
        return false;
    switch ((enum pg_control_state)pg->control_state) {
    case CONTROL_SHUTDOWNED:
        return true;
    case CONTROL_SHUTDOWNED_IN_RECOVERY:
        return pg->min_recovery_tli > 0;
    case CONTROL_IN_ARCHIVE_RECOVERY:
        return pg->standby_signal && !fence->was_primary && !fence->promoting;
    default:
        return false;
    }
}

/* A clean stop's checkpoint record begins before the point where the owner left the timeline; what
 * has been replayed ends there at the latest. */
static bool passes(const struct obs_pg *pg, uint64_t end)
{
    if (pg->role != PG_STOPPED)
        return reach(pg) > end;
    return pg->control_checkpoint >= end || reach(pg) > end;
}

struct lineage lineage_measure(const struct obs_pg *pg, const struct obs_fence *fence,
                               const struct obs_pg *owner)
{
    struct lineage l = {.kind = LINEAGE_UNMEASURED, .tli = lineage_tli(pg), .here = reach(pg)};
    bool known = owner && owner->role == PG_WRITABLE && l.tli > 0;

    if (!known || pg->role == PG_UNKNOWN || pg->role == PG_STARTING)
        return l;
    if (!lineage_same(pg, owner)) {
        l.kind = parted(pg, owner, &l.there) ? LINEAGE_BEYOND : LINEAGE_UNMEASURED;
    } else if (lineage_end(owner, l.tli, &l.there)) {
        if (passes(pg, l.there))
            l.kind = LINEAGE_BEYOND;
    } else {
        l.there = owner->insert_lsn; /* both are on it: a look that is a moment old says nothing */
        if (pg->role == PG_STOPPED && reach(pg) > l.there) {
            l.kind = pg->control_state == CONTROL_SHUTDOWNED ? LINEAGE_BEYOND : LINEAGE_UNMEASURED;
            return l;
        }
    }
    /* promoted, and gone before the new timeline was in use */
    bool newer = pg->role == PG_STOPPED && pg->newest_history_tli > lineage_tli(owner);
    if (l.kind == LINEAGE_UNMEASURED && !newer && lineage_same(pg, owner) &&
        cleanly_stopped(pg, fence))
        l.kind = LINEAGE_INSIDE;
    return l;
}
