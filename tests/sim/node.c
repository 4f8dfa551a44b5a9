/* One node: PostgreSQL, guard and watch, requests in their phases. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

bool reachable(const struct world *w, int node)
{
    return w->node[node].up && w->node[node].agent && !w->node[node].cut;
}

bool reads_dns(const struct world *w, int node)
{
    return w->dns && !w->node[node].cut;
}

/* ---- PostgreSQL ---------------------------------------------------------------------------- */

static bool serves_wal(const struct world *w, int from, int to)
{
    const struct node *p = &w->node[from];

    return from < NODES && p->up && p->role == PG_WRITABLE && !p->cut && !w->node[to].cut;
}

/* It wrote past the place where the other's timeline began: PostgreSQL itself does not stream. */
static bool node_beyond(const struct node *n, const struct node *owner)
{
    return n->tli > owner->tli || (n->tli < owner->tli && n->wal > owner->base);
}

bool is_attached(const struct world *w, int upstream, int node)
{
    const struct node *n = &w->node[node < NODES ? node : 0];

    return node < NODES && upstream < NODES && n->up && n->role == PG_RECOVERY && n->receiving &&
           !n->stale && n->upstream == upstream && serves_wal(w, upstream, node);
}

void node_stream(struct world *w, int node)
{
    struct node *n = &w->node[node];
    const struct node *p = &w->node[n->upstream < NODES ? n->upstream : 0];

    if (is_attached(w, n->upstream, node) && p->tli >= n->tli && !node_beyond(n, p)) {
        n->wal = p->wal;
        n->tli = p->tli;
        n->newest_tli = n->newest_tli > p->tli ? n->newest_tli : p->tli;
    }
}

static void stop_pg(struct world *w, int node, bool immediate)
{
    struct node *n = &w->node[node];

    if (n->role == PG_WRITABLE && !immediate) {
        n->control = CONTROL_SHUTDOWNED;
        n->control_lsn = n->wal++; /* the shutdown checkpoint's record starts here */
        n->control_tli = n->tli;
        for (int i = 0; i < NODES; i++) /* walsenders send it before they end */
            if (i != node && w->node[i].upstream == node)
                node_stream(w, i);
    } else if (n->role == PG_RECOVERY) {
        n->control = CONTROL_SHUTDOWNED_IN_RECOVERY;
    }
    if (n->orphan && seed_is(SEED_PID_FILE_ONLY))
        return; /* no postmaster, nothing to stop */
    n->role = PG_STOPPED;
    n->receiving = n->pending = n->orphan = n->stale = 0;
}

bool node_may_commit(const struct node *n)
{
    return n->role == PG_WRITABLE || n->orphan;
}

/* A backend in a loop of commits does not notice. */
void node_orphan(struct world *w, int node)
{
    w->node[node].role = PG_UNKNOWN;
    w->node[node].orphan = 1;
}

static void start_pg(struct node *n)
{
    if (n->orphan)
        return; /* "pre-existing shared memory block is still in use" */
    n->stale = 0;
    n->role = n->signal ? PG_RECOVERY : PG_WRITABLE;
    n->control = n->signal ? CONTROL_IN_ARCHIVE_RECOVERY : CONTROL_IN_PRODUCTION;
}

void node_promotes(struct world *w, int node)
{
    struct node *n = &w->node[node];

    n->newest_tli++;
    n->tli = n->newest_tli;
    n->base = n->wal;
    n->wal++;
    n->signal = 0;
    n->receiving = n->pending = n->stale = 0;
    n->upstream = NOBODY;
    n->role = PG_WRITABLE;
    n->control = CONTROL_IN_PRODUCTION;
    if (w->d.state == REGISTER_FLIP && w->d.owner == node)
        w->given_up &= (u8) ~(1U << node); /* nobody gives it up any more */
}

/* ---- guard, watch, hosts ------------------------------------------------------------------- */

