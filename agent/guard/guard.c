/*
 *     lock --> state, files --> row 1 or 2: these alone decide
 *                '--> D and the peers, at once --> the table
 *     then, in this order: the state file; standby.signal; the crontab; the answer
 *
 * Only where the verdict is "writable" after a hold the signal goes before the state: a crash in
 * between must find the node still held, not a standby that was never requested.
 */
#include "agent/guard/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/cron/cron.h"
#include "agent/look/gather.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgrecovery.h"
#include "agent/state/machine.h"
#include "agent/state/permit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    LOCK_WAIT_MS = 20000, /* an act of the agent's: a fence or a promotion */
    LOCK_TRY_MS = 200,
    GATHER_MS = 8000, /* more than all its parts' deadlines */
    CRON_MS = 15000,
    STOP_MS = 10000, /* of processes that have outlived their postmaster */
    LINGER_MS = 3000,
    LOOK_AGAIN_MS = 20,
    EXIT_BASE = 10,
    TEXT_BYTES = 1024,
};

struct guard {
    struct config *c;
    struct agent *agent;
    bool network;
    struct err network_error;
    int lock;
    bool permitted; /* the agent itself starts PostgreSQL, and has decided */
    bool readable, running;
    char orphans[200]; /* processes of a dead postmaster live on: which; "" none */
    struct agent_state s;
    struct err state_error;
    struct facts f;
    struct gathered seen;
    bool gathered, done;
    struct guard_decision d;
    char missing[700];  /* what would release a hold */
    struct err failure; /* the crontab could not be edited, the signal file not made */
    char cleared[PGRECOVERY_TEXT_BYTES + 100]; /* what would have ended a recovery */
};

/* ---- looking --------------------------------------------------------------------------------- */

static int take_lock(struct guard *u, struct err *reterr)
{
    int64_t end_ms = clock_mono_ms() + LOCK_WAIT_MS;

    for (;;) {
        int r = state_lock(&u->c->binding, LOCK_TRY_MS, &u->lock, reterr);

        if (r != ERR_HELD)
            return r;
        if (permit_valid(&u->c->binding)) {
            u->permitted = true;
            return 0;
        }
        if (clock_mono_ms() >= end_ms)
            return r;
    }
}

/* Children of a postmaster that has just died end by themselves, nearly always. */
static void look_at_postgres(struct guard *u, struct obs_pg *pg)
{
    int64_t end_ms = clock_mono_ms() + LINGER_MS;
    bool never = false;

    for (;;) {
        postgres_look_files(&u->c->postgresql, pg);
        if (pg->orphans == 0 || clock_mono_ms() >= end_ms)
            return;
        loop_wait(u->agent->loop, &never, LOOK_AGAIN_MS, NULL);
    }
}

static void look_here(struct guard *u)
{
    struct obs_pg *pg = mem_alloc(sizeof(*pg));

    look_at_postgres(u, pg);
    u->f = rules_facts(pg);
    u->running = pg->role == PG_STARTING; /* if that is unknown, no step is skipped */
    if (pg->orphans != 0)
        STR_COPY(u->orphans, pg->problem);
    mem_free(pg);
    u->readable = agent_state(u->agent, &u->s, &u->state_error) == 0;
}

static void on_gathered(void *arg, const struct gathered *seen)
{
    struct guard *u = arg;

    u->seen = *seen;
    u->gathered = true;
}

/* Rows 1 and 2 need neither D nor a peer: a standby or a fenced node starts (or not) with the
 * network down. */
static void decide(struct guard *u)
{
    const struct agent_state *s = u->readable ? &u->s : NULL;

    gather_nothing(u->agent, u->network ? "no need" : u->network_error.msg, &u->seen);
    gather_decide(u->agent, s, &u->f, &u->seen, &u->d);
    if (u->d.ruling.row <= GUARD_ROW_UNREADABLE || !u->network)
        return;
    struct gather *w = gather_start(u->agent, on_gathered, u);
    if (loop_wait(u->agent->loop, &u->gathered, GATHER_MS, NULL) == 0)
        gather_decide(u->agent, s, &u->f, &u->seen, &u->d);
    else
        gather_cancel(w); /* [dns] timeout_ms may be longer: too late, and not into what follows */
}

/* ---- doing ----------------------------------------------------------------------------------- */

static void on_cron(void *arg, const struct err *e)
{
    struct guard *u = arg;

    if (e)
        u->failure = *e;
    u->done = true;
}

static void set_crontab(struct guard *u)
{
    if (u->d.ruling.row == GUARD_ROW_NO_RECORD)
        return;
    u->done = false;
    if (u->d.ruling.verdict == GUARD_WRITABLE && u->d.next.cron_on)
        cron_on(u->agent->cron, "", on_cron, u);
    else
        cron_off(u->agent->cron, NULL, on_cron, u);
    loop_wait(u->agent->loop, &u->done, CRON_MS, &u->failure);
}

