#include "agent/postgres/pgop.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/state/ran.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    COMMAND_WORDS_MAX = 32,
    /* the last look before the deadline gets so long, or its own lateness would hide what it saw */
    STATEMENT_MIN_MS = 500,
};

void *pgop_new(struct postgres *p, size_t bytes, const char *what, int64_t timeout_ms,
               postgres_done_fn fn, void *arg)
{
    struct pgop *op = mem_alloc(bytes);

    op->p = p;
    op->what = what;
    op->fn = fn;
    op->arg = arg;
    op->timeout_ms = timeout_ms;
    op->deadline_ms = clock_mono_ms() + timeout_ms;
    op->next = p->ops;
    p->ops = op;
    return op;
}

void pgop_drop(struct pgop *op)
{
    for (struct pgop **at = &op->p->ops; *at; at = &(*at)->next)
        if (*at == op) {
            *at = op->next;
            break;
        }
    timer_free(op->timer);
    child_cancel(op->child);
    if (op->release)
        op->release(op);
    mem_free(op);
}

void pgop_end(struct pgop *op, const struct err *e)
{
    postgres_done_fn fn = op->fn;
    void *arg = op->arg;
    struct err kept;

    if (e)
        kept = *e; /* it may live in the operation */
    op->fn = NULL;
    pgop_drop(op);
    fn(arg, e ? &kept : NULL);
}

void pgop_fail(struct pgop *op, int code, const char *hint, const char *fmt, ...)
{
    struct err e;
    char msg[sizeof(e.msg)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(msg, sizeof(msg), fmt, args);
    va_end(args);
    err_set(&e, code, hint, "%s", msg);
    pgop_end(op, &e);
}

int64_t pgop_left_ms(const struct pgop *op)
{
    int64_t left = op->deadline_ms - clock_mono_ms();

    return left > 1 ? left : 1;
}

bool pgop_late(const struct pgop *op)
{
    return clock_mono_ms() >= op->deadline_ms;
}

/* ---- pauses ---------------------------------------------------------------------------------- */

static void on_timer(void *arg)
{
    struct pgop *op = arg;

    timer_free(op->timer);
    op->timer = NULL;
    op->step(op);
}

void pgop_after(struct pgop *op, int64_t ms, pgop_step_fn step)
{
    timer_free(op->timer);
    op->step = step;
    op->timer = timer_start(op->p->loop, ms, on_timer, op);
}

void pgop_poll(struct pgop *op, int64_t first_ms, int64_t most_ms, pgop_step_fn step)
{
    op->poll_ms = op->poll_ms < first_ms ? first_ms : op->poll_ms + (op->poll_ms + 3) / 4;
    if (op->poll_ms > most_ms)
        op->poll_ms = most_ms;
    pgop_after(op, op->poll_ms, step);
}

/* ---- statements ------------------------------------------------------------------------------ */

static int64_t statement_ms(const struct pgop *op)
{
    int64_t left = pgop_left_ms(op);

    return left > STATEMENT_MIN_MS ? left : STATEMENT_MIN_MS;
}

void pgop_act(struct pgop *op, const char *sql, const char *const *params, size_t n_params,
              pgconn_fn fn)
{
    pgconn_query(op->p->act, sql, params, n_params, statement_ms(op), fn, op);
}

void pgop_ask(struct pgop *op, const char *sql, pgconn_fn fn)
{
    pgconn_query(op->p->observe, sql, NULL, 0, statement_ms(op), fn, op);
}

const char *pgop_text(const struct pgconn_reply *r, size_t result, int row, int column)
{
    if (result >= r->n_results || row >= PQntuples(r->results[result]) ||
        column >= PQnfields(r->results[result]))
        return "";
    return PQgetvalue(r->results[result], row, column);
}

bool pgop_true(const struct pgconn_reply *r, size_t result, int row, int column)
{
    return strcmp(pgop_text(r, result, row, column), "t") == 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

/* The end of what a command printed is where it says why it failed. */
static const char *tail_of(const struct child_result *r, size_t bytes)
{
    size_t n = r->output_len < bytes ? r->output_len : bytes;

    return r->output + r->output_len - n;
}

static void on_command(void *arg, const struct child_result *r)
{
    struct pgop *op = arg;

    op->child = NULL;
    ran_child(op->p->ran, op->command, r, r->output);
    if (!r->started)
        pgop_fail(op, ERR_SYS, "check the command in the configuration",
                  "%s: the configured command cannot be started: %s", op->what, strerror(r->error));
    else if (r->timed_out)
        pgop_fail(op, ERR_TIMEOUT, NULL,
                  "%s: the configured command did not end within %lld ms: %s", op->what,
                  (long long)op->timeout_ms, tail_of(r, 400));
    else if (r->status != 0)
        pgop_fail(
            op, ERR_REFUSED, "run the command by hand as this user; is the polkit rule there?",
            "%s: the configured command failed (%s %d): %s", op->what,
            r->signal ? "signal" : "status", r->signal ? r->signal : r->status, tail_of(r, 400));
    else
        op->step(op);
}

void pgop_command(struct pgop *op, const char *command, pgop_step_fn next)
{
    char words[sizeof(op->p->config.start_command)];
    const char *argv[COMMAND_WORDS_MAX + 1];

    STR_COPY(words, command);
    str_words(words, argv, COMMAND_WORDS_MAX);
    op->step = next;
    op->command = command;
    op->child =
        child_run(op->p->loop, &(struct child_spec){.argv = argv, .timeout_ms = pgop_left_ms(op)},
                  on_command, op);
}

static void on_reloaded(void *arg, const struct pgconn_reply *r)
{
    struct pgop *op = arg;

    if (r->e)
        pgop_end(op, r->e);
    else
        op->step(op);
}

void pgop_reload(struct pgop *op, pgop_step_fn next)
{
    if (op->p->config.reload_command[0]) {
        pgop_command(op, op->p->config.reload_command, next);
        return;
    }
    op->step = next;
    pgop_act(op, "SELECT pg_reload_conf()", NULL, 0, on_reloaded);
}
