/* Requests to one node in their two phases, as its agent obeys them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

/* ---- requests, first phase: decide, persist, re-read D ----------------------------------------
 */

struct call {
    struct world *w;
    struct node *n;
    const struct message *m;
    const char *me, *nonce;
    bool read; /* D can be read */
    struct record d;
    struct facts f;
    struct agent_state s, next;
    bool acts; /* there is something to do once this is persisted */
};

static enum rule if_read(const struct call *c, enum rule r)
{
    return c->read ? r : RULE_NONCE;
}

static enum rule call_cron_off(struct call *c)
{
    c->n->cron = 0;
    return rules_cron_off(&c->s, &c->next);
}

static enum rule call_cron_on(struct call *c)
{
    c->acts = true;
    return if_read(c, rules_cron_on_permitted(&c->s, &c->f, c->me, c->nonce, &c->d, &c->next));
}

static enum rule call_checkpoint(struct call *c)
{
    if (c->n->role == PG_WRITABLE)
        c->n->control_tli = c->n->tli;
    return RULE_OBEY;
}

static enum rule call_fence(struct call *c)
{
    bool cron_on = c->s.cron_on;

    rules_fence(&c->s, &c->f, &c->next);
    c->acts = true;
    if (seed_is(SEED_CRON_FIRST))
        c->next.cron_on = cron_on;
    else
        c->n->cron = 0;
    return RULE_OBEY;
}

/* What the person has said of each is true: it is down, and no move gives it the role. */
static bool spoken_truly(const struct world *w, u8 declared)
{
    for (int i = 0; i < NODES; i++)
        if ((declared & (1U << i)) && (w->node[i].up || w->d.owner == i || w->d.to == i))
            return false;
    return true;
}

static enum rule call_unfence_by_word(struct call *c)
{
    struct guard_peer peers[NODES - 1] = {{0}};
    struct record shown;
    struct guard_view v = {.node = c->me,
                           .state_readable = true,
                           .state = &c->s,
                           .facts = &c->f,
                           .register_matches = true,
                           .d_answered = c->read,
                           .d = &c->d,
                           .peers = peers};

    v.n_peers = node_ask_peers(c->w, c->m->node, c->m->declared, peers);
    rec_to_record(&c->w->secondary, &shown);
    for (size_t i = 0; i < v.n_peers; i++) {
        peers[i].declared_down |= seed_is(SEED_WORD_UNHEARD);
        if (seed_is(SEED_WORD_BLIND)) {
            peers[i].epoch = c->s.epoch;
            STR_COPY(peers[i].seen_nonce, c->nonce);
        }
    }
    enum rule r = c->n->cut ? RULE_NONCE : rules_release_by_word(&v, c->nonce, &shown);
    if (r == RULE_OBEY && !spoken_truly(c->w, c->m->declared))
        c->w->given_up |= (u8)(1U << c->m->node); /* a false word is a person's, as with a G3 */
    return r;
}

static enum rule call_unfence(struct call *c)
{
    c->acts = true;
    if (c->m->by_word)
        return call_unfence_by_word(c);
    return if_read(c, rules_unfence_permitted(&c->s, c->me, c->nonce, &c->d));
}

static enum rule call_detach(struct call *c)
{
    enum rule r = rules_standby_only(&c->s, &c->f);

    if (r == RULE_OBEY)
        c->n->receiving = c->n->stale = 0;
    return r;
}

static enum rule call_follow(struct call *c)
{
    enum rule r = rules_standby_only(&c->s, &c->f);

    if (r == RULE_OBEY) {
        c->n->stale &= c->n->upstream == c->m->upstream; /* the same setting restarts nothing */
        c->n->upstream = c->m->upstream;
        c->n->receiving = 1;
        node_stream(c->w, c->m->node);
    }
    return r;
}

static enum rule call_rejoin(struct call *c)
{
    enum rule r = if_read(c, rules_rejoin(&c->s, &c->f, c->me, &c->d, &c->next));

    c->acts = true;
    if (r == RULE_OBEY)
        c->n->upstream = c->m->upstream;
    return r;
}

