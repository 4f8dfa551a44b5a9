/*
 * The floor under a move of the role: what PostgreSQL and one DNS update need by themselves, with
 * everything opened before and nothing between the three. It has no safety at all.
 *
 *   floor HOST SIGNAL POSTMASTER SOCKETS SERVER ZONE ALIAS TARGET KEYFILE
 *
 * HOST is a process on the host of the standby that is promoted (its network and its files are
 * entered), POSTMASTER the old primary's, both as pids seen from here. Says "ready" and waits for a
 * line; then SIGNAL to the postmaster and its end, the UPDATE, pg_promote(). Says what each took.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "dnsupdate/dns.h"

/* a quicker poll would take a processor from what it waits for */
enum { DNS_MS = 5000, EXIT_MS = 60000, POLL_PAUSE_MS = 5 };

struct answer {
    struct dns_view view;
    enum dns_verdict verdict;
    struct err e;
    bool done;
};

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "floor: %s: %s\n", what, why);
    exit(1);
}

/* ---- DNS ------------------------------------------------------------------------------------- */

static void on_view(void *arg, const struct dns_view *view, const struct err *e)
{
    struct answer *a = arg;

    a->view = *view;
    if (e)
        a->e = *e;
    a->done = true;
}

static void on_swap(void *arg, const struct dns_swap_result *result, const struct err *e)
{
    struct answer *a = arg;

    a->verdict = result->verdict;
    if (e)
        a->e = *e;
    a->done = true;
}

static void wait_for(struct loop *l, struct answer *a)
{
    if (loop_wait(l, &a->done, DNS_MS + 1000, &a->e) < 0)
        die("DNS", a->e.msg);
}

static struct answer read_zone(struct loop *l, const struct dns_zone *zone)
{
    struct answer a = {.done = false};

    dns_read(l, zone, NULL, DNS_READ_REGISTER | DNS_READ_ALIAS, DNS_MS, on_view, &a);
    wait_for(l, &a);
    if (a.view.status != DNS_VIEW_OK || !a.view.cname_present || !a.view.record_valid)
        die("reading alias and record", a.e.msg);
    return a;
}

static void update(struct loop *l, const struct dns_zone *zone, const struct dns_view *before,
                   const char *target, const char *record)
{
    const struct dns_swap swap = {before->cname, before->txt, target, record, before->cname_ttl};
    struct answer a = {.done = false};

    dns_swap(l, zone, &swap, DNS_MS, on_swap, &a);
    wait_for(l, &a);
    if (a.verdict != DNS_DONE)
        die("UPDATE", a.e.msg);
}

/* ---- PostgreSQL ------------------------------------------------------------------------------ */

static int32_t process_of(const char *text)
{
    return (int32_t)strtol(text, NULL, 10);
}

/* As postgres on the host of process `pid`; what was opened before stays open. */
static void enter(const char *pid)
{
    static const char *const kinds[] = {"net", "mnt"};
    const struct passwd *user = getpwnam("postgres");
    int fds[2];
    char path[64];

    for (size_t i = 0; i < 2; i++) {
        STR_PRINTF(path, "/proc/%s/ns/%s", pid, kinds[i]);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
    }
    for (size_t i = 0; i < 2; i++)
        if (fds[i] < 0 || setns(fds[i], 0) < 0)
            die("entering the host", kinds[i]);
    if (!user || setgid(user->pw_gid) < 0 || setuid(user->pw_uid) < 0)
        die("user", "postgres");
}

static bool in_recovery(PGconn *c)
{
    PGresult *r = PQexec(c, "SELECT pg_is_in_recovery()");
    bool yes;

    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die("pg_is_in_recovery", PQerrorMessage(c));
    yes = PQgetvalue(r, 0, 0)[0] == 't';
    PQclear(r);
    return yes;
}

static void end_postmaster(int pidfd, int number)
{
    struct pollfd end = {.fd = pidfd, .events = POLLIN};

    if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) < 0)
        die("signal", "the postmaster cannot be signalled");
    if (poll(&end, 1, EXIT_MS) != 1)
        die("stop", "the postmaster does not end");
}

static void promote(PGconn *c)
{
    PGresult *r = PQexec(c, "SELECT pg_promote(false)");

    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die("pg_promote", PQerrorMessage(c));
    PQclear(r);
    while (in_recovery(c))
        poll(NULL, 0, POLL_PAUSE_MS);
}

/* ---- all ------------------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    struct dns_zone zone = {.tcp = false};
    char conninfo[256], text[REGISTER_TEXT_BYTES];
    struct err e = {.code = 0};

    if (argc != 10)
        die("usage", "see the head of tests/lab/floor/floor.c");
    int pidfd = (int)syscall(SYS_pidfd_open, process_of(argv[3]), 0);
    STR_COPY(zone.server, argv[5]);
    STR_COPY(zone.zone, argv[6]);
    STR_COPY(zone.alias, argv[7]);
    if (pidfd < 0 || keyfile_load(argv[9], NULL, &zone.key, &e) < 0)
        die("postmaster or key", e.msg);
    enter(argv[1]);

    struct loop *l = loop_new();
    struct answer before = read_zone(l, &zone);
    struct record next = before.view.record;
    register_new_nonce(next.nonce);
    next.tli++;
    if (register_format(&next, text, &e) < 0)
        die("record", e.msg);
    STR_PRINTF(conninfo, "host=%s dbname=postgres user=postgres application_name=floor", argv[4]);
    PGconn *c = PQconnectdb(conninfo);
    if (PQstatus(c) != CONNECTION_OK || !in_recovery(c))
        die("the standby", PQerrorMessage(c));

    printf("ready\n");
    fflush(stdout);
    if (getchar() == EOF)
        return 1;
    int64_t at[4] = {clock_mono_us()};
    end_postmaster(pidfd, (int)process_of(argv[2]));
    at[1] = clock_mono_us();
    update(l, &zone, &before.view, argv[8], text);
    at[2] = clock_mono_us();
    promote(c);
    at[3] = clock_mono_us();
    printf("stop_us %" PRId64 "\nupdate_us %" PRId64 "\npromote_us %" PRId64 "\n", at[1] - at[0],
           at[2] - at[1], at[3] - at[2]);
    PQfinish(c);
    loop_free(l);
    return 0;
}
