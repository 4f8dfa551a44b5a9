#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

static const char *const names[] = {"a", "b", "c"};

const char *node_name(u8 node)
{
    return node < NODES ? names[node] : "";
}

bool reachable(const struct world *w, int node)
{
    return w->node[node].up && w->node[node].agent && !w->node[node].cut;
}

bool reads_dns(const struct world *w, int node)
{
    return w->dns && !w->node[node].cut;
}

/* ---- between the compact world and the pure parts' own structs ----------------------------- */

const char *nonce_text(u8 nonce)
{
    static char texts[256][NONCE_BYTES];

    if (!texts[nonce][0])
        snprintf(texts[nonce], sizeof(texts[0]), "%032x", (unsigned)nonce);
    return texts[nonce];
}

static u8 number(const char *hex)
{
    unsigned n = 0;

    sscanf(hex + strlen(hex) - 2, "%2x", &n);
    return (u8)n;
}

static u8 index_of(const char *name)
{
    return name[0] >= 'a' && name[0] < 'a' + NODES ? (u8)(name[0] - 'a') : NOBODY;
}

void rec_to_record(const struct rec *r, struct record *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->epoch = r->epoch;
    memcpy(ret->nonce, nonce_text(r->nonce), NONCE_BYTES);
    ret->state = r->state;
    STR_COPY(ret->owner, node_name(r->owner));
    STR_COPY(ret->to, node_name(r->to));
    ret->n_from = r->n_from;
    for (size_t i = 0; i < r->n_from; i++) {
        STR_COPY(ret->from[i].node, node_name(r->from[i]));
        ret->from[i].grade = r->grade[i];
    }
    memcpy(ret->txn, nonce_text(r->txn) + 16, TXN_BYTES);
    ret->sysid = 1;
    ret->tli = r->tli;
    ret->ttl = 30;
    memcpy(ret->by, nonce_text(r->by) + 16, TXN_BYTES);
}

void rec_from_record(const struct record *r, struct rec *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->epoch = (u8)r->epoch;
    ret->nonce = number(r->nonce);
    ret->state = (u8)r->state;
    ret->owner = index_of(r->owner);
    ret->to = index_of(r->to);
    ret->n_from = (u8)r->n_from;
    for (size_t i = 0; i < r->n_from && i < NODES; i++) {
        ret->from[i] = index_of(r->from[i].node);
        ret->grade[i] = (u8)r->from[i].grade;
    }
    ret->txn = number(r->txn);
    ret->tli = (u8)r->tli;
    ret->by = number(r->by);
}

static void load(const struct node *n, struct agent_state *s)
{
    memset(s, 0, sizeof(*s));
    s->sysid = 1;
    s->epoch = n->epoch;
    s->seq = n->seq;
    if (n->seen.epoch)
        rec_to_record(&n->seen, &s->seen);
    s->fenced = n->fenced;
    s->fence_standby_only = n->standby_only;
    s->fence_was_primary = n->was_primary;
    s->fence_tli = n->fence_tli;
    s->fence_lsn = n->fence_lsn;
    s->held = n->held;
    s->held_was_primary = n->held_primary;
    s->held_tli = n->held_tli;
    s->promoting = n->promoting;
    s->promoting_epoch = n->promoting_epoch;
    s->promoting_tli = n->promoting_tli;
    s->revoked = n->revoked;
    s->revoked_epoch = n->revoked_epoch;
    s->cron_on = n->cron_cmd;
}

static void save(struct node *n, const struct agent_state *s)
{
    n->epoch = (u8)s->epoch;
    n->seq = (u8)s->seq;
    if (s->seen.epoch)
        rec_from_record(&s->seen, &n->seen);
    n->fenced = s->fenced;
    n->standby_only = s->fence_standby_only;
    n->was_primary = s->fence_was_primary;
    n->fence_tli = (u8)s->fence_tli;
    n->fence_lsn = (u8)s->fence_lsn;
    n->held = s->held;
    n->held_primary = s->held_was_primary;
    n->held_tli = (u8)s->held_tli;
    n->promoting = s->promoting;
    n->promoting_epoch = (u8)s->promoting_epoch;
    n->promoting_tli = (u8)s->promoting_tli;
    n->revoked = s->revoked;
    n->revoked_epoch = (u8)s->revoked_epoch;
    n->cron_cmd = s->cron_on;
}

static struct facts facts_of(const struct node *n)
{
    return (struct facts){.role = n->role,
                          .standby_signal = n->signal,
                          .control_state = n->control,
                          .control_tli = n->control_tli,
                          .tli = n->role >= PG_RECOVERY ? n->tli : 0,
                          .newest_history_tli = n->newest_tli > 1 ? n->newest_tli : 0,
                          .sysid = 1};
}

