/* What is not as it was in the look before: roles, states, the alias, the record, problems. What
 * moves all the time (positions, lag, ages) is no change. */
#include <inttypes.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/status/status_words.h"

enum { RECENT = 6 };

static const char *const watched_names[] = {
#define X(id, name) name,
    STATUS_WATCHED(X)
#undef X
};

struct status_past {
    struct arena *arena; /* NULL: there was no look yet */
    const char *nodes[CLUSTER_NODES_MAX][WATCHED_COUNT];
    const char *alias, *record;
    size_t n_problems;
    char recent[RECENT][240]; /* with their time, the newest first */
};

struct status_past *status_past_new(void)
{
    return mem_alloc(sizeof(struct status_past));
}

void status_past_free(struct status_past *p)
{
    if (p)
        arena_free(p->arena);
    mem_free(p);
}

/* ---- what they are compared by --------------------------------------------------------------- */

static const char *alias_of(const struct status *st)
{
    const struct dns_view *d = &st->w->d;

    return d->status != DNS_VIEW_OK ? "not readable" : d->cname_present ? d->cname : "nothing";
}

static const char *record_of(const struct status *st)
{
    const struct record *r = status_record(st);

    if (!r)
        return "not readable";
    return arena_printf(st->arena, "epoch %" PRId64 ", %s, owner %s", r->epoch,
                        register_state_names[r->state], r->owner);
}

/* "-" where there is nothing to say. */
static const char *watched_text(const struct status *st, size_t node, enum status_watched what)
{
    const struct status_node *n = &st->nodes[node];
    const struct node_obs *o = &st->w->nodes[node].obs;
    const char *text = "";

    if (!n->answered)
        return what == WATCHED_ROLE ? "silent" : "-";
    switch (what) {
    case WATCHED_ROLE:
        return pg_role_names[o->pg.role];
    case WATCHED_STATE:
        text = n->state;
        break;
    case WATCHED_TIMELINE:
        return arena_printf(st->arena, "%" PRId64, n->timeline);
    case WATCHED_CRON:
        text = n->cron;
        break;
    case WATCHED_FENCE:
        text = n->fence;
        break;
    case WATCHED_EPOCH:
        return arena_printf(st->arena, "%" PRId64, o->epoch);
    case WATCHED_COUNT:
        break;
    }
    return *text ? text : "-";
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void compare_nodes(const struct status_past *p, struct status *st)
{
    for (size_t i = 0; i < st->w->n_nodes; i++)
        for (size_t k = 0; k < WATCHED_COUNT; k++) {
            const char *now = watched_text(st, i, (enum status_watched)k);

            if (strcmp(now, p->nodes[i][k]) == 0)
                continue;
            st->nodes[i].changed |= 1U << k;
            status_add(st, &st->changes, st->nodes[i].name, "%s: %s %s -> %s", st->nodes[i].name,
                       watched_names[k], p->nodes[i][k], now);
        }
}

/* A problem has an age or a position in its text: by the text alone each look would have new ones,
 * so the number of them is what counts. */
static void compare_problems(const struct status_past *p, struct status *st)
{
    if (p->n_problems != st->problems.n)
        status_add(st, &st->changes, "", "problems: %zu -> %zu", p->n_problems, st->problems.n);
}

static void remember(struct status_past *p, const struct status *st)
{
    arena_free(p->arena);
    p->arena = arena_new();
    for (size_t i = 0; i < st->w->n_nodes; i++)
        for (size_t k = 0; k < WATCHED_COUNT; k++)
            p->nodes[i][k] = arena_strdup(p->arena, watched_text(st, i, (enum status_watched)k));
    p->alias = arena_strdup(p->arena, alias_of(st));
    p->record = arena_strdup(p->arena, record_of(st));
    p->n_problems = st->problems.n;
}

/* What changed while no one was looking stays on the screen for a while. */
static void keep_recent(struct status_past *p, struct status *st)
{
    for (size_t i = 0; i < st->changes.n; i++) {
        memmove(p->recent[1], p->recent[0], sizeof(p->recent) - sizeof(p->recent[0]));
        STR_PRINTF(p->recent[0], "%s  %s", human_time(st->arena, st->now_wall_ms),
                   st->changes.at[i].text);
    }
    for (size_t i = 0; i < RECENT && *p->recent[i]; i++)
        status_add(st, &st->recent, "", "%s", p->recent[i]);
}

void status_compare(struct status_past *p, struct status *st)
{
    if (p->arena) {
        if (strcmp(p->alias, alias_of(st)) != 0)
            status_add(st, &st->changes, "", "alias: %s -> %s", p->alias, alias_of(st));
        if (strcmp(p->record, record_of(st)) != 0)
            status_add(st, &st->changes, "", "record: %s -> %s", p->record, record_of(st));
        compare_nodes(p, st);
        compare_problems(p, st);
    }
    keep_recent(p, st);
    remember(p, st);
}
