/* Clients that do what ours never would: what the server makes of each, and that it goes on serving
 * others. */
#include "tests/unit/proto/rpc_pair.h"

#include <fcntl.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/refusals.h"

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

/* Each verb there is, asked by a monitor: three look, and nothing else comes past the server. */
static void monitors_only_look(void **state)
{
    static const bool looks[VERB_COUNT] = {
        [VERB_OBSERVE] = true, [VERB_EVIDENCE] = true, [VERB_INSPECT] = true};
    struct tls_context *tls = pki_context("our", "monitor-mon", "ia2", PEER_CONTROLLER, "");
    struct hello hello = hello_of(PEER_MONITOR, "mon");
    struct agent agent;
    struct raw r;
    size_t seen = 0;

    (void)state;
    agent_start(&agent);
    raw_open(&r, &agent, tls, &hello);
    assert_true(r.up);
    for (size_t v = 0; v < VERB_COUNT; v++) {
        char request[100];

        STR_PRINTF(request, "{\"verb\":\"%s\",\"epoch\":9,\"seq\":1}", verb_names[v]);
        raw_send(&r, request);
        if (!strstr(r.last, looks[v] ? "\"ok\":true" : "\"code\":\"refused\"") ||
            (!looks[v] && !strstr(r.last, "a monitor may look")))
            fail_msg("%s: %s", verb_names[v], r.last);
        seen += looks[v];
        assert_int_equal(agent.seen, seen);
        assert_false(verb_changes((enum verb)v) && verb_open_to((enum verb)v, PEER_MONITOR));
    }
    conn_close(r.conn);
    /* and it cannot say that it is a controller */
    hello = hello_of(PEER_CONTROLLER, "ctl");
    raw_open(&r, &agent, tls, &hello);
    assert_true(r.closed);
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
                "the peer (pgtandem 0.1.0) speaks 1 to 3, we (pgtandem 9.0) "
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RPC_TEST(agents_only_observe),
        RPC_TEST(monitors_only_look),
        RPC_TEST(versions_without_overlap),
        RPC_TEST(older_controller),
        RPC_TEST(broken_requests),
        RPC_TEST(pipelined_requests),
        RPC_TEST(garbage),
        RPC_TEST(refusals_of_each_kind),
        RPC_TEST(slow_hello),
        RPC_TEST(no_hello_after_tls),
        RPC_TEST(wrong_first_messages),
        RPC_TEST(torn_frames),
        RPC_TEST(too_many_connections),
    };

    return RPC_RUN(tests);
}
