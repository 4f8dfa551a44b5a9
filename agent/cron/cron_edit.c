#include "agent/cron/cron_edit.h"

#include <string.h>

#include "agent/cron/cron_jobs.h"
#include "agent/cron/cron_listed.h"
#include "agent/cron/cron_memory.h"
#include "agent/state/ran.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/cron_minute.h"
#include "base/crontab_known.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

enum {
    TEXT_CAP_BYTES = 1024 * 1024,
    TOUCH_AGAIN_MS = 1100, /* cron compares whole seconds of mtimes */
    ROUNDS_MAX = 8,        /* of an edit that others' edits meet */
    JOBS_RETRY_MS = 200,
};

static void fail(struct cron_op *op, int code, const char *hint, const char *msg)
{
    struct err e;

    err_set(&e, code, hint, "%s", msg);
    sequence_fail(&op->seq, &e);
}

static void op_fire(void *arg)
{
    struct cron_op *op = arg;

    timer_free(op->timer);
    op->timer = NULL;
    sequence_next(&op->seq);
}

static void next_after(struct cron_op *op, int64_t ms)
{
    op->timer = timer_start(op->c->loop, ms, op_fire, op);
}

static void remember(struct cron *c, const char *text)
{
    mem_free(c->cached);
    c->cached = mem_strdup(text);
}

/* ---- crontab(1) ------------------------------------------------------------------------------ */

static void run_crontab(struct cron_op *op, const char *argument, const char *input, child_fn fn)
{
    /* cat as the editor: agent/cron/cron_listed.h */
    static const char *const env[] = {"LC_ALL=C", "CRONTAB_NOHEADER=N", "VISUAL=cat", "EDITOR=cat",
                                      NULL};
    const char *argv[] = {op->c->config->crontab_command, argument, NULL};
    const struct child_spec spec = {.argv = argv,
                                    .env = env,
                                    .stdin_text = input,
                                    .output_cap_bytes = TEXT_CAP_BYTES,
                                    .timeout_ms = op->c->config->timeout_ms,
                                    .separate_stdout = true};

    op->child = child_run(op->c->loop, &spec, fn, op);
}

bool cron_refuses_text(const char *output)
{
    static const char *const words[] = {"errors in crontab file", "missing newline before EOF",
                                        "premature EOF", "Missing newline"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strstr(output, words[i]))
            return true;
    return false;
}

static void fail_crontab(struct cron_op *op, const char *argument, const struct child_result *r)
{
    const char *command = op->c->config->crontab_command;
    struct err e;

    if (!r->started)
        err_sys(&e, r->error, "is cron installed? [cron] crontab_command names the program",
                "cannot run `%s %s`", command, argument);
    else if (r->timed_out)
        err_set(&e, ERR_TIMEOUT, NULL, "`%s %s` did not end within %lld ms", command, argument,
                (long long)op->c->config->timeout_ms);
    else if (cron_refuses_text(r->output))
        err_set(&e, ERR_INVALID,
                "`crontab -e` as this user: correct that line (it may be off by one), or remove it",
                "cron refuses the text of the crontab, nothing was written: %.*s",
                (int)strcspn(r->output, "\n"), r->output);
    else
        err_set(&e, ERR_SYS, "may this user have a crontab? /etc/cron.allow, /etc/cron.deny",
                "`%s %s` ended with status %d: %.*s", command, argument, r->status,
                (int)strcspn(r->output, "\n"), r->output);
    sequence_fail(&op->seq, &e);
}

/* Of changes alone: a look may run beside an act that it has nothing to do with. */
static void note(const struct cron_op *op, const char *argument, const struct child_result *r)
{
    bool change = op->done && !op->use_cache, failed = r->started && r->status != 0;
    char command[160], line[256];

    STR_PRINTF(command, "%s %s", op->c->config->crontab_command, argument);
    STR_PRINTF(line, "%.*s", failed ? (int)strcspn(r->output, "\n") : 0, r->output);
    if (change)
        ran_child(op->c->ran, command, r, line);
}

static bool is_no_crontab(const struct child_result *r)
{
    return r->started && r->status == 1 && strstr(r->output, "no crontab for") != NULL;
}

static void take_text(struct cron_op *op)
{
    remember(op->c, op->text);
    if (op->c->mode == CRONTAB_BLOCK)
        cron_memory_learn(op->c->memory, op->text);
    sequence_next(&op->seq);
}

