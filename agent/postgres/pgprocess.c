/*
 * Stop, start and restart.
 *
 * A postmaster that no service manager owns is stopped by a signal through its pidfd, which is also
 * what is awaited: a pid cannot be another process by the time the signal is sent, and the end is
 * known when it happens. Its end alone is not a clean stop ("shut down" can stand in pg_control
 * while the last WAL is still being archived, and a crash ends it too), so a fast stop wants both.
 *
 * After a crash of the postmaster a stop is over when no process of it is left that could commit
 * (agent/postgres/pgorphan.h): they are ended one by one, since nothing else ends them, and a start
 * with one of them alive would fail.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "agent/postgres/pgarchive.h"
#include "agent/postgres/pgcontrol.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgop.h"
#include "agent/postgres/pgorphan.h"
#include "agent/postgres/pgspawn.h"
#include "agent/postgres/pgwalsender.h"
#include "agent/state/ran.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"

enum {
    POLL_FIRST_MS = 2,
    POLL_MOST_MS = 50,
    /* after a start command has ended well, so long may pass until there is a postmaster */
    APPEAR_MS = 5000,
    /* a backend obeys SIGQUIT at once, unless it hangs in the kernel or in code of its own */
    QUIT_MS = 500,
    /* before a start: children of a postmaster that has just died end by themselves */
    LINGER_MS = 3000,
    /* by then a service manager that has stopped its unit has signalled a postmaster it owns */
    OWNED_MS = 1000,
};

/* ---- stop ------------------------------------------------------------------------------------ */

struct stop_op {
    struct pgop op;
    bool immediate;
    bool emergency;       /* no service manager is asked first */
    bool told;            /* by us: then a fast stop must also be a clean one */
    int64_t commanded_ms; /* when stop_command ended well; 0 it has not, or has been made up for */
    int pidfd;
    uv_poll_t *watch;
    int64_t quit_ms;              /* when orphans were first sent SIGQUIT; 0 none were found */
    bool killed;                  /* … and SIGKILL since */
    struct pgwalsenders *senders; /* NULL: none is kept from delaying the stop */
};

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static void stop_release(struct pgop *op)
{
    struct stop_op *s = (struct stop_op *)op;

    if (s->watch) {
        uv_poll_stop(s->watch);
        uv_close((uv_handle_t *)s->watch, on_watch_closed);
    }
    if (s->pidfd >= 0)
        close(s->pidfd);
    pgwalsender_free(s->senders);
}

static bool is_clean(int control_state)
{
    return control_state == CONTROL_SHUTDOWNED || control_state == CONTROL_SHUTDOWNED_IN_RECOVERY;
}

static void stop_check(struct pgop *op);
static void stop_signal(struct stop_op *s, int pid);

static void fail_orphans(struct pgop *op, const struct pgorphans *o, const char *then)
{
    if (o->unknown)
        pgop_fail(op, ERR_INCOMPLETE, "look for them with ps on this node",
                  "PostgreSQL's postmaster is gone, but it is not known whether processes of it "
                  "live on: %s",
                  o->problem);
    else
        pgop_fail(op, ERR_INCOMPLETE,
                  "they may still commit: `pgtandem fence` ends them, or kill -9 on this node",
                  "PostgreSQL's postmaster is gone, but %d of its processes live on (PID %d)%s",
                  o->n, o->pids[0], then);
}

/* SIGQUIT, and SIGKILL to what has not obeyed it. Nobody else ends them, and they may commit. */
static void end_orphans(struct stop_op *s, const struct pgorphans *o)
{
    int64_t now_ms = clock_mono_ms();
    int sent = 0;

    if (s->quit_ms == 0) {
        s->quit_ms = now_ms;
        sent = SIGQUIT;
    } else if (now_ms - s->quit_ms >= QUIT_MS) {
        sent = SIGKILL;
    }
    for (int i = 0; i < o->n && sent; i++) {
        int r = pgorphan_signal(s->op.p->config.data_directory, o->pids[i], sent);

        if (sent == SIGQUIT || !s->killed)
            log_warning("process %d lives on without its postmaster: %s%s%s", o->pids[i],
                        sent == SIGQUIT ? "SIGQUIT" : "SIGKILL", r < 0 ? ": " : "",
                        r < 0 ? strerror(-r) : "");
    }
    s->killed = sent == SIGKILL;
    pgop_poll(&s->op, POLL_FIRST_MS, POLL_MOST_MS, stop_check);
}

/* The postmaster is gone. It waits for its children before it ends cleanly; after a crash one of
 * them may live on, and commit. */
