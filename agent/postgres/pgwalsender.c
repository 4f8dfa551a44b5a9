#include "agent/postgres/pgwalsender.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgtcp.h"
#include "agent/postgres/postgres.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/senders.h"

enum {
    TICK_MS = 5,
    TCP_TICKS = 10,    /* the kernel is asked in every tenth */
    SILENT_MS = 1000,  /* no answer for so long: no longer waited for */
    FOLLOWERS_MS = 10, /* others have so long once the target has all */
};

struct walsender {
    int pidfd; /* -1: it has ended */
    int64_t pid;
    bool target, logical, told; /* the last: SIGTERM was sent */
};

struct pgwalsenders {
    struct loop *loop;
    struct timer *timer;
    struct postgres_config config;
    char target[NODE_NAME_BYTES]; /* "" none */
    struct walsender all[OBS_SENDERS_MAX];
    struct pgtcp tcp[OBS_SENDERS_MAX]; /* of the same index */
    size_t n;
    unsigned ticks;
    int64_t looked_ms;   /* at the connections */
    int64_t stopped_ms;  /* pg_control says "shut down" since; 0 not yet */
    int64_t followed_ms; /* the target's walsender has ended since; 0 not yet */
    int64_t lost_ms;     /* it was silent for so long, and was ended; 0 no */
};

/* ---- one walsender --------------------------------------------------------------------------- */

static bool has_ended(struct walsender *s)
{
    struct pollfd p = {.fd = s->pidfd, .events = POLLIN};

    if (s->pidfd >= 0 && poll(&p, 1, 0) == 1) {
        close(s->pidfd);
        s->pidfd = -1;
    }
    return s->pidfd < 0;
}

static void end(struct walsender *s, const struct pgtcp *t, const char *why)
{
    if (s->told || s->pidfd < 0)
        return;
    s->told = true;
    if (syscall(SYS_pidfd_send_signal, s->pidfd, SIGTERM, NULL, 0) == 0)
        log_line(LOG_LEVEL_INFO, "walsender %" PRId64 " (%s) ended: %s", s->pid, t->address, why);
}

/* How long the stop has waited in vain for it; 0 not at all. */
static int64_t silent_ms(const struct pgwalsenders *w, size_t i)
{
    const struct pgtcp *t = &w->tcp[i];
    int64_t now = clock_mono_ms();
    int64_t heard = t->known ? now - w->looked_ms + t->heard_ms : INT64_MAX;
    int64_t owed = w->stopped_ms ? now - w->stopped_ms : 0;

    if (!w->stopped_ms) /* what has not been acknowledged keeps it from stopping */
        return t->known && t->unanswered ? heard : 0;
    return heard < owed ? heard : owed;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void look_at_connections(struct pgwalsenders *w)
{
    pgtcp_look(w->config.port, w->tcp, w->n);
    w->looked_ms = clock_mono_ms();
}

static void look_at_control(struct pgwalsenders *w)
{
    struct pgcontrol control;

    if (!w->stopped_ms && pgcontrol_read(w->config.data_directory, &control, NULL) == 0 &&
        control.state == CONTROL_SHUTDOWNED)
        w->stopped_ms = clock_mono_ms();
}

/* The target's: it has done its part, or has been silent for too long. */
static void judge_target(struct pgwalsenders *w)
{
    bool waiting = false;

    for (size_t i = 0; i < w->n; i++) {
        if (!w->all[i].target || has_ended(&w->all[i]))
            continue;
        waiting = true;
        if (silent_ms(w, i) < SILENT_MS)
            continue;
        w->lost_ms = silent_ms(w, i);
        end(&w->all[i], &w->tcp[i], "the target does not respond");
    }
    if (w->target[0] && !waiting && !w->followed_ms)
        w->followed_ms = clock_mono_ms();
}

static void judge_others(struct pgwalsenders *w)
{
    bool follow =
        w->lost_ms || (w->followed_ms && clock_mono_ms() - w->followed_ms >= FOLLOWERS_MS);

    for (size_t i = 0; i < w->n; i++) {
        if (w->all[i].target || has_ended(&w->all[i]))
            continue;
        if (follow && !w->all[i].logical)
            end(&w->all[i], &w->tcp[i], "the target has all, others get it there");
        else if (silent_ms(w, i) >= SILENT_MS)
            end(&w->all[i], &w->tcp[i], "its standby does not respond");
    }
}

static void tick(void *arg)
{
    struct pgwalsenders *w = arg;

    timer_free(w->timer);
    w->timer = timer_start(w->loop, TICK_MS, tick, w);
    look_at_control(w);
    if (w->ticks++ % TCP_TICKS == 0)
        look_at_connections(w);
    judge_target(w);
    judge_others(w);
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* The look is some milliseconds old: is it still the one? */
static bool is_walsender(int64_t pid)
{
    AUTO(arena) a = arena_new();
    char path[40], *title;

    STR_PRINTF(path, "/proc/%" PRId64 "/cmdline", pid);
    return file_read(path, 4096, a, &title, NULL, NULL) == 0 && strstr(title, "walsender");
}

static void add_sender(struct pgwalsenders *w, const struct obs_sender *s, bool target)
{
    int pidfd = s->pid > 0 ? (int)syscall(SYS_pidfd_open, (pid_t)s->pid, 0) : -1;

    if (pidfd < 0)
        return;
    if (!is_walsender(s->pid)) {
        close(pidfd);
        return;
    }
    w->all[w->n] = (struct walsender){.pidfd = pidfd,
                                      .pid = s->pid,
                                      .target = target,
                                      .logical = strcmp(s->state, "logical") == 0};
    STR_COPY(w->tcp[w->n].address, s->address);
    w->tcp[w->n].port = s->port;
    w->n++;
}

struct pgwalsenders *pgwalsender_watch(struct loop *l, const struct postgres_config *c,
                                       const struct obs_pg *pg, const struct upstream *target)
{
    uint32_t mine = target ? senders_of(pg, target->node, target->address) : 0;
    struct pgwalsenders *w;

    if (pg->n_senders == 0)
        return NULL;
    w = mem_alloc(sizeof(*w));
    w->loop = l;
    w->config = *c;
    if (mine)
        STR_COPY(w->target, target->node);
    for (size_t i = 0; i < pg->n_senders && i < OBS_SENDERS_MAX; i++)
        add_sender(w, &pg->senders[i], mine & (1U << i));
    tick(w);
    return w;
}

void pgwalsender_free(struct pgwalsenders *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < w->n; i++)
        if (w->all[i].pidfd >= 0)
            close(w->all[i].pidfd);
    timer_free(w->timer);
    mem_free(w);
}

bool pgwalsender_target_lost(const struct pgwalsenders *w, struct err *reterr)
{
    if (!w || !w->lost_ms)
        return false;
    err_set(reterr, ERR_UNREACHABLE,
            "Bring it back, or choose another target; until then this node can be given its role "
            "back.",
            "PostgreSQL has stopped, but %s has not confirmed the shutdown checkpoint: no answer "
            "for %" PRId64 " ms, so its walsender was ended",
            w->target, w->lost_ms);
    return true;
}
