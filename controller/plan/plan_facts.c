/* What a plan rests on: taken from a look, and compared with a later one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/plan/plan.h"
#include "controller/preflight/preflight.h"
#include "controller/session/session.h"
#include "proto/hello.h"

/* ---- taking -------------------------------------------------------------------------------- */

static void follows(const struct config *c, const struct world *w, size_t node, char *ret,
                    size_t bytes)
{
    const struct obs_pg *pg = &w->nodes[node].obs.pg;

    (void)str_copy(ret, bytes, "-");
    if (!*pg->receiver_status)
        return;
    for (size_t i = 0; i < c->n_nodes; i++)
        if (view_streams_from(c, w, node, i)) {
            (void)str_copy(ret, bytes, c->nodes[i].name);
            return;
        }
    (void)str_printf(ret, bytes, "%s:%lld", pg->receiver_host, (long long)pg->receiver_port);
}

static void take_node(const struct config *c, const struct world *w, size_t node,
                      struct plan_node_facts *f)
{
    const struct config_node *cn = &c->nodes[node];
    const struct world_node *wn = &w->nodes[node];
    const struct node_obs *o = &wn->obs;
    const struct obs_fence *fence = &o->fence;

    STR_COPY(f->node, cn->name);
    STR_COPY(f->agent, cn->agent);
    STR_COPY(f->target, cn->target);
    STR_PRINTF(f->address, "%s:%lld", cn->address, (long long)cn->port);
    f->answers = wn->answered;
    if (!f->answers)
        return;
    f->system_identifier = o->pg.sysid;
    f->timeline = o->pg.tli ? o->pg.tli : o->pg.control_tli;
    STR_COPY(f->role, pg_role_names[o->pg.role]);
    STR_COPY(f->fence, fence->held                            ? "held"
                       : fence->fenced && fence->standby_only ? "standby only"
                       : fence->fenced                        ? "fenced"
                                                              : "-");
    follows(c, w, node, f->follows, sizeof(f->follows));
    STR_COPY(f->conninfo, o->pg.conninfo_hosts);
    STR_COPY(f->sync_standby_names, o->pg.sync_standby_names);
    STR_COPY(f->synchronous_commit, o->pg.synchronous_commit);
    STR_COPY(f->timeline_target, o->pg.timeline_target);
    f->postgresql = o->pg.version;
    STR_COPY(f->agent_version, o->software);
    STR_COPY(f->guard_peers, o->peers);
    STR_COPY(f->crontab, o->cron.hash);
    f->jobs_on = o->cron.commanded_on;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void take_name_servers(const struct dns_survey *survey, struct plan_facts *f)
{
    char lines[DNS_NS_MAX][DNS_NAME_BYTES + DNS_ADDRESS_BYTES];
    size_t n = survey->n < DNS_NS_MAX ? survey->n : DNS_NS_MAX;

    for (size_t i = 0; i < n; i++)
        STR_PRINTF(lines[i], "%s %s", survey->ns[i].name, survey->ns[i].view.server);
    qsort(lines, n, sizeof(lines[0]), by_text);
    for (size_t i = 0; i < n; i++) {
        size_t used = strlen(f->name_servers);

        (void)str_printf(f->name_servers + used, sizeof(f->name_servers) - used, "%s%s",
                         i ? ", " : "", lines[i]);
    }
}

static void take_record(const struct record *d, struct plan_facts *f)
{
    f->epoch = d->epoch;
    STR_COPY(f->nonce, d->nonce);
    STR_COPY(f->state, d->epoch ? register_state_names[d->state] : "none");
    STR_COPY(f->owner, d->owner);
    f->system_identifier = d->sysid;
    f->timeline = d->tli;
    for (size_t i = 0; i < d->n_from; i++) {
        size_t used = strlen(f->from);

        (void)str_printf(f->from + used, sizeof(f->from) - used, "%s%s %s", i ? ", " : "",
                         d->from[i].node, grade_names[d->from[i].grade]);
    }
}

static void take_checks(const struct preflight *p, struct plan_facts *f)
{
    for (size_t i = 0; p && i < p->n && f->n_checks < PLAN_CHECKS_MAX; i++) {
        if (p->results[i].ok || p->results[i].unchecked)
            continue;
        struct plan_check *c = &f->checks[f->n_checks++];

        STR_COPY(c->name, p->results[i].name);
        STR_COPY(c->measured, p->results[i].measured);
    }
}

void plan_take_facts(const struct plan_look *look, struct plan_facts *ret)
{
    const struct config *c = &look->session->cluster.config;
    struct hello h;

    *ret = (struct plan_facts){.n_nodes = c->n_nodes};
    hello_fill(&h, PEER_CONTROLLER, "", "");
    STR_COPY(ret->program, h.software);
    STR_COPY(ret->cluster, c->cluster.name);
    STR_COPY(ret->alias, c->cluster.alias);
    STR_COPY(ret->alias_target, look->world->d.cname);
    ret->alias_ttl = look->world->d.cname_ttl;
    take_name_servers(&look->world->survey, ret);
    take_record(&look->view->d, ret);
    for (size_t i = 0; i < c->n_nodes; i++)
        take_node(c, look->world, i, &ret->nodes[i]);
    take_checks(look->preflight, ret);
}

/* ---- comparing ----------------------------------------------------------------------------- */

struct list {
    struct plan_change *at;
    size_t n;
};

static void add_line(struct list *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_line(struct list *l, const char *fmt, ...)
{
    va_list args;

    if (l->n == PLAN_CHANGES_MAX)
        return;
    va_start(args, fmt);
    (void)vsnprintf(l->at[l->n].text, sizeof(l->at[l->n].text), fmt, args);
    va_end(args);
    l->n++;
}

static const struct {
    const char *fact, *remedy;
} remedies[] = {
    {"crontab", "pgtandem cron diff"},
    {"jobs_on", "pgtandem cron diff"},
    {"agent", "the configuration was edited"},
    {"target", "the configuration was edited"},
    {"address", "the configuration was edited"},
    {"cluster", "the plan is another cluster's"},
    {"alias", "the configuration was edited"},
    {"alias_target", "pgtandem dns show"},
    {"alias_ttl", "pgtandem dns show"},
    {"name_servers", "pgtandem dns verify"},
    {"epoch", "pgtandem history"},
    {"owner", "pgtandem history"},
    {"program", "plan again with this version"},
};

static const char *remedy_of(const char *fact)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
        if (strcmp(remedies[i].fact, fact) == 0)
            return remedies[i].remedy;
    return "pgtandem status";
}

/* A sha256 or a nonce is known by its beginning. */
static void shorten(char *value)
{
    enum { HASH_SHOWN = 12 };
    size_t len = strlen(value);

    if (!*value)
        memcpy(value, "\"\"", 3);
    else if (len >= 32 && strspn(value, "0123456789abcdef") == len)
        memcpy(value + HASH_SHOWN, "…", sizeof("…"));
}

/* Every scalar of the table, by the table: a fact that is added there is compared here. */
static void compare_fields(struct list *l, const struct field_table *t, const void *then,
                           const void *now, const char *node)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        char was[520], is[520], label[40];

