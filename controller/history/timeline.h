/*
 * The picture of a story, laid out: a column for each step, a lane for the clients, for DNS and for
 * each node; in a lane, bands that say what it was (primary, standby, fenced; the node that the
 * alias named), and bars where a step acted on it. Pure.
 *
 * A column is as wide as its step was long, but never narrower than its name needs: short steps are
 * drawn wider than they were, and each column says its own time. What was looked at and confirmed
 * before anything was to be changed is not drawn: a person may have thought it over for an hour.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct story;

enum {
    TIMELINE_WIDTH = 1000,
    TIMELINE_COLUMN_LEAST = 50,
    TIMELINE_AFTER = 72,
    TIMELINE_LANES_MAX = 18
};

enum timeline_state {
    TIMELINE_UNKNOWN,
    TIMELINE_PRIMARY,
    TIMELINE_STANDBY,
    TIMELINE_DOWN, /* stopped, starting or fenced */
    TIMELINE_ALIAS,
    TIMELINE_WRITES,
    TIMELINE_OUTAGE,
};

struct timeline_column {
    size_t step; /* index in the story's steps */
    double x0, x1;
};
struct timeline_band {
    size_t lane;
    double x0, x1;
    enum timeline_state state;
    const char *text;
};
struct timeline_bar {
    size_t lane, column;
};

struct timeline {
    double width;                          /* with TIMELINE_AFTER at its end: what it came to */
    const char *lanes[TIMELINE_LANES_MAX]; /* "clients", "DNS", then the nodes */
    size_t n_lanes;
    struct timeline_column *columns;
    size_t n_columns;
    struct timeline_band *bands;
    size_t n_bands;
    struct timeline_bar *bars;
    size_t n_bars;
    bool has_no_return;
    double no_return; /* where the promotion began */
};

void timeline_layout(const struct story *s, struct arena *a, struct timeline *ret);
