/* What a DNS step writes, and what a run remembers of its steps. */
#include <string.h>

#include "base/str.h"
#include "controller/decide/planner_view.h"

/* ---- the next record ----------------------------------------------------------------------- */

static void prune_from(const struct planner_view *v, struct record *r)
{
    for (size_t i = r->n_from; i-- > 0;) {
        char name[NODE_NAME_BYTES];

        STR_COPY(name, r->from[i].node);
        if (!planner_stays_in_from(v, &r->from[i]))
            register_from_remove(r, name);
    }
}

static bool record_flip(const struct planner_view *v, struct record *r)
{
    enum grade grade = register_grade_of(&v->d, v->d.owner);

    register_from_remove(
        r, v->d.owner); /* the previous owner is the last of `from`: undo returns to it */
    if (r->n_from == REGISTER_NODES_MAX)
        return false;
    register_from_add(r, v->d.owner, grade);
    register_from_remove(r, v->d.to);
    for (size_t i = 0; i < r->n_from; i++) {
        int node = planner_node_index(v, r->from[i].node);

        if (planner_known_not_writable(v, node) && planner_fenced(v, node))
            r->from[i].grade = GRADE_G1;
    }
    STR_COPY(r->owner, v->d.to);
    r->to[0] = '\0';
    r->state = REGISTER_FLIP;
    return true;
}

static bool record_undo(const struct planner_view *v, struct record *r)
{
    int old = planner_old(v);

    if (old < 0)
        return false;
    STR_COPY(r->owner, v->nodes[old].name);
    register_from_remove(r, v->nodes[old].name); /* B, revoked, was never in it */
    r->to[0] = '\0';
    r->state = REGISTER_UNDO;
    r->epoch++;
    return true;
}

static bool record_grade(const struct planner_view *v, struct record *r)
{
    uint32_t silent =
        planner_silent(v, planner_target(v) >= 0 ? planner_target(v) : planner_owner(v));

    for (int i = 0; i < (int)v->n_nodes; i++) {
        if (!(silent & planner_bit(i)) || !planner_confirmed(v, i))
            continue;
        if (r->n_from == REGISTER_NODES_MAX && !register_from_has(r, v->nodes[i].name))
            return false;
        register_from_add(r, v->nodes[i].name, v->marks.cut & planner_bit(i) ? GRADE_G2 : GRADE_G3);
    }
    return true;
}

static bool record_begin(const struct planner_view *v, enum register_state state,
                         const struct planner_record_args *args, struct record *r)
{
    if (v->to < 0)
        return false;
    STR_COPY(r->to, v->nodes[v->to].name);
    STR_COPY(r->txn, args->txn);
    r->state = (int)state;
    r->epoch++;
    return true;
}

static bool record_stable(const struct planner_view *v, struct record *r)
{
    prune_from(v, r);
    r->to[0] = '\0';
    r->state = REGISTER_STABLE;
    return true;
}

static bool record_takeover(const struct planner_view *v, struct record *r)
{
    if (planner_state_is(v, REGISTER_STABLE))
        prune_from(v, r);
    if (v->command == PLANNER_FORGET)
        register_from_remove(r, v->nodes[v->to].name);
    r->epoch++;
    return true;
}

bool planner_record(const struct planner_view *v, enum step_id step,
                    const struct planner_record_args *args, struct record *ret)
{
    struct record r = v->d;
    bool ok = false;

    if (step == STEP_CLAIM)
        ok = record_begin(v, REGISTER_CLAIM, args, &r);
    else if (step == STEP_SEIZE)
        ok = record_begin(v, REGISTER_SEIZE, args, &r);
    else if (step == STEP_TAKEOVER)
        ok = record_takeover(v, &r);
    else if (step == STEP_GRADE)
        ok = record_grade(v, &r);
    else if (step == STEP_FLIP)
        ok = record_flip(v, &r);
    else if (step == STEP_UNDO)
        ok = record_undo(v, &r);
    else if (step == STEP_STABLE || step == STEP_STABLE_BACK)
        ok = record_stable(v, &r);
    if (!ok)
        return false;
    if (step == STEP_STABLE && args->tli > 0)
        r.tli = args->tli;
    STR_COPY(r.nonce, args->nonce);
    STR_COPY(r.by, args->by);
    *ret = r;
    return true;
}

