/* Calls over real TLS on loopback: what works, deadlines, and who a peer must be. */
#include "tests/unit/proto/rpc_pair.h"

#include <linux/filter.h>

#include "base/clock.h"
#include "proto/rpc.h"

/* ---- what works ------------------------------------------------------------------------------ */

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

static void answers_later(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent agent;

    (void)state;
    agent_start(&agent);
    agent.silent = true;
    struct rpc_peer *p = peer_to(&agent);
    struct rpc_result r = call(p, VERB_FENCE, 100, a);
    assert_null(r.reply);
    assert_says(&r.e, ERR_TIMEOUT, "ms; the request may have been obeyed");
    assert_string_equal(r.e.node, "db01");
    assert_non_null(agent.held);
    answer(&agent, agent.held); /* nobody listens any more */

    agent.silent = false;
    r = call(p, VERB_OBSERVE, 2000, a);
    assert_non_null(r.reply);
    rpc_peer_free(p);
    agent_stop(&agent);
}

struct order {
    char text[32];
    struct rpc_peer *free_peer;
    struct rpc_call *cancel;
};

static void append(struct order *o, char c)
{
    size_t n = strlen(o->text);

    o->text[n] = c;
    if (o->cancel)
        rpc_call_cancel(o->cancel);
    o->cancel = NULL;
    rpc_peer_free(o->free_peer);
    o->free_peer = NULL;
}

static void reply_a(void *arg, const struct reply *r, const struct err *e)
{
    (void)e;
    append(arg, r ? 'a' : '1');
}

static void reply_b(void *arg, const struct reply *r, const struct err *e)
{
    (void)e;
    append(arg, r ? 'b' : '2');
}

static void reply_c(void *arg, const struct reply *r, const struct err *e)
{
    (void)e;
    append(arg, r ? 'c' : '3');
}

static void calls_wait_in_order(void **state)
{
    struct agent agent;
    struct order o = {0};
    struct request q = {.verb = VERB_OBSERVE};

    (void)state;
    agent_start(&agent);
    struct rpc_peer *p = peer_to(&agent);
    rpc_call(p, &q, 1000 * pace, reply_a, &o);
    rpc_call(p, &q, 1000 * pace, reply_b, &o);
    rpc_call(p, &q, 1000 * pace, reply_c, &o);
    run_for(100);
    assert_string_equal(o.text, "abc");
    rpc_peer_free(p);
    agent_stop(&agent);
}

static void cancel_and_free_at_any_time(void **state)
{
    struct agent agent;
    struct order o = {0};
    struct request q = {.verb = VERB_OBSERVE};

    (void)state;
    agent_start(&agent);
    /* at once */
    struct rpc_peer *p = peer_to(&agent);
    rpc_call_cancel(rpc_call(p, &q, 1000 * pace, reply_a, &o));
    struct rpc_call *second = rpc_call(p, &q, 1000 * pace, reply_a, &o);
    rpc_call(p, &q, 1000 * pace, reply_b, &o);
    rpc_call_cancel(second);
    run_for(100);
    assert_string_equal(o.text, "b");
    /* when sent: the connection goes, the next call gets a new one */
    agent.silent = true;
    second = rpc_call(p, &q, 1000 * pace, reply_a, &o);
    run_for(50);
    assert_non_null(agent.held);
    rpc_call_cancel(second);
    answer(&agent, agent.held);
    agent.silent = false;
    rpc_call(p, &q, 1000 * pace, reply_c, &o);
    run_for(100);
    assert_string_equal(o.text, "bc");
    /* a neighbour, in a callback */
    o = (struct order){0};
    rpc_call(p, &q, 1000 * pace, reply_a, &o);
    o.cancel = rpc_call(p, &q, 1000 * pace, reply_b, &o);
    rpc_call(p, &q, 1000 * pace, reply_c, &o);
    run_for(100);
    assert_string_equal(o.text, "ac");
    /* the peer with what it has, in a callback: after a reply, and after a failure */
    o = (struct order){.free_peer = p};
    rpc_call(p, &q, 1000 * pace, reply_a, &o);
    rpc_call(p, &q, 1000 * pace, reply_b, &o);
    run_for(100);
    assert_string_equal(o.text, "a");
    p = rpc_peer_new(loop, controller_tls, "ia2", "db01", "127.0.0.1:1", PEER_CONTROLLER, "ctl");
    o = (struct order){.free_peer = p};
    rpc_call(p, &q, 1000 * pace, reply_a, &o);
    rpc_call(p, &q, 1000 * pace, reply_b, &o);
    run_for(100);
    assert_string_equal(o.text, "1");
    /* with nothing said yet */
    p = peer_to(&agent);
    rpc_call(p, &q, 1000 * pace, reply_a, &o);
    rpc_peer_free(p);
    run_for(50);
    assert_string_equal(o.text, "1");
    agent_stop(&agent);
}

