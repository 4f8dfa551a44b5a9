#include "agent/jobs/canary.h"

#include <errno.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "agent/jobs/canary_text.h"
#include "base/clock.h"
#include "base/crontab.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    TURN_MS = 10000,   /* until the line is in */
    POLL_MS = 100,     /* between two looks for the file that cron writes */
    AGAIN_MS = 2000,   /* between two tries of removing the line */
    REMOVE_MS = 20000, /* for one try, with its turn */
    REMOVALS_MAX = 3,
    MINUTE_MS = 60000,
    TOO_LATE_MS = 2000, /* so shortly before the minute cron may have read the crontab already */
    CRON_MS = 8000,     /* after the minute: cron's wake-up, and a busy host */
};

struct canary {
    struct job job;
    struct timer *timer;
    char nonce[NONCE_BYTES];
    enum { CANARY_WANTED, CANARY_ADDING, CANARY_ADDED, CANARY_OVER, CANARY_ENDED } state;
    int64_t deadline_ms, added_ms;
    int removals;
    struct rehearsal result;
};

static struct canary *of_job(struct job *j)
{
    return (struct canary *)j; /* its first member */
}

/* The one that is at work on this node; NULL: none. */
static struct canary *canary_of(const struct agent *g)
{
    return g->job && g->job->kind == &canary_job ? of_job(g->job) : NULL;
}

