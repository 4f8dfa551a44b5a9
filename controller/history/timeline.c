#include "controller/history/timeline.h"

#include <string.h>

#include "base/mem.h"
#include "controller/decide/steps.h"
#include "controller/history/story.h"

enum { LANE_CLIENTS, LANE_DNS, FIRST_NODE };

struct layout {
    const struct story *s;
    struct timeline *t;
    struct arena *arena;
};

/* ---- columns --------------------------------------------------------------------------------- */

static bool is_step(const struct story_step *step, enum step_id id)
{
    return strcmp(step->name, steps[id].name) == 0;
}

static void make_columns(struct layout *l)
{
    struct timeline *t = l->t;
    int64_t from_ms = story_number(l->s->begin, "at_ms", 0), total_ms = 0;
    double x = 0, share;

    t->columns = arena_alloc(l->arena, (l->s->n_steps + 1) * sizeof(*t->columns));
    for (size_t i = 0; i < l->s->n_steps; i++) {
        const struct story_step *step = &l->s->steps[i];

        if (is_step(step, STEP_PREFLIGHT) || is_step(step, STEP_LOSS) ||
            (is_step(step, STEP_EVIDENCE) && step->at_ms < from_ms))
            continue;
        t->columns[t->n_columns++].step = i;
        total_ms += step->ms > 0 ? step->ms : 0;
    }
    share = TIMELINE_WIDTH - (double)t->n_columns * TIMELINE_COLUMN_LEAST;
    if (share < TIMELINE_WIDTH / 4.0)
        share = TIMELINE_WIDTH / 4.0;
    for (size_t i = 0; i < t->n_columns; i++) {
        int64_t ms = l->s->steps[t->columns[i].step].ms;

        t->columns[i].x0 = x;
        x += TIMELINE_COLUMN_LEAST;
        if (total_ms > 0 && ms > 0)
            x += share * (double)ms / (double)total_ms;
        t->columns[i].x1 = x;
    }
    t->width = x + TIMELINE_AFTER;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static size_t lane_of(struct layout *l, const char *node)
{
    struct timeline *t = l->t;

    for (size_t i = FIRST_NODE; i < t->n_lanes; i++)
        if (strcmp(t->lanes[i], node) == 0)
            return i;
    if (!*node || t->n_lanes == TIMELINE_LANES_MAX)
        return TIMELINE_LANES_MAX;
    t->lanes[t->n_lanes] = node;
    return t->n_lanes++;
}

static void make_lanes(struct layout *l)
{
    size_t i;
    const json_t *seen;

    l->t->lanes[LANE_CLIENTS] = "clients";
    l->t->lanes[LANE_DNS] = "DNS";
    l->t->n_lanes = FIRST_NODE;
    (void)lane_of(l, l->s->from);
    (void)lane_of(l, l->s->to);
    json_array_foreach(json_object_get(l->s->begin, "seen"), i, seen)
        (void)lane_of(l, story_text(seen, "node"));
    for (i = 0; i < l->s->n_steps; i++)
        for (size_t k = 0; k < l->s->steps[i].n_on; k++)
            (void)lane_of(l, l->s->steps[i].on[k]);
}

/* ---- bars ------------------------------------------------------------------------------------ */

static void bar(struct layout *l, size_t lane, size_t column)
{
    if (lane < TIMELINE_LANES_MAX)
        l->t->bars[l->t->n_bars++] = (struct timeline_bar){lane, column};
}

static void make_bars(struct layout *l)
{
    struct timeline *t = l->t;

    t->bars = arena_alloc(l->arena, (t->n_columns * STORY_ON_MAX + 1) * sizeof(*t->bars));
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct story_step *step = &l->s->steps[t->columns[c].step];

        if (json_array_size(json_object_get(step->data, "dns")) > 0) {
            bar(l, LANE_DNS, c);
            continue;
        }
        for (size_t k = 0; k < step->n_on; k++)
            bar(l, lane_of(l, step->on[k]), c);
    }
}

/* ---- bands ----------------------------------------------------------------------------------- */

static enum timeline_state state_of(const json_t *seen, const char **ret_text)
{
    const char *role = story_text(seen, "role");

