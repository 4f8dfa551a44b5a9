/* Checks of PostgreSQL: is the target a standby that has, or will have, all of the owner's WAL. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/preflight/preflight_checks.h"

/* ---- where standbys connect to --------------------------------------------------------------- */

/* A host in primary_conninfo that would lead node `i` to the alias, or back to itself. */
static bool wrong_host(const struct config *c, size_t i, const char *host)
{
    const struct config_node *n = &c->nodes[i];

    return strcasecmp(host, c->cluster.alias) == 0 || strcmp(host, n->address) == 0 ||
           strcasecmp(host, n->name) == 0 || strcasecmp(host, n->target) == 0 ||
           strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "::1") == 0 || host[0] == '/';
}

/* The first such host of a comma-separated list, or "". */
static const char *find_wrong_host(const struct config *c, size_t i, const char *hosts,
                                   char *ret_host, size_t bytes)
{
    while (*hosts) {
        size_t len = strcspn(hosts, ",");

        (void)str_printf(ret_host, bytes, "%.*s", (int)len, hosts);
        if (*ret_host && wrong_host(c, i, ret_host))
            return ret_host;
        hosts += len + (hosts[len] == ',');
    }
    return "";
}

bool check_conninfo(const struct check_view *v, struct preflight_result *r)
{
    char host[128];

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct world_node *n = &v->w->nodes[i];

        if (!n->answered || (int)i == v->from)
            continue;
        if (!*find_wrong_host(v->c, i, n->obs.pg.conninfo_hosts, host, sizeof(host)))
            continue;
        check_measured(r, "%s names %s%s%.120s", v->c->nodes[i].name, host,
                       *n->obs.pg.conninfo_place ? "; its next start reads " : "",
                       n->obs.pg.conninfo_place);
        check_remedy(r,
                     "on %s: ALTER SYSTEM SET primary_conninfo = '… host=%s …'; SELECT "
                     "pg_reload_conf() (after the move it would stream from itself)",
                     v->c->nodes[i].name,
                     v->from >= 0 ? v->c->nodes[v->from].address : "ADDRESS-OF-THE-OWNER");
        return false;
    }
    return true;
}

/* The owner's walsender for the target: by address, or by the name that it gives itself. */
static const struct obs_sender *sender_of(const struct check_view *v)
{
    const struct config_node *b = &v->c->nodes[v->to];

    for (size_t i = 0; i < v->owner->pg.n_senders; i++) {
        const struct obs_sender *s = &v->owner->pg.senders[i];

        if (strcmp(s->address, b->address) == 0 || strcmp(s->application, b->name) == 0)
            return s;
    }
    return NULL;
}

bool check_attached(const struct check_view *v, struct preflight_result *r)
{
    const struct obs_sender *sender;

    check_remedy(r,
                 "on %s: set primary_conninfo to %s (%s), or choose a standby that is attached "
                 "to it: pgtandem status",
                 v->target_name, v->owner_name, v->c->nodes[v->from].address);
    if (!*v->target->pg.receiver_status) {
        check_measured(r, "%s has no walreceiver", v->target_name);
        return false;
    }
    if (!view_streams_from(v->c, v->w, (size_t)v->to, (size_t)v->from)) {
        check_measured(r, "%s is %s from %s port %" PRId64, v->target_name,
                       v->target->pg.receiver_status, v->target->pg.receiver_host,
                       v->target->pg.receiver_port);
        return false;
    }
    sender = sender_of(v);
    if (!sender || strcmp(sender->state, "streaming") != 0) {
        check_measured(r, "%s has %s walsender for %s%s%s", v->owner_name, sender ? "a" : "no",
                       v->target_name, sender ? " in state " : "", sender ? sender->state : "");
        return false;
    }
    check_measured(r, "streaming from %s, %s", v->owner_name, sender->sync);
    return true;
}

bool check_standby(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%s is %s", v->target_name, pg_role_names[v->target->pg.role]);
    check_remedy(r, "on %s: start PostgreSQL as a standby, or pgtandem rejoin %s", v->target_name,
                 v->target_name);
    if (v->target->pg.role == PG_UNKNOWN)
        check_unseen(v, (size_t)v->to, r);
    return v->target->pg.role == PG_RECOVERY;
}

/* ---- lag ------------------------------------------------------------------------------------- */

static bool lag(const struct check_view *v, struct preflight_result *r, const char *what,
                uint64_t ahead, uint64_t behind)
{
    uint64_t bytes = ahead > behind ? ahead - behind : 0;

    STR_PRINTF(r->threshold, "at most %" PRId64 " bytes", v->c->limits.lag_bytes);
    check_measured(r, "%" PRIu64 " bytes", bytes);
    check_remedy(r, "wait until %s has %s it: pgtandem status -w 2", v->target_name, what);
    if (behind == 0) {
        check_measured(r, "%s reports no LSN", v->target_name);
        return false;
    }
    return bytes <= (uint64_t)v->c->limits.lag_bytes;
}

/* WAL that is inserted but not flushed yet is not sent. */
static uint64_t written(const struct obs_pg *pg)
{
    return pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;
}

bool check_receive_lag(const struct check_view *v, struct preflight_result *r)
{
    return lag(v, r, "received", written(&v->owner->pg), v->target->pg.receive_lsn);
}

