/* Checks of what the agents have rehearsed (agent/look/rehearse.h): what was tried and failed,
 * fails; what could not be proven without doing it passes, and says so. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"
#include "proto/address.h"

/* `to`: of replication, the node that it leads to; else NULL. */
static const struct rehearsal *any(const struct check_view *v, int node, enum rehearsal_kind kind,
                                   const char *to)
{
    const struct world_node *n = node >= 0 ? &v->w->nodes[node] : NULL;

    for (size_t i = 0; n && i < n->n_rehearsals; i++)
        if (n->rehearsals[i].kind == (int)kind && (!to || strcmp(n->rehearsals[i].node, to) == 0))
            return &n->rehearsals[i];
    return NULL;
}

/* One that came to its end. What ran out of time proves nothing, before it has had all the time
 * that a move gives it. */
static const struct rehearsal *find(const struct check_view *v, int node, enum rehearsal_kind kind,
                                    const char *to)
{
    const struct rehearsal *done = any(v, node, kind, to);

    return done && (!done->late || v->w->asked_in_full) ? done : NULL;
}

/* It rehearsed, but not this, or not to its end: its agent is too old, or was too slow. */
static bool not_rehearsed(const struct check_view *v, int node, enum rehearsal_kind kind,
                          const char *to, struct preflight_result *r)
{
    const struct err *e = &v->w->nodes[node].rehearsal_error;
    const struct rehearsal *late = any(v, node, kind, to);

    if (late)
        return check_unknown(r, "%s: %.120s; a planned move waits longer for it",
                             v->c->nodes[node].name, late->said);
    return check_unknown(r, "not rehearsed at %s%s%.120s", v->c->nodes[node].name,
                         e->code ? ": " : "", e->code ? e->msg : "");
}

/* One rehearsal of one node: false if it failed, which is then reported. */
static bool passed(const struct check_view *v, int node, const struct rehearsal *done,
                   struct preflight_result *r)
{
    const char *name = v->c->nodes[node].name;

    check_measured(r, "%s: %s%.130s", name,
                   done->verdict == REHEARSAL_UNPROVEN ? "not proven: " : "", done->said);
    if (done->verdict != REHEARSAL_FAILED)
        return true;
    check_remedy(r, "on %s: %s", name, done->remedy);
    return false;
}

static bool one(const struct check_view *v, int node, enum rehearsal_kind kind,
                struct preflight_result *r)
{
    const struct rehearsal *done = find(v, node, kind, NULL);

    return done ? passed(v, node, done, r) : not_rehearsed(v, node, kind, NULL, r);
}

/* Owner and target; of a lost owner nothing is wanted any more. */
static bool both(const struct check_view *v, enum rehearsal_kind kind, struct preflight_result *r)
{
    const struct rehearsal *a = find(v, v->from, kind, NULL), *b = find(v, v->to, kind, NULL);
    char first[sizeof(r->measured)];

    if (v->kind == PREFLIGHT_UNPLANNED)
        return one(v, v->to, kind, r);
    if ((a && !passed(v, v->from, a, r)) || (b && !passed(v, v->to, b, r)))
        return false; /* also when the other one is not known */
    if (!a || !b)
        return not_rehearsed(v, a ? v->to : v->from, kind, NULL, r);
    (void)passed(v, v->from, a, r);
    STR_COPY(first, r->measured);
    (void)passed(v, v->to, b, r);
    if (a->verdict == REHEARSAL_PASSED && strcmp(a->said, b->said) == 0) {
        check_measured(r, "%s, %s: %.120s", v->owner_name, v->target_name, a->said);
    } else {
        check_list(first, sizeof(first), r->measured);
        STR_COPY(r->measured, first);
    }
    return true;
}

/* ---- replication ----------------------------------------------------------------------------- */

