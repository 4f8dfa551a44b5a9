/* The acts of ops_node.c, named for the table in ops.c. */
#pragma once

struct op_result;
struct planner_move;
struct run;

/* clang-format off */
#define NODE_OPS(X)                                                                                \
    X(arm) X(cron_off) X(cron_stray) X(cron_on) X(catchup) X(verify) X(detach) X(fence)            \
    X(fence_old) X(promote) X(unfence) X(revoke) X(checkpoint) X(follow) X(rejoin) X(forget)       \
    X(raise) X(release) X(let_go) X(wait_watch)
/* clang-format on */
#define X(name) void op_##name(struct run *r, const struct planner_move *m, struct op_result *res);
NODE_OPS(X)
#undef X
