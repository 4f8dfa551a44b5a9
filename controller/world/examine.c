#include "controller/world/examine.h"

#include <stddef.h>

#include "base/clock.h"
#include "controller/session.h"
#include "controller/world/inspect.h"
#include "controller/world/observe.h"
#include "controller/world/rehearse.h"

enum {
    PREFLIGHT_MS = 1950, /* of its 2 s; what is printed takes no time */
    SHARE_MIN_MS = 400,  /* in less than that no busy host answers either */
};

/* An agent gives its parts about half of these: the look afterwards has the rest. */
static const int64_t move_ms[] = {4000, 10000};
enum { MOVE_ROUNDS = sizeof(move_ms) / sizeof(move_ms[0]) };

/* False: nothing had run out of time. */
static bool again(struct session *s, struct world *w, int to, int64_t timeout_ms)
{
    struct inspection *inspection = inspection_again(s, w, timeout_ms);
    struct rehearse *rehearsal = rehearse_again(s, w, to, timeout_ms);

    rehearse_end(rehearsal);
    inspection_end(inspection);
    return inspection || rehearsal;
}

static void ask_in_full(struct session *s, struct world *w, int to)
{
    size_t rounds = 0;

    while (rounds < MOVE_ROUNDS && again(s, w, to, move_ms[rounds]))
        rounds++;
    w->asked_in_full = true;
    if (rounds > 0) /* the look has grown old meanwhile */
        world_observe(s, w, OBSERVE_AGENTS | OBSERVE_DNS);
}

static void ask_late_ones_again(struct session *s, struct world *w, const struct examine *x,
                                int64_t began_ms)
{
    int64_t left_ms = began_ms + PREFLIGHT_MS - clock_mono_ms();

    switch (x->time) {
    case EXAMINE_MOVE:
        ask_in_full(s, w, x->to);
        break;
    case EXAMINE_PREFLIGHT:
        if (left_ms >= SHARE_MIN_MS)
            (void)again(s, w, x->to, left_ms);
        break;
    case EXAMINE_LOST:
        break;
    }
}

void examine(struct session *s, struct world *w, const struct examine *x)
{
    int64_t began_ms = clock_mono_ms();
    bool lost = x->time == EXAMINE_LOST;
    struct inspection *inspection = x->inspect ? inspection_start(s, w, x->answered_only) : NULL;
    struct rehearse *rehearsal = x->begun ? x->begun : rehearse_start(s, w, x->to, lost);

    w->asked_in_full = false;
    world_observe(s, w, x->observe);
    rehearse_end(rehearsal);
    inspection_end(inspection);
    ask_late_ones_again(s, w, x, began_ms);
}
