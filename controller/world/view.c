#include "controller/world/view.h"

#include <string.h>

#include "base/buf.h"
#include "controller/config.h"
#include "controller/world/evidence.h"
#include "controller/world/observe.h"
#include "proto/lineage.h"
#include "proto/senders.h"

bool view_streams_from(const struct obs_pg *pg, const struct config_node *upstream)
{
    return upstream && strcmp(pg->receiver_status, "streaming") == 0 &&
           strcmp(pg->receiver_host, upstream->address) == 0 && pg->receiver_port == upstream->port;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void node_state(const struct node_obs *o, struct plan_node *n)
{
    n->state_ok = o->state_ok;
    n->epoch = o->epoch;
    n->fenced = o->fence.fenced;
    n->standby_only = o->fence.standby_only;
    n->was_primary = o->fence.was_primary;
    n->shutdown_lsn = o->fence.shutdown_lsn;
    n->held = o->fence.held;
    n->promoting = o->fence.promoting;
    n->promoting_epoch = o->fence.promoting_epoch;
    n->revoked_epoch = o->fence.revoked ? o->fence.revoked_epoch : 0;
    n->cron_on = o->cron.readable && o->cron.commanded_on && o->cron.entries_off == 0;
    /* a crontab that cannot be read shows no entry, and may have them all on (I4) */
    n->cron_off = o->cron.readable && !o->cron.commanded_on && o->cron.entries_on == 0 &&
                  o->cron.jobs_running == 0;
}

static void node_postgres(const struct obs_pg *pg, uint64_t sysid, struct plan_node *n)
{
    n->role = pg->role;
    n->orphans = pg->orphans != 0;
    n->sysid_ok = pg->sysid == 0 || sysid == 0 || pg->sysid == sysid;
    n->signal = pg->standby_signal;
    n->clean = pg->role == PG_STOPPED && pg->control_state == CONTROL_SHUTDOWNED;
    n->control_lsn = pg->control_checkpoint;
    n->control_tli = pg->control_tli;
    n->tli = lineage_tli(pg);
    n->newest_tli = max_i64(n->tli, max_i64(pg->control_tli, pg->newest_history_tli));
    n->receive_lsn = pg->receive_lsn;
    n->replay_lsn = pg->replay_lsn;
    n->insert_lsn = pg->insert_lsn;
    n->receiving = pg->receiver_status[0] != '\0';
}

void view_from_world(const struct config *c, const struct world *w, const struct record *known,
                     uint32_t seen_writable, struct plan_view *view)
{
    view->d_answered = w->d.status == DNS_VIEW_OK;
    if (view->d_answered)
        view->d = w->d.record_valid ? w->d.record : (struct record){0};
    else
        view->d = *known;

    int owner = config_node_index(c, view->d.owner);
    const struct obs_pg *owner_pg = NULL;
    if (owner >= 0 && w->nodes[owner].obs.node[0])
        owner_pg = &w->nodes[owner].obs.pg;

    view->n_nodes = c->n_nodes;
    for (size_t i = 0; i < c->n_nodes; i++) {
        const struct world_node *wn = &w->nodes[i];
        struct plan_node *n = &view->nodes[i];
        *n = (struct plan_node){.answered = wn->answered, .sysid_ok = true};
        STR_COPY(n->name, c->nodes[i].name);
        n->seen_writable =
            (seen_writable & (1U << i)) || ((int)i == w->evidence.about && evidence_writable(w));
        if (!wn->obs.node[0])
            continue;
        node_state(&wn->obs, n);
        node_postgres(&wn->obs.pg, view->d.sysid, n);
        n->history_ok = lineage_fits(&wn->obs.pg, owner_pg, view->d.tli);
        n->branched =
            (int)i != owner && lineage_branched(&wn->obs.pg, owner_pg, view->d.tli, &n->branch_at);
        n->wal = lineage_measure(&wn->obs.pg, &wn->obs.fence, owner_pg);
        n->streams_from_owner = owner >= 0 && view_streams_from(&wn->obs.pg, &c->nodes[owner]);
        n->attached = owner_pg && senders_attached(owner_pg, c->nodes[i].name, c->nodes[i].address);
    }
}