static void stop_gone(struct stop_op *s)
{
    const char *data_directory = s->op.p->config.data_directory;
    struct pgcontrol control = {.state = CONTROL_UNREADABLE};
    struct pgorphans orphans;
    struct err e = {0};

    pgcontrol_read(data_directory, &control, &e);
    if (pgfiles_orphans(data_directory, control.state, &orphans)) {
        if (pgop_late(&s->op))
            fail_orphans(&s->op, &orphans, ", though they were sent SIGKILL");
        else
            end_orphans(s, &orphans);
    } else if (!is_clean(control.state) && s->told && !s->immediate) {
        pgop_fail(&s->op, ERR_INCOMPLETE, "look at PostgreSQL's log on this node",
                  "PostgreSQL has stopped, but not cleanly: pg_control says \"%s\"%s%s",
                  pg_control_state_names[control.state], e.code ? ": " : "", e.msg);
    } else {
        pgop_end(&s->op, pgwalsender_target_lost(s->senders, &e) ? &e : NULL);
    }
}

static void fail_unreadable(struct pgop *op, const struct pgpostmaster *postmaster)
{
    pgop_fail(op, ERR_SYS, "until that file can be read, PostgreSQL counts as running",
              "it is not known whether PostgreSQL is running: %s", postmaster->problem);
}

static void stop_late(struct stop_op *s, const struct pgpostmaster *postmaster)
{
    char words[160];
    struct obs_pg pg;

    if (postmaster->pid == 0) {
        fail_unreadable(&s->op, postmaster);
        return;
    }
    postgres_look_files(&s->op.p->config, &pg);
    pgarchive_words(&pg, words, sizeof(words));
    pgop_fail(&s->op, ERR_TIMEOUT,
              words[0]
                  ? "it ends once the archiver has: `pgtandem resume` goes on waiting, "
                    "`pgtandem abort` gives it its role back"
                  : "it may be waiting for a standby or for a checkpoint: look at PostgreSQL's "
                    "log",
              "PostgreSQL is still stopping after %lld ms (process %d, \"%s\")%s",
              (long long)s->op.timeout_ms, postmaster->pid, postmaster->status, words);
}

/* stop_command has ended well, and this postmaster knows nothing of it: somebody started it beside
 * the service manager, for which the unit is down. */
static bool is_unowned(const struct stop_op *s, const struct pgpostmaster *postmaster)
{
    return s->commanded_ms && postmaster->pid && strcmp(postmaster->status, "stopping") != 0 &&
           clock_mono_ms() - s->commanded_ms >= OWNED_MS;
}

/* Has it ended? Again after a while, or when the pidfd says so. */
static void stop_check(struct pgop *op)
{
    struct stop_op *s = (struct stop_op *)op;
    struct pgpostmaster postmaster;

    if (!pgfiles_postmaster(op->p->config.data_directory, &postmaster)) {
        stop_gone(s);
    } else if (is_unowned(s, &postmaster)) {
        log_warning("\"%s\" has ended well, and PostgreSQL (process %d) is running on: SIGINT",
                    op->p->config.stop_command, postmaster.pid);
        s->commanded_ms = 0;
        stop_signal(s, postmaster.pid);
    } else if (pgop_late(op))
        stop_late(s, &postmaster);
    else if (s->watch)
        pgop_after(op, pgop_left_ms(op), stop_check);
    else
        pgop_poll(op, POLL_FIRST_MS, POLL_MOST_MS, stop_check);
}

static void on_pidfd(uv_poll_t *watch, int status, int events)
{
    struct stop_op *s = watch->data;

    (void)status;
    (void)events;
    uv_poll_stop(watch);
    uv_close((uv_handle_t *)watch, on_watch_closed);
    s->watch = NULL;
    stop_check(&s->op);
}

/* True: its end will be reported. */
static bool watch_process(struct stop_op *s, int pid)
{
    s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (s->pidfd < 0)
        return false;
    s->watch = mem_alloc(sizeof(*s->watch));
    if (uv_poll_init(loop_uv(s->op.p->loop), s->watch, s->pidfd) < 0) {
        mem_free(s->watch);
        s->watch = NULL;
        return false;
    }
    s->watch->data = s;
    uv_poll_start(s->watch, UV_READABLE, on_pidfd);
    return true;
}

static int send_signal(const struct stop_op *s, int pid, int signal_number)
{
    if (s->pidfd >= 0)
        return (int)syscall(SYS_pidfd_send_signal, s->pidfd, signal_number, NULL, 0);
    return kill(pid, signal_number);
}