bool check_replication_to(const struct check_view *v, struct preflight_result *r)
{
    char told[sizeof(r->measured)] = "", each[64];
    size_t tried = 0;

    for (size_t i = 0; v->to >= 0 && i < v->w->n_nodes; i++) {
        const struct rehearsal *done = find(v, (int)i, REHEARSAL_REPLICATION, v->target_name);

        if ((int)i == v->to || (v->kind == PREFLIGHT_UNPLANNED && (int)i == v->from))
            continue;
        if (done && done->verdict == REHEARSAL_FAILED) {
            check_measured(r, "%s -> %s: %.120s", v->c->nodes[i].name, v->target_name, done->said);
            check_remedy(r, "%s", done->remedy);
            return false;
        }
        tried += done != NULL;
        if (done)
            STR_PRINTF(each, "%s %" PRId64 " ms", v->c->nodes[i].name, done->elapsed_ms);
        else
            STR_PRINTF(each, "%s %s", v->c->nodes[i].name,
                       any(v, (int)i, REHEARSAL_REPLICATION, v->target_name)
                           ? "not answered in time"
                           : "not tried");
        check_list(told, sizeof(told), each);
    }
    if (tried == 0)
        return check_unknown(r, "no node has tried its connection to %s%s%s", v->target_name,
                             *told ? ": " : "", told);
    check_measured(r, "%s", told);
    return true;
}

bool check_replication_from(const struct check_view *v, struct preflight_result *r)
{
    const struct rehearsal *done = find(v, v->to, REHEARSAL_REPLICATION, v->owner_name);

    if (!done)
        return not_rehearsed(v, v->to, REHEARSAL_REPLICATION, v->owner_name, r);
    check_measured(r, "%s -> %s: %.120s", v->target_name, v->owner_name, done->said);
    check_remedy(r, "%s", done->remedy);
    return done->verdict != REHEARSAL_FAILED;
}

bool check_replication_identity(const struct check_view *v, struct preflight_result *r)
{
    size_t seen = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        for (size_t k = 0; k < n->n_rehearsals; k++) {
            const struct rehearsal *done = &n->rehearsals[k];

            if (done->kind != REHEARSAL_REPLICATION || !done->sysid)
                continue;
            seen++;
            if (done->sysid == v->d->sysid)
                continue;
            check_measured(r, "from %s, the address of %s leads to %" PRIu64, v->c->nodes[i].name,
                           done->node, done->sysid);
            STR_PRINTF(r->threshold, "%" PRIu64, v->d->sysid);
            check_remedy(r, "correct address and port of [node %s] in %s, or the network",
                         done->node, v->c->path);
            return false;
        }
    }
    if (seen == 0)
        return check_unknown(r, "no replication connection came about");
    check_measured(r, "%zu connections, all of this cluster", seen);
    return true;
}

/* What the text alone says: 1 it listens there, 0 it does not, -1 a name, which only the server can
 * resolve. */
static int listens(const char *value, const char *address)
{
    static const char *const nowhere[] = {"localhost", "127.0.0.1", "::1", NULL};
    int said = 0;

    for (const char *at = value; *at;) {
        char word[128];
        size_t n = strcspn(at, ", ");
        bool local = n == 0;

        STR_PRINTF(word, "%.*s", (int)n, at);
        at += n;
        at += strspn(at, ", ");
        if (strcmp(word, "*") == 0 || strcmp(word, address) == 0 ||
            strcmp(word, strchr(address, ':') ? "::" : "0.0.0.0") == 0)
            return 1;
        for (size_t i = 0; nowhere[i]; i++)
            local |= strcmp(word, nowhere[i]) == 0;
        if (!local && !address_is_ip(word))
            said = -1;
    }
    return said;
}

