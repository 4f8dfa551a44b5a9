#include "agent/acts/canary.h"

#include <errno.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/acts/canary_text.h"
#include "agent/cron/cron.h"
#include "agent/look/observe.h"
#include "agent/node/answer.h"
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
    struct agent *agent;
    struct rpc_request *r;
    struct timer *timer;
    char nonce[NONCE_BYTES];
    enum { CANARY_WANTED, CANARY_ADDED, CANARY_OVER, CANARY_ANSWERED } state;
    int64_t deadline_ms, added_ms;
    int removals;
    struct rehearsal result;
};

static bool path_of(const struct agent *g, const char *name, char *ret_path, size_t bytes)
{
    return str_printf(ret_path, bytes, "%s/%s", g->config->agent.state_directory, name);
}

/* ---- the end --------------------------------------------------------------------------------- */

void canary_drop(struct agent *g)
{
    if (!g->canary)
        return;
    timer_free(g->canary->timer);
    mem_free(g->canary);
    g->canary = NULL;
}

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct canary *c = arg;
    AUTO(arena) a = arena_new();
    struct rehearsals *told = arena_alloc(a, sizeof(*told));
    struct reply *reply = answer_new(obs, NULL);

    told->list[0] = c->result;
    told->n = 1;
    reply->text = field_to_text(&rehearsals_table, told, a);
    answer_send(c->r, reply);
    canary_drop(c->agent);
}

static void answer(struct canary *c)
{
    c->state = CANARY_ANSWERED;
    log_info("canary: %s: %s", rehearsal_verdict_names[c->result.verdict], c->result.said);
    observe_node(c->agent, AGENT_LOOK_MS, false, on_observed, c);
}

static void refuse(struct canary *c, const struct err *e)
{
    c->result.verdict = REHEARSAL_FAILED;
    STR_COPY(c->result.said, e->msg);
    STR_COPY(c->result.remedy, e->hint);
    timer_free(c->timer);
    c->timer = NULL;
    answer(c);
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
    timer_free(g->canary->timer);
    g->canary->timer = timer_start(g->loop, REMOVE_MS, not_begun, g);
    act_own(g, &act_canary_remove, "canary", "its line is removed");
}

static void remove_again(void *arg)
{
    remove_by_act(arg);
}

static void not_removed(struct agent *g, const struct err *e)
{
    struct canary *c = g->canary;

    log_warning("canary: its line is still in the crontab: %s", e->msg);
    if (!c || c->state != CANARY_OVER)
        return; /* an earlier agent's: the next start, or the next canary, tries again */
    timer_free(c->timer);
    c->timer = NULL;
    if (++c->removals < REMOVALS_MAX) {
        c->timer = timer_start(g->loop, AGAIN_MS, remove_again, g);
        return;
    }
    c->result.verdict = REHEARSAL_FAILED;
    STR_PRINTF(c->result.said, "its line could not be removed: %s", e->msg);
    STR_PRINTF(c->result.remedy, "crontab -e: remove the last line (%s)", CANARY_MARK);
    answer(c);
}

static void on_removed(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct agent *g = a->agent;
    char intent[320], fired[320];

    if (e) {
        not_removed(g, e);
        act_fail(a, e);
        return;
    }
    path_of(g, "canary", intent, sizeof(intent));
    path_of(g, "canary.fired", fired, sizeof(fired));
    file_remove(fired, NULL);
    file_remove(intent, NULL);
    if (g->canary && g->canary->state == CANARY_OVER)
        answer(g->canary);
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

    path_of(c->agent, "canary.fired", path, sizeof(path));
    return file_read(path, 4096, a, &text, NULL, NULL) == 0 &&
           strncmp(text, c->nonce, strlen(c->nonce)) == 0;
}

static void take_away(struct canary *c)
{
    c->state = CANARY_OVER;
    c->result.elapsed_ms = clock_mono_ms() - c->added_ms;
    remove_by_act(c->agent);
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
        c->timer = timer_start(c->agent->loop, POLL_MS, wait_for_cron, c);
    }
}

/* ---- the line comes -------------------------------------------------------------------------- */

static void fail_to_add(struct act *a, const struct err *e)
{
    struct err kept = *e;

    refuse(a->agent->canary, &kept);
    act_fail(a, &kept);
}

