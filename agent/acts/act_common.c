/* Phases that many kinds of acts share: looking, admission, reading D, fencing, starting. */
#include <inttypes.h>
#include <string.h>

#include "agent/acts/act.h"
#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgrecovery.h"
#include "agent/state/permit.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

enum { SIGNAL_TEXT_BYTES = 1024, AFTER_START_MS = 10000 };

/* ---- looking --------------------------------------------------------------------------------- */

static void on_look(void *arg, const struct obs_pg *pg)
{
    struct act *a = arg;

    a->pg = *pg;
    a->f = rules_facts(pg);
    act_next(a);
}

void act_look(struct act *a)
{
    postgres_look(a->agent->pg, AGENT_LOOK_MS, on_look, a);
}

/* A busy host may need longer for the first answer of a server that has just been started. */
void act_look_after_start(struct act *a)
{
    int64_t ms = act_left_ms(a) / 2;

    if (ms > AFTER_START_MS)
        ms = AFTER_START_MS;
    postgres_look(a->agent->pg, ms > AGENT_LOOK_MS ? ms : AGENT_LOOK_MS, on_look, a);
}

void act_look_files(struct act *a)
{
    postgres_look_files(&a->agent->config->postgresql, &a->pg);
    a->f = rules_facts(&a->pg);
    act_next(a);
}

void act_admit(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &next);

    act_obey(a, r, &next);
}

/* ---- D --------------------------------------------------------------------------------------- */

static void fail_no_record(struct act *a, const struct dns_view *view)
{
    struct err e;

    if (view->n_txt == 0)
        err_set(&e, ERR_REGISTER, "`pgtandem dns show`; a new cluster needs `pgtandem dns init`",
                "%s has no ownership record", view->server);
    else
        err_set(&e, ERR_REGISTER, "`pgtandem dns show`, and `pgtandem dns set` to repair it",
                "%s shows %d TXT records where one ownership record should be: \"%.80s\"",
                view->server, view->n_txt, view->n_txt == 1 ? view->txt : "");
    act_fail(a, &e);
}

static void fail_silent(struct act *a)
{
    struct err e;

    err_set(&e, ERR_DNS, "is the zone's primary up? `pgtandem dns show`",
            "%s does not respond, so that the ownership record could not be read%s",
            a->agent->config->dns.server,
            a->agent->config->n_others > 0 ? ", and no other server shows what the command names"
                                           : "");
    act_fail(a, &e);
}

/* An other server decides nothing but this: it shows the very nonce that the request names. */
static void on_other(void *arg, const struct dns_view *view, const struct err *e)
{
    struct act_other *other = arg;
    struct act *a = other->act;
    size_t waiting = 0;

    other->op = NULL;
    bool good = !e && view->status == DNS_VIEW_OK && view->n_txt == 1 && view->record_valid &&
                strcmp(view->record.nonce, a->q->nonce) == 0;
    for (size_t i = 0; i < DNS_NS_MAX; i++) {
        if (good) {
            dns_op_cancel(a->others[i].op);
            a->others[i].op = NULL;
        }
        waiting += a->others[i].op != NULL;
    }
    if (good) {
        act_log(a, LOG_LEVEL_INFO, "notes",
                "the zone's primary does not respond; %s shows the named record", view->server);
        a->d = view->record;
        act_next(a);
    } else if (waiting == 0) {
        fail_silent(a);
    }
}

/* docs/protocol.md, section 1: only if this agent has read this epoch from the primary itself since
 * its host booted; ARM does, or the watch. */
static bool others_may_answer(const struct act *a)
{
    return a->agent->config->n_others > 0 && a->q->nonce[0] && a->s.boot_epoch == a->q->epoch &&
           strcmp(a->s.boot_id, a->agent->boot) == 0;
}

void act_read_others(struct act *a)
{
    struct config *c = a->agent->config;
    int64_t ms = act_left_ms(a) < c->dns.timeout_ms ? act_left_ms(a) : c->dns.timeout_ms;

    if (c->n_others == 0)
        fail_silent(a);
    for (size_t i = 0; i < c->n_others; i++) {
        a->others[i].act = a;
        a->others[i].op = dns_read(a->agent->loop, &c->zone, c->others[i], DNS_READ_REGISTER, ms,
                                   on_other, &a->others[i]);
    }
}

static void on_primary(void *arg, const struct dns_view *view, const struct err *e)
{
    struct act *a = arg;

    a->d_op = NULL;
    if (view->status == DNS_VIEW_OK && view->n_txt == 1 && view->record_valid) {
        a->d = view->record;
        a->d_from_primary = true;
        act_next(a);
    } else if (view->status == DNS_VIEW_OK) {
        fail_no_record(a, view);
    } else if (view->status == DNS_VIEW_REFUSED) {
        act_fail(a, e);
    } else if (others_may_answer(a)) {
        act_read_others(a);
    } else {
        fail_silent(a);
    }
}