/* Behind the owner or, if that does not respond, behind what the target itself has received. */
bool check_replay_lag(const struct check_view *v, struct preflight_result *r)
{
    return lag(v, r, "replayed",
               v->from >= 0 && check_knows(v, (size_t)v->from, NODE_LSN)
                   ? written(&v->owner->pg)
                   : v->target->pg.receive_lsn,
               v->target->pg.replay_lsn);
}

bool check_replay_paused(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%s", v->target->pg.replay_paused ? "paused" : "not paused");
    if (v->target->pg.recovery_active[0])
        check_remedy(r, "on %s: remove %s and restart; pg_wal_replay_resume() would promote it",
                     v->target_name, v->target->pg.recovery_active);
    else
        check_remedy(r, "on %s: SELECT pg_wal_replay_resume()", v->target_name);
    return !v->target->pg.replay_paused;
}

bool check_apply_delay(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " ms", v->target->pg.apply_delay_ms);
    check_remedy(r, "on %s: ALTER SYSTEM SET recovery_min_apply_delay = 0; SELECT pg_reload_conf()",
                 v->target_name);
    return v->target->pg.apply_delay_ms == 0;
}

/* ---- will the new primary be able to write and to serve standbys ----------------------------- */

/* How many standbys synchronous_standby_names waits for: "FIRST 2 (a, b)", "ANY 1 (…)", "2 (a, b)",
 * "a, b" (PostgreSQL, 20.6.2). */
static long long sync_wanted(const char *names)
{
    const char *open = strchr(names, '(');
    long long n = 1;
    char digits[8] = "";
    size_t used = 0;

    for (const char *p = names; open && p < open && used + 1 < sizeof(digits); p++)
        if (isdigit((unsigned char)*p))
            digits[used++] = *p;
    return open && str_to_int(digits, 1, 1000, &n) ? n : 1;
}

static bool sync_names_node(const char *names, const char *name)
{
    size_t len = strlen(name);

    if (strchr(names, '*'))
        return true;
    for (const char *p = names; (p = strcasestr(p, name)); p += len)
        if ((p == names || strchr(" ,(\"", p[-1])) && (!p[len] || strchr(" ,)\"", p[len])))
            return true;
    return false;
}

/* Right after the promotion only the other standbys are there: the old owner comes later. */
bool check_sync_names(const struct check_view *v, struct preflight_result *r)
{
    const char *names = v->target ? v->target->pg.sync_standby_names : "";
    long long wanted = sync_wanted(names), there = 0;

    if (!*names || strcmp(v->target->pg.synchronous_commit, "off") == 0 ||
        strcmp(v->target->pg.synchronous_commit, "local") == 0) {
        check_measured(r, "%s", *names ? v->target->pg.synchronous_commit : "none");
        STR_COPY(r->threshold, "not blocking");
        return true;
    }
    for (size_t i = 0; i < v->w->n_nodes; i++)
        there += (int)i != v->from && (int)i != v->to && v->w->nodes[i].answered &&
                 v->w->nodes[i].obs.pg.role == PG_RECOVERY &&
                 sync_names_node(names, v->c->nodes[i].name);
    STR_PRINTF(r->threshold, "at least %lld standby(s) besides the owner", wanted);
    check_measured(r, "%lld for '%.100s'", there, names);
    check_remedy(r,
                 "on %s: ALTER SYSTEM SET synchronous_standby_names = ''; SELECT "
                 "pg_reload_conf(); or commits wait for %s to return",
                 v->target_name, *v->owner_name ? v->owner_name : "a standby");
    return there >= wanted;
}

bool check_walsenders(const struct check_view *v, struct preflight_result *r)
{
    int64_t needed = (int64_t)v->c->n_nodes - 1;

    int64_t available = v->target->pg.max_wal_senders - v->target->pg.wal_senders_used;
    STR_PRINTF(r->threshold, "at least %" PRId64, needed);
    check_measured(r, "%" PRId64 " free of %" PRId64, available, v->target->pg.max_wal_senders);
    check_remedy(r, "on %s: ALTER SYSTEM SET max_wal_senders = %" PRId64 "; restart",
                 v->target_name, v->target->pg.max_wal_senders + needed - available);
    return available >= needed;
}

/* Physical slots that are there count as usable: they are the nodes' own, kept or replaced. */
bool check_slots(const struct check_view *v, struct preflight_result *r)
{
    int64_t needed = (int64_t)v->c->n_nodes - 1, available;

    available = v->target->pg.max_replication_slots;
    for (size_t i = 0; i < v->target->pg.n_slots; i++)
        available -= !v->target->pg.slots[i].physical;
    STR_PRINTF(r->threshold, "at least %" PRId64, needed);
    check_measured(r, "%" PRId64 " of %" PRId64, available, v->target->pg.max_replication_slots);
    check_remedy(r, "on %s: ALTER SYSTEM SET max_replication_slots = %" PRId64 "; restart",
                 v->target_name, v->target->pg.max_replication_slots + needed - available);
    return available >= needed;
}

bool check_server_version(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " and %" PRId64, v->owner->pg.version / 10000,
                   v->target->pg.version / 10000);
    check_remedy(r, "pgtandem moves a role between servers of one major version");
    return v->owner->pg.version / 10000 == v->target->pg.version / 10000;
}