static void obey_guard(struct world *w, int node, const struct guard_view *v,
                       const struct guard_ruling *r, struct step_out *out)
{
    struct node *n = &w->node[node];
    struct agent_state next;
    bool was_held = n->held;

    rules_guard_state(v, r, &next);
    node_save(n, &next);
    switch (r->verdict) {
    case GUARD_STANDBY:
        n->cron = 0;
        start_pg(n);
        n->receiving = n->upstream != NOBODY;
        break;
    case GUARD_REFUSE:
    case GUARD_FENCE:
        n->cron = 0;
        stop_pg(w, node, false);
        n->signal = 1;
        break;
    case GUARD_HOLD:
        n->cron = 0;
        n->signal = 1;
        if (n->role == PG_STOPPED)
            start_pg(n);
        break;
    case GUARD_WRITABLE:
        n->signal = 0;
        if (was_held)
            stop_pg(w, node, true);
        start_pg(n);
        n->cron = n->cron_cmd;
        w->given_up &= (u8) ~(1U << node);
        if (w->dns && !n->cut && w->d.owner != node)
            violate(&out->bad, "I12", "the guard of %s starts it writable, D names %s",
                    node_name((u8)node), node_name(w->d.owner));
        break;
    }
    str_printf(out->text, sizeof(out->text), "%s: guard row %d: %s", node_name((u8)node), r->row,
               guard_verdict_names[r->verdict]);
}

static size_t ask_peers(const struct world *w, int node, u8 declared,
                        struct guard_peer peers[NODES - 1])
{
    size_t n_peers = 0;

    for (int i = 0; i < NODES; i++) {
        const struct node *p = &w->node[i];

        if (i == node)
            continue;
        peers[n_peers].answered = reachable(w, i) && !w->node[node].cut;
        peers[n_peers].writable = node_may_commit(p);
        peers[n_peers].in_recovery = p->role == PG_RECOVERY;
        peers[n_peers].epoch = seed_is(SEED_GUARD_BLIND) ? w->node[node].epoch : p->epoch;
        peers[n_peers].seen_epoch = p->seen.epoch;
        peers[n_peers].seen_state = p->seen.state;
        STR_COPY(peers[n_peers].seen_owner, node_name(p->seen.owner));
        STR_COPY(peers[n_peers].seen_nonce, nonce_text(p->seen.nonce));
        peers[n_peers].declared_down = declared & (1U << i);
        n_peers++;
    }
    return n_peers;
}

static void run_guard(struct world *w, int node, struct step_out *out)
{
    struct node *n = &w->node[node];
    struct guard_peer peers[NODES - 1] = {{0}};
    struct agent_state s;
    struct facts f = node_facts(n);
    struct record d;
    size_t n_peers = ask_peers(w, node, 0, peers);

    node_load(n, &s);
    if (seed_is(SEED_SOFT_FENCE) && s.fenced && n->role == PG_STOPPED) {
        s.fenced = false;
        f.standby_signal = false;
    }
    rec_to_record(&w->d, &d);
    if (seed_is(SEED_GUARD_BLIND)) {
        d.epoch = s.epoch;
        if (d.state == REGISTER_SEIZE)
            d.state = REGISTER_STABLE;
    }
    struct guard_view v = {.node = node_name((u8)node),
                           .state_readable = true,
                           .state = &s,
                           .facts = &f,
                           .register_matches = true,
                           .d_answered = reads_dns(w, node),
                           .d = &d,
                           .peers = peers,
                           .n_peers = n_peers};
    struct guard_ruling r = rules_guard(&v);
    obey_guard(w, node, &v, &r, out);
}

void node_die(struct world *w, int node)
{
    struct node *n = &w->node[node];

    if (n->role == PG_RECOVERY)
        n->control = CONTROL_IN_ARCHIVE_RECOVERY;
    n->role = PG_STOPPED;
    n->receiving = n->pending = n->orphan = n->stale = 0;
    n->up = n->agent = 0;
    n->act = n->phase = 0;
    for (int i = 0; i < NODES; i++) /* no FIN ever comes: that takes wal_receiver_timeout */
        w->node[i].stale |= w->node[i].receiving && w->node[i].upstream == node;
}

