/* cron_rehearse(): crontab -l, crontab -h (which crontab(1) is this?), crontab -n -. */
#include <stdio.h>
#include <string.h>

#include "agent/cron/cron.h"
#include "agent/cron/cron_edit.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { OUTPUT_CAP_BYTES = 4096 };

static const char remedy_denied[] =
    "let this user have a crontab: /etc/cron.allow, /etc/cron.deny, the crontab program's setgid "
    "bit, the spool's owner and mode";

static const char remedy_text[] = "`crontab -e` as this user: correct that line (it may be off by "
                                  "one), or remove it: cron refuses "
                                  "the whole text";

static void end_as(struct cron_op *op, struct rehearsal r, const char *said, const char *remedy)
{
    cron_rehearsal_fn fn = op->rehearsed;
    void *arg = op->arg;

    STR_COPY(r.said, said);
    r.kind = REHEARSAL_CRONTAB;
    if (r.verdict == REHEARSAL_FAILED)
        STR_COPY(r.remedy, remedy);
    r.elapsed_ms = clock_mono_ms() - op->started_ms;
    cron_op_end(op);
    fn(arg, &r);
}

static void end(struct cron_op *op, enum rehearsal_verdict verdict, const char *said,
                const char *remedy)
{
    end_as(op, (struct rehearsal){.verdict = (int)verdict}, said, remedy);
}

/* A busy host is not a refusal. */
static void end_late(struct cron_op *op, const char *said)
{
    end_as(op, (struct rehearsal){.verdict = REHEARSAL_FAILED, .late = true}, said,
           "does `crontab -l` end there as the agent's user? A file system that hangs, or a host "
           "that is too busy");
}

static void run_crontab(struct cron_op *op, const char *first, const char *second,
                        const char *input, child_fn fn)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    const char *argv[] = {op->c->config->crontab_command, first, second, NULL};
    const struct child_spec spec = {.argv = argv,
                                    .env = env,
                                    .stdin_text = input,
                                    .output_cap_bytes = OUTPUT_CAP_BYTES,
                                    .timeout_ms = op->c->config->timeout_ms};

    op->child = child_run(op->c->loop, &spec, fn, op);
}

static void on_dry_run(void *arg, const struct child_result *r)
{
    struct cron_op *op = arg;
    char said[sizeof(((struct rehearsal *)0)->said)];

    op->child = NULL;
    if (r->started && !r->timed_out && r->status == 0) {
        end(op, REHEARSAL_PASSED, "dry run of crontab(1) passed", "");
        return;
    }
    if (r->timed_out) {
        end_late(op, "`crontab -n -` has not ended in time");
        return;
    }
    STR_PRINTF(said, "`crontab -n -` ended with status %d: %.*s", r->status,
               (int)strcspn(r->output, "\n"), r->output);
    end(op, REHEARSAL_FAILED, said, cron_refuses_text(r->output) ? remedy_text : remedy_denied);
}

/* cronie's -n is another thing altogether (it names the cluster's host): never blindly. */
static void on_help(void *arg, const struct child_result *r)
{
    struct cron_op *op = arg;

    op->child = NULL;
    if (r->timed_out)
        end_late(op, "`crontab -h` has not ended in time");
    else if (r->started && strstr(r->output, "dry run"))
        run_crontab(op, "-n", "-", op->text, on_dry_run);
    else
        end(op, REHEARSAL_UNPROVEN, "crontab -l works; this crontab(1) has no dry run", "");
}

static void on_read(void *arg, const struct err *e)
{
    struct cron_op *op = arg;

    if (e && e->code == ERR_TIMEOUT)
        end_late(op, e->msg);
    else if (e)
        end(op, REHEARSAL_FAILED, e->msg, remedy_denied);
    else
        run_crontab(op, "-h", NULL, NULL, on_help);
}

static void on_late(void *arg)
{
    struct cron_op *op = arg;
    char said[120];

    STR_PRINTF(said, "crontab(1) has not ended within %lld ms",
               (long long)(clock_mono_ms() - op->started_ms));
    end_late(op, said);
}

void cron_rehearse(struct cron *c, int64_t timeout_ms, cron_rehearsal_fn fn, void *arg)
{
    struct cron_op *op = cron_op_new(c, arg);

    op->rehearsed = fn;
    op->started_ms = clock_mono_ms();
    op->timer = timer_start(c->loop, timeout_ms, on_late, op);
    cron_start(op, cron_read_phases, on_read);
}
