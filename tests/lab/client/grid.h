/*
 * A client that asks the same statement on a fixed grid of time, each time through the alias, and
 * writes down what came of it. A slow attempt does not delay the next: many may be under way.
 *
 * The log has a line for each attempt, in the order in which they ended, tab-separated:
 *   ack|err|lost  id  started  ended  wall  address  text
 * started and ended are monotonic microseconds (one clock for the whole machine), wall is
 * milliseconds since 1970 at the end; "err" is surely not committed or was refused, "lost" was
 * sent and not answered: nobody knows. text is the statement's value, or what went wrong.
 */
#ifndef LAB_GRID_H
#define LAB_GRID_H

#include <stdbool.h>

struct grid_kind {
    const char *name;
    const char *sql; /* see struct target */
};

/* Runs until SIGTERM, SIGINT or the count of the options; the program's exit status. */
int grid_main(int argc, char **argv, const struct grid_kind *kind);

#endif
