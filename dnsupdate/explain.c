#include "dnsupdate/explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/reply.h"

static const char *rcode_name(int rcode)
{
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                        "NXRRSET", "NOTAUTH", "NOTZONE"};

    return rcode >= 0 && rcode < (int)(sizeof(names) / sizeof(names[0])) ? names[rcode]
                                                                         : "an unknown rcode";
}

/* Whatever the words are: the key, or a clock, is refused. */
static int about_key(int tsig_error, int rc, struct err *reterr)
{
    if (reterr)
        reterr->detail = tsig_error;
    return rc;
}

int explain_malformed(const char *server, struct err *reterr)
{
    return err_set(reterr, ERR_DNS, "Is something other than a DNS server listening there?",
                   "%s sent an answer that is not a sound DNS message", server);
}

/* An error report without a MAC (RFC 8945, 5.3.2): the server could not or would not sign. */
static int explain_bare(const struct tsig_result *t, int rcode, const struct request *request,
                        struct err *reterr)
{
    const struct tsig_key *key = request->key;
    char hint[400];

    if (t->error == TSIG_BADKEY) {
        STR_PRINTF(hint,
                   "Name and algorithm must both match: compare our key file with the server's "
                   "`key \"%s\" { … };` (BIND: `rndc tsig-list`, `named-checkconf -p`).",
                   key->name);
        return about_key(TSIG_BADKEY,
                         err_set(reterr, ERR_DNS, hint,
                                 "BADKEY: %s does not know the TSIG key \"%s\" with %s",
                                 request->server, key->name, key->algorithm),
                         reterr);
    }
    if (t->error == TSIG_BADSIG) {
        STR_PRINTF(
            hint,
            "The name \"%s\" is right, the secret is not: copy the server's `key` block into "
            "our key file again.",
            key->name);
        return about_key(TSIG_BADSIG,
                         err_set(reterr, ERR_DNS, hint,
                                 "BADSIG: %s knows the TSIG key \"%s\" but not with our secret",
                                 request->server, key->name),
                         reterr);
    }
    return err_set(reterr, ERR_DNS, "Look for \"tsig\" in the server's log.",
                   "%s answered %s with TSIG error %d and no signature", request->server,
                   rcode_name(rcode), t->error);
}

int explain_signature(const struct tsig_result *t, int rcode, const struct request *request,
                      struct err *reterr)
{
    const char *server = request->server;
    const char *log =
        "An answer that is not properly signed decides nothing. If it is the server's "
        "own, look into its log; else another server answers in its place.";

    switch (t->status) {
    case TSIG_VALID:
        break;
    case TSIG_BARE:
        return explain_bare(t, rcode, request, reterr);
    case TSIG_NONE:
        return err_set(reterr, ERR_DNS,
                       rcode == RCODE_REFUSED
                           ? "PowerDNS answers so to a TSIG key that it does not accept: check "
                             "the key's name, algorithm and secret, `allow-dnsupdate-from` and "
                             "the zone's TSIG-ALLOW-DNSUPDATE."
                           : log,
                       "%s answered %s without a TSIG signature", server, rcode_name(rcode));
    case TSIG_OTHER_KEY:
        return err_set(reterr, ERR_DNS, log, "%s signed its answer with another key than \"%s\"",
                       server, request->key->name);
    case TSIG_OTHER_ALGORITHM:
        return err_set(reterr, ERR_DNS, log, "%s signed its answer with another algorithm than %s",
                       server, request->key->algorithm);
    case TSIG_FALSE:
        return err_set(reterr, ERR_DNS, log, "the answer from %s has an invalid TSIG signature",
                       server);
    case TSIG_LATE:
        return about_key(
            TSIG_BADTIME,
            err_set(reterr, ERR_DNS,
                    "Set both clocks (`chronyc tracking`, `timedatectl`); an old answer sent "
                    "again would look the same.",
                    "the answer from %s is signed for a time %lld s %s our clock", server,
                    llabs((long long)(t->server_time - request->now_s)),
                    t->server_time > request->now_s ? "ahead of" : "behind"),
            reterr);
    case TSIG_MALFORMED:
        break;
    }
    return err_set(reterr, ERR_DNS, log, "%s answered with a malformed TSIG record", server);
}

