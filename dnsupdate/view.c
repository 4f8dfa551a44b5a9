#include "dnsupdate/view.h"

#include <ldns/ldns.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/explain.h"
#include "dnsupdate/reply.h"
#include "dnsupdate/wire.h"

void view_init(struct dns_view *view, const char *server)
{
    memset(view, 0, sizeof(*view));
    view->status = DNS_VIEW_SILENT;
    view->serial = view->serves_s = view->zone_keys = view->record_signatures = -1;
    STR_COPY(view->server, server);
}

static bool owner_is(const ldns_rr *rr, const char *name)
{
    const ldns_rdf *owner = ldns_rr_owner(rr);
    char text[WIRE_NAME_BYTES];
    size_t at = 0;

    return wire_name(ldns_rdf_data(owner), ldns_rdf_size(owner), &at, text) &&
           strcmp(text, name) == 0;
}

/* Does the server speak for this name at all? */
static int check(const struct reply *r, const struct dns_zone *z, const char *name,
                 const char *server, struct err *reterr)
{
    ldns_rr_list *authority = ldns_pkt_authority(r->pkt);
    char cut[WIRE_NAME_BYTES] = "";

    if (r->rcode != RCODE_NOERROR && r->rcode != RCODE_NXDOMAIN)
        return explain_rcode(r, z, server, false, reterr);
    if (r->aa)
        return 0;
    for (size_t i = 0; i < ldns_rr_list_rr_count(authority); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(authority, i);
        const ldns_rdf *owner = ldns_rr_owner(rr);
        size_t at = 0;

        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_NS &&
            !(wire_name(ldns_rdf_data(owner), ldns_rdf_size(owner), &at, cut) &&
              wire_name_in_zone(cut, z->zone) && strcmp(cut, z->zone) != 0))
            cut[0] = '\0';
    }
    return explain_lame(server, name, cut, reterr);
}

/* Our record is printable ASCII. Anything else there is not ours, and is not shown. */
static bool printable(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    return true;
}

static void take_text(const ldns_rr *rr, struct dns_view *view)
{
    const ldns_rdf *rdf = ldns_rr_rd_count(rr) == 1 ? ldns_rr_rdf(rr, 0) : NULL;
    const char *data = rdf ? (const char *)ldns_rdf_data(rdf) : NULL;

    view->txt[0] = '\0';
    view->txt_ttl = ldns_rr_ttl(rr);
    if (!data || ldns_rdf_size(rdf) < 2 || !printable(data + 1, ldns_rdf_size(rdf) - 1))
        return; /* several strings, or bytes that cannot be ours: present, but not one text */
    memcpy(view->txt, data + 1, ldns_rdf_size(rdf) - 1);
    view->txt[ldns_rdf_size(rdf) - 1] = '\0';
}

int view_txt(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
             struct err *reterr)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    char name[DNS_NAME_BYTES];
    int rc;

    register_name(z->alias, name, sizeof(name));
    rc = check(r, z, name, view->server, reterr);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);

        if (!owner_is(rr, name))
            continue;
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_CNAME)
            return err_set(reterr, ERR_REGISTER,
                           "The register's name must hold one TXT and nothing else: remove the "
                           "CNAME.",
                           "\"%s\" is itself an alias on %s", name, view->server);
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_TXT && ++view->n_txt == 1)
            take_text(rr, view);
    }
    if (view->n_txt != 1)
        view->txt[0] = '\0';
    view->record_valid = view->txt[0] && register_parse(view->txt, &view->record, NULL) == 0;
    return 0;
}

int view_cname(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
               struct err *reterr)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    int rc = check(r, z, z->alias, view->server, reterr);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        size_t at = 0;

        if (!owner_is(rr, z->alias) || ldns_rr_get_type(rr) != LDNS_RR_TYPE_CNAME ||
            ldns_rr_rd_count(rr) != 1)
            continue;
        const ldns_rdf *target = ldns_rr_rdf(rr, 0);
        if (!wire_name(ldns_rdf_data(target), ldns_rdf_size(target), &at, view->cname))
            continue;
        view->cname_present = true;
        view->cname_ttl = ldns_rr_ttl(rr);
    }
    return 0;
}

int view_others(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
                struct err *reterr)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    int rc = check(r, z, z->alias, view->server, reterr);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        ldns_rr_type type = ldns_rr_get_type(rr);

        if (owner_is(rr, z->alias) && type != LDNS_RR_TYPE_CNAME && type != LDNS_RR_TYPE_RRSIG &&
            type != LDNS_RR_TYPE_NSEC)
            view->alias_other_types = true;
    }
    return 0;
}

int view_count(const struct reply *r, const char *name, int type)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    int n = 0;

    if ((r->rcode != RCODE_NOERROR && r->rcode != RCODE_NXDOMAIN) || !r->aa)
        return -1;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);

        n += owner_is(rr, name) && (int)ldns_rr_get_type(rr) == type;
    }
    return n;
}

/* The EDNS option EXPIRE (RFC 7314): a secondary's own count. */
static bool take_expire(const ldns_pkt *pkt, int64_t *ret_seconds)
{
    const ldns_rdf *options = ldns_pkt_edns_data(pkt);
    const uint8_t *at = options ? ldns_rdf_data(options) : NULL;
    size_t left = options ? ldns_rdf_size(options) : 0;

    while (left >= 4) {
        size_t code = wire_get16(at), len = wire_get16(at + 2);

        if (len > left - 4)
            return false;
        if (code == EDNS_EXPIRE && len == 4) {
            *ret_seconds = (int64_t)wire_get16(at + 4) << 16 | wire_get16(at + 6);
            return true;
        }
        at += 4 + len;
        left -= 4 + len;
    }
    return false;
}

int view_soa(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
             struct err *reterr)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    int rc = check(r, z, z->zone, view->server, reterr);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ldns_rr_list_rr_count(answer); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);

        if (owner_is(rr, z->zone) && ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA &&
            ldns_rr_rd_count(rr) == 7) {
            view->serial = ldns_rdf2native_int32(ldns_rr_rdf(rr, 2));
            view->soa_refresh_s = ldns_rdf2native_int32(ldns_rr_rdf(rr, 3));
            view->soa_negative_s = ldns_rdf2native_int32(ldns_rr_rdf(rr, 6));
            view->serves_s = ldns_rdf2native_int32(ldns_rr_rdf(rr, 5));
            view->serves_exactly = take_expire(r->pkt, &view->serves_s);
            if (ldns_rr_ttl(rr) < (uint64_t)view->soa_negative_s) /* RFC 2308, section 5 */
                view->soa_negative_s = ldns_rr_ttl(rr);
            return 0;
        }
    }
    return err_set(reterr, ERR_DNS, "Set `zone` to the exact name of the zone.",
                   "%s holds no SOA at \"%s\"", view->server, z->zone);
}