static int make_signal(struct guard *u, struct err *reterr)
{
    char text[TEXT_BYTES], when[CLOCK_TEXT_BYTES];

    STR_PRINTF(text,
               "# pgtandem: the guard keeps this node from being writable (%s, row %d).\n"
               "# %s\n# why: %s; ownership record: %s\n"
               "# next: `pgtandem status` on the controller; do not remove this file by hand.\n",
               guard_verdict_names[u->d.ruling.verdict], u->d.ruling.row,
               clock_text(clock_wall_ms(), when), rules_guard_row_text(u->d.ruling.row),
               u->seen.d_text);
    return postgres_signal_create(&u->c->postgresql, text, reterr);
}

/* recovery.signal first, as long as standby.signal hides it. */
static int release_signal(struct guard *u, struct err *reterr)
{
    bool aside = false;
    int r = postgres_recovery_signal_set_aside(&u->c->postgresql, &aside, reterr);

    if (aside)
        STR_COPY(u->cleared, "recovery.signal renamed to recovery.signal.set-aside");
    return r < 0 ? r : postgres_signal_remove(&u->c->postgresql, reterr);
}

static int save(struct guard *u, struct err *reterr)
{
    return u->readable ? agent_save(u->agent, &u->d.next, reterr) : 0;
}

/* Whoever starts it now gets a standby that stays one (agent/postgres/pgrecovery.h). */
static int make_harmless(struct guard *u, struct err *reterr)
{
    const struct postgres_config *c = &u->c->postgresql;
    char found[PGRECOVERY_TEXT_BYTES];
    bool aside = false;
    int r = 0;

    if (u->readable && u->s.epoch == 0) /* not commanded yet: nothing here is ours */
        return 0;
    if (pgfiles_has(c, "standby.signal"))
        r = postgres_recovery_signal_set_aside(c, &aside, reterr);
    if (r == 0)
        r = pgrecovery_disarm(c, found, reterr);
    if (r == 0 && (aside || found[0]))
        STR_PRINTF(u->cleared, "%s%s%s",
                   aside ? "recovery.signal renamed to recovery.signal.set-aside; " : "",
                   found[0] ? "emptied in postgresql.auto.conf, a standby would obey: " : "",
                   found);
    return r;
}

/* 0, or why PostgreSQL must not start after all. */
static int carry_out(struct guard *u, struct err *reterr)
{
    int r = 0;

    switch (u->d.ruling.verdict) {
    case GUARD_STANDBY:
        r = save(u, reterr);
        return r < 0 ? r : make_harmless(u, reterr);
    case GUARD_FENCE:
        u->d.next.fence_wall_ms = clock_wall_ms();
        STR_COPY(u->d.next.fence_by, "guard");
        STR_PRINTF(u->d.next.fence_reason, "%.150s", rules_guard_row_text(u->d.ruling.row));
        r = save(u, reterr);
        r = r < 0 ? r : make_signal(u, reterr);
        return r < 0 ? r : make_harmless(u, reterr);
    case GUARD_REFUSE: /* an existing file says more: who fenced it, and why */
        if (u->d.ruling.row == GUARD_ROW_RECOVERY)
            return 0; /* a standby.signal would make the next start another one */
        if (!u->f.standby_signal)
            r = make_signal(u, reterr);
        return r < 0 ? r : make_harmless(u, reterr);
    case GUARD_HOLD:
        r = save(u, reterr);
        r = r < 0 ? r : make_signal(u, reterr);
        return r < 0 ? r : make_harmless(u, reterr);
    case GUARD_WRITABLE:
        if (u->s.held)
            r = release_signal(u, reterr);
        return r < 0 ? r : save(u, reterr);
    }
    return 0;
}

static void on_stopped(void *arg, const struct err *e)
{
    struct guard *u = arg;

    if (e)
        STR_COPY(u->orphans, e->msg);
    else
        u->orphans[0] = '\0';
    u->done = true;
}

static bool starts(const struct guard *u)
{
    return u->d.ruling.verdict == GUARD_STANDBY || u->d.ruling.verdict == GUARD_HOLD ||
           u->d.ruling.verdict == GUARD_WRITABLE;
}

/* What may not become writable must not go on committing either, once its mark is on disk. Where it
 * may, nothing is ended here: a person does it, or a fence; PostgreSQL would not start beside
 * it. */
static void end_orphans(struct guard *u)
{
    struct err e;

    u->done = false;
    postgres_stop(u->agent->pg, true, STOP_MS, on_stopped, u);
    loop_wait(u->agent->loop, &u->done, STOP_MS + LOCK_TRY_MS, &e);
}

