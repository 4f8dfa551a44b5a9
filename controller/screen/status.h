/*
 * The cluster on one screen: facts from one look, what is wrong in words, one next command. Built
 * once (status_build), shown in three formats (status_print): all carry the same facts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/cluster/observe.h"
#include "controller/decide/planner.h"
#include "controller/session/report.h"

struct arena;
struct session;

struct status_line {
    const char *node; /* or "" */
    const char *text;
};

enum { STATUS_LINES_MAX = 96 };
struct status_lines {
    struct status_line at[STATUS_LINES_MAX];
    size_t n;
};

/* What this controller's own journals know; who began, when and why, the agents keep as well. */
struct status_journal {
    bool transition_known; /* a journal with the open transition's id, or an agent's word */
    int64_t since_wall_ms;
    const char *verb, *reason;
    const char *began_by;        /* "" unknown; the record's `by` is who went on with it last */
    int running_pid;             /* a command is at work on this controller now; 0 none */
    int64_t alias_moved_wall_ms; /* the last time that a command here moved the alias; 0 never */
};

/* Who can write: the first line of the screen. */
enum writable_state { WRITABLE_ONE, WRITABLE_NONE, WRITABLE_UNKNOWN, WRITABLE_SEVERAL };
struct status_writable {
    enum writable_state state;
    uint32_t nodes;        /* bit per node seen writable, by itself or by a witness */
    int64_t since_wall_ms; /* NONE: when the last one stopped; 0 unknown */
    bool about;            /* … as the last standby that heard from it knows */
    const char *text;      /* "db02 is fenced, db01 is not yet promoted" */
};
extern const char *const writable_state_names[]; /* "yes" "no" "unknown" "several" */

struct status {
    struct session *session;
    struct arena *arena;
    const struct world *w;
    struct planner_view *view;
    struct planner_situation situation;
    struct record
        last_seen; /* the newest that an agent has seen; stands in when DNS does not respond */
    const char *last_seen_by;
    struct status_journal journal;
    struct status_writable writable;
    int64_t now_wall_ms;
    struct report nodes;             /* a row each */
    size_t ns_agree, ns_total;       /* addresses of the zone's name servers */
    int64_t caches_clear_wall_ms;    /* 0: nothing to wait for */
    struct status_lines problems;    /* first the one that `next` is about */
    struct status_lines outstanding; /* debts that nobody need hurry for */
    struct status_lines changes;     /* since the look before; a watch alone has them */
    struct status_lines recent;      /* the last of them, with their time */
    const char *next;                /* a command, or "" */
};

/* Pure over session->cluster.config, world and journal; everything in the arena. */
void status_build(struct status *st, struct session *s, struct arena *a, const struct world *w,
                  const struct status_journal *j, int64_t now_wall_ms);
void status_problems(struct status *st); /* status_problems.c: fills problems, outstanding, next */
void status_writable(struct status *st); /* status_writable.c: fills writable */
/* One look with all that belongs to it; everything in `a`. */
struct status *status_look(struct session *s, struct arena *a);
/* A cell of the node table by its key, "-" for a key that there is not. */
const char *status_cell(const struct status *st, size_t node, const char *key);
void status_print(const struct status *st);

/* status_changes.c: what a watch remembers of the look before. */
struct status_past;
struct status_past *status_past_new(void);
void status_past_free(struct status_past *p);
/* Fill st->changes and st->recent, and mark the cells that are not as they were; then remember *st
 * instead. */
void status_compare(struct status_past *p, struct status *st);

/* Read what the journals know of `txn` ("" none); texts in the arena. */
void status_read_journals(const struct session *s, struct arena *a, const char *txn,
                          struct status_journal *ret);
