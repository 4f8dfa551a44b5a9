#include "proto/lineage.h"

#include "proto/messages.h"

int64_t lineage_tli(const struct obs_pg *pg)
{
    bool running = pg->role == PG_RECOVERY || pg->role == PG_WRITABLE;
    return running && pg->tli ? pg->tli : pg->control_tli;
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
