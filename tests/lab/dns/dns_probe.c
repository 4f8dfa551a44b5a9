/*
 * Drives dnsclient.h from the command line for tests/lab/test_dns.py, a real server at the other
 * end.
 *
 *   dns_probe SERVER ZONE ALIAS KEYFILE [-k KEYNAME] [-t TIMEOUT_MS] [-s SKEW_S] [-T] VERB [ARG…]
 *
 *   read | look               signed | unsigned view of the primary
 *   swap OLDC OLDT NEWC NEWT TTL   ("-": must not exist)
 *   survey | update | wildcard | resolve NAME
 *   race RACERS ROUNDS        all swap from the same state at once; prints winners of each round
 *   bench N                   N swaps in a row; prints median and max in µs
 *
 * Answers are lines "key value". `-s` shifts the clock that signs (the linker wraps clock_wall_ms).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "dnsupdate/dns.h"

static int64_t skew_ms;

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + skew_ms;
}

static struct dns_zone zone;
static int64_t timeout_ms = 5000;
static struct loop *loop;
static bool finished;

static void wait_done(void)
{
    while (!finished)
        loop_wait(loop, &finished, -1, NULL);
    finished = false;
}

static void print_err(const struct err *e)
{
    if (e)
        printf("code %s\nmsg %s\nhint %s\n", err_name(e->code), e->msg, e->hint);
}

static void print_view(const struct dns_view *v)
{
    static const char *const status[] = {"ok", "silent", "refused"};

    printf("status %s\ncname %s\ncname_ttl %" PRId64
           "\nother_types %d\nn_txt %d\ntxt %s\nvalid %d\n"
           "txt_ttl %" PRId64 "\nserial %" PRId64 "\n",
           status[v->status], v->cname_present ? v->cname : "-", v->cname_ttl, v->alias_other_types,
           v->n_txt, v->txt, v->record_valid, v->txt_ttl, v->serial);
}

/* ---- single operations ----------------------------------------------------------------------- */

static void on_view(void *arg, const struct dns_view *view, const struct err *e)
{
    (void)arg;
    print_view(view);
    print_err(e);
    finished = true;
}

static const char *const verdicts[] = {"done", "refused", "unknown"};

static void on_swap(void *arg, const struct dns_swap_result *r, const struct err *e)
{
    (void)arg;
    printf("verdict %s\ntries %d\nms %" PRId64 "\n", verdicts[r->verdict], r->tries, r->elapsed_ms);
    print_view(&r->view);
    print_err(e);
    finished = true;
}

static void on_survey(void *arg, const struct dns_survey *s, const struct err *e)
{
    (void)arg;
    for (size_t i = 0; i < s->n; i++)
        printf("ns %s %s %s cname=%s ttl=%" PRId64 " serial=%" PRId64 " why=%s\n", s->ns[i].name,
               s->ns[i].view.server, s->ns[i].agrees ? "agrees" : "differs", s->ns[i].view.cname,
               s->ns[i].view.cname_ttl, s->ns[i].view.serial, s->ns[i].why);
    print_view(&s->primary);
    print_err(e);
    finished = true;
}

static void on_done(void *arg, const struct err *e)
{
    (void)arg;
    printf("result %s\n", e ? "error" : "ok");
    print_err(e);
    finished = true;
}

static void on_addresses(void *arg, const struct dns_addresses *a, const struct err *e)
{
    (void)arg;
    for (size_t i = 0; i < a->n; i++)
        printf("address %s\n", a->address[i]);
    print_err(e);
    finished = true;
}

static const char *value(const char *text)
{
    return strcmp(text, "-") == 0 ? NULL : text;
}

static void swap_from(char **arg)
{
    const struct dns_swap swap = {value(arg[0]), value(arg[1]), arg[2], arg[3],
                                  strtoll(arg[4], NULL, 10)};

    dns_swap(loop, &zone, &swap, timeout_ms, on_swap, NULL);
    wait_done();
}

/* ---- many swaps ------------------------------------------------------------------------------ */

struct state {
    struct dns_view view;
};

static void on_state(void *arg, const struct dns_view *view, const struct err *e)
{
    struct state *s = arg;

    if (e)
        print_err(e);
    s->view = *view;
    finished = true;
}

static void read_state(struct state *s)
{
    dns_read(loop, &zone, NULL, DNS_READ_ALIAS | DNS_READ_REGISTER, timeout_ms, on_state, s);
    wait_done();
    if (s->view.status != DNS_VIEW_OK || !s->view.record_valid) {
        printf("msg cannot start from this state\n");
        exit(1);
    }
}

static void next_record(const struct state *s, char text[REGISTER_TEXT_BYTES])
{
    struct record r = s->view.record;

    r.epoch++;
    r.state = REGISTER_CLAIM;
    register_new_nonce(r.nonce);
    register_new_txn(r.txn);
    register_format(&r, text, NULL);
}

struct race {
    int left;
    int count[3];
};

