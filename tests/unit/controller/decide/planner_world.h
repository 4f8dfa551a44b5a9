/* A small cluster for the planner: three nodes, what befalls them, and what is expected next. */
#pragma once

#include <string.h>

#include "base/str.h"
#include "controller/decide/planner.h"
#include "tests/unit/unit.h"

enum { A, B, C };

static const char nonce[] __attribute__((unused)) = "00000000000000000000000000000001";
static const char txn[] __attribute__((unused)) = "0000000000000001";

/* Three nodes at epoch 5: A writes, B and C stream from it; `command` already holds the record. */
static inline struct planner_view *world(enum planner_command command, enum register_state state)
{
    static struct planner_view v;
    static const char *const names[] = {"a", "b", "c"};

    memset(&v, 0, sizeof(v));
    v.command = command;
    v.to = B;
    v.sysid = 7;
    v.d_answered = true;
    v.d = (struct record){.epoch = 5, .state = (int)state, .sysid = 7, .tli = 1, .ttl = 30};
    STR_COPY(v.d.nonce, nonce);
    STR_COPY(v.d.txn, txn);
    STR_COPY(v.d.by, "root@ctl");
    STR_COPY(v.d.owner, state == REGISTER_FLIP ? "b" : "a");
    if (state == REGISTER_CLAIM || state == REGISTER_SEIZE)
        STR_COPY(v.d.to, "b");
    if (state == REGISTER_FLIP)
        register_from_add(&v.d, "a", GRADE_G1);
    v.n_nodes = 3;
    for (int i = A; i <= C; i++) {
        v.nodes[i] = (struct planner_node){.answered = true,
                                           .state_ok = true,
                                           .sysid_ok = true,
                                           .epoch = 5,
                                           .role = PG_RECOVERY,
                                           .cron_off = true,
                                           .tli = 1,
                                           .newest_tli = 1,
                                           .control_tli = 1,
                                           .receive_lsn = 100,
                                           .replay_lsn = 100,
                                           .receiving = true,
                                           .streams_from_owner = true,
                                           .attached = true,
                                           .history_ok = true};
        STR_COPY(v.nodes[i].name, names[i]);
    }
    v.nodes[A].role = PG_WRITABLE;
    v.nodes[A].cron_on = true;
    v.nodes[A].cron_off = v.nodes[A].receiving = v.nodes[A].streams_from_owner = false;
    v.marks.epoch = 5;
    STR_COPY(v.marks.nonce, nonce);
    v.marks.began = true;
    return &v;
}

static inline void fence(struct planner_node *n)
{
    n->fenced = n->was_primary = n->clean = n->signal = n->cron_off = true;
    n->cron_on = n->receiving = n->streams_from_owner = false;
    n->role = PG_STOPPED;
    n->shutdown_lsn = n->control_lsn = 90;
}

static inline void silence(struct planner_node *n)
{
    n->answered = false;
    n->epoch = 4;
}

static inline void promote(struct planner_node *n)
{
    n->role = PG_WRITABLE;
    n->promoting = true;
    n->promoting_epoch = 5;
    n->tli = n->newest_tli = 2;
    n->receiving = n->streams_from_owner = false;
}

static inline void mark(struct planner_view *v, enum step_id s)
{
    v->marks.done |= step_bit(s);
}

static inline void expect_step(const struct planner_view *v, enum step_id step, int node)
{
    struct planner_move m;

    planner_next(v, &m);
    if (m.kind != MOVE_STEP || m.step != step || m.node != node)
        fail_msg("expected %s on %d, got kind %d step %s node %d, %s [%s]", steps[step].name, node,
                 m.kind, steps[m.step].name, m.node, planner_reason_text(m.reason), m.row);
}

static inline void expect_end(const struct planner_view *v, enum planner_reason why, int exit_code)
{
    struct planner_move m;

    planner_next(v, &m);
    if (m.kind == MOVE_STEP || m.reason != why || m.exit_code != exit_code)
        fail_msg("expected \"%s\" (%d), got kind %d step %s exit %d \"%s\" [%s]",
                 planner_reason_text(why), exit_code, m.kind, steps[m.step].name, m.exit_code,
                 planner_reason_text(m.reason), m.row);
}

/* The run has not got hold of the record yet. */
static inline struct planner_view *fresh(enum planner_command command, enum register_state state)
{
    struct planner_view *v = world(command, state);

    v->marks = (struct planner_marks){.epoch = 0};
    return v;
}

static inline struct planner_view *claim_fenced(enum planner_command command)
{
    struct planner_view *v = world(command, REGISTER_CLAIM);

    fence(&v->nodes[A]);
    return v;
}

static inline struct planner_view *flip_fenced(enum planner_command command)
{
    struct planner_view *v = world(command, REGISTER_FLIP);

    fence(&v->nodes[A]);
    v->nodes[B].streams_from_owner = v->nodes[C].streams_from_owner = false;
    return v;
}
