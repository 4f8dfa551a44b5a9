/*
 * `--help`, for the program, a family of verbs ("dns") and one verb, from the tables; and the words
 * that the manual page shares with it.
 */
#pragma once

#include <stddef.h>

#include "controller/session/cli.h"

struct term;

extern const char *const help_group_titles[GROUPS_]; /* "look" */

struct exit_row {
    int status;
    const char *text;
};
extern const struct exit_row help_exits[]; /* every exit status, in order */
extern const size_t n_help_exits;
/* Can the verb end with this status? NULL: any can. */
bool help_exit_applies(const struct exit_row *row, const struct verb_row *v);

void help_all(const struct term *t);
void help_family(const struct term *t, const char *word);
void help_verb(const struct term *t, const struct verb_row *v);
void help_version(void);
