#include "agent/look/status.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "agent/look/gather.h"
#include "agent/look/observe.h"
#include "agent/state/machine.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"

enum { LOOK_MS = 3000, WAIT_MS = 15000, STATUS_PROBLEM = 10 };

struct status {
    struct agent *agent;
    struct node_obs *obs;
    bool done;
};

static void on_observed(void *arg, const struct node_obs *obs)
{
    struct status *t = arg;

    *t->obs = *obs;
    t->done = true;
}

static void row(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void row(const char *name, const char *fmt, ...)
{
    va_list args;

    printf("%-12s ", name);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void print_postgres(const struct obs_pg *pg)
{
    char a[LSN_TEXT_BYTES], b[LSN_TEXT_BYTES];
    /* a walreceiver that has just begun reports the beginning of its segment */
    uint64_t received = pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;

    row("postgresql", "%s, timeline %" PRId64 ", system identifier %" PRIu64,
        pg_role_names[pg->role], pg->tli ? pg->tli : pg->control_tli, pg->sysid);
    if (pg->role == PG_WRITABLE)
        row("", "written up to %s; %zu standbys attached", lsn_text(pg->insert_lsn, a),
            pg->n_senders);
    else if (pg->role == PG_RECOVERY)
        row("", "received %s, replayed %s, from %s (%s)", lsn_text(received, a),
            lsn_text(pg->replay_lsn, b), pg->receiver_host[0] ? pg->receiver_host : "no node",
            pg->receiver_status[0] ? pg->receiver_status : "no walreceiver");
    row("", "pg_control: \"%s\", checkpoint %s; standby.signal %s",
        pg_control_state_names[pg->control_state], lsn_text(pg->control_checkpoint, a),
        pg->standby_signal ? "is there" : "is not there");
    if (pg->problem[0])
        row("", "problem: %s", pg->problem);
}

static void print_cron(const struct obs_cron *c)
{
    if (!c->readable) {
        row("crontab", "cannot be read: %s", c->problem);
        return;
    }
    row("crontab", "%" PRId64 " managed entries on, %" PRId64 " off; commanded %s; cron %s",
        c->entries_on, c->entries_off, c->commanded_on ? "on" : "off",
        c->daemon_running ? "is running" : "is not running");
    if (c->jobs_running > 0)
        row("", "running: %s", c->jobs);
    if (c->problem[0])
        row("", "warning: %s", c->problem);
}

/* A node that has rejoined does not return as the primary: its mark no longer says what it was. */
void status_fence_text(const struct agent_state *s, char *ret_text, size_t bytes)
{
    char when[CLOCK_TEXT_BYTES], lsn[LSN_TEXT_BYTES], was[120] = "";

    if (!s->fence_standby_only)
        STR_PRINTF(was, ", %s on timeline %" PRId64 ", shutdown checkpoint %s",
                   s->fence_was_primary ? "it was primary" : "it was not primary", s->fence_tli,
                   s->fence_lsn ? lsn_text(s->fence_lsn, lsn) : "unknown");
    (void)str_printf(ret_text, bytes, "%s since %s by %s (epoch %" PRId64 "%s): %s",
                     s->fence_standby_only ? "standby only, runs as a standby of the owner; fenced"
                                           : "fenced",
                     clock_text(s->fence_wall_ms, when), s->fence_by[0] ? s->fence_by : "?",
                     s->fence_epoch, was, s->fence_reason[0] ? s->fence_reason : "no reason given");
}

static void print_fence(const struct agent *g, const struct agent_state *s)
{
    char text[800];

    if (s->fenced) {
        status_fence_text(s, text, sizeof(text));
        row("fence", "%s", text);
    }
    if (s->held) {
        row("hold", "held by the guard, row %" PRId64 ": %s", s->held_row,
            rules_guard_row_text((int)s->held_row));
        gather_missing(g, (int)s->held_row, NULL, text, sizeof(text));
        if (text[0])
            row("", "%s", text);
    }
    if (s->promoting)
        row("promotion", "recorded at epoch %" PRId64 ", transition %s, from timeline %" PRId64,
            s->promoting_epoch, s->promoting_txn, s->promoting_tli);
    if (s->revoked)
        row("revoked", "promotions up to epoch %" PRId64, s->revoked_epoch);
    if (!s->fenced && !s->held)
        row("fence", "none");
}

static void print_guard(struct agent *g, const struct agent_state *s, const struct obs_pg *pg)
{
    struct facts f = rules_facts(pg);
    struct gathered seen;
    struct guard_decision d;

    gather_nothing(g, "status asks no peer", &seen);
    gather_decide(g, s, &f, &seen, &d);
    row("guard", "with DNS and peers silent: %s (row %d: %s)",
        guard_verdict_names[d.ruling.verdict], d.ruling.row, rules_guard_row_text(d.ruling.row));
    if (!s || s->seen.epoch == 0 || d.ruling.row <= 2)
        return;
    seen.d_answered = true;
    seen.d = s->seen;
    gather_decide(g, s, &f, &seen, &d);
    row("", "with DNS as last seen:      %s (row %d: %s)", guard_verdict_names[d.ruling.verdict],
        d.ruling.row, rules_guard_row_text(d.ruling.row));
}

static void print_state(const struct agent_state *s)
{
    row("commands", "obeyed up to (epoch %" PRId64 ", %" PRId64 "), transition %s", s->epoch,
        s->seq, s->txn[0] ? s->txn : "none");
    if (s->seen.epoch > 0)
        row("record", "last seen: epoch %" PRId64 ", %s, owner %s%s%s, transition %s, by %s",
            s->seen.epoch, register_state_names[s->seen.state], s->seen.owner,
            s->seen.to[0] ? ", to " : "", s->seen.to, s->seen.txn[0] ? s->seen.txn : "none",
            s->seen.by[0] ? s->seen.by : "?");
    else
        row("record", "none seen yet");
}

/* -1 days: it has expired, and every controller and agent refuses it. */
void status_certificate_text(const struct config *c, int64_t until_s, int64_t days, char *ret_text,
                             size_t bytes)
{
    char at[CLOCK_TEXT_BYTES];

    clock_text(until_s * 1000, at);
    if (days >= 0)
        (void)str_printf(ret_text, bytes, "%s, valid until %s (%" PRId64 " days)",
                         c->tls.certificate, at, days);
    else
        (void)str_printf(
            ret_text, bytes,
            "%s HAS EXPIRED (valid until %s): no command reaches this agent. make-certs agent DIR "
            "%s %s beside the authority's key, both files to their places here, then systemctl "
            "reload pgtandem-agent",
            c->tls.certificate, at, c->agent.cluster, c->agent.node);
}

static void print_certificate(const struct agent *g, int64_t days)
{
    char text[PATH_MAX + 400];

    status_certificate_text(g->config, tls_context_valid_until_s(g->tls), days, text, sizeof(text));
    row("certificate", "%s", text);
}

bool status_stands_out(const struct agent_state *s, const struct node_obs *o)
{
    const struct obs_pg *pg = &o->pg;

    return !s || s->held || (s->fenced && !s->fence_standby_only) || pg->role == PG_UNKNOWN ||
           pg->role == PG_STOPPED || pg->problem[0] || o->certificate_days == -1;
}

static int print_all(struct agent *g, const struct node_obs *o, const struct err *tls_problem)
{
    struct agent_state s;
    struct err e = {0};
    bool readable = agent_state(g, &s, &e) == 0;

    row("node", "%s of cluster %s", g->config->agent.node, g->config->agent.cluster);
    if (g->config->agent.mode == MODE_OBSERVE)
        row("mode", "observe: every act is refused, guard and watch only report");
    if (readable) {
        print_state(&s);
        print_fence(g, &s);
    } else {
        row("state", "UNREADABLE, this node counts as fenced: %s", e.msg);
        row("", "%s", e.hint);
    }
    if (g->tls)
        print_certificate(g, o->certificate_days);
    else
        row("certificate", "%s", tls_problem->msg);
    print_postgres(&o->pg);
    print_cron(&o->cron);
    print_guard(g, readable ? &s : NULL, &o->pg);
    return status_stands_out(readable ? &s : NULL, o) ? STATUS_PROBLEM : 0;
}

int status_run(struct config *c)
{
    struct err e = {0}, tls_problem = {0};
    struct status t = {0};
    int status = 1;
    int r = machine_become_owner(c->postgresql.data_directory, &e);
    struct loop *loop = loop_new();

    t.obs = mem_alloc(sizeof(*t.obs));
    if (r == 0)
        r = agent_new(loop, c, false, &t.agent, &e);
    if (r == 0) {
        /* for its dates: this program contacts no other node */
        tls_context_new(&c->tls, c->agent.cluster, PEER_AGENT, c->agent.node, &t.agent->tls,
                        &tls_problem);
        observe_node(t.agent, LOOK_MS, true, on_observed, &t);
        r = loop_wait(loop, &t.done, WAIT_MS, &e);
    }
    if (r == 0)
        status = print_all(t.agent, t.obs, &tls_problem);
    else
        fprintf(stderr, "pgtandem-agent: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
    agent_free(t.agent);
    loop_free(loop);
    mem_free(t.obs);
    return status;
}
