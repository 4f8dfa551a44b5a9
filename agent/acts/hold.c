#include "agent/acts/hold.h"

#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "agent/look/gather.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

struct hold {
    struct agent *agent;
    struct gather *gather;
};

/* Decided outside of the lock, and again, on the same gathered view, under it. */
static void decide(struct act *a, struct guard_decision *ret)
{
    gather_decide(a->agent, &a->s, &a->f, a->data, ret);
}

static void decide_release(struct act *a)
{
    struct guard_decision d;

    decide(a, &d);
    /* not held, this is about the crontab alone: who has stopped PostgreSQL starts it again */
    if (d.ruling.verdict != GUARD_WRITABLE || (!a->s.held && a->f.role != PG_WRITABLE)) {
        act_finish(a);
        return;
    }
    a->next_state = d.next;
    buf_printf(&a->text, "%s, row %d: %s",
               a->f.role == PG_WRITABLE ? "jobs as commanded again" : "writable again",
               d.ruling.row, rules_guard_row_text(d.ruling.row));
    act_next(a);
}

/* The hold is forgotten only now: until PostgreSQL is seen writable, a crash must find it held. */
static void released(struct act *a)
{
    struct err e;

    if (a->f.role != PG_WRITABLE) {
        err_set(&e, ERR_INCOMPLETE, "PostgreSQL's log on this node says why",
                "released, PostgreSQL is %s, not writable", pg_role_names[a->f.role]);
        act_fail(a, &e);
    } else if (act_save(a, &a->next_state)) {
        act_next(a);
    }
}

static const act_phase_fn release_phases[] = {
    act_look,        decide_release, act_start_primary, act_look_after_start, released,
    act_cron_resume, NULL,
};
static const struct act_kind act_release = {.name = "release", .phases = release_phases};

static void decide_fence(struct act *a)
{
    struct guard_decision d;

    decide(a, &d);
    if (d.ruling.verdict != GUARD_FENCE) {
        act_finish(a);
        return;
    }
    act_fence_sign(a, &d.next);
    if (act_save(a, &d.next))
        act_next(a);
}

/* The stop before the crontab, as the watch does. */
static const act_phase_fn fence_phases[] = {
    act_look,       decide_fence, act_signal,        act_fence_stop,
    act_fence_cron, act_disarm,   act_fence_observe, NULL,
};
static const struct act_kind act_hold_fence = {.name = "hold-fence", .phases = fence_phases};

/* ---- looking --------------------------------------------------------------------------------- */

static void on_gathered(void *arg, const struct gathered *seen)
{
    struct hold *h = arg;
    struct agent *g = h->agent;
    const struct act_kind *kind = NULL;
    struct obs_pg *pg = mem_alloc(sizeof(*pg));
    struct agent_state s;
    struct guard_decision d;

    h->gather = NULL;
    postgres_look_files(&g->config->postgresql, pg);
    struct facts f = rules_facts(pg);
    mem_free(pg);
    if (g->stopping || agent_state(g, &s, NULL) < 0)
        return;
    gather_decide(g, &s, &f, seen, &d);
    if (d.ruling.verdict == GUARD_WRITABLE)
        kind = &act_release;
    else if (d.ruling.verdict == GUARD_FENCE)
        kind = &act_hold_fence;
    log_line(kind ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "held: row %d (%s); D: %s; peers: %s",
             d.ruling.row, rules_guard_row_text(d.ruling.row), seen->d_text, seen->peers_text);
    if (kind) {
        struct act *a = act_own(g, kind, "guard", rules_guard_row_text(d.ruling.row));

        a->data = mem_alloc(sizeof(*seen));
        memcpy(a->data, seen, sizeof(*seen));
    }
}

struct hold *hold_new(struct agent *g)
{
    struct hold *h = mem_alloc(sizeof(*h));

    h->agent = g;
    return h;
}

void hold_free(struct hold *h)
{
    if (!h)
        return;
    gather_cancel(h->gather);
    mem_free(h);
}

void hold_consider(struct hold *h)
{
    if (h->agent->config->agent.mode == MODE_OBSERVE)
        return;
    if (!h->gather && !h->agent->queue && !h->agent->stopping)
        h->gather = gather_start(h->agent, on_gathered, h);
}