static void kept_connection_that_died(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent agent;
    struct err e;

    (void)state;
    agent_start(&agent);
    struct rpc_peer *p = peer_to(&agent);
    assert_non_null(call(p, VERB_OBSERVE, 1000, a).reply);
    /* the agent starts anew between two calls: even what changes something gets through */
    rpc_server_free(agent.server);
    run_for(20);
    assert_int_equal(rpc_server_start(loop, agent.tls, "ia2", "db01", agent.address, NULL,
                                      on_request, on_log, &agent, &agent.server, &e),
                     0);
    assert_non_null(call(p, VERB_FENCE, 1000, a).reply);
    rpc_peer_free(p);
    agent_stop(&agent);
}

/* ends the server, and with it the connection, while a request is in hand */
static void end_server(void *arg)
{
    struct agent *a = arg;

    rpc_server_free(a->server);
    a->server = NULL;
}

static void lost_after_sending(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    for (int kept = 0; kept < 2; kept++) {
        struct agent agent;
        agent_start(&agent);
        struct rpc_peer *p = peer_to(&agent);
        if (kept)
            assert_non_null(call(p, VERB_OBSERVE, 1000, a).reply);
        agent.silent = true;
        struct timer *t = timer_start(loop, 50 * pace, end_server, &agent);
        struct rpc_result r = call(p, VERB_PROMOTE, 1000, a);
        timer_free(t);
        assert_says(&r.e, ERR_TIMEOUT, "was sent and may have been obeyed");
        assert_true(r.elapsed_ms < 500 * pace);
        agent_stop(&agent);
        /* an observe may be tried again, on a fresh connection; here nobody listens there */
        agent_start(&agent);
        rpc_peer_free(p);
        p = peer_to(&agent);
        if (kept)
            assert_non_null(call(p, VERB_OBSERVE, 1000, a).reply);
        agent.silent = true;
        t = timer_start(loop, 50 * pace, end_server, &agent);
        r = call(p, VERB_OBSERVE, 1000, a);
        timer_free(t);
        assert_says(&r.e, ERR_UNREACHABLE, kept ? "connection refused" : "closed the connection");
        rpc_peer_free(p);
        agent_stop(&agent);
    }
}

static void oversize_reply(struct agent *agent, int verb)
{
    struct reply *reply = mem_alloc(sizeof(*reply));
    char *text = mem_alloc(60001);

    memset(text, '"', 60000); /* two bytes each as JSON */
    reply->ok = true;
    reply->text = text;
    assert_int_equal(agent->held->q.verb, verb);
    rpc_answer(agent->held, reply);
    agent->held = NULL;
    mem_free(text);
    mem_free(reply);
}

static void answer_oversize(void *arg)
{
    struct agent *a = arg;

    oversize_reply(a, a->held->q.verb);
}

