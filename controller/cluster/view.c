#include "controller/cluster/view.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "controller/cluster/config.h"
#include "controller/cluster/evidence.h"
#include "controller/cluster/observe.h"
#include "proto/lineage.h"
#include "proto/senders.h"
#include "proto/slot.h"

static bool is_called(const struct config_node *n, const char *host)
{
    return strcmp(host, n->address) == 0 || strcasecmp(host, n->name) == 0 ||
           strcasecmp(host, n->target) == 0;
}

const struct obs_sender *view_sender(const struct obs_pg *upstream, const struct config_node *node)
{
    for (size_t i = 0; i < upstream->n_senders; i++) {
        const struct obs_sender *s = &upstream->senders[i];

        if (strcmp(s->state, "streaming") == 0 &&
            (strcmp(s->address, node->address) == 0 || strcmp(s->application, node->name) == 0))
            return s;
    }
    return NULL;
}

/* Its walsender; or its slot at work. */
static bool serves(const struct obs_pg *upstream, const struct obs_pg *standby,
                   const struct config_node *node)
{
    if (view_sender(upstream, node))
        return true;
    for (size_t i = 0; i < upstream->n_slots; i++) {
        const struct obs_slot *s = &upstream->slots[i];

        if (s->active && strcmp(s->name, standby->receiver_slot) == 0 &&
            slot_is_of(s->name, node->name))
            return true;
    }
    return false;
}

bool view_streams_from(const struct config *c, const struct world *w, size_t node, size_t upstream)
{
    const struct obs_pg *pg = &w->nodes[node].obs.pg;
    const struct config_node *up = &c->nodes[upstream];
    const struct world_node *there = &w->nodes[upstream];

    if (strcmp(pg->receiver_status, "streaming") != 0 || node == upstream)
        return false;
    if (strcmp(pg->receiver_host, up->address) == 0)
        return pg->receiver_port == up->port;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (i != upstream && is_called(&c->nodes[i], pg->receiver_host))
            return false;                           /* it says itself that it is another one */
    if (!there->answered || !there->obs.pg.version) /* then its name is all there is */
        return is_called(up, pg->receiver_host) && pg->receiver_port == up->port;
    return serves(&there->obs.pg, pg, &c->nodes[node]);
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void node_state(const struct node_obs *o, struct planner_node *n)
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
    n->promoted = o->fence.promoted;
    n->revoked_epoch = o->fence.revoked ? o->fence.revoked_epoch : 0;
    n->cron_on = o->cron.readable && o->cron.commanded_on && o->cron.entries_off == 0;
    /* a crontab that cannot be read shows no entry, and may have them all on (I4) */
    n->cron_off = o->cron.readable && !o->cron.commanded_on && o->cron.entries_on == 0 &&
                  o->cron.jobs_running == 0;
}

static bool saw(const struct node_obs *o, const struct record *d)
{
    struct record seen;

    return register_parse(o->seen, &seen, NULL) == 0 && strcmp(seen.nonce, d->nonce) == 0;
}

static void node_postgres(const struct obs_pg *pg, uint64_t sysid, struct planner_node *n)
{
    n->role = (enum pg_role)pg->role;
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

/* Never in the place of a record that is known to be another one. */
static bool shown_elsewhere(const struct world *w, struct planner_view *view)
{
    struct record other;

    if (!world_record_elsewhere(w, &other) ||
        (view->d.epoch > 0 && strcmp(view->d.nonce, other.nonce) != 0))
        return false;
    view->d = other;
    return true;
}

/* The nodes' own: the record's, if one of them has that; 0: none has said any. */
static uint64_t system_identifier(const struct world *w, const struct record *d)
{
    uint64_t sysid = 0;

    for (size_t i = 0; i < w->n_nodes; i++) {
        uint64_t theirs = w->nodes[i].obs.node[0] ? w->nodes[i].obs.pg.sysid : 0;

        if (theirs && theirs == d->sysid)
            return theirs;
        sysid = sysid ? sysid : theirs;
    }
    return sysid;
}

void view_from_world(const struct config *c, const struct world *w, const struct record *known,
                     uint32_t seen_writable, struct planner_view *view)
{
    view->d_answered = w->d.status == DNS_VIEW_OK;
    if (view->d_answered)
        view->d = w->d.record_valid ? w->d.record : (struct record){0};
    else
        view->d = *known;
    view->d_elsewhere = shown_elsewhere(w, view);
    view->sysid = system_identifier(w, &view->d);

    int owner = config_node_index(c, view->d.owner);
    const struct obs_pg *owner_pg = NULL;
    if (owner >= 0 && w->nodes[owner].obs.node[0])
        owner_pg = &w->nodes[owner].obs.pg;

    view->n_nodes = c->n_nodes;
    for (size_t i = 0; i < c->n_nodes; i++) {
        const struct world_node *wn = &w->nodes[i];
        struct planner_node *n = &view->nodes[i];
        *n = (struct planner_node){.answered = wn->answered, .sysid_ok = true};
        STR_COPY(n->name, c->nodes[i].name);
        n->seen_writable =
            (seen_writable & (1U << i)) || ((int)i == w->evidence.about && evidence_writable(w));
        if (!wn->obs.node[0])
            continue;
        node_state(&wn->obs, n);
        n->saw_d = view->d_elsewhere && saw(&wn->obs, &view->d);
        node_postgres(&wn->obs.pg, view->d.sysid, n);
        n->history_ok = lineage_fits(&wn->obs.pg, owner_pg, view->d.tli);
        n->branched =
            (int)i != owner && lineage_branched(&wn->obs.pg, owner_pg, view->d.tli, &n->branch_at);
        n->wal = lineage_measure(&wn->obs.pg, &wn->obs.fence, owner_pg);
        n->streams_from_owner = owner >= 0 && view_streams_from(c, w, i, (size_t)owner);
        n->attached = owner_pg && senders_attached(owner_pg, c->nodes[i].name, c->nodes[i].address);
    }
}
