/* An agent and a controller on one loop, over real TLS on loopback: what the tests of calls share.
 * Only test programs include this. */
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/address.h"
#include "proto/hello.h"
#include "proto/tls.h"
#include "tests/unit/proto/pki.h"
#include "tests/unit/unit.h"

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

static inline void answer(struct agent *a, struct rpc_request *r)
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

static inline void on_request(void *arg, struct rpc_request *r)
{
    struct agent *a = arg;

    a->seen++;
    a->verb = r->q.verb;
    if (a->silent)
        a->held = r;
    else
        answer(a, r);
}

static inline void on_log(void *arg, const struct err *e, const char *address)
{
    struct agent *a = arg;

    (void)address;
    char *end;
    long long more = strtoll(e->msg, &end, 10);

    a->logged++;
    a->refused += strncmp(end, " more like this", 15) == 0 ? more : 1;
    a->log = *e;
}

static inline void agent_start_with(struct agent *a, struct tls_context *tls, const char *node,
                                    const struct rpc_limits *limits)
{
    struct err e;

    *a = (struct agent){.tls = tls};
    if (rpc_server_start(loop, tls, "ia2", node, "127.0.0.1:0", limits, on_request, on_log, a,
                         &a->server, &e) < 0)
        fail_msg("%s", e.msg);
    STR_PRINTF(a->address, "127.0.0.1:%d", rpc_server_port(a->server));
}

static inline struct tls_context *server_tls(void)
{
    return pki_context("our", "agent-db01", "ia2", PEER_AGENT, "db01");
}

static inline void agent_start(struct agent *a)
{
    agent_start_with(a, server_tls(), "db01", NULL);
}

static inline void hasty_agent_start(struct agent *a)
{
    struct rpc_limits limits = {.hello_timeout_ms = 200 * pace, .log_minute_ms = 1000};

    agent_start_with(a, server_tls(), "db01", &limits);
}

static inline void agent_stop(struct agent *a)
{
    if (a->held)
        answer(a, a->held);
    rpc_server_free(a->server);
    tls_context_free(a->tls);
}

static inline int setup(void **state)
{
    (void)state;
    loop = loop_new();
    controller_tls = pki_context("our", "controller-ctl", "ia2", PEER_CONTROLLER, "");
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    tls_context_free(controller_tls);
    return 0;
}

static inline struct rpc_peer *peer_to(const struct agent *a)
{
    return rpc_peer_new(loop, controller_tls, "ia2", "db01", a->address, PEER_CONTROLLER, "ctl");
}

static inline struct rpc_result call(struct rpc_peer *p, int verb, int64_t timeout_ms,
                                     struct arena *a)
{
    struct request q = {.verb = verb, .epoch = 7, .seq = 1};
    const struct request *qs[] = {&q};
    struct rpc_result r;

    rpc_fanout(loop, &p, qs, 1, timeout_ms * pace, a, &r);
    return r;
}

static inline void run_for(int64_t ms)
{
    bool never = false;

    loop_wait(loop, &never, ms * pace, NULL);
}

static inline void assert_says(const struct err *e, int code, const char *words)
{
    if (e->code != code || !strstr(e->msg, words))
        fail_msg("expected %s \"%s\", got %s \"%s\"", err_name(code), words, err_name(e->code),
                 e->msg);
}

static inline struct hello hello_of(enum peer_role role, const char *node)
{
    struct hello h;

    hello_fill(&h, role, "ia2", node);
    return h;
}

/* ---- sockets by hand ------------------------------------------------------------------------- */

/* a TCP listener that accepts (in the kernel) and never says a word */
static inline int silent_listener(char address[ADDRESS_BYTES])
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

/* TLS by hand on a socket: the handshake, and nothing of ours after it */
static inline void shake_hands(struct tls *t, int fd)
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

static inline void send_tls(struct tls *t, int fd, const void *bytes, size_t len)
{
    struct buf out;

    assert_int_equal(tls_write(t, bytes, len, NULL), 0);
    buf_init(&out, 200000);
    tls_output(t, &out);
    assert_int_equal(send(fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_free(&out);
    run_for(5);
}

/* ---- the program ----------------------------------------------------------------------------- */

/* How many wait for each processor: on a busy machine everything takes so much longer. */
static inline int64_t share_of_a_processor(void)
{
    double load;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (processors < 1 || getloadavg(&load, 1) < 1)
        return 1;
    return 1 + (int64_t)(load / (double)processors);
}

#define RPC_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Run them all at the pace of this machine; returns main's exit status. */
#define RPC_RUN(tests) (set_pace(), cmocka_run_group_tests(tests, pki_setup, pki_teardown))

static inline void set_pace(void)
{
    const char *preload = getenv("LD_PRELOAD");

    if (preload && strstr(preload, "vgpreload"))
        pace = 5;
    pace *= share_of_a_processor();
}
