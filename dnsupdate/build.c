#include "dnsupdate/build.h"

#include <ldns/ldns.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dnsupdate/dns.h"

AUTO_DEFINE(pkt, ldns_pkt *, ldns_pkt_free);
AUTO_DEFINE(rr_list, ldns_rr_list *, ldns_rr_list_deep_free);

static int no_memory_or_name(struct err *reterr, const char *name)
{
    return err_set(reterr, ERR_INVALID,
                   "A name has letters, digits, - and _ in labels of 1 to 63 bytes.",
                   "\"%.255s\" is not a usable domain name", name);
}

static ldns_rdf *name_rdf(const char *name)
{
    return wire_name_valid(name) ? ldns_dname_new_frm_str(name) : NULL;
}

/* One string of at most 255 bytes. From bytes, as ldns splits unquoted text at blanks. */
static ldns_rdf *text_rdf(const char *text)
{
    uint8_t data[1 + DNS_TXT_BYTES];
    size_t len = strlen(text);

    if (len > 255)
        return NULL;
    data[0] = (uint8_t)len;
    memcpy(data + 1, text, len + 1); /* the NUL stays behind */
    return ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, len + 1, data);
}

/* Push a record; NULL `value` makes one without rdata. False when a name or text is unusable. */
static bool push(ldns_rr_list *list, const char *owner, int rr_class, int type, int64_t ttl,
                 const char *value)
{
    ldns_rdf *name = name_rdf(owner);
    ldns_rdf *rdf = !value ? NULL : type == DNS_TXT ? text_rdf(value) : name_rdf(value);
    ldns_rr *rr = ldns_rr_new();

    if (!name || (value && !rdf) || !rr || ttl < 0 || ttl > INT32_MAX) {
        ldns_rdf_deep_free(name);
        ldns_rdf_deep_free(rdf);
        ldns_rr_free(rr);
        return false;
    }
    ldns_rr_set_owner(rr, name);
    ldns_rr_set_class(rr, (ldns_rr_class)rr_class);
    ldns_rr_set_type(rr, (ldns_rr_type)type);
    ldns_rr_set_ttl(rr, (uint32_t)ttl);
    if (rdf)
        ldns_rr_push_rdf(rr, rdf);
    return ldns_rr_list_push_rr(list, rr);
}

static int to_message(ldns_pkt *pkt, struct message *ret_message, struct err *reterr)
{
    uint8_t *wire = NULL;
    size_t len = 0;

    if (ldns_pkt2wire(&wire, pkt, &len) != LDNS_STATUS_OK || len > WIRE_REQUEST_BYTES / 2) {
        free(wire);
        return err_set(reterr, ERR_TOO_LONG, NULL, "the DNS message cannot be encoded (%zu bytes)",
                       len);
    }
    memset(ret_message, 0, sizeof(*ret_message));
    wire_add(ret_message, wire, len);
    free(wire);
    return 0;
}

int build_query(const char *name, int type, struct message *ret_message, struct err *reterr)
{
    ldns_rdf *rdf = name_rdf(name);
    AUTO(pkt) pkt = NULL;

    if (!rdf)
        return no_memory_or_name(reterr, name);
    pkt = ldns_pkt_query_new(rdf, (ldns_rr_type)type, LDNS_RR_CLASS_IN, 0);
    if (!pkt) {
        ldns_rdf_deep_free(rdf);
        return no_memory_or_name(reterr, name);
    }
    ldns_pkt_set_edns_udp_size(pkt, WIRE_EDNS_BYTES);
    if (type == DNS_SOA) {
        static const uint8_t expire[] = {0, EDNS_EXPIRE, 0, 0};

        ldns_pkt_set_edns_data(
            pkt, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN, sizeof(expire), expire));
    }
    return to_message(pkt, ret_message, reterr);
}

static int build_update(const struct dns_zone *z, const ldns_rr_list *prerequisites,
                        const ldns_rr_list *changes, struct message *ret_message,
                        struct err *reterr)
{
    ldns_rdf *zone = name_rdf(z->zone);
    AUTO(pkt) pkt = NULL;

    if (!zone)
        return no_memory_or_name(reterr, z->zone);
    pkt = ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, prerequisites, changes, NULL);
    if (!pkt) {
        ldns_rdf_deep_free(zone);
        return no_memory_or_name(reterr, z->zone);
    }
    ldns_pkt_set_rd(pkt, false);
    return to_message(pkt, ret_message, reterr);
}

