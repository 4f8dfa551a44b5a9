#include "controller/outline.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "controller/run.h"
#include "controller/summary.h"

enum whom { NOBODY, OLD, NEW };

struct line {
    enum step_id step;
    enum whom whom; /* the node that the step's title names */
};

static const struct line planned[] = {
    {STEP_CLAIM, NOBODY}, {STEP_ARM, NOBODY},    {STEP_CRON_OFF, OLD},   {STEP_CATCHUP, OLD},
    {STEP_FENCE, OLD},    {STEP_VERIFY, NEW},    {STEP_FLIP, NEW},       {STEP_PROMOTE, NEW},
    {STEP_CRON_ON, NEW},  {STEP_FOLLOW, NOBODY}, {STEP_CHECKPOINT, NEW}, {STEP_STABLE, NOBODY},
    {STEP_REJOIN, OLD},   {STEP_NONE, NOBODY},
};

static const struct line unplanned[] = {
    {STEP_SEIZE, NOBODY},  {STEP_ARM, NOBODY},        {STEP_FENCE_OLD, OLD}, {STEP_DETACH, NOBODY},
    {STEP_FLIP, NEW},      {STEP_WAIT_WATCH, NOBODY}, {STEP_PROMOTE, NEW},   {STEP_CRON_ON, NEW},
    {STEP_FOLLOW, NOBODY}, {STEP_CHECKPOINT, NEW},    {STEP_STABLE, NOBODY}, {STEP_NONE, NOBODY},
};

/* Today's value beside the steps that a person will want to know it of; "" for the others. */
static void value_of(const struct run *r, enum step_id step, int old, int new, char *ret,
                     size_t bytes)
{
    const struct obs_cron *cron = &r->world.nodes[old].obs.cron;
    const struct obs_pg *a = &r->world.nodes[old].obs.pg, *b = &r->world.nodes[new].obs.pg;

    ret[0] = '\0';
    if (step == STEP_CRON_OFF)
        str_printf(ret, bytes, "%lld on, %lld running", (long long)cron->entries_on,
                   (long long)cron->jobs_running);
    else if (step == STEP_CATCHUP)
        str_printf(ret, bytes, "replay is %lld bytes behind",
                   a->flush_lsn > b->replay_lsn ? (long long)(a->flush_lsn - b->replay_lsn) : 0LL);
    else if (step == STEP_FENCE)
        str_printf(ret, bytes, "writes stop here; what fails from here on is undone");
    else if (step == STEP_FLIP)
        str_printf(ret, bytes, "caches keep the old name for up to %lld s",
                   (long long)r->world.d.cname_ttl);
    else if (step == STEP_PROMOTE)
        str_printf(ret, bytes, "the point of no return; writes go on from here");
    else if (step == STEP_WAIT_WATCH)
        str_printf(ret, bytes, "only if it was not fenced");
}

void outline_print(struct run *r)
{
    const struct line *lines = r->view.command == PLAN_FAILOVER ? unplanned : planned;
    int old = plan_owner(&r->view), new = r->view.to;
    char title[120], value[120];

    if (old < 0 || new < 0 || r->session->options.format != FORMAT_PRETTY)
        return;
    printf("  what will be done:\n");
    for (int i = 0; lines[i].step != STEP_NONE; i++) {
        int whom = lines[i].whom == OLD ? old : lines[i].whom == NEW ? new : -1;

        summary_fill(steps[lines[i].step].title, run_node_name(r, whom), title, sizeof(title));
        value_of(r, lines[i].step, old, new, value, sizeof(value));
        printf("    %2d %-12s %s%s%s%s\n", i + 1, steps[lines[i].step].name, title,
               value[0] ? "   (" : "", value, value[0] ? ")" : "");
    }
}
