/* A plan from one look: what is foreseen, put into words, and what it rests on. */
#include "controller/plan/plan.h"

#include <string.h>

#include "base/clock.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cron_nodes.h"
#include "controller/cluster/evidence.h"
#include "controller/cluster/slots.h"
#include "controller/cluster/view.h"
#include "controller/decide/planner_view.h"
#include "controller/preflight/preflight.h"
#include "controller/session/session.h"

const struct foresight *plan_foresee(struct session *s, const struct world *w,
                                     const struct planner_view *view)
{
    struct foresight *f = arena_alloc(s->cluster.arena, sizeof(*f));
    int upstream[CLUSTER_NODES_MAX];

    for (size_t i = 0; i < CLUSTER_NODES_MAX; i++) {
        upstream[i] = -1;
        for (size_t j = 0; i < w->n_nodes && j < s->cluster.config.n_nodes; j++)
            if (view_streams_from(&s->cluster.config, w, i, j))
                upstream[i] = (int)j;
    }
    foresee(view, upstream, f);
    return f;
}

/* The planner's last word, with what to do about it where it is not the end that was wanted. */
static void tell_end(const struct plan_look *look, const struct planner_move *end, char *ret,
                     size_t bytes)
{
    const char *node = end->node >= 0 ? look->view->nodes[end->node].name : "";
    enum planner_reason why = end->reason;
    const struct config *c = &look->session->cluster.config;
    struct arena *a = look->session->cluster.arena;
    bool seen = why == WHY_SEEN_WRITABLE && evidence_writable(look->world);
    char text[200], hint[300];

    planner_sentence(seen ? evidence_verdict(a, c, look->world) : planner_reason_text(why), node,
                     text, sizeof(text));
    planner_sentence(seen ? evidence_remedy(a, c, look->world) : planner_reason_hint(why), node,
                     hint, sizeof(hint));
    bool told = end->kind == MOVE_DONE || end->exit_code == 3 || !*hint;
    (void)str_printf(ret, bytes, "%s%s%s", text, told ? "" : ": ", told ? "" : hint);
}

static void take_owed(const struct plan_look *look, struct plan *p)
{
    struct planner_debt outstanding[PLANNER_DEBTS_MAX];
    size_t n = planner_debts(&look->foresight->after, outstanding);

    for (size_t i = 0; i < n && p->n_outstanding < PLAN_OUTSTANDING_MAX; i++)
        planner_sentence(planner_debt_text((enum planner_debt_kind)outstanding[i].kind),
                         look->view->nodes[outstanding[i].node].name,
                         p->outstanding[p->n_outstanding++].text, sizeof(p->outstanding[0].text));
}

static void take_slots(const struct plan_look *look, struct plan *p)
{
    const struct config *c = &look->session->cluster.config;
    const char *lines[CLUSTER_NODES_MAX];
    int owner = config_node_index(c, look->foresight->after.d.owner);
    size_t n = slots_left(look->session->cluster.arena, c, look->world, owner, lines);

    for (size_t i = 0; i < n && p->n_outstanding < PLAN_OUTSTANDING_MAX; i++, p->n_outstanding++)
        STR_COPY(p->outstanding[p->n_outstanding].text, lines[i]);
}

static void take_evidence(const struct plan_look *look, struct plan *p)
{
    const char *lines[EVIDENCE_LINES_MAX];
    size_t n = evidence_lines(look->session->cluster.arena, &look->session->cluster.config,
                              look->world, lines);

    for (; p->n_evidence < n && p->n_evidence < CLUSTER_NODES_MAX; p->n_evidence++)
        STR_COPY(p->evidence[p->n_evidence].text, lines[p->n_evidence]);
}

static void take_options(const struct options *o, struct plan *p)
{
    p->wait_jobs_s = o->wait_jobs_s;
    p->n_ignored = o->n_ignore;
    for (size_t i = 0; i < o->n_ignore; i++)
        STR_COPY(p->ignored[i].name, o->ignore[i]);
}

void plan_build(const struct plan_look *look, struct plan *ret)
{
    const struct foresight *f = look->foresight;
    bool refused = look->preflight && look->preflight->blocking > 0;
    char made[CLOCK_TEXT_BYTES];

    memset(ret, 0, sizeof(*ret));
    STR_COPY(ret->format, "pgtandem-plan");
    ret->format_version = PLAN_FORMAT;
    ret->made_wall_ms = clock_wall_ms();
    STR_COPY(ret->made, clock_text(ret->made_wall_ms, made));
    STR_COPY(ret->by, look->session->cluster.by);
    ret->command = (int)look->view->command;
    STR_COPY(ret->from, look->view->d.owner);
    if (look->view->to >= 0)
        STR_COPY(ret->to, look->view->nodes[look->view->to].name);
    take_options(&look->session->options, ret);
    ret->possible = f->end.kind == MOVE_DONE && f->end.exit_code == 0 && !refused;
    if (refused)
        STR_PRINTF(ret->end, "%zu of %zu preflight checks refuse", look->preflight->blocking,
                   look->preflight->n);
    else
        tell_end(look, &f->end, ret->end, sizeof(ret->end));
    if (f->n_back || f->back_end.reason != WHY_NONE)
        tell_end(look, &f->back_end, ret->back_end, sizeof(ret->back_end));
    plan_take_actions(look, ret);
    plan_take_outlook(look, ret);
    take_evidence(look, ret);
    if (f->n)
        take_owed(look, ret);
    take_slots(look, ret);
    plan_take_facts(look, &ret->facts);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static bool is_entry(const char *line)
{
    const char *p = line + strspn(line, " \t");

    return *p && *p != '#' && (strchr("0123456789*@", *p) != NULL);
}

static void take_entries(struct plan *p, struct session *s, const struct cron_nodes *c, int node,
                         enum crontab_mode mode, const char *change)
{
    const char *text = c->text[node];
    char **lines;
    size_t n;

    if (!text ||
        crontab_managed_lines(text, strlen(text), mode, s->cluster.arena, &lines, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n && p->n_jobs < PLAN_JOBS_MAX; i++) {
        struct plan_job *j = &p->jobs[p->n_jobs];

        if (!is_entry(lines[i]))
            continue;
        STR_COPY(j->node, s->cluster.config.nodes[node].name);
        STR_COPY(j->change, change);
        mask_secrets(lines[i], j->entry, sizeof(j->entry));
        p->n_jobs++;
    }
}

void plan_take_jobs(const struct plan_look *look, const struct cron_nodes *crontabs, struct plan *p)
{
    struct session *s = look->session;
    const struct foresight *f = look->foresight;
    enum crontab_mode mode = CRONTAB_BLOCK;

    if (crontabs->owner >= 0 && crontabs->text[crontabs->owner])
        (void)cron_nodes_mode(&s->cluster, crontabs, &mode, NULL);
    for (int i = 0; i < (int)look->view->n_nodes; i++)
        if (!look->view->nodes[i].cron_off && f->after.nodes[i].cron_off)
            take_entries(p, s, crontabs, i, mode, "off");
    for (int i = 0; i < (int)look->view->n_nodes; i++)
        if (!look->view->nodes[i].cron_on && f->after.nodes[i].cron_on)
            take_entries(p, s, crontabs, i, mode, "on");
}
