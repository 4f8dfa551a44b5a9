/* controller/cluster/cluster_look: a look goes on beside whatever else the loop has to do, within
 * its time, and can be left at any moment. */
#include "controller/cluster/cluster_look.h"

#include "base/clock.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/observe.h"
#include "tests/unit/proto/rpc_pair.h"

enum { ANSWERS, HANGS, NOTHING, NODES };

static struct agent agents[2];
static struct cluster *cl;
static struct world *w;
static int looked;
static int64_t looked_ms;

static void put_node(int i, const char *name, const char *address)
{
    struct config_node *n = &cl->config.nodes[i];

    STR_COPY(n->name, name);
    STR_COPY(n->agent, address);
    STR_COPY(n->address, "127.0.0.1");
    cl->peers[i] = rpc_peer_new(loop, controller_tls, "ia2", name, address, PEER_CONTROLLER, "ctl");
}

static int open_all(void **state)
{
    setup(state);
    agent_start(&agents[ANSWERS]);
    agent_start_with(&agents[HANGS], pki_context("our", "agent-db02", "ia2", PEER_AGENT, "db02"),
                     "db02", NULL);
    agents[ANSWERS].seen = agents[HANGS].seen = 0;
    agents[HANGS].silent = true;
    cl = mem_alloc(sizeof(*cl));
    w = mem_alloc(sizeof(*w));
    *cl = (struct cluster){.loop = loop, .arena = arena_new(), .tls = controller_tls};
    cl->config.n_nodes = NODES;
    cl->config.limits.agent_timeout_ms = 5000 * pace;
    put_node(ANSWERS, "db01", agents[ANSWERS].address);
    put_node(HANGS, "db02", agents[HANGS].address);
    put_node(NOTHING, "vm", "127.0.0.1:1");
    STR_COPY(cl->zone.zone, "ia2.test");
    STR_COPY(cl->zone.alias, "db.ia2.test");
    STR_COPY(cl->zone.server, "127.0.0.1:1"); /* nobody there either */
    STR_COPY(cl->zone.key.name, "ctl-update");
    STR_COPY(cl->zone.key.algorithm, "hmac-sha256");
    STR_COPY(cl->zone.key.secret, "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=");
    looked = 0;
    return 0;
}

static int close_all(void **state)
{
    for (int i = 0; i < NODES; i++)
        rpc_peer_free(cl->peers[i]);
    agent_stop(&agents[ANSWERS]);
    agent_stop(&agents[HANGS]);
    arena_free(cl->arena);
    mem_free(cl);
    mem_free(w);
    return teardown(state);
}

static void on_looked(void *arg, struct world *found)
{
    assert_ptr_equal(found, w);
    looked++;
    looked_ms = clock_mono_ms() - *(int64_t *)arg;
}

static void all_is_over_within_its_time(void **state)
{
    int64_t began_ms = clock_mono_ms(), within_ms = 600 * pace;

    (void)state;
    cluster_look(cl, w, OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY, UINT32_MAX, within_ms,
                 on_looked, &began_ms);
    assert_int_equal(looked, 0); /* it has only begun */
    for (int i = 0; i < 100 && !looked; i++)
        run_for(50); /* … and the loop is ours meanwhile */
    assert_int_equal(looked, 1);
    assert_in_range(looked_ms, within_ms / 2, 2 * within_ms); /* not agent_timeout_ms, not 3.5 s */
    assert_int_equal(w->n_nodes, NODES);
    assert_true(w->nodes[ANSWERS].answered);
    assert_int_equal(w->nodes[ANSWERS].obs.pg.replay_lsn, 0x3000148);
    assert_false(w->nodes[HANGS].answered);
    assert_int_equal(w->nodes[HANGS].error.code, ERR_TIMEOUT);
    assert_false(w->nodes[NOTHING].answered);
    assert_int_equal(w->nodes[NOTHING].error.code, ERR_UNREACHABLE);
    assert_int_equal(w->d.status, DNS_VIEW_SILENT);
}

static void nobody_is_called_once_it_is_left(void **state)
{
    int64_t began_ms = clock_mono_ms();
    struct cluster_look *l = cluster_look(cl, w, OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY,
                                          UINT32_MAX, 300 * pace, on_looked, &began_ms);

    (void)state;
    run_for(100);
    cluster_look_cancel(l);
    run_for(500);
    assert_int_equal(looked, 0);
    assert_true(w->nodes[ANSWERS].answered); /* what has come is there */
    l = cluster_look(cl, w, OBSERVE_AGENTS, 1U << NOTHING, 0, on_looked, &began_ms);
    cluster_look_cancel(l); /* at once, also where all has failed already */
    cluster_look_cancel(NULL);
    run_for(100);
    assert_int_equal(looked, 0);
}

static void look_again(void *arg, struct world *found)
{
    looked++;
    if (looked < 3)
        cluster_look(cl, found, OBSERVE_AGENTS, 1U << ANSWERS, 0, look_again, arg);
}

static void one_begins_the_next(void **state)
{
    (void)state;
    cluster_look(cl, w, OBSERVE_AGENTS, 1U << ANSWERS, 0, look_again, NULL);
    for (int i = 0; i < 100 && looked < 3; i++)
        run_for(20);
    assert_int_equal(looked, 3);
    assert_int_equal(agents[ANSWERS].seen, 3);
    assert_int_equal(agents[HANGS].seen, 0); /* it was not among those to be asked */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_is_over_within_its_time, open_all, close_all),
        cmocka_unit_test_setup_teardown(nobody_is_called_once_it_is_left, open_all, close_all),
        cmocka_unit_test_setup_teardown(one_begins_the_next, open_all, close_all),
    };

    return RPC_RUN(tests);
}