int build_swap(const struct dns_zone *z, const struct dns_swap *s, struct message *ret_message,
               struct err *reterr)
{
    AUTO(rr_list) pre = ldns_rr_list_new();
    AUTO(rr_list) up = ldns_rr_list_new();
    const int in = LDNS_RR_CLASS_IN, none = LDNS_RR_CLASS_NONE, any = LDNS_RR_CLASS_ANY;
    char name[DNS_NAME_BYTES];

    if (!register_name(z->alias, name, sizeof(name)))
        return no_memory_or_name(reterr, z->alias);
    if (strlen(s->new_txt) > 255 || (s->old_txt && strlen(s->old_txt) > 255))
        return err_set(reterr, ERR_TOO_LONG, NULL, "the ownership record is longer than 255 bytes");
    if (s->cname_ttl < 0 || s->cname_ttl > INT32_MAX)
        return err_set(reterr, ERR_INVALID, NULL, "a TTL of %lld s is out of range",
                       (long long)s->cname_ttl);
    /* prerequisites by value: RFC 2136, 2.4.2; "name is not in use": 2.4.5 */
    if (!push(pre, z->alias, s->old_cname ? in : none, s->old_cname ? DNS_CNAME : DNS_ANY, 0,
              s->old_cname))
        return no_memory_or_name(reterr, s->old_cname ? s->old_cname : z->alias);
    push(pre, name, s->old_txt ? in : none, s->old_txt ? DNS_TXT : DNS_ANY, 0, s->old_txt);
    /* A CNAME that is added replaces the one that is there (3.4.2.2): it is never deleted, so that
     * no server is left without the alias. (Signed, Knot 3.2 loses one that an UPDATE deletes and
     * adds.) TXT: delete before add (Knot once ignored the other order), the whole RRset: 2.5.2 */
    if (!push(up, z->alias, in, DNS_CNAME, s->cname_ttl, s->new_cname))
        return no_memory_or_name(reterr, s->new_cname);
    if (s->old_txt)
        push(up, name, any, DNS_TXT, 0, NULL);
    push(up, name, in, DNS_TXT, 0, s->new_txt);
    return build_update(z, pre, up, ret_message, reterr);
}

int build_probe(const struct dns_zone *z, struct message *ret_message, struct err *reterr)
{
    AUTO(rr_list) pre = ldns_rr_list_new();
    AUTO(rr_list) up = ldns_rr_list_new();

    if (!push(pre, z->zone, LDNS_RR_CLASS_ANY, DNS_SOA, 0, NULL)) /* RFC 2136, 2.4.1 */
        return no_memory_or_name(reterr, z->zone);
    return build_update(z, pre, up, ret_message, reterr);
}

int build_rehearsal(const struct dns_zone *z, const struct dns_view *now,
                    struct message *ret_message, struct err *reterr)
{
    AUTO(rr_list) pre = ldns_rr_list_new();
    AUTO(rr_list) up = ldns_rr_list_new();
    const int in = LDNS_RR_CLASS_IN;
    char name[DNS_NAME_BYTES];

    if (!register_name(z->alias, name, sizeof(name)))
        return no_memory_or_name(reterr, z->alias);
    if (!push(pre, z->alias, in, DNS_CNAME, 0, now->cname) ||
        !push(up, z->alias, in, DNS_CNAME, now->cname_ttl, now->cname))
        return no_memory_or_name(reterr, now->cname);
    if (!push(pre, name, in, DNS_TXT, 0, now->txt) ||
        !push(up, name, in, DNS_TXT, now->txt_ttl, now->txt))
        return no_memory_or_name(reterr, name);
    return build_update(z, pre, up, ret_message, reterr);
}

int build_try(const struct message *request, uint16_t id, const struct tsig_key *key, int64_t now_s,
              struct message *ret_message, struct tsig_mac *ret_mac, struct err *reterr)
{
    struct message m = *request;
    struct tsig_mac mac = {.len = 0};

    wire_put16(m.bytes, id);
    if (key) {
        int rc = tsig_sign(&m, key, now_s, &mac, reterr);

        if (rc < 0)
            return rc;
    }
    *ret_message = m;
    *ret_mac = mac;
    return 0;
}
