/* One node: PostgreSQL, guard and watch; its host. What it does on request: node_request.c. */
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
bool node_beyond(const struct node *n, const struct node *owner)
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

void node_stop_pg(struct world *w, int node, bool immediate)
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

void node_start_pg(struct node *n)
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

static void obey_guard(struct world *w, int node, const struct guard_decision *decided,
                       struct step_out *out)
{
    struct node *n = &w->node[node];
    bool was_held = n->held;

    node_save(n, &decided->next);
    switch (decided->ruling.verdict) {
    case GUARD_STANDBY:
        n->cron = 0;
        node_start_pg(n);
        n->receiving = n->upstream != NOBODY;
        break;
    case GUARD_REFUSE:
    case GUARD_FENCE:
        n->cron = 0;
        node_stop_pg(w, node, false);
        n->signal = 1;
        break;
    case GUARD_HOLD:
        n->cron = 0;
        n->signal = 1;
        if (n->role == PG_STOPPED)
            node_start_pg(n);
        break;
    case GUARD_WRITABLE:
        n->signal = 0;
        if (was_held)
            node_stop_pg(w, node, true);
        node_start_pg(n);
        n->cron = n->cron_cmd;
        w->given_up &= (u8) ~(1U << node);
        if (w->dns && !n->cut && w->d.owner != node)
            violate(&out->bad, "I12", "the guard of %s starts it writable, D names %s",
                    node_name((u8)node), node_name(w->d.owner));
        break;
    }
    str_printf(out->text, sizeof(out->text), "%s: guard row %d: %s", node_name((u8)node),
               decided->ruling.row, guard_verdict_names[decided->ruling.verdict]);
}

size_t node_ask_peers(const struct world *w, int node, u8 declared,
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
    size_t n_peers = node_ask_peers(w, node, 0, peers);

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
                           .d_absent = reads_dns(w, node) && w->d.epoch == 0,
                           .d = &d,
                           .peers = peers,
                           .n_peers = n_peers};
    struct guard_decision decided;
    rules_guard_decide(&v, &decided);
    obey_guard(w, node, &decided, out);
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
        node_stop_pg(w, node, false);
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
