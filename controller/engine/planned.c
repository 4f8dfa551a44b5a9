#include "controller/engine/planned.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "controller/decide/steps.h"
#include "controller/engine/run.h"
#include "controller/engine/run_journal.h"
#include "controller/plan/plan.h"

/* Where `m` is in the plan from `next` on; its end when all is done; -1: beside the plan. */
static int place(const struct planned *p, const struct planner_move *m)
{
    if (m->kind == MOVE_DONE)
        return m->exit_code == 0 ? (int)p->n : -1;
    for (size_t i = p->next; m->kind == MOVE_STEP && i < p->n; i++)
        if (p->steps[i].step == m->step && p->steps[i].node == m->node)
            return (int)i;
    return -1;
}

void planned_take(struct run *r, const struct planner_move *first)
{
    struct planned *p = &r->planned;

    if (p->taken)
        return;
    p->taken = true;
    const struct foresight *f = plan_foresee(r->session, &r->world, &r->view);
    for (; p->n < f->n; p->n++) {
        p->steps[p->n].step = f->steps[p->n].step;
        p->steps[p->n].node = f->steps[p->n].node;
        p->steps[p->n].nodes = f->steps[p->n].nodes;
    }
    p->next = (size_t)(place(p, first) + 1);
}

/* Of a step whose effect shows, on each of its nodes. */
static bool is_achieved(const struct run *r, size_t i)
{
    const struct step *step = &steps[r->planned.steps[i].step];
    uint32_t nodes = r->planned.steps[i].nodes;

    if (!(step->flags & STEP_CHANGES) || (step->flags & (STEP_OBSERVES | STEP_DNS)) || !nodes)
        return false;
    for (size_t k = 0; k < r->view.n_nodes; k++)
        if ((nodes & (1U << k)) && (!r->view.nodes[k].answered || !step->achieved(&r->view, k)))
            return false;
    return true;
}

static void put_why(const struct run *r, const struct planner_move *m, char *text, size_t bytes)
{
    const struct node_obs *o = &r->world.nodes[m->node < 0 ? 0 : m->node].obs;

    if (m->step == STEP_CHECKPOINT)
        (void)str_printf(text, bytes, "done already: pg_control is on timeline %lld",
                         (long long)o->pg.control_tli);
    else if (m->step == STEP_FOLLOW || m->step == STEP_FOLLOW_BACK || m->step == STEP_REJOIN)
        (void)str_printf(text, bytes, "done already: streaming from %s", r->view.d.owner);
    else
        (void)str_printf(text, bytes, "done already");
}

static void skip(struct run *r, size_t i)
{
    const struct planner_move m = {.kind = MOVE_STEP,
                                   .step = r->planned.steps[i].step,
                                   .node = r->planned.steps[i].node,
                                   .nodes = r->planned.steps[i].nodes};
    int64_t now_ms = clock_mono_ms();
    struct op_result res = {.refused = 0};

    put_why(r, &m, res.detail, sizeof(res.detail));
    progress_begin(&r->progress, steps[m.step].name, run_node_name(r, m.node));
    progress_end(&r->progress, PROGRESS_SKIPPED, "%s", res.detail);
    if (r->n_steps < RUN_STEPS_MAX)
        r->steps[r->n_steps++] = (struct run_step){.step = m.step,
                                                   .node = m.node,
                                                   .started_ms = now_ms,
                                                   .ended_ms = now_ms,
                                                   .done = true,
                                                   .skipped = true};
    run_journal_skipped(r, &m, res.detail);
}

void planned_skip(struct run *r, const struct planner_move *m)
{
    struct planned *p = &r->planned;
    int at = place(p, m);

    if (at < 0 || r->view.marks.turned)
        return;
    for (; p->next < (size_t)at; p->next++)
        if (is_achieved(r, p->next))
            skip(r, p->next);
    p->next = (size_t)at + 1;
}