/* A look shows what crontab(1) prints; a change is made of bytes that are known. */
static void on_bytes(void *arg, const struct child_result *r)
{
    struct cron_op *op = arg;
    bool worked = r->started && !r->timed_out && r->status == 0 && !r->truncated;
    char *bytes = worked ? cron_listed_merge(op->text, r->output, op->arena) : NULL;

    op->child = NULL;
    if (!bytes && op->done && !op->use_cache) {
        fail(
            op, ERR_REFUSED,
            "`crontab -e` as the agent's user: replace the control character, or write \\r and \\b "
            "in another way",
            "crontab(1) prints \\r or \\b here, which may each be two characters or a control "
            "character, and the bytes cannot be had: nothing was written");
        return;
    }
    if (bytes)
        op->text = bytes;
    take_text(op);
}

static void on_read(void *arg, const struct child_result *r)
{
    struct cron_op *op = arg;

    op->child = NULL;
    note(op, "-l", r);
    if (!is_no_crontab(r) && (!r->started || r->timed_out || r->status != 0)) {
        mem_free(op->c->cached); /* what was read before is no answer any more */
        op->c->cached = NULL;
        fail_crontab(op, "-l", r);
        return;
    }
    if (r->truncated || (!is_no_crontab(r) && strlen(r->output) != r->output_len)) {
        fail(op, ERR_INVALID, NULL, "the crontab holds a NUL byte or is longer than 1 MiB");
        return;
    }
    const char *text = is_no_crontab(r) ? "" : cron_listed_text(r->output);
    op->text = arena_strdup(op->arena, text);
    if (cron_listed_is_ambiguous(text))
        run_crontab(op, "-e", NULL, on_bytes);
    else
        take_text(op);
}

static void phase_read(struct cron_op *op)
{
    if (op->use_cache && op->c->cached) {
        op->text = arena_strdup(op->arena, op->c->cached);
        sequence_next(&op->seq);
        return;
    }
    run_crontab(op, "-l", NULL, on_read);
}

/* ---- what is wanted -------------------------------------------------------------------------- */

bool cron_edit_damaged(const struct cron *c, const char *text, struct crontab_damage *ret_damage)
{
    const char *known = c->mode == CRONTAB_BLOCK ? cron_memory_known(c->memory) : NULL;

    return known && crontab_is_damaged(text, strlen(text), known, ret_damage);
}

static bool is_another(const char *expected, const char *found)
{
    return *expected && strcmp(expected, found) != 0;
}

/* What is wrong with it; NULL: it is the one that was planned on. */
static const char *not_as_planned(const struct cron_op *op, struct crontab_summary *s)
{
    if (!*op->expected_entries) {
        sha256_hex(op->text, strlen(op->text), s->hash);
        return is_another(op->expected, s->hash) ? "the crontab has changed" : NULL;
    }
    if (crontab_summarize(op->text, strlen(op->text), op->c->mode, s, NULL) < 0)
        return "the managed block of the crontab is damaged";
    if (is_another(op->expected_entries, s->parity))
        return "the managed entries of the crontab have changed";
    return is_another(op->expected_environment, s->environment)
               ? "the variables in force at the managed entries of the crontab have changed"
               : NULL;
}

static void phase_expect(struct cron_op *op)
{
    struct crontab_summary s = {0};
    const char *wrong = op->written ? NULL : not_as_planned(op, &s);
    struct err e;

    if (!wrong) {
        sequence_next(&op->seq);
        return;
    }
    err_set(&e, ERR_LOST, "look at it with `pgtandem cron show`, and run the command again",
            "%s since the plan was made (sha256 %.12s, expected %.12s)", wrong, s.hash,
            op->expected);
    sequence_fail(&op->seq, &e);
}

static int set_entries(struct cron_op *op, struct err *reterr)
{
    const struct cron *c = op->c;
    struct crontab_damage damage;
    size_t len = strlen(op->text);

    if (cron_edit_damaged(c, op->text, &damage))
        return crontab_set_known(op->text, len, cron_memory_known(c->memory), op->on, op->arena,
                                 &op->wanted, &len, reterr);
    return crontab_set(op->text, len, c->mode, op->on, op->arena, &op->wanted, &len, reterr);
}

static void phase_edit(struct cron_op *op)
{
    struct err e;

    if (op->given && op->written && strcmp(op->wanted, op->text) != 0)
        sequence_finish(&op->seq); /* it stood there, and somebody has edited it since */
    else if (!op->given && set_entries(op, &e) < 0)
        sequence_fail(&op->seq, &e);
    else
        sequence_next(&op->seq);
}

/* Somebody else has replaced the crontab since we read it, or since we wrote it: his text is the
 * one to edit now. A text that the caller brings is not made from his. */
