/* Calls over real TLS on loopback: what works, and each way in which a peer can be wrong. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/address.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/hello.h"
#include "proto/listener.h"
#include "proto/refusals.h"
#include "proto/tls.h"
#include "tests/unit/pki.h"

/* ---- an agent and a controller on one loop --------------------------------------------------- */

struct agent {
    struct rpc_server *server;
    struct tls_context *tls;
    char address[ADDRESS_BYTES];
    int seen;                 /* requests that reached the handler */
    int verb;                 /* the last one's */
    bool silent;              /* do not answer */
    struct rpc_request *held; /* the one not answered */
    int logged;               /* calls of the log */
    long long refused;        /* peers that they were about */
    struct err log;
};

/* all times are multiplied by this: under valgrind a handshake takes 200 ms */
static int64_t pace = 1;

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
    char *end;
    long long more = strtoll(e->msg, &end, 10);

    a->logged++;
    a->refused += strncmp(end, " more like this", 15) == 0 ? more : 1;
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
    agent_start_with(a, pki_context("our", "agent-db01", "ia2", PEER_AGENT, "db01"), "db01", NULL);
}

static void hasty_agent_start(struct agent *a)
{
    struct rpc_limits limits = {.hello_timeout_ms = 200 * pace, .log_minute_ms = 1000};

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

    rpc_fanout(loop, &p, qs, 1, timeout_ms * pace, a, &r);
    return r;
}

static void run_for(int64_t ms)
{
    bool never = false;

    loop_wait(loop, &never, ms * pace, NULL);
}

static void assert_says(const struct err *e, int code, const char *words)
{
    if (e->code != code || !strstr(e->msg, words))
        fail_msg("expected %s \"%s\", got %s \"%s\"", err_name(code), words, err_name(e->code),
                 e->msg);
}

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
    char *text = mem_alloc(40001);

    memset(text, '"', 40000); /* two bytes each as JSON */
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
    assert_says(&r.e, ERR_TOO_LONG, "at most 65536 fit");
    assert_int_equal(agent.seen, seen);
    mem_free(text);
    rpc_peer_free(p);
    agent_stop(&agent);
}

/* ---- fan-out --------------------------------------------------------------------------------- */

/* a TCP listener that accepts (in the kernel) and never says a word */
static int silent_listener(char address[ADDRESS_BYTES])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &bytes), 0);
    str_printf(address, ADDRESS_BYTES, "127.0.0.1:%d", ntohs(in.sin_port));
    return fd;
}

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
 * it with a refusal, keeps it, and so does a request that changes something */
