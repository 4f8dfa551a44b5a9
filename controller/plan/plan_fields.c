/* The plan as a file and as `-f json`: every field, once. */
#include "controller/plan/plan.h"

const char *const plan_command_names[] = {"switchover", "failover", "resume", "abort", "unfence",
                                          "fence",      "rejoin",   "forget", NULL};
_Static_assert(sizeof(plan_command_names) / sizeof(char *) == PLANNER_COMMANDS + 1,
               "a name for each command");

/* clang-format off */
static const struct field action_fields[] = {
    F_INT(struct plan_action, n, FIELD_REQUIRED, 1, FORESEEN_MAX, NULL, "number, from 1"),
    F_STRING(struct plan_action, step, FIELD_REQUIRED, NULL, "name of the step, as in the journal"),
    F_STRING(struct plan_action, where, 0, NULL, "the hosts that it is about"),
    F_STRING(struct plan_action, what, 0, NULL, "what is done"),
    F_STRING(struct plan_action, now, 0, NULL, "today's value"),
    F_STRING(struct plan_action, then, 0, NULL, "what it becomes"),
    F_STRING(struct plan_action, undo, 0, NULL, "name of the step that undoes it"),
    F_STRING(struct plan_action, back, 0, NULL, "what that step does"),
    F_BOOL(struct plan_action, no_return, 0, NULL, "once it is done there is no way back"),
    F_BOOL(struct plan_action, if_needed, 0, NULL, "left out where the node got there automatically"),
    F_INT(struct plan_action, timeout_ms, 0, 0, 3600000, NULL, "the step's limit (ms)"),
};
static FIELD_TABLE(action_table, struct plan_action, "action", action_fields);

static const struct field node_fields[] = {
    F_STRING(struct plan_node_facts, node, FIELD_REQUIRED, NULL, "its name"),
    F_STRING(struct plan_node_facts, agent, 0, NULL, "its agent, IP:port"),
    F_STRING(struct plan_node_facts, target, 0, NULL, "what the alias points to when it is the owner"),
    F_STRING(struct plan_node_facts, address, 0, NULL, "its PostgreSQL, IP:port"),
    F_BOOL(struct plan_node_facts, answers, 0, NULL, "its agent answers"),
    F_ID(struct plan_node_facts, system_identifier, 0, "its data directory's"),
    F_INT(struct plan_node_facts, timeline, 0, 0, INT64_MAX, NULL, "its timeline"),
    F_STRING(struct plan_node_facts, role, 0, NULL, "what its PostgreSQL is"),
    F_STRING(struct plan_node_facts, fence, 0, NULL, "-, fenced, standby only or held"),
    F_STRING(struct plan_node_facts, follows, 0, NULL, "the node that it streams from"),
    F_STRING(struct plan_node_facts, conninfo, 0, NULL, "hosts in every primary_conninfo"),
    F_STRING(struct plan_node_facts, sync_standby_names, 0, NULL, "synchronous_standby_names"),
    F_STRING(struct plan_node_facts, synchronous_commit, 0, NULL, "synchronous_commit"),
    F_STRING(struct plan_node_facts, timeline_target, 0, NULL, "recovery_target_timeline"),
    F_INT(struct plan_node_facts, postgresql, 0, 0, INT64_MAX, NULL, "server_version_num"),
    F_STRING(struct plan_node_facts, agent_version, 0, NULL, "its agent's version"),
    F_STRING(struct plan_node_facts, guard_peers, 0, NULL, "the peers that its guard asks"),
    F_STRING(struct plan_node_facts, crontab, 0, NULL, "sha256 of its crontab"),
    F_BOOL(struct plan_node_facts, jobs_on, 0, NULL, "its scheduled jobs were commanded on"),
};
FIELD_TABLE(plan_node_facts_table, struct plan_node_facts, "node", node_fields);

static const struct field check_fields[] = {
    F_STRING(struct plan_check, name, FIELD_REQUIRED, NULL, "name of the preflight check"),
    F_STRING(struct plan_check, measured, 0, NULL, "what it measured"),
};
static FIELD_TABLE(check_table, struct plan_check, "check", check_fields);

static const struct field facts_fields[] = {
    F_INT(struct plan_facts, epoch, 0, 0, INT64_MAX, NULL, "epoch of the ownership record"),
    F_STRING(struct plan_facts, owner, 0, NULL, "owner in the ownership record"),
    F_STRING(struct plan_facts, program, 0, NULL, "program and version that made the plan"),
    F_STRING(struct plan_facts, cluster, FIELD_REQUIRED, NULL, "name of the cluster"),
    F_STRING(struct plan_facts, alias, FIELD_REQUIRED, NULL, "the CNAME that clients connect to"),
    F_STRING(struct plan_facts, alias_target, 0, NULL, "where it points"),
    F_INT(struct plan_facts, alias_ttl, 0, 0, INT64_MAX, NULL, "its TTL (s)"),
    F_STRING(struct plan_facts, name_servers, 0, NULL, "the zone's name servers and their addresses"),
    F_STRING(struct plan_facts, nonce, 0, NULL, "nonce of the ownership record"),
    F_STRING(struct plan_facts, state, 0, NULL, "state of the ownership record"),
    F_STRING(struct plan_facts, from, 0, NULL, "nodes that may still be writable, by the record"),
    F_ID(struct plan_facts, system_identifier, 0, "the cluster's, by the record"),
    F_INT(struct plan_facts, timeline, 0, 0, INT64_MAX, NULL, "the owner's, by the record"),
    F_LIST(struct plan_facts, nodes, n_nodes, 0, &plan_node_facts_table, "a row for each node"),
    F_LIST(struct plan_facts, checks, n_checks, 0, &check_table, "preflight checks that warned"),
};
FIELD_TABLE(plan_facts_table, struct plan_facts, "facts", facts_fields);

