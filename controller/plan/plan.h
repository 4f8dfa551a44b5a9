/*
 * A plan: what a move will do, step by step, with today's values; the way back; what it will cost;
 * what will be outstanding. Its steps are those that the planner would hand out one after the other
 * (controller/decide/foresee.h), so that plan and deed are one list. `plan` shows it, `--dry-run`
 * of every move too; `plan --save` keeps it in a file and `switchover --plan` carries it out,
 * unless a fact that mattered has changed since.
 *
 * Facts are what the steps rest on and what does not normally change: each node's role and
 * upstream, the crontabs, the record, the settings. WAL positions and lag are shown and never
 * compared; the preflight judges them when it runs.
 *
 * The file is one JSON object, by the field tables of plan_fields.c, with a sha256 over all else in
 * it: it is not meant to be edited.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/field.h"
#include "controller/cluster/observe.h"
#include "controller/decide/foresee.h"

struct arena;
struct cron_nodes;
struct err;
struct preflight;
struct session;

enum { PLAN_FORMAT = 1, PLAN_JOBS_MAX = 128, PLAN_CHECKS_MAX = 64, PLAN_OUTSTANDING_MAX = 48 };

extern const char *const plan_command_names[]; /* by enum planner_command: "switchover", … */
/* A move of the role, as far as a plan of it has a way back and costs clients something. */
static inline bool plan_is_move(int command)
{
    return command == PLANNER_SWITCHOVER || command == PLANNER_FAILOVER ||
           command == PLANNER_RESUME;
}

struct plan_action {
    int64_t n;
    char step[24];
    char where[200];           /* "db02", "db01, vm", "dns 10.77.0.11", "controller" */
    char what[160];            /* the step's title */
    char now[400], then[400];  /* today's value, and what it becomes; "" nothing to show */
    char undo[24], back[160];  /* the step that undoes it, and its title; "" */
    bool no_return, if_needed; /* as in struct foreseen_step */
    int64_t timeout_ms;
};

struct plan_node_facts {
    char node[NODE_NAME_BYTES];
    char agent[ADDRESS_BYTES];
    char target[DNS_NAME_BYTES];
    char address[ADDRESS_BYTES]; /* with the port */
    bool answers;                /* false: nothing below was seen */
    uint64_t system_identifier;
    int64_t timeline;
    char role[16];
    char fence[16];   /* "-", "fenced", "standby only", "held" */
    char follows[96]; /* the node that it streams from, else "host:port", "-" none */
    char conninfo[256];
    char sync_standby_names[128];
    char synchronous_commit[16];
    char timeline_target[16];
    int64_t postgresql; /* server_version_num; 0 not running */
    char agent_version[32];
    char guard_peers[CLUSTER_NODES_MAX * NODE_NAME_BYTES];
    char crontab[65]; /* sha256 */
    bool jobs_on;
};

struct plan_check { /* one that failed and did not block */
    char name[40];
    char measured[160];
};

struct plan_facts {
    char program[32];
    char cluster[CLUSTER_NAME_BYTES];
    char alias[DNS_NAME_BYTES];
    char alias_target[DNS_NAME_BYTES];
    int64_t alias_ttl;
    char name_servers[512]; /* names and addresses, sorted */
    int64_t epoch;
    char nonce[NONCE_BYTES];
    char state[16];
    char owner[NODE_NAME_BYTES];
    char from[REGISTER_NODES_MAX * (NODE_NAME_BYTES + 4)];
    uint64_t system_identifier;
    int64_t timeline;
    struct plan_node_facts nodes[CLUSTER_NODES_MAX];
    size_t n_nodes;
    struct plan_check checks[PLAN_CHECKS_MAX];
    size_t n_checks;
};

struct plan_ns {
    char name[DNS_NAME_BYTES];
    char address[DNS_ADDRESS_BYTES];
    int64_t serial, behind; /* -1 unknown; how many serials behind the zone's primary */
    bool agrees;
    char why[200];
};

struct plan_outlook {
    int64_t measured; /* moves of this kind in the journals here that `outage_…` speaks of */
    int64_t outage_median_ms, outage_most_ms;
    char outage[400];                      /* the same in words, or why there is none */
    int64_t alias_ttl_s;                   /* what a cache may keep the old name for */
    int64_t soa_refresh_s, soa_negative_s; /* -1 unknown */
    int64_t client_worst_s;                /* alias_ttl_s plus a secondary's refresh */
    char clients[400];
    struct plan_ns ns[DNS_NS_MAX];
    size_t n_ns;
};

