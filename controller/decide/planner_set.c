/* `dns set`: which nodes a record that a person types has to name. */
#include "controller/decide/planner_view.h"

/* It runs as a standby that never had the role, or is kept down as one: no record makes it
 * write. */
static bool no_primary(const struct planner_view *v, int node)
{
    return planner_answers(v, node) && v->nodes[node].role != PG_WRITABLE &&
           (planner_standby(v, node) || (planner_marked(v, node) && !planner_can_return(v, node)));
}

/* The typed record overrides what was known about which nodes may write. So all others are in
 * `from`: a node that answers still has to report its state at the new epoch; for one that does not
 * respond, a person has to state that it is down. */
enum planner_typed planner_typed(const struct planner_view *v, struct record *r, int *ret_node)
{
    int owner = planner_node_index(v, r->owner);

    *ret_node = owner;
    if (r->state != REGISTER_STABLE || r->to[0])
        return TYPED_NOT_STABLE;
    if (owner < 0)
        return TYPED_STRANGER;
    if (no_primary(v, owner))
        return TYPED_NO_PRIMARY;
    r->n_from = 0;
    for (int i = 0; i < (int)v->n_nodes; i++) {
        if (i == owner)
            continue;
        *ret_node = i;
        if (!v->nodes[i].answered && !planner_confirmed(v, i))
            return TYPED_SILENT;
        register_from_add(r, v->nodes[i].name, v->nodes[i].answered ? GRADE_NONE : GRADE_G3);
    }
    return TYPED_OK;
}
