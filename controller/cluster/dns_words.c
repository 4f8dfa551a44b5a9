#include "controller/cluster/dns_words.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/cluster.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
#include "dnsupdate/tsig.h"

const char *dns_words_shows(struct arena *a, const struct dns_view *v)
{
    const char *alias = v->cname_present ? v->cname : "no alias";

    if (v->record_valid)
        return arena_printf(a, "%s, epoch %" PRId64 ", %s, owner %s", alias, v->record.epoch,
                            register_state_names[v->record.state], v->record.owner);
    return arena_printf(a, "%s, %s", alias,
                        v->n_txt ? "an invalid ownership record" : "no ownership record");
}

const char *dns_words_serves(struct arena *a, const struct dns_view *v, int64_t wall_ms)
{
    char at[CLOCK_TEXT_BYTES];

    if (v->status != DNS_VIEW_OK || v->serves_s < 0)
        return "";
    clock_text(wall_ms + v->serves_s * 1000, at);
    return arena_printf(a, "until %.10s %.8s UTC%s", at, at + 11,
                        v->serves_exactly ? "" : " at the latest");
}

static const char *differs_from_primary(struct arena *a, const struct world *w,
                                        const struct dns_view *v, const char *name)
{
    const char *shows = dns_words_shows(a, v);

    if (strcmp(v->server, w->d.server) == 0)
        return arena_printf(a,
                            "the zone's primary (%s) shows those who ask without a key another "
                            "view: %s",
                            v->server, shows);
    if (v->serial >= 0 && v->serial == w->survey.primary.serial)
        return arena_printf(a,
                            "name server %s (%s) shows %s, at the primary's serial %" PRId64
                            ": another view of the zone",
                            name, v->server, shows, v->serial);
    return arena_printf(a, "name server %s (%s) still shows %s", name, v->server, shows);
}

const char *dns_words_differs(struct arena *a, const struct world *w, size_t i, int64_t wall_ms)
{
    const struct dns_view *v = &w->survey.ns[i].view;
    const char *name = w->survey.ns[i].name, *why = w->survey.ns[i].why;

    if (w->survey.ns[i].agrees)
        return NULL;
    if (v->status != DNS_VIEW_OK)
        return arena_printf(a, "name server %s (%s): %s", name, v->server,
                            *why ? why : "no answer");
    if (w->d.status == DNS_VIEW_OK)
        return differs_from_primary(a, w, v, name);
    return arena_printf(a, "name server %s (%s) serves %s, %s", name, v->server,
                        dns_words_shows(a, v), dns_words_serves(a, v, wall_ms));
}

bool dns_words_our_key(const struct err *e)
{
    return e->code == ERR_DNS &&
           (e->detail == TSIG_BADSIG || e->detail == TSIG_BADKEY || e->detail == TSIG_BADTIME);
}

void dns_words_name_key(const struct cluster *c, struct err *e)
{
    static const char other[] = "run it on the other controller, which has a key of its own";

    if (!dns_words_our_key(e))
        return;
    err_prefix(e, e->detail == TSIG_BADTIME ? "the signature of this controller is refused"
                                            : "the TSIG key of this controller is refused");
    if (e->detail == TSIG_BADSIG)
        STR_PRINTF(e->hint,
                   "%s; or copy the secret of that key from the name server into %s here, then "
                   "`pgtandem dns show`",
                   other, c->key_file);
    else if (e->detail == TSIG_BADKEY)
        STR_PRINTF(e->hint,
                   "%s; or correct name and algorithm of the key in %s here as the name server has "
                   "them (BIND: rndc tsig-list), then `pgtandem dns show`",
                   other, c->key_file);
    else
        STR_PRINTF(
            e->hint,
            "correct the clock that is wrong, here or at %s (timedatectl, chronyc tracking); "
            "or %s, if its clock is right",
            c->zone.server, other);
}

const char *dns_words_key(struct arena *a, const struct world *w, size_t i)
{
    const char *server = w->survey.ns[i].view.server, *why = w->survey.ns[i].key_why;

    if (w->survey.ns[i].key == DNS_VIEW_REFUSED)
        return arena_printf(a, "name server %s (%s) refuses our key: %s", w->survey.ns[i].name,
                            server, why);
    if (w->survey.ns[i].key == DNS_VIEW_SILENT && w->survey.ns[i].view.status == DNS_VIEW_OK)
        return arena_printf(a, "name server %s (%s) answers without a key, but not with ours: %s",
                            w->survey.ns[i].name, server, *why ? why : "no answer");
    return NULL;
}

