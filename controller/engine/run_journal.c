#include "controller/engine/run_journal.h"

#include <jansson.h>

#include "base/clock.h"
#include "controller/engine/interrupt.h"
#include "controller/engine/run.h"
#include "controller/engine/trace.h"
#include "controller/journal/journal.h"
#include "controller/journal/who.h"

static json_t *names(const char *const *list, size_t n)
{
    json_t *array = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

/* What it began with: who, why, and what was seen then. */
static json_t *beginning(struct run *r)
{
    struct session *s = r->session;
    const struct record *d = &r->view.d;
    json_t *data =
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:I, s:I, s:o, s:o}", "verb", s->verb->name,
                  "by", s->cluster.by, "who", who_json(), "reason", r->reason ? r->reason : "",
                  "cluster", s->cluster.config.cluster.name, "from", r->from, "to", r->to, "epoch",
                  (json_int_t)d->epoch, "at_ms", (json_int_t)(clock_mono_ms() - r->began_ms),
                  "ignored", names(s->options.ignore, s->options.n_ignore), "accept_unfenced",
                  names(s->options.accept_unfenced, s->options.n_accept_unfenced));
    struct trace seen = {.data = NULL};

    if (r->view.d_answered)
        json_object_set_new(data, "record", json_string(r->world.d.txt));
    if (r->view.d_answered && d->epoch > 0 && d->state != REGISTER_STABLE)
        json_object_set_new(data, "transition", json_string(d->txn));
    for (size_t i = 0; i < r->view.n_nodes; i++)
        trace_seen(&seen, run_node_name(r, (int)i),
                   r->world.nodes[i].answered ? &r->world.nodes[i].obs : NULL);
    trace_take(&seen, data);
    return data;
}

/* A journal that can no longer be written is reported once; the command goes on by observation,
 * because stopping between FENCE and PROMOTE would be worse (controller/journal/journal.h, J2). */
static void journal_trouble(struct run *r, int rc, const struct err *e)
{
    if (rc == 0)
        return;
    progress_say(&r->progress, "WARNING: %s %s", e->msg, e->hint);
    journal_close(r->journal);
    r->journal = NULL;
}

/* Preflight, evidence and loss statement came before anything was to be changed. */
static void journal_before(struct run *r)
{
    struct err e = {.code = 0};
    size_t i;
    json_t *step;

    json_array_foreach(r->before, i, step)
        if (r->journal)
            journal_trouble(r,
                            journal_result(r->journal,
                                           json_string_value(json_object_get(step, "step")),
                                           json_string_value(json_object_get(step, "node")),
                                           json_object_get(step, "data"), &e),
                            &e);
    json_decref(r->before);
    r->before = NULL;
}

int run_journal_open(struct run *r, struct err *reterr)
{
    json_t *data = beginning(r);
    int rc = journal_open(r->session->cluster.config.journal.directory, r->txn, data, &r->journal,
                          reterr);

    json_decref(data);
    if (rc < 0)
        return rc;
    interrupt_catch();
    journal_before(r);
    return 0;
}

/* Steps that this intent covers, so that none of them waits for a disk while no node can write. */
static json_t *announce(struct run *r, uint64_t then)
{
    json_t *array = json_array();

    for (int step = 0; step < STEP_COUNT; step++)
        if (then & step_bit((enum step_id)step))
            json_array_append_new(array, json_string(steps[step].name));
    r->announced |= then;
    return array;
}

/* Once: a second try is an intent of its own. */
static bool was_announced(struct run *r, enum step_id step)
{
    bool announced = r->announced & step_bit(step);

    r->announced &= ~step_bit(step);
    return announced;
}

void run_journal_intent(struct run *r, const struct planner_move *m)
{
    struct err e = {.code = 0};
    if (!r->journal)
        return;
    enum step_id step = m->step;
    uint64_t then = steps_announced(&r->view, step);
    json_t *on = json_array();
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if (m->nodes & (1U << i))
            json_array_append_new(on, json_string(run_node_name(r, (int)i)));
    json_t *data = json_pack("{s:s, s:o, s:I}", "row", m->row ? m->row : "", "on", on, "at_ms",
                             (json_int_t)(clock_mono_ms() - r->began_ms));
    if (then)
        json_object_set_new(data, "then", announce(r, then));

    bool announced = was_announced(r, step);
    const char *name = steps[step].name, *node = run_node_name(r, m->node);
    journal_trouble(r,
                    announced ? journal_announced(r->journal, name, node, data, &e)
                              : journal_intent(r->journal, name, node, data, &e),
                    &e);
    json_decref(data);
}

/* What the step was judged by: the nodes that it was about, as they were seen last. */
static void trace_nodes(struct run *r, const struct planner_move *m)
{
    if (steps[m->step].flags & STEP_DNS)
        return;
    for (size_t i = 0; i < r->view.n_nodes; i++)
        if ((m->nodes & (1U << i)) || m->node == (int)i)
            trace_seen(&r->trace, run_node_name(r, (int)i),
                       r->world.nodes[i].answered ? &r->world.nodes[i].obs : NULL);
}

void run_journal_result(struct run *r, const struct planner_move *m, bool ok, int64_t started_ms,
                        const struct op_result *res)
{
    struct err e = {.code = 0};
    const char *step = steps[m->step].name, *node = run_node_name(r, m->node);
    json_t *data =
        json_pack("{s:b, s:I, s:I, s:s, s:s, s:s, s:I}", "ok", ok, "at_ms",
                  (json_int_t)(started_ms - r->began_ms), "ms",
                  (json_int_t)(clock_mono_ms() - started_ms), "detail", res->detail, "error",
                  res->e.msg, "hint", res->e.hint, "epoch", (json_int_t)r->view.d.epoch);

    trace_nodes(r, m);
    trace_take(&r->trace, data);
    if (r->journal) {
        journal_trouble(r, journal_result(r->journal, step, node, data, &e), &e);
    } else if (!r->view.marks.began) {
        if (!r->before)
            r->before = json_array();
        json_array_append_new(
            r->before, json_pack("{s:s, s:s, s:O}", "step", step, "node", node, "data", data));
    }
    json_decref(data);
}

void run_journal_skipped(struct run *r, const struct planner_move *m, const char *why)
{
    struct err e = {.code = 0};

    if (!r->journal)
        return;
    json_t *data = json_pack("{s:b, s:b, s:I, s:I, s:s, s:I}", "ok", 1, "skipped", 1, "at_ms",
                             (json_int_t)(clock_mono_ms() - r->began_ms), "ms", (json_int_t)0,
                             "detail", why, "epoch", (json_int_t)r->view.d.epoch);
    trace_nodes(r, m);
    trace_take(&r->trace, data);
    journal_trouble(
        r, journal_result(r->journal, steps[m->step].name, run_node_name(r, m->node), data, &e),
        &e);
    json_decref(data);
}

void run_journal_close(struct run *r)
{
    journal_close(r->journal);
    json_decref(r->before);
    trace_drop(&r->trace);
}
