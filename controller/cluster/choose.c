#include "controller/cluster/choose.h"

#include <string.h>

#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"

void choose_look(const struct config *c, const struct world *w, struct choose_look *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct obs_pg *pg = &w->nodes[i].obs.pg;

        if (w->nodes[i].answered && pg->role == PG_RECOVERY &&
            strcmp(c->nodes[i].name, w->d.record.owner) != 0)
            ret->wal[i] = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
    }
}

bool choose_at_rest(const struct choose_look *before, const struct choose_look *now)
{
    return memcmp(before->wal, now->wal, sizeof(now->wal)) == 0;
}

int choose_most_wal(const struct choose_look *l)
{
    int best = -1;

    for (int i = 0; i < CLUSTER_NODES_MAX; i++)
        if (l->wal[i] > (best < 0 ? 0 : l->wal[best]))
            best = i;
    return best;
}
