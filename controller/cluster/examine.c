#include "controller/cluster/examine.h"

#include <stddef.h>

#include "controller/cluster/cluster.h"
#include "controller/cluster/inspect.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/rehearse.h"

/* An agent gives its parts two thirds of these: the look afterwards has the rest. */
static const int64_t again_ms[] = {6000, 12000};
enum { PREFLIGHT_ROUNDS = 1, MOVE_ROUNDS = sizeof(again_ms) / sizeof(again_ms[0]) };

/* False: nothing had run out of time. */
static bool again(struct cluster *cl, struct world *w, int to, int64_t timeout_ms)
{
    struct inspection *inspection = inspection_again(cl, w, timeout_ms);
    struct rehearse *rehearsal = rehearse_again(cl, w, to, timeout_ms);

    rehearse_end(rehearsal);
    inspection_end(inspection);
    return inspection || rehearsal;
}

static void ask_late_ones_again(struct cluster *cl, struct world *w, const struct examine *x,
                                size_t rounds)
{
    size_t round = 0;

    while (round < rounds && again(cl, w, x->to, again_ms[round]))
        round++;
    if (round > 0 && x->time == EXAMINE_MOVE) /* the look has grown old meanwhile */
        world_observe(cl, w, OBSERVE_AGENTS | OBSERVE_DNS);
}

void examine(struct cluster *cl, struct world *w, const struct examine *x)
{
    static const size_t rounds[] = {
        [EXAMINE_MOVE] = MOVE_ROUNDS, [EXAMINE_PREFLIGHT] = PREFLIGHT_ROUNDS, [EXAMINE_LOST] = 0};
    bool lost = x->time == EXAMINE_LOST;
    struct inspection *inspection = x->inspect ? inspection_start(cl, w, x->answered_only) : NULL;
    struct rehearse *rehearsal = x->begun ? x->begun : rehearse_start(cl, w, x->to, lost);

    w->asked_in_full = false;
    world_observe(cl, w, x->observe);
    rehearse_end(rehearsal);
    inspection_end(inspection);
    ask_late_ones_again(cl, w, x, rounds[x->time]);
    w->asked_in_full = x->time == EXAMINE_MOVE;
}
