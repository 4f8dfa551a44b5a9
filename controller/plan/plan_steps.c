/* The steps of a plan in words: where, what, today's value, what it becomes, the way back. */
#include <string.h>

#include "base/lsn.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/decide/planner_view.h"
#include "controller/plan/plan.h"
#include "controller/session/session.h"
#include "proto/slot.h"

/* One step of the foresight that is being put into words. */
struct words {
    const struct plan_look *look;
    const struct foreseen_step *s;
    int old, new;          /* the owner before the move, the node that it goes to; -1 none */
    struct plan_action *a; /* filled */
};

static const char *name_of(const struct words *w, int node)
{
    return node >= 0 ? w->look->view->nodes[node].name : "?";
}

static const struct node_obs *obs_of(const struct words *w, int node)
{
    return &w->look->world->nodes[node < 0 ? 0 : node].obs;
}

#define NOW(...) append(w->a->now, sizeof(w->a->now), __VA_ARGS__)
#define THEN(...) append(w->a->then, sizeof(w->a->then), __VA_ARGS__)

static void append(char *text, size_t bytes, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void append(char *text, size_t bytes, const char *fmt, ...)
{
    size_t used = strlen(text);
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text + used, bytes - used, fmt, args);
    va_end(args);
}

/* The next node behind `i` that the step is about; -1: no more. */
static int next_node(const struct words *w, int i)
{
    while (++i < (int)w->look->view->n_nodes)
        if (w->s->nodes & planner_bit(i))
            return i;
    return -1;
}

#define EACH(w, i) for (int i = next_node(w, -1); i >= 0; i = next_node(w, i))

/* ---- the record and the alias -------------------------------------------------------------- */

static void tell_record(const struct record *d, char *text, size_t bytes)
{
    append(text, bytes, "epoch %lld %s, owner %s%s%s", (long long)d->epoch,
           register_state_names[d->state], d->owner, d->to[0] ? ", to " : "", d->to);
    for (size_t i = 0; i < d->n_from; i++)
        append(text, bytes, "%s%s %s", i ? ", " : ", from ", d->from[i].node,
               grade_names[d->from[i].grade]);
}

static void record(struct words *w)
{
    const struct config *c = &w->look->session->cluster.config;
    const struct record *was = &w->s->before, *is = &w->s->after;
    const struct config_node *target = config_node_find(c, planner_alias_target(is));
    const char *alias = w->look->world->d.cname;

    if (strcmp(was->owner, is->owner) != 0) {
        const struct config_node *old = config_node_find(c, planner_alias_target(was));

        NOW("%s CNAME %s, TTL %lld s; ", c->cluster.alias, old ? old->target : alias,
            (long long)was->ttl);
        THEN("%s CNAME %s, TTL %lld s; ", c->cluster.alias, target ? target->target : "?",
             (long long)is->ttl);
    }
    tell_record(was, w->a->now, sizeof(w->a->now));
    tell_record(is, w->a->then, sizeof(w->a->then));
}

