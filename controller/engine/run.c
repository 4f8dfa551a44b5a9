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
    const struct dns_view d = r->world.d;
    const struct err d_error = r->world.d_error;

    world_observe(&r->session->cluster, &r->world, what);
    if (r->world.d.status != DNS_VIEW_OK) { /* no news: keep what was decided on */
        r->world.d = d;
        r->world.d_error = d_error;
    }
    run_look(r);
    return r->view.d_answered && r->view.d.epoch > before;
}

const char *run_node_name(const struct run *r, int node)
{
    return node >= 0 ? r->session->cluster.config.nodes[node].name : "";
}