/* ---- PostgreSQL ---------------------------------------------------------------------------- */

static bool serves_wal(const struct world *w, int from, int to)
{
    const struct node *p = &w->node[from];

    return from < NODES && p->up && p->role == PG_WRITABLE && !p->cut && !w->node[to].cut;
}

void node_stream(struct world *w, int node)
{
    struct node *n = &w->node[node];
    const struct node *p = &w->node[n->upstream < NODES ? n->upstream : 0];

    if (n->up && n->role == PG_RECOVERY && n->receiving && serves_wal(w, n->upstream, node) &&
        p->tli >= n->tli) {
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
    n->role = PG_STOPPED;
    n->receiving = n->pending = 0;
}

static void start_pg(struct node *n)
{
    n->role = n->signal ? PG_RECOVERY : PG_WRITABLE;
    n->control = n->signal ? CONTROL_IN_ARCHIVE_RECOVERY : CONTROL_IN_PRODUCTION;
}

static void run_promotion(struct world *w, int node)
{
    struct node *n = &w->node[node];

    n->newest_tli++;
    n->tli = n->newest_tli;
    n->base = n->wal;
    n->wal++;
    n->signal = 0;
    n->receiving = n->pending = 0;
    n->upstream = NOBODY;
    n->role = PG_WRITABLE;
    n->control = CONTROL_IN_PRODUCTION;
    w->given_up &= (u8) ~(1U << node);
}

/* ---- guard, watch, hosts ------------------------------------------------------------------- */

static void obey_guard(struct world *w, int node, const struct guard_view *v,
                       const struct guard_ruling *r, struct step_out *out)
{
    struct node *n = &w->node[node];
    struct agent_state next;
    bool was_held = n->held;

    rules_guard_state(v, r, &next);
    save(n, &next);
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

static void run_guard(struct world *w, int node, struct step_out *out)
{
    struct node *n = &w->node[node];
    struct guard_peer peers[NODES - 1] = {{0}};
    struct agent_state s;
    struct facts f = facts_of(n);
    struct record d;
    size_t n_peers = 0;

    load(n, &s);
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
    for (int i = 0; i < NODES; i++) {
        const struct node *p = &w->node[i];

        if (i == node)
            continue;
        peers[n_peers].answered = reachable(w, i) && !n->cut;
        peers[n_peers].writable = p->role == PG_WRITABLE;
        peers[n_peers].in_recovery = p->role == PG_RECOVERY;
        peers[n_peers].epoch = seed_is(SEED_GUARD_BLIND) ? w->node[node].epoch : p->epoch;
        peers[n_peers].seen_epoch = p->seen.epoch;
        peers[n_peers].seen_state = p->seen.state;
        STR_COPY(peers[n_peers].seen_owner, node_name(p->seen.owner));
        n_peers++;
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
    n->receiving = n->pending = 0;
    n->up = n->agent = 0;
    n->act = n->phase = 0;
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
    struct facts f = facts_of(n);
    struct record d;

    if (!n->up || !n->agent || n->act || !reads_dns(w, node))
        return false;
    load(n, &s);
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
    save(n, &next);
    n->cron = 0;
    str_printf(out->text, sizeof(out->text), "%s: watch %s", node_name((u8)node),
               verdict == WATCH_FENCE ? "fences it" : "turns its jobs off");
    return true;
}

/* ---- requests ------------------------------------------------------------------------------ */

/* First phase: admit, decide, persist, re-read D. Second: act. UNFENCE has a third: clear the mark.
 */
static enum plan_outcome begin(struct world *w, const struct message *m)
{
    struct node *n = &w->node[m->node];
    const char *me = node_name(m->node), *nonce = nonce_text(m->nonce);
    struct agent_state s, next;
    struct facts f = facts_of(n);
    struct record d;
    bool read = reads_dns(w, m->node);
    enum rule r = RULE_OBEY;

    load(n, &s);
    rec_to_record(&w->d, &d);
    if (m->verb == VERB_ARM) {
        r = !read ? RULE_NONCE : rules_arm(&s, m->epoch, m->seq, nonce, d.txn, &d, &next);
        if (r == RULE_OBEY)
            save(n, &next);
        return r == RULE_OBEY ? OUTCOME_DONE : OUTCOME_FAILED;
    }
    if (rules_admit(&s, m->epoch, m->seq, &next) != RULE_OBEY) {
        if (!seed_is(SEED_OBEY_STALE))
            return OUTCOME_FAILED;
        next = s;
    }
    s = next;
    save(n, &s);
    n->act = 0;
    n->act_read =
        read && w->d.state == REGISTER_FLIP && w->d.owner == m->node && w->d.epoch == m->epoch;
    switch ((enum verb)m->verb) {
    case VERB_CRON_OFF:
        r = rules_cron_off(&s, &next);
        n->cron = 0;
        break;
    case VERB_CRON_ON:
        r = !read ? RULE_NONCE : rules_cron_on_permitted(&s, &f, me, nonce, &d, &next);
        n->act = r == RULE_OBEY;
        break;
    case VERB_CHECKPOINT:
        next = s;
        n->control_tli = n->role == PG_WRITABLE ? n->tli : n->control_tli;
        break;
    case VERB_FENCE:
        r = rules_fence(&s, &f, &next);
        if (seed_is(SEED_CRON_FIRST))
            next.cron_on = s.cron_on;
        else
            n->cron = 0;
        n->act = 1;
        break;
    case VERB_UNFENCE:
        r = !read ? RULE_NONCE : rules_unfence_permitted(&s, me, nonce, &d);
        next = s;
        n->act = r == RULE_OBEY;
        break;
    case VERB_DETACH:
        r = rules_standby_only(&s, &f);
        next = s;
        if (r == RULE_OBEY)
            n->receiving = 0;
        break;
    case VERB_FOLLOW:
        r = rules_standby_only(&s, &f);
        next = s;
        if (r == RULE_OBEY) {
            n->upstream = m->upstream;
            n->receiving = 1;
            node_stream(w, m->node);
        }
        break;
    case VERB_REJOIN:
        r = !read ? RULE_NONCE : rules_rejoin(&s, &f, me, &d, &next);
        n->act = r == RULE_OBEY;
        n->upstream = r == RULE_OBEY ? m->upstream : n->upstream;
        break;
    case VERB_PROMOTE:
        r = rules_promote(&s, &f, m->epoch, d.txn, &next);
        if (r == RULE_OBEY) {
            enum rule may = read ? rules_promote_permitted(&next, me, nonce, &d) : RULE_NONCE;

            n->act = may == RULE_OBEY || seed_is(SEED_NO_REREAD);
            if (!n->act) {
                save(n, &next);
                return OUTCOME_FAILED;
            }
            if (seed_is(SEED_ACT_FIRST))
                next = s;
        }
        break;
    case VERB_REVOKE:
        r = rules_revoke(&s, m->epoch, &next);
        if (rules_revoke_work(&next, &f) == REVOKE_TOO_LATE) {
            save(n, &next);
            return OUTCOME_FAILED;
        }
        n->act = rules_revoke_work(&next, &f) == REVOKE_UNDO_PROMOTION;
        break;
    case VERB_OBSERVE:
    case VERB_EVIDENCE:
    case VERB_CRON_SHOW:
    case VERB_ARM:
    case VERB_SLOTS:
    case VERB_CRON_WRITE:
    case VERB_COUNT:
        r = RULE_STALE;
        break;
    }
    if (r != RULE_OBEY) {
        n->act = 0;
        return OUTCOME_FAILED;
    }
    save(n, &next);
    if (n->act) {
        n->act = m->verb;
        n->phase = 1;
        n->act_run = m->live ? m->run : 0;
        n->immediate = m->immediate;
    }
    return OUTCOME_DONE;
}

/* The act itself. True when the request is finished with it. */
static bool act(struct world *w, int node, struct step_out *out, enum plan_outcome *outcome)
{
    struct node *n = &w->node[node];
    struct agent_state s, next;
    struct facts f;

    *outcome = OUTCOME_DONE;
    load(n, &s);
    next = s;
    switch ((enum verb)n->act) {
    case VERB_CRON_ON:
        n->cron = 1;
        break;
    case VERB_FENCE:
        stop_pg(w, node, n->immediate);
        n->signal = 1;
        if (!s.fence_lsn && n->control == CONTROL_SHUTDOWNED)
            next.fence_lsn = n->control_lsn;
        break;
    case VERB_UNFENCE:
        if (n->phase == 1) {
            n->signal = 0;
            stop_pg(w, node, true);
            start_pg(n);
            n->phase = 2;
            return false;
        }
        rules_unfence_done(&s, &next);
        break;
    case VERB_REJOIN:
        n->signal = 1;
        if (n->role == PG_STOPPED)
            start_pg(n);
        n->receiving = n->upstream != NOBODY;
        node_stream(w, node);
        break;
    case VERB_PROMOTE:
        if (n->role == PG_RECOVERY) {
            oracle_promotion(w, node, &out->bad);
            run_promotion(w, node);
        }
        f = facts_of(n);
        if (rules_promote_done(&s, &f, &next) != RULE_OBEY)
            *outcome = OUTCOME_FAILED;
        break;
    case VERB_REVOKE:
        f = facts_of(n);
        if (rules_revoke_work(&s, &f) == REVOKE_UNDO_PROMOTION) {
            stop_pg(w, node, false);
            start_pg(n);
            n->receiving = n->upstream != NOBODY;
            rules_revoke_done(&s, &next);
        }
        break;
    default:
        break;
    }
    save(n, &next);
    n->act = n->phase = 0;
    return true;
}

static const char *verb_text(u8 verb)
{
#define X(id, name, changes) name,
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

/* ---- what may happen next ------------------------------------------------------------------ */

static void emit(successor_fn fn, void *arg, struct step_out *out)
{
    if (!out->bad.invariant)
        oracle_state(&out->w, &out->bad);
    fn(arg, out);
}

static void try_act(const struct world *w, int node, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};
    enum plan_outcome outcome;
    u8 verb = w->node[node].act, run = w->node[node].act_run;

    if (!verb || !w->node[node].agent)
        return;
    bool finished = act(&out.w, node, &out, &outcome);
    str_printf(out.text, sizeof(out.text), "%s: %s acts%s", node_name((u8)node), verb_text(verb),
               finished ? "" : ", its mark still there");
    if (finished && run)
        control_answer(&out.w, run, node, outcome);
    emit(fn, arg, &out);
}

static void try_faults(const struct world *w, int node, successor_fn fn, void *arg)
{
    const struct node *n = &w->node[node];
    struct step_out out;

    if (!n->up) { /* coming back costs nothing */
        out = (struct step_out){.w = *w};
        node_boot(&out.w, node, &out);
        emit(fn, arg, &out);
    } else if (!n->agent) {
        out = (struct step_out){.w = *w};
        out.w.node[node].agent = 1;
        str_printf(out.text, sizeof(out.text), "%s: agent starts", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (n->cut) {
        out = (struct step_out){.w = *w};
        out.w.node[node].cut = 0;
        str_printf(out.text, sizeof(out.text), "%s: network heals", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (!w->faults || !n->up)
        return;
    out = (struct step_out){.w = *w};
    out.w.faults--;
    node_die(&out.w, node);
    str_printf(out.text, sizeof(out.text), "%s: HOST DIES", node_name((u8)node));
    emit(fn, arg, &out);
    if (n->agent) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        out.w.node[node].pending |= n->act == VERB_PROMOTE;
        out.w.node[node].agent = out.w.node[node].act = out.w.node[node].phase = 0;
        str_printf(out.text, sizeof(out.text), "%s: AGENT DIES", node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (!n->cut && (sim.scenario->menu & MENU_NETWORK)) {
        out = (struct step_out){.w = *w};
        out.w.faults--;
        out.w.node[node].cut = 1;
        str_printf(out.text, sizeof(out.text), "%s: NETWORK CUT", node_name((u8)node));
        emit(fn, arg, &out);
    }
}

static void try_own_doing(const struct world *w, int node, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};

    if (node_guard_again(&out.w, node, &out) &&
        (memcmp(&out.w, w, sizeof(*w)) != 0 || out.bad.invariant))
        emit(fn, arg, &out);
    out = (struct step_out){.w = *w};
    if (node_watch(&out.w, node, &out))
        emit(fn, arg, &out);
    if (w->node[node].pending) {
        out = (struct step_out){.w = *w};
        run_promotion(&out.w, node);
        str_printf(out.text, sizeof(out.text), "%s: PostgreSQL promotes after all",
                   node_name((u8)node));
        emit(fn, arg, &out);
    }
    if (w->writes && w->node[node].up && w->node[node].role == PG_WRITABLE) {
        out = (struct step_out){.w = *w};
        out.w.writes--;
        out.w.node[node].wal++;
        str_printf(out.text, sizeof(out.text), "%s: a commit", node_name((u8)node));
        emit(fn, arg, &out);
    }
    out = (struct step_out){.w = *w};
    node_stream(&out.w, node);
    if (memcmp(&out.w, w, sizeof(*w)) != 0) {
        str_printf(out.text, sizeof(out.text), "%s: receives WAL", node_name((u8)node));
        emit(fn, arg, &out);
    }
}

/* Of one fan-out, the node that neither has the role nor gets it hears last: which of the
 * bystanders hears when changes nothing, and the walk is a third as long. */
static bool waits_for_others(const struct world *w, const struct message *m)
{
    if (!m->live || m->node != C || w->d.to == C || w->d.owner == C)
        return false;
    for (size_t i = 0; i < MESSAGES; i++)
        if (w->msg[i].used && w->msg[i].live && w->msg[i].run == m->run && w->msg[i].node != C &&
            reachable(w, w->msg[i].node))
            return true;
    return false;
}

static void try_deliver(const struct world *w, size_t i, successor_fn fn, void *arg)
{
    const struct message *m = &w->msg[i];
    struct step_out out;

    if (!m->used || !reachable(w, m->node) || w->node[m->node].act || waits_for_others(w, m))
        return;
    out = (struct step_out){.w = *w};
    node_request(&out.w, i, true, &out);
    emit(fn, arg, &out);
    if (!m->live || !w->faults)
        return;
    out = (struct step_out){.w = *w};
    out.w.faults--;
    node_request(&out.w, i, false, &out);
    emit(fn, arg, &out);
}

static void try_dns(const struct world *w, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};

    if (w->dns && !w->faults)
        return;
    out.w.dns = !w->dns;
    if (w->dns)
        out.w.faults--;
    STR_COPY(out.text, w->dns ? "DNS FALLS SILENT" : "DNS answers again");
    emit(fn, arg, &out);
}

static void apply_update(const struct world *w, size_t i, bool answer, successor_fn fn, void *arg)
{
    struct step_out out = {.w = *w};
    struct update u = w->upd[i];
    bool hit = u.expected == w->d.nonce || seed_is(SEED_BLIND_UPDATE);

    out.w.upd[i] = (struct update){0};
    if (hit) {
        oracle_update(&w->d, &u.r, &out.bad);
        out.w.d = u.r;
        for (size_t k = 0; k < u.r.n_from; k++)
            if (u.r.grade[k] == GRADE_G3)
                out.w.given_up |= (u8)(1U << u.r.from[k]);
    }
    str_printf(out.text, sizeof(out.text), "DNS: %s epoch %u owner %s to %s by run %u%s: %s%s",
               register_state_names[u.r.state], u.r.epoch, node_name(u.r.owner),
               u.r.to == NOBODY ? "-" : node_name(u.r.to), u.run, u.live ? "" : " late",
               hit ? "written" : "refused", answer || !u.live ? "" : ", answer lost");
    if (u.live && answer)
        control_update_answer(&out.w, u.run, hit ? OUTCOME_DONE : OUTCOME_LOST, &u.r);
    emit(fn, arg, &out);
}

void world_successors(const struct world *w, successor_fn fn, void *arg)
{
    for (size_t i = 0; i < UPDATES; i++) {
        if (!w->upd[i].used || !w->dns)
            continue;
        apply_update(w, i, true, fn, arg);
        if (w->upd[i].live && w->faults) {
            struct world fewer = *w;

            fewer.faults--;
            apply_update(&fewer, i, false, fn, arg);
        }
    }
    for (size_t i = 0; i < MESSAGES; i++)
        try_deliver(w, i, fn, arg);
    for (int i = 0; i < NODES; i++) {
        try_act(w, i, fn, arg);
        try_own_doing(w, i, fn, arg);
        try_faults(w, i, fn, arg);
    }
    try_dns(w, fn, arg);
}

void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    w->d = (struct rec){.epoch = 1,
                        .nonce = 1,
                        .state = REGISTER_STABLE,
                        .owner = A,
                        .to = NOBODY,
                        .txn = 1,
                        .tli = 1};
    w->dns = 1;
    w->nonces = 1;
    for (int i = 0; i < NODES; i++) {
        struct node *n = &w->node[i];

        *n = (struct node){.up = 1,
                           .agent = 1,
                           .epoch = 1,
                           .seen = w->d,
                           .role = PG_RECOVERY,
                           .signal = 1,
                           .control = CONTROL_IN_ARCHIVE_RECOVERY,
                           .control_tli = 1,
                           .tli = 1,
                           .newest_tli = 1,
                           .wal = 5,
                           .upstream = A,
                           .receiving = 1};
    }
    w->node[A].role = PG_WRITABLE;
    w->node[A].signal = w->node[A].receiving = 0;
    w->node[A].upstream = NOBODY;
    w->node[A].control = CONTROL_IN_PRODUCTION;
    w->node[A].cron = w->node[A].cron_cmd = 1;
}
