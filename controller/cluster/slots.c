#include "controller/cluster/slots.h"

#include <stdbool.h>

#include "base/human.h"
#include "base/mem.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/view.h"
#include "proto/slot.h"

/* It streams from no node, and will not by this command alone. */
static bool is_away(const struct world_node *n)
{
    return !n->answered || (n->obs.pg.role != PG_WRITABLE && n->obs.pg.role != PG_RECOVERY);
}

static uint64_t end_of(const struct obs_pg *pg)
{
    uint64_t primary = pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;
    uint64_t standby = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;

    return pg->role == PG_WRITABLE ? primary : standby;
}

static int64_t held_bytes(const struct obs_pg *pg, const char *node)
{
    uint64_t end = end_of(pg);

    for (size_t i = 0; i < pg->n_slots; i++)
        if (pg->slots[i].physical && slot_is_of(pg->slots[i].name, node) &&
            pg->slots[i].restart_lsn && pg->slots[i].restart_lsn <= end)
            return (int64_t)(end - pg->slots[i].restart_lsn);
    return 0;
}

size_t slots_left(struct arena *a, const struct config *c, const struct world *w, int owner,
                  const char *ret_lines[CLUSTER_NODES_MAX])
{
    const struct obs_pg *pg = owner >= 0 ? &w->nodes[owner].obs.pg : NULL;
    size_t n = 0;

    for (size_t i = 0; pg && i < w->n_nodes; i++) {
        const char *node = c->nodes[i].name;

        if ((int)i == owner || !is_away(&w->nodes[i]))
            continue;
        ret_lines[n++] = arena_printf(
            a, "a slot is left on %s for %s: it holds %s of WAL and grows until %s streams%s%s%s",
            c->nodes[owner].name, node, human_bytes(a, held_bytes(pg, node)), node,
            pg->slot_keep_bytes < 0 ? " (`pgtandem forget " : "",
            pg->slot_keep_bytes < 0 ? node : "", pg->slot_keep_bytes < 0 ? "` drops it)" : "");
    }
    return n;
}
