/*
 * Managed entries of a block that somebody has damaged: a configuration management that owns the
 * line after its own comment has overwritten our BEGIN, or has appended an entry that it did not
 * find because of our mark; an editor has cut the END off, or the whole text was replaced. The
 * block alone no longer says which entries are managed; what was known of it while it was whole
 * does, and so does our mark.
 *
 * Pure, like base/crontab.h. `known` is crontab_known()'s text, which the agent keeps on disk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct err;

/* The managed entries of a whole block, one a line, as if all were on; NULL: there is no whole
 * block to learn from. In the arena. */
char *crontab_known(const char *text, size_t len, struct arena *a);

struct crontab_damage {
    size_t on, off; /* entries that are known, or have our mark; off: as many as can be turned on */
    char why[120];  /* "line 7: …" */
};

/* Is the block damaged, or gone while entries of it are still there, or is one of them outside of
 * it as well? */
bool crontab_is_damaged(const char *text, size_t len, const char *known,
                        struct crontab_damage *ret_damage);

/* Every known entry off, wherever it is; or each that has our mark on again, unless the same entry
 * is on already. Not a byte else. ERR_INVALID: a NUL byte. */
int crontab_set_known(const char *text, size_t len, const char *known, bool on, struct arena *a,
                      char **ret_text, size_t *ret_len, struct err *reterr);
