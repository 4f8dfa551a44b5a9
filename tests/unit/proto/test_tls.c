/* proto/tls: both sides in memory; every certificate that must not be accepted. */
#include "proto/tls.h"

#include <openssl/ssl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "tests/unit/proto/pki.h"
#include "tests/unit/unit.h"

enum { DAY_S = 86400 };

/* ---- two sides and the wire between them ----------------------------------------------------- */

struct pair {
    struct tls_context *client_context, *server_context;
    struct tls *client, *server;
    int client_result, server_result; /* of the handshake */
    struct err client_error, server_error;
};

/* from one side to the other; how many bytes there were */
static size_t carry(struct tls *from, struct tls *to)
{
    struct buf b;
    size_t len;

    buf_init(&b, 1000000);
    tls_output(from, &b);
    tls_feed(to, b.data, b.len);
    len = b.len;
    buf_free(&b);
    return len;
}

static void shake(struct pair *p)
{
    for (int i = 0; i < 5; i++) {
        if (p->client_result == 0)
            p->client_result = tls_handshake(p->client, &p->client_error);
        carry(p->client, p->server);
        if (p->server_result == 0)
            p->server_result = tls_handshake(p->server, &p->server_error);
        carry(p->server, p->client);
    }
}

static struct pair pair_of(struct tls_context *client, struct tls_context *server)
{
    struct pair p = {.client_context = client, .server_context = server};

    p.client = tls_new(client, "db01");
    p.server = tls_new(server, NULL);
    shake(&p);
    return p;
}

static void pair_free(struct pair *p)
{
    tls_free(p->client);
    tls_free(p->server);
    tls_context_free(p->client_context);
    tls_context_free(p->server_context);
}

static struct tls_context *controller(void)
{
    return pki_context("our", "controller-ctl", "ia2", PEER_CONTROLLER, "");
}

static struct tls_context *agent(const char *stem)
{
    return pki_context("our", stem, "ia2", PEER_AGENT, "db01");
}

static void assert_says(const struct err *e, const char *words)
{
    assert_true(e->code == ERR_TLS || e->code == ERR_EXPIRED);
    if (!strstr(e->msg, words))
        fail_msg("expected \"%s\", got \"%s\"", words, e->msg);
}

/* what the client reads after the server has refused it */
static void assert_client_learns(struct pair *p, const char *words)
{
    struct buf plain;
    struct err e;

    assert_int_equal(p->client_result, 1); /* in TLS 1.3 its own handshake is over */
    buf_init(&plain, 1000);
    assert_int_equal(tls_read(p->client, &plain, &e), ERR_TLS);
    assert_says(&e, words);
    buf_free(&plain);
}

/* ---- what works ------------------------------------------------------------------------------ */

static void test_both_know_each_other(void **state)
{
    struct pair p = pair_of(controller(), agent("agent-db01"));
    struct buf plain;

    (void)state;
    assert_int_equal(p.client_result, 1);
    assert_int_equal(p.server_result, 1);
    assert_int_equal(tls_peer_role(p.server), PEER_CONTROLLER);
    assert_string_equal(tls_peer_node(p.server), "");
    assert_int_equal(tls_peer_role(p.client), PEER_AGENT);
    assert_string_equal(tls_peer_node(p.client), "db01");

    buf_init(&plain, 100000);
    assert_int_equal(tls_write(p.client, "hello", 5, NULL), 0);
    carry(p.client, p.server);
    assert_int_equal(tls_read(p.server, &plain, NULL), 1);
    assert_string_equal(plain.data, "hello");
    tls_goodbye(p.client);
    carry(p.client, p.server);
    assert_int_equal(tls_read(p.server, &plain, NULL), 0);
    buf_free(&plain);
    pair_free(&p);
}

static void test_another_agent_may_call(void **state)
{
    struct tls_context *db02 = pki_context("our", "agent-db02", "ia2", PEER_AGENT, "db02");
    struct pair p = pair_of(db02, agent("agent-db01"));

    (void)state;
    assert_int_equal(p.server_result, 1);
    assert_int_equal(tls_peer_role(p.server), PEER_AGENT);
    assert_string_equal(tls_peer_node(p.server), "db02");
    pair_free(&p);
}

/* A controller's program with a monitor's certificate is that, to itself and to the agent; no agent
 * can begin with one, and whoever calls a node does not take a monitor for its agent. */
static void test_a_monitor_is_no_controller(void **state)
{
    struct tls_context *mon = pki_context("our", "monitor-mon", "ia2", PEER_CONTROLLER, "");
    struct pair p = pair_of(mon, agent("agent-db01"));
    struct tls_files f = pki_files("our", "monitor-mon");
    struct tls_context *none;

    (void)state;
    assert_int_equal(tls_context_role(mon), PEER_MONITOR);
    assert_int_equal(p.server_result, 1);
    assert_int_equal(tls_peer_role(p.server), PEER_MONITOR);
    assert_string_equal(tls_peer_node(p.server), "");
    pair_free(&p);
    assert_int_equal(tls_context_new(&f, "ia2", PEER_AGENT, "db01", &none, NULL), ERR_CONFIG);
}

