/*
 * How long does it take to ask 3, 10, 25, 50 agents at once? From the top directory:
 *
 *     build/tests/lab/fanout/fanout [ROUNDS [LOOK_MS]]
 *
 * Simulated agents over real TLS: one process serves them all with proto's own server, each with a
 * certificate, a key and a loopback address of its own; another one asks as the controller does
 * (rpc_fanout). An agent answers after LOOK_MS (10), which is about what a look at a real node
 * takes, without using the processor meanwhile.
 *
 * Two times for each number, in milliseconds, medians of ROUNDS (20): "first", with a new
 * connection, handshake and hello to each; "kept", on the connections of the first. Then the
 * processor time that the controller's side has used for each. All agents share this machine's
 * processors here, which real ones do not.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "tests/unit/proto/pki.h"

enum { AGENTS = 50, TIMEOUT_MS = 20000, ROUNDS_MAX = 1000 };

static const size_t sizes[] = {3, 10, 25, AGENTS};

static void die(const char *what, const struct err *e)
{
    fprintf(stderr, "fanout: %s: %s\n", what, e ? e->msg : "failed");
    exit(1);
}

static void name_of(size_t i, char ret_name[NODE_NAME_BYTES])
{
    str_printf(ret_name, NODE_NAME_BYTES, "n%02zu", i);
}

/* ---- the agents ------------------------------------------------------------------------------ */

struct site {
    struct loop *loop;
    int64_t look_ms;
};

struct looking {
    struct rpc_request *r;
    struct timer *timer;
};

static void on_looked(void *arg)
{
    struct looking *k = arg;
    struct reply *reply = mem_alloc(sizeof(*reply));

    timer_free(k->timer);
    reply->ok = true;
    STR_COPY(reply->obs.node, "n");
    reply->obs.pg.role = PG_RECOVERY;
    reply->obs.pg.replay_lsn = 0x3000148;
    reply->obs.pg.n_history = 3;
    rpc_answer(k->r, reply);
    mem_free(reply);
    mem_free(k);
}

static void on_request(void *arg, struct rpc_request *r)
{
    struct site *site = arg;
    struct looking *k = mem_alloc(sizeof(*k));

    k->r = r;
    k->timer = timer_start(site->loop, site->look_ms, on_looked, k);
}

static void on_refused(void *arg, const struct err *e, const char *address)
{
    (void)arg;
    fprintf(stderr, "fanout: %s: %s\n", address, e->msg);
}

/* Tells the ports, then serves until its parent ends. */
static void serve(int64_t look_ms, int out)
{
    struct site site = {.loop = loop_new(), .look_ms = look_ms};
    int ports[AGENTS];

    for (size_t i = 0; i < AGENTS; i++) {
        char name[NODE_NAME_BYTES], stem[64], listen[ADDRESS_BYTES];
        struct rpc_server *server;
        struct err e;

        name_of(i, name);
        STR_PRINTF(stem, "agent-%s", name);
        STR_PRINTF(listen, "127.0.1.%zu:0", i + 1);
        if (rpc_server_start(site.loop, pki_context("our", stem, "ia2", PEER_AGENT, name), "ia2",
                             name, listen, NULL, on_request, on_refused, &site, &server, &e) < 0)
            die("an agent", &e);
        ports[i] = rpc_server_port(server);
    }
    if (write(out, ports, sizeof(ports)) != sizeof(ports))
        die("the ports", NULL);
    loop_run(site.loop);
}

/* ---- the controller -------------------------------------------------------------------------- */

struct times {
    double first[ROUNDS_MAX], kept[ROUNDS_MAX], first_cpu[ROUNDS_MAX], kept_cpu[ROUNDS_MAX];
};

