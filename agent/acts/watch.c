/*
 *     tick --> read D --> remember it (epoch, state, this boot)
 *                |--> it names another owner for good --> SECOND_READ_MS --> read D
 *                |                                            --> act under the lock
 *                |--> this node is held --> hold_consider()
 *                '--> now and then: the crontab
 *
 * Reads are outside of the lock; what they lead to is decided again under it, against the state
 * as it then is, by records whose epochs show whether they are late.
 */
#include "agent/acts/watch.h"

#include <inttypes.h>
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/acts/hold.h"
#include "agent/cron/cron.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    SECOND_READ_MS = 250, /* controller/engine/ops_evidence.c waits for it */
    MINUTE_MS = 60000,
    CRONTAB_EARLY_MS = 8000,
};

struct watch {
    struct agent *agent;
    struct hold *hold;
    struct timer *timer;
    struct dns_op *op;
    bool second;            /* the read under way is the second one */
    bool silent;            /* was the last one */
    bool stray_entries;     /* the crontab has entries on though they are commanded off */
    int64_t crontab_minute; /* whose entries the last look at the crontab was for */
    struct record first;
    struct record told; /* mode = observe: the record for which it was said what would be done */
};

static void again(struct watch *w, int64_t after_ms);

/* ---- remembering ----------------------------------------------------------------------------- */

static bool same_record(const struct record *a, const struct record *b)
{
    char text[2][REGISTER_TEXT_BYTES];

    return register_format(a, text[0], NULL) == 0 && register_format(b, text[1], NULL) == 0 &&
           strcmp(text[0], text[1]) == 0;
}

/* *next, and true: `d` says something new. */
static bool remembers(const struct agent *g, const struct agent_state *s, const struct record *d,
                      struct agent_state *next)
{
    bool adopts = rules_adopts(s, g->config->agent.node, d, next);

    if (!adopts)
        *next = *s;
    if (s->sysid == 0 || d->sysid != s->sysid || d->epoch < s->epoch)
        return false;
    if (!adopts && same_record(d, &s->seen) && s->boot_epoch == d->epoch &&
        strcmp(s->boot_id, g->boot) == 0)
        return false;
    next->seen = *d;
    next->boot_epoch = d->epoch;
    STR_COPY(next->boot_id, g->boot);
    return true;
}

static void remember(struct act *a)
{
    struct agent_state next;

    if (!remembers(a->agent, &a->s, &a->first, &next))
        act_finish(a);
    else if (act_save(a, &next))
        act_next(a);
}

static const act_phase_fn remember_phases[] = {remember, NULL};
static const struct act_kind act_remember = {
    .name = "remember", .phases = remember_phases, .quiet = true};

/* ---- acting ---------------------------------------------------------------------------------- */

static void on_cron_off(void *arg, const struct err *e)
{
    struct act *a = arg;

    if (e)
        act_fail(a, e);
    else
        act_finish(a);
}

static void decide(struct act *a)
{
    struct agent_state next = a->s;
    const char *node = a->agent->config->agent.node;

    switch (rules_watch(&a->s, &a->f, node, &a->first, &a->second)) {
    case WATCH_FENCE:
        rules_fence(&a->s, &a->f, &next);
        act_fence_sign(a, &next);
        next.seen = a->second;
        if (act_save(a, &next))
            act_next(a);
        break;
    case WATCH_CRON_OFF:
        rules_cron_off(&a->s, &next);
        if (act_save(a, &next))
            cron_off(a->agent->cron, NULL, on_cron_off, a);
        break;
    case WATCH_NOTHING: /* but a crontab that is not as it was commanded */
        if (a->s.cron_on)
            act_finish(a);
        else
            cron_off(a->agent->cron, NULL, on_cron_off, a);
        break;
    }
}

/* The stop comes before the crontab: another node may be writable by now, and crontab(1) can take
 * long on a host that is cut off. Jobs on a stopped database write nothing there. */
static const act_phase_fn watch_phases[] = {
    act_look,       decide,     act_signal,        act_fence_stop,
    act_fence_cron, act_disarm, act_fence_observe, NULL,
};
static const struct act_kind act_watch = {.name = "watch", .phases = watch_phases};

/* mode = observe: once for each record. */
static void tell_only(struct watch *w, const struct record *d)
{
    if (same_record(d, &w->told))
        return;
    w->told = *d;
    log_warning("watch: mode = observe: nothing is done, though the ownership record names %s "
                "(epoch %" PRId64 ", %s); with mode = act this node would fence itself if it is "
                "writable, and turn its jobs off",
                d->owner, d->epoch, register_state_names[d->state]);
}

