/* What is not as it was in the look before: roles, states, the alias, the record, problems. What
 * moves all the time (positions, lag, ages) is no change. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/status.h"
#include "controller/session/session.h"

enum { RECENT = 6 };

static const char *const watched[] = {"role", "state", "timeline", "cron", "fence", "epoch"};

struct status_past {
    struct arena *arena; /* NULL: there was no look yet */
    size_t n_cells;
    const char **cells; /* of the node table */
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
    const struct dns_view *d = &st->w->d;

    if (d->status != DNS_VIEW_OK || !d->record_valid)
        return "not readable";
    return arena_printf(st->arena, "epoch %" PRId64 ", %s, owner %s", d->record.epoch,
                        register_state_names[d->record.state], d->record.owner);
}

static bool is_watched(const struct report_column *c)
{
    for (size_t i = 0; c->key && i < sizeof(watched) / sizeof(watched[0]); i++)
        if (strcmp(c->key, watched[i]) == 0)
            return true;
    return false;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void change(struct status *st, const char *node, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void change(struct status *st, const char *node, const char *fmt, ...)
{
    char text[900];
    va_list args;

    if (st->changes.n == STATUS_LINES_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    st->changes.at[st->changes.n++] = (struct status_line){node, arena_strdup(st->arena, text)};
}

static void compare_cells(const struct status_past *p, struct status *st)
{
    struct report *t = &st->nodes;

    for (size_t i = 0; i < t->n_cells && i < p->n_cells; i++) {
        const struct report_column *c = &t->columns[i % t->n_columns];
        const char *node = st->session->cluster.config.nodes[i / t->n_columns].name;

        if (!is_watched(c) || strcmp(t->cells[i].text, p->cells[i]) == 0)
            continue;
        t->cells[i].style = STYLE_CHANGED;
        change(st, node, "%s: %s %s -> %s", node, c->key, p->cells[i], t->cells[i].text);
    }
}

/* A problem has an age or a position in its text: by the text alone each look would have new ones,
 * so the number of them is what counts. */
static void compare_problems(const struct status_past *p, struct status *st)
{
    if (p->n_problems != st->problems.n)
        change(st, "", "problems: %zu -> %zu", p->n_problems, st->problems.n);
}

static void remember(struct status_past *p, const struct status *st)
{
    arena_free(p->arena);
    p->arena = arena_new();
    p->n_cells = st->nodes.n_cells;
    p->cells = arena_alloc(p->arena, (p->n_cells + 1) * sizeof(*p->cells));
    for (size_t i = 0; i < p->n_cells; i++)
        p->cells[i] = arena_strdup(p->arena, st->nodes.cells[i].text);
    p->alias = arena_strdup(p->arena, alias_of(st));
    p->record = arena_strdup(p->arena, record_of(st));
    p->n_problems = st->problems.n;
}

/* What changed while nobody looked stays on the screen for a while. */
static void keep_recent(struct status_past *p, struct status *st)
{
    for (size_t i = 0; i < st->changes.n; i++) {
        memmove(p->recent[1], p->recent[0], sizeof(p->recent) - sizeof(p->recent[0]));
        STR_PRINTF(p->recent[0], "%s  %s", human_time(st->arena, st->now_wall_ms),
                   st->changes.at[i].text);
    }
    for (size_t i = 0; i < RECENT && *p->recent[i]; i++)
        st->recent.at[st->recent.n++] =
            (struct status_line){"", arena_strdup(st->arena, p->recent[i])};
}

void status_compare(struct status_past *p, struct status *st)
{
    if (p->arena) {
        if (strcmp(p->alias, alias_of(st)) != 0)
            change(st, "", "alias: %s -> %s", p->alias, alias_of(st));
        if (strcmp(p->record, record_of(st)) != 0)
            change(st, "", "record: %s -> %s", p->record, record_of(st));
        compare_cells(p, st);
        compare_problems(p, st);
    }
    keep_recent(p, st);
    remember(p, st);
}