static void stop_signal(struct stop_op *s, int pid)
{
    struct pgpostmaster still;

    watch_process(s, pid);
    /* now that the pidfd holds it: is it still the one? */
    if (!pgfiles_postmaster(s->op.p->config.data_directory, &still) || still.pid != pid)
        pgop_poll(&s->op, POLL_FIRST_MS, POLL_MOST_MS, stop_check);
    else if (send_signal(s, pid, s->immediate ? SIGQUIT : SIGINT) < 0 && errno != ESRCH)
        pgop_fail(&s->op, ERR_REFUSED, "the agent must run as the user who owns PostgreSQL",
                  "cannot signal PostgreSQL (process %d): %s", pid, strerror(errno));
    else
        stop_check(&s->op);
}

static void stop_commanded(struct pgop *op)
{
    struct stop_op *s = (struct stop_op *)op;

    s->commanded_ms = clock_mono_ms();
    stop_check(op);
}

static void stop_begin(struct pgop *op)
{
    struct stop_op *s = (struct stop_op *)op;
    struct pgpostmaster postmaster;

    if (!pgfiles_postmaster(op->p->config.data_directory, &postmaster)) {
        stop_gone(s);
        return;
    }
    bool command = op->p->config.stop_command[0] && !s->immediate && !s->emergency;
    s->told = command || postmaster.pid;
    if (command)
        pgop_command(op, op->p->config.stop_command, stop_commanded);
    else if (postmaster.pid)
        stop_signal(s, postmaster.pid);
    else if (pgop_late(op))
        stop_late(s, &postmaster);
    else
        pgop_poll(op, POLL_FIRST_MS, POLL_MOST_MS, stop_begin);
}

static struct stop_op *stop_new(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn,
                                void *arg)
{
    struct stop_op *s = pgop_new(p, sizeof(*s), "stop", timeout_ms, fn, arg);

    s->pidfd = -1;
    s->op.release = stop_release;
    pgop_after(&s->op, 0, stop_begin);
    return s;
}

void postgres_stop(struct postgres *p, bool immediate, int64_t timeout_ms, postgres_done_fn fn,
                   void *arg)
{
    stop_new(p, timeout_ms, fn, arg)->immediate = immediate;
}

void postgres_stop_for(struct postgres *p, const struct obs_pg *pg, const struct upstream *target,
                       bool emergency, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct stop_op *s = stop_new(p, timeout_ms, fn, arg);

    s->emergency = emergency;
    s->senders = pgwalsender_watch(p->loop, &p->config, pg, target);
}

/* ---- start ----------------------------------------------------------------------------------- */

struct start_op {
    struct pgop op;
    bool spawned;                /* by us, now */
    bool seen;                   /* a postmaster has been there */
    int64_t command_ms;          /* when the start command ended; 0 none */
    int64_t lingering_ms;        /* since when orphans have been waited for; 0 none */
    const char *const *settings; /* for the command line; NULL none */
};

static void start_check(struct pgop *op);
static void start_begin(struct pgop *op);

/* A postmaster of ours: how it came up, or what it said before it ended. */
static void note_spawned(struct start_op *s, const char *output)
{
    struct pgspawn *spawn = s->op.p->spawn;
    int64_t ms = s->op.timeout_ms - (s->op.deadline_ms - clock_mono_ms());

    if (s->spawned && spawn)
        ran_server(s->op.p->ran, pgspawn_command(spawn),
                   pgspawn_ended(spawn) ? pgspawn_status(spawn) : -1, ms, output);
}

static void start_failed(struct start_op *s)
{
    char tail[500] = "";

    if (s->spawned && s->op.p->spawn)
        pgspawn_log_tail(s->op.p->spawn, tail, sizeof(tail));
    note_spawned(s, tail);
    pgop_fail(&s->op, ERR_REFUSED, "look at PostgreSQL's log on this node",
              "PostgreSQL ended while it was starting%s%s", tail[0] ? ": " : "", tail);
}

static void start_late(struct start_op *s, const struct pgpostmaster *postmaster)
{
    char tail[400] = "";

    if (postmaster->problem[0]) {
        fail_unreadable(&s->op, postmaster);
        return;
    }
    if (s->spawned && s->op.p->spawn)
        pgspawn_log_tail(s->op.p->spawn, tail, sizeof(tail));
    note_spawned(s, tail);
    pgop_fail(&s->op, ERR_TIMEOUT, "look at PostgreSQL's log on this node",
              "PostgreSQL does not accept connections after %lld ms (process %d, \"%s\")%s%s",
              (long long)s->op.timeout_ms, postmaster->pid, postmaster->status, tail[0] ? ": " : "",
              tail);
}

static void on_start_answer(void *arg, const struct pgconn_reply *r)
{
    struct pgop *op = arg;

    if (!r->e) {
        note_spawned(arg, "");
        pgconn_warm(op->p->act, pgop_left_ms(op));
        pgop_end(op, NULL);
    } else if (pgop_late(op)) {
        pgop_end(op, r->e);
    } else {
        pgop_poll(op, POLL_FIRST_MS, POLL_MOST_MS, start_check);
    }
}

