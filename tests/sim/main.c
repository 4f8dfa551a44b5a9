/*
 * build/sim [--deep] [--only WORD] [--seed N]: the scenarios, then the seeded errors. A line for each,
 * as TAP has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

static void begin(struct world *w, const struct scenario *s)
{
    world_init(w);
    w->faults = s->faults;
    w->commands = s->commands;
    w->writes = s->writes;
}

static void start_planned(struct world *w)
{
    begin(w, sim.scenario);
    control_start(w, 0, PLAN_SWITCHOVER, B, false);
    w->acked = 1;
}

static void start_lost(struct world *w)
{
    begin(w, sim.scenario);
    node_die(w, A);
    control_start(w, 0, PLAN_FAILOVER, B, sim.scenario->menu & MENU_ACCEPT);
}

static void start_alive(struct world *w)
{
    begin(w, sim.scenario);
    control_start(w, 0, PLAN_FAILOVER, B, sim.scenario->menu & MENU_ACCEPT);
}

static void start_duel(struct world *w)
{
    begin(w, sim.scenario);
    control_start(w, 0, PLAN_SWITCHOVER, B, false);
    control_start(w, 1, PLAN_SWITCHOVER, C, false);
}

static void start_alone(struct world *w)
{
    begin(w, sim.scenario);
}

enum {
    AFTER = MENU_RESUME | MENU_ABORT,
    ANY = AFTER | MENU_FAILOVER,
};

/* clang-format off */
static const struct scenario scenarios[] = {
    /* name                             start          faults commands writes menu                       states   --deep */
    {"planned",                         start_planned, 2,     1,       0,     AFTER,                     400000,  20000000},
    {"planned, then anything",          start_planned, 1,     2,       0,     ANY | MENU_SWITCHOVER,     200000,  20000000},
    {"planned, commits meanwhile",      start_planned, 1,     1,       2,     AFTER,                     200000,  20000000},
    {"two administrators",              start_duel,    1,     1,       0,     AFTER,                     200000,  20000000},
    {"unplanned, the owner's host dead", start_lost,   1,     1,       0,     ANY | MENU_CUT_POSSIBLE,   200000,  20000000},
    {"unplanned, the owner alive",      start_alive,   1,     1,       1,     ANY,                       200000,  20000000},
    {"unplanned, given up unfenced",    start_lost,    1,     1,       0,     ANY | MENU_ACCEPT,         200000,  20000000},
    {"unplanned, cut off from the rest", start_alive,  2,     1,       0,     AFTER | MENU_ACCEPT | MENU_NETWORK, 200000, 20000000},
    {"no command",                      start_alone,   4,     0,       0,     0,                         200000,  20000000},
};

/* where each seeded error shows soonest */
static const struct {
    enum seed seed;
    struct scenario scenario;
} sown[] = {
    {SEED_SKIP_FENCE,    {"planned", start_planned, 0, 0, 0, 0, 400000, 0}},
    {SEED_NO_REREAD,     {"planned", start_planned, 2, 1, 0, AFTER, 2000000, 0}},
    {SEED_IGNORE_W,      {"unplanned, alive", start_alive, 1, 1, 0, ANY, 400000, 0}},
    {SEED_NO_TAKEOVER,   {"planned", start_planned, 2, 1, 0, AFTER, 2000000, 0}},
    {SEED_OBEY_STALE,    {"planned", start_planned, 2, 1, 0, AFTER, 2000000, 0}},
    {SEED_GUARD_BLIND,   {"unplanned, dead", start_lost, 0, 0, 0, MENU_CUT_POSSIBLE, 400000, 0}},
    {SEED_UNDO_SILENT,   {"planned", start_planned, 2, 1, 0, AFTER, 2000000, 0}},
    {SEED_NO_REVOKE,     {"planned", start_planned, 2, 1, 0, AFTER, 2000000, 0}},
    {SEED_CRON_FIRST,    {"unplanned, alive", start_alive, 2, 0, 0, 0, 400000, 0}},
    {SEED_ACT_FIRST,     {"planned", start_planned, 0, 0, 0, 0, 400000, 0}},
    {SEED_BLIND_UPDATE,  {"two administrators", start_duel, 0, 0, 0, 0, 400000, 0}},
    {SEED_SOFT_FENCE,    {"planned", start_planned, 1, 0, 0, 0, 400000, 0}},
    {SEED_NO_LATE_FLIP,  {"planned", start_planned, 2, 0, 0, 0, 400000, 0}},
    {SEED_WATCH_EAGER,   {"planned", start_planned, 1, 0, 0, 0, 400000, 0}},
};
/* clang-format on */

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool run_scenario(const struct scenario *s, bool deep)
{
    struct result r;
    double began = seconds();

    sim.seed = SEED_NONE;
    explore(s, deep ? s->deep_states : s->states, true, &r);
    printf("%s - explorer %s: %zu states, %zu transitions, %zu ends tried, %s, %.1f s",
           r.bad.invariant ? "not ok" : "ok", s->name, r.states, r.transitions, r.ends,
           r.complete ? "complete" : "cut at its limit", seconds() - began);
    if (r.bad.invariant)
        printf(": %s %s", r.bad.invariant, r.bad.text);
    printf("\n");
    fflush(stdout);
    return !r.bad.invariant;
}

static bool run_seed(size_t i, bool trace)
{
    struct result r;

    sim.seed = sown[i].seed;
    explore(&sown[i].scenario, sown[i].scenario.states, trace, &r);
    if (r.bad.invariant)
        printf("ok - seeded error \"%s\" caught: %s %s (%zu states)\n", seed_names[sim.seed],
               r.bad.invariant, r.bad.text, r.states);
    else
        printf("not ok - seeded error \"%s\" not caught in %zu states%s\n", seed_names[sim.seed],
               r.states, r.complete ? " (complete)" : "");
    fflush(stdout);
    return r.bad.invariant != NULL;
}

int main(int argc, char **argv)
{
    bool deep = false, good = true, trace = false;
    const char *only = NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--deep") == 0) {
            deep = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            trace = true;
        } else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc) {
            only = argv[++i];
        } else {
            fprintf(stderr, "usage: sim [--deep] [--trace] [--only WORD]\n");
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (!only || strstr(scenarios[i].name, only))
            good &= run_scenario(&scenarios[i], deep);
    for (size_t i = 0; i < sizeof(sown) / sizeof(sown[0]); i++)
        if (!only || strstr(seed_names[sown[i].seed], only))
            good &= run_seed(i, trace);
    return good ? 0 : 1;
}
