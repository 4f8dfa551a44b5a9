/*
 * What is wrong, in words, the most pressing first; what is owed without hurry; and one command to
 * type next. The planner's situation is the headline; its debts and what else a look shows follow.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/status.h"
#include "controller/session.h"
#include "controller/world/dns_words.h"
#include "controller/world/evidence.h"
#include "controller/world/view.h"

enum { SLOT_TOLD_BYTES = 64 << 20 }; /* less is what a short absence keeps */

static void add(struct status *st, struct status_lines *lines, const char *node, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

static void add(struct status *st, struct status_lines *lines, const char *node, const char *fmt,
                ...)
{
    char text[900];
    va_list args;

    if (lines->n == STATUS_LINES_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    lines->at[lines->n++] = (struct status_line){node, arena_strdup(st->arena, text)};
}

static const char *name_of(const struct status *st, int node)
{
    return node >= 0 ? st->session->config.nodes[node].name : "";
}

/* The planner's sentences hold one %s at most, for the node. */
static const char *fill(const struct status *st, const char *sentence, const char *node)
{
    const char *hole = strstr(sentence, "%s");

    if (!hole)
        return sentence;
    return arena_printf(st->arena, "%.*s%s%s", (int)(hole - sentence), sentence, node, hole + 2);
}

static void propose(struct status *st, const char *command)
{
    if (!*st->next)
        st->next = command;
}

/* ---- the headline ---------------------------------------------------------------------------- */

static void two_writable(struct status *st)
{
    char lsn[LSN_TEXT_BYTES];

    add(st, &st->problems, "",
        "TWO NODES ARE WRITABLE: clients may be writing to both. Nothing moves until a person has "
        "decided which one is right; docs/two-writable.md says how, step by step.");
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        const struct world_node *n = &st->w->nodes[i];

        if (n->answered && n->obs.pg.role == PG_WRITABLE)
            add(st, &st->problems, name_of(st, (int)i),
                "%s is writable: timeline %" PRId64 ", LSN %s%s", name_of(st, (int)i),
                n->obs.pg.tli, lsn_text(n->obs.pg.insert_lsn, lsn),
                (int)i == plan_owner(st->view) ? ", the record's owner" : "");
    }
}

static const char *why_silent(const struct status *st, int node)
{
    if (node < 0 || st->w->nodes[node].answered || !*st->w->nodes[node].error.msg)
        return "";
    return arena_printf(st->arena, ": %s", st->w->nodes[node].error.msg);
}

/* Of what was measured to have diverged, with both LSNs. */
static const char *diverged_words(const struct status *st, int node)
{
    const struct plan_node *n = &st->view->nodes[node];
    char here[LSN_TEXT_BYTES], there[LSN_TEXT_BYTES];

    return arena_printf(st->arena,
                        "%s %shas WAL that the owner does not have: it reaches %s on timeline "
                        "%" PRId64 ", the owner's history has it up to %s",
                        name_of(st, node),
                        n->fenced ? "is fenced and "
                        : n->held ? "is held and "
                                  : "",
                        lsn_text(n->wal.here, here), n->wal.tli, lsn_text(n->wal.there, there));
}

/* No command of ours helps there: a person brings a new certificate. */
static const char *renew(const struct status *st, const char *kind, const char *name,
                         const char *after)
{
    return arena_printf(st->arena,
                        "beside the authority's key: make-certs %s DIR %s %s; copy both files to "
                        "/etc/pgtandem of %s%s (docs/three-in-the-morning.md, \"A certificate has "
                        "expired, a clock is wrong\")",
                        kind, st->session->config.cluster.name, name, name, after);
}

static bool expired(const struct status *st, int node)
{
    return node >= 0 && !st->w->nodes[node].answered &&
           st->w->nodes[node].error.code == ERR_EXPIRED;
}

static const char *renew_agent(const struct status *st, int node)
{
    return renew(st, "agent", name_of(st, node), ", there: systemctl reload pgtandem-agent");
}

/* At work on something that lasts. */
static bool is_busy(const struct node_obs *o)
{
    enum { TOLD_MS = 2000 };

    return o->starting_act && o->act_ms >= TOLD_MS;
}

static const char *at_the_node(const struct status *st, int node)
{
    if (node < 0)
        return "";
    if (expired(st, node))
        return renew_agent(st, node);
    if (!st->w->nodes[node].answered)
        return arena_printf(st->arena,
                            "ping %s; if %s is up, there: systemctl status pgtandem-agent%s%s",
                            st->session->config.nodes[node].address, name_of(st, node),
                            node == plan_owner(st->view) ? ""
                                                         : "; if it is lost for good, here: "
                                                           "pgtandem forget ",
                            node == plan_owner(st->view) ? "" : name_of(st, node));
    if (is_busy(&st->w->nodes[node].obs))
        return "pgtandem status -w 2"; /* until that has ended */
    return arena_printf(st->arena, "on %s: pgtandem-agent status", name_of(st, node));
}

/* The owner is silent to us: the others' words, and from them what to do. */
static void owner_silent(struct status *st, int owner)
{
    const struct world *w = st->w;
    const char *name = name_of(st, owner);
    bool agent = false, writable = false;

    if (expired(st, owner))
        propose(st, renew_agent(st, owner));
    if (w->evidence.about != owner)
        return;
    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct obs_peer *e = &w->evidence.seen[i];

        if (!(w->evidence.from & (1U << i)))
            continue;
        add(st, &st->problems, name, "%s", evidence_words(st->arena, name_of(st, (int)i), e));
        agent |= e->agent_answers;
        writable |= e->writable_seen;
    }
    if (agent) /* it is the way from here that is cut */
        propose(st,
                arena_printf(st->arena,
                             "look at the network from here to %s (ping %s), or use pgtandem on "
                             "another controller; it is not lost",
                             name, st->session->config.nodes[owner].address));
    else if (writable)
        propose(st, arena_printf(st->arena,
                                 "on %s: systemctl status pgtandem-agent; PostgreSQL serves there",
                                 name));
}