const char *planner_alias_target(const struct record *r)
{
    return r->owner;
}

/* ---- what a run remembers ------------------------------------------------------------------ */

/* What was checked, seen or accepted by a person outlives the epoch that it happened in. */
static const uint64_t kept = (uint64_t)1 << STEP_PREFLIGHT | (uint64_t)1 << STEP_EVIDENCE |
                             (uint64_t)1 << STEP_LOSS | (uint64_t)1 << STEP_WAIT_WATCH;

void planner_wrote(struct planner_marks *m, enum step_id step, const struct record *r)
{
    if (r->epoch > m->epoch) {
        m->done &= kept;
        m->failed = m->failed_again = 0;
        m->arm_failed = m->unsettled = 0; /* ARM with a new epoch defeats whatever is late */
    }
    m->epoch = r->epoch;
    STR_COPY(m->nonce, r->nonce);
    m->late_flip = false; /* its prerequisite, the old record, is gone */
    m->began = true;
    m->given_epoch = 0;
    if (step == STEP_STABLE)
        m->finished = true;
    if (step == STEP_STABLE_BACK)
        m->undone = true;
}

static void note_done(struct planner_marks *m, const struct planner_view *after, enum step_id step,
                      int node)
{
    m->done |= step_bit(step);
    m->failed &= ~step_bit(step);
    m->unsettled &= ~planner_bit(node);
    if (step == STEP_ARM)
        m->arm_failed &= ~planner_bit(node);
    if (step == STEP_CUT)
        m->cut |= planner_bit(node);
    if (step == STEP_VERIFY && node >= 0 && planner_old(after) >= 0) {
        m->verified_shutdown_lsn = after->nodes[planner_old(after)].shutdown_lsn;
        m->verified_replay_lsn = after->nodes[node].replay_lsn;
    }
}

/* Steps to many nodes are judged node by node: one that fails does not speak for the others. */
static uint32_t *failed_nodes(struct planner_marks *m, enum step_id step)
{
    if (step == STEP_ARM)
        return &m->arm_failed;
    if (step == STEP_FOLLOW || step == STEP_FOLLOW_BACK)
        return &m->follow_failed;
    if (step == STEP_REJOIN)
        return &m->rejoin_failed;
    return NULL;
}

static void note_failed(struct planner_marks *m, const struct planner_view *after,
                        enum step_id step, int node, enum planner_outcome outcome)
{
    uint32_t *nodes = failed_nodes(m, step);

    m->last_failed = step;
    m->last_unknown = outcome == OUTCOME_UNKNOWN;
    m->lost |= outcome == OUTCOME_LOST;
    m->declined |= outcome == OUTCOME_DECLINED;
    if (m->last_unknown)
        m->unsettled |= planner_bit(node);
    if (m->last_unknown && step == STEP_FLIP)
        m->late_flip = true;
    if (nodes) {
        *nodes |= planner_bit(node);
    } else {
        m->failed_again |= m->failed & step_bit(step);
        m->failed |= step_bit(step);
    }
    /* so that a new epoch (a late flip is fenced by one) does not make it try again */
    if (step == STEP_FLIP &&
        (after->command == PLANNER_SWITCHOVER || (m->done & step_bit(STEP_CATCHUP))))
        m->turned = true;
}

void planner_note(struct planner_marks *m, const struct planner_view *after, enum step_id step,
                  int node, enum planner_outcome outcome)
{
    if ((steps[step].flags & STEP_CHANGES) && !(steps[step].flags & STEP_DNS))
        m->touched = true;
    if (outcome == OUTCOME_DONE)
        note_done(m, after, step, node);
    else
        note_failed(m, after, step, node, outcome);
    /* the first act on the way back decides the direction for the rest of the run */
    if ((steps[step].flags & STEP_BACKWARD) &&
        (after->command == PLANNER_SWITCHOVER ||
         (after->command == PLANNER_RESUME && planner_state_is(after, REGISTER_CLAIM))))
        m->turned = true;
}