/* The pid file says when it is ready: asking before that would only fill PostgreSQL's log. */
static void start_check(struct pgop *op)
{
    struct start_op *s = (struct start_op *)op;
    struct pgpostmaster postmaster = {.pid = 0};
    bool there = pgfiles_postmaster(op->p->config.data_directory, &postmaster);

    s->seen |= postmaster.pid != 0;
    if (!there &&
        ((s->spawned && op->p->spawn && pgspawn_ended(op->p->spawn)) || (!s->spawned && s->seen) ||
         (s->command_ms && clock_mono_ms() - s->command_ms > APPEAR_MS)))
        start_failed(s);
    else if (pgop_late(op))
        start_late(s, &postmaster);
    else if (there && strcmp(postmaster.status, "standby") == 0)
        pgop_fail(op, ERR_CONFIG, "set hot_standby = on: the agent must be able to ask it",
                  "PostgreSQL runs as a standby that accepts no connections (hot_standby is off)");
    else if (there && strcmp(postmaster.status, "ready") == 0)
        pgop_ask(op, "SELECT 1", on_start_answer);
    else
        pgop_poll(op, POLL_FIRST_MS, POLL_MOST_MS, start_check);
}

static void start_commanded(struct pgop *op)
{
    ((struct start_op *)op)->command_ms = clock_mono_ms();
    start_check(op);
}

/* A start would fail ("pre-existing shared memory block is still in use"), and they may commit. */
static bool start_waits_for_orphans(struct start_op *s)
{
    const char *data_directory = s->op.p->config.data_directory;
    struct pgcontrol control = {.state = CONTROL_UNREADABLE};
    struct pgorphans orphans;
    int64_t now_ms = clock_mono_ms();

    pgcontrol_read(data_directory, &control, NULL);
    if (!pgfiles_orphans(data_directory, control.state, &orphans))
        return false;
    if (s->lingering_ms == 0)
        s->lingering_ms = now_ms;
    if (now_ms - s->lingering_ms < LINGER_MS && !pgop_late(&s->op))
        pgop_poll(&s->op, POLL_FIRST_MS, POLL_MOST_MS, start_begin);
    else
        fail_orphans(&s->op, &orphans, "; nothing is started beside them");
    return true;
}

static void start_begin(struct pgop *op)
{
    struct start_op *s = (struct start_op *)op;
    struct postgres *p = op->p;
    struct pgpostmaster postmaster = {.pid = 0};
    struct pgspawn *spawn;
    struct err e = {0};
    bool there = pgfiles_postmaster(p->config.data_directory, &postmaster);

    if (there && postmaster.pid == 0 && !pgop_late(op)) {
        pgop_poll(op, POLL_FIRST_MS, POLL_MOST_MS, start_begin);
    } else if (there) {
        start_check(op);
    } else if (p->spawn && !pgspawn_ended(p->spawn) && !pgop_late(op)) {
        pgop_after(op, 1, start_begin); /* our last one has not been reaped yet */
    } else if (start_waits_for_orphans(s)) {
        return;
    } else if (p->config.start_command[0]) {
        pgop_command(op, p->config.start_command, start_commanded);
    } else if (pgspawn_start(p->loop, &p->config, s->settings, &spawn, &e) < 0) {
        pgop_end(op, &e);
    } else {
        pgspawn_free(p->spawn);
        p->spawn = spawn;
        s->spawned = true;
        start_check(op);
    }
}

void postgres_start_with(struct postgres *p, const char *const *settings, int64_t timeout_ms,
                         postgres_done_fn fn, void *arg)
{
    struct start_op *s = pgop_new(p, sizeof(*s), "start", timeout_ms, fn, arg);

    s->settings = settings;
    pgop_after(&s->op, 0, start_begin);
}

void postgres_start(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    postgres_start_with(p, NULL, timeout_ms, fn, arg);
}

/* ---- restart --------------------------------------------------------------------------------- */

static void restart_started(void *arg, const struct err *e)
{
    pgop_end(arg, e);
}

static void restart_stopped(void *arg, const struct err *e)
{
    struct pgop *op = arg;

    if (e)
        pgop_end(op, e);
    else
        postgres_start(op->p, pgop_left_ms(op), restart_started, op);
}

void postgres_restart(struct postgres *p, int64_t timeout_ms, postgres_done_fn fn, void *arg)
{
    struct pgop *op = pgop_new(p, sizeof(*op), "restart", timeout_ms, fn, arg);

    postgres_stop(p, false, timeout_ms, restart_stopped, op);
}
