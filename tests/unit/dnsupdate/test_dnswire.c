/*
 * dnsupdate/build, wire, tsig: requests byte for byte (the signature computed apart, in Python),
 * and what of an answer's signature is believed.
 */
#include <ldns/ldns.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/tsig.h"
#include "dnsupdate/wire.h"
#include "tests/unit/dnsupdate/dnsanswer.h"
#include "tests/unit/unit.h"

enum { NOW = 1769570055, ID = 0x1234 };
#define SECRET "c2VjcmV0IG9mIHRoZSBjb250cm9sbGVyIHdpdGggMzIgYg=="

static const struct dns_zone zone = {.zone = "ia2.test",
                                     .alias = "db.ia2.test",
                                     .server = "127.0.0.1",
                                     .key = {"ctl", "hmac-sha256", SECRET}};
static const struct dns_swap swap = {"db02.ia2.test", "old one", "db01.ia2.test", "new one", 30};

/* _pgtandem.db.ia2.test TXT; RD=0; EDNS of 1232 bytes */
static const char golden_query[] =
    "000000000001000000000001095f706774616e64656d02646203696132047465737400001000"
    "0100002904d0000000000000";
/* zone; prerequisites CNAME db02 and TXT "old one"; then add CNAME db01 (TTL 30), which
 * replaces the other; delete TXT, add TXT "new one" (TTL 0) */
static const char golden_update[] =
    "0000280000010002000300000369613204746573740000060001026462c00c00050001000000"
    "0000070464623032c00c095f706774616e64656dc01a00100001000000000008076f6c64206f"
    "6e65c01a000500010000001e00070464623031c00cc030001000ff000000000000c030001000"
    "01000000000008076e6577206f6e65";
/* the same with id 1234 and the TSIG of "ctl" at NOW */
static const char golden_signed[] =
    "1234280000010002000300010369613204746573740000060001026462c00c00050001000000"
    "0000070464623032c00c095f706774616e64656dc01a00100001000000000008076f6c64206f"
    "6e65c01a000500010000001e00070464623031c00cc030001000ff000000000000c030001000"
    "01000000000008076e6577206f6e650363746c0000fa00ff00000000003d0b686d61632d7368"
    "6132353600000069797f07012c0020cef4e331f4b42c0acacb9e145ee1353b2cf834218fd244"
    "07310941a79afe9b01123400000000";
/* prerequisites "name is not in use" for both names */
static const char golden_init[] =
    "0000280000010002000200000369613204746573740000060001026462c00c00ff00fe000000"
    "000000095f706774616e64656dc01a00ff00fe000000000000c01a000500010000001e000704"
    "64623031c00cc02900100001000000000008076e6577206f6e65";
/* both values demanded, and added as they are, with their TTLs (30 and 0): no delete */
static const struct dns_view now = {
    .cname = "db02.ia2.test", .cname_ttl = 30, .n_txt = 1, .txt = "old one"};
static const char golden_rehearsal[] =
    "0000280000010002000200000369613204746573740000060001026462c00c00050001000000"
    "0000070464623032c00c095f706774616e64656dc01a00100001000000000008076f6c64206f"
    "6e65c01a000500010000001e0002c029c0300010000100000000000807"
    "6f6c64206f6e65";
static const char golden_probe[] =
    "0000280000010001000000000369613204746573740000060001c00c000600ff000000000000";

