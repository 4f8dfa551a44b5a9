/* What a plan will cost: the outage, as it was before; what clients see and for how long. */
#include <stdlib.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/journal/journal.h"
#include "controller/plan/plan.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

/* ---- names --------------------------------------------------------------------------------- */

/* Serial numbers go round (RFC 1982). */
static int64_t behind(int64_t serial, int64_t primary)
{
    if (serial < 0 || primary < 0)
        return -1;
    int32_t d = (int32_t)((uint32_t)primary - (uint32_t)serial);
    return d > 0 ? d : 0;
}

static void take_name_servers(const struct world *w, struct plan_outlook *o)
{
    for (size_t i = 0; i < w->survey.n && o->n_ns < DNS_NS_MAX; i++) {
        const struct dns_view *view = &w->survey.ns[i].view;
        struct plan_ns *ns = &o->ns[o->n_ns++];

        STR_COPY(ns->name, w->survey.ns[i].name);
        STR_COPY(ns->address, view->server);
        ns->serial = view->status == DNS_VIEW_OK ? view->serial : -1;
        ns->behind = behind(ns->serial, w->survey.primary.serial);
        ns->agrees = w->survey.ns[i].agrees;
        STR_COPY(ns->why, w->survey.ns[i].why);
    }
}

void plan_take_outlook(const struct plan_look *look, struct plan *p)
{
    const struct dns_view *d = &look->world->d;
    struct plan_outlook *o = &p->outlook;
    bool soa = d->status == DNS_VIEW_OK && d->serial >= 0;
    bool flips = false;

    for (size_t i = 0; i < look->foresight->n; i++)
        flips = flips || look->foresight->steps[i].step == STEP_FLIP;
    *o = (struct plan_outlook){.outage_median_ms = -1,
                               .outage_most_ms = -1,
                               .alias_ttl_s = -1,
                               .soa_refresh_s = -1,
                               .soa_negative_s = -1,
                               .client_worst_s = -1};
    if (!flips)
        return;
    o->alias_ttl_s = d->cname_present ? d->cname_ttl : -1;
    o->soa_refresh_s = soa ? d->soa_refresh_s : -1;
    o->soa_negative_s = soa ? d->soa_negative_s : -1;
    if (o->alias_ttl_s >= 0 && soa)
        o->client_worst_s = o->alias_ttl_s + o->soa_refresh_s;
    take_name_servers(look->world, o);
    STR_PRINTF(o->clients,
               "every connection to %s is cut when it stops; until a cache lets the old name go, "
               "clients find no server there, or a read-only standby",
               p->from);
}

/* ---- the past ------------------------------------------------------------------------------ */

enum { LAST_MOVES = 20 };

/* When the new primary wrote, after the first step that changed something: for a failover, whose
 * outage began before anybody typed. */
static int64_t to_first_write_ms(const json_t *end)
{
    int64_t began = -1, wrote = -1;
    size_t i;
    json_t *s;

    json_array_foreach(json_object_get(end, "steps"), i, s) {
        const char *step = json_string_value(json_object_get(s, "step"));
        int64_t at = json_integer_value(json_object_get(s, "at_ms"));

        if (step && strcmp(step, steps[STEP_SEIZE].name) == 0)
            began = at;
        if (step && strcmp(step, steps[STEP_PROMOTE].name) == 0)
            wrote = at + json_integer_value(json_object_get(s, "ms"));
    }
    return began >= 0 && wrote > began ? wrote - began : -1;
}

/* What the move of one journal took, if it is of the kind and ended well; else -1. */
static int64_t took_ms(const struct journal_file *f, enum planner_command kind)
{
    if (!f->ended || f->n_records == 0)
        return -1;
    const json_t *begin = f->records[0].data, *end = f->records[f->n_records - 1].data;
    const char *verb = json_string_value(json_object_get(begin, "verb"));
    const char *outcome = json_string_value(json_object_get(end, "outcome"));

    if (!verb || !outcome || strcmp(verb, plan_command_names[kind]) != 0 ||
        strcmp(outcome, "done") != 0)
        return -1;
    if (kind == PLANNER_FAILOVER)
        return to_first_write_ms(end);
    return json_integer_value(json_object_get(end, "outage_ms"));
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static size_t read_moves(const struct session *s, enum planner_command kind,
                         int64_t ret[LAST_MOVES])
{
    AUTO(arena) a = arena_new();
    char **paths;
    size_t n_paths, n = 0;

    if (journal_list(s->cluster.config.journal.directory, a, &paths, &n_paths, NULL) < 0)
        return 0;
    while (n_paths-- > 0 && n < LAST_MOVES) { /* the newest first */
        struct journal_file *f;

        if (journal_read(paths[n_paths], &f, NULL) < 0)
            continue;
        ret[n] = took_ms(f, kind);
        n += ret[n] > 0;
        journal_file_free(f);
    }
    return n;
}

static void tell_unmeasured(struct plan_outlook *o, enum planner_command kind)
{
    if (kind == PLANNER_FAILOVER)
        STR_COPY(
            o->outage,
            "not measured yet here. From seize to the first write it is the sum of: what "
            "everybody sees (up to 2 s for a host that does not respond), the standbys' replay of "
            "what they have, one DNS update, the promotion");
    else
        STR_COPY(o->outage,
                 "not measured yet here. It is the sum of: the stop of the old primary with its "
                 "shutdown checkpoint, the target's replay of it, one DNS update, the promotion");
}

void plan_read_history(const struct session *s, struct plan *p)
{
    struct plan_outlook *o = &p->outlook;
    enum planner_command kind = (enum planner_command)p->command;
    int64_t ms[LAST_MOVES];

    if (kind != PLANNER_SWITCHOVER && kind != PLANNER_FAILOVER)
        return;
    size_t n = read_moves(s, kind, ms);

    o->measured = (int64_t)n;
    if (n == 0) {
        tell_unmeasured(o, kind);
        return;
    }
    qsort(ms, n, sizeof(ms[0]), by_number);
    o->outage_median_ms = ms[n / 2];
    o->outage_most_ms = ms[n - 1];
    STR_PRINTF(o->outage, "%s: median %s, longest %s, in the last %zu %ss from this controller",
               kind == PLANNER_FAILOVER ? "from seize to the first write" : "of writes",
               human_duration(s->cluster.arena, o->outage_median_ms),
               human_duration(s->cluster.arena, o->outage_most_ms), n, plan_command_names[kind]);
}