/* A connection from another node says more than a setting: that one may be a name. */
bool check_listen(const struct check_view *v, struct preflight_result *r)
{
    const char *value = check_setting(v->target_inspection, "listen_addresses");
    const char *address = v->to >= 0 ? v->c->nodes[v->to].address : "";
    int said = value ? listens(value, address) : -1;

    STR_PRINTF(r->threshold, "* or %s", address);
    for (size_t i = 0; v->to >= 0 && i < v->w->n_nodes; i++) {
        const struct rehearsal *done = find(v, (int)i, REHEARSAL_REPLICATION, v->target_name);

        if (!done || !done->sysid)
            continue;
        check_measured(r, "%s connected to it at %s", v->c->nodes[i].name, address);
        return true;
    }
    if (said < 0)
        return check_unknown(r,
                             "listen_addresses of %s is '%.100s', and no node has connected to it",
                             v->target_name, value ? value : "?");
    check_measured(r, "'%.100s' at %s", value, v->target_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET listen_addresses = '*'; restart", v->target_name);
    return said;
}

/* ---- stop and start -------------------------------------------------------------------------- */

bool check_stop_permission(const struct check_view *v, struct preflight_result *r)
{
    if (find(v, v->from, REHEARSAL_STOP, NULL))
        return one(v, v->from, REHEARSAL_STOP, r);
    check_measured(r, "%s at %s", v->owner->can_stop ? "yes" : "no", v->owner_name);
    check_remedy(r, "on %s: pgtandem-agent status says what is missing (polkit rule, unit's name)",
                 v->owner_name);
    return v->owner->can_stop;
}

bool check_start_permission(const struct check_view *v, struct preflight_result *r)
{
    return both(v, REHEARSAL_START, r);
}

/* Each node that answers: the owner becomes a standby, the others follow the target. */
bool check_rights(const struct check_view *v, struct preflight_result *r)
{
    char told[sizeof(r->measured)] = "";
    const char *said = "";
    size_t tried = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct rehearsal *done = find(v, (int)i, REHEARSAL_RIGHTS, NULL);

        if (!done || (v->kind == PREFLIGHT_UNPLANNED && (int)i == v->from))
            continue;
        if (!passed(v, (int)i, done, r))
            return false;
        tried++;
        check_list(told, sizeof(told), v->c->nodes[i].name);
        if (done->verdict == REHEARSAL_PASSED)
            said = done->said;
    }
    if (tried == 0)
        return not_rehearsed(v, v->to, REHEARSAL_RIGHTS, NULL, r);
    if (said[0])
        check_measured(r, "%s: %.120s", told, said);
    return true;
}

/* ---- DNS, cron, archive ---------------------------------------------------------------------- */

bool check_agents_key(const struct check_view *v, struct preflight_result *r)
{
    const struct rehearsal *last = NULL;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct rehearsal *done = find(v, (int)i, REHEARSAL_KEY, NULL);

        if (!done)
            continue;
        if (!passed(v, (int)i, done, r)) {
            check_remedy(r, "%s", done->remedy); /* not on that node */
            return false;
        }
        if (!last || done->verdict == REHEARSAL_UNPROVEN)
            last = done;
    }
    if (!last)
        return check_unknown(r, "no agent tried its key");
    check_measured(r, "%s%.130s", last->verdict == REHEARSAL_UNPROVEN ? "not proven: " : "",
                   last->said);
    return true;
}

bool check_cron_write(const struct check_view *v, struct preflight_result *r)
{
    return both(v, REHEARSAL_CRONTAB, r);
}

bool check_cron_canary(const struct check_view *v, struct preflight_result *r)
{
    if (!v->o->canary) {
        check_measured(r, "not asked for (--canary: up to 70 s)");
        return true;
    }
    if (find(v, v->to, REHEARSAL_CANARY, NULL))
        return one(v, v->to, REHEARSAL_CANARY, r);

    const struct err *e = &v->w->nodes[v->to].rehearsal_error;
    check_measured(r, "%s did not plant it%s%.250s", v->target_name, *e->msg ? ": " : "", e->msg);
    if (*e->hint)
        check_remedy(r, "%s", e->hint);
    else
        check_remedy(r, "on %s: pgtandem-agent status; then again with --canary", v->target_name);
    return false; /* it was asked for */
}

bool check_archive_probe(const struct check_view *v, struct preflight_result *r)
{
    return one(v, v->to, REHEARSAL_ARCHIVE, r);
}
