#include "agent/look/inspect.h"

#include <stdio.h>
#include <string.h>

#include "agent/look/inspect_backup.h"
#include "agent/look/inspect_parts.h"
#include "agent/node/agent.h"
#include "agent/state/machine.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { OUTPUT_CAP_BYTES = 49152 };

/* PostgreSQL's part: what is left is for files, and for the process itself. */
static int64_t postgres_ms(int64_t timeout_ms)
{
    return timeout_ms * 7 / 10;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static void collect(struct loop *l, const struct config *c, int64_t timeout_ms, struct inspect *i)
{
    int64_t started_ms = clock_mono_ms();
    struct backup_ask ask;

    backup_ask_start(l, &c->backup, c->agent.node, i, &ask);
    inspect_pg(l, &c->postgresql, started_ms + postgres_ms(timeout_ms), i);
    inspect_certificate(&c->postgresql, c->dns.alias, i);
    inspect_jobs(&c->postgresql, i);
    inspect_mounts(&c->postgresql, i);
    (void)loop_wait(l, &ask.done, -1, NULL); /* the command has a deadline */
    backup_look(&c->backup, c->agent.node, i);
    i->elapsed_ms = clock_mono_ms() - started_ms;
}

int inspect_run(struct config *c, int64_t timeout_ms)
{
    struct err e = {0};
    struct inspect *i = mem_alloc(sizeof(*i));
    int r = machine_become_owner(c->postgresql.data_directory, &e);
    struct loop *loop = loop_new();
    AUTO(arena) a = arena_new();

    if (r == 0) {
        collect(loop, c, timeout_ms, i);
        puts(field_to_text(&inspect_table, i, a));
    } else {
        fprintf(stderr, "pgtandem-agent: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
    }
    loop_free(loop);
    mem_free(i);
    return err_exit_status(r);
}

/* ---- the agent's answer ---------------------------------------------------------------------- */

struct asked {
    inspect_fn fn;
    void *arg;
};

static void on_printed(void *arg, const struct child_result *r)
{
    struct asked *k = arg;
    struct err e = {0};

    if (!r->started)
        err_sys(&e, r->error, NULL, "`pgtandem-agent inspect` could not be started");
    else if (r->timed_out)
        err_set(&e, ERR_TIMEOUT, "`pgtandem-agent inspect` there: a file system that hangs?",
                "the inspection did not end in %lld ms", (long long)r->elapsed_ms);
    else if (r->status != 0 || r->truncated)
        err_set(&e, ERR_PROBLEM, "`pgtandem-agent inspect` there shows more",
                "the inspection ended with status %d%s: %.300s", r->status,
                r->truncated ? ", its output too long" : "", r->output);
    k->fn(k->arg, e.code ? NULL : r->output, e.code ? &e : NULL);
    mem_free(k);
}

void inspect_ask(struct agent *g, int64_t timeout_ms, inspect_fn fn, void *arg)
{
    char share[24];
    const char *const argv[] = {"/proc/self/exe", "-c", g->config->path, "inspect", share, NULL};
    const struct child_spec spec = {.argv = argv,
                                    .output_cap_bytes = OUTPUT_CAP_BYTES,
                                    .timeout_ms = timeout_ms,
                                    .own_session = true,
                                    .separate_stdout = true};
    struct asked *k = mem_alloc(sizeof(*k));

    STR_PRINTF(share, "%lld", (long long)timeout_ms);
    *k = (struct asked){.fn = fn, .arg = arg};
    (void)child_run(g->loop, &spec, on_printed, k);
}