static int carry_out_beside_orphans(struct guard *u, struct err *reterr)
{
    bool writable_or_standby =
        u->d.ruling.verdict == GUARD_WRITABLE || u->d.ruling.verdict == GUARD_STANDBY;
    int r = writable_or_standby ? 0 : carry_out(u, reterr);

    if (r == 0 && !writable_or_standby)
        end_orphans(u);
    return r;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell_missing(struct guard *u)
{
    char text[600];

    if (u->d.ruling.verdict != GUARD_HOLD)
        return;
    gather_missing(u->agent, u->d.ruling.row, &u->seen, text, sizeof(text));
    if (text[0])
        STR_PRINTF(u->missing, "starts read-only, scheduled jobs off; %s", text);
}

static const char *next_step(const struct guard *u)
{
    if (u->d.ruling.row == GUARD_ROW_RECOVERY)
        return "does not start, scheduled jobs off; remove recovery.signal if it was left behind "
               "by "
               "a restore, then start PostgreSQL again";
    switch (u->d.ruling.verdict) {
    case GUARD_STANDBY:
        return "starts as a standby";
    case GUARD_WRITABLE:
        return u->d.ruling.row == GUARD_ROW_NO_RECORD ? "starts as it is"
               : u->d.next.cron_on                    ? "starts writable, scheduled jobs on"
                                   : "starts writable, scheduled jobs off as commanded";
    case GUARD_HOLD:
        return u->missing[0] ? u->missing
                             : "starts read-only, scheduled jobs off; released automatically when "
                               "a row permits it; `pgtandem status` shows what is missing";
    case GUARD_REFUSE:
    case GUARD_FENCE:
        return "does not start, scheduled jobs off; `pgtandem rejoin` makes it a standby";
    }
    return "";
}

/* mode = observe: what it comes to, and that nothing of it is done. */
static void tell_only(const struct guard *u)
{
    printf("pgtandem guard: mode = observe: nothing was changed, it starts as it is; with mode = "
           "act: %s (row %d): %s; ownership record: %s%s%s\n",
           guard_verdict_names[u->d.ruling.verdict], u->d.ruling.row,
           rules_guard_row_text(u->d.ruling.row), u->seen.d_text, u->seen.peers_text[0] ? "; " : "",
           u->seen.peers_text);
    fflush(stdout);
}

static void print_ruling(const struct guard *u, const char *why_not)
{
    const struct guard_ruling *r = &u->d.ruling;

    printf("pgtandem guard: %s (row %d%s): %s%s%s; ownership record: %s%s%s; %s%s%s%s%s%s%s\n",
           guard_verdict_names[r->verdict], r->row, r->alarm ? ", ALARM" : "",
           rules_guard_row_text(u->d.ruling.row), u->readable ? "" : ": ",
           u->readable ? "" : u->state_error.msg, u->seen.d_text, u->seen.peers_text[0] ? "; " : "",
           u->seen.peers_text,
           u->running ? "PostgreSQL runs already, only the crontab was set" : next_step(u),
           u->cleared[0] ? "; " : "", u->cleared, why_not ? "; " : "", why_not ? why_not : "",
           u->orphans[0] ? "; NOT STARTED beside processes of the last one: " : "", u->orphans);
    fflush(stdout);
}

static int exit_status(struct guard *u, bool cron_only, int carried_out)
{
    bool may = starts(u);
    bool cron_failed = u->failure.code != 0;

    if (cron_only)
        may = !cron_failed;
    else if (u->running)
        may = true;
    else if (u->orphans[0])
        may = false;
    return may && carried_out == 0 ? 0 : EXIT_BASE + u->d.ruling.row;
}

static int judge(struct guard *u, bool cron_only)
{
    struct err e = {0};
    int r = 0;

    look_here(u);
    decide(u);
    if (u->c->agent.mode == MODE_OBSERVE) {
        tell_only(u);
        return 0;
    }
    /* a database that runs is the watch's and the hold's, not ours: see the head of guard.h */
    if (!u->running && !cron_only)
        r = u->orphans[0] ? carry_out_beside_orphans(u, &e) : carry_out(u, &e);
    set_crontab(u);
    tell_missing(u);
    print_ruling(u, r < 0 ? e.msg : u->failure.code ? u->failure.msg : NULL);
    return exit_status(u, cron_only, r);
}

int guard_run(struct config *c, bool cron_only)
{
    struct guard *u = mem_alloc(sizeof(*u));
    struct err e = {0};
    int status = EXIT_BASE + GUARD_ROW_UNREADABLE;

    u->c = c;
    u->lock = -1;
    int r = machine_become_owner(c->postgresql.data_directory, &e);
    struct loop *loop = loop_new();
    if (r == 0) {
        /* expired certificates or a lost key are no reason to keep PostgreSQL down: neither D
         * nor a peer can be asked then, and the table covers that */
        u->network = agent_new(loop, c, true, &u->agent, &u->network_error) == 0;
        if (!u->network)
            r = agent_new(loop, c, false, &u->agent, &e);
    }
    if (r == 0)
        r = take_lock(u, &e);
    if (r < 0) {
        bool observes = c->agent.mode == MODE_OBSERVE;

        printf("pgtandem guard: %s: %s%s%s\n",
               observes ? "mode = observe: it starts as it is, with mode = act it would not"
                        : "refuse",
               e.msg, e.hint[0] ? "; " : "", e.hint);
        status = observes ? 0 : status;
    } else if (u->permitted) {
        printf("pgtandem guard: the agent starts it, and has decided\n");
        status = 0;
    } else {
        status = judge(u, cron_only);
    }
    if (u->lock >= 0)
        close(u->lock);
    agent_free(u->agent);
    loop_free(loop);
    mem_free(u);
    return status;
}
