#include "controller/plan/plan_show.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cron_nodes.h"
#include "controller/cluster/examine.h"
#include "controller/cluster/observe.h"
#include "controller/cluster/view.h"
#include "controller/decide/planner_view.h"
#include "controller/plan/plan.h"
#include "controller/preflight/preflight.h"
#include "controller/session/remedy.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

static bool has_preflight(enum planner_command command)
{
    return command == PLANNER_SWITCHOVER || command == PLANNER_FAILOVER;
}

static struct planner_view *view_of(struct session *s, enum planner_command command, const char *to,
                                    const struct world *w)
{
    struct planner_view *v = arena_alloc(s->cluster.arena, sizeof(*v));
    const struct record none = {0};

    v->command = command;
    v->rejoin = true;
    v->to = to ? config_node_index(&s->cluster.config, to) : -1;
    if (has_preflight(command)) /* it is made here, beside the planner's own questions */
        v->marks.done = step_bit(STEP_PREFLIGHT);
    for (size_t i = 0; i < s->options.n_accept_unfenced; i++)
        v->marks.accepted |=
            planner_bit(config_node_index(&s->cluster.config, s->options.accept_unfenced[i]));
    view_from_world(&s->cluster.config, w, &none, 0, v);
    return v;
}

/* With the exit status that the command itself would have. */
static void would_stop(const struct plan *p, const struct planner_move *end, struct err *reterr)
{
    int code = end->exit_code == 2   ? ERR_PREFLIGHT
               : end->exit_code == 7 ? ERR_HELD
               : end->exit_code == 8 ? ERR_REGISTER
                                     : ERR_INCOMPLETE;

    err_set(reterr, code, "`pgtandem status` shows where things stand",
            "it would not come to its end: %s", p->end);
}

static struct plan *look_and_build(struct session *s, enum planner_command command, const char *to,
                                   struct preflight *p, struct err *reterr)
{
    struct cron_nodes *crontabs = arena_alloc(s->cluster.arena, sizeof(*crontabs));
    struct world *w = &crontabs->world;
    struct plan *plan = arena_alloc(s->cluster.arena, sizeof(*plan));

    unsigned what = OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY | OBSERVE_KEY |
                    (command == PLANNER_FAILOVER ? OBSERVE_EVIDENCE : 0U);
    struct examine all = {.time = EXAMINE_MOVE, .inspect = true, .observe = what};

    if (command == PLANNER_FAILOVER)
        all.time = EXAMINE_PREFLIGHT; /* a failover does not wait for a host that hangs */

    if (has_preflight(command)) {
        all.to = config_node_index(&s->cluster.config, to);
        examine(&s->cluster, w, &all);
    } else {
        world_observe(&s->cluster, w, what);
    }
    crontabs->n = s->cluster.config.n_nodes;
    cron_nodes_read(&s->cluster, crontabs); /* a look may show a crontab as it was a second ago */
    struct plan_look look = {
        .session = s, .world = w, .view = view_of(s, command, to, w), .preflight = p};
    if (has_preflight(command))
        preflight_run(s, w, command == PLANNER_FAILOVER ? PREFLIGHT_UNPLANNED : PREFLIGHT_PLANNED,
                      planner_owner(look.view), look.view->to, p);
    look.foresight = plan_foresee(s, w, look.view);
    plan_build(&look, plan);
    crontabs->owner = planner_owner(look.view);
    plan_take_jobs(&look, crontabs, plan);
    plan_read_history(s, plan);
    if (preflight_verdict(p, reterr) == 0 && !plan->possible)
        would_stop(plan, &look.foresight->end, reterr);
    return plan;
}

