/* ARM and CHECKPOINT. */
#include <string.h>

#include "agent/acts/acts.h"
#include "base/clock.h"
#include "base/str.h"

static void arm_stale(struct act *a)
{
    struct agent_state next;
    enum rule r = rules_admit(&a->s, a->q->epoch, a->q->seq, &next);

    act_obey(a, r, NULL);
}

/* Who takes a transition over (resume, abort) arms it again: it was not he who began it. */
static void keep_who_began(const struct act *a, struct obs_begun *b)
{
    if (strcmp(b->txn, a->q->txn) == 0)
        return;
    *b = (struct obs_begun){.wall_ms = clock_wall_ms()};
    STR_COPY(b->txn, a->q->txn);
    STR_COPY(b->command, a->q->command);
    STR_COPY(b->by, a->q->by);
    STR_COPY(b->reason, a->q->reason);
}

static void arm_decide(struct act *a)
{
    const char *node = a->agent->config->agent.node;
    struct agent_state next;
    bool first = a->s.epoch == 0; /* never commanded: its jobs are as the record's owner has them */
    enum rule r = rules_arm(&a->s, a->q->epoch, a->q->seq, a->q->nonce, a->q->txn, &a->d, &next);

    if (r != RULE_OBEY) {
        act_refuse(a, r);
        return;
    }
    if (a->d_from_primary)
        STR_COPY(next.boot_id, a->agent->boot);
    if (first && !next.fenced && strcmp(a->d.owner, node) == 0)
        next.cron_on = true;
    keep_who_began(a, &next.begun);
    act_obey(a, RULE_OBEY, &next);
}

static const act_phase_fn arm_phases[] = {arm_stale, act_read_d, arm_decide, NULL};
const struct act_kind act_arm = {.name = "arm", .phases = arm_phases};

static void checkpoint_do(struct act *a)
{
    postgres_checkpoint(a->agent->pg, act_left_ms(a), act_done, a);
}

static void checkpoint_forsake(struct act *a)
{
    postgres_checkpoint_cancel(a->agent->pg, a);
}

static const act_phase_fn checkpoint_phases[] = {act_admit, NULL};
static const act_phase_fn checkpoint_tail[] = {checkpoint_do, NULL};
const struct act_kind act_checkpoint = {.name = "checkpoint",
                                        .phases = checkpoint_phases,
                                        .tail = checkpoint_tail,
                                        .forsake = checkpoint_forsake};