static const char *fired_path(const struct agent *g, char ret_path[320])
{
    (void)str_printf(ret_path, 320, "%s/canary.fired", g->config->agent.state_directory);
    return ret_path;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void canary_drop(struct job *j)
{
    timer_free(of_job(j)->timer);
}

static void canary_answer(struct job *j, struct reply *reply, struct arena *a)
{
    struct rehearsals *list = arena_alloc(a, sizeof(*list));

    list->list[0] = of_job(j)->result;
    list->n = 1;
    reply->text = field_to_text(&rehearsals_table, list, a);
}

static void end(struct canary *c, bool left)
{
    timer_free(c->timer);
    c->timer = NULL;
    c->state = CANARY_ENDED;
    log_info("canary: %s: %s", rehearsal_verdict_names[c->result.verdict], c->result.said);
    job_end(&c->job, left);
}

static void fail(struct canary *c, const struct err *e)
{
    c->result.verdict = REHEARSAL_FAILED;
    STR_COPY(c->result.said, e->msg);
    STR_COPY(c->result.remedy, e->hint);
}

/* ---- the line goes --------------------------------------------------------------------------- */

static const struct act_kind act_canary_remove;

static void not_removed(struct agent *g, const struct err *e);

/* The act that removes it may end before its first phase (a state that cannot be read): the asker
 * gets an answer all the same. */
static void not_begun(void *arg)
{
    struct agent *g = arg;
    struct err e;

    err_set(&e, ERR_TIMEOUT, NULL, "its removal has not ended within %d s", REMOVE_MS / 1000);
    not_removed(g, &e);
}

static void remove_by_act(struct agent *g)
{
    struct canary *c = of_job(g->job);

    timer_free(c->timer);
    c->timer = timer_start(g->loop, REMOVE_MS, not_begun, g);
    act_own(g, &act_canary_remove, "canary", "its line is removed");
}

static void remove_again(void *arg)
{
    remove_by_act(arg);
}

static void not_removed(struct agent *g, const struct err *e)
{
    struct canary *c = canary_of(g);

    if (!c || c->state != CANARY_OVER) { /* an earlier agent's: the next start tries again */
        job_cleaned(g, e);
        return;
    }
    log_warning("canary: its line is still in the crontab: %s", e->msg);
    timer_free(c->timer);
    c->timer = NULL;
    if (++c->removals < REMOVALS_MAX) {
        c->timer = timer_start(g->loop, AGAIN_MS, remove_again, g);
        return;
    }
    c->result.verdict = REHEARSAL_FAILED;
    STR_PRINTF(c->result.said, "its line could not be removed: %s", e->msg);
    STR_PRINTF(c->result.remedy, "crontab -e: remove the last line (%s)", CANARY_MARK);
    end(c, true);
}

static void on_removed(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct agent *g = a->agent;
    char fired[320];

    if (e) {
        not_removed(g, e);
        act_fail(a, e);
        return;
    }
    file_remove(fired_path(g, fired), NULL);
    if (canary_of(g) && canary_of(g)->state == CANARY_OVER)
        end(canary_of(g), false);
    else
        job_cleaned(g, NULL);
    act_next(a);
}

/* The sha256 of the text that was read: what somebody else changes meanwhile is not overwritten. */
static void write_text(struct act *a, const char *old, const char *text, cron_done_fn fn)
{
    struct crontab_summary s;
    struct err e;

    if (crontab_summarize(old, strlen(old), CRONTAB_ALL, &s, &e) < 0)
        fn(a, &e);
    else
        cron_write(a->agent->cron, text, s.hash, fn, a);
}

static void on_text_to_clean(void *arg, const char *text, const struct err *e)
{
    struct act *a = arg;
    AUTO(arena) arena = arena_new();
    char *without;

    if (e)
        on_removed(a, e);
    else if (!canary_text_remove(text, arena, &without))
        on_removed(a, NULL);
    else
        write_text(a, text, without, on_removed);
}

static void canary_remove(struct act *a)
{
    cron_read(a->agent->cron, on_text_to_clean, a);
}

static const act_phase_fn remove_phases[] = {canary_remove, NULL};
static const struct act_kind act_canary_remove = {.name = "canary-remove", .phases = remove_phases};

/* ---- waiting for cron ------------------------------------------------------------------------ */

static bool has_fired(const struct canary *c)
{
    AUTO(arena) a = arena_new();
    char path[320], *text;

    return file_read(fired_path(c->job.agent, path), 4096, a, &text, NULL, NULL) == 0 &&
           strncmp(text, c->nonce, strlen(c->nonce)) == 0;
}

static void take_away(struct canary *c)
{
    c->state = CANARY_OVER;
    c->result.elapsed_ms = clock_mono_ms() - c->added_ms;
    job_progress(&c->job, "its line is taken away");
    remove_by_act(c->job.agent);
}

static void wait_for_cron(void *arg)
{
    struct canary *c = arg;

    timer_free(c->timer);
    c->timer = NULL;
    if (has_fired(c)) {
        c->result.verdict = REHEARSAL_PASSED;
        STR_PRINTF(c->result.said, "cron fired it after %lld s",
                   (long long)(clock_mono_ms() - c->added_ms + 500) / 1000);
        take_away(c);
    } else if (clock_mono_ms() >= c->deadline_ms) {
        c->result.verdict = REHEARSAL_FAILED;
        STR_PRINTF(c->result.said, "cron did not fire it within %lld s",
                   (long long)(clock_mono_ms() - c->added_ms + 500) / 1000);
        STR_COPY(c->result.remedy,
                 "does cron run (systemctl status cron, crond)? Its log, SHELL= in the crontab, "
                 "/etc/security/access.conf and PAM may keep it from running this user's jobs");
        take_away(c);
    } else {
        c->timer = timer_start(c->job.agent->loop, POLL_MS, wait_for_cron, c);
    }
}

/* ---- the line comes -------------------------------------------------------------------------- */

static void fail_to_add(struct act *a, const struct err *e)
{
    struct err kept = *e;

    fail(of_job(a->agent->job), &kept);
    end(of_job(a->agent->job), false);
    act_fail(a, &kept);
}

static void on_added(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct canary *c = of_job(a->agent->job);
    int64_t to_minute_ms = MINUTE_MS - clock_wall_ms() % MINUTE_MS;

    c->added_ms = clock_mono_ms();
    if (e || c->job.cancelled.code) { /* it may have been written though that failed */
        fail(c, e ? e : &c->job.cancelled);
        take_away(c);
        act_done(a, e);
        return;
    }
    c->state = CANARY_ADDED;
    if (to_minute_ms < TOO_LATE_MS)
        to_minute_ms += MINUTE_MS;
    c->deadline_ms = c->added_ms + to_minute_ms + CRON_MS;
    c->timer = timer_start(a->agent->loop, POLL_MS, wait_for_cron, c);
    job_progress(&c->job, "its line is in the crontab; cron has until %lld s from now",
                 (long long)(to_minute_ms + CRON_MS) / 1000);
    act_next(a);
}

static void on_text(void *arg, const char *text, const struct err *e)
{
    struct act *a = arg;
    struct canary *c = of_job(a->agent->job);
    AUTO(arena) arena = arena_new();
    char fired[320], *with;
    struct err why;

    fired_path(a->agent, fired);
    if (e)
        fail_to_add(a, e);
    else if (c->job.cancelled.code)
        fail_to_add(a, &c->job.cancelled);
    else if (canary_text_add(text, fired, c->nonce, arena, &with, &why) < 0 ||
             file_remove(fired, &why) < 0 || job_intend(&c->job, &why) < 0)
        fail_to_add(a, &why);
    else
        write_text(a, text, with, on_added);
}

static const char *kept_out(const struct act *a)
{
    if (a->s.promoting)
        return "a promotion is recorded on this node";
    if (a->s.held)
        return "this node is held by its guard";
    return a->s.fenced && !a->s.fence_standby_only ? "this node is fenced" : NULL;
}

static void canary_add(struct act *a)
{
    struct canary *c = canary_of(a->agent);
    const char *why = kept_out(a);
    struct err e;

    if (!c || c->state != CANARY_WANTED) {
        act_finish(a); /* its time was up, or it was cancelled, before its turn came */
        return;
    }
    timer_free(c->timer); /* from here on each part has a deadline of its own */
    c->timer = NULL;
    c->state = CANARY_ADDING;
    if (why) {
        err_set(&e, ERR_REFUSED, "pgtandem status", "its crontab is left alone: %s", why);
        fail_to_add(a, &e);
    } else {
        cron_read(a->agent->cron, on_text, a);
    }
}

static const act_phase_fn add_phases[] = {canary_add, NULL};
static const struct act_kind act_canary_add = {.name = "canary-add", .phases = add_phases};

/* ---- as a job -------------------------------------------------------------------------------- */

static void on_no_turn(void *arg)
{
    struct canary *c = arg;
    struct err e;

    err_set(&e, ERR_TIMEOUT, "look with pgtandem status, and try again",
            "timed out after %d s waiting for another operation on this node", TURN_MS / 1000);
    fail(c, &e);
    end(c, false);
}

static void canary_start(struct job *j)
{
    struct canary *c = of_job(j);
    struct err e;

    c->result.kind = REHEARSAL_CANARY;
    register_new_nonce(c->nonce);
    if (j->agent->config->cron.mode == CRONTAB_ALL) {
        err_set(&e, ERR_REFUSED,
                "[cron] managed = block leaves room for entries that are not managed",
                "managed = all: a line of ours would be a job that is on");
        fail(c, &e);
        end(c, false);
        return;
    }
    c->timer = timer_start(j->agent->loop, TURN_MS, on_no_turn, c);
    act_own(j->agent, &act_canary_add, "canary", "does cron fire here?");
}

/* While its act runs, that looks at j->cancelled itself; what is being taken away goes on. */
static void canary_cancel(struct job *j)
{
    struct canary *c = of_job(j);

    if (c->state == CANARY_WANTED || c->state == CANARY_ADDED)
        fail(c, &j->cancelled);
    if (c->state == CANARY_WANTED)
        end(c, false);
    else if (c->state == CANARY_ADDED)
        take_away(c);
}

static void canary_clean(struct agent *g)
{
    act_own(g, &act_canary_remove, "canary", "an earlier agent left its line");
}

const struct job_kind canary_job = {.name = "canary",
                                    .bytes = sizeof(struct canary),
                                    /* it would be refused all the same, as "changed meanwhile" */
                                    .excludes = JOB_EXCLUDES(VERB_CRON_WRITE),
                                    .start = canary_start,
                                    .cancel = canary_cancel,
                                    .answer = canary_answer,
                                    .drop = canary_drop,
                                    .clean = canary_clean};
