/*
 * build/sim [--deep] [--only WORD] [--seed N]: the scenarios, then the seeded errors. A line for
 * each, as TAP has it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim.h"

enum { SHORT = 100000, LONG = 8000000, SOWN = 3000000 }; /* states at most */

/* Up to where the scenario begins all goes well; its budgets are for what follows. */
enum ill { WELL, HOST_DEAD, POSTMASTER_DEAD };

static void begin(struct world *w, int command, enum ill ill)
{
    const struct scenario *s = sim.scenario;

    world_init(w);
    if (ill == HOST_DEAD)
        node_die(w, A);
    else if (ill == POSTMASTER_DEAD)
        node_orphan(w, A);
    if (command < PLANNER_COMMANDS)
        control_start(w, 0, command, B, s->menu & MENU_ACCEPT);
    if (s->from != STEP_NONE)
        control_forward(w, s->from);
    w->faults = s->faults;
    w->commands = s->commands;
    w->writes = s->writes;
}

static void planned(struct world *w)
{
    begin(w, PLANNER_SWITCHOVER, WELL);
}

static void lost(struct world *w)
{
    begin(w, PLANNER_FAILOVER, HOST_DEAD);
}

/* The owner's host is dead, somebody has promoted B by hand, and its watch has fenced it. */
static void by_hand(struct world *w)
{
    struct step_out out = {.text = ""};

    begin(w, PLANNER_COMMANDS, true);
    node_promotes(w, B);
    node_watch(w, B, &out);
    control_start(w, 0, PLANNER_FAILOVER, B, true);
}

/* … before it had all: C has taken in one commit more. */
static void by_hand_early(struct world *w)
{
    struct step_out out = {.text = ""};

    begin(w, PLANNER_COMMANDS, WELL);
    node_promotes(w, B);
    w->node[A].wal++;
    node_stream(w, C);
    node_die(w, A);
    node_watch(w, B, &out);
    control_start(w, 0, PLANNER_FAILOVER, B, true);
}

static void alive(struct world *w)
{
    begin(w, PLANNER_FAILOVER, WELL);
}

static void orphaned(struct world *w)
{
    begin(w, PLANNER_FAILOVER, POSTMASTER_DEAD);
}

static void duel(struct world *w)
{
    begin(w, PLANNER_SWITCHOVER, WELL);
    control_start(w, 1, PLANNER_SWITCHOVER, C, false);
}

static void alone(struct world *w)
{
    begin(w, PLANNER_COMMANDS, WELL);
}

/* The owner's host is cut off by the hook, a bystander's is down too. */
static void lost_two(struct world *w)
{
    begin(w, PLANNER_COMMANDS, WELL);
    node_die(w, A);
    node_die(w, C);
    w->node[A].stale = w->node[C].stale = 0;
    control_start(w, 0, PLANNER_FAILOVER, B, false);
    control_forward(w, STEP_PROMOTE);
}

/* All hosts start again while DNS does not respond; C stays down. */
static void cold(struct world *w)
{
    struct step_out out = {.text = ""};

    begin(w, PLANNER_COMMANDS, WELL);
    w->dns = 0;
    for (int i = A; i < NODES; i++)
        node_die(w, i);
    node_boot(w, B, &out);
    node_boot(w, A, &out);
}

enum {
    AFTER = MENU_RESUME | MENU_ABORT,
    ANY = AFTER | MENU_FAILOVER,
    HOOK = MENU_CUT_POSSIBLE,
    GIVE_UP = MENU_ACCEPT,
    ORPHANS = MENU_POSTMASTER,
    SET = MENU_SET,
    WORD = MENU_WORD,
};