void act_read_d(struct act *a)
{
    struct config *c = a->agent->config;
    int64_t half_ms = act_left_ms(a) / 2;

    a->d_op = dns_read(a->agent->loop, &c->zone, NULL, DNS_READ_REGISTER,
                       half_ms < c->dns.timeout_ms ? half_ms : c->dns.timeout_ms, on_primary, a);
}

/* ---- the signal file ------------------------------------------------------------------------- */

/* `needed`: an error when it cannot be done, else a remark. False: the act has failed. */
static bool set_aside(struct act *a, bool needed)
{
    bool was_there = false;
    struct err e;

    if (postgres_recovery_signal_set_aside(&a->agent->config->postgresql, &was_there, &e) < 0) {
        if (needed) {
            act_fail(a, &e);
            return false;
        }
        log_err(LOG_LEVEL_ERROR, &e);
        buf_printf(&a->text, "%s. ", e.msg);
    } else if (was_there) {
        act_log(a, LOG_LEVEL_WARNING, "notes",
                "recovery.signal renamed to recovery.signal.set-aside");
        buf_str(&a->text, "recovery.signal renamed to recovery.signal.set-aside. ");
    }
    return true;
}

bool act_set_aside(struct act *a)
{
    return set_aside(a, true);
}

/* In an emergency a full disk must not keep the database writable: what could not be written is
 * said, tried again after the stop, and looked for when the fence is observed. */
void act_signal(struct act *a)
{
    char text[SIGNAL_TEXT_BYTES], when[CLOCK_TEXT_BYTES];
    struct err e;

    STR_PRINTF(text,
               "# pgtandem: this node may not run as primary (%s).\n"
               "# %s, by %s, epoch %" PRId64 ", transition %s\n# why: %s\n"
               "# next: `pgtandem status` on the controller, then `pgtandem rejoin %s`;\n"
               "# do not remove this file by hand.\n",
               a->kind->name, clock_text(clock_wall_ms(), when), a->q->by[0] ? a->q->by : "?",
               a->s.epoch, a->q->txn[0] ? a->q->txn : "-", a->q->reason[0] ? a->q->reason : "-",
               a->agent->config->agent.node);
    if (postgres_signal_create(&a->agent->config->postgresql, text, &e) < 0) {
        if (!act_is_emergency(a)) {
            act_fail(a, &e);
            return;
        }
        log_err(LOG_LEVEL_ERROR, &e);
        buf_printf(&a->text, "%s. ", e.msg);
    }
    if (set_aside(a, !act_is_emergency(a)))
        act_next(a);
}

/* ---- settings that a standby obeys ----------------------------------------------------------- */

/* `needed`: an error when it cannot be done, else a remark. False: the act has failed. */
static bool disarm(struct act *a, bool needed)
{
    const struct postgres_config *c = &a->agent->config->postgresql;
    char found[PGRECOVERY_TEXT_BYTES];
    struct pgpostmaster postmaster;
    struct err e;

    if (pgfiles_postmaster(c->data_directory, &postmaster))
        return true; /* it has read them already, and may be about to write the file */

    int r = pgrecovery_disarm(c, found, &e);

    if (r < 0 && needed) {
        act_fail(a, &e);
        return false;
    }
    if (!found[0])
        return true;
    act_log(a, LOG_LEVEL_WARNING, "notes", "%s%s",
            r < 0 ? e.msg : "emptied in postgresql.auto.conf, a standby would obey: ",
            r < 0 ? "" : found);
    buf_printf(&a->text, "%s%s. ",
               r < 0 ? e.msg : "emptied in postgresql.auto.conf, a standby would obey: ",
               r < 0 ? "" : found);
    return true;
}

void act_disarm(struct act *a)
{
    if (disarm(a, !act_is_emergency(a)))
        act_next(a);
}

/* A start as a standby: our own empties those settings on the command line as well. */
static bool ready_to_start(struct act *a)
{
    const struct postgres_config *c = &a->agent->config->postgresql;

    return !pgfiles_has(c, "standby.signal") || disarm(a, c->start_command[0] != '\0');
}

/* ---- starting -------------------------------------------------------------------------------- */

bool act_permit(struct act *a)
{
    struct err e;

    if (a->permit || a->agent->config->postgresql.start_command[0] == '\0')
        return true;
    if (permit_give(&a->agent->config->binding, &e) < 0) {
        act_fail(a, &e);
        return false;
    }
    a->permit = true;
    return true;
}

void act_start_then(struct act *a, postgres_done_fn fn)
{
    if (ready_to_start(a) && act_permit(a))
        postgres_start(a->agent->pg, act_left_ms(a), fn, a);
}

void act_restart_then(struct act *a, postgres_done_fn fn)
{
    if (act_permit(a))
        postgres_restart(a->agent->pg, act_left_ms(a), fn, a);
}

void act_start(struct act *a)
{
    act_start_then(a, act_done);
}
