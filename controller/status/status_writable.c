/*
 * The first question of the night: can anybody write? From what the nodes say of themselves, and
 * from what witnesses see of a node that does not respond to us. Unknown is reported as unknown: a
 * node whose role cannot be determined may be writable.
 *
 *     a node says or is seen writable  -> ONE, SEVERAL
 *     else the owner, or the node that the alias names, is not known -> UNKNOWN
 *     else -> NONE, with why: whoever should be writable, and what it waits for
 */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/evidence.h"
#include "controller/status/status_words.h"

const char *const writable_state_names[] = {"yes", "no", "unknown", "several", NULL};

static const char *name_of(const struct status *st, int node)
{
    return st->cluster->config.nodes[node].name;
}

static const char *listed(const struct status *st, uint32_t nodes)
{
    const char *text = "";

    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (nodes & (1U << i))
            text = arena_printf(st->arena, "%s%s%s", text, *text ? ", " : "", name_of(st, (int)i));
    return text;
}

static int alias_node(const struct status *st)
{
    const struct dns_view *d = &st->w->d;

    for (size_t i = 0; d->status == DNS_VIEW_OK && d->cname_present && i < st->w->n_nodes; i++)
        if (strcmp(d->cname, st->cluster->config.nodes[i].target) == 0)
            return (int)i;
    return -1;
}

static void somebody(struct status *st, uint32_t by)
{
    struct status_writable *w = &st->writable;
    int alias = alias_node(st);

    w->state = w->nodes & (w->nodes - 1) ? WRITABLE_SEVERAL : WRITABLE_ONE;
    w->text = listed(st, w->nodes);
    if (by)
        w->text = arena_printf(st->arena,
                               "%s (%s, which does not respond to this host, is seen "
                               "writable by %s)",
                               w->text, name_of(st, st->w->evidence.about), listed(st, by));
    if (alias >= 0 && !(w->nodes & (1U << alias)))
        w->text = arena_printf(st->arena, "%s; the alias points to %s, which is not", w->text,
                               name_of(st, alias));
}

/* What a node is instead of writable; NULL: that is not known. */
static const char *instead(const struct status *st, int node, bool target)
{
    const struct world_node *n = &st->w->nodes[node];
    bool marked = n->obs.fence.fenced && !n->obs.fence.standby_only;

    if (!n->answered || n->obs.pg.role == PG_UNKNOWN || obs_may_commit(&n->obs.pg))
        return NULL;
    if (marked || n->obs.fence.held)
        return marked ? "is fenced" : "is held by its guard";
    switch ((enum pg_role)n->obs.pg.role) {
    case PG_STOPPED:
        return n->obs.pg.control_state == CONTROL_SHUTDOWNED ? "is shut down" : "is down";
    case PG_STARTING:
        return "is starting or stopping";
    case PG_RECOVERY:
        return target || n->obs.fence.promoting ? "is not yet promoted" : "is a standby";
    case PG_UNKNOWN:
    case PG_WRITABLE:
        break;
    }
    return NULL;
}

/* When a standby last heard from it, and which. */
static int64_t heard_from(const struct status *st, int node, int *ret_by)
{
    int64_t last = 0;

    for (size_t i = 0; i < st->w->n_nodes; i++) {
        const struct obs_pg *pg = &st->w->nodes[i].obs.pg;

        if (!st->w->nodes[i].answered || pg->heard_wall_ms - st->w->nodes[i].skew_ms <= last ||
            strcmp(pg->heard_host, st->cluster->config.nodes[node].address) != 0)
            continue;
        last = pg->heard_wall_ms - st->w->nodes[i].skew_ms;
        *ret_by = (int)i;
    }
    return last;
}

static const char *unknown(const struct status *st, int node)
{
    char hms[CLOCK_TEXT_BYTES];
    int by = -1;
    int64_t last = heard_from(st, node, &by);

    if (st->w->nodes[node].answered)
        return obs_may_commit(&st->w->nodes[node].obs.pg)
                   ? "has no postmaster, but processes of it live and may commit"
                   : "does not say (its PostgreSQL does not respond)";
    if (by < 0)
        return "does not respond";
    return arena_printf(st->arena, "does not respond (%s last heard from it at %s)",
                        name_of(st, by), clock_text_hms(last, hms));
}

/* When it stopped: pg_control says so of a clean stop; else a standby heard it last. */
static void since(struct status *st, int node)
{
    const struct node_obs *o = &st->w->nodes[node].obs;
    struct status_writable *w = &st->writable;
    int by;

    if (o->pg.role != PG_STOPPED)
        return;
    w->about = o->pg.control_state != CONTROL_SHUTDOWNED;
    w->since_wall_ms = w->about ? heard_from(st, node, &by) : o->pg.control_wall_ms;
}

/* Whom it is about: who was the owner before, and who is or becomes it. */
static size_t concerned(const struct status *st, int ret[2])
{
    const struct planner_view *v = st->view;
    int owner = planner_owner(v), before = planner_previous(v);
    int to = v->d.state == REGISTER_STABLE ? -1 : planner_node_index(v, v->d.to);
    size_t n = 0;

    if (v->d.state == REGISTER_FLIP && before >= 0)
        ret[n++] = before;
    if (owner >= 0)
        ret[n++] = owner;
    if (n < 2 && to >= 0 && to != owner)
        ret[n++] = to;
    return n;
}

static void nobody(struct status *st)
{
    struct status_writable *w = &st->writable;
    int about[2];
    size_t n = concerned(st, about);
    uint32_t silent = 0;

    w->state = n ? WRITABLE_NONE : WRITABLE_UNKNOWN;
    w->text = n ? "" : "the owner is not known";
    for (size_t i = 0; i < st->w->n_nodes; i++)
        silent |= st->w->nodes[i].answered ? 0 : 1U << i;
    for (size_t i = 0; i < n; i++) {
        const char *what = instead(st, about[i], i == 1);

        if (!what)
            w->state = WRITABLE_UNKNOWN;
        if (!w->since_wall_ms && !(i == 1 && st->w->nodes[about[i]].obs.pg.role == PG_RECOVERY))
            since(st, about[i]);
        w->text = arena_printf(st->arena, "%s%s%s %s", w->text, i ? ", " : "",
                               name_of(st, about[i]), what ? what : unknown(st, about[i]));
        silent &= ~(1U << about[i]);
    }
    if (silent)
        w->text =
            arena_printf(st->arena, "%s; no response either from %s", w->text, listed(st, silent));
    if (w->state != WRITABLE_NONE)
        w->since_wall_ms = 0;
}

void status_writable(struct status *st)
{
    uint32_t by = evidence_writable(st->w);

    st->writable = (struct status_writable){0};
    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (st->w->nodes[i].answered && st->w->nodes[i].obs.pg.role == PG_WRITABLE)
            st->writable.nodes |= 1U << i;
    if (by)
        st->writable.nodes |= 1U << st->w->evidence.about;
    if (st->writable.nodes)
        somebody(st, by);
    else
        nobody(st);
}