/* Which of the two it is: jobs or epoch, or both. */
static void not_settled(struct status *st, int node)
{
    struct plan_debt list[PLAN_DEBTS_MAX];
    size_t n = planner_debts(st->view, list);

    for (size_t i = 0; i < n; i++)
        if ((int)list[i].node == node &&
            (list[i].kind == DEBT_CRON_ON || list[i].kind == DEBT_EPOCH))
            add(st, &st->problems, name_of(st, node), "%s",
                fill(st, plan_debt_text((enum plan_debt_kind)list[i].kind), name_of(st, node)));
}

static void dns_silent(struct status *st)
{
    if (dns_words_our_key(&st->w->d_error)) /* `dns show` would only say the same */
        propose(st, st->w->d_error.hint);
    add(st, &st->problems, "", "%s: %s",
        st->w->d.status == DNS_VIEW_REFUSED ? "the ownership record cannot be read"
                                            : "the zone's primary does not answer",
        st->w->d_error.msg);
}

/* The guard lets it go by itself as soon as one of the two is there (rows 9 and 10). */
static void held_without_dns(struct status *st, int owner)
{
    char names[300] = "";

    dns_silent(st);
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        size_t used = strlen(names);

        if (!st->w->nodes[i].answered)
            (void)str_printf(names + used, sizeof(names) - used, "%s%s", used ? " and " : "",
                             name_of(st, (int)i));
    }
    add(st, &st->problems, name_of(st, owner),
        "the owner %s is held by its guard; it is released automatically as soon as the zone's "
        "primary (%s) responds%s%s%s",
        name_of(st, owner), st->session->zone.server, *names ? ", or " : "", names,
        *names ? " does" : ", or all other nodes are standbys that obey the same record");
}

