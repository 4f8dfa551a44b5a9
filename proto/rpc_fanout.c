#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/rpc.h"

struct fanout {
    size_t open;
    bool done;
    int64_t began_ms;
    struct arena *arena;
};

struct branch {
    struct fanout *fanout;
    struct rpc_result *result;
};

static void on_result(void *arg, const struct reply *reply, const struct err *e)
{
    struct branch *b = arg;
    struct rpc_result *r = b->result;

    r->elapsed_ms = clock_mono_ms() - b->fanout->began_ms;
    if (reply) {
        r->reply = arena_alloc(b->fanout->arena, sizeof(*reply));
        *r->reply = *reply;
        if (reply->text)
            r->reply->text = arena_strdup(b->fanout->arena, reply->text);
    } else {
        r->e = *e;
    }
    b->fanout->done = --b->fanout->open == 0;
}

void rpc_fanout(struct loop *l, struct rpc_peer *const *peers, const struct request *const *q,
                size_t n, int64_t timeout_ms, struct arena *a, struct rpc_result *results)
{
    struct fanout f = {.began_ms = clock_mono_ms(), .arena = a};
    struct branch *branches = arena_alloc(a, n * sizeof(*branches));

    for (size_t i = 0; i < n; i++) {
        results[i] = (struct rpc_result){0};
        if (!peers[i])
            continue;
        branches[i] = (struct branch){.fanout = &f, .result = &results[i]};
        f.open++;
        rpc_call(peers[i], q[i], timeout_ms, on_result, &branches[i]);
    }
    /* each call has its own deadline, so this ends */
    f.done = f.open == 0;
    loop_wait(l, &f.done, -1, NULL);
}