static void silent_host_is_found_early(void **state)
{
    AUTO(arena) a = arena_new();
    struct dead_port agent, postgres;

    (void)state;
    dead_port_open(&agent);
    dead_port_open(&postgres);
    struct rpc_result r = call_knocking(agent.address, postgres.address, VERB_OBSERVE, 5000, a);
    assert_says(&r.e, ERR_UNREACHABLE, "its host is silent: no answer to 3 connection requests");
    assert_true(r.elapsed_ms >= 295 && r.elapsed_ms < 2500 * pace);
    r = call_knocking(agent.address, postgres.address, VERB_FENCE, 600, a);
    assert_says(&r.e, ERR_UNREACHABLE, "timed out connecting within");
    assert_true(r.elapsed_ms >= 595 * pace);
    r = call_knocking(agent.address, "127.0.0.1:1", VERB_OBSERVE, 600, a);
    assert_says(&r.e, ERR_UNREACHABLE, "timed out connecting within");
    assert_true(r.elapsed_ms >= 595 * pace);
    dead_port_close(&postgres);
    dead_port_close(&agent);
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

static struct tls_context *server_tls(void)
{
    return pki_context("our", "agent-db01", "ia2", PEER_AGENT, "db01");
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

/* ---- a client that does what ours never would ------------------------------------------------ */

struct raw {
    struct conn *conn;
    bool up, closed, news;
    struct err e;
    char last[1024];
    int frames;
};

static void raw_up(void *arg)
{
    struct raw *r = arg;

    r->up = r->news = true;
}

static void raw_frame(void *arg, const char *json, size_t len)
{
    struct raw *r = arg;

    r->frames++;
    r->news = true;
    str_printf(r->last, sizeof(r->last), "%.*s", (int)(len < 1000 ? len : 1000), json);
}

static void raw_closed(void *arg, const struct err *e)
{
    struct raw *r = arg;

    r->closed = r->news = true;
    r->conn = NULL;
    r->e = *e;
}

static void raw_open(struct raw *r, const struct agent *a, struct tls_context *tls,
                     const struct hello *hello)
{
    struct conn_config cfg = {
        .loop = loop,
        .tls = tls,
        .peer_node = "db01",
        .self = *hello,
        .on = {.up = raw_up, .frame = raw_frame, .closed = raw_closed, .arg = r},
    };
    struct err e;

    *r = (struct raw){0};
    assert_int_equal(conn_connect(&cfg, a->address, &r->conn, &e), 0);
    loop_wait(loop, &r->news, 2000 * pace, NULL);
    run_for(5);
}

static void raw_send(struct raw *r, const char *json)
{
    struct err e;

    assert_false(r->closed);
    r->news = false;
    assert_int_equal(conn_send(r->conn, json, strlen(json), &e), 0);
    loop_wait(loop, &r->news, 2000 * pace, NULL);
}

static struct hello hello_of(enum peer_role role, const char *node)
{
    struct hello h;

    hello_fill(&h, role, "ia2", node);
    return h;
}

static void agents_only_observe(void **state)
{
    struct agent agent;
    struct tls_context *tls = pki_context("our", "agent-db02", "ia2", PEER_AGENT, "db02");
    struct hello hello = hello_of(PEER_AGENT, "db02");
    struct raw r;

    (void)state;
    agent_start(&agent);
    raw_open(&r, &agent, tls, &hello);
    assert_true(r.up);
    raw_send(&r, "{\"verb\":\"fence\",\"epoch\":9,\"seq\":1}");
    assert_non_null(strstr(r.last, "\"code\":\"refused\""));
    assert_non_null(strstr(r.last, "another agent may only observe"));
    raw_send(&r, "{\"verb\":\"cron-show\"}");
    assert_non_null(strstr(r.last, "\"code\":\"refused\""));
    assert_int_equal(agent.seen, 0);
    raw_send(&r, "{\"verb\":\"observe\"}");
    assert_non_null(strstr(r.last, "\"ok\":true"));
    assert_int_equal(agent.seen, 1);
    conn_close(r.conn);
    /* and it cannot say that it is a controller, or another agent */
    hello = hello_of(PEER_CONTROLLER, "ctl");
    raw_open(&r, &agent, tls, &hello);
    assert_true(r.closed);
    hello = hello_of(PEER_AGENT, "db01");
    raw_open(&r, &agent, tls, &hello);
    assert_true(r.closed);
    assert_int_equal(agent.seen, 1);
    agent_stop(&agent);
    tls_context_free(tls);
}

static void versions_without_overlap(void **state)
{
    struct agent agent;
    struct hello hello = hello_of(PEER_CONTROLLER, "ctl");
    struct raw r;

    (void)state;
    hello.version_min = 5;
    hello.version_max = 6;
    STR_COPY(hello.software, "pgtandem 9.0");
    agent_start(&agent);
    raw_open(&r, &agent, controller_tls, &hello);
    assert_true(r.closed);
    assert_says(&r.e, ERR_PROTOCOL,
                "the peer (pgtandem 0.1.0) speaks 1 to 2, we (pgtandem 9.0) "
                "speak 5 to 6");
    assert_says(&agent.log, ERR_PROTOCOL, "the peer (pgtandem 9.0) speaks 5 to 6");
    agent_stop(&agent);
}

/* A controller of protocol 1: it would refuse a key that it does not know. */
static void older_controller(void **state)
{
    struct agent agent;
    struct hello hello = hello_of(PEER_CONTROLLER, "ctl");
    struct raw r;

    (void)state;
    agent_start(&agent);
    raw_open(&r, &agent, controller_tls, &hello);
    raw_send(&r, "{\"verb\":\"observe\"}");
    assert_non_null(strstr(r.last, "\"mode\":"));
    conn_close(r.conn);
    hello.version_max = 1;
    raw_open(&r, &agent, controller_tls, &hello);
    raw_send(&r, "{\"verb\":\"observe\"}");
    assert_non_null(strstr(r.last, "\"starting_act\":"));
    assert_null(strstr(r.last, "\"mode\":"));
    conn_close(r.conn);
    agent_stop(&agent);
}

static void broken_requests(void **state)
{
    static const char *const texts[][2] = {
        {"{\"verb\":\"observe\",\"surprise\":1}", "surprise"},
        {"{\"verb\":\"observe\",\"verb\":\"fence\"}", "duplicate"},
        {"{\"verb\":\"explode\"}", "verb"},
        {"{\"epoch\":1}", "required key is missing"},
        {"{\"verb\":\"observe\"} x", "end of file expected"},
        {"{\"verb\":\"observe\",\"seq\":-1}", "seq"},
        {"[]", "must be an object"},
        {"\377\376", "not JSON"},
    };
    struct agent agent;
    struct hello hello = hello_of(PEER_CONTROLLER, "ctl");
    struct raw r;

    (void)state;
    agent_start(&agent);
    raw_open(&r, &agent, controller_tls, &hello);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        raw_send(&r, texts[i][0]);
        if (!strstr(r.last, "\"code\":\"protocol\"") || !strstr(r.last, texts[i][1]))
            fail_msg("%s: %s", texts[i][0], r.last);
    }
    char *deep = mem_alloc(60001);
    memset(deep, '[', 60000);
    raw_send(&r, deep);
    assert_non_null(strstr(r.last, "maximum parsing depth"));
    mem_free(deep);
    assert_int_equal(agent.seen, 0);
    raw_send(&r, "{\"verb\":\"observe\"}");
    assert_int_equal(agent.seen, 1);
    conn_close(r.conn);
    agent_stop(&agent);
}

static void pipelined_requests(void **state)
{
    struct agent agent;
    struct hello hello = hello_of(PEER_CONTROLLER, "ctl");
    struct raw r;
    struct err e;
    const char *q = "{\"verb\":\"observe\"}";

    (void)state;
    agent_start(&agent);
    raw_open(&r, &agent, controller_tls, &hello);
    agent.silent = true;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(conn_send(r.conn, q, strlen(q), &e), 0);
    run_for(100);
    assert_int_equal(agent.seen, 1); /* one at a time */
    for (int i = 0; i < 1000; i++) {
        agent.silent = i < 20; /* some answered later, some at once */
        answer(&agent, agent.held);
        run_for(2);
        if (!agent.held)
            break;
    }
    for (int i = 0; i < 100 && r.frames < 1000; i++)
        run_for(20);
    assert_int_equal(agent.seen, 1000);
    assert_int_equal(r.frames, 1000);
    conn_close(r.conn);
    agent_stop(&agent);
}

/* ---- bytes that are not even TLS ------------------------------------------------------------- */

static int raw_socket(const struct agent *a)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    long long port;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    assert_true(str_to_int(strchr(a->address, ':') + 1, 1, 65535, &port));
    in.sin_port = htons((uint16_t)port);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/* the other end has closed: end of file or reset */
static bool is_closed(int fd)
{
    char bytes[256];
    ssize_t n;

    while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        ;
    return n == 0 || errno == ECONNRESET;
}

/* soon: a busy machine may not let us look for a while */
static bool closes(int fd)
{
    for (int i = 0; i < 400 && !is_closed(fd); i++)
        run_for(5);
    return is_closed(fd);
}

static void assert_still_serves(struct agent *agent)
{
    AUTO(arena) a = arena_new();
    struct rpc_peer *p = peer_to(agent);
    struct rpc_result r = call(p, VERB_OBSERVE, 2000, a);

    if (!r.reply)
        fail_msg("%s", r.e.msg);
    rpc_peer_free(p);
}

static void garbage(void **state)
{
    struct agent agent;
    char bytes[4096];
    unsigned seed = 1;
    int64_t began_ms = clock_mono_ms();

    (void)state;
    hasty_agent_start(&agent);
    for (int i = 0; i < 50; i++) {
        int fd = raw_socket(&agent);
        for (size_t n = 0; n < sizeof(bytes); n++)
            bytes[n] = (char)rand_r(&seed);
        if (i == 0)
            STR_COPY(bytes, "GET / HTTP/1.0\r\n\r\n");
        if (i % 2) /* as if it were the beginning of TLS */
            memcpy(bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        assert_true(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0);
        assert_true(closes(fd));
        close(fd);
    }
    assert_int_equal(agent.seen, 0);
    run_for(1100);
    /* each is counted; of each kind five are told, and then the sum */
    assert_int_equal(agent.refused, 50);
    assert_true(agent.logged < 30 * (2 + (clock_mono_ms() - began_ms) / 1000));
    assert_still_serves(&agent);
    agent_stop(&agent);
}

/* A flood of one kind is five lines and a sum, and hides none of another. */
static void refusals_of_each_kind(void **state)
{
    struct agent told = {.logged = 0};
    struct refusals *r = refusals_new(loop, 100 * pace, on_log, &told);
    struct err e;

    (void)state;
    for (int i = 0; i < 4716; i++) {
        err_set(&e, ERR_PROTOCOL, NULL, "a frame of %d bytes was announced", i);
        refusals_tell(r, &e, "10.0.0.1:1");
    }
    assert_int_equal(told.logged, 5);
    err_set(&e, ERR_TLS, NULL, "the peer's certificate is refused: expired");
    refusals_tell(r, &e, "10.0.0.2:1");
    assert_int_equal(told.logged, 6);
    assert_string_equal(told.log.msg, "the peer's certificate is refused: expired");
    run_for(200);
    assert_int_equal(told.logged, 7);
    assert_non_null(strstr(told.log.msg, "4711 more like this within "));
    assert_non_null(strstr(told.log.msg, "a frame of 4715 bytes was announced"));
    assert_int_equal(told.refused, 4717);
    refusals_free(r);
}

static void slow_hello(void **state)
{
    struct agent agent;
    static const char client_hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

    (void)state;
    hasty_agent_start(&agent); /* 200 ms until the hello */
    int mute = raw_socket(&agent), slow = raw_socket(&agent);
    int64_t began_ms = clock_mono_ms();
    for (int i = 0; i < 100 && !is_closed(slow); i++) {
        (void)send(slow, client_hello + i % 11, 1, MSG_NOSIGNAL);
        run_for(20);
    }
    assert_true(closes(mute));
    assert_true(clock_mono_ms() - began_ms < 1000 * pace);
    assert_int_equal(agent.log.code, ERR_TIMEOUT);
    assert_still_serves(&agent);
    close(mute);
    close(slow);
    agent_stop(&agent);
}

/* TLS by hand on a socket: the handshake, and nothing of ours after it */
static void shake_hands(struct tls *t, int fd)
{
    char bytes[4096];
    struct buf out;
    ssize_t n;
    int r = 0;

    for (int i = 0; i < 20 && r == 0; i++) {
        r = tls_handshake(t, NULL);
        buf_init(&out, 65536);
        tls_output(t, &out);
        if (out.len > 0)
            assert_int_equal(send(fd, out.data, out.len, MSG_NOSIGNAL), out.len);
        buf_free(&out);
        run_for(5);
        while ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
            tls_feed(t, bytes, (size_t)n);
    }
    assert_int_equal(r, 1);
}

static void send_tls(struct tls *t, int fd, const void *bytes, size_t len)
{
    struct buf out;

    assert_int_equal(tls_write(t, bytes, len, NULL), 0);
    buf_init(&out, 200000);
    tls_output(t, &out);
    assert_int_equal(send(fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_free(&out);
    run_for(5);
}

static void no_hello_after_tls(void **state)
{
    struct agent agent;
    struct tls *t = tls_new(controller_tls, "db01");

    (void)state;
    hasty_agent_start(&agent);
    int64_t began_ms = clock_mono_ms();
    int fd = raw_socket(&agent);
    shake_hands(t, fd);
    bool closed = is_closed(fd);
    assert_true(!closed || clock_mono_ms() - began_ms >= 200 * pace);
    assert_true(closes(fd));
    assert_says(&agent.log, ERR_TIMEOUT, "did not finish its handshake and hello");
    tls_free(t);
    close(fd);
    agent_stop(&agent);
}

static void wrong_first_messages(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *log;
    } cases[] = {
        {"\0\0\0\0", 4, "a frame of 0 bytes"},
        {"\0\1\0\0", 4, "a frame of 65536 bytes was announced, 1 to 1024 are allowed here"},
        {"\377\377\377\377", 4, "a frame of 4294967295 bytes"},
        {"\0\0\0\2[]", 6, "is not a hello"},
        {"\0\0\0\2{x", 6, "is not JSON"},
        {"\0\0\0\022{\"verb\":\"observe\"}", 22, "is not a hello"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct agent agent;
        struct tls *t = tls_new(controller_tls, "db01");
        agent_start(&agent);
        int fd = raw_socket(&agent);
        shake_hands(t, fd);
        send_tls(t, fd, cases[i].bytes, cases[i].len);
        if (!closes(fd))
            fail_msg("still open after: %s", cases[i].log);
        assert_says(&agent.log, ERR_PROTOCOL, cases[i].log);
        assert_int_equal(agent.seen, 0);
        tls_free(t);
        close(fd);
        agent_stop(&agent);
    }
}

/* hello and a request, torn into single bytes, each in its own TLS record */
static void torn_frames(void **state)
{
    static const char hello[] = "{\"version_min\":1,\"version_max\":1,\"cluster\":\"ia2\","
                                "\"role\":\"controller\"}";
    static const char request[] = "{\"verb\":\"observe\"}";
    struct agent agent;
    struct rpc_limits limits = {.hello_timeout_ms = 10000 * pace};
    struct tls *t = tls_new(controller_tls, "db01");
    struct buf out;

    (void)state;
    agent_start_with(&agent, server_tls(), "db01", &limits);
    int fd = raw_socket(&agent);
    shake_hands(t, fd);
    buf_init(&out, 1000);
    frame_put(&out, hello, strlen(hello), NULL);
    frame_put(&out, request, strlen(request), NULL);
    for (size_t i = 0; i < out.len; i++) {
        assert_int_equal(agent.seen, 0);
        send_tls(t, fd, out.data + i, 1);
    }
    run_for(20);
    assert_int_equal(agent.seen, 1);
    assert_int_equal(agent.logged, 0);
    buf_free(&out);
    tls_free(t);
    close(fd);
    agent_stop(&agent);
}

/* ---- agents that misbehave: what the caller makes of it -------------------------------------- */

struct bad_agent {
    struct listener *listener;
    struct conn *conn;
    struct tls_context *tls;
    struct hello hello;
    char address[ADDRESS_BYTES];
    const char *reply; /* to each request; NULL: none */
    struct err e;
    int requests;
};

static void bad_frame(void *arg, const char *json, size_t len)
{
    struct bad_agent *b = arg;
    struct err e;

    (void)json;
    (void)len;
    b->requests++;
    if (b->reply)
        conn_send(b->conn, b->reply, strlen(b->reply), &e);
}

static void bad_up(void *arg)
{
    (void)arg;
}

static void bad_closed(void *arg, const struct err *e)
{
    struct bad_agent *b = arg;

    b->conn = NULL;
    b->e = *e;
}

static bool bad_connection(void *arg, int fd, const char *address)
{
    struct bad_agent *b = arg;
    struct conn_config cfg = {
        .loop = loop,
        .tls = b->tls,
        .self = b->hello,
        .on = {.up = bad_up, .frame = bad_frame, .closed = bad_closed, .arg = b},
    };
    struct err e;

    conn_close(b->conn);
    assert_int_equal(conn_accept(&cfg, fd, address, &b->conn, &e), 0);
    return true;
}

static void bad_start(struct bad_agent *b)
{
    const struct listener_events events = {bad_connection, NULL, b};

    *b = (struct bad_agent){.tls = server_tls(), .hello = hello_of(PEER_AGENT, "db01")};
    assert_int_equal(listener_start(loop, "127.0.0.1:0", &events, &b->listener, NULL), 0);
    STR_PRINTF(b->address, "127.0.0.1:%d", listener_port(b->listener));
}

static void bad_stop(struct bad_agent *b)
{
    conn_close(b->conn);
    listener_free(b->listener);
    run_for(1);
    tls_context_free(b->tls);
}

static void replies_that_cannot_be_read(void **state)
{
    static const char *const replies[][2] = {
        {"{}", "required key is missing"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"senders\":[{\"state\":7}]}}}", "senders[0].state"},
        {"{\"ok\":true,\"obs\":{\"pg\":{\"flush_lsn\":\"x\"}}}", "flush_lsn"},
        {"{\"ok\":true,\"ok\":false}", "duplicate"},
        {"nonsense", "not JSON"},
    };
    AUTO(arena) a = arena_new();
    struct bad_agent bad;

    (void)state;
    bad_start(&bad);
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", bad.address, PEER_CONTROLLER, "ctl");
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        bad.reply = replies[i][0];
        struct rpc_result r = call(p, VERB_FENCE, 1000, a);
        assert_says(&r.e, ERR_PROTOCOL, replies[i][1]);
        assert_says(&r.e, ERR_PROTOCOL, "the request may have been obeyed");
    }
    bad.hello.version_min = bad.hello.version_max = 3;
    struct rpc_result r = call(p, VERB_FENCE, 1000, a);
    assert_says(&r.e, ERR_PROTOCOL, "speaks 3 to 3, we (pgtandem 0.1.0) speak 1 to 2");
    rpc_peer_free(p);
    bad_stop(&bad);
}

/* An agent of protocol 1: what it knows it is asked, what came later is not sent to it. */
static void older_agent(void **state)
{
    AUTO(arena) a = arena_new();
    struct bad_agent old;

    (void)state;
    bad_start(&old);
    old.hello.version_max = 1;
    old.reply = "{\"ok\":true}";
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", old.address, PEER_CONTROLLER, "ctl");
    for (int v = 0, asked = 0; v < VERB_COUNT; v++) {
        struct rpc_result r = call(p, v, 1000, a);
        asked += verb_since((enum verb)v) == 1;
        assert_int_equal(old.requests, asked);
        if (verb_since((enum verb)v) == 1) {
            assert_non_null(r.reply);
            assert_int_equal(r.reply->version, 1);
        } else {
            assert_says(&r.e, ERR_SKEW, "speaks protocol 1, ");
            assert_says(&r.e, ERR_SKEW, "nothing was sent");
            assert_non_null(strstr(r.e.hint, "systemctl restart pgtandem-agent"));
        }
    }
    rpc_peer_free(p);
    bad_stop(&old);
}

static void reply_that_never_ends(void **state)
{
    AUTO(arena) a = arena_new();
    char address[ADDRESS_BYTES], bytes[4096];
    int fd = silent_listener(address), conn = -1;
    struct tls_context *tls = server_tls();
    struct tls *t = tls_new(tls, NULL);
    struct request q = {.verb = VERB_OBSERVE};
    struct order o = {0};
    ssize_t n;

    (void)state;
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", address, PEER_CONTROLLER, "ctl");
    int64_t began_ms = clock_mono_ms();
    rpc_call(p, &q, 400 * pace, reply_a, &o);
    run_for(5);
    conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(conn >= 0);
    shake_hands(t, conn);
    struct buf out;
    buf_init(&out, 2000);
    char *hello = field_to_text(&hello_table,
                                &(struct hello){.version_min = 1,
                                                .version_max = 1,
                                                .cluster = "ia2",
                                                .node = "db01",
                                                .role = PEER_AGENT},
                                a);
    frame_put(&out, hello, strlen(hello), NULL);
    buf_add(&out, "\0\1\0\0{\"ok\":", 10); /* 64 KiB to come, at a byte for each turn */
    send_tls(t, conn, out.data, out.len);
    buf_free(&out);
    while (o.text[0] == '\0' && clock_mono_ms() - began_ms < 2000 * pace) {
        send_tls(t, conn, " ", 1);
        while ((n = recv(conn, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
            tls_feed(t, bytes, (size_t)n);
    }
    assert_string_equal(o.text, "1");
    assert_true(clock_mono_ms() - began_ms < 600 * pace);
    rpc_peer_free(p);
    tls_free(t);
    tls_context_free(tls);
    close(conn);
    close(fd);
}

/* A flood from one host pushes out itself, not a controller that is up. */
static void too_many_connections(void **state)
{
    AUTO(arena) a = arena_new();
    struct agent agent;
    struct rpc_limits limits = {.max_connections = 8};
    int fds[200], open = 0;

    (void)state;
    agent_start_with(&agent, server_tls(), "db01", &limits);
    struct rpc_peer *p = peer_to(&agent);
    assert_non_null(call(p, VERB_OBSERVE, 1000, a).reply);
    for (size_t i = 0; i < 200; i++) {
        fds[i] = raw_socket(&agent);
        if (i % 10 == 0)
            run_for(1);
    }
    run_for(50);
    for (size_t i = 0; i < 200; i++)
        open += !is_closed(fds[i]);
    assert_int_equal(open, 2); /* a quarter of what fits, of one host */
    run_for(300);
    assert_still_serves(&agent); /* a newcomer, too, once those have had their time */
    assert_non_null(call(p, VERB_FENCE, 1000, a).reply);
    for (size_t i = 0; i < 200; i++)
        close(fds[i]);
    rpc_peer_free(p);
    agent_stop(&agent);
}

/* How many wait for each processor: on a busy machine everything takes so much longer. */
static int64_t share_of_a_processor(void)
{
    double load;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 1 || getloadavg(&load, 1) < 1)
        return 1;
    return 1 + (int64_t)(load / (double)processors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_and_reply),
        TEST(answers_later),
        TEST(calls_wait_in_order),
        TEST(cancel_and_free_at_any_time),
        TEST(kept_connection_that_died),
        TEST(lost_after_sending),
        TEST(reply_never_exceeds_a_frame),
        TEST(fanout_keeps_one_deadline),
        TEST(dead_host_keeps_the_deadline),
        TEST(silent_host_is_found_early),
        TEST(accepted_connection_is_an_answer),
        TEST(wrong_certificates),
        TEST(agents_only_observe),
        TEST(versions_without_overlap),
        TEST(older_controller),
        TEST(broken_requests),
        TEST(pipelined_requests),
        TEST(garbage),
        TEST(refusals_of_each_kind),
        TEST(slow_hello),
        TEST(no_hello_after_tls),
        TEST(wrong_first_messages),
        TEST(torn_frames),
        TEST(replies_that_cannot_be_read),
        TEST(older_agent),
        TEST(reply_that_never_ends),
        TEST(too_many_connections),
    };
    const char *preload = getenv("LD_PRELOAD");

    if (preload && strstr(preload, "vgpreload"))
        pace = 5;
    pace *= share_of_a_processor();
    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