static void on_added(void *arg, const struct err *e)
{
    struct act *a = arg;
    struct canary *c = a->agent->canary;
    int64_t to_minute_ms = MINUTE_MS - clock_wall_ms() % MINUTE_MS;

    c->added_ms = clock_mono_ms();
    if (e) { /* it may have been written none the less */
        c->result.verdict = REHEARSAL_FAILED;
        STR_COPY(c->result.said, e->msg);
        STR_COPY(c->result.remedy, e->hint);
        take_away(c);
        act_fail(a, e);
        return;
    }
    c->state = CANARY_ADDED;
    if (to_minute_ms < TOO_LATE_MS)
        to_minute_ms += MINUTE_MS;
    c->deadline_ms = c->added_ms + to_minute_ms + CRON_MS;
    c->timer = timer_start(a->agent->loop, POLL_MS, wait_for_cron, c);
    act_next(a);
}

static void on_text(void *arg, const char *text, const struct err *e)
{
    struct act *a = arg;
    struct agent *g = a->agent;
    AUTO(arena) arena = arena_new();
    char intent[320], fired[320], *with;
    struct err why;

    path_of(g, "canary", intent, sizeof(intent));
    path_of(g, "canary.fired", fired, sizeof(fired));
    if (e)
        fail_to_add(a, e);
    else if (canary_text_add(text, fired, g->canary->nonce, arena, &with, &why) < 0 ||
             file_remove(fired, &why) < 0 ||
             file_replace(intent, g->canary->nonce, strlen(g->canary->nonce), 0600, &why) < 0)
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
    const char *why = kept_out(a);
    struct err e;

    if (!a->agent->canary || a->agent->canary->state != CANARY_WANTED) {
        act_finish(a); /* its time was up before its turn came */
        return;
    }
    timer_free(a->agent->canary->timer); /* from here on each part has a deadline of its own */
    a->agent->canary->timer = NULL;
    if (why) {
        err_set(&e, ERR_REFUSED, "pgtandem status", "its crontab is left alone: %s", why);
        fail_to_add(a, &e);
    } else {
        cron_read(a->agent->cron, on_text, a);
    }
}

static const act_phase_fn add_phases[] = {canary_add, NULL};
static const struct act_kind act_canary_add = {.name = "canary-add", .phases = add_phases};

/* ---- for others ------------------------------------------------------------------------------ */

static void on_no_turn(void *arg)
{
    struct canary *c = arg;
    struct err e;

    err_set(&e, ERR_TIMEOUT, "look with pgtandem status, and try again",
            "timed out after %d s waiting for another operation on this node", TURN_MS / 1000);
    refuse(c, &e);
}

static void on_refused(void *arg, const struct node_obs *obs)
{
    struct err e;

    err_set(&e, ERR_REFUSED, "wait for its end: 70 s at most",
            "another canary is in this node's crontab");
    answer_send(arg, answer_new(obs, &e));
}

void canary_answer(struct agent *g, struct rpc_request *r)
{
    struct canary *c;
    struct err e = {.code = 0};

    if (g->canary) {
        observe_node(g, AGENT_LOOK_MS, false, on_refused, r);
        return;
    }
    c = mem_alloc(sizeof(*c));
    c->agent = g;
    c->r = r;
    c->result.kind = REHEARSAL_CANARY;
    g->canary = c;
    register_new_nonce(c->nonce);
    if (agent_may_act(g, "a canary in its crontab", &e) == 0 && g->config->cron.mode == CRONTAB_ALL)
        err_set(&e, ERR_REFUSED,
                "[cron] managed = block leaves room for entries that are not managed",
                "managed = all: a line of ours would be a job that is on");
    if (e.code) {
        refuse(c, &e);
        return;
    }
    c->timer = timer_start(g->loop, TURN_MS, on_no_turn, c);
    act_own(g, &act_canary_add, "canary", "does cron fire here?");
}

void canary_clean(struct agent *g)
{
    char intent[320];

    path_of(g, "canary", intent, sizeof(intent));
    if (file_exists(intent))
        act_own(g, &act_canary_remove, "canary", "an earlier agent left its line");
}
