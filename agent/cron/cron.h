/*
 * The crontab of the agent's user: read and replaced only through crontab(1), with the barrier
 * past cron's next load and the look for jobs that it already started (Debian cron reads the
 * spool and starts jobs in one wake-up, 0-2 s past the minute; cronie reloads by inotify: one
 * barrier serves).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/crontab.h"
#include "proto/messages.h"

struct err;
struct loop;

struct cron_config {
    int mode;                  /* enum crontab_mode */
    char crontab_command[128]; /* default "crontab" */
    int64_t timeout_ms;        /* of one crontab(1) call */
};
extern const struct field_table cron_config_table;

struct cron;
/* `directory`: where the managed entries are remembered (agent/cron/cron_memory.h). */
struct cron *cron_new(struct loop *l, const struct cron_config *c, const char *directory);
void cron_free(struct cron *c);
/* Where what a change runs is noted; NULL: nowhere. It must outlive `c`. */
struct ran_log;
void cron_keep_ran(struct cron *c, struct ran_log *ran);

/* May this user replace its crontab? Debian's `crontab -n -` with the text as it is: it checks
 * cron.allow and cron.deny, makes the new file in the spool as a replacement would, and removes it
 * again; no crontab is touched, not even its time. Other crontab(1)s (cronie's) have no such run,
 * and there `crontab -l` proves that the user is admitted. */
typedef void (*cron_rehearsal_fn)(void *arg, const struct rehearsal *r);
void cron_rehearse(struct cron *c, int64_t timeout_ms, cron_rehearsal_fn fn, void *arg);

typedef void (*cron_done_fn)(void *arg, const struct err *e);

/* Look. Cheap enough for every observation: the text is cached by the last write and re-read when
 * `fresh`, jobs and daemon are always looked for (/proc). */
typedef void (*cron_look_fn)(void *arg, const struct obs_cron *cron);
void cron_look(struct cron *c, bool fresh, cron_look_fn fn, void *arg);

/* What a change was planned on, as obs_cron has it; "" or NULL any. Where `entries` is given, the
 * text around them may be another, and `hash` is not looked at. */
struct cron_expected {
    const char *hash, *entries, *environment;
};

/* Turn all managed entries off. ERR_LOST if it is not the crontab that was expected (NULL: any). No
 * crontab at all counts as off. In a crontab whose block is damaged every known entry is turned
 * off, wherever it is. */
void cron_off(struct cron *c, const struct cron_expected *x, cron_done_fn fn, void *arg);
/* Changes nothing: waits for the barrier past the last edit, from when on no job can start from the
 * text before it; then for running managed jobs, up to `wait_jobs_s` (0: not at all). ERR_REFUSED
 * names pid and command of what still runs. */
void cron_wait_jobs(struct cron *c, int64_t wait_jobs_s, cron_done_fn fn, void *arg);
/* Nobody waits any more: no callback with this `arg`, from now on. */
void cron_wait_cancel(struct cron *c, const void *arg);
void cron_on(struct cron *c, const char *expected_hash, cron_done_fn fn, void *arg);

/* The text as it is (cron show), and a replacement (adopt, unadopt, sync); the previous text is
 * kept in <state directory>/crontab.backup.N by the caller. */
typedef void (*cron_text_fn)(void *arg, const char *text, const struct err *e);
void cron_read(struct cron *c, cron_text_fn fn, void *arg);
/* A command took the entries out of management: what was known of them is forgotten. */
void cron_forget(struct cron *c);
void cron_write(struct cron *c, const char *text, const char *expected_hash, cron_done_fn fn,
                void *arg);
