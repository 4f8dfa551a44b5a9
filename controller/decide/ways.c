#include "controller/decide/ways.h"

#include "controller/decide/foresee.h"
#include "controller/decide/planner_view.h"

/* Anything but the end of what there was nothing to do about. */
static bool leads_on(const struct planner_move *end, bool changed)
{
    return end->kind == MOVE_DONE && changed;
}

static bool try_way(const struct planner_view *v, enum planner_command command, int to,
                    uint32_t accepted, struct way *ret)
{
    struct planner_view start = *v;
    struct way w = {.command = command, .to = to, .accepted = accepted};

    start.command = command;
    start.to = to;
    start.rejoin = true;
    start.marks = (struct planner_marks){.accepted = accepted};
    bool changed = foresee_end(&start, &w.end);
    w.leads = leads_on(&w.end, changed);
    if (w.leads || ret->end.row == NULL)
        *ret = w;
    return w.leads;
}

static bool before(const struct planner_view *v, int a, int b)
{
    if (planner_standby(v, a) != planner_standby(v, b))
        return planner_standby(v, a);
    return planner_wal(&v->nodes[a]) > planner_wal(&v->nodes[b]);
}

/* Running standbys in the order of their WAL, the one with the most first; then all others. */
static size_t targets(const struct planner_view *v, int ret[CLUSTER_NODES_MAX])
{
    size_t n = 0;

    for (int i = 0; i < (int)v->n_nodes; i++) {
        if (i == planner_owner(v) || !planner_answers(v, i))
            continue;
        size_t at = n++;
        for (; at > 0 && before(v, i, ret[at - 1]); at--)
            ret[at] = ret[at - 1];
        ret[at] = i;
    }
    return n;
}

/* Whoever does not respond, of those that the record says may be writable: a person's word. */
static uint32_t to_accept(const struct planner_view *v, int to)
{
    return planner_silent(v, to);
}

/* While DNS does not respond: whoever does not respond. */
static uint32_t unheard(const struct planner_view *v)
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (!planner_answers(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static bool try_failover(const struct planner_view *v, bool accept, struct way *ret)
{
    int to[CLUSTER_NODES_MAX];
    size_t n = targets(v, to);

    for (size_t i = 0; i < n; i++)
        if (try_way(v, PLANNER_FAILOVER, to[i], accept ? to_accept(v, to[i]) : 0, ret))
            return true;
    return false;
}

static bool try_each(const struct planner_view *v, unsigned ways, int node, bool accept,
                     struct way *ret)
{
    uint32_t silent = accept ? to_accept(v, planner_target(v)) : 0;

    if ((ways & WAY_RESUME) && try_way(v, PLANNER_RESUME, -1, silent, ret))
        return true;
    if ((ways & WAY_ABORT) && !accept && try_way(v, PLANNER_ABORT, -1, 0, ret))
        return true;
    if ((ways & WAY_REJOIN) && !accept && try_way(v, PLANNER_REJOIN, node, 0, ret))
        return true;
    if ((ways & WAY_FENCE) && !accept && try_way(v, PLANNER_FENCE, node, 0, ret))
        return true;
    if ((ways & WAY_UNFENCE) && try_way(v, PLANNER_UNFENCE, node, accept ? unheard(v) : 0, ret))
        return true;
    return (ways & WAY_FAILOVER) && try_failover(v, accept, ret);
}

void ways_find(const struct planner_view *v, unsigned ways, int node, struct way *ret)
{
    *ret = (struct way){.to = -1, .end = {.node = -1}};
    if (!try_each(v, ways, node, false, ret))
        try_each(v, ways, node, true, ret);
}
