#include "controller/engine/run.h"

#include "controller/cluster/view.h"

void run_look(struct run *r)
{
    view_from_world(&r->session->cluster.config, &r->world, &r->known, r->seen_writable, &r->view);
    for (size_t i = 0; r->adopt && i < r->view.n_nodes; i++)
        r->view.nodes[i].streams_from_owner |= r->view.nodes[i].receiving;
    if (r->view.d_answered && r->view.d.epoch > 0)
        r->known = r->view.d;
}

bool run_newer_record(struct run *r, unsigned what)
{
    int64_t before = r->view.d.epoch;

    world_observe(&r->session->cluster, &r->world, what);
    run_look(r);
    return r->view.d_answered && r->view.d.epoch > before;
}

const char *run_node_name(const struct run *r, int node)
{
    return node >= 0 ? r->session->cluster.config.nodes[node].name : "";
}
