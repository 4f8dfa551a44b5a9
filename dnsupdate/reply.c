#include "dnsupdate/reply.h"

#include <arpa/inet.h>
#include <ldns/ldns.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/explain.h"

void reply_free(struct reply *r)
{
    ldns_pkt_free(r->pkt);
    r->pkt = NULL;
}

static bool same_question(const uint8_t *wire, size_t len, const struct wire_map *map,
                          const struct request *request)
{
    const struct message *m = request->message;
    char ours[WIRE_NAME_BYTES], theirs[WIRE_NAME_BYTES];
    size_t a = WIRE_HEADER_BYTES, b = WIRE_HEADER_BYTES;

    if (map->questions == 0) /* left out in an UPDATE's answer (RFC 2136, 3.8) or an error's */
        return map->opcode == LDNS_PACKET_UPDATE || map->rcode != RCODE_NOERROR;
    return map->questions == 1 && wire_name(m->bytes, m->len, &a, ours) &&
           wire_name(wire, len, &b, theirs) && strcmp(ours, theirs) == 0 && m->len - a >= 4 &&
           len - b >= 4 && memcmp(m->bytes + a, wire + b, 4) == 0;
}

/* The message without its TSIG, for ldns. */
static ldns_pkt *unsigned_pkt(const uint8_t *wire, const struct wire_map *map)
{
    size_t len = map->tsig_start;
    uint8_t *copy = mem_alloc(len);
    ldns_pkt *pkt = NULL;

    memcpy(copy, wire, len);
    if (map->has_tsig)
        wire_put16(copy + 10, (uint16_t)(wire_get16(copy + 10) - 1));
    if (ldns_wire2pkt(&pkt, copy, len) != LDNS_STATUS_OK)
        pkt = NULL;
    mem_free(copy);
    return pkt;
}

enum reply_kind reply_read(const uint8_t *wire, size_t len, const struct request *request,
                           struct reply *ret_reply, struct err *reterr)
{
    struct tsig_result t = {.status = TSIG_VALID};
    struct reply r = {.pkt = NULL};
    struct wire_map map;

    if (!wire_walk(wire, len, &map)) {
        explain_malformed(request->server, reterr);
        return REPLY_HINT;
    }
    if (!map.qr || map.id != request->id ||
        map.opcode != ((request->message->bytes[2] >> 3) & 15) ||
        !same_question(wire, len, &map, request))
        return REPLY_FOREIGN;
    if (request->key)
        t = tsig_verify(wire, len, &map, request->key, request->mac, request->now_s);
    if (map.tc)
        return REPLY_TRUNCATED;
    r.rcode = map.rcode;
    r.aa = map.aa;
    r.tsig_error = t.error;
    r.skew_s = t.error == TSIG_BADTIME ? t.server_time - request->now_s : 0;
    if (t.status != TSIG_VALID) {
        explain_signature(&t, map.rcode, request, reterr);
        return REPLY_HINT;
    }
    r.pkt = unsigned_pkt(wire, &map);
    if (!r.pkt) {
        explain_malformed(request->server, reterr);
        return REPLY_HINT;
    }
    *ret_reply = r;
    return REPLY_DECIDES;
}

static bool value_text(const ldns_rdf *rdf, int type, char *ret, size_t bytes)
{
    char text[WIRE_NAME_BYTES];
    size_t at = 0;

    if (type == DNS_A || type == DNS_AAAA) {
        size_t want = type == DNS_A ? 4 : 16;

        return ldns_rdf_size(rdf) == want &&
               inet_ntop(type == DNS_A ? AF_INET : AF_INET6, ldns_rdf_data(rdf), text,
                         sizeof(text)) &&
               str_copy(ret, bytes, text);
    }
    return wire_name(ldns_rdf_data(rdf), ldns_rdf_size(rdf), &at, text) &&
           str_copy(ret, bytes, text);
}

size_t reply_values(const struct reply *r, const char *owner, int type, char *ret_values,
                    size_t bytes, size_t max)
{
    ldns_rr_list *answer = ldns_pkt_answer(r->pkt);
    size_t n = 0;

    for (size_t i = 0; i < ldns_rr_list_rr_count(answer) && n < max; i++) {
        const ldns_rr *rr = ldns_rr_list_rr(answer, i);
        char name[WIRE_NAME_BYTES];

        if ((int)ldns_rr_get_type(rr) != type || ldns_rr_rd_count(rr) != 1)
            continue;
        if (owner && !(value_text(ldns_rr_owner(rr), DNS_CNAME, name, sizeof(name)) &&
                       strcmp(name, owner) == 0))
            continue;
        if (value_text(ldns_rr_rdf(rr, 0), type, ret_values + n * bytes, bytes))
            n++;
    }
    return n;
}
