#include "controller/world/view.h"

#include <string.h>

#include "base/buf.h"
#include "controller/config.h"
#include "controller/world/observe.h"

bool view_streams_from(const struct obs_pg *pg, const struct config_node *upstream)
{
    return upstream && strcmp(pg->receiver_status, "streaming") == 0 &&
           strcmp(pg->receiver_host, upstream->address) == 0 && pg->receiver_port == upstream->port;
}

static int64_t timeline_of(const struct obs_pg *pg)
{
    bool running = pg->role == PG_RECOVERY || pg->role == PG_WRITABLE;
    return running && pg->tli ? pg->tli : pg->control_tli;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint64_t last_wal(const struct obs_pg *pg)
{
    return pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
}

/* Where `tli` ended in the history of `pg`; false if it is not an ancestor there. */
static bool history_end(const struct obs_pg *pg, int64_t tli, uint64_t *ret_end)
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
        if (!history_end(other, pg->history[i].tli, &end) || end != pg->history[i].end)
            return false;
    }
    return true;
}

bool view_same_line(const struct obs_pg *pg, const struct obs_pg *owner)
{
    int64_t tli = timeline_of(pg);
    uint64_t end;

    return (tli == timeline_of(owner) || history_end(owner, tli, &end)) &&
           history_has(owner, pg, tli) && history_has(pg, owner, tli);
}

/* On the owner's line of WAL, and not past the place where the owner left its timeline. An owner
 * that was never heard leaves the record's timeline as the only measure. */
static bool history_ok(const struct obs_pg *pg, const struct obs_pg *owner, int64_t record_tli)
{
    int64_t tli = timeline_of(pg);
    uint64_t end;

    if (!owner)
        return tli > 0 && (record_tli == 0 || tli == record_tli);
    return view_same_line(pg, owner) && (!history_end(owner, tli, &end) || last_wal(pg) <= end);
}

/* Cleanly stopped, on the owner's line of WAL, and its last checkpoint lies before the point where
 * the owner's history left its timeline: then all that it has is in the owner's history. */
static bool rejoinable(const struct obs_pg *pg, const struct obs_pg *owner)
{
    bool clean = pg->control_state == CONTROL_SHUTDOWNED ||
                 pg->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY;
    uint64_t end;

    if (pg->role != PG_STOPPED || !clean || !owner || !view_same_line(pg, owner))
        return false;
    if (pg->control_tli == timeline_of(owner))
        return pg->control_checkpoint <= owner->insert_lsn;
    return history_end(owner, pg->control_tli, &end) && pg->control_checkpoint < end;
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
    n->sysid_ok = pg->sysid == 0 || sysid == 0 || pg->sysid == sysid;
    n->signal = pg->standby_signal;
    n->clean = pg->role == PG_STOPPED && pg->control_state == CONTROL_SHUTDOWNED;
    n->control_lsn = pg->control_checkpoint;
    n->control_tli = pg->control_tli;
    n->tli = timeline_of(pg);
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
        n->seen_writable = seen_writable & (1U << i);
        if (!wn->obs.node[0])
            continue;
        node_state(&wn->obs, n);
        node_postgres(&wn->obs.pg, view->d.sysid, n);
        n->history_ok = history_ok(&wn->obs.pg, owner_pg, view->d.tli);
        n->rejoinable = rejoinable(&wn->obs.pg, owner_pg);
        n->streams_from_owner = owner >= 0 && view_streams_from(&wn->obs.pg, &c->nodes[owner]);
    }
}