void node_boot(struct world *w, int node, struct step_out *out)
{
    char text[NAME_BYTES];

    w->node[node].up = w->node[node].agent = 1;
    run_guard(w, node, out);
    STR_COPY(text, out->text);
    str_printf(out->text, sizeof(out->text), "%s: host starts; %s", node_name((u8)node), text);
}

bool node_guard_again(struct world *w, int node, struct step_out *out)
{
    struct node *n = &w->node[node];

    if (!n->held || n->fenced || !n->up || !n->agent || n->act)
        return false;
    run_guard(w, node, out);
    return true;
}

bool node_watch(struct world *w, int node, struct step_out *out)
{
    struct node *n = &w->node[node];
    struct agent_state s, next;
    struct facts f = node_facts(n);
    struct record d;

    if (!n->up || !n->agent || n->act || !reads_dns(w, node))
        return false;
    node_load(n, &s);
    rec_to_record(&w->d, &d);
    enum watch_verdict verdict = rules_watch(&s, &f, node_name((u8)node), &d, &d);
    if (seed_is(SEED_WATCH_EAGER) && n->role == PG_WRITABLE && d.to[0] && d.epoch >= s.epoch)
        verdict = WATCH_FENCE;
    if (verdict == WATCH_NOTHING)
        return false;
    if (verdict == WATCH_FENCE) {
        rules_fence(&s, &f, &next);
        stop_pg(w, node, false);
        n->signal = 1;
    } else {
        rules_cron_off(&s, &next);
    }
    node_save(n, &next);
    n->cron = 0;
    str_printf(out->text, sizeof(out->text), "%s: watch %s", node_name((u8)node),
               verdict == WATCH_FENCE ? "fences it" : "turns its jobs off");
    return true;
}

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

    v.n_peers = ask_peers(c->w, c->m->node, c->m->declared, peers);
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

static enum plan_outcome arm(struct call *c)
{
    enum rule r =
        if_read(c, rules_arm(&c->s, c->m->epoch, c->m->seq, c->nonce, c->d.txn, &c->d, &c->next));

    if (r == RULE_OBEY)
        node_save(c->n, &c->next);
    return r == RULE_OBEY ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum plan_outcome begin(struct world *w, const struct message *m)
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

    stop_pg(w, node, n->immediate);
    n->signal = 1;
    f = node_facts(n);
    rules_fence_done(s, &f, next);
    if (!s->fence_lsn && n->control == CONTROL_SHUTDOWNED)
        next->fence_lsn = n->control_lsn;
}

/* Replayed to its end, WAL of its own is seen: then it is stopped and fenced as before. */
static enum plan_outcome act_rejoin(struct world *w, int node, struct agent_state *next)
{
    struct node *n = &w->node[node];
    u8 up = n->upstream;

    n->signal = 1;
    if (n->role == PG_STOPPED)
        start_pg(n);
    if (up != NOBODY && reachable(w, up) && !n->cut && w->node[up].role == PG_WRITABLE &&
        node_beyond(n, &w->node[up])) {
        stop_pg(w, node, false);
        next->fence_standby_only = false;
        return OUTCOME_FAILED;
    }
    n->receiving = up != NOBODY;
    node_stream(w, node);
    return OUTCOME_DONE;
}

static enum plan_outcome act_promote(struct world *w, int node, const struct agent_state *s,
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

static enum plan_outcome act_revoke(struct world *w, int node, const struct agent_state *s,
                                    struct agent_state *next)
{
    struct node *n = &w->node[node];
    struct facts f = node_facts(n);

    if (rules_revoke_work(s, &f) == REVOKE_TOO_LATE) /* PostgreSQL was faster */
        return OUTCOME_FAILED;
    stop_pg(w, node, false);
    start_pg(n);
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
    stop_pg(w, node, true);
    start_pg(n);
    n->phase = 2;
    return false;
}

bool node_act(struct world *w, int node, struct violation *bad, enum plan_outcome *outcome)
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
#define X(id, name, changes, since) name,
    static const char *const texts[] = {VERBS(X)};
#undef X
    return texts[verb];
}

void node_request(struct world *w, size_t message, bool answer, struct step_out *out)
{
    struct message m = w->msg[message];
    enum plan_outcome outcome;

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