static void reply_never_exceeds_a_frame(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent agent;

    (void)state;
    agent_start(&agent);
    agent.silent = true;
    struct rpc_peer *p = peer_to(&agent);
    struct timer *t = timer_start(loop, 50 * pace, answer_oversize, &agent);
    struct rpc_result r = call(p, VERB_CRON_SHOW, 1000, a);
    timer_free(t);
    assert_non_null(r.reply);
    assert_false(r.reply->ok);
    assert_string_equal(r.reply->code, "too-long");
    assert_null(r.reply->text);
    t = timer_start(loop, 50 * pace, answer_oversize, &agent);
    r = call(p, VERB_REJOIN, 1000, a);
    timer_free(t);
    assert_non_null(r.reply);
    assert_true(r.reply->ok); /* it was done: only the output is left out */
    assert_non_null(strstr(r.reply->text, "too long"));

    /* and a request that would is not sent */
    char *text = mem_alloc(60001);
    struct request q = {.verb = VERB_CRON_WRITE, .crontab = text};
    const struct request *qs[] = {&q};
    memset(text, '\n', 60000);
    int seen = agent.seen;
    rpc_fanout(loop, &p, qs, 1, 1000 * pace, a, &r);
    assert_says(&r.e, ERR_TOO_LONG, "at most 81920 fit");
    assert_int_equal(agent.seen, seen);
    mem_free(text);
    rpc_peer_free(p);
    agent_stop(&agent);
}

/* ---- fan-out --------------------------------------------------------------------------------- */

static void fanout_keeps_one_deadline(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent good, mute;
    char silent[ADDRESS_BYTES];
    int fd = silent_listener(silent);
    struct request q = {.verb = VERB_OBSERVE};
    const struct request *qs[] = {&q, &q, &q, &q, NULL};
    struct rpc_result r[5];

    (void)state;
    agent_start(&good);
    agent_start(&mute);
    mute.silent = true;
    struct rpc_peer *peers[5] = {
        peer_to(&good),
        rpc_peer_new(loop, controller_tls, "ia2", "db01", "127.0.0.1:1", PEER_CONTROLLER, "ctl"),
        rpc_peer_new(loop, controller_tls, "ia2", "db01", silent, PEER_CONTROLLER, "ctl"),
        peer_to(&mute),
        NULL,
    };
    int64_t began_ms = clock_mono_ms();
    rpc_fanout(loop, peers, qs, 5, 300 * pace, a, r);
    int64_t took_ms = clock_mono_ms() - began_ms;
    assert_true(took_ms >= 295 * pace && took_ms < 400 * pace);
    assert_non_null(r[0].reply);
    assert_true(r[0].elapsed_ms < 200 * pace);
    assert_says(&r[1].e, ERR_UNREACHABLE, "connection refused");
    assert_true(r[1].elapsed_ms < 200 * pace);
    assert_says(&r[2].e, ERR_UNREACHABLE, "did not finish the TLS handshake within");
    assert_says(&r[3].e, ERR_TIMEOUT, "no reply within");
    assert_null(r[4].reply);
    for (int i = 0; i < 4; i++)
        rpc_peer_free(peers[i]);
    agent_stop(&good);
    agent_stop(&mute);
    close(fd);
}

/* a listener whose queue is full drops what comes: like a host that is down */
struct dead_port {
    char address[ADDRESS_BYTES];
    int fd, clients[8];
};

static void dead_port_open(struct dead_port *d)
{
    struct sockaddr_in in;
    socklen_t bytes = sizeof(in);

    d->fd = silent_listener(d->address);
    assert_int_equal(listen(d->fd, 0), 0);
    assert_int_equal(getsockname(d->fd, (struct sockaddr *)&in, &bytes), 0);
    for (size_t i = 0; i < 8; i++) {
        d->clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(d->clients[i], (struct sockaddr *)&in, sizeof(in));
    }
}

static void dead_port_close(struct dead_port *d)
{
    for (size_t i = 0; i < 8; i++)
        close(d->clients[i]);
    close(d->fd);
}

