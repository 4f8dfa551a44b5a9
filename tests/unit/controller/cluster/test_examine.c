/* controller/cluster/examine: what ran out of its time is asked again, with a longer one for
 * a move, within what is left of 2 s for `preflight`, not at all while nobody can write. */
#include "controller/cluster/examine.h"

#include "base/clock.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/observe.h"
#include "tests/unit/proto/rpc_pair.h"

/* The agent of a busy host: so many times it has no answer when a share of time is up. */
static struct {
    struct rpc_server *server;
    struct tls_context *tls;
    char address[ADDRESS_BYTES];
    int rehearsals_late, inspections_late;
    int rehearsed, inspected;
    int64_t share_ms[8]; /* of each rehearsal */
    struct agent log;
} busy;
static struct cluster *s;
static struct world *w;

static const char *rehearsal_text(bool late, struct arena *a)
{
    struct rehearsals all = {.n = 2};

    all.list[0] = (struct rehearsal){.kind = REHEARSAL_STOP, .verdict = REHEARSAL_PASSED};
    STR_PRINTF(all.list[0].said, "%d", busy.rehearsed);
    all.list[1] = (struct rehearsal){.kind = REHEARSAL_CRONTAB,
                                     .verdict = late ? REHEARSAL_FAILED : REHEARSAL_PASSED,
                                     .late = late};
    return field_to_text(&rehearsals_table, &all, a);
}

static const char *inspect_text(bool late, struct arena *a)
{
    struct inspect *i = arena_alloc(a, sizeof(*i));

    i->pg_answered = true;
    i->databases_seen = busy.inspected;
    STR_COPY(i->late, late ? "database tng: no answer within 20 ms" : "");
    return field_to_text(&inspect_table, i, a);
}

static void on_busy_request(void *arg, struct rpc_request *r)
{
    AUTO(arena) a = arena_new();
    struct reply *reply = mem_alloc(sizeof(*reply));

    (void)arg;
    reply->ok = true;
    STR_COPY(reply->obs.node, "db01");
    if (r->q.verb == VERB_REHEARSE) {
        assert_true(busy.rehearsed < 8);
        busy.share_ms[busy.rehearsed++] = r->q.timeout_ms;
        reply->text = (char *)(uintptr_t)rehearsal_text(busy.rehearsed <= busy.rehearsals_late, a);
    } else if (r->q.verb == VERB_INSPECT) {
        busy.inspected++;
        reply->text = (char *)(uintptr_t)inspect_text(busy.inspected <= busy.inspections_late, a);
    }
    rpc_answer(r, reply);
    mem_free(reply);
}

static int open_all(void **state)
{
    struct err e;

    setup(state);
    memset(&busy, 0, sizeof(busy));
    busy.tls = server_tls();
    if (rpc_server_start(loop, busy.tls, "ia2", "db01", "127.0.0.1:0", NULL, on_busy_request,
                         on_log, &busy.log, &busy.server, &e) < 0)
        fail_msg("%s", e.msg);
    STR_PRINTF(busy.address, "127.0.0.1:%d", rpc_server_port(busy.server));
    s = mem_alloc(sizeof(*s));
    w = mem_alloc(sizeof(*w));
    *s = (struct cluster){.loop = loop, .arena = arena_new(), .tls = controller_tls};
    s->config.n_nodes = 1;
    s->config.limits.agent_timeout_ms = 1500 * pace;
    STR_COPY(s->config.cluster.name, "ia2");
    STR_COPY(s->config.nodes[0].name, "db01");
    STR_COPY(s->config.nodes[0].agent, busy.address);
    STR_COPY(s->config.nodes[0].address, "127.0.0.1");
    s->peers[0] =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", busy.address, PEER_CONTROLLER, "ctl");
    return 0;
}

static int close_all(void **state)
{
    rpc_peer_free(s->peers[0]);
    arena_free(s->arena);
    mem_free(s);
    mem_free(w);
    rpc_server_free(busy.server);
    tls_context_free(busy.tls);
    return teardown(state);
}

static void look(enum examine_time time)
{
    examine(s, w, &(struct examine){.time = time, .inspect = true, .observe = OBSERVE_AGENTS});
    assert_int_equal(w->nodes[0].n_rehearsals, 2);
    assert_non_null(w->nodes[0].inspect);
}

static const struct rehearsal *crontab(void)
{
    return &w->nodes[0].rehearsals[1];
}

static void what_is_in_time_is_asked_once(void **state)
{
    (void)state;
    look(EXAMINE_MOVE);
    assert_int_equal(busy.rehearsed, 1);
    assert_int_equal(busy.inspected, 1);
    assert_true(w->asked_in_full);
}

static void a_move_asks_again_with_a_longer_share(void **state)
{
    (void)state;
    busy.rehearsals_late = 2;
    busy.inspections_late = 1;
    look(EXAMINE_MOVE);
    assert_int_equal(busy.rehearsed, 3);
    assert_int_equal(busy.inspected, 2);
    assert_true(busy.share_ms[1] > busy.share_ms[0] && busy.share_ms[2] > busy.share_ms[1]);
    assert_false(crontab()->late);
    assert_int_equal(crontab()->verdict, REHEARSAL_PASSED);
    assert_string_equal(w->nodes[0].rehearsals[0].said, "1"); /* it had come to its end */
    assert_string_equal(w->nodes[0].inspect->late, "");
    assert_true(w->asked_in_full);
}

static void it_does_not_ask_for_ever(void **state)
{
    (void)state;
    busy.rehearsals_late = 8;
    look(EXAMINE_MOVE);
    assert_int_equal(busy.rehearsed, 3);
    assert_int_equal(busy.inspected, 1); /* of what was in time nobody asks again */
    assert_true(crontab()->late);
    assert_true(w->asked_in_full); /* so it is a finding now */
}

static void preflight_asks_once_more(void **state)
{
    (void)state;
    busy.rehearsals_late = 8;
    look(EXAMINE_PREFLIGHT);
    assert_int_equal(busy.rehearsed, 2);
    assert_true(busy.share_ms[1] > busy.share_ms[0]);
    assert_true(crontab()->late);
    assert_false(w->asked_in_full);
}

static void nobody_waits_while_nobody_can_write(void **state)
{
    (void)state;
    busy.rehearsals_late = busy.inspections_late = 8;
    look(EXAMINE_LOST);
    assert_int_equal(busy.rehearsed, 1);
    assert_int_equal(busy.inspected, 1);
    assert_false(w->asked_in_full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_in_time_is_asked_once, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_move_asks_again_with_a_longer_share, open_all, close_all),
        cmocka_unit_test_setup_teardown(it_does_not_ask_for_ever, open_all, close_all),
        cmocka_unit_test_setup_teardown(preflight_asks_once_more, open_all, close_all),
        cmocka_unit_test_setup_teardown(nobody_waits_while_nobody_can_write, open_all, close_all),
    };

    return RPC_RUN(tests);
}
