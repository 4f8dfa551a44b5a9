#include "controller/world/view.h"

#include <string.h>

#include "base/buf.h"
#include "controller/config.h"
#include "controller/world/evidence.h"
#include "controller/world/observe.h"
#include "proto/lineage.h"

bool view_streams_from(const struct obs_pg *pg, const struct config_node *upstream)
{
    return upstream && strcmp(pg->receiver_status, "streaming") == 0 &&
           strcmp(pg->receiver_host, upstream->address) == 0 && pg->receiver_port == upstream->port;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t last_wal(const struct obs_pg *pg)
{
    return pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
}

/* On the owner's line of WAL, and not past the place where the owner left its timeline. An owner
 * that was never heard leaves the record's timeline as the only measure. */
static bool history_ok(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli)
{
    int64_t tli = lineage_tli(pg);
    uint64_t end;

    if (!owner)
        return tli > 0 && (record_tli == 0 || tli == record_tli);
    return lineage_same(pg, owner) && (!lineage_end(owner, tli, &end) || last_wal(pg) <= end);
}

/* Stopped cleanly, or a standby that crashed: then all that it has came from a primary. */
static bool whole(const struct node_obs *o)
{
    switch ((enum pg_control_state)o->pg.control_state) {
    case CONTROL_SHUTDOWNED:
    case CONTROL_SHUTDOWNED_IN_RECOVERY:
        return true;
    case CONTROL_IN_ARCHIVE_RECOVERY:
        return o->pg.standby_signal && !o->fence.was_primary && !o->fence.promoting;
    default:
        return false;
    }
}

/* Whole, on the owner's line of WAL, and its last checkpoint lies before the point where the
 * owner's history left its timeline: then all that it has is in the owner's history. */
static bool rejoinable(const struct node_obs *o, const struct obs_pg *owner)
{
    const struct obs_pg *pg = &o->pg;
    uint64_t end;

    if (pg->role != PG_STOPPED || !owner || !whole(o) || !lineage_same(pg, owner) ||
        pg->newest_history_tli > lineage_tli(owner))
        return false;
    if (pg->control_tli == lineage_tli(owner))
        return pg->control_checkpoint <= owner->insert_lsn;
    return lineage_end(owner, pg->control_tli, &end) && pg->control_checkpoint < end;
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
        n->history_ok = history_ok(&wn->obs.pg, owner_pg, view->d.tli);
        n->rejoinable = rejoinable(&wn->obs, owner_pg);
        n->streams_from_owner = owner >= 0 && view_streams_from(&wn->obs.pg, &c->nodes[owner]);
    }
}
