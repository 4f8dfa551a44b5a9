/*
 * What cron.c and cron_edit.c share: one operation, a sequence of phases. Nobody else includes it.
 *
 *     change: read --> expect --> edit --> read again --> write --> read back --> judge --> touch
 *              ^                              |                                     |         |
 *              '--- somebody has edited it ---'-------------------------------------'---------'
 *     wait:   read --> barrier --> jobs
 *
 * Invariants
 *   - the text is known (`cached`) only as crontab(1) last showed it; a write is read back.
 *   - what is written was made from the text that a look right before the write showed: an edit of
 *     somebody else's is taken in, or refused where the caller named the text (`expected`) or
 *     brings its own. crontab(1) replaces the whole file and knows no lock: an edit between that
 *     look and its rename, some milliseconds, is lost, and nothing can show it afterwards.
 *   - an edit that lands after ours is seen by the look after the write, and edited in turn; a
 *     later one by the watch, right before the next minute.
 *   - `quiet_wall_ms` is when no job can start any more from what was there before the last write.
 */
#pragma once

#include <unistd.h>

#include "agent/cron/cron.h"
#include "agent/state/sequence.h"

struct arena;
struct child;
struct cron_jobs;
struct crontab_damage;
struct timer;

struct cron {
    struct loop *loop;
    const struct cron_config *config;
    enum crontab_mode mode;
    uid_t uid;
    char *cached; /* NULL: not known */
    struct cron_memory *memory;
    int64_t last_write_s;
    int64_t quiet_wall_ms;
    struct cron_op *ops; /* in progress */
    struct ran_log *ran; /* NULL: not recorded */
};

struct cron_op;
typedef void (*cron_phase_fn)(struct cron_op *op);

struct cron_op {
    struct cron *c;
    struct cron_op *next;
    struct sequence seq;
    const cron_phase_fn *phases;
    struct arena *arena;
    struct child *child;
    struct timer *timer;
    bool on, use_cache;
    char expected[65], expected_entries[65], expected_environment[65]; /* struct cron_expected */
    int64_t jobs_deadline_ms;
    char *text, *was, *wanted;
    bool given;   /* the caller supplies `wanted`; else it is derived again from each text */
    bool written; /* once at least: `expected` was about the text before that */
    bool touch;   /* written again, or cron takes the second of two edits in one second for none */
    int rounds;
    cron_done_fn done;
    cron_look_fn look;
    cron_text_fn read;
    cron_rehearsal_fn rehearsed; /* agent/cron/cron_rehearse.c */
    int64_t started_ms;
    void *arg;
};

extern const cron_phase_fn cron_change_phases[], cron_wait_phases[], cron_read_phases[];
void cron_start(struct cron_op *op, const cron_phase_fn *phases, sequence_end_fn end);

/* An operation that is freed with `c`, or by cron_op_end() (before its last callback: that may do
 * anything). */
struct cron_op *cron_op_new(struct cron *c, void *arg);
void cron_op_end(struct cron_op *op);

/* What crontab(1) printed when it refused: is it cron's own judgement of the text (a bad minute, a
 * last line without an end), not of who may have a crontab? */
bool cron_refuses_text(const char *output);

/* Is its block damaged, and what is known of it? Never with managed = all. */
bool cron_edit_damaged(const struct cron *c, const char *text, struct crontab_damage *ret_damage);

/* jobs of the text's managed entries that run now */
void cron_edit_jobs(const struct cron *c, const char *text, struct cron_jobs *ret_jobs);
