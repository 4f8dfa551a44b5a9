#include <string.h>

#include "sim.h"

struct settings sim;

const char *const seed_names[SEED_COUNT] = {
#define X(id, text) text,
    SEEDS(X)
#undef X
};

bool seed_is(enum seed s)
{
    return sim.seed == s;
}

static struct planner_node *by_name(struct planner_view *v, const char *name)
{
    int i = planner_node_index(v, name);

    return i < 0 ? NULL : &v->nodes[i];
}

/* A wrong planner, made from the right one by what it is led to believe. */
void seed_view(struct planner_view *v)
{
    struct planner_node *owner = by_name(v, v->d.owner), *to = by_name(v, v->d.to);

    if (seed_is(SEED_SKIP_FENCE) && v->d.state == REGISTER_CLAIM && owner && to &&
        owner->epoch == v->d.epoch && (v->marks.done & step_bit(STEP_CATCHUP))) {
        owner->fenced = owner->was_primary = owner->signal = owner->clean = true;
        owner->role = PG_STOPPED;
        owner->shutdown_lsn = owner->control_lsn = to->replay_lsn - 1;
    }
    if (seed_is(SEED_SKIP_FENCE) && v->d.state == REGISTER_FLIP && v->d.n_from) {
        struct planner_node *a = by_name(v, v->d.from[v->d.n_from - 1].node);

        if (a) {
            a->fenced = a->signal = true;
            a->role = PG_STOPPED;
        }
    }
    if (seed_is(SEED_IGNORE_W) && v->d.state != REGISTER_STABLE)
        for (size_t i = 0; i < v->n_nodes; i++)
            if (&v->nodes[i] != to && !v->nodes[i].answered) {
                v->nodes[i].epoch = v->d.epoch;
                v->nodes[i].fenced = v->nodes[i].signal = v->nodes[i].state_ok = true;
                v->nodes[i].role = PG_STOPPED;
                v->nodes[i].shutdown_lsn = 0;
            }
    if (seed_is(SEED_UNDO_SILENT) && v->d.state == REGISTER_FLIP && owner && !owner->answered) {
        owner->answered = true;
        owner->role = PG_RECOVERY;
        owner->promoting = false;
        owner->epoch = owner->revoked_epoch = v->d.epoch;
    }
    if (seed_is(SEED_NO_REVOKE) && v->d.state == REGISTER_FLIP && owner &&
        v->command == PLANNER_ABORT && owner->role == PG_RECOVERY) {
        owner->promoting = false;
        owner->revoked_epoch = v->d.epoch;
    }
    if (seed_is(SEED_WORD_UNHEARD) && v->command == PLANNER_UNFENCE)
        v->marks.accepted = (uint32_t)(1U << v->n_nodes) - 1;
    if (seed_is(SEED_WORD_BLIND) && v->command == PLANNER_UNFENCE)
        for (size_t i = 0; i < v->n_nodes; i++) {
            v->nodes[i].saw_d = true;
            v->nodes[i].epoch = v->d.epoch;
        }
    if (seed_is(SEED_BELIEVE_TARGET) && to)
        to->attached = to->streams_from_owner;
    if (seed_is(SEED_NO_LATE_FLIP))
        v->marks.late_flip = false;
}
