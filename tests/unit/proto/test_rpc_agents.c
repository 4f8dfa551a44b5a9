/* Agents that misbehave, and older ones: what the caller makes of them. */
#include "tests/unit/proto/rpc_pair.h"

#include "base/clock.h"
#include "proto/conn.h"
#include "proto/frame.h"
#include "proto/listener.h"

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
    bad.hello.version_min = bad.hello.version_max = 4;
    struct rpc_result r = call(p, VERB_FENCE, 1000, a);
    assert_says(&r.e, ERR_PROTOCOL, "speaks 4 to 4, we (pgtandem 0.1.0) speak 1 to 3");
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

static void on_reply(void *arg, const struct reply *r, const struct err *e)
{
    bool *failed = arg;

    (void)e;
    assert_null(r);
    *failed = true;
}

static void reply_that_never_ends(void **state)
{
    AUTO(arena) a = arena_new();
    char address[ADDRESS_BYTES], bytes[4096];
    int fd = silent_listener(address), conn = -1;
    struct tls_context *tls = server_tls();
    struct tls *t = tls_new(tls, NULL);
    struct request q = {.verb = VERB_OBSERVE};
    bool failed = false;
    ssize_t n;

    (void)state;
    struct rpc_peer *p =
        rpc_peer_new(loop, controller_tls, "ia2", "db01", address, PEER_CONTROLLER, "ctl");
    int64_t began_ms = clock_mono_ms();
    rpc_call(p, &q, 400 * pace, on_reply, &failed);
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
    while (!failed && clock_mono_ms() - began_ms < 2000 * pace) {
        send_tls(t, conn, " ", 1);
        while ((n = recv(conn, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
            tls_feed(t, bytes, (size_t)n);
    }
    assert_true(failed);
    assert_true(clock_mono_ms() - began_ms < 600 * pace);
    rpc_peer_free(p);
    tls_free(t);
    tls_context_free(tls);
    close(conn);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RPC_TEST(replies_that_cannot_be_read),
        RPC_TEST(older_agent),
        RPC_TEST(reply_that_never_ends),
    };

    return RPC_RUN(tests);
}