/* the plain buffer's cap holds however much has arrived */
static void test_reading_stops_at_the_cap(void **state)
{
    struct pair p = pair_of(controller(), agent("agent-db01"));
    char *bytes = mem_alloc(50000);
    struct buf plain;

    (void)state;
    assert_int_equal(tls_write(p.client, bytes, 50000, NULL), 0);
    carry(p.client, p.server);
    buf_init(&plain, 20000);
    assert_int_equal(tls_read(p.server, &plain, NULL), 1);
    assert_int_equal(plain.len, 20000);
    assert_true(buf_ok(&plain));
    buf_clear(&plain);
    assert_int_equal(tls_read(p.server, &plain, NULL), 1);
    buf_clear(&plain);
    assert_int_equal(tls_read(p.server, &plain, NULL), 1);
    assert_int_equal(plain.len, 10000);
    buf_free(&plain);
    mem_free(bytes);
    pair_free(&p);
}

static void test_no_tickets(void **state)
{
    struct tls_context *c = controller(), *s = agent("agent-db01");
    struct pair p = {.client_context = c, .server_context = s};
    struct buf b;

    (void)state;
    p.client = tls_new(c, "db01");
    p.server = tls_new(s, NULL);
    tls_handshake(p.client, NULL);
    carry(p.client, p.server);
    tls_handshake(p.server, NULL);
    carry(p.server, p.client);
    assert_int_equal(tls_handshake(p.client, NULL), 1);
    carry(p.client, p.server);
    assert_int_equal(tls_handshake(p.server, NULL), 1);
    buf_init(&b, 10000);
    tls_output(p.server, &b);
    assert_int_equal(b.len, 0); /* the server has nothing to add */
    buf_free(&b);
    pair_free(&p);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_server_refuses_another_ca(void **state)
{
    struct pair p = pair_of(pki_context("other", "controller-ctl", "ia2", PEER_CONTROLLER, ""),
                            agent("agent-db01"));

    (void)state;
    /* each refuses the other; the client is the first to see a certificate */
    assert_int_equal(p.client_result, ERR_TLS);
    assert_says(&p.client_error, "the peer's certificate is refused");
    assert_int_equal(p.server_result, ERR_TLS);
    pair_free(&p);
}

/* a client of OpenSSL's own making: what our server makes of it */
static void foreign_client(SSL_CTX *ctx, const char *server_says)
{
    struct tls_context *server = agent("agent-db01");
    SSL *ssl = SSL_new(ctx);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    struct tls *t = tls_new(server, NULL);
    struct err e = {0};
    char bytes[8192];
    int r = 0;

    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    for (int i = 0; i < 3 && r == 0; i++) {
        struct buf b;
        SSL_do_handshake(ssl);
        int n = BIO_read(out, bytes, sizeof(bytes));
        tls_feed(t, bytes, n > 0 ? (size_t)n : 0);
        r = tls_handshake(t, &e);
        buf_init(&b, 100000);
        tls_output(t, &b);
        BIO_write(in, b.data, (int)b.len);
        buf_free(&b);
    }
    assert_int_equal(r, ERR_TLS);
    assert_says(&e, server_says);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    tls_free(t);
    tls_context_free(server);
}

/* it trusts us, and shows a certificate of another CA that bears the same names */
static void test_server_refuses_a_forged_name(void **state)
{
    struct tls_files f = pki_files("other", "controller-ctl");
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    (void)state;
    SSL_CTX_use_certificate_file(ctx, f.certificate, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(ctx, f.key, SSL_FILETYPE_PEM);
    foreign_client(ctx, "the peer's certificate is refused");
}

static void test_server_refuses_who_shows_nothing(void **state)
{
    (void)state;
    foreign_client(SSL_CTX_new(TLS_client_method()), "peer did not return a certificate");
}

static void test_server_refuses_older_tls(void **state)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    (void)state;
    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    foreign_client(ctx, "unsupported protocol");
}

static void test_dates(void **state)
{
    (void)state;
    pki_resign("controller-ctl", "controller-late", -2 * DAY_S, -DAY_S, NULL);
    pki_resign("controller-ctl", "controller-early", DAY_S, 2 * DAY_S, NULL);
    pki_resign("agent-db01", "agent-late", -2 * DAY_S, -DAY_S, NULL);

    struct pair p = pair_of(pki_context("our", "controller-late", "ia2", PEER_CONTROLLER, ""),
                            agent("agent-db01"));
    assert_says(&p.server_error, "the peer's certificate is refused: certificate has expired");
    assert_client_learns(&p, "the peer refuses our certificate: expired");
    assert_int_equal(tls_context_days_left(p.client_context, clock_wall_ms()), -1);
    pair_free(&p);

    p = pair_of(pki_context("our", "controller-early", "ia2", PEER_CONTROLLER, ""),
                agent("agent-db01"));
    assert_says(&p.server_error, "certificate is not yet valid");
    pair_free(&p);

    p = pair_of(controller(), agent("agent-late"));
    assert_int_equal(p.client_result, ERR_EXPIRED);
    assert_says(&p.client_error, "certificate has expired (valid until ");
    pair_free(&p);
}

static void test_wrong_names(void **state)
{
    (void)state;
    /* signed by our CA, of another cluster */
    struct pair p =
        pair_of(pki_context("our", "controller-foreign", "elsewhere", PEER_CONTROLLER, ""),
                pki_context("our", "agent-foreign", "elsewhere", PEER_AGENT, "foreign"));
    assert_says(&p.client_error, "the certificate is of agent foreign, not of agent db01");
    pair_free(&p);

    struct tls_context *foreign =
        pki_context("our", "controller-foreign", "elsewhere", PEER_CONTROLLER, "");
    p = pair_of(foreign, agent("agent-db01"));
    assert_says(&p.client_error, "\"pgtandem:ia2:agent:db01\" is not of cluster elsewhere");
    pair_free(&p);

    /* the right cluster calls, the wrong node answers */
    p = pair_of(controller(), pki_context("our", "agent-db02", "ia2", PEER_AGENT, "db02"));
    assert_says(&p.client_error, "the certificate is of agent db02, not of agent db01");
    pair_free(&p);
}

/* a client whose certificate our CA has signed, with names as `names` */
static void client_named(const char *stem, const char *names, const char *server_says)
{
    struct tls_files f = pki_files("our", stem);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    pki_resign("controller-ctl", stem, -1, DAY_S, names);
    SSL_CTX_use_certificate_file(ctx, f.certificate, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(ctx, f.key, SSL_FILETYPE_PEM);
    foreign_client(ctx, server_says);
}

static void test_server_refuses_other_names(void **state)
{
    (void)state;
    client_named("n1", "URI:pgtandem:elsewhere:controller", "is not of cluster ia2");
    client_named("n2", "URI:pgtandem:ia2:controller,URI:pgtandem:ia2:agent:db02",
                 "does not have exactly one name");
    client_named("n3", "DNS:ctl.ia2.test", "does not have exactly one name");
    client_named("n4", "DNS:pgtandem:ia2:controller", "does not have exactly one name");
    client_named("n5", "", "does not have exactly one name");
    client_named("n6", "URI:pgtandem:ia2:controllers",
                 "neither a controller's, a monitor's nor an agent's");
    client_named("n7", "URI:pgtandem:ia2:agent:DB 01",
                 "neither a controller's, a monitor's nor an agent's");
}

/* a controller's certificate is for calling, not for answering */
static void test_controller_cannot_pose_as_agent(void **state)
{
    (void)state;
    pki_resign("controller-ctl", "controller-as-agent", -1, DAY_S, "URI:pgtandem:ia2:agent:db01");
    struct pair p = pair_of(controller(), agent("controller-as-agent"));
    assert_int_equal(p.client_result, ERR_TLS);
    assert_says(&p.client_error, "unsuitable certificate purpose");
    pair_free(&p);
}

static void test_every_broken_byte_is_refused(void **state)
{
    (void)state;
    for (size_t at = 0; at < 40; at++) {
        struct pair p = pair_of(controller(), agent("agent-db01"));
        struct buf wire, plain;
        buf_init(&wire, 1000);
        buf_init(&plain, 1000);
        tls_write(p.client, "a request of 18 b.", 18, NULL);
        tls_output(p.client, &wire);
        assert_int_equal(wire.len, 40);
        wire.data[at] ^= 1;
        tls_feed(p.server, wire.data, wire.len);
        /* a longer length waits for more, all else fails; never a byte comes through */
        assert_true(tls_read(p.server, &plain, NULL) != 0);
        assert_int_equal(plain.len, 0);
        buf_free(&wire);
        buf_free(&plain);
        pair_free(&p);
    }
}

/* ---- our own files --------------------------------------------------------------------------- */

static void own(const struct tls_files *f, const char *cluster, enum peer_role role,
                const char *node, const char *says)
{
    struct tls_context *c = NULL;
    struct err e;

    assert_true(tls_context_new(f, cluster, role, node, &c, &e) < 0);
    assert_null(c);
    if (!strstr(e.msg, says))
        fail_msg("expected \"%s\", got \"%s\"", says, e.msg);
}

static void test_own_certificate_must_be_ours(void **state)
{
    struct tls_files f = pki_files("our", "agent-db01"), other = pki_files("other", "agent-db01");

    (void)state;
    own(&f, "ia2", PEER_CONTROLLER, "", "is of agent db01, not of controller");
    own(&f, "ia2", PEER_AGENT, "db02", "is of agent db01, not of agent db02");
    own(&f, "ia3", PEER_AGENT, "db01", "is not of cluster ia3");
    STR_COPY(f.ca, other.ca);
    own(&f, "ia2", PEER_AGENT, "db01", "does not belong to the authority");
    f = pki_files("our", "agent-db01");
    STR_COPY(f.key, other.key);
    own(&f, "ia2", PEER_AGENT, "db01", "key values mismatch");
    f = pki_files("our", "agent-nobody");
    own(&f, "ia2", PEER_AGENT, "db01", "agent-nobody.crt: No such file");
    f = pki_files("our", "agent-db01");
    STR_COPY(f.ca, f.key);
    own(&f, "ia2", PEER_AGENT, "db01", "certificate authority");
    f = pki_files("our", "agent-db01");
    STR_COPY(f.certificate, f.key);
    own(&f, "ia2", PEER_AGENT, "db01", "certificate ");
}

static void test_key_that_others_can_read(void **state)
{
    struct tls_files f = pki_files("our", "agent-db01");

    (void)state;
    assert_int_equal(chmod(f.key, 0640), 0);
    own(&f, "ia2", PEER_AGENT, "db01", "private key");
    assert_int_equal(chmod(f.key, 0600), 0);
}

static void test_days_left(void **state)
{
    struct tls_context *c = agent("agent-db01");

    (void)state;
    int64_t soon_ms = clock_wall_ms() + 60000;
    assert_int_equal(tls_context_days_left(c, soon_ms), 824);
    assert_int_equal(tls_context_days_left(c, soon_ms + INT64_C(824) * DAY_S * 1000), 0);
    assert_int_equal(tls_context_days_left(c, soon_ms + INT64_C(825) * DAY_S * 1000), -1);
    tls_context_free(c);
    tls_context_free(NULL);
}

static void test_names(void **state)
{
    static const struct {
        const char *uri;
        int result;
        enum peer_role role;
        const char *node;
    } cases[] = {
        {"pgtandem:ia2:controller", 0, PEER_CONTROLLER, ""},
        {"pgtandem:ia2:monitor", 0, PEER_MONITOR, ""},
        {"pgtandem:ia2:monitor:x", ERR_TLS, 0, ""},
        {"pgtandem:ia2:agent:db01", 0, PEER_AGENT, "db01"},
        {"pgtandem:ia2:agent:", ERR_TLS, 0, ""},
        {"pgtandem:ia2:agent", ERR_TLS, 0, ""},
        {"pgtandem:ia2:agent:db01:x", ERR_TLS, 0, ""},
        {"pgtandem:ia2:agent:a-name-of-more-than-24-letters", ERR_TLS, 0, ""},
        {"pgtandem:ia2:controller:x", ERR_TLS, 0, ""},
        {"pgtandem:ia22:controller", ERR_TLS, 0, ""},
        {"pgtandem:ia:controller", ERR_TLS, 0, ""},
        {"pgtandem:ia2", ERR_TLS, 0, ""},
        {"pgtandem:", ERR_TLS, 0, ""},
        {"PGTANDEM:ia2:controller", ERR_TLS, 0, ""},
        {"", ERR_TLS, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum peer_role role = PEER_AGENT;
        char node[NODE_NAME_BYTES] = "untouched";
        int r = tls_name_parse(cases[i].uri, "ia2", &role, node, NULL);
        if (r != cases[i].result)
            fail_msg("%s: %d", cases[i].uri, r);
        assert_string_equal(node, r == 0 ? cases[i].node : "untouched");
        if (r == 0)
            assert_int_equal(role, cases[i].role);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_know_each_other),
        cmocka_unit_test(test_another_agent_may_call),
        cmocka_unit_test(test_a_monitor_is_no_controller),
        cmocka_unit_test(test_reading_stops_at_the_cap),
        cmocka_unit_test(test_no_tickets),
        cmocka_unit_test(test_server_refuses_another_ca),
        cmocka_unit_test(test_server_refuses_a_forged_name),
        cmocka_unit_test(test_server_refuses_who_shows_nothing),
        cmocka_unit_test(test_server_refuses_older_tls),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_wrong_names),
        cmocka_unit_test(test_server_refuses_other_names),
        cmocka_unit_test(test_controller_cannot_pose_as_agent),
        cmocka_unit_test(test_every_broken_byte_is_refused),
        cmocka_unit_test(test_own_certificate_must_be_ours),
        cmocka_unit_test(test_key_that_others_can_read),
        cmocka_unit_test(test_days_left),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, pki_setup, pki_teardown);
}
