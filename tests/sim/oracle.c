#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

static const char *role_text(u8 role)
{
    return role == PG_WRITABLE ? "writable" : role == PG_RECOVERY ? "a standby" : "stopped";
}

void violate(struct violation *v, const char *invariant, const char *fmt, ...)
{
    va_list args;

    if (v->invariant)
        return;
    v->invariant = invariant;
    va_start(args, fmt);
    vsnprintf(v->text, sizeof(v->text), fmt, args);
    va_end(args);
}

/* I1, I4: of the nodes that nobody has declared lost without a fence, at most one writes, at most
 * one runs jobs. */
void oracle_state(const struct world *w, struct violation *v)
{
    u8 writing = 0, jobs = 0;

    for (int i = 0; i < NODES; i++) {
        const struct node *n = &w->node[i];

        if (!n->up || (w->given_up & (1U << i)))
            continue;
        if (node_may_commit(n))
            writing |= (u8)(1U << i);
        if (n->cron)
            jobs |= (u8)(1U << i);
    }
    /* I6: the flip names a new owner only when the old one has stopped for good */
    if (w->d.state == REGISTER_FLIP && (writing & (u8) ~(1U << w->d.owner)))
        violate(v, "I6", "D and alias say %s, mask %u still writes", node_name(w->d.owner),
                writing);
    if (writing & (writing - 1))
        violate(v, "I1", "two nodes are writable (mask %u)", writing);
    if (jobs & (jobs - 1))
        violate(v, "I4", "two nodes have their jobs on (mask %u)", jobs);
}

/* I3: the epoch never decreases, and one run writes at each. */
void oracle_update(const struct rec *old, const struct rec *new, struct violation *v)
{
    if (new->epoch < old->epoch)
        violate(v, "I3", "D.epoch falls from %u to %u", old->epoch, new->epoch);
    else if (new->epoch == old->epoch &&new->by != old->by)
        violate(v, "I3", "runs %u and %u both write at epoch %u", old->by, new->by, new->epoch);
}

/* I2: under D = (flip, this node, our epoch), read after PROMOTING was durable. I7: with every
 * commit that the old primary had acknowledged when it was stopped for it. */
void oracle_promotion(const struct world *w, int node, struct violation *v)
{
    const struct node *n = &w->node[node];

    if (!n->promoting || n->promoting_epoch != n->epoch)
        violate(v, "I2", "%s is promoted without a durable PROMOTING of this epoch",
                node_name((u8)node));
    else if (!n->act_read)
        violate(v, "I2", "%s is promoted, but D did not say so when it had to be read",
                node_name((u8)node));
    for (int i = 0; i < NODES; i++) {
        const struct node *o = &w->node[i];

        if (i != node && o->fenced && o->was_primary && o->fence_lsn && o->tli == n->tli &&
            w->d.state == REGISTER_FLIP && w->d.n_from && w->d.from[w->d.n_from - 1] == i &&
            w->d.txn == w->acked && n->wal <= o->fence_lsn)
            violate(v, "I7", "%s has not what %s had when it was stopped", node_name((u8)node),
                    node_name((u8)i));
    }
}

/* I14: whoever is asked to stop for it has the target attached. */
void oracle_caught_up(const struct world *w, int owner, int to, struct violation *v)
{
    if (!is_attached(w, owner, to))
        violate(v, "I14", "%s is to be stopped for %s, which is not attached to it",
                node_name((u8)owner), node_name((u8)to));
}

/* I9: as before, but for the epoch. A node that is down now, or was held by a restart, is not the
 * run's doing. */
void oracle_undone(const struct world *w, const struct control *c, struct violation *v)
{
    const struct node *o = &w->node[w->d.owner];

    if (w->d.epoch != c->marks.epoch)
        return; /* another command has begun since */
    if (w->d.state != REGISTER_STABLE || w->d.owner != c->d.owner)
        violate(v, "I9", "undone, but D is not stable with the old owner");
    if (o->up && o->agent && !o->held && !o->act && !o->orphan &&
        (o->role != PG_WRITABLE || o->fenced || !o->cron))
        violate(v, "I9", "undone, but %s is %s, jobs %s", node_name(w->d.owner),
                o->fenced ? "fenced" : role_text(o->role), o->cron ? "on" : "off");
    for (int i = 0; i < NODES; i++)
        if (i != w->d.owner && w->node[i].up && !(w->given_up & (1U << i)) &&
            (node_may_commit(&w->node[i]) || w->node[i].cron))
            violate(v, "I9", "undone, but %s is %s, jobs %s", node_name((u8)i),
                    role_text(w->node[i].role), w->node[i].cron ? "on" : "off");
}

