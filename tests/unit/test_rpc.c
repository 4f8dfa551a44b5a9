/* Calls over real TLS on loopback: what works, and each way in which a peer can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/conn.h"
#include "proto/hello.h"
#include "tests/unit/pki.h"

/* ---- an agent and a controller on one loop ---------------------------------------------------- */

struct agent {
    struct rpc_server *server;
    struct tls_context *tls;
    char address[ADDRESS_BYTES];
    int seen;                 /* requests that reached the handler */
    int verb;                 /* the last one's */
    bool silent;              /* do not answer */
    struct rpc_request *held; /* the one not answered */
    int logged;
    struct err log;
};

static struct loop *loop;
static struct tls_context *controller_tls;

static void answer(struct agent *a, struct rpc_request *r)
{
    struct reply *reply = mem_alloc(sizeof(*reply));

    reply->ok = true;
    STR_COPY(reply->obs.node, "db01");
    reply->obs.epoch = r->q.epoch;
    reply->obs.pg.replay_lsn = 0x3000148;
    if (r->q.verb == VERB_CRON_SHOW)
        reply->text = r->q.crontab;
    a->held = NULL;
    rpc_answer(r, reply);
    mem_free(reply);
}

static void on_request(void *arg, struct rpc_request *r)
{
    struct agent *a = arg;

    a->seen++;
    a->verb = r->q.verb;
    if (a->silent)
        a->held = r;
    else
        answer(a, r);
}

static void on_log(void *arg, const struct err *e, const char *address)
{
    struct agent *a = arg;

    (void)address;
    a->logged++;
    a->log = *e;
}

static void agent_start_with(struct agent *a, struct tls_context *tls, const char *node,
                             const struct rpc_limits *limits)
{
    struct err e;

    *a = (struct agent){.tls = tls};
    if (rpc_server_start(loop, tls, "ia2", node, "127.0.0.1:0", limits, on_request, on_log, a,
                         &a->server, &e) < 0)
        fail_msg("%s", e.msg);
    STR_PRINTF(a->address, "127.0.0.1:%d", rpc_server_port(a->server));
}

static void agent_start(struct agent *a)
{
    struct rpc_limits limits = {.hello_timeout_ms = 200};

    agent_start_with(a, pki_context("our", "agent-db01", "ia2", PEER_AGENT, "db01"), "db01",
                     &limits);
}

static void agent_stop(struct agent *a)
{
    if (a->held)
        answer(a, a->held);
    rpc_server_free(a->server);
    tls_context_free(a->tls);
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    controller_tls = pki_context("our", "controller-ctl", "ia2", PEER_CONTROLLER, "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    tls_context_free(controller_tls);
    return 0;
}

static struct rpc_peer *peer_to(const struct agent *a)
{
    return rpc_peer_new(loop, controller_tls, "ia2", "db01", a->address, PEER_CONTROLLER, "ctl");
}

static struct rpc_result call(struct rpc_peer *p, int verb, int64_t timeout_ms, struct arena *a)
{
    struct request q = {.verb = verb, .epoch = 7, .seq = 1};
    const struct request *qs[] = {&q};
    struct rpc_result r;

    rpc_fanout(loop, &p, qs, 1, timeout_ms, a, &r);
    return r;
}

static void run_for(int64_t ms)
{
    bool never = false;

    loop_wait(loop, &never, ms, NULL);
}

static void assert_says(const struct err *e, int code, const char *words)
{
    if (e->code != code || !strstr(e->msg, words))
        fail_msg("expected %s \"%s\", got %s \"%s\"", err_name(code), words, err_name(e->code),
                 e->msg);
}

/* ---- what works ------------------------------------------------------------------------------- */

static void call_and_reply(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent agent;

    (void)state;
    agent_start(&agent);
    struct rpc_peer *p = peer_to(&agent);
    for (int i = 0; i < 3; i++) {
        struct rpc_result r = call(p, i == 1 ? VERB_FENCE : VERB_OBSERVE, 2000, a);
        if (!r.reply)
            fail_msg("%s", r.e.msg);
        assert_true(r.reply->ok);
        assert_string_equal(r.reply->obs.node, "db01");
        assert_int_equal(r.reply->obs.epoch, 7);
        assert_int_equal(r.reply->obs.pg.replay_lsn, 0x3000148);
    }
    assert_int_equal(agent.seen, 3);
    assert_int_equal(agent.logged, 0);
    rpc_peer_free(p);
    agent_stop(&agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(call_and_reply, setup, teardown),
    };
    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