static const struct field ns_fields[] = {
    F_STRING(struct plan_ns, name, 0, NULL, "name of the name server"),
    F_STRING(struct plan_ns, address, 0, NULL, "its address"),
    F_INT(struct plan_ns, serial, 0, -1, INT64_MAX, "-1", "the zone's serial there; -1 unknown"),
    F_INT(struct plan_ns, behind, 0, -1, INT64_MAX, "-1", "serials behind the primary; -1 unknown"),
    F_BOOL(struct plan_ns, agrees, 0, NULL, "shows the primary's alias and record"),
    F_STRING(struct plan_ns, why, 0, NULL, "why it was not seen"),
};
static FIELD_TABLE(ns_table, struct plan_ns, "ns", ns_fields);

static const struct field outlook_fields[] = {
    F_INT(struct plan_outlook, measured, 0, 0, INT64_MAX, NULL, "moves of this kind that were measured here"),
    F_INT(struct plan_outlook, outage_median_ms, 0, -1, INT64_MAX, "-1", "their median outage (ms); -1 none"),
    F_INT(struct plan_outlook, outage_most_ms, 0, -1, INT64_MAX, "-1", "their longest outage (ms); -1 none"),
    F_STRING(struct plan_outlook, outage, 0, NULL, "the same in words"),
    F_INT(struct plan_outlook, alias_ttl_s, 0, -1, INT64_MAX, "-1", "how long caches keep the alias (s)"),
    F_INT(struct plan_outlook, soa_refresh_s, 0, -1, INT64_MAX, "-1", "how often a secondary asks automatically (s)"),
    F_INT(struct plan_outlook, soa_negative_s, 0, -1, INT64_MAX, "-1", "how long caches keep \"no such name\" (s)"),
    F_INT(struct plan_outlook, client_worst_s, 0, -1, INT64_MAX, "-1", "a client's worst view: refresh plus TTL (s)"),
    F_STRING(struct plan_outlook, clients, 0, NULL, "what clients feel"),
    F_LIST(struct plan_outlook, ns, n_ns, 0, &ns_table, "the zone's name servers"),
};
static FIELD_TABLE(outlook_table, struct plan_outlook, "outlook", outlook_fields);

static const struct field job_fields[] = {
    F_STRING(struct plan_job, node, FIELD_REQUIRED, NULL, "on which node"),
    F_STRING(struct plan_job, change, 0, NULL, "off or on: what is done to it"),
    F_STRING(struct plan_job, entry, 0, NULL, "the crontab's line"),
};
static FIELD_TABLE(job_table, struct plan_job, "job", job_fields);

static const struct field outstanding_fields[] = {
    F_STRING(struct plan_outstanding, text, FIELD_REQUIRED, NULL, "what is outstanding when it is over"),
};
static FIELD_TABLE(outstanding_table, struct plan_outstanding, "outstanding", outstanding_fields);

static const struct field seen_fields[] = {
    F_STRING(struct plan_seen, text, FIELD_REQUIRED, NULL, "who sees what of a node that does not respond"),
};
static FIELD_TABLE(seen_table, struct plan_seen, "evidence", seen_fields);

static const struct field plan_fields[] = {
    F_STRING(struct plan, format, FIELD_REQUIRED, NULL, "pgtandem-plan"),
    F_INT(struct plan, format_version, FIELD_REQUIRED, 1, PLAN_FORMAT, NULL, "of this format"),
    F_INT(struct plan, made_wall_ms, 0, 0, INT64_MAX, NULL, "when: ms since 1970"),
    F_STRING(struct plan, made, 0, NULL, "when, UTC"),
    F_STRING(struct plan, by, 0, NULL, "who made it"),
    F_ENUM(struct plan, command, FIELD_REQUIRED, plan_command_names, NULL, "the move"),
    F_STRING(struct plan, from, 0, NULL, "the owner when it was made"),
    F_STRING(struct plan, to, 0, NULL, "the node to move to"),
    F_INT(struct plan, wait_jobs_s, 0, 0, 86400, NULL, "--wait-jobs (s)"),
    F_LIST(struct plan, ignored, n_ignored, 0, &check_table, "--ignore, as given"),
    F_BOOL(struct plan, possible, 0, NULL, "it ends well, as far as can be foreseen"),
    F_STRING(struct plan, end, 0, NULL, "how it ends"),
    F_LIST(struct plan, actions, n_actions, 0, &action_table, "the steps in their order"),
    F_LIST(struct plan, back, n_back, 0, &action_table, "the way back, from right before the point of no return"),
    F_STRING(struct plan, back_end, 0, NULL, "how the way back ends"),
    F_LIST(struct plan, jobs, n_jobs, 0, &job_table, "the crontab entries that are turned off and on"),
    F_STRUCT(struct plan, outlook, 0, &outlook_table, "what it will cost"),
    F_LIST(struct plan, evidence, n_evidence, 0, &seen_table, "failover: what the others see of an owner that does not respond"),
    F_LIST(struct plan, outstanding, n_outstanding, 0, &outstanding_table, "what is outstanding afterwards"),
    F_STRUCT(struct plan, facts, FIELD_REQUIRED, &plan_facts_table, "what the steps rest on"),
    F_STRING(struct plan, sha256, 0, NULL, "of all the others"),
};
FIELD_TABLE(plan_table, struct plan, "plan", plan_fields);
/* clang-format on */