static void dead_host_keeps_the_deadline(void **state)
{
    AUTO(arena) a = arena_new();
    struct dead_port dead;

    (void)state;
    dead_port_open(&dead);
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", dead.address, PEER_CONTROLLER, "ctl");
    struct rpc_result r = call(p, VERB_FENCE, 200, a);
    assert_says(&r.e, ERR_UNREACHABLE, "timed out connecting within");
    assert_true(r.elapsed_ms >= 195 * pace && r.elapsed_ms < 300 * pace);
    rpc_peer_free(p);
    dead_port_close(&dead);
}

static struct rpc_result call_knocking(const char *agent, const char *also, int verb,
                                       int64_t timeout_ms, struct arena *a)
{
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", agent, PEER_CONTROLLER, "ctl");
    long long port;

    assert_true(str_to_int(strchr(also, ':') + 1, 1, 65535, &port));
    rpc_peer_knock(p, "127.0.0.1", port);
    struct rpc_result r = call(p, verb, timeout_ms, a);
    rpc_peer_free(p);
    return r;
}

/* a host that answers nowhere is given up long before the deadline; one that answers anywhere, were
 * it with a refusal, keeps it; a request that changes something is waited for longer */
static void silent_host_is_found_early(void **state)
{
    AUTO(arena) a = arena_new();
    struct dead_port agent, postgres;

    (void)state;
    dead_port_open(&agent);
    dead_port_open(&postgres);
    struct rpc_result r = call_knocking(agent.address, postgres.address, VERB_OBSERVE, 5000, a);
    assert_says(&r.e, ERR_UNREACHABLE,
                "its host does not respond: no answer to 3 connection requests");
    assert_true(r.elapsed_ms >= 295 && r.elapsed_ms < 2500 * pace);
    r = call_knocking(agent.address, postgres.address, VERB_FENCE, 30000, a);
    assert_says(&r.e, ERR_UNREACHABLE,
                "its host does not respond: no answer to 12 connection requests");
    assert_true(r.elapsed_ms >= 4 * 295 && r.elapsed_ms < 2900 * pace);
    r = call_knocking(agent.address, "127.0.0.1:1", VERB_OBSERVE, 600, a);
    assert_says(&r.e, ERR_UNREACHABLE, "timed out connecting within");
    assert_true(r.elapsed_ms >= 595 * pace);
    dead_port_close(&postgres);
    dead_port_close(&agent);
}

/* The kernel behind PORT drops what comes from now on, handshakes and keepalives alike: to its
 * peers the host has lost its power. */
static void silence_port(int port)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {.len = 1, .filter = &drop};
    int silenced = 0;

    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in in;
        socklen_t bytes = sizeof(in);
        if (getsockname(fd, (struct sockaddr *)&in, &bytes) < 0 || in.sin_family != AF_INET ||
            ntohs(in.sin_port) != port)
            continue;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)),
                         0);
        silenced++;
    }
    assert_int_equal(silenced, 2); /* the listener, and the link */
}

static void lose_power(void *arg)
{
    struct agent *a = arg;

    assert_non_null(a->held);
    silence_port(rpc_server_port(a->server));
}

/* a host that dies while a request is in its hands: keepalive and the knock find it */
static void silent_host_of_an_open_link_is_found_early(void **state)
{
    AUTO(arena) a = arena_new();
    struct dead_port postgres;
    struct agent agent;
    long long port;

    (void)state;
    dead_port_open(&postgres);
    agent_start(&agent);
    struct rpc_peer *p = peer_to(&agent);
    assert_true(str_to_int(strchr(postgres.address, ':') + 1, 1, 65535, &port));
    rpc_peer_knock(p, "127.0.0.1", port);
    assert_non_null(call(p, VERB_OBSERVE, 2000, a).reply); /* the link is up */
    agent.silent = true;
    struct timer *t = timer_start(loop, 50 * pace, lose_power, &agent);
    struct rpc_result r = call(p, VERB_DETACH, 60000, a);
    timer_free(t);
    assert_null(r.reply);
    assert_says(&r.e, ERR_TIMEOUT, "its host does not respond");
    assert_says(&r.e, ERR_TIMEOUT, "may have been obeyed");
    assert_true(r.elapsed_ms >= 1100 && r.elapsed_ms < 3500 * pace);
    rpc_peer_free(p);
    agent_stop(&agent);
    dead_port_close(&postgres);
}