static void arm(struct words *w)
{
    bool again = w->s->after.epoch > w->look->view->d.epoch + 1; /* by then they obey another */

    if (!again)
        EACH(w, i)
            NOW("%s%s obeys epoch %lld", w->a->now[0] ? ", " : "", name_of(w, i),
                (long long)w->look->view->nodes[i].epoch);
    THEN("epoch %lld", (long long)w->s->after.epoch);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void jobs_off(struct words *w)
{
    EACH(w, i) {
        const struct obs_cron *c = &obs_of(w, i)->cron;

        NOW("%s%lld entries on, %lld jobs running, crontab %.12s", w->a->now[0] ? "; " : "",
            (long long)c->entries_on, (long long)c->jobs_running, c->hash);
        THEN("%s%lld entries off", w->a->then[0] ? "; " : "",
             (long long)(c->entries_on + c->entries_off));
    }
}

static void jobs_on(struct words *w)
{
    const struct obs_cron *c = &obs_of(w, w->s->node)->cron;

    NOW("%lld entries off, crontab %.12s", (long long)c->entries_off, c->hash);
    THEN("%lld entries on", (long long)(c->entries_on + c->entries_off));
}

/* ---- PostgreSQL ---------------------------------------------------------------------------- */

static void catch_up(struct words *w)
{
    char flushed[LSN_TEXT_BYTES], replayed[LSN_TEXT_BYTES];
    uint64_t a = obs_of(w, w->old)->pg.flush_lsn, b = obs_of(w, w->new)->pg.replay_lsn;

    NOW("%s has written %s, %s has replayed %s: %lld bytes behind", name_of(w, w->old),
        lsn_text(a, flushed), name_of(w, w->new), lsn_text(b, replayed),
        a > b ? (long long)(a - b) : 0LL);
    THEN("about 0 bytes behind");
}

static void fence(struct words *w)
{
    EACH(w, i) {
        const struct obs_pg *pg = &obs_of(w, i)->pg;

        NOW("%s%s is a %s on timeline %lld", w->a->now[0] ? "; " : "", name_of(w, i),
            pg_role_names[pg->role], (long long)(pg->tli ? pg->tli : pg->control_tli));
    }
    THEN("stopped; it comes up read-only if anybody starts it%s",
         w->s->node == w->old ? "; writes and connections end here" : "");
}

static void verify(struct words *w)
{
    char replayed[LSN_TEXT_BYTES];

    NOW("%s has replayed %s", name_of(w, w->s->node),
        lsn_text(obs_of(w, w->s->node)->pg.replay_lsn, replayed));
    THEN("past the shutdown checkpoint of %s", name_of(w, w->old));
}

/* What the statement itself will say; if a node does not respond, its witnesses will report what it
 * had last. */
static void loss(struct words *w)
{
    char wrote[LSN_TEXT_BYTES], has[LSN_TEXT_BYTES];
    const struct obs_pg *a = &obs_of(w, w->old)->pg, *b = &obs_of(w, w->new)->pg;
    uint64_t wal = b->receive_lsn > b->replay_lsn ? b->receive_lsn : b->replay_lsn;

    NOW("%s has WAL up to %s; %s", name_of(w, w->new), lsn_text(wal, has), name_of(w, w->old));
    if (a->insert_lsn)
        NOW(" has written %s: %lld bytes more", lsn_text(a->insert_lsn, wrote),
            a->insert_lsn > wal ? (long long)(a->insert_lsn - wal) : 0LL);
    else
        NOW(" does not say what it has");
    THEN("accepted by a person, by the name of %s", name_of(w, w->old));
}

static void detach(struct words *w)
{
    char lsn[LSN_TEXT_BYTES];

    EACH(w, i) {
        const struct obs_pg *pg = &obs_of(w, i)->pg;

        NOW("%s%s has received %s", w->a->now[0] ? ", " : "", name_of(w, i),
            lsn_text(pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn, lsn));
    }
    THEN("none receives; each has replayed what it has");
}

static void promote(struct words *w)
{
    const struct planner_node *n = &w->look->view->nodes[w->s->node];

    NOW("%s on timeline %lld", pg_role_names[n->role], (long long)n->tli);
    THEN("primary on timeline %lld; writes go on from here",
         (long long)w->look->foresight->after.nodes[w->s->node].tli);
}

static void primary_again(struct words *w)
{
    THEN("primary on timeline %lld, as before",
         (long long)w->look->view->nodes[w->s->node < 0 ? 0 : w->s->node].tli);
}

static void checkpoint(struct words *w)
{
    NOW("pg_control is on timeline %lld", (long long)obs_of(w, w->s->node)->pg.control_tli);
    THEN("on timeline %lld", (long long)w->look->foresight->after.nodes[w->s->node].control_tli);
}

/* ---- standbys ------------------------------------------------------------------------------ */

static bool has_slot(const struct words *w, int owner, const char *node)
{
    const struct obs_pg *pg = &obs_of(w, owner)->pg;

    for (size_t i = 0; i < pg->n_slots; i++)
        if (slot_is_of(pg->slots[i].name, node))
            return true;
    return false;
}

static const char *upstream_name(const struct words *w, int node)
{
    const struct config *c = &w->look->session->cluster.config;

    for (size_t i = 0; i < c->n_nodes; i++)
        if (view_streams_from(c, w->look->world, (size_t)node, i))
            return c->nodes[i].name;
    return "";
}

static void attach(struct words *w)
{
    const struct config *c = &w->look->session->cluster.config;
    int up = config_node_index(c, w->s->after.owner);

    EACH(w, i) {
        const struct obs_pg *pg = &obs_of(w, i)->pg;

        NOW("%s%s ", w->a->now[0] ? "; " : "", name_of(w, i));
        if (*pg->receiver_status)
            NOW("follows %s%s%s:%lld", upstream_name(w, i), *upstream_name(w, i) ? " " : "",
                pg->receiver_host, (long long)pg->receiver_port);
        else
            NOW("is %s%s", pg->role == PG_WRITABLE ? "the " : "", pg_role_names[pg->role]);
        if (up >= 0)
            THEN("%s%s follows %s %s:%lld, its slot %s", w->a->then[0] ? "; " : "", name_of(w, i),
                 c->nodes[up].name, c->nodes[up].address, (long long)c->nodes[up].port,
                 has_slot(w, up, name_of(w, i)) ? "is there" : "is made");
    }
}

static void (*const values[STEP_COUNT])(struct words *w) = {
    [STEP_LOSS] = loss,
    [STEP_CLAIM] = record,
    [STEP_SEIZE] = record,
    [STEP_TAKEOVER] = record,
    [STEP_ARM] = arm,
    [STEP_CRON_OFF] = jobs_off,
    [STEP_CATCHUP] = catch_up,
    [STEP_FENCE] = fence,
    [STEP_VERIFY] = verify,
    [STEP_FENCE_OLD] = fence,
    [STEP_GRADE] = record,
    [STEP_DETACH] = detach,
    [STEP_FLIP] = record,
    [STEP_PROMOTE] = promote,
    [STEP_CRON_STRAY] = jobs_off,
    [STEP_CRON_ON] = jobs_on,
    [STEP_FOLLOW] = attach,
    [STEP_CHECKPOINT] = checkpoint,
    [STEP_STABLE] = record,
    [STEP_REJOIN] = attach,
    [STEP_UNDO] = record,
    [STEP_UNFENCE] = primary_again,
    [STEP_STABLE_BACK] = record,
};

/* ---- a step -------------------------------------------------------------------------------- */

static void where(struct words *w)
{
    const struct step *s = &steps[w->s->step];
    char *text = w->a->where;

    if (s->flags & STEP_DNS)
        STR_PRINTF(w->a->where, "dns %s", w->look->session->cluster.config.dns.server);
    else if (w->s->nodes == 0 || s->id == STEP_LOSS)
        STR_COPY(w->a->where, "controller");
    else
        EACH(w, i)
            append(text, sizeof(w->a->where), "%s%s", text[0] ? ", " : "", name_of(w, i));
}

/* Whom the step that undoes this one is about: a promotion is taken back where it happened, all
 * else gives the old owner something back. */
static void undo(struct words *w)
{
    const struct step *u = &steps[steps[w->s->step].undo];

    if (u->id == STEP_NONE || !plan_is_move((int)w->look->view->command))
        return;
    STR_COPY(w->a->undo, u->name);
    planner_sentence(u->title, name_of(w, u->id == STEP_REVOKE ? w->s->node : w->old), w->a->back,
                     sizeof(w->a->back));
}

static int old_owner(const struct planner_view *v)
{
    int old = planner_old(v);

    return old >= 0 ? old : planner_owner(v);
}

static size_t fill_actions(const struct plan_look *look, const struct foreseen_step *from, size_t n,
                           struct plan_action *ret)
{
    const struct planner_view *v = look->view;

    for (size_t i = 0; i < n; i++) {
        const struct step *s = &steps[from[i].step];
        struct words w = {.look = look,
                          .s = &from[i],
                          .old = old_owner(v),
                          .new = v->to >= 0 ? v->to : planner_target(v),
                          .a = &ret[i]};

        ret[i] = (struct plan_action){.n = (int64_t)i + 1,
                                      .no_return = from[i].no_return,
                                      .if_needed = from[i].if_needed,
                                      .timeout_ms = s->timeout_ms};
        STR_COPY(ret[i].step, s->name);
        where(&w);
        planner_sentence(s->title, name_of(&w, from[i].node >= 0 ? from[i].node : w.old),
                         ret[i].what, sizeof(ret[i].what));
        if (values[s->id] && (from[i].node >= 0 || from[i].nodes || (s->flags & STEP_DNS)))
            values[s->id](&w);
        undo(&w);
    }
    return n;
}

void plan_take_actions(const struct plan_look *look, struct plan *p)
{
    const struct foresight *f = look->foresight;

    p->n_actions = fill_actions(look, f->steps, f->n, p->actions);
    p->n_back = fill_actions(look, f->back, f->n_back, p->back);
}