static int explain_notauth(const struct reply *r, const struct dns_zone *z, const char *server,
                           struct err *reterr)
{
    char hint[400];

    if (r->tsig_error == TSIG_BADTIME)
        return about_key(
            TSIG_BADTIME,
            err_set(reterr, ERR_DNS,
                    "TSIG allows 300 s. Set the wrong clock right (`chronyc tracking`, "
                    "`timedatectl`), then try again.",
                    "BADTIME: the clock of %s is %lld s %s ours", server,
                    llabs((long long)r->skew_s), r->skew_s > 0 ? "ahead of" : "behind"),
            reterr);
    STR_PRINTF(hint,
               "`server` must be the primary of the zone \"%s\", and `zone` its exact name "
               "(BIND: `rndc zonestatus %s`).",
               z->zone, z->zone);
    return err_set(reterr, ERR_DNS, hint, "NOTAUTH: %s is not authoritative for the zone \"%s\"",
                   server, z->zone);
}

static int explain_refused(const struct dns_zone *z, const char *server, bool update,
                           struct err *reterr)
{
    char hint[500];

    if (!update) {
        STR_PRINTF(hint,
                   "Allow the key to ask: BIND `allow-query { key \"%s\"; … };`, and check that "
                   "the server serves the zone \"%s\".",
                   z->key.name, z->zone);
        return err_set(reterr, ERR_DNS, hint, "REFUSED: %s does not respond the key \"%s\"", server,
                       z->key.name);
    }
    STR_PRINTF(
        hint,
        "Frozen? `rndc zonestatus %s` shows \"frozen: yes\"; `rndc thaw %s` ends it. Policy? "
        "The zone needs update-policy { grant %s name %s. CNAME; grant %s name _pgtandem.%s. "
        "TXT; };",
        z->zone, z->zone, z->key.name, z->alias, z->key.name, z->alias);
    return err_set(reterr, ERR_DNS, hint,
                   "REFUSED: %s does not let the key \"%s\" change the zone \"%s\": the zone is "
                   "frozen, or its policy says no (the answer is the same)",
                   server, z->key.name, z->zone);
}

int explain_rcode(const struct reply *r, const struct dns_zone *z, const char *server, bool update,
                  struct err *reterr)
{
    char hint[400];

    switch (r->rcode) {
    case RCODE_NOTAUTH:
        return explain_notauth(r, z, server, reterr);
    case RCODE_REFUSED:
        return explain_refused(z, server, update, reterr);
    case RCODE_NOTZONE:
        STR_PRINTF(hint,
                   "\"%s\" and \"_pgtandem.%s\" must lie in the zone \"%s\" itself: set `zone` to "
                   "the zone that holds them.",
                   z->alias, z->alias, z->zone);
        return err_set(reterr, ERR_DNS, hint,
                       "NOTZONE: %s says that a name lies outside the zone "
                       "\"%s\"",
                       server, z->zone);
    case RCODE_SERVFAIL:
        STR_PRINTF(hint,
                   "The server itself is in trouble: look into its log for the zone \"%s\" "
                   "(full disk, journal, zone not loaded or expired).",
                   z->zone);
        return err_set(reterr, ERR_DNS, hint, "SERVFAIL: %s could not %s the zone \"%s\"", server,
                       update ? "change" : "read", z->zone);
    case RCODE_YXDOMAIN:
    case RCODE_YXRRSET:
        return err_set(
            reterr, ERR_LOST, "Look with `pgtandem dns show`.",
            "%s: %s already holds a name that was to be new (\"%s\" or \"_pgtandem.%s\")",
            rcode_name(r->rcode), server, z->alias, z->alias);
    case RCODE_NXDOMAIN:
    case RCODE_NXRRSET:
        return err_set(reterr, ERR_LOST, "Look with `pgtandem dns show`, then decide again.",
                       "%s: %s no longer holds what was read before at \"%s\" or \"_pgtandem.%s\"",
                       rcode_name(r->rcode), server, z->alias, z->alias);
    case RCODE_NOTIMP:
        return err_set(reterr, ERR_DNS,
                       "The zone must take RFC 2136 updates on this server (BIND: update-policy; "
                       "Knot: an acl with action update; PowerDNS: dnsupdate=yes).",
                       "NOTIMP: %s does not take dynamic updates", server);
    default:
        return err_set(reterr, ERR_DNS, "Look into the server's log.", "%s answered %s (rcode %d)",
                       server, rcode_name(r->rcode), r->rcode);
    }
}

