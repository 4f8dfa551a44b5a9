/* The canary's line in a crontab's text. Pure: text to text, in the arena. */
#pragma once

#include <stdbool.h>

struct arena;
struct err;

#define CANARY_MARK "# pgtandem-canary: may be removed"

/* A last line that every minute writes `nonce` into the file `path`. ERR_REFUSED for a text that is
 * empty or does not end with a line's end, and for a path that cron or the shell would not take as
 * it is. */
int canary_text_add(const char *text, const char *path, const char *nonce, struct arena *a,
                    char **ret_text, struct err *reterr);

/* Without all such lines, every other byte as it is; false: there was none. */
bool canary_text_remove(const char *text, struct arena *a, char **ret_text);