static enum rule call_promote(struct call *c)
{
    enum rule r = rules_promote(&c->s, &c->f, c->m->epoch, c->d.txn, &c->next);

    if (r != RULE_OBEY)
        return r;
    r = if_read(c, rules_promote_permitted(&c->next, c->me, c->nonce, &c->d));
    if (seed_is(SEED_NO_REREAD))
        r = RULE_OBEY;
    c->acts = true;
    if (seed_is(SEED_ACT_FIRST))
        c->next = c->s;
    else
        node_save(c->n, &c->next); /* PROMOTING is durable before D is read, whatever D says */
    return r;
}

static enum rule call_revoke(struct call *c)
{
    rules_revoke(&c->s, c->m->epoch, &c->next);
    node_save(c->n, &c->next);
    c->acts = rules_revoke_work(&c->next, &c->f) == REVOKE_UNDO_PROMOTION;
    return rules_revoke_work(&c->next, &c->f) == REVOKE_TOO_LATE ? RULE_PROMOTED : RULE_OBEY;
}

static enum rule (*const calls[VERB_COUNT])(struct call *c) = {
    [VERB_CRON_OFF] = call_cron_off,     [VERB_CRON_ON] = call_cron_on,
    [VERB_CHECKPOINT] = call_checkpoint, [VERB_FENCE] = call_fence,
    [VERB_UNFENCE] = call_unfence,       [VERB_DETACH] = call_detach,
    [VERB_PROMOTE] = call_promote,       [VERB_REVOKE] = call_revoke,
    [VERB_FOLLOW] = call_follow,         [VERB_REJOIN] = call_rejoin,
};

static enum planner_outcome arm(struct call *c)
{
    enum rule r =
        if_read(c, rules_arm(&c->s, c->m->epoch, c->m->seq, c->nonce, c->d.txn, &c->d, &c->next));

    if (r == RULE_OBEY)
        node_save(c->n, &c->next);
    return r == RULE_OBEY ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum planner_outcome begin(struct world *w, const struct message *m)
{
    struct node *n = &w->node[m->node];
    struct call c = {.w = w,
                     .n = n,
                     .m = m,
                     .me = node_name(m->node),
                     .nonce = nonce_text(m->nonce),
                     .read = reads_dns(w, m->node),
                     .f = node_facts(n)};

    node_load(n, &c.s);
    rec_to_record(&w->d, &c.d);
    if (m->verb == VERB_ARM)
        return arm(&c);
    if (rules_admit(&c.s, m->epoch, m->seq, &c.next) == RULE_OBEY)
        c.s = c.next;
    else if (!seed_is(SEED_OBEY_STALE))
        return OUTCOME_FAILED;
    c.next = c.s;
    node_save(n, &c.s);
    n->act = 0;
    n->act_read =
        c.read && w->d.state == REGISTER_FLIP && w->d.owner == m->node && w->d.epoch == m->epoch;
    if (calls[m->verb](&c) != RULE_OBEY)
        return OUTCOME_FAILED;
    node_save(n, &c.next);
    if (c.acts) {
        n->act = m->verb;
        n->phase = 1;
        n->act_run = m->live ? m->run : 0;
        n->immediate = m->immediate;
        n->by_word = m->by_word;
    }
    return OUTCOME_DONE;
}

/* ---- requests, second phase: the act ------------------------------------------------------- */

static void act_fence(struct world *w, int node, const struct agent_state *s,
                      struct agent_state *next)
{
    struct node *n = &w->node[node];
    struct facts f;

    node_stop_pg(w, node, n->immediate);
    n->signal = 1;
    f = node_facts(n);
    rules_fence_done(s, &f, next);
    if (!s->fence_lsn && n->control == CONTROL_SHUTDOWNED)
        next->fence_lsn = n->control_lsn;
}

/* Replayed to its end, WAL of its own is seen: then it is stopped and fenced as before. */
static enum planner_outcome act_rejoin(struct world *w, int node, struct agent_state *next)
{
    struct node *n = &w->node[node];
    u8 up = n->upstream;