static void assert_hex(const struct message *m, const char *hex)
{
    char text[2 * WIRE_REQUEST_BYTES + 1] = "";

    for (size_t i = 0; i < m->len; i++)
        str_printf(text + 2 * i, 3, "%02x", m->bytes[i]);
    assert_string_equal(text, hex);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void test_golden(void **state)
{
    const struct dns_swap init = {NULL, NULL, "db01.ia2.test", "new one", 30};
    struct message m, try;
    struct tsig_mac mac;

    (void)state;
    assert_int_equal(build_query("_pgtandem.db.ia2.test", DNS_TXT, &m, NULL), 0);
    assert_hex(&m, golden_query);
    assert_int_equal(build_swap(&zone, &swap, &m, NULL), 0);
    assert_hex(&m, golden_update);
    assert_int_equal(build_try(&m, ID, &zone.key, NOW, &try, &mac, NULL), 0);
    assert_hex(&try, golden_signed);
    assert_hex(&m, golden_update); /* the template stays */
    assert_int_equal(build_swap(&zone, &init, &m, NULL), 0);
    assert_hex(&m, golden_init);
    assert_int_equal(build_rehearsal(&zone, &now, &m, NULL), 0);
    assert_hex(&m, golden_rehearsal);
    assert_int_equal(build_probe(&zone, &m, NULL), 0);
    assert_hex(&m, golden_probe);
}

static void test_unusable_values(void **state)
{
    static const char *const names[] = {"", ".", "a..b", "a b", "a.", ".a", "a\\.b", "ä"};
    char text[300];
    struct message m = {.len = 7};
    struct dns_swap s = swap;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(build_query(names[i], DNS_TXT, &m, &e), ERR_INVALID);
        s.new_cname = names[i];
        assert_int_equal(build_swap(&zone, &s, &m, &e), ERR_INVALID);
        s = swap;
        s.old_cname = names[i];
        assert_int_equal(build_swap(&zone, &s, &m, &e), ERR_INVALID);
        s = swap;
    }
    memset(text, 'x', sizeof(text));
    text[256] = '\0';
    s.new_txt = text;
    assert_int_equal(build_swap(&zone, &s, &m, &e), ERR_TOO_LONG);
    text[255] = '\0';
    assert_int_equal(build_swap(&zone, &s, &m, &e), 0);
    s.cname_ttl = -1;
    assert_int_equal(build_swap(&zone, &s, &m, &e), ERR_INVALID);
    text[64] = '\0';
    assert_int_equal(build_query(text, DNS_TXT, &m, &e), ERR_INVALID);
}

/* ldns agrees with our MACs, for the algorithms that it knows. */
static void test_ldns_verifies(void **state)
{
    static const char *const algorithms[] = {"hmac-sha1", "hmac-sha256", "hmac-sha512"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct tsig_key key = zone.key;
        struct message m, try;
        struct tsig_mac mac;
        ldns_pkt *pkt = NULL;

        STR_COPY(key.algorithm, algorithms[i]);
        assert_int_equal(build_swap(&zone, &swap, &m, NULL), 0);
        assert_int_equal(build_try(&m, ID, &key, NOW, &try, &mac, NULL), 0);
        assert_int_equal(ldns_wire2pkt(&pkt, try.bytes, try.len), LDNS_STATUS_OK);
        assert_true(ldns_pkt_tsig_verify(pkt, try.bytes, try.len, "ctl.", SECRET, NULL));
        ldns_pkt_free(pkt);
    }
}

static void test_signing_refuses(void **state)
{
    struct tsig_key key = zone.key;
    struct message m, try;
    struct tsig_mac mac;
    struct err e;

    (void)state;
    assert_int_equal(build_probe(&zone, &m, NULL), 0);
    STR_COPY(key.algorithm, "hmac-md5");
    assert_int_equal(build_try(&m, ID, &key, NOW, &try, &mac, &e), ERR_CONFIG);
    key = zone.key;
    key.secret[0] = '\0';
    assert_int_equal(build_try(&m, ID, &key, NOW, &try, &mac, &e), ERR_CONFIG);
    assert_int_equal(build_try(&m, ID, NULL, NOW, &try, &mac, &e), 0);
    assert_int_equal(try.len, m.len);
}

/* ---- answers' signatures --------------------------------------------------------------------- */

static struct message query;
static struct tsig_mac query_mac;

static int make_query(void **state)
{
    struct message m;

    (void)state;
    return build_query("_pgtandem.db.ia2.test", DNS_TXT, &m, NULL) ||
           build_try(&m, ID, &zone.key, NOW, &query, &query_mac, NULL);
}

static struct message answer(const struct signing *s)
{
    struct message m = answer_to(&query, ID, 0);
    struct signing filled = *s;

    if (!filled.time)
        filled.time = NOW;
    add_txt(&m, "_pgtandem.db.ia2.test", 0, "hello");
    sign_answer(&m, &query_mac, &filled);
    return m;
}

static struct tsig_result verify(const struct message *m)
{
    struct tsig_result r = {.status = TSIG_MALFORMED};
    struct wire_map map;

    if (wire_walk(m->bytes, m->len, &map))
        r = tsig_verify(m->bytes, m->len, &map, &zone.key, &query_mac, NOW);
    return r;
}