/* the call's own connection is an answer too, even where nothing else gets through any more */
static void accepted_connection_is_an_answer(void **state)
{
    AUTO(arena) a = arena_new();
    struct dead_port postgres;
    char agent[ADDRESS_BYTES];
    int fd = silent_listener(agent);

    (void)state;
    dead_port_open(&postgres);
    assert_int_equal(listen(fd, 0), 0); /* room for one, which is the call's */
    struct rpc_result r = call_knocking(agent, postgres.address, VERB_OBSERVE, 600, a);
    assert_says(&r.e, ERR_UNREACHABLE, "did not finish the TLS handshake");
    assert_true(r.elapsed_ms >= 595 * pace);
    close(fd);
    dead_port_close(&postgres);
}

/* ---- peers that are not who they should be --------------------------------------------------- */

/* one call with other certificates than the right ones; what the caller and the server say */
static void refused(struct tls_context *server, struct tls_context *client, const char *cluster,
                    const char *node, const char *caller_says, const char *server_says)
{
    AUTO(arena) a = arena_new();
    struct agent agent;
    struct rpc_limits limits = {.hello_timeout_ms = 500 * pace};

    agent_start_with(&agent, server, "db01", &limits);
    struct rpc_peer *p =
        rpc_peer_new(loop, client, cluster, node, agent.address, PEER_CONTROLLER, "ctl");
    struct rpc_result r = call(p, VERB_FENCE, 2000, a);
    assert_null(r.reply);
    assert_says(&r.e, ERR_TLS, caller_says);
    run_for(20);
    assert_int_equal(agent.seen, 0);
    assert_int_equal(agent.logged, 1);
    if (!strstr(agent.log.msg, server_says))
        fail_msg("expected \"%s\", the server says \"%s\"", server_says, agent.log.msg);
    rpc_peer_free(p);
    agent_stop(&agent);
    tls_context_free(client);
}

static void wrong_certificates(void **state)
{
    (void)state;
    refused(server_tls(), pki_context("other", "controller-ctl", "ia2", PEER_CONTROLLER, ""), "ia2",
            "db01", "the peer's certificate is refused", "");
    refused(server_tls(),
            pki_context("our", "controller-foreign", "elsewhere", PEER_CONTROLLER, ""), "elsewhere",
            "db01", "is not of cluster elsewhere", "");
    refused(pki_context("our", "agent-db02", "ia2", PEER_AGENT, "db02"),
            pki_context("our", "controller-ctl", "ia2", PEER_CONTROLLER, ""), "ia2", "db01",
            "the certificate is of agent db02, not of agent db01", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RPC_TEST(call_and_reply),
        RPC_TEST(answers_later),
        RPC_TEST(calls_wait_in_order),
        RPC_TEST(cancel_and_free_at_any_time),
        RPC_TEST(kept_connection_that_died),
        RPC_TEST(lost_after_sending),
        RPC_TEST(reply_never_exceeds_a_frame),
        RPC_TEST(fanout_keeps_one_deadline),
        RPC_TEST(dead_host_keeps_the_deadline),
        RPC_TEST(silent_host_is_found_early),
        RPC_TEST(silent_host_of_an_open_link_is_found_early),
        RPC_TEST(accepted_connection_is_an_answer),
        RPC_TEST(wrong_certificates),
    };

    return RPC_RUN(tests);
}