int plan_show(struct session *s, enum planner_command command, const char *to, struct err *reterr)
{
    struct preflight *p = arena_alloc(s->cluster.arena, sizeof(*p));
    struct err e = {.code = 0};
    struct plan *plan = look_and_build(s, command, to, p, &e);

    if (e.code == 0 && s->options.save) {
        int rc = plan_save(plan, s->options.save, reterr);
        if (rc < 0)
            return rc;
    }
    if (s->options.format == FORMAT_PRETTY && p->blocking + p->warnings)
        preflight_print(s, p, true);
    plan_print(s, plan);
    if (s->options.format == FORMAT_PRETTY)
        report_wrap(s, "",
                    s->options.save && e.code == 0
                        ? remedy_for(&s->options, s->cluster.arena,
                                     arena_printf(s->cluster.arena, "saved: pgtandem %s --plan %s",
                                                  plan_command_names[command], s->options.save))
                        : "nothing has been changed");
    if (e.code && reterr)
        *reterr = e;
    return e.code;
}

/* ---- carrying one out ---------------------------------------------------------------------- */

static int foreign(struct err *reterr, const char *path, const char *what, const char *theirs,
                   const char *ours)
{
    return err_set(reterr, ERR_PREFLIGHT, "plan again, on this controller",
                   "%s: it is a plan for %s %s, this is %s; nothing has been changed", path, what,
                   theirs, ours);
}

int plan_take(struct session *s, enum planner_command command, const struct plan **ret_plan,
              struct err *reterr)
{
    struct options *o = &s->options;
    const char *cluster = s->cluster.config.cluster.name;
    struct plan *p;
    int rc = plan_load(o->plan, s->cluster.arena, &p, reterr);

    if (rc == 0)
        rc = plan_check_age(p, s->cluster.config.limits.plan_age_s, clock_wall_ms(), reterr);
    if (rc < 0)
        return rc;
    if (strcmp(p->facts.cluster, cluster) != 0)
        return foreign(reterr, o->plan, "the cluster", p->facts.cluster, cluster);
    if (p->command != (int)command)
        return foreign(reterr, o->plan, "a", plan_command_names[p->command],
                       plan_command_names[command]);
    if (o->to && strcmp(o->to, p->to) != 0)
        return err_set(reterr, ERR_USAGE, "leave --to out: the plan has it",
                       "--to %s, but the plan in %s goes to %s", o->to, o->plan, p->to);
    o->to = p->to;
    if (o->wait_jobs_s == 0)
        o->wait_jobs_s = p->wait_jobs_s;
    for (size_t i = 0; i < p->n_ignored; i++) {
        size_t max = sizeof(o->ignore) / sizeof(o->ignore[0]);
        bool typed = false;

        for (size_t j = 0; j < o->n_ignore; j++)
            typed = typed || strcmp(o->ignore[j], p->ignored[i].name) == 0;
        if (!typed && o->n_ignore < max)
            o->ignore[o->n_ignore++] = p->ignored[i].name;
    }
    *ret_plan = p;
    return 0;
}

int plan_check_facts(struct session *s, const struct plan *then, const struct plan *now,
                     struct err *reterr)
{
    struct plan_change changes[PLAN_CHANGES_MAX];
    size_t n = plan_compare(then, now, changes);

    if (n == 0)
        return 0;

    const char *said[PLAN_CHANGES_MAX];
    for (size_t i = 0; i < n; i++)
        said[i] = remedy_for(&s->options, s->cluster.arena, changes[i].text);
    if (s->options.format == FORMAT_JSON) {
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, json_string(said[i]));
        report_put_json(s, json_pack("{s:o}", "changed", list));
    }
    for (size_t i = 0; i < n && s->options.format != FORMAT_JSON; i++)
        report_wrap(s, "changed: ", said[i]);
    return err_set(reterr, ERR_PREFLIGHT, "correct what was not meant, or plan again",
                   "%zu %s changed since the plan was made at %s; nothing has been changed. "
                   "First: %s",
                   n, n == 1 ? "fact has" : "facts have", then->made, said[0]);
}

/* The engine compares again, right before the question. */
int plan_still_holds(struct session *s, const struct plan *then, struct err *reterr)
{
    struct preflight *p = arena_alloc(s->cluster.arena, sizeof(*p));
    struct err ignored;

    return plan_check_facts(
        s, then, look_and_build(s, (enum planner_command)then->command, then->to, p, &ignored),
        reterr);
}