/* clang-format off */
static const struct scenario scenarios[] = {
    /* name                               start    from          faults commands writes menu
     *   states   --deep */
    {"planned",                           planned, STEP_NONE,    1,     1,       0,     AFTER,         SHORT, LONG},
    {"planned, from the first act",       planned, STEP_CRON_OFF, 2,    1,       0,     AFTER,         SHORT, LONG},
    {"planned, commits meanwhile",        planned, STEP_CATCHUP, 1,     1,       2,     AFTER,         SHORT, LONG},
    {"planned, from the fence",           planned, STEP_FENCE,   2,     1,       0,     AFTER,         SHORT, LONG},
    {"planned, from the flip",            planned, STEP_FLIP,    2,     1,       0,     AFTER,         SHORT, LONG},
    {"planned, from the promotion",       planned, STEP_PROMOTE, 2,     1,       0,     ANY,           SHORT, LONG},
    {"planned, to its end and again",     planned, STEP_STABLE,  1,     2,       0,     AFTER | MENU_SWITCHOVER, SHORT, LONG},
    {"planned, its target hangs on a dead connection", planned, STEP_CATCHUP, 2, 2, 1, MENU_RESUME, SHORT, LONG},
    {"two administrators",                duel,    STEP_NONE,    1,     0,       0,     AFTER,         SHORT, LONG},
    {"two administrators, later",         planned, STEP_FENCE,   0,     2,       0,     ANY,           SHORT, LONG},
    {"unplanned, the owner's host cut off by the hook", alive, STEP_NONE, 1, 0,  0,     AFTER | HOOK,  SHORT, LONG},
    {"unplanned, the owner's host dead",  lost,    STEP_FLIP,    1,     1,       0,     ANY | HOOK,    SHORT, LONG},
    {"unplanned, the owner alive",        alive,   STEP_FENCE_OLD, 1,   1,       1,     ANY,           SHORT, LONG},
    {"unplanned, declared lost without a fence",      lost,    STEP_GRADE,   1,     1,       0,     ANY | GIVE_UP, SHORT, LONG},
    {"unplanned, to a node promoted by hand", by_hand, STEP_NONE, 1,    1,       0,     AFTER,         SHORT, LONG},
    {"unplanned, to a node promoted by hand too early", by_hand_early, STEP_NONE, 1, 1, 0,     AFTER | GIVE_UP,  SHORT, LONG},
    {"unplanned, given up and then forgotten", lost, STEP_STABLE, 1,    2,       0,     ANY | GIVE_UP | MENU_FORGET, SHORT, LONG},
    {"unplanned, the network torn",       alive,   STEP_SEIZE,   2,     0,       0,     GIVE_UP | MENU_NETWORK, SHORT, LONG},
    {"unplanned, the owner not heard at first", alive, STEP_NONE, 2,    0,       0,     GIVE_UP | MENU_NETWORK, SHORT, LONG},
    {"unplanned, the owner's postmaster dead, a backend alive", orphaned, STEP_NONE, 2, 1, 1, ANY,      SHORT, LONG},
    {"unplanned, a backend alive at the fence", orphaned, STEP_FENCE_OLD, 2, 1,  1,     ANY,           SHORT, LONG},
    {"planned, a postmaster dies at the fence", planned, STEP_FENCE, 2,  1,       1,     AFTER | ORPHANS, SHORT, LONG},
    {"the record typed by hand",          alone,   STEP_NONE,    1,     3,       0,     AFTER | SET,   SHORT, LONG},
    {"the record typed by hand, from the flip", planned, STEP_PROMOTE, 1, 2,      0,    ANY | SET,     SHORT, LONG},
    {"the record typed by hand, a node given up", lost, STEP_STABLE, 1, 2,       0,     ANY | SET | GIVE_UP, SHORT, LONG},
    {"cold start without DNS, the owner released by word", cold, STEP_NONE, 2, 2,  1,    ANY | WORD | GIVE_UP | MENU_NETWORK, SHORT, LONG},
    {"cut off by the hook, released by word", lost_two, STEP_NONE, 2,  1,        0,     WORD | GIVE_UP | HOOK | MENU_NETWORK, SHORT, LONG},
    {"no command",                        alone,   STEP_NONE,    4,     0,       0,     0,             SHORT, LONG},
};

/* where each seeded error shows soonest */
static const struct {
    enum seed seed;
    struct scenario scenario;
} sown[] = {
    {SEED_SKIP_FENCE,    {"planned", planned, STEP_CATCHUP, 0, 0, 0, 0, SOWN, 0}},
    {SEED_NO_REREAD,     {"planned", planned, STEP_PROMOTE, 2, 1, 0, ANY, SOWN, 0}},
    {SEED_IGNORE_W,      {"alive",   alive,   STEP_SEIZE,  1, 1, 0, ANY, SOWN, 0}},
    {SEED_NO_TAKEOVER,   {"planned", planned, STEP_FENCE,  2, 1, 0, AFTER, SOWN, 0}},
    {SEED_OBEY_STALE,    {"planned", planned, STEP_CRON_OFF, 2, 1, 0, AFTER, SOWN, 0}},
    {SEED_GUARD_BLIND,   {"dead",    lost,    STEP_SEIZE,  0, 0, 0, HOOK, SOWN, 0}},
    {SEED_UNDO_SILENT,   {"planned", planned, STEP_PROMOTE, 1, 1, 0, MENU_ABORT, SOWN, 0}},
    {SEED_NO_REVOKE,     {"planned", planned, STEP_PROMOTE, 1, 1, 0, MENU_ABORT, SOWN, 0}},
    {SEED_CRON_FIRST,    {"alive",   alive,   STEP_FENCE_OLD, 2, 0, 0, 0, SOWN, 0}},
    {SEED_ACT_FIRST,     {"planned", planned, STEP_NONE,   0, 0, 0, 0, SOWN, 0}},
    {SEED_BLIND_UPDATE,  {"two",     duel,    STEP_NONE,   0, 0, 0, 0, SOWN, 0}},
    {SEED_SOFT_FENCE,    {"planned", planned, STEP_FENCE,  1, 0, 0, 0, SOWN, 0}},
    {SEED_NO_LATE_FLIP,  {"planned", planned, STEP_FLIP,   2, 1, 0, AFTER, SOWN, 0}},
    {SEED_WATCH_EAGER,   {"planned", planned, STEP_NONE,   1, 0, 0, 0, SOWN, 0}},
    {SEED_PID_FILE_ONLY, {"orphan",  orphaned, STEP_NONE,  0, 0, 0, 0, SOWN, 0}},
    {SEED_BLIND_SET,     {"planned", planned, STEP_STABLE, 1, 2, 0, SET | MENU_RESUME, SOWN, 0}},
    {SEED_WORD_UNHEARD,  {"cut",     lost_two, STEP_NONE,  2, 1, 0, WORD | HOOK | MENU_NETWORK, SOWN, 0}},
    {SEED_WORD_BLIND,    {"cut",     lost_two, STEP_NONE,  1, 1, 0, WORD | GIVE_UP | HOOK, SOWN, 0}},
    {SEED_BELIEVE_TARGET, {"planned", planned, STEP_CATCHUP, 1, 0, 0, 0, SOWN, 0}},
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