/* ---- every state has an end (I10) ---------------------------------------------------------- */

static bool legal(const struct world *w)
{
    const struct node *o = &w->node[w->d.owner];

    if (w->d.state != REGISTER_STABLE || o->role != PG_WRITABLE || !o->cron || o->fenced)
        return false;
    for (int i = 0; i < NODES; i++)
        if (i != w->d.owner && (node_may_commit(&w->node[i]) || w->node[i].cron))
            return false;
    return true;
}

static void heal(struct world *w)
{
    struct step_out out = {.text = ""};

    w->dns = 1;
    memset(w->msg, 0, sizeof(w->msg));
    memset(w->upd, 0, sizeof(w->upd));
    memset(w->ctl, 0, sizeof(w->ctl));
    w->faults = w->writes = 0;
    for (int i = 0; i < NODES; i++) {
        w->node[i].cut = 0;
        w->node[i].act = w->node[i].phase = w->node[i].act_run = 0;
        if (!w->node[i].up)
            node_boot(w, i, &out);
        w->node[i].agent = 1;
    }
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < NODES; i++) {
            node_guard_again(w, i, &out);
            node_watch(w, i, &out);
        }
}

static bool settle_with(struct world *w, int command, int to)
{
    control_start(w, 0, command, to, true);
    control_forward(w, STEP_NONE);
    return w->ctl[0].phase == IDLE;
}

/* What `status` proposes, typed. False: at rest, or a line that says what only a person can do. */
static bool type_next(struct world *w, struct planner_situation *ret)
{
    static const struct {
        const char *text;
        int command;
    } typed[] = {
        {"pgtandem resume", PLANNER_RESUME},           {"pgtandem abort", PLANNER_ABORT},
        {"pgtandem failover --to ", PLANNER_FAILOVER}, {"pgtandem fence ", PLANNER_FENCE},
        {"pgtandem rejoin ", PLANNER_REJOIN},          {"pgtandem unfence ", PLANNER_UNFENCE}};
    struct planner_view view;

    control_look(w, &view);
    planner_situation(&view, ret);
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        size_t len = strlen(typed[i].text);

        if (strncmp(ret->command, typed[i].text, len) == 0)
            return settle_with(w, typed[i].command,
                               ret->command[len] ? ret->command[len] - 'a' : -1);
    }
    return false;
}

/* Did the command, or a watch meanwhile, bring anything about? */
static bool as_it_was(const struct world *a, const struct world *b)
{
    bool same = a->d.state == b->d.state && a->d.owner == b->d.owner;

    for (int i = 0; i < NODES; i++)
        same = same && a->node[i].role == b->node[i].role &&
               a->node[i].fenced == b->node[i].fenced && a->node[i].cron == b->node[i].cron;
    return same;
}

/* Typed again and again it leads to rest or to a person's turn, in six commands at most. */
static void walk_next(const struct world *from, struct violation *v)
{
    enum { COMMANDS_AT_MOST = 6 };
    struct planner_situation s = {.command = ""};
    struct world t = *from, before = *from;
    char last[sizeof(s.command)] = "";
    const char *problem = NULL;

    for (int i = 0; i <= COMMANDS_AT_MOST; i++) {
        if (!type_next(&t, &s))
            return; /* at rest, or a person's turn */
        if (strcmp(last, s.command) == 0 && problem == s.problem && as_it_was(&before, &t)) {
            violate(v, "next", "\"%s\" leads to itself (%s)", s.command, s.problem);
            return;
        }
        STR_COPY(last, s.command);
        problem = s.problem;
        before = t;
    }
    violate(v, "next", "after %d commands still \"%s\"", COMMANDS_AT_MOST, s.command);
}

void oracle_end(const struct world *w, struct violation *v)
{
    static const struct {
        int command, to;
    } tries[] = {{PLANNER_RESUME, -1},
                 {PLANNER_ABORT, -1},
                 {PLANNER_FAILOVER, A},
                 {PLANNER_FAILOVER, B},
                 {PLANNER_FAILOVER, C}};
    struct world healed = *w;

    memset(healed.msg, 0, sizeof(healed.msg)); /* what is late is an event of its own */
    memset(healed.upd, 0, sizeof(healed.upd));
    healed.faults = healed.writes = healed.commands = 0;
    walk_next(&healed, v); /* as it is */
    heal(&healed);
    walk_next(&healed, v);
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        struct world t = healed;

        if (!settle_with(&t, tries[i].command, tries[i].to)) {
            violate(v, "I10", "healed, command %d does not end", tries[i].command);
            return;
        }
        if (legal(&t))
            return;
    }
    violate(v, "I10", "healed, no command leads to a legal end");
}
