#include "agent/cron/cron.h"

#include <string.h>

#include "agent/cron/cron_edit.h"
#include "agent/cron/cron_jobs.h"
#include "agent/cron/cron_memory.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/crontab_known.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"

/* clang-format off */
static const struct field cron_fields[] = {
    { .name = "managed", .type = FIELD_ENUM, .offset = offsetof(struct cron_config, mode),
      .names = crontab_mode_names, .deflt = "block",
      .help = "block: entries between the pgtandem markers; all: every active entry" },
    F_STRING(struct cron_config, crontab_command, FIELD_RELOADS, "crontab", "the program crontab(1)"),
    F_INT(struct cron_config, timeout_ms, FIELD_RELOADS, 100, 60000, "10000", "limit for one call of it (ms)"),
};
FIELD_TABLE(cron_config_table, struct cron_config, "cron", cron_fields);
/* clang-format on */

/* ---- life ------------------------------------------------------------------------------------ */

struct cron *cron_new(struct loop *l, const struct cron_config *config, const char *directory)
{
    struct cron *c = mem_alloc(sizeof(*c));

    c->loop = l;
    c->config = config;
    c->mode = (enum crontab_mode)config->mode;
    c->uid = geteuid();
    c->memory = cron_memory_new(directory);
    return c;
}

void cron_keep_ran(struct cron *c, struct ran_log *ran)
{
    c->ran = ran;
}

static void op_free(struct cron_op *op)
{
    timer_free(op->timer);
    child_cancel(op->child);
    arena_free(op->arena);
    mem_free(op);
}

void cron_free(struct cron *c)
{
    if (!c)
        return;
    for (struct cron_op *op = c->ops, *next; op; op = next) {
        next = op->next;
        op_free(op);
    }
    mem_free(c->cached);
    cron_memory_free(c->memory);
    mem_free(c);
}

struct cron_op *cron_op_new(struct cron *c, void *arg)
{
    struct cron_op *op = mem_alloc(sizeof(*op));

    op->c = c;
    op->arena = arena_new();
    op->arg = arg;
    op->next = c->ops;
    c->ops = op;
    return op;
}

static void op_remove(struct cron_op *op)
{
    struct cron_op **at = &op->c->ops;

    while (*at != op)
        at = &(*at)->next;
    *at = op->next;
}

void cron_op_end(struct cron_op *op)
{
    op_remove(op);
    op_free(op);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void end_change(void *arg, const struct err *e)
{
    struct cron_op *op = arg;

    op_remove(op);
    op->done(op->arg, e);
    op_free(op);
}

static struct cron_op *change(struct cron *c, const char *expected, cron_done_fn fn, void *arg)
{
    struct cron_op *op = cron_op_new(c, arg);

    STR_COPY(op->expected, expected);
    op->done = fn;
    return op;
}

void cron_off(struct cron *c, const struct cron_expected *x, cron_done_fn fn, void *arg)
{
    struct cron_op *op = change(c, x && x->hash ? x->hash : "", fn, arg);

    STR_COPY(op->expected_entries, x && x->entries ? x->entries : "");
    STR_COPY(op->expected_environment, x && x->environment ? x->environment : "");
    cron_start(op, cron_change_phases, end_change);
}

void cron_wait_jobs(struct cron *c, int64_t wait_jobs_s, cron_done_fn fn, void *arg)
{
    struct cron_op *op = change(c, "", fn, arg);

    op->use_cache = true;
    op->jobs_deadline_ms = clock_mono_ms() + wait_jobs_s * 1000;
    cron_start(op, cron_wait_phases, end_change);
}

void cron_wait_cancel(struct cron *c, const void *arg)
{
    for (struct cron_op **at = &c->ops, *op; (op = *at) != NULL;) {
        if (op->arg == arg) {
            *at = op->next;
            op_free(op);
        } else {
            at = &op->next;
        }
    }
}

void cron_on(struct cron *c, const char *expected_hash, cron_done_fn fn, void *arg)
{
    struct cron_op *op = change(c, expected_hash, fn, arg);

    op->on = true;
    cron_start(op, cron_change_phases, end_change);
}

void cron_write(struct cron *c, const char *text, const char *expected_hash, cron_done_fn fn,
                void *arg)
{
    struct cron_op *op = change(c, expected_hash, fn, arg);

    op->wanted = arena_strdup(op->arena, text);
    op->given = true;
    cron_start(op, cron_change_phases, end_change);
}

void cron_forget(struct cron *c)
{
    cron_memory_forget(c->memory);
}

static void end_read(void *arg, const struct err *e)
{
    struct cron_op *op = arg;

    op_remove(op);
    op->read(op->arg, e ? NULL : op->text, e);
    op_free(op);
}

void cron_read(struct cron *c, cron_text_fn fn, void *arg)
{
    struct cron_op *op = cron_op_new(c, arg);

    op->read = fn;
    cron_start(op, cron_read_phases, end_read);
}

static void fill_obs(struct cron *c, const char *text, struct obs_cron *o)
{
    struct crontab_summary s;
    struct crontab_damage d;
    struct err e;

    if (cron_edit_damaged(c, text, &d)) {
        o->readable = o->damaged = true;
        o->entries_on = (int64_t)d.on;
        o->entries_off = (int64_t)d.off;
        o->unmarked = -1;
        sha256_hex(text, strlen(text), o->hash);
        STR_COPY(o->problem, d.why);
        return;
    }
    if (crontab_summarize(text, strlen(text), c->mode, &s, &e) < 0) {
        STR_COPY(o->problem, e.msg);
        return;
    }
    o->readable = true;
    o->entries_on = (int64_t)s.on;
    o->entries_off = (int64_t)s.off;
    if (c->mode == CRONTAB_BLOCK)
        o->unmarked = s.has_block ? (int64_t)s.unmanaged : -1;
    STR_COPY(o->hash, s.hash);
    STR_COPY(o->parity, s.parity);
    STR_COPY(o->environment, s.environment);
    if (s.reboot > 0)
        STR_COPY(o->problem, "a managed @reboot entry: cron starts it automatically at boot");
}

static void end_look(void *arg, const struct err *e)
{
    struct cron_op *op = arg;
    struct obs_cron o = {0};
    struct cron_jobs jobs;

    if (e)
        STR_COPY(o.problem, e->msg);
    else
        fill_obs(op->c, op->text, &o);
    cron_edit_jobs(op->c, e ? "" : op->text, &jobs);
    o.daemon_running = jobs.daemon_running;
    o.jobs_running = jobs.n;
    STR_COPY(o.jobs, jobs.text);
    op_remove(op);
    op->look(op->arg, &o);
    op_free(op);
}

void cron_look(struct cron *c, bool fresh, cron_look_fn fn, void *arg)
{
    struct cron_op *op = cron_op_new(c, arg);

    op->look = fn;
    op->use_cache = !fresh;
    cron_start(op, cron_read_phases, end_look);
}