static void on_race(void *arg, const struct dns_swap_result *r, const struct err *e)
{
    struct race *race = arg;

    if (r->verdict == DNS_UNKNOWN)
        print_err(e);
    race->count[r->verdict]++;
    finished = --race->left == 0;
}

static void race(int racers, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        struct race race = {.left = racers};
        struct state now;

        read_state(&now);
        for (int j = 0; j < racers; j++) {
            char text[REGISTER_TEXT_BYTES];
            const struct dns_swap swap = {now.view.cname, now.view.txt,
                                          j % 2 ? "db01.ia2.test" : "db02.ia2.test", text, 30};

            next_record(&now, text);
            dns_swap(loop, &zone, &swap, timeout_ms, on_race, &race);
        }
        wait_done();
        printf("round %d %d %d\n", race.count[DNS_DONE], race.count[DNS_REFUSED],
               race.count[DNS_UNKNOWN]);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void on_bench(void *arg, const struct dns_swap_result *r, const struct err *e)
{
    struct state *s = arg;

    if (r->verdict != DNS_DONE) {
        printf("verdict %s\n", verdicts[r->verdict]);
        print_err(e);
        exit(1);
    }
    s->view = r->view;
    finished = true;
}

static void bench(int n)
{
    int64_t *us = mem_alloc((size_t)n * sizeof(*us));
    struct state now;

    read_state(&now);
    for (int i = 0; i < n; i++) {
        char text[REGISTER_TEXT_BYTES], old_cname[DNS_NAME_BYTES], old_txt[DNS_TXT_BYTES];
        const struct dns_swap swap = {old_cname, old_txt, i % 2 ? "db01.ia2.test" : "db02.ia2.test",
                                      text, 30};

        STR_COPY(old_cname, now.view.cname);
        STR_COPY(old_txt, now.view.txt);
        next_record(&now, text);
        us[i] = clock_mono_us();
        dns_swap(loop, &zone, &swap, timeout_ms, on_bench, &now);
        wait_done();
        us[i] = clock_mono_us() - us[i];
    }
    qsort(us, (size_t)n, sizeof(*us), compare);
    printf("n %d\nmin_us %" PRId64 "\nmedian_us %" PRId64 "\nmax_us %" PRId64 "\n", n, us[0],
           us[n / 2], us[n - 1]);
    mem_free(us);
}

/* ---- command line ---------------------------------------------------------------------------- */

static int run(int n, char **arg)
{
    const char *verb = n ? arg[0] : "";

    if (strcmp(verb, "read") == 0 || strcmp(verb, "look") == 0)
        dns_read(loop, &zone, NULL,
                 DNS_READ_ALIAS | DNS_READ_REGISTER | DNS_READ_SERIAL |
                     (verb[0] == 'l' ? (unsigned)DNS_READ_UNSIGNED : 0u),
                 timeout_ms, on_view, NULL);
    else if (strcmp(verb, "swap") == 0 && n == 6)
        return swap_from(arg + 1), 0;
    else if (strcmp(verb, "survey") == 0)
        dns_survey(loop, &zone, timeout_ms, on_survey, NULL);
    else if (strcmp(verb, "update") == 0)
        dns_probe_update(loop, &zone, timeout_ms, on_done, NULL);
    else if (strcmp(verb, "wildcard") == 0)
        dns_probe_wildcard(loop, &zone, timeout_ms, on_done, NULL);
    else if (strcmp(verb, "resolve") == 0 && n == 2)
        dns_resolve(loop, &zone, arg[1], timeout_ms, on_addresses, NULL);
    else if (strcmp(verb, "race") == 0 && n == 3)
        return race((int)strtol(arg[1], NULL, 10), (int)strtol(arg[2], NULL, 10)), 0;
    else if (strcmp(verb, "bench") == 0 && n == 2)
        return bench((int)strtol(arg[1], NULL, 10)), 0;
    else
        return fprintf(stderr, "usage: see the head of tests/lab/dns/dns_probe.c\n"), 1;
    wait_done();
    return 0;
}

int main(int argc, char **argv)
{
    const char *key_name = NULL;
    struct err e;
    int c, rc;

    if (argc < 6)
        return run(0, NULL);
    STR_COPY(zone.server, argv[1]);
    STR_COPY(zone.zone, argv[2]);
    STR_COPY(zone.alias, argv[3]);
    optind = 5;
    while ((c = getopt(argc, argv, "+k:t:s:T")) != -1) {
        if (c == 'k')
            key_name = optarg;
        else if (c == 't')
            timeout_ms = strtoll(optarg, NULL, 10);
        else if (c == 's')
            skew_ms = 1000 * strtoll(optarg, NULL, 10);
        else if (c == 'T')
            zone.tcp = true;
        else
            return 1;
    }
    rc = keyfile_load(argv[4], key_name, &zone.key, &e);
    if (rc < 0) {
        print_err(&e);
        return 1;
    }
    loop = loop_new();
    rc = run(argc - optind, argv + optind);
    loop_free(loop);
    return rc;
}
