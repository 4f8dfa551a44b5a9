/*
 * Crontabs as text, for `cron diff`, `adopt`, `unadopt` and `sync`: which lines are managed, and
 * the new text that an agent is asked to write. Pure. The agent judges every text again before it
 * writes it (agent/crontab.h has the marks and the rules; off is a mark before the line).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

#define CRONTAB_TEXT_OFF "#pgtandem-off# "
#define CRONTAB_TEXT_BEGIN "# BEGIN pgtandem"
#define CRONTAB_TEXT_END "# END pgtandem"

/* The lines of the block (without one: all lines), without end of line, without the mark "off";
 * NULL-terminated. */
char **crontab_text_managed(const char *text, struct arena *a, size_t *ret_n);

/* Are the entries among such lines the same, in the same order? Comments and blank lines may
 * differ. */
bool crontab_text_alike(char **mine, char **theirs);

/* All active entries, from the first to the last with what is between, put into a block; `on`
 * false: and switched off. ERR_REFUSED if there is a block already. */
int crontab_text_adopt(const char *text, bool on, struct arena *a, char **ret_text,
                       struct err *reterr);
/* The block's two marker lines taken away. ERR_REFUSED if there is none. */
int crontab_text_unadopt(const char *text, struct arena *a, char **ret_text, struct err *reterr);
/* `text` with its block replaced by (or, without one, followed by) the block of `source`, every
 * entry off. A source without a block: the whole source, every entry off (managed = all). */
int crontab_text_sync(const char *text, const char *source, struct arena *a, char **ret_text,
                      struct err *reterr);