/* Is a second read worth while? By files alone; the act looks properly. */
static bool is_suspicious(const struct watch *w, const struct agent_state *s,
                          const struct record *d)
{
    const struct agent *g = w->agent;
    const char *node = g->config->agent.node;
    struct obs_pg *pg;

    if (d->epoch < s->epoch || d->sysid != s->sysid || strcmp(d->owner, node) == 0)
        return false;
    pg = mem_alloc(sizeof(*pg));
    postgres_look_files(&g->config->postgresql, pg);
    struct facts f = rules_facts(pg);
    mem_free(pg);
    if (f.role == PG_STOPPED && !s->cron_on && !w->stray_entries)
        return false;
    return rules_watch(s, &f, node, d, d) != WATCH_NOTHING ||
           (w->stray_entries && !s->cron_on &&
            (d->state == REGISTER_STABLE || d->state == REGISTER_FLIP));
}

/* ---- one tick -------------------------------------------------------------------------------- */

static void on_crontab(void *arg, const struct obs_cron *cron)
{
    struct watch *w = arg;
    struct agent_state s;

    if (!cron->readable || agent_state(w->agent, &s, NULL) < 0)
        return;
    w->stray_entries = s.epoch > 0 && !s.cron_on && cron->entries_on > 0;
    if (s.cron_on && !s.fenced && !s.held && s.epoch > 0 && cron->entries_on == 0 &&
        cron->entries_off > 0)
        hold_consider(w->hold);
}

/* Once a minute, and so shortly before cron starts the jobs of the next one that an edit which
 * switched entries is found first, if it can be: `crontab -e` that was opened before we wrote, a
 * configuration management that came along. */
static void look_at_crontab(struct watch *w)
{
    int64_t minute = (clock_wall_ms() + CRONTAB_EARLY_MS) / MINUTE_MS;

    if (w->crontab_minute == minute)
        return;
    w->crontab_minute = minute;
    cron_look(w->agent->cron, true, on_crontab, w);
}

static void act_on(struct watch *w, const struct record *d)
{
    char reason[REASON_BYTES];

    STR_PRINTF(reason, "the ownership record names %s (epoch %" PRId64 ", %s)", d->owner, d->epoch,
               register_state_names[d->state]);
    struct act *a = act_own(w->agent, &act_watch, "watch", reason);
    a->first = w->first;
    a->second = *d;
    w->stray_entries = false;
}

static void consider(struct watch *w, const struct record *d)
{
    struct agent *g = w->agent;
    struct agent_state s, next;
    struct err e;
    bool was_second = w->second;

    w->second = false;
    if (agent_state(g, &s, &e) < 0) {
        log_err(LOG_LEVEL_ERROR, &e);
        return;
    }
    if (remembers(g, &s, d, &next))
        act_own(g, &act_remember, "watch", "the ownership record has changed")->first = *d;
    if (!g->config->watch.enabled || !is_suspicious(w, &s, d))
        return;
    if (g->config->agent.mode == MODE_OBSERVE) {
        tell_only(w, d);
        return;
    }
    if (was_second) {
        act_on(w, d);
    } else {
        w->first = *d;
        w->second = true;
    }
}

static void log_answer(const struct dns_view *view, const struct err *e, bool good,
                       const char *server)
{
    if (good)
        log_info("watch: %s answers", server);
    else if (e)
        log_warning("watch: no ownership record: %s", e->msg);
    else if (view->n_txt == 0)
        log_warning("watch: %s has no ownership record", server);
    else
        log_error("watch: %s shows %d TXT records where one valid ownership record should be: %s",
                  server, view->n_txt, view->n_txt == 1 ? view->txt : "");
}

static void on_read(void *arg, const struct dns_view *view, const struct err *e)
{
    struct watch *w = arg;
    struct agent *g = w->agent;
    bool good = view->status == DNS_VIEW_OK && view->n_txt == 1 && view->record_valid;

    w->op = NULL;
    if (good != !w->silent) {
        w->silent = !good;
        log_answer(view, e, good, g->config->dns.server);
    }
    if (good)
        g->watch_read_mono_ms = clock_mono_ms();
    if (good && !g->acting) /* an act is at work on the same; the next tick sees what it left */
        consider(w, &view->record);
    else
        w->second = false;
    again(w, w->second ? SECOND_READ_MS : g->config->watch.interval_ms);
}

static void tick(void *arg)
{
    struct watch *w = arg;
    struct agent *g = w->agent;
    struct agent_state s;

    timer_free(w->timer);
    w->timer = NULL;
    if (g->stopping)
        return;
    if (!g->acting && agent_state(g, &s, NULL) == 0 && s.held)
        hold_consider(w->hold);
    look_at_crontab(w);
    w->op = dns_read(g->loop, &g->config->zone, NULL, DNS_READ_REGISTER, g->config->dns.timeout_ms,
                     on_read, w);
}

static void again(struct watch *w, int64_t after_ms)
{
    w->timer = timer_start(w->agent->loop, after_ms, tick, w);
}

struct watch *watch_new(struct agent *g)
{
    struct watch *w = mem_alloc(sizeof(*w));

    w->agent = g;
    w->hold = hold_new(g);
    if (!g->config->watch.enabled)
        log_warning("watch: configured off: this node will not fence itself when the ownership "
                    "record names another owner");
    again(w, 0);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    timer_free(w->timer);
    dns_op_cancel(w->op);
    hold_free(w->hold);
    mem_free(w);
}
