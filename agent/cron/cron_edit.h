/*
 * What cron.c and cron_edit.c share: one operation, a sequence of phases. Nobody else includes it.
 *
 *     change: read --> expect --> edit --> write --> read back --> compare --> touch
 *     wait:   read --> barrier --> jobs
 *
 * Invariants
 *   - the text is known (`cached`) only as crontab(1) last showed it; a write is read back.
 *   - `quiet_wall_ms` is when no job can start any more from what was there before the last write.
 */
#pragma once

#include <unistd.h>

#include "agent/cron/cron.h"
#include "agent/guard/sequence.h"

struct arena;
struct child;
struct cron_jobs;
struct timer;

struct cron {
    struct loop *loop;
    const struct cron_config *config;
    enum crontab_mode mode;
    uid_t uid;
    char *cached; /* NULL: not known */
    int64_t last_write_s;
    int64_t quiet_wall_ms;
    struct cron_op *ops; /* in progress */
    struct ran_log *ran; /* NULL: nobody asks */
};

struct cron_op {
    struct cron *c;
    struct cron_op *next;
    struct sequence seq;
    struct arena *arena;
    struct child *child;
    struct timer *timer;
    bool on, use_cache;
    char expected[65];
    int64_t jobs_deadline_ms;
    char *text, *wanted;
    bool rewritten;
    cron_done_fn done;
    cron_look_fn look;
    cron_text_fn read;
    cron_rehearsal_fn rehearsed; /* agent/cron/cron_rehearse.c */
    int64_t started_ms;
    void *arg;
};

extern const sequence_phase_fn cron_change_phases[];
extern const sequence_phase_fn cron_wait_phases[];
extern const sequence_phase_fn cron_read_phases[];

/* An operation that is freed with `c`, or by cron_op_end() (before its last callback: that may do
 * anything). */
struct cron_op *cron_op_new(struct cron *c, void *arg);
void cron_op_end(struct cron_op *op);

/* jobs of the text's managed entries that run now */
void cron_edit_jobs(const struct cron *c, const char *text, struct cron_jobs *ret_jobs);