struct plan_job {
    char node[NODE_NAME_BYTES];
    char change[8]; /* "off", "on" */
    char entry[256];
};

struct plan_outstanding {
    char text[160];
};

struct plan_seen { /* what a witness sees of an owner that does not respond */
    char text[200];
};

struct plan {
    char format[24];        /* "pgtandem-plan" */
    int64_t format_version; /* PLAN_FORMAT */
    int64_t made_wall_ms;
    char made[40]; /* the same for people, UTC */
    char by[BY_BYTES];
    int command; /* enum planner_command */
    char from[NODE_NAME_BYTES], to[NODE_NAME_BYTES];
    int64_t wait_jobs_s;
    struct plan_check ignored[16]; /* --ignore, as typed */
    size_t n_ignored;
    bool possible; /* it ends well, as far as can be foreseen */
    char end[400]; /* how it ends, in words */
    struct plan_action actions[FORESEEN_MAX];
    size_t n_actions;
    struct plan_action back[FORESEEN_MAX];
    size_t n_back;
    char back_end[400];
    struct plan_job jobs[PLAN_JOBS_MAX];
    size_t n_jobs;
    struct plan_outlook outlook;
    struct plan_outstanding outstanding[PLAN_OUTSTANDING_MAX];
    size_t n_outstanding;
    struct plan_seen evidence[CLUSTER_NODES_MAX];
    size_t n_evidence;
    struct plan_facts facts;
    char sha256[65]; /* of all the others; "" until it is saved */
};

extern const struct field_table plan_table, plan_facts_table, plan_node_facts_table;

/* ---- making -------------------------------------------------------------------------------- */

/* What was looked at, for everything below. `view` is before the command, with the marks of what a
 * person gave; `preflight` may be NULL. */
struct plan_look {
    struct session *session;
    const struct world *world;
    const struct planner_view *view;
    const struct preflight *preflight;
    const struct foresight *foresight;
};

/* Pure but for the clock. `jobs` and the outage are filled by the next two. */
void plan_build(const struct plan_look *look, struct plan *ret);
/* The entries that change, of the crontabs that were read with the look. */
void plan_take_jobs(const struct plan_look *look, const struct cron_nodes *crontabs,
                    struct plan *p);
/* Read what earlier moves of the kind took, from this controller's journals. */
void plan_read_history(const struct session *s, struct plan *p);

/* Foresee from a world; in the session's arena. */
const struct foresight *plan_foresee(struct session *s, const struct world *w,
                                     const struct planner_view *view);
void plan_take_facts(const struct plan_look *look, struct plan_facts *ret);
void plan_take_actions(const struct plan_look *look, struct plan *p);
void plan_take_outlook(const struct plan_look *look, struct plan *p);

/* ---- showing ------------------------------------------------------------------------------- */

void plan_print(struct session *s, const struct plan *p);
/* The steps alone, a line or two each: before the question of a move. */
void plan_print_short(struct session *s, const struct plan *p);

/* ---- keeping ------------------------------------------------------------------------------- */

/* Seal `p` (its sha256) and write it, mode 0600: it may hold crontab entries. */
int plan_save(struct plan *p, const char *path, struct err *reterr);
/* ERR_PREFLIGHT, saying why, for a file that is damaged, edited, or of another version. */
int plan_load(const char *path, struct arena *a, struct plan **ret_plan, struct err *reterr);

struct plan_change {
    char text[400]; /* "db01 crontab: was ab12…, is cd34… (pgtandem cron diff db01)" */
};
enum { PLAN_CHANGES_MAX = 64 };
/* What is not as it was. Pure; returns how many, at most PLAN_CHANGES_MAX. */
size_t plan_compare(const struct plan *then, const struct plan *now,
                    struct plan_change ret[PLAN_CHANGES_MAX]);
/* ERR_PREFLIGHT if it is older than [limits] plan_age_s, or from the future. Pure. */
int plan_check_age(const struct plan *p, int64_t limit_s, int64_t now_wall_ms, struct err *reterr);
