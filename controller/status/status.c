#include "controller/status/status.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/view.h"
#include "controller/status/status_words.h"

const struct record *status_record(const struct status *st)
{
    return st->w->d.status == DNS_VIEW_OK && st->w->d.record_valid ? &st->w->d.record : NULL;
}

const struct record *status_transition(const struct status *st)
{
    const struct record *r = status_record(st);

    return r && r->state != REGISTER_STABLE ? r : NULL;
}

static void survey(struct status *st)
{
    const struct dns_survey *sv = &st->w->survey;

    st->ns_total = st->w->survey_done ? sv->n : 0;
    for (size_t i = 0; i < st->ns_total; i++)
        st->ns_agree += sv->ns[i].agrees;
}

/* A client's resolver may have asked right before the alias moved. */
static void caches(struct status *st)
{
    const struct dns_view *d = &st->w->d;
    int64_t ttl = d->status == DNS_VIEW_OK && d->record_valid ? d->record.ttl : 0;

    if (d->status == DNS_VIEW_OK && d->cname_ttl > ttl)
        ttl = d->cname_ttl;
    if (st->journal.alias_moved_wall_ms &&
        st->journal.alias_moved_wall_ms + ttl * 1000 > st->now_wall_ms)
        st->caches_clear_wall_ms = st->journal.alias_moved_wall_ms + ttl * 1000;
}

/* DNS does not respond: the newest record that an agent has seen shows at least the owner. */
static void newest_seen(struct status *st)
{
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        struct record r;

        if (!st->w->nodes[i].answered || register_parse(st->w->nodes[i].obs.seen, &r, NULL) < 0 ||
            r.epoch <= st->last_seen.epoch)
            continue;
        st->last_seen = r;
        st->last_seen_by = st->cluster->config.nodes[i].name;
    }
}

/* The controller that began it may be gone, and with it the journal: each node that was armed has
 * kept it; the first of them was armed by whoever began. */
static void who_began(struct status *st)
{
    const struct record *r = status_transition(st);
    const struct obs_begun *first = NULL;

    if (st->journal.transition_known || !r)
        return;
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        const struct obs_begun *b = &st->w->nodes[i].obs.begun;

        if (st->w->nodes[i].answered && *b->txn && strcmp(b->txn, r->txn) == 0 &&
            (!first || b->wall_ms < first->wall_ms))
            first = b;
    }
    if (!first)
        return;
    st->journal.transition_known = true;
    st->journal.since_wall_ms = first->wall_ms;
    st->journal.verb = first->command;
    st->journal.reason = first->reason;
    st->journal.began_by = first->by;
}

/* What the others say of the one that was asked about. */
static uint32_t seen_writable(const struct world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++)
        if ((w->evidence.from & (1U << i)) && w->evidence.seen[i].writable_seen)
            return 1U << w->evidence.about;
    return 0;
}

void status_build(struct status *st, const struct cluster *cl, struct arena *a,
                  const struct world *w, const struct status_journal *j, int64_t now_wall_ms)
{
    *st = (struct status){
        .cluster = cl, .arena = a, .w = w, .journal = *j, .now_wall_ms = now_wall_ms, .next = ""};
    st->view = arena_alloc(a, sizeof(*st->view));
    newest_seen(st);
    view_from_world(&cl->config, w, &st->last_seen, seen_writable(w), st->view);
    planner_situation(st->view, &st->situation);
    status_nodes(st);
    survey(st);
    caches(st);
    who_began(st);
    status_writable(st);
    status_problems(st);
}

struct status *status_look(struct cluster *cl, struct arena *a)
{
    struct world *w = arena_alloc(a, sizeof(*w));
    struct status *st = arena_alloc(a, sizeof(*st));
    struct status_journal j;

    world_observe(cl, w, OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY);
    if (world_owner_is_silent(cl, w)) /* to us: what do the others see of it? */
        world_observe(cl, w, OBSERVE_AGENTS | OBSERVE_EVIDENCE);
    status_read_journals(&cl->config, a, w->d.record_valid ? w->d.record.txn : "", &j);
    status_build(st, cl, a, w, &j, clock_wall_ms());
    return st;
}
