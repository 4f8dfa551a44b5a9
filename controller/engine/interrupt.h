/*
 * Signals while something moves: a closed terminal (SIGHUP) changes nothing, Ctrl-C (SIGINT,
 * SIGTERM) is remembered and asked about between two steps. The flag is one of the program's two
 * globals.
 */
#pragma once

#include <stdbool.h>

void interrupt_catch(void); /* from here on */
bool interrupt_taken(void); /* true once for each Ctrl-C */
