/* What each node is: of its PostgreSQL, its crontab, its fence. */
#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"

static const char *state_word(const struct status *st, size_t node, int owner)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;

    switch ((enum pg_role)pg->role) {
    case PG_UNKNOWN:
        return pg->orphans != 0 ? "ORPHANS" : "";
    case PG_STARTING:
        return pg->stopping ? "stopping" : "";
    case PG_STOPPED:
        return pg->control_state == CONTROL_SHUTDOWNED ||
                       pg->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY
                   ? "shut down"
                   : "NOT clean";
    case PG_WRITABLE:
        return "writable";
    case PG_RECOVERY:
        break;
    }
    if (pg->replay_paused)
        return "replay PAUSED";
    if (strcmp(pg->receiver_status, "streaming") != 0)
        return *pg->receiver_status ? pg->receiver_status : "NOT streaming";
    if (owner >= 0 && !view_streams_from(&st->cluster->config, st->w, node, (size_t)owner))
        return arena_printf(st->arena, "from %s", pg->receiver_host);
    return "streaming";
}

/* An agent remembers its promotion until it rejoins; beside a fence or a writable role it says
 * nothing new. */
static const char *fence_word(const struct obs_fence *f, int role)
{
    if (f->held)
        return "held";
    if (f->fenced)
        return f->standby_only ? "standby only" : "fenced";
    return f->promoting && role != PG_WRITABLE ? "promoting" : "";
}

static const char *cron_word(struct arena *a, const struct obs_cron *c)
{
    int64_t n = c->entries_on + c->entries_off;

    if (!c->readable)
        return "unreadable";
    if (n == 0)
        return "none";
    return arena_printf(a, "%s %" PRId64 "/%" PRId64, c->entries_on ? "on" : "off", c->entries_on,
                        n);
}

/* What a standby can have: WAL that is inserted but not flushed yet is not sent. */
static uint64_t written(const struct obs_pg *pg)
{
    return pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;
}

/* A walreceiver that has just begun reports the beginning of its segment: what was replayed has
 * been received. */
static uint64_t received(const struct obs_pg *pg)
{
    return pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
}

/* What PostgreSQL has measured: how long the latest WAL took from its flush on the owner to its
 * replay on this standby. It says nothing once all has been replayed and no more is written. */
static int64_t measured_lag_ms(const struct status *st, size_t node, const struct obs_pg *owner)
{
    const struct obs_sender *s = view_sender(owner, &st->cluster->config.nodes[node]);

    return s ? s->replay_lag_ms : -1;
}

/* Behind the owner in bytes, and in seconds. The age of the last replayed commit is not lag: on an
 * idle primary it only grows, also while a checkpoint's record or the padding after a restart is
 * still on its way. It is used only while the owner does not respond. -1: unknown. */
static void lag_of(const struct status *st, size_t node, int owner, int64_t *ret_bytes,
                   int64_t *ret_ms)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;
    const struct world_node *o = owner >= 0 ? &st->w->nodes[owner] : NULL;

    *ret_bytes = *ret_ms = -1;
    if (pg->role != PG_RECOVERY || !pg->replay_lsn)
        return;
    if (!o || !o->answered || o->obs.pg.role != PG_WRITABLE) {
        *ret_ms = pg->replay_delay_ms;
        return;
    }
    uint64_t ahead = written(&o->obs.pg);

    *ret_bytes = ahead > pg->replay_lsn ? (int64_t)(ahead - pg->replay_lsn) : 0;
    *ret_ms = *ret_bytes == 0 ? 0 : measured_lag_ms(st, node, &o->obs.pg);
}

static void fill_node(struct status *st, size_t i, int owner)
{
    const struct world_node *n = &st->w->nodes[i];
    const struct obs_pg *pg = &n->obs.pg;
    struct status_node *ret = &st->nodes[i];

    *ret = (struct status_node){.name = status_name(st, (int)i),
                                .owner = (int)i == owner,
                                .answered = n->answered,
                                .state = "",
                                .lag_bytes = -1,
                                .lag_ms = -1,
                                .cron = "",
                                .fence = "",
                                .error = n->error.msg};
    if (!n->answered)
        return;
    ret->state = state_word(st, i, owner);
    ret->timeline = pg->tli ? pg->tli : pg->control_tli;
    ret->received = pg->role == PG_WRITABLE ? written(pg) : received(pg);
    ret->replayed = pg->role == PG_WRITABLE ? 0 : pg->replay_lsn;
    lag_of(st, i, owner, &ret->lag_bytes, &ret->lag_ms);
    ret->cron = cron_word(st->arena, &n->obs.cron);
    ret->fence = fence_word(&n->obs.fence, pg->role);
    ret->error = pg->problem;
}

void status_nodes(struct status *st)
{
    int owner = planner_owner(st->view);

    for (size_t i = 0; i < st->w->n_nodes; i++)
        fill_node(st, i, owner);
}