        if (f->type == FIELD_LIST || f->type == FIELD_STRUCT)
            continue;
        (void)field_get(f, then, was, sizeof(was));
        (void)field_get(f, now, is, sizeof(is));
        if (strcmp(was, is) == 0)
            continue;
        const char *remedy = remedy_of(f->name);

        shorten(was);
        shorten(is);
        STR_COPY(label, f->name);
        for (char *c = label; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        add_line(l, "%s%s%s: was %.120s, is %.120s (%s%s%s)", node, *node ? " " : "", label, was,
                 is, remedy, *node && strstr(remedy, " diff") ? " " : "",
                 *node && strstr(remedy, " diff") ? node : "");
    }
}

static const struct plan_node_facts *find_node(const struct plan_facts *f, const char *name)
{
    for (size_t i = 0; i < f->n_nodes; i++)
        if (strcmp(f->nodes[i].node, name) == 0)
            return &f->nodes[i];
    return NULL;
}

static void compare_nodes(struct list *l, const struct plan_facts *then,
                          const struct plan_facts *now)
{
    for (size_t i = 0; i < then->n_nodes; i++) {
        const struct plan_node_facts *was = &then->nodes[i], *is = find_node(now, was->node);

        if (!is)
            add_line(l, "%s: is no longer in the configuration", was->node);
        else if (was->answers != is->answers)
            add_line(l, "%s: its agent %s, and %s now (pgtandem status)", was->node,
                     was->answers ? "answered" : "did not respond",
                     is->answers ? "answers" : "does not respond");
        else
            compare_fields(l, &plan_node_facts_table, was, is, was->node);
    }
    for (size_t i = 0; i < now->n_nodes; i++)
        if (!find_node(then, now->nodes[i].node))
            add_line(l, "%s: was not in the configuration", now->nodes[i].node);
}