    n->signal = 1;
    if (n->role == PG_STOPPED)
        node_start_pg(n);
    if (up != NOBODY && reachable(w, up) && !n->cut && w->node[up].role == PG_WRITABLE &&
        node_beyond(n, &w->node[up])) {
        node_stop_pg(w, node, false);
        next->fence_standby_only = false;
        return OUTCOME_FAILED;
    }
    n->receiving = up != NOBODY;
    node_stream(w, node);
    return OUTCOME_DONE;
}

static enum planner_outcome act_promote(struct world *w, int node, const struct agent_state *s,
                                        struct agent_state *next, struct violation *bad)
{
    struct facts f;

    if (w->node[node].role == PG_RECOVERY) {
        oracle_promotion(w, node, bad);
        node_promotes(w, node);
    }
    f = node_facts(&w->node[node]);
    return rules_promote_done(s, &f, next) == RULE_OBEY ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum planner_outcome act_revoke(struct world *w, int node, const struct agent_state *s,
                                       struct agent_state *next)
{
    struct node *n = &w->node[node];
    struct facts f = node_facts(n);

    if (rules_revoke_work(s, &f) == REVOKE_TOO_LATE) /* PostgreSQL was faster */
        return OUTCOME_FAILED;
    node_stop_pg(w, node, false);
    node_start_pg(n);
    n->receiving = n->upstream != NOBODY;
    rules_revoke_done(s, next);
    return OUTCOME_DONE;
}

/* UNFENCE has a third phase: PostgreSQL runs, then its mark is cleared. */
static bool act_unfence(struct world *w, int node, const struct agent_state *s,
                        struct agent_state *next)
{
    struct node *n = &w->node[node];

    if (n->phase == 2) {
        rules_unfence_done(s, next);
        if (n->by_word) /* as when a guard releases its hold */
            n->cron = n->cron_cmd;
        n->by_word = 0;
        return true;
    }
    n->signal = 0;
    node_stop_pg(w, node, true);
    node_start_pg(n);
    n->phase = 2;
    return false;
}

bool node_act(struct world *w, int node, struct violation *bad, enum planner_outcome *outcome)
{
    struct node *n = &w->node[node];
    struct agent_state s, next;

    *outcome = OUTCOME_DONE;
    node_load(n, &s);
    next = s;
    if (n->act == VERB_CRON_ON)
        n->cron = 1;
    else if (n->act == VERB_FENCE)
        act_fence(w, node, &s, &next);
    else if (n->act == VERB_REJOIN)
        *outcome = act_rejoin(w, node, &next);
    else if (n->act == VERB_PROMOTE)
        *outcome = act_promote(w, node, &s, &next, bad);
    else if (n->act == VERB_REVOKE)
        *outcome = act_revoke(w, node, &s, &next);
    else if (n->act == VERB_UNFENCE && !act_unfence(w, node, &s, &next))
        return false;
    node_save(n, &next);
    n->act = n->phase = 0;
    return true;
}

const char *verb_text(u8 verb)
{
#define X(id, name, changes, since, whom) name,
    static const char *const texts[] = {VERBS(X)};
#undef X
    return texts[verb];
}

void node_request(struct world *w, size_t message, bool answer, struct step_out *out)
{
    struct message m = w->msg[message];
    enum planner_outcome outcome;

    w->msg[message] = (struct message){0};
    outcome = begin(w, &m);
    str_printf(out->text, sizeof(out->text), "%s: %s (epoch %u, seq %u)%s -> %s%s",
               node_name(m.node), verb_text(m.verb), m.epoch, m.seq, m.live ? "" : " late",
               outcome == OUTCOME_DONE ? w->node[m.node].act ? "persisted" : "done" : "refused",
               answer || !m.live ? "" : ", answer lost");
    if (w->node[m.node].act) {
        if (!answer)
            w->node[m.node].act_run = 0;
        return;
    }
    if (m.live && answer)
        control_answer(w, m.run, m.node, outcome);
}
