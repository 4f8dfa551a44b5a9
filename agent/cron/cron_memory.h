/*
 * The managed entries as they were when the block was last whole: a file `crontab.known` in the
 * agent's state directory (base/crontab_known.h). Each look at a whole block brings it up to date.
 * A file that is missing or cannot be read is no knowledge: a damaged block is then refused.
 */
#pragma once

struct cron_memory;

/* `directory` is copied. */
struct cron_memory *cron_memory_new(const char *directory);
void cron_memory_free(struct cron_memory *m);

/* The crontab was read. */
void cron_memory_learn(struct cron_memory *m, const char *text);
/* The entries were taken out of management by a command. */
void cron_memory_forget(struct cron_memory *m);
/* NULL: nothing is known. */
const char *cron_memory_known(const struct cron_memory *m);
