#include "grid.h"
#include "attempt.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 512 };

struct grid {
    struct target target;
    int64_t interval_us;
    int64_t base;
    int64_t count; /* attempts to make; 0: no end */
    FILE *log;
    struct attempt slots[SLOTS];
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static int64_t wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int usage(const struct grid_kind *kind)
{
    fprintf(
        stderr,
        "usage: %s [-a ALIAS] [-P PORT] [-U USER] [-d DATABASE] [-i INTERVAL_MS]\n"
        "       [-t TIMEOUT_MS] [-b FIRST_ID] [-n COUNT] [-o LOG] [--keep]\n"
        "Defaults: db.ia2.test 5432 app vospace, every 10 ms, 1000 ms for each attempt, ids from\n"
        "the clock, no end, standard output. --keep: one connection for as long as it holds.\n",
        kind->name);
    return 64;
}

static bool number(const char *text, int64_t least, int64_t *ret_value)
{
    char *rest;
    errno = 0;
    long long value = strtoll(text, &rest, 10);
    if (errno || rest == text || *rest || value < least)
        return false;
    *ret_value = value;
    return true;
}

static bool options(struct grid *g, int argc, char **argv)
{
    static const struct option longs[] = {{"keep", no_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int64_t ms;
    int c;
    while ((c = getopt_long(argc, argv, "a:P:U:d:i:t:b:n:o:k", longs, NULL)) != -1) {
        bool good = true;
        switch (c) {
        case 'a':
            g->target.alias = optarg;
            break;
        case 'P':
            g->target.port = optarg;
            break;
        case 'U':
            g->target.user = optarg;
            break;
        case 'd':
            g->target.database = optarg;
            break;
        case 'k':
            g->target.keep = true;
            break;
        case 'b':
            good = number(optarg, 0, &g->base);
            break;
        case 'n':
            good = number(optarg, 0, &g->count);
            break;
        case 'i':
            if ((good = number(optarg, 1, &ms)))
                g->interval_us = ms * 1000;
            break;
        case 't':
            if ((good = number(optarg, 1, &ms)))
                g->target.timeout_us = ms * 1000;
            break;
        case 'o':
            if (!(g->log = fopen(optarg, "ae")))
                fprintf(stderr, "%s: %s\n", optarg, strerror(errno));
            good = g->log != NULL;
            break;
        default:
            good = false;
            break;
        }
        if (!good)
            return false;
    }
    return optind == argc;
}

static void record(struct grid *g, struct attempt *a)
{
    const char *what = a->acknowledged ? "ack" : "err";
    /* refused by the server in so many words: surely not committed; silence tells nothing */
    if (!a->acknowledged && a->asked && (!strstr(a->text, "ERROR:") || strstr(a->text, "FATAL:")))
        what = "lost";
    fprintf(g->log, "%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%s\t%s\n", what, a->id,
            a->started_us, a->ended_us, wall_ms(), *a->address ? a->address : "-", a->text);
}

/* Moves every attempt on; the number that are under way. */
static int advance(struct grid *g)
{
    int busy = 0;
    int64_t now = monotonic_us();
    for (int i = 0; i < SLOTS; i++) {
        struct attempt *a = &g->slots[i];
        attempt_advance(a, now);
        if (a->state == ATTEMPT_ENDED) {
            record(g, a);
            attempt_release(a);
        }
        busy += a->state != ATTEMPT_IDLE && a->state != ATTEMPT_ORPHAN;
    }
    fflush(g->log);
    return busy;
}

static void wait_for_any(struct grid *g, int64_t until_us)
{
    struct pollfd fds[SLOTS];
    nfds_t n = 0;
    int64_t wait_ms = (until_us - monotonic_us()) / 1000;
    for (int i = 0; i < SLOTS; i++) {
        struct pollfd p = attempt_pollfd(&g->slots[i]);
        if (p.fd >= 0)
            fds[n++] = p;
        if (g->slots[i].state == ATTEMPT_RESOLVING)
            wait_ms = wait_ms < 1 ? wait_ms : 1; /* the resolver has no descriptor to poll */
    }
    poll(fds, n, wait_ms > 0 ? (int)wait_ms : 0);
}

static struct attempt *free_slot(struct grid *g)
{
    int slots = g->target.keep ? 1 : SLOTS;
    for (int i = 0; i < slots; i++)
        if (g->slots[i].state == ATTEMPT_IDLE)
            return &g->slots[i];
    return NULL;
}

static void run(struct grid *g)
{
    int64_t made = 0;
    int64_t next_us = monotonic_us();
    int busy = 0;
    while (!stop && (!g->count || made < g->count || busy)) {
        if (monotonic_us() >= next_us && (!g->count || made < g->count)) {
            struct attempt *a = free_slot(g);
            if (a)
                attempt_start(a, &g->target, g->base + ++made);
            next_us += g->interval_us;
        }
        busy = advance(g);
        if (g->count && made == g->count)
            next_us = monotonic_us() + g->interval_us;
        wait_for_any(g, next_us);
    }
}

int grid_main(int argc, char **argv, const struct grid_kind *kind)
{
    static struct grid g;
    g.target = (struct target){.alias = "db.ia2.test",
                               .port = "5432",
                               .user = "app",
                               .database = "vospace",
                               .application = kind->name,
                               .sql = kind->sql,
                               .timeout_us = 1000000};
    g.interval_us = 10000;
    g.base = wall_ms() * 100000;
    g.log = stdout;
    if (!options(&g, argc, argv))
        return usage(kind);
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    run(&g);
    bool written = fflush(g.log) == 0 && !ferror(g.log);
    for (int i = 0; i < SLOTS; i++)
        attempt_close(&g.slots[i]);
    return written ? 0 : 1;
}