    *ret_text = role;
    if (json_is_true(json_object_get(seen, "fenced")) && strcmp(role, "stopped") == 0)
        *ret_text = "fenced";
    if (strcmp(role, "primary") == 0)
        return TIMELINE_PRIMARY;
    if (strcmp(role, "standby") == 0)
        return TIMELINE_STANDBY;
    return *role && strcmp(role, "silent") != 0 && strcmp(role, "unknown") != 0 ? TIMELINE_DOWN
                                                                                : TIMELINE_UNKNOWN;
}

/* The band that is open in this lane ends at `x`, and another begins; the same one goes on. */
static void band(struct layout *l, size_t lane, double x, enum timeline_state state,
                 const char *text)
{
    struct timeline *t = l->t;

    for (size_t i = t->n_bands; i > 0; i--)
        if (t->bands[i - 1].lane == lane) {
            if (t->bands[i - 1].state == state && strcmp(t->bands[i - 1].text, text) == 0)
                return;
            t->bands[i - 1].x1 = x;
            break;
        }
    t->bands[t->n_bands++] = (struct timeline_band){lane, x, t->width, state, text};
}

static void see(struct layout *l, const json_t *list, double x)
{
    size_t i;
    const json_t *seen;

    json_array_foreach(list, i, seen) {
        const char *text;
        enum timeline_state state = state_of(seen, &text);
        size_t lane = lane_of(l, story_text(seen, "node"));

        if (lane < TIMELINE_LANES_MAX)
            band(l, lane, x, state, text);
    }
}

static void see_dns(struct layout *l, const struct story_step *step, double x1)
{
    const json_t *dns = json_array_get(json_object_get(step->data, "dns"), 0);
    bool any = false;

    if (!dns)
        return;
    for (size_t i = 0; i < l->t->n_bands; i++)
        any |= l->t->bands[i].lane == LANE_DNS;
    if (!any && *story_text(dns, "old_alias"))
        band(l, LANE_DNS, 0, TIMELINE_ALIAS, story_text(dns, "old_alias"));
    if (strcmp(story_text(dns, "verdict"), "done") == 0)
        band(l, LANE_DNS, x1, TIMELINE_ALIAS, story_text(dns, "alias"));
}

/* Writing stops when the fence of the old primary begins, and resumes when a node is writable; in a
 * failover it had stopped before. */
static void see_clients(struct layout *l, const struct story_step *step, double x0, double x1)
{
    bool lost = strcmp(l->s->verb, "failover") == 0;

    if (l->t->n_bands == 0 || l->t->bands[0].lane != LANE_CLIENTS)
        return;
    if (is_step(step, STEP_FENCE) && !lost)
        band(l, LANE_CLIENTS, x0, TIMELINE_OUTAGE, "outage");
    if (step->ok && (is_step(step, STEP_PROMOTE) || is_step(step, STEP_UNFENCE)))
        band(l, LANE_CLIENTS, x1, TIMELINE_WRITES, step->node);
}

static void make_bands(struct layout *l)
{
    struct timeline *t = l->t;
    bool lost = strcmp(l->s->verb, "failover") == 0;

    t->bands = arena_alloc(l->arena, ((t->n_columns + 2) * TIMELINE_LANES_MAX) * sizeof(*t->bands));
    if (*l->s->from && (lost || l->s->outage_ms >= 0))
        band(l, LANE_CLIENTS, 0, lost ? TIMELINE_OUTAGE : TIMELINE_WRITES,
             lost ? "outage" : l->s->from);
    see(l, json_object_get(l->s->begin, "seen"), 0);
    for (size_t c = 0; c < t->n_columns; c++) {
        const struct story_step *step = &l->s->steps[t->columns[c].step];
        double x0 = t->columns[c].x0, x1 = t->columns[c].x1;

        see(l, json_object_get(step->data, "seen"), x1);
        see_dns(l, step, x1);
        see_clients(l, step, x0, x1);
        if (is_step(step, STEP_PROMOTE) && !t->has_no_return) {
            t->has_no_return = true;
            t->no_return = x0;
        }
    }
}

void timeline_layout(const struct story *s, struct arena *a, struct timeline *ret)
{
    struct layout l = {.s = s, .t = ret, .arena = a};

    *ret = (struct timeline){.width = 0};
    make_columns(&l);
    make_lanes(&l);
    make_bars(&l);
    make_bands(&l);
}
