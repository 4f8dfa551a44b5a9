/*
 * Any bytes as a DNS server's answer. The first byte says how:
 *   0  to an unsigned look: decides without a signature
 *   1  to a signed query, as it came
 *   2  to a signed query, signed here with the right key, so that the fuzzer reaches what lies
 *      behind; then one bit is flipped, and what then still decides must be the same message, its
 *      id apart: that is not signed, the original id in the TSIG is (RFC 8945, 4.3.2)
 *   3  the same, to an UPDATE
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/reply.h"
#include "dnsupdate/view.h"
#include "tests/unit/dnsupdate/dnsanswer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1769570055, ID = 0x1234, ID_BYTES = 2, HEADER_BYTES = 4, SPACE_FOR_TSIG = 300 };

static const struct dns_zone zone = {
    .zone = "ia2.test",
    .alias = "db.ia2.test",
    .server = "10.0.0.5",
    .key = {"ctl", "hmac-sha256", "c2VjcmV0IG9mIHRoZSBjb250cm9sbGVyIHdpdGggMzIgYg=="}};

static struct message look, query, update;
static struct tsig_mac no_mac, query_mac, update_mac;

static void must(bool promise)
{
    if (!promise)
        abort();
}

static void make_requests(void)
{
    const struct dns_swap swap = {"db02.ia2.test", "a", "db01.ia2.test", "b", 30};
    struct message m;

    if (look.len)
        return;
    must(build_query("db.ia2.test", DNS_CNAME, &m, NULL) == 0);
    must(build_try(&m, ID, NULL, NOW, &look, &no_mac, NULL) == 0);
    must(build_query("_pgtandem.db.ia2.test", DNS_TXT, &m, NULL) == 0);
    must(build_try(&m, ID, &zone.key, NOW, &query, &query_mac, NULL) == 0);
    must(build_swap(&zone, &swap, &m, NULL) == 0);
    must(build_try(&m, ID, &zone.key, NOW, &update, &update_mac, NULL) == 0);
}

/* All that is ever asked of an answer that decides. */
static void look_into(const struct reply *r)
{
    static const int types[] = {DNS_A, DNS_NS, DNS_CNAME, DNS_AAAA};
    struct dns_view view;
    char values[4][DNS_NAME_BYTES];

    view_init(&view, "10.0.0.5");
    view_txt(r, &zone, &view, NULL);
    must(view.n_txt == 1 || !view.txt[0]);
    for (const char *p = view.txt; *p; p++)
        must(*p >= ' ' && *p <= '~');
    view_cname(r, &zone, &view, NULL);
    must(!view.cname_present || strlen(view.cname) < DNS_NAME_BYTES);
    view_others(r, &zone, &view, NULL);
    view_soa(r, &zone, &view, NULL);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        must(reply_values(r, NULL, types[i], values[0], sizeof(values[0]), 4) <= 4);
}

static bool decides(const uint8_t *wire, size_t len, const struct request *q)
{
    struct reply r = {.pkt = NULL};
    struct err e = {0};
    enum reply_kind kind = reply_read(wire, len, q, &r, &e);

    must(kind != REPLY_HINT || e.msg[0]);
    if (kind != REPLY_DECIDES)
        return false;
    look_into(&r);
    reply_free(&r);
    return true;
}

/* Sign, read, flip, read: a message that has changed before its TSIG must not decide. */
static void signed_answer(const uint8_t *header, const uint8_t *wire, size_t len,
                          const struct request *q)
{
    struct message m = {.len = len}, was;
    struct wire_map map;
    size_t at;

    memcpy(m.bytes, wire, len);
    if (!wire_walk(m.bytes, m.len, &map) || map.has_tsig)
        return;
    sign_answer(&m, q->mac, &(struct signing){.time = NOW});
    decides(m.bytes, m.len, q);
    was = m;
    at = ((size_t)header[1] << 8 | header[2]) % m.len;
    m.bytes[at] = (uint8_t)(m.bytes[at] ^ 1u << (header[3] & 7));
    if (decides(m.bytes, m.len, q))
        must(memcmp(m.bytes + ID_BYTES, was.bytes + ID_BYTES, len - ID_BYTES) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request q = {.message = &query, .id = ID, .server = "10.0.0.5", .now_s = NOW};

    make_requests();
    if (size < HEADER_BYTES || size > WIRE_REQUEST_BYTES - SPACE_FOR_TSIG)
        return 0;
    switch (data[0] & 3) {
    case 0:
        q.message = &look;
        decides(data + HEADER_BYTES, size - HEADER_BYTES, &q);
        break;
    case 1:
        q.key = &zone.key;
        q.mac = &query_mac;
        must(!decides(data + HEADER_BYTES, size - HEADER_BYTES, &q));
        break;
    default:
        q.message = data[0] & 1 ? &update : &query;
        q.key = &zone.key;
        q.mac = data[0] & 1 ? &update_mac : &query_mac;
        signed_answer(data, data + HEADER_BYTES, size - HEADER_BYTES, &q);
    }
    return 0;
}
