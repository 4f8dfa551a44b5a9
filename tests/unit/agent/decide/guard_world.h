/* A node whose PostgreSQL is to start, and what its guard sees. */
#pragma once

#include "tests/unit/agent/decide/rules_world.h"
#include "tests/unit/unit.h"

struct start {
    struct agent_state s;
    struct facts f;
    struct record d;
    struct guard_peer peer;
    struct guard_view v;
};

/* A primary that starts again under D stable with itself as the owner: row 9. */
static inline struct start *start(void)
{
    static struct start x;

    x = (struct start){.s = state_at(5),
                       .f = stopped_primary(),
                       .d = record_of(5, REGISTER_STABLE, "a"),
                       .peer = {.answered = true,
                                .in_recovery = true,
                                .epoch = 5,
                                .seen_epoch = 5,
                                .seen_state = REGISTER_STABLE,
                                .seen_owner = "a"}};
    x.s.seen = x.d;
    x.v = (struct guard_view){.node = "a",
                              .state_readable = true,
                              .state = &x.s,
                              .facts = &x.f,
                              .register_matches = true,
                              .d_answered = true,
                              .d = &x.d,
                              .peers = &x.peer,
                              .n_peers = 1};
    return &x;
}

static inline void expect(const struct start *x, int row, enum guard_verdict verdict)
{
    struct guard_ruling r = rules_guard(&x->v);

    assert_int_equal(r.row, row);
    assert_int_equal(r.verdict, verdict);
}