static void headline(struct status *st)
{
    const struct plan_situation *now = &st->situation;
    const char *command = now->command;

    if (now->reason == WHY_NOTHING) {
        if (*command) /* owed without hurry */
            propose(st, command);
        return;
    }
    if (now->reason == WHY_TWO_WRITABLE)
        two_writable(st);
    else if (now->reason == WHY_DNS_SILENT)
        dns_silent(st);
    else if (now->reason == WHY_WORD_SILENT)
        held_without_dns(st, now->node);
    else if (now->reason == WHY_W)
        not_settled(st, now->node);
    else if (now->reason == WHY_DIVERGED)
        add(st, &st->problems, name_of(st, now->node), "%s", diverged_words(st, now->node));
    else
        add(st, &st->problems, name_of(st, now->node), "%s%s",
            fill(st, now->problem, name_of(st, now->node)), why_silent(st, now->node));
    if (now->reason == WHY_OWNER_SILENT)
        owner_silent(st, now->node);
    if (st->journal.running_pid && st->view->d.state != REGISTER_STABLE)
        propose(st, "pgtandem status -w 2"); /* resume would take over from the command at work */
    propose(st, now->at_node >= 0 ? at_the_node(st, now->at_node) : command);
}

/* ---- debts ----------------------------------------------------------------------------------- */

/* Has the headline told this debt already? */
static bool told(const struct status *st, const struct plan_debt *d)
{
    if (st->situation.reason == WHY_TWO_WRITABLE && d->kind == DEBT_WRITABLE)
        return true;
    if (st->situation.reason == WHY_OWNER_DOWN && d->kind == DEBT_NO_STANDBY &&
        st->view->nodes[d->node].role == PG_RECOVERY)
        return true; /* there is nobody to stream from */
    if (st->situation.node != (int)d->node)
        return false;
    switch (st->situation.reason) {
    case WHY_OWNER_SILENT:
    case WHY_NEW_OWNER_SILENT:
        return d->kind == DEBT_SILENT;
    case WHY_OWNER_DOWN:
    case WHY_WORD_SILENT:
        return d->kind == DEBT_OWNER_DOWN || d->kind == DEBT_HELD;
    case WHY_CRON_OWED:
        return d->kind == DEBT_OWNER_CRON_OFF;
    case WHY_OTHER_WRITABLE:
        return d->kind == DEBT_WRITABLE;
    case WHY_DIVERGED:
        return d->kind == DEBT_DIVERGED;
    case WHY_W: /* "not settled" */
        return d->kind == DEBT_CRON_ON || d->kind == DEBT_EPOCH;
    case WHY_NOT_READY:
        return d->kind == DEBT_STATE || d->kind == DEBT_HELD || d->kind == DEBT_NO_STANDBY ||
               d->kind == DEBT_SILENT;
    default: /* the other headlines are not about a debt */
        return false;
    }
}

static void fenced(struct status *st, size_t node)
{
    const char *name = name_of(st, (int)node);
    bool measured = st->view->nodes[node].wal.kind == LINEAGE_INSIDE;

    add(st, &st->owed, name,
        measured ? "%s is fenced; `pgtandem rejoin %s` makes it a standby"
                 : "%s is fenced, and was not cleanly stopped; `pgtandem rejoin %s` measures "
                   "how far its WAL goes, and makes it a standby if the owner has all of it",
        name, name);
}

/* While a transition is open, fences and jobs that are off are its own doing. */
static void debts(struct status *st)
{
    struct plan_debt list[PLAN_DEBTS_MAX];
    size_t n = planner_debts(st->view, list);
    bool open = st->view->d.state != REGISTER_STABLE;

    for (size_t i = 0; i < n; i++) {
        enum plan_debt_kind kind = (enum plan_debt_kind)list[i].kind;
        const char *node = name_of(st, (int)list[i].node);

        if (told(st, &list[i]) || (open && kind != DEBT_SILENT && kind != DEBT_STATE))
            continue;
        if (kind == DEBT_FENCED) {
            fenced(st, list[i].node);
            continue;
        }
        if (kind == DEBT_DIVERGED) {
            add(st, &st->problems, node, "%s", diverged_words(st, (int)list[i].node));
            continue;
        }
        add(st, plan_debt_is_problem(kind) ? &st->problems : &st->owed, node, "%s%s",
            fill(st, plan_debt_text(kind), node),
            kind == DEBT_SILENT ? why_silent(st, (int)list[i].node) : "");
    }
}