/* ---- a record that has to be written again --------------------------------------------------- */

/* The newest record that an agent has seen; returns the highest epoch that any of them knows. */
static int64_t newest_seen(const struct world *w, struct record *ret)
{
    int64_t epoch = 0;
    struct record r;

    *ret = (struct record){.epoch = 0};
    for (size_t i = 0; i < w->n_nodes; i++) {
        const struct node_obs *o = &w->nodes[i].obs;

        if (!w->nodes[i].answered)
            continue;
        epoch = o->epoch > epoch ? o->epoch : epoch;
        if (register_parse(o->seen, &r, NULL) == 0 && r.epoch > ret->epoch)
            *ret = r;
    }
    return ret->epoch > epoch ? ret->epoch : epoch;
}

static bool foreign(const struct world *w)
{
    bool any = false;

    for (size_t i = 0; i < w->n_nodes; i++) {
        uint64_t sysid = w->nodes[i].answered ? w->nodes[i].obs.pg.sysid : 0;

        if (sysid && sysid == w->d.record.sysid)
            return false;
        any = any || sysid;
    }
    return any;
}

static enum record_fault fault_of(const struct config *c, const struct world *w, int64_t known)
{
    const struct dns_view *d = &w->d;

    if (d->status != DNS_VIEW_OK || d->n_txt > 1)
        return RECORD_USABLE; /* it is something else that is wrong */
    if (!d->record_valid)
        return known > 0 ? RECORD_GONE : RECORD_USABLE;
    if (foreign(w))
        return RECORD_FOREIGN;
    if (d->record.epoch < known)
        return RECORD_OLDER;
    return config_node_index(c, d->record.owner) < 0 ? RECORD_STRANGE : RECORD_USABLE;
}

/* The one that is writable; where none is, the record's owner. */
static int next_owner(const struct config *c, const struct world *w, const struct record *r)
{
    int found = -1;

    for (size_t i = 0; i < w->n_nodes; i++) {
        if (!w->nodes[i].answered || w->nodes[i].obs.pg.role != PG_WRITABLE)
            continue;
        if (found >= 0)
            return -1;
        found = (int)i;
    }
    return found >= 0 ? found : config_node_index(c, r->owner);
}

/* What the new one begins with: the newest that is known of this very database. */
static void base_record(const struct config *c, const struct world *w, const struct record *seen,
                        const char *by, struct record *ret)
{
    const struct dns_view *d = &w->d;

    if (seen->epoch > 0 && (!d->record_valid || seen->epoch > d->record.epoch)) {
        *ret = *seen;
    } else if (d->record_valid) {
        *ret = d->record;
    } else {
        *ret = (struct record){.ttl = d->cname_present ? d->cname_ttl : c->dns.ttl};
        STR_COPY(ret->by, by);
        register_new_txn(ret->txn);
    }
    register_new_nonce(ret->nonce);
    ret->state = REGISTER_STABLE;
    ret->to[0] = '\0';
    ret->n_from = 0;
}

enum record_fault dns_words_record(struct arena *a, const struct config *c, const struct world *w,
                                   const char *by, const char **ret_text)
{
    struct record seen, r;
    char text[REGISTER_TEXT_BYTES];
    int64_t known = newest_seen(w, &seen);
    enum record_fault fault = fault_of(c, w, known);

    *ret_text = NULL;
    if (fault == RECORD_USABLE)
        return fault;
    base_record(c, w, &seen, by, &r);
    int owner = next_owner(c, w, &r);
    if (owner < 0)
        return fault;

    const struct obs_pg *pg = &w->nodes[owner].obs.pg;
    if (w->d.record_valid && w->d.record.epoch > known)
        known = w->d.record.epoch;
    r.epoch = known + 1;
    r.sysid = w->nodes[owner].answered && pg->sysid ? pg->sysid : r.sysid;
    r.tli = w->nodes[owner].answered && pg->tli ? pg->tli : r.tli;
    STR_COPY(r.owner, c->nodes[owner].name);
    if (register_format(&r, text, NULL) < 0)
        return fault;
    const char *nonce = strstr(text, r.nonce);
    *ret_text = arena_printf(a, "%.*snew%s", (int)(nonce - text), text, nonce + strlen(r.nonce));
    return fault;
}