int explain_lame(const char *server, const char *name, const char *cut, struct err *reterr)
{
    if (cut[0])
        return err_set(reterr, ERR_DNS,
                       "Put alias and record into the zone that the delegation leads to, or remove "
                       "the NS records; an update below a zone cut is taken with NOERROR and never "
                       "served.",
                       "zone cut: %s delegates \"%s\" to other servers, so \"%s\" is not its own",
                       server, cut, name);
    return err_set(reterr, ERR_DNS,
                   "`server` must be an authoritative server of the zone, not a resolver.",
                   "%s answered for \"%s\" without authority", server, name);
}

static const char reach_hint[] =
    "Does the server run, and do UDP and TCP port 53 pass (`dig @SERVER SOA ZONE`, with +tcp too)?";

int explain_silence(const char *server, int64_t waited_ms, struct err *reterr)
{
    return err_set(reterr, ERR_UNREACHABLE, reach_hint, "%s gave no answer in %" PRId64 " ms",
                   server, waited_ms);
}

int explain_unreachable(const char *server, bool tcp, int sys, struct err *reterr)
{
    return err_set(reterr, ERR_UNREACHABLE, reach_hint, "%s cannot be reached by %s: %s", server,
                   tcp ? "TCP" : "UDP", uv_strerror(sys));
}

/* "epoch 9 (claim) of txn 0123…, owner db02, by root@ctl2" */
static void record_words(const struct dns_view *v, char *ret_text, size_t bytes)
{
    if (v->n_txt == 0)
        str_copy(ret_text, bytes, "there is no ownership record");
    else if (v->n_txt > 1)
        str_printf(ret_text, bytes, "there are %d TXT records where one must be", v->n_txt);
    else if (!v->record_valid)
        str_printf(ret_text, bytes, "the record is \"%s\", which is not ours", v->txt);
    else
        str_printf(ret_text, bytes, "epoch %" PRId64 ", %s, owner %s, to %s, txn %s, by %s",
                   v->record.epoch, register_state_names[v->record.state], v->record.owner,
                   v->record.to[0] ? v->record.to : "-", v->record.txn, v->record.by);
}

static const char *alias_words(const struct dns_view *v)
{
    return v->cname_present ? v->cname : v->alias_other_types ? "(not a CNAME)" : "(nothing)";
}

int explain_lost(const struct dns_view *view, const struct dns_zone *z, struct err *reterr)
{
    char now[400];

    record_words(view, now, sizeof(now));
    return err_set(reterr, ERR_LOST,
                   "Somebody else's command came first. See `pgtandem status` before another try.",
                   "the compare-and-swap was lost. Now: %s; \"%s\" is %s", now, z->alias,
                   alias_words(view));
}

int explain_other_types(const struct dns_view *view, const struct dns_zone *z, struct err *reterr)
{
    return err_set(reterr, ERR_DNS,
                   "Remove them (`nsupdate`: update delete NAME A), then create the alias with "
                   "`pgtandem dns init`. A server ignores a CNAME added beside other records and "
                   "says NOERROR.",
                   "\"%s\" holds other records on %s (an address?) where only a CNAME may be",
                   z->alias, view->server);
}

int explain_unseen(const struct dns_view *view, const struct dns_zone *z, struct err *reterr)
{
    char now[400];

    record_words(view, now, sizeof(now));
    return err_set(reterr, ERR_DNS,
                   "Read again with `pgtandem dns show`: a server that signs in-line, or two front "
                   "ends on one database, can lag or lose an accepted update.",
                   "%s accepted the update, but its answers did not show it. Now: %s; \"%s\" is %s",
                   view->server, now, z->alias, alias_words(view));
}

int explain_ttl(const struct dns_view *view, const struct dns_zone *z, int64_t asked,
                struct err *reterr)
{
    return err_set(reterr, ERR_PROBLEM,
                   "The zone limits TTLs (BIND: max-zone-ttl). Set `ttl` to what it allows.",
                   "%s gave \"%s\" a TTL of %" PRId64 " s instead of %" PRId64 " s", view->server,
                   z->alias, view->cname_ttl, asked);
}