/* ---- DNS ------------------------------------------------------------------------------------- */

static void dns_problems(struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const struct config_node *owner;

    for (size_t i = 0; i < st->ns_total; i++) {
        const char *differs = dns_words_differs(st->arena, st->w, i, st->now_wall_ms);

        if (differs)
            add(st, &st->problems, "", "%s", differs);
        if (differs && d->status == DNS_VIEW_OK)
            propose(st, "pgtandem dns show");
    }
    if (d->status != DNS_VIEW_OK)
        return;
    if (d->alias_other_types)
        add(st, &st->problems, "", "%s holds something that is not a CNAME",
            st->session->zone.alias);
    if (d->n_txt > 0 && !d->record_valid)
        add(st, &st->problems, "", "the ownership record is not valid (%d TXT record(s)): \"%s\"",
            d->n_txt, d->txt);
    owner = d->record_valid ? config_node_find(&st->session->config, d->record.owner) : NULL;
    if (owner && (!d->cname_present || strcmp(d->cname, owner->target) != 0)) {
        add(st, &st->problems, owner->name, "the alias points to %s, but the owner is %s (%s)",
            d->cname_present ? d->cname : "nothing", owner->name, owner->target);
        propose(st, "pgtandem dns show");
    }
    if (!st->w->survey_done || st->ns_total == 0) {
        add(st, &st->problems, "", "the zone's name servers could not be asked");
        propose(st, "pgtandem dns show");
    }
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static void cron_problems(struct status *st, const struct node_obs *o, const char *name, int owner,
                          bool is_owner)
{
    const struct world_node *other = owner >= 0 ? &st->w->nodes[owner] : NULL;

    if (!o->cron.readable)
        add(st, &st->problems, name, "%s cannot read its crontab: %s", name, o->cron.problem);
    if (!o->cron.daemon_running)
        add(st, is_owner ? &st->problems : &st->owed, name, "cron is not running on %s", name);
    if (o->cron.damaged) {
        add(st, &st->problems, name,
            "the pgtandem block in the crontab of %s is damaged (%s); of the entries known from "
            "before %" PRId64 " are on and %" PRId64 " off",
            name, o->cron.problem, o->cron.entries_on, o->cron.entries_off);
        propose(st, is_owner ? arena_printf(st->arena, "pgtandem cron show %s", name)
                             : arena_printf(st->arena, "pgtandem cron sync %s", name));
    } else if (!is_owner && other && other->answered && o->cron.readable &&
               other->obs.cron.readable && !other->obs.cron.damaged && *o->cron.environment &&
               *other->obs.cron.environment &&
               strcmp(o->cron.parity, other->obs.cron.parity) == 0 &&
               strcmp(o->cron.environment, other->obs.cron.environment) != 0) {
        add(st, &st->problems, name,
            "the variables in force at the managed crontab entries of %s differ from %s's", name,
            name_of(st, owner));
        propose(st, arena_printf(st->arena, "pgtandem cron diff %s", name));
    } else if (!is_owner && other && other->answered && o->cron.readable &&
               other->obs.cron.readable && !other->obs.cron.damaged &&
               strcmp(o->cron.parity, other->obs.cron.parity) != 0) {
        add(st, &st->problems, name, "the managed crontab entries of %s differ from %s's", name,
            name_of(st, owner));
        propose(st, arena_printf(st->arena, "pgtandem cron diff %s", name));
    }
}

/* The last week is a problem, the weeks before it a thing to do. */
static void certificate(struct status *st, const char *node, const char *whose, int64_t days)
{
    if (days >= CERTIFICATE_WARN_DAYS)
        return;
    add(st, days < 7 ? &st->problems : &st->owed, node,
        days < 0 ? "%s has expired: make-certs makes a new one"
                 : "%s expires in %" PRId64 " days: make-certs makes a new one, an agent takes it "
                   "over by systemctl reload pgtandem-agent",
        whose, days);
}

/* One line for all: what to do is the same. */
static void observers(struct status *st)
{
    char names[200] = "";

    for (size_t i = 0; i < st->w->n_nodes; i++) {
        size_t used = strlen(names);

        if (st->w->nodes[i].answered && st->w->nodes[i].obs.mode == MODE_OBSERVE)
            (void)str_printf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                             name_of(st, (int)i));
    }
    if (*names)
        add(st, &st->owed, "",
            "agents that only observe: %s. They refuse every act, their guard and watch only tell; "
            "to change that: mode = act in agent.conf there, systemctl reload pgtandem-agent",
            names);
}