/* What comes and goes by nature; when it blocks, the preflight itself refuses. */
static bool moves_by_nature(const char *check)
{
    static const char *const names[] = {
        "receive-lag",   "replay-lag",   "clocks",       "watch",           "jobs",
        "backups",       "disk",         "agent-busy",   "archive-backlog", "prepared-transactions",
        "postgres-look", "other-agents", "inspection",   "archive-wait",    "dumps",
        "transactions",  "disk-data",    "journal-space"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], check) == 0)
            return true;
    return false;
}

static void compare_checks(struct list *l, const struct plan_facts *then,
                           const struct plan_facts *now)
{
    for (size_t i = 0; i < now->n_checks; i++) {
        const struct plan_check *is = &now->checks[i];
        bool known = moves_by_nature(is->name);

        for (size_t j = 0; j < then->n_checks && !known; j++)
            known = strcmp(then->checks[j].name, is->name) == 0;
        if (!known)
            add_line(l, "preflight %s: was fine, is: %s (pgtandem preflight --to)", is->name,
                     is->measured);
    }
}

static void compare_actions(struct list *l, const struct plan *then, const struct plan *now)
{
    size_t n = then->n_actions > now->n_actions ? then->n_actions : now->n_actions;

    for (size_t i = 0; i < n; i++) {
        const struct plan_action *was = i < then->n_actions ? &then->actions[i] : NULL;
        const struct plan_action *is = i < now->n_actions ? &now->actions[i] : NULL;

        if (was && is && strcmp(was->step, is->step) == 0 && strcmp(was->where, is->where) == 0)
            continue;
        if (then->possible && !now->possible)
            add_line(l, "the steps: it would stop: %s", now->end);
        else
            add_line(l, "step %zu: was %s %s, would be %s %s (plan again)", i + 1,
                     was ? was->step : "none", was ? was->where : "", is ? is->step : "none",
                     is ? is->where : "");
        return; /* the others follow from it */
    }
}

size_t plan_compare(const struct plan *then, const struct plan *now,
                    struct plan_change ret[PLAN_CHANGES_MAX])
{
    struct list l = {.at = ret};

    compare_fields(&l, &plan_facts_table, &then->facts, &now->facts, "");
    compare_nodes(&l, &then->facts, &now->facts);
    compare_checks(&l, &then->facts, &now->facts);
    if (l.n == 0)
        compare_actions(&l, then, now);
    return l.n;
}

int plan_check_age(const struct plan *p, int64_t limit_s, int64_t now_wall_ms, struct err *reterr)
{
    enum { SKEW_MS = 300000 };
    int64_t age_ms = now_wall_ms - p->made_wall_ms;

    if (age_ms < -SKEW_MS)
        return err_set(reterr, ERR_PREFLIGHT, "look at the clocks of the controllers",
                       "the plan was made %lld s in the future, at %s by this clock's reckoning",
                       (long long)(-age_ms / 1000), p->made);
    if (age_ms > limit_s * 1000)
        return err_set(reterr, ERR_PREFLIGHT,
                       "plan again; [limits] plan_age_s sets how old a plan may be",
                       "the plan is %lld s old, made at %s; at most %lld s are allowed",
                       (long long)(age_ms / 1000), p->made, (long long)limit_s);
    return 0;
}
