/*
 * The command that a remedy proposes, for the configuration that this command was given: with `-c
 * FILE` (or the environment's), each `pgtandem VERB` in a remedy names that file too, or it would
 * act on another cluster; and "pgtandem.conf" becomes its path. The one place for it: remedies are
 * written without a file, and go through here when they are shown.
 */
#pragma once

struct arena;
struct options;

/* `text` itself where the configuration is the usual one, or nothing is to be changed. */
const char *remedy_for(const struct options *o, struct arena *a, const char *text);
/* "next: …" on a line of standard output. */
void remedy_print(const struct options *o, struct arena *a, const char *text);