/* A slot keeps WAL for its node, also while that is away; PostgreSQL's default has no limit. */
static void slots(struct status *st, size_t owner)
{
    const struct obs_pg *pg = &st->w->nodes[owner].obs.pg;
    uint64_t end = pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;

    for (size_t i = 0; i < pg->n_slots; i++) {
        const struct obs_slot *slot = &pg->slots[i];
        const char *node = NULL;

        for (size_t k = 0; k < st->w->n_nodes; k++)
            if (view_is_slot_of(slot->name, name_of(st, (int)k)))
                node = name_of(st, (int)k);
        if (slot->active || !slot->restart_lsn || slot->restart_lsn > end || !slot->physical ||
            end - slot->restart_lsn < SLOT_TOLD_BYTES)
            continue;
        int64_t held = (int64_t)(end - slot->restart_lsn), left = pg->free_bytes;
        bool limited = pg->slot_keep_bytes >= 0 && pg->slot_keep_bytes - held < left;

        if (limited)
            left = pg->slot_keep_bytes > held ? pg->slot_keep_bytes - held : 0;
        add(st, left < held ? &st->problems : &st->owed, name_of(st, (int)owner),
            "%s keeps %s of WAL in slot \"%s\" for %s, which does not stream; %s left until %s",
            name_of(st, (int)owner), report_bytes(st->arena, held), slot->name,
            node ? node : "no node of this cluster", report_bytes(st->arena, left),
            limited ? "max_slot_wal_keep_size gives the slot up"
                    : "pg_wal's file system is full and PostgreSQL stops "
                      "(max_slot_wal_keep_size has no lower limit)");
    }
}

static void backups(struct status *st, size_t node)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;

    if (pg->backups_running > 0)
        add(st, &st->owed, name_of(st, (int)node), "a base backup runs on %s%s%s",
            name_of(st, (int)node), *pg->backups ? ": " : "", pg->backups);
}

/* Its commands wait for that; it answers, and is not absent. */
static void busy(struct status *st, const struct node_obs *o, const char *name)
{
    char at[CLOCK_TEXT_BYTES];

    if (!is_busy(o))
        return;
    add(st, &st->owed, name, "%s is busy: %s has been running there since %s", name, o->act,
        clock_text_hms(st->now_wall_ms - o->act_ms, at));
}

static void agent_problems(struct status *st, const struct world_node *n, const char *name)
{
    if (n->version && n->version < PROTO_VERSION)
        add(st, &st->owed, name,
            "the agent of %s speaks protocol %d, this program %d: install this version there", name,
            n->version, PROTO_VERSION);
    if (n->version >= 2 && n->obs.certificate_days != -2)
        certificate(st, name, arena_printf(st->arena, "the certificate of %s", name),
                    n->obs.certificate_days);
}

/* What makes, or would make, a standby leave recovery by itself, or a primary begin one. */
static void recovery_problems(struct status *st, const struct node_obs *o, const char *name)
{
    const struct obs_pg *pg = &o->pg;

    if (pg->recovery_signal)
        add(st, &st->problems, name,
            "recovery.signal is in the data directory of %s: its next start as a primary would be "
            "a "
            "recovery from the archive, onto a new timeline; remove that file on %s",
            name, name);
    if (pg->recovery_active[0] && pg->replay_paused)
        add(st, &st->problems, name,
            "replay on %s has stopped at a recovery target (%s): remove that setting and restart "
            "PostgreSQL there; do not resume the replay, that would promote it",
            name, pg->recovery_active);
    else if (pg->recovery_active[0])
        add(st, &st->problems, name,
            "%s can leave recovery without a command (%s): remove that setting and restart "
            "PostgreSQL there",
            name, pg->recovery_active);
    else if (pg->replay_paused)
        add(st, &st->problems, name, "replay is paused on %s: SELECT pg_wal_replay_resume()", name);
    if (pg->recovery_settings[0] && !pg->recovery_active[0])
        add(st, &st->problems, name,
            "%s would obey settings of a restore when it starts as a standby: remove %s", name,
            pg->recovery_settings);
}