static void test_tsig(void **state)
{
    static const struct {
        const char *what;
        struct signing signing;
        enum tsig_status status;
    } cases[] = {
        {"right", {.error = 0}, TSIG_VALID},
        {"300 s old", {.time = NOW - 300}, TSIG_VALID},
        {"301 s old", {.time = NOW - 301}, TSIG_LATE},
        {"100000 s old", {.time = NOW - 100000}, TSIG_LATE},
        {"301 s ahead", {.time = NOW + 301}, TSIG_LATE},
        {"48 bits of time", {.time = 0xffffffffffff}, TSIG_LATE},
        {"another key's name, same secret", {.key = "other"}, TSIG_OTHER_KEY},
        {"a key below ours", {.key = "x.ctl"}, TSIG_OTHER_KEY},
        {"downgrade to sha1", {.algorithm = "hmac-sha1"}, TSIG_OTHER_ALGORITHM},
        {"another algorithm, called ours",
         {.algorithm = "hmac-sha1", .named_algorithm = "hmac-sha256"},
         TSIG_FALSE},
        {"another secret", {.secret = "guess"}, TSIG_FALSE},
        {"one bit", {.spoil_mac = true}, TSIG_FALSE},
        {"MAC of 31 bytes", {.mac_bytes = 31}, TSIG_FALSE},
        {"MAC of 16 bytes", {.mac_bytes = 16}, TSIG_FALSE},
        {"MAC of 1 byte", {.mac_bytes = 1}, TSIG_FALSE},
        {"no MAC, no error", {.no_mac = true}, TSIG_BARE},
        {"no MAC, BADKEY", {.no_mac = true, .error = TSIG_BADKEY}, TSIG_BARE},
        {"BADTIME, signed", {.error = TSIG_BADTIME, .server_time = NOW + 999}, TSIG_VALID},
        {"BADTIME, unsigned",
         {.error = TSIG_BADTIME, .server_time = NOW + 999, .no_mac = true},
         TSIG_BARE},
        {"forwarded: another original id", {.original_id = 77}, TSIG_VALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message m = answer(&cases[i].signing);
        struct tsig_result r = verify(&m);

        if (r.status != cases[i].status || r.error != cases[i].signing.error)
            fail_msg("%s: status %d, error %d", cases[i].what, r.status, r.error);
        if (cases[i].signing.server_time)
            assert_int_equal(r.server_time, NOW + 999);
    }
}

static void test_all_algorithms(void **state)
{
    static const char *const names[] = {"hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384",
                                        "hmac-sha512"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        const struct signing s = {.algorithm = names[i], .time = NOW};
        struct tsig_key key = zone.key;
        struct message m = answer_to(&query, ID, 0);
        struct wire_map map;

        STR_COPY(key.algorithm, names[i]);
        sign_answer(&m, &query_mac, &s);
        assert_true(wire_walk(m.bytes, m.len, &map));
        assert_int_equal(tsig_verify(m.bytes, m.len, &map, &key, &query_mac, NOW).status,
                         TSIG_VALID);
    }
}

/* The answer to another request, though properly signed, is not the answer to this one. */
static void test_other_request(void **state)
{
    struct message m = answer(&(struct signing){.time = NOW});
    struct tsig_mac other = query_mac;
    struct wire_map map;

    (void)state;
    other.bytes[0] ^= 1;
    assert_true(wire_walk(m.bytes, m.len, &map));
    assert_int_equal(tsig_verify(m.bytes, m.len, &map, &zone.key, &other, NOW).status, TSIG_FALSE);
}

static void test_every_bit_counts(void **state)
{
    const struct message good = answer(&(struct signing){.time = NOW});
    struct wire_map map;

    (void)state;
    assert_true(wire_walk(good.bytes, good.len, &map));
    for (size_t i = 16; i < good.len * 8;
         i++) { /* from behind the id: the original one is signed */
        struct message m = good;
        uint8_t was = good.bytes[i / 8];
        /* upper case in the TSIG's own names is the same name */
        bool same = i / 8 >= map.tsig_start && i % 8 == 5 && was >= 'a' && was <= 'z';

        m.bytes[i / 8] ^= (uint8_t)(1 << i % 8);
        if (!same && verify(&m).status == TSIG_VALID)
            fail_msg("bit %zu of byte %zu may be flipped", i % 8, i / 8);
    }
}

/* ---- soundness ------------------------------------------------------------------------------- */

static void test_walk(void **state)
{
    const struct message good = answer(&(struct signing){.time = NOW});
    struct message m = good;
    struct wire_map map;

    (void)state;
    assert_true(wire_walk(m.bytes, m.len, &map));
    assert_true(map.has_tsig && map.qr && map.aa && !map.tc);
    assert_int_equal(map.id, ID);
    assert_false(wire_walk(m.bytes, m.len + 1, &map)); /* a trailing byte */
    for (size_t len = 0; len < good.len; len++)        /* cut anywhere */
        assert_false(wire_walk(m.bytes, len, &map));

    add_txt(&m, "after.test", 0, "x"); /* counted as an answer: the TSIG is in no section's end */
    assert_false(wire_walk(m.bytes, m.len, &map));
    m = good;
    add_rr(&m, IN_ADDITIONAL, "after.test", 1, 0, "\x7f\0\0\1", 4); /* TSIG not last */
    assert_false(wire_walk(m.bytes, m.len, &map));
    m = good;
    sign_answer(&m, &query_mac, &(struct signing){.time = NOW}); /* two of them */
    assert_false(wire_walk(m.bytes, m.len, &map));
    m = good;
    wire_put16(m.bytes + IN_ADDITIONAL, 0); /* TSIG as the last authority record */
    wire_put16(m.bytes + IN_AUTHORITY, 1);
    assert_false(wire_walk(m.bytes, m.len, &map));
}

static void test_names(void **state)
{
    static const uint8_t loop[] = {1, 'a', 0xc0, 0}, self[] = {0xc0, 0}, dot[] = {2, 'a', '.', 0},
                         ends[] = {3, 'a'}, far[] = {0xc0, 9}, good[] = {1, 'A', 1, '_', 0},
                         bits[] = {0x41, 'a', 0};
    char name[WIRE_NAME_BYTES];
    size_t at = 0;

    (void)state;
    assert_true(wire_name(good, sizeof(good), &at, name));
    assert_string_equal(name, "a._");
    assert_int_equal(at, 5);
    at = 0;
    assert_false(wire_name(loop, sizeof(loop), &at, name));
    assert_false(wire_name(self, sizeof(self), &at, name));
    assert_false(wire_name(dot, sizeof(dot), &at, name));
    assert_false(wire_name(ends, sizeof(ends), &at, name));
    assert_false(wire_name(far, sizeof(far), &at, name));
    assert_false(wire_name(bits, sizeof(bits), &at, name));
    assert_int_equal(at, 0);

    assert_true(wire_name_in_zone("db.ia2.test", "ia2.test"));
    assert_true(wire_name_in_zone("ia2.test", "ia2.test"));
    assert_false(wire_name_in_zone("xia2.test", "ia2.test"));
    assert_false(wire_name_in_zone("test", "ia2.test"));
}

static void test_zone_check(void **state)
{
    struct dns_zone z = zone;
    struct err e;

    (void)state;
    assert_int_equal(dns_zone_check(&z, &e), 0);
#define REFUSED(member, value)                                                                     \
    z = zone;                                                                                      \
    STR_COPY(z.member, value);                                                                     \
    assert_int_equal(dns_zone_check(&z, &e), ERR_CONFIG)
    REFUSED(zone, "ia2.test.");
    REFUSED(zone, "IA2.test");
    REFUSED(zone, "other.test");
    REFUSED(alias, "ia2.test");
    REFUSED(alias, "db.other.test");
    REFUSED(alias, "d b.ia2.test");
    REFUSED(server, "ns1.ia2.test");
    REFUSED(server, "127.0.0.1:0");
    REFUSED(server, "127.0.0.1:65536");
    REFUSED(server, "[::1");
    REFUSED(server, "::1]:53");
    REFUSED(server, "");
    REFUSED(key.algorithm, "hmac-md5");
    REFUSED(key.name, "");
    z = zone;
    STR_COPY(z.server, "[::1]:5353");
    assert_int_equal(dns_zone_check(&z, &e), 0);
    STR_COPY(z.server, "fd00::1");
    assert_int_equal(dns_zone_check(&z, &e), 0);
    STR_COPY(z.server, "127.0.0.1:5353");
    assert_int_equal(dns_zone_check(&z, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_unusable_values),
        cmocka_unit_test(test_ldns_verifies), cmocka_unit_test(test_signing_refuses),
        cmocka_unit_test(test_tsig),          cmocka_unit_test(test_all_algorithms),
        cmocka_unit_test(test_other_request), cmocka_unit_test(test_every_bit_counts),
        cmocka_unit_test(test_walk),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_zone_check),
    };

    return cmocka_run_group_tests_name("dnswire", tests, make_query, NULL);
}