static double now_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void ask(struct loop *l, struct rpc_peer **peers, size_t n, double *ret_ms,
                double *ret_cpu_ms)
{
    AUTO(arena) a = arena_new();
    struct request look = {.verb = VERB_OBSERVE, .timeout_ms = TIMEOUT_MS};
    const struct request *q[AGENTS];
    struct rpc_result *results = arena_alloc(a, AGENTS * sizeof(*results));

    for (size_t i = 0; i < n; i++)
        q[i] = &look;
    *ret_ms = now_ms(CLOCK_MONOTONIC);
    *ret_cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID);
    rpc_fanout(l, peers, q, n, TIMEOUT_MS, a, results);
    *ret_ms = now_ms(CLOCK_MONOTONIC) - *ret_ms;
    *ret_cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID) - *ret_cpu_ms;
    for (size_t i = 0; i < n; i++)
        if (!results[i].reply)
            die("an answer", &results[i].e);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(*values), by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void one_round(struct loop *l, struct tls_context *tls, const int *ports, size_t n,
                      struct times *t, size_t at)
{
    struct rpc_peer *peers[AGENTS];

    for (size_t i = 0; i < n; i++) {
        char name[NODE_NAME_BYTES], address[ADDRESS_BYTES];

        name_of(i, name);
        STR_PRINTF(address, "127.0.1.%zu:%d", i + 1, ports[i]);
        peers[i] = rpc_peer_new(l, tls, "ia2", name, address, PEER_CONTROLLER, "ctl");
    }
    ask(l, peers, n, &t->first[at], &t->first_cpu[at]);
    ask(l, peers, n, &t->kept[at], &t->kept_cpu[at]);
    for (size_t i = 0; i < n; i++)
        rpc_peer_free(peers[i]);
}

static void measure(const int *ports, size_t rounds)
{
    struct loop *l = loop_new();
    struct tls_context *tls = pki_context("our", "controller-ctl", "ia2", PEER_CONTROLLER, "");
    struct times *t = mem_alloc(sizeof(sizes) / sizeof(*sizes) * sizeof(*t));

    /* in turn, so that the machine's noise hits all numbers alike */
    for (size_t round = 0; round < rounds; round++)
        for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
            one_round(l, tls, ports, sizes[s], &t[s], round);
    printf("%6s %8s %8s %14s %14s\n", "agents", "first", "kept", "first, cpu", "kept, cpu");
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
        printf("%6zu %8.1f %8.1f %14.1f %14.1f\n", sizes[s], median(t[s].first, rounds),
               median(t[s].kept, rounds), median(t[s].first_cpu, rounds),
               median(t[s].kept_cpu, rounds));
    fflush(stdout); /* once, whatever is forked later */
    mem_free(t);
    tls_context_free(tls);
    loop_free(l);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void make_certificates(void)
{
    STR_COPY(pki_dir, "/tmp/pgtandem-fanout-XXXXXX");
    if (!mkdtemp(pki_dir))
        die("a temporary directory", NULL);
    pki_make("init", "our", "ia2", NULL);
    pki_make("controller", "our", "ia2", "ctl");
    for (size_t i = 0; i < AGENTS; i++) {
        char name[NODE_NAME_BYTES];

        name_of(i, name);
        pki_make("agent", "our", "ia2", name);
    }
}

int main(int argc, char **argv)
{
    long long rounds = 20, look_ms = 10;
    int ports[AGENTS], ends[2];

    if (argc > 3 || (argc > 1 && !str_to_int(argv[1], 1, ROUNDS_MAX, &rounds)) ||
        (argc > 2 && !str_to_int(argv[2], 0, 1000, &look_ms))) {
        fprintf(stderr, "usage: fanout [ROUNDS [LOOK_MS]]\n");
        return 2;
    }
    make_certificates();
    if (pipe(ends) < 0)
        die("a pipe", NULL);
    pid_t agents = fork();
    if (agents == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(look_ms, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    bool ready = agents > 0 && read(ends[0], ports, sizeof(ports)) == sizeof(ports);
    if (ready)
        measure(ports, (size_t)rounds);
    if (agents > 0) {
        kill(agents, SIGKILL);
        waitpid(agents, NULL, 0);
    }
    pki_remove();
    return ready ? 0 : 1;
}