static void node_problems(struct status *st, size_t i, int owner)
{
    const struct world_node *n = &st->w->nodes[i];
    const struct node_obs *o = &n->obs;
    const char *name = name_of(st, (int)i);
    int64_t skew = n->skew_ms < 0 ? -n->skew_ms : n->skew_ms;

    if (!n->answered)
        return;
    if (!o->state_ok && *o->state_problem)
        add(st, &st->problems, name, "%s: %s", name, o->state_problem);
    if (*o->pg.problem)
        add(st, &st->problems, name, "%s: %s", name, o->pg.problem);
    if (o->pg.role == PG_WRITABLE && o->pg.standby_signal)
        add(st, &st->problems, name,
            "%s is the running primary and has a standby.signal: one crash would make it a standby",
            name);
    recovery_problems(st, o, name);
    cron_problems(st, o, name, owner, (int)i == owner);
    agent_problems(st, n, name);
    busy(st, o, name);
    backups(st, i);
    if (o->pg.role == PG_WRITABLE)
        slots(st, i);
    if (!o->watch_enabled)
        add(st, &st->owed, name, "the watch is off on %s: it would not notice another owner", name);
    else if (o->watch_age_ms > 10 * o->watch_period_ms && o->watch_age_ms > 60000)
        add(st, &st->problems, name, "the watch of %s has not read the record for %" PRId64 " s",
            name, o->watch_age_ms / 1000);
    if (skew > st->session->config.limits.clock_skew_ms)
        add(st, &st->problems, name, "the clock of %s is %" PRId64 " ms %s ours", name, skew,
            n->skew_ms < 0 ? "behind" : "ahead of");
    if ((int)i == owner && !o->can_stop)
        add(st, &st->problems, name,
            "the agent of %s may not stop PostgreSQL: a switchover would "
            "be refused",
            name);
}

static bool nobody_answers(const struct status *st)
{
    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (st->w->nodes[i].answered)
            return false;
    return st->w->d.status == DNS_VIEW_SILENT;
}

/* Without any record there are no debts; who is silent, and why, is told all the same. */
static void silence(struct status *st)
{
    if (nobody_answers(st)) {
        add(st, &st->problems, "",
            "neither the zone's primary nor any agent answers: look at this host's own network "
            "first");
        propose(st, "ip address; ip route");
    }
    for (size_t i = 0; st->view->d.epoch == 0 && i < st->w->n_nodes; i++)
        if (!st->w->nodes[i].answered)
            add(st, &st->problems, name_of(st, (int)i), "%s does not answer%s", name_of(st, (int)i),
                why_silent(st, (int)i));
}

/* Every agent refuses it, and each then looks silent: the cause comes first. */
static void own_certificate(struct status *st)
{
    if (!st->w->certificate_known || st->w->certificate_days >= 0)
        return;
    certificate(st, "", "this controller's certificate", st->w->certificate_days);
    propose(st, renew(st, "controller", "this host",
                      "; until then pgtandem works on another controller"));
}

void status_problems(struct status *st)
{
    int owner = plan_owner(st->view);

    own_certificate(st);
    silence(st);
    headline(st);
    dns_problems(st);
    debts(st);
    if (st->w->certificate_known && st->w->certificate_days >= 0)
        certificate(st, "", "this controller's certificate", st->w->certificate_days);
    observers(st);
    for (size_t i = 0; i < st->w->n_nodes; i++)
        node_problems(st, i, owner);
}