static void edited_meanwhile(struct cron_op *op)
{
    if (op->given)
        fail(op, ERR_LOST, "look at it with `pgtandem cron show`, and run the command again",
             op->written
                 ? "the crontab was edited by another program right after it was written: "
                   "that edit is there, and ours is not"
                 : "the crontab was edited by another program just now: nothing was written");
    else if (++op->rounds >= ROUNDS_MAX)
        fail(op, ERR_HELD, "look with `crontab -l` and `ps`: what edits it, and stop that",
             "the crontab is edited by another program over and over: 8 tries were overtaken");
    else
        sequence_again(&op->seq);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void on_written(void *arg, const struct child_result *r)
{
    struct cron_op *op = arg;
    struct cron *c = op->c;
    int64_t now_ms = clock_wall_ms();

    op->child = NULL;
    note(op, "-", r);
    mem_free(c->cached);
    c->cached = NULL;
    if (!r->started || r->timed_out || r->status != 0) {
        fail_crontab(op, "-", r);
        return;
    }
    op->touch = c->last_write_s == now_ms / 1000;
    op->written = true;
    c->last_write_s = now_ms / 1000;
    c->quiet_wall_ms = now_ms + cron_minute_left_ms(now_ms);
    sequence_next(&op->seq);
}

static void phase_read_again(struct cron_op *op)
{
    op->was = op->text;
    if (!op->touch && strcmp(op->wanted, op->text) == 0)
        sequence_finish(&op->seq);
    else
        run_crontab(op, "-l", NULL, on_read);
}

static void phase_write(struct cron_op *op)
{
    if (strcmp(op->was, op->text) != 0)
        edited_meanwhile(op);
    else
        run_crontab(op, "-", op->wanted, on_written);
}

static void phase_read_back(struct cron_op *op)
{
    run_crontab(op, "-l", NULL, on_read);
}

static void phase_judge(struct cron_op *op)
{
    if (strcmp(op->wanted, op->text) != 0)
        edited_meanwhile(op);
    else if (op->touch)
        next_after(op, TOUCH_AGAIN_MS);
    else
        sequence_finish(&op->seq);
}

/* 1.1 s later anything may be there: the whole of it again. */
static void phase_touch(struct cron_op *op)
{
    sequence_again(&op->seq);
}

/* ---- barrier and jobs ------------------------------------------------------------------------ */

static void phase_barrier(struct cron_op *op)
{
    int64_t wait_ms = op->c->quiet_wall_ms - clock_wall_ms();

    if (wait_ms <= 0)
        sequence_next(&op->seq);
    else /* never longer than the barrier can be, whatever the wall clock did */
        next_after(op, wait_ms < 6000 ? wait_ms : 6000);
}

void cron_edit_jobs(const struct cron *c, const char *text, struct cron_jobs *ret_jobs)
{
    AUTO(arena) a = arena_new();
    static char *const none[] = {NULL};
    char **managed, **others;

    if (crontab_commands(text, strlen(text), c->mode, true, a, &managed, NULL) < 0 ||
        crontab_commands(text, strlen(text), c->mode, false, a, &others, NULL) < 0)
        cron_jobs_look(c->uid, none, none, ret_jobs);
    else
        cron_jobs_look(c->uid, managed, others, ret_jobs);
}

static void phase_jobs(struct cron_op *op);

static void jobs_again(void *arg)
{
    struct cron_op *op = arg;

    timer_free(op->timer);
    op->timer = NULL;
    phase_jobs(op);
}

static void phase_jobs(struct cron_op *op)
{
    struct cron_jobs jobs;
    struct err e;

    cron_edit_jobs(op->c, op->text, &jobs);
    if (jobs.n == 0) {
        sequence_next(&op->seq);
    } else if (clock_mono_ms() < op->jobs_deadline_ms) {
        op->timer = timer_start(op->c->loop, JOBS_RETRY_MS, jobs_again, op);
    } else {
        err_set(&e, ERR_REFUSED, "wait for it with --wait-jobs SECS, or end it",
                "%lld scheduled job%s still running: %s", (long long)jobs.n,
                jobs.n == 1 ? " is" : "s are", jobs.text);
        sequence_fail(&op->seq, &e);
    }
}

/* ---- in order -------------------------------------------------------------------------------- */

const cron_phase_fn cron_change_phases[] = {
    phase_read,  phase_expect, phase_edit, phase_read_again, phase_write, phase_read_back,
    phase_judge, phase_touch,  NULL,
};
const cron_phase_fn cron_wait_phases[] = {phase_read, phase_barrier, phase_jobs, NULL};
const cron_phase_fn cron_read_phases[] = {phase_read, NULL};

static bool call_phase(void *arg, size_t at)
{
    struct cron_op *op = arg;
    cron_phase_fn phase = op->phases[at];

    if (phase)
        phase(op);
    return phase != NULL;
}

void cron_start(struct cron_op *op, const cron_phase_fn *phases, sequence_end_fn end)
{
    op->phases = phases;
    sequence_start(&op->seq, call_phase, end, op);
}
