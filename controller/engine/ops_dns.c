/* One UPDATE of alias and record together, by compare-and-swap on both old values. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "controller/engine/ops.h"

/* The record to write, as struct and text, and the name that the alias must then have. */
static int next_record(struct run *r, const struct planner_move *m, struct record *ret_record,
                       char ret_text[REGISTER_TEXT_BYTES], const struct config_node **ret_target,
                       struct err *reterr)
{
    char nonce[NONCE_BYTES];
    register_new_nonce(nonce);
    struct planner_record_args args = {.nonce = nonce, .txn = r->txn, .by = r->session->cluster.by};
    if (m->step == STEP_STABLE || m->step == STEP_STABLE_BACK) {
        int owner = planner_owner(&r->view);
        if (owner >= 0)
            args.tli = r->world.nodes[owner].obs.pg.tli;
    }
    if (!planner_record(&r->view, m->step, &args, ret_record))
        return err_set(reterr, ERR_INVALID,
                       "`pgtandem resume` settles nodes that it still names; then try again",
                       "the ownership record, %d bytes at most, has no room for this step",
                       REGISTER_TEXT_BYTES - 1);
    int rc = register_format(ret_record, ret_text, reterr);
    if (rc < 0)
        return rc;
    const char *owner = planner_alias_target(ret_record);
    *ret_target = config_node_find(&r->session->cluster.config, owner);
    if (!*ret_target)
        return err_set(
            reterr, ERR_CONFIG,
            "add its [node NAME] section, as on the other controllers; then `pgtandem config "
            "check`",
            "node %s of the ownership record is not in the configuration of this controller",
            owner);
    return 0;
}

static enum planner_outcome outcome_of(const struct dns_swap_result *result, const struct err *why)
{
    switch (result->verdict) {
    case DNS_DONE:
        return OUTCOME_DONE;
    case DNS_UNKNOWN:
        return OUTCOME_UNKNOWN;
    case DNS_REFUSED:
        return why->code == ERR_LOST ? OUTCOME_LOST : OUTCOME_FAILED;
    }
    return OUTCOME_UNKNOWN;
}

void op_record(struct run *r, const struct planner_move *m, struct op_result *res)
{
    struct session *s = r->session;
    struct record next;
    char text[REGISTER_TEXT_BYTES];
    const struct config_node *target;
    enum planner_outcome *outcome = &res->outcome[CLUSTER_NODES_MAX];
    *outcome = OUTCOME_FAILED;
    if (next_record(r, m, &next, text, &target, &res->e) < 0)
        return;

    struct dns_swap swap = {.old_cname = r->world.d.cname_present ? r->world.d.cname : NULL,
                            .old_txt = r->world.d.txt,
                            .new_cname = target->target,
                            .new_txt = text,
                            .cname_ttl = next.ttl};
    struct dns_swap_result result;
    cluster_swap(&s->cluster, &swap, &result, &res->e);
    trace_dns(&r->trace, &swap, &result, &res->e);
    *outcome = outcome_of(&result, &res->e);
    /* time has passed, and somebody else may be at work: what was seen of the nodes is old */
    if (*outcome == OUTCOME_LOST || *outcome == OUTCOME_UNKNOWN)
        world_observe(&s->cluster, &r->world, OBSERVE_AGENTS);
    if (result.view.status == DNS_VIEW_OK)
        r->world.d = result.view;
    else if (*outcome == OUTCOME_UNKNOWN)
        r->world.d.status = DNS_VIEW_SILENT;
    if (*outcome == OUTCOME_DONE) {
        r->known = next;
        planner_wrote(&r->view.marks, m->step, &next);
    }
    STR_PRINTF(res->detail, "epoch %lld %s, owner %s, alias -> %s%s", (long long)next.epoch,
               register_state_names[next.state], next.owner, target->target,
               result.tries > 1 ? " (sent again)" : "");
}

/* Signed, from the primary: what FLIP and the agents' own reads will need. */
void op_ask_dns(struct run *r, const struct planner_move *m, struct op_result *res)
{
    (void)m;
    world_observe(&r->session->cluster, &r->world, OBSERVE_DNS);
    if (r->world.d.status == DNS_VIEW_OK) {
        res->outcome[CLUSTER_NODES_MAX] = OUTCOME_DONE;
        STR_PRINTF(res->detail, "%s answers, epoch %lld", r->world.d.server,
                   (long long)r->world.d.record.epoch);
    } else {
        res->e = r->world.d_error;
    }
}
