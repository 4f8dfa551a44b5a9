/*
 * dnsupdate/reply, view, explain, judge: which answer may decide, what it says of alias and record,
 * in which words, and what a swap's answers and read-backs amount to.
 */
#include "dnsupdate/reply.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "dnsupdate/build.h"
#include "dnsupdate/dns.h"
#include "dnsupdate/explain.h"
#include "dnsupdate/op.h"
#include "dnsupdate/view.h"
#include "tests/unit/dnsupdate/dnsanswer.h"
#include "tests/unit/unit.h"

enum { NOW = 1769570055, ID = 0x1234 };
#define NAME "_pgtandem.db.ia2.test"
#define ALIAS "db.ia2.test"
#define RECORD(epoch, txn)                                                                         \
    "v=1 epoch=" epoch " nonce=00112233445566778899aabbccddeeff state=claim owner=db01 to=db02 "   \
    "from=- txn=00000000000000" txn " sysid=7301234567890123456 tli=5 ttl=30 grade=- by=root@ctl2"

static const struct dns_zone zone = {
    .zone = "ia2.test",
    .alias = ALIAS,
    .server = "10.0.0.5",
    .key = {"ctl", "hmac-sha256", "c2VjcmV0IG9mIHRoZSBjb250cm9sbGVyIHdpdGggMzIgYg=="}};

static struct message query, update; /* as sent */
static struct tsig_mac query_mac, update_mac;

static int make_requests(void **state)
{
    const struct dns_swap swap = {"db02.ia2.test", "a", "db01.ia2.test", "b", 30};
    struct message m;

    (void)state;
    return build_query(NAME, DNS_TXT, &m, NULL) ||
           build_try(&m, ID, &zone.key, NOW, &query, &query_mac, NULL) ||
           build_swap(&zone, &swap, &m, NULL) ||
           build_try(&m, ID, &zone.key, NOW, &update, &update_mac, NULL);
}

static enum reply_kind read_as(const struct message *m, const struct message *request,
                               const struct tsig_key *key, struct reply *r, struct err *e)
{
    const struct request q = {.message = request,
                              .id = ID,
                              .key = key,
                              .mac = request == &query ? &query_mac : &update_mac,
                              .server = "10.0.0.5",
                              .now_s = NOW};

    *e = (struct err){.code = 0};
    *r = (struct reply){.pkt = NULL};
    return reply_read(m->bytes, m->len, &q, r, e);
}

static void sign(struct message *m, const struct message *request)
{
    sign_answer(m, request == &query ? &query_mac : &update_mac, &(struct signing){.time = NOW});
}

/* ---- may it decide? -------------------------------------------------------------------------- */

static void test_decides(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_NOERROR);
    struct reply r;
    struct err e;

    (void)state;
    add_txt(&m, NAME, 0, "hello");
    sign(&m, &query);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_DECIDES);
    assert_int_equal(r.rcode, RCODE_NOERROR);
    assert_true(r.aa);
    reply_free(&r);
}

static void test_foreign(void **state)
{
    struct message m = answer_to(&query, ID + 1, RCODE_NOERROR);
    struct reply r;
    struct err e;

    (void)state;
    sign(&m, &query);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_FOREIGN); /* id */
    m = answer_to(&query, ID, RCODE_NOERROR);
    m.bytes[2] &= 0x7f; /* a request */
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_FOREIGN);
    m = answer_to(&update, ID, RCODE_NOERROR); /* opcode */
    sign(&m, &query);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_FOREIGN);
    m = answer_to(&query, ID, RCODE_NOERROR);
    m.bytes[WIRE_HEADER_BYTES + 1] = 'x'; /* question */
    sign(&m, &query);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_FOREIGN);
    m = answer_to(&query, ID, RCODE_NOERROR);
    m.bytes[WIRE_HEADER_BYTES + 23 + 1] = DNS_CNAME; /* question's type */
    sign(&m, &query);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_FOREIGN);
}

static void test_hints(void **state)
{
    static const struct {
        struct signing signing;
        int rcode;
        const char *says, *hint;
        int detail; /* not 0: our key or our clock; a controller names its key file then */
    } cases[] = {
        {{.no_mac = true, .error = TSIG_BADKEY},
         RCODE_NOTAUTH,
         "BADKEY: 10.0.0.5",
         "rndc tsig-list",
         TSIG_BADKEY},
        {{.no_mac = true, .error = TSIG_BADSIG},
         RCODE_NOTAUTH,
         "BADSIG: 10.0.0.5",
         "secret",
         TSIG_BADSIG},
        {{.no_mac = true, .error = TSIG_BADTRUNC}, RCODE_NOTAUTH, "TSIG error 22", "log", 0},
        {{.no_mac = true, .error = TSIG_BADTIME}, RCODE_NOTAUTH, "TSIG error 18", "log", 0},
        {{.key = "other"}, RCODE_NOERROR, "another key than \"ctl\"", "decides nothing", 0},
        {{.algorithm = "hmac-sha1"}, RCODE_NOERROR, "another algorithm", "decides nothing", 0},
        {{.spoil_mac = true}, RCODE_NOERROR, "has an invalid TSIG signature", "decides nothing", 0},
        {{.mac_bytes = 20}, RCODE_NOERROR, "has an invalid TSIG signature", "decides nothing", 0},
        {{.time = NOW - 4000}, RCODE_NOERROR, "4000 s behind our clock", "clocks", TSIG_BADTIME},
        {{.time = NOW + 4000}, RCODE_NOERROR, "4000 s ahead of our clock", "clocks", TSIG_BADTIME},
    };
    struct reply r;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct message m = answer_to(&query, ID, cases[i].rcode);
        struct signing s = cases[i].signing;

        s.time = s.time ? s.time : NOW;
        sign_answer(&m, &query_mac, &s);
        assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_HINT);
        assert_int_equal(e.code, ERR_DNS);
        assert_int_equal(e.detail, cases[i].detail);
        if (!strstr(e.msg, cases[i].says) || !strstr(e.hint, cases[i].hint))
            fail_msg("case %zu: %s (%s)", i, e.msg, e.hint);
        assert_null(strstr(e.hint, zone.key.secret));
    }
}

static void test_unsigned(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_REFUSED);
    struct reply r;
    struct err e;

    (void)state;
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_HINT);
    assert_non_null(strstr(e.msg, "REFUSED without a TSIG"));
    assert_non_null(strstr(e.hint, "PowerDNS"));
    m = answer_to(&query, ID, RCODE_NOERROR);
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_HINT);
    assert_int_equal(read_as(&m, &query, NULL, &r, &e), REPLY_DECIDES); /* a look */
    reply_free(&r);
    m.len += 1; /* a trailing byte */
    assert_int_equal(read_as(&m, &query, NULL, &r, &e), REPLY_HINT);
    assert_non_null(strstr(e.msg, "not a sound DNS message"));
    m.len -= 1;
    m.bytes[2] |= 2; /* TC: only asks for TCP */
    assert_int_equal(read_as(&m, &query, &zone.key, &r, &e), REPLY_TRUNCATED);
}

static void test_badtime_decides(void **state)
{
    struct message m = answer_to(&update, ID, RCODE_NOTAUTH);
    const struct signing s = {.time = NOW, .error = TSIG_BADTIME, .server_time = NOW - 7200};
    struct reply r;
    struct err e;

    (void)state;
    sign_answer(&m, &update_mac, &s);
    assert_int_equal(read_as(&m, &update, &zone.key, &r, &e), REPLY_DECIDES);
    assert_int_equal(r.skew_s, -7200);
    explain_rcode(&r, &zone, "10.0.0.5", true, &e);
    assert_string_equal(e.msg, "BADTIME: the clock of 10.0.0.5 is 7200 s behind ours");
    reply_free(&r);
}

static void test_rcodes(void **state)
{
    static const struct {
        int rcode, code;
        const char *says, *hint;
    } cases[] = {
        {RCODE_REFUSED, ERR_DNS, "frozen, or its policy", "rndc zonestatus ia2.test"},
        {RCODE_REFUSED, ERR_DNS, "key \"ctl\"",
         "grant ctl name db.ia2.test. CNAME; grant ctl name _pgtandem.db.ia2.test. TXT;"},
        {RCODE_NOTAUTH, ERR_DNS, "NOTAUTH: 10.0.0.5 is not authoritative", "primary of the zone"},
        {RCODE_NOTZONE, ERR_DNS, "NOTZONE", "must lie in the zone \"ia2.test\""},
        {RCODE_SERVFAIL, ERR_DNS, "SERVFAIL", "log"},
        {RCODE_NOTIMP, ERR_DNS, "NOTIMP", "update-policy"},
        {RCODE_FORMERR, ERR_DNS, "FORMERR (rcode 1)", "log"},
        {RCODE_NXRRSET, ERR_LOST, "NXRRSET", "dns show"},
        {RCODE_NXDOMAIN, ERR_LOST, "NXDOMAIN", "dns show"},
        {RCODE_YXRRSET, ERR_LOST, "YXRRSET", "dns show"},
        {RCODE_YXDOMAIN, ERR_LOST, "YXDOMAIN", "dns show"},
        {15, ERR_DNS, "an unknown rcode (rcode 15)", "log"},
    };
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct reply r = {.rcode = cases[i].rcode};
        int rc = explain_rcode(&r, &zone, "10.0.0.5", true, &e);

        if (rc != cases[i].code || !strstr(e.msg, cases[i].says) || !strstr(e.hint, cases[i].hint))
            fail_msg("case %zu: %s (%s)", i, e.msg, e.hint);
    }
}

/* ---- views ----------------------------------------------------------------------------------- */

typedef int view_fn(const struct reply *, const struct dns_zone *, struct dns_view *, struct err *);

static int view_of(struct message *m, view_fn *fn, struct dns_view *view, struct err *e)
{
    struct reply r;
    int rc;

    sign(m, &query);
    assert_int_equal(read_as(m, &query, &zone.key, &r, e), REPLY_DECIDES);
    view_init(view, "10.0.0.5");
    rc = fn(&r, &zone, view, e);
    reply_free(&r);
    return rc;
}

static void test_view_txt(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_NOERROR);
    struct dns_view v;
    struct err e;

    (void)state;
    add_txt(&m, "_PGTANDEM.db.ia2.TEST", 0, RECORD("9", "aa"));
    assert_int_equal(view_of(&m, view_txt, &v, &e), 0);
    assert_int_equal(v.n_txt, 1);
    assert_true(v.record_valid);
    assert_int_equal(v.record.epoch, 9);

    m = answer_to(&query, ID, RCODE_NOERROR); /* two records, and one of another owner */
    add_txt(&m, NAME, 0, "one");
    add_txt(&m, NAME, 0, "two");
    add_txt(&m, "other.ia2.test", 0, RECORD("9", "aa"));
    assert_int_equal(view_of(&m, view_txt, &v, &e), 0);
    assert_int_equal(v.n_txt, 2);
    assert_string_equal(v.txt, "");
    assert_false(v.record_valid);

    m = answer_to(&query, ID, RCODE_NOERROR); /* two strings in one record; a zero byte */
    add_rr(&m, IN_ANSWER, NAME, DNS_TXT, 0, "\1a\1b", 4);
    assert_int_equal(view_of(&m, view_txt, &v, &e), 0);
    assert_int_equal(v.n_txt, 1);
    assert_string_equal(v.txt, "");
    m = answer_to(&query, ID, RCODE_NOERROR);
    add_rr(&m, IN_ANSWER, NAME, DNS_TXT, 0, "\3a\0b", 4);
    assert_int_equal(view_of(&m, view_txt, &v, &e), 0);
    assert_string_equal(v.txt, "");

    m = answer_to(&query, ID, RCODE_NXDOMAIN);
    assert_int_equal(view_of(&m, view_txt, &v, &e), 0);
    assert_int_equal(v.n_txt, 0);
}

static int count_txt(const struct reply *r, const struct dns_zone *z, struct dns_view *view,
                     struct err *e)
{
    (void)z;
    (void)e;
    view->zone_keys = view_count(r, NAME, DNS_TXT);
    return 0;
}

/* As DNSKEY and RRSIG are counted: those of the name, and -1 where the answer does not tell. */
static void test_view_count(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_NOERROR);
    struct dns_view v;
    struct err e;

    (void)state;
    assert_int_equal(view_of(&m, count_txt, &v, &e), 0);
    assert_int_equal(v.zone_keys, 0);
    m = answer_to(&query, ID, RCODE_NOERROR);
    add_txt(&m, NAME, 0, "one");
    add_txt(&m, NAME, 0, "two");
    add_txt(&m, "other.ia2.test", 0, "three");
    assert_int_equal(view_of(&m, count_txt, &v, &e), 0);
    assert_int_equal(v.zone_keys, 2);
    m = answer_to(&query, ID, RCODE_REFUSED);
    assert_int_equal(view_of(&m, count_txt, &v, &e), 0);
    assert_int_equal(v.zone_keys, -1);
}

static void test_view_unusable(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_NOERROR);
    struct dns_view v;
    struct err e;

    (void)state;
    add_name_rr(&m, IN_ANSWER, NAME, DNS_CNAME, 0, "x.test");
    assert_int_equal(view_of(&m, view_txt, &v, &e), ERR_REGISTER);
    assert_non_null(strstr(e.msg, "itself an alias"));

    m = answer_to(&query, ID, RCODE_NOERROR);
    m.bytes[2] &= 0xfb; /* no AA */
    add_txt(&m, NAME, 0, "cached");
    assert_int_equal(view_of(&m, view_txt, &v, &e), ERR_DNS);
    assert_non_null(strstr(e.msg, "without authority"));

    m = answer_to(&query, ID, RCODE_NOERROR);
    m.bytes[2] &= 0xfb;
    add_name_rr(&m, IN_AUTHORITY, "db.ia2.test", DNS_NS, 0, "ns.elsewhere.test");
    assert_int_equal(view_of(&m, view_txt, &v, &e), ERR_DNS);
    assert_non_null(strstr(e.msg, "zone cut: 10.0.0.5 delegates \"db.ia2.test\""));

    m = answer_to(&query, ID, RCODE_NOERROR); /* upwards is no cut */
    m.bytes[2] &= 0xfb;
    add_name_rr(&m, IN_AUTHORITY, "test", DNS_NS, 0, "ns.elsewhere.test");
    assert_int_equal(view_of(&m, view_txt, &v, &e), ERR_DNS);
    assert_null(strstr(e.msg, "zone cut"));

    m = answer_to(&query, ID, RCODE_SERVFAIL);
    assert_int_equal(view_of(&m, view_txt, &v, &e), ERR_DNS);
    assert_non_null(strstr(e.msg, "SERVFAIL: 10.0.0.5 could not read"));
}

static void test_view_alias(void **state)
{
    struct message m = answer_to(&query, ID, RCODE_NOERROR);
    struct dns_view v;
    struct err e;

    (void)state;
    add_name_rr(&m, IN_ANSWER, ALIAS, DNS_CNAME, 30, "DB01.ia2.test");
    add_rr(&m, IN_ANSWER, "db01.ia2.test", DNS_A, 30, "\x0a\0\0\1", 4);
    assert_int_equal(view_of(&m, view_cname, &v, &e), 0);
    assert_true(v.cname_present);
    assert_string_equal(v.cname, "db01.ia2.test");
    assert_int_equal(v.cname_ttl, 30);

    m = answer_to(&query, ID, RCODE_NOERROR);
    add_rr(&m, IN_ANSWER, ALIAS, DNS_A, 30, "\x0a\0\0\1", 4);
    assert_int_equal(view_of(&m, view_others, &v, &e), 0);
    assert_true(v.alias_other_types);

    m = answer_to(&query, ID, RCODE_NOERROR);
    add_rr(&m, IN_ANSWER, "ia2.test", DNS_SOA, 30,
           "\0\0\xff\xff\xff\xff\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1", 22);
    assert_int_equal(view_of(&m, view_soa, &v, &e), 0);
    assert_int_equal(v.serial, 4294967295);
}

/* ---- the verdict on a swap ------------------------------------------------------------------- */

#define OLD RECORD("8", "01")
#define OURS RECORD("9", "02")

static const struct dns_swap ours = {"a.ia2.test", OLD, "b.ia2.test", OURS, 30};
static const struct dns_swap later = {"a.ia2.test", RECORD("9", "02") "y", "b.ia2.test", OURS, 30};
static const struct dns_swap init = {NULL, NULL, "b.ia2.test", OURS, 30};

static void test_judge(void **state)
{
    static const struct {
        const char *what;
        const struct dns_swap *swap;
        const char *cname, *txt; /* the read-back; txt "?": none yet; NULL: nothing there */
        bool others, accepted;
        int failure, unanswered;
        enum swap_judgement judgement;
    } cases[] = {
        {"accepted and seen", &ours, "b.ia2.test", OURS, false, true, 0, 0, SWAP_DONE},
        {"silence, yet seen", &ours, "b.ia2.test", OURS, false, false, 0, 2, SWAP_DONE},
        {"own success answered NXRRSET", &ours, "b.ia2.test", OURS, false, false, RCODE_NXRRSET, 1,
         SWAP_DONE},
        {"own success, then SERVFAIL", &ours, "b.ia2.test", OURS, false, false, RCODE_SERVFAIL, 1,
         SWAP_DONE},
        {"accepted, nothing read yet", &ours, NULL, "?", false, true, 0, 0, SWAP_READ},
        {"accepted, read-back stale", &ours, "a.ia2.test", OLD, false, true, 0, 0, SWAP_READ},
        {"accepted, read between", &ours, "a.ia2.test", OURS, false, true, 0, 0, SWAP_READ},
        {"accepted, read-back older still", &ours, "a.ia2.test", RECORD("7", "00"), false, true, 0,
         0, SWAP_READ},
        {"accepted, superseded", &ours, "a.ia2.test", RECORD("10", "03"), false, true, 0, 0,
         SWAP_LOST},
        {"accepted, the CNAME ignored", &init, NULL, OURS, true, true, 0, 0, SWAP_BLOCKED},
        {"silence, nothing read", &ours, NULL, "?", false, false, 0, 1, SWAP_WAIT},
        {"silence, state as before", &ours, "a.ia2.test", OLD, false, false, 0, 1, SWAP_WAIT},
        {"silence, another came", &ours, "a.ia2.test", RECORD("9", "03"), false, false, 0, 1,
         SWAP_LOST},
        {"silence, an older read-back", &ours, "a.ia2.test", RECORD("7", "00"), false, false, 0, 1,
         SWAP_WAIT},
        {"lost the race", &ours, "a.ia2.test", RECORD("9", "03"), false, false, RCODE_NXRRSET, 0,
         SWAP_LOST},
        {"NXRRSET, an earlier state of ours", &later, "a.ia2.test",
         RECORD("9", "02") "x" /* by=root@ctl2x */, false, false, RCODE_NXRRSET, 1, SWAP_READ},
        {"two takeovers: the other's, same epoch, same txn", &ours, "a.ia2.test",
         RECORD("9", "02") "x", false, false, RCODE_NXRRSET, 0, SWAP_LOST},
        {"the same, before any answer", &ours, "a.ia2.test", RECORD("9", "02") "x", false, false, 0,
         1, SWAP_LOST},
        {"takeover, its holder went on at the old epoch", &ours, "a.ia2.test", OLD "x", false,
         false, RCODE_NXRRSET, 0, SWAP_LOST},
        {"the same, one try still out", &ours, "a.ia2.test", OLD "x", false, false, RCODE_NXRRSET,
         1, SWAP_READ},
        {"NXRRSET, foreign text", &ours, "a.ia2.test", "hello", false, false, RCODE_NXRRSET, 0,
         SWAP_LOST},
        {"NXRRSET, record gone", &ours, "a.ia2.test", NULL, false, false, RCODE_NXRRSET, 0,
         SWAP_READ},
        {"phantom NXRRSET", &ours, "a.ia2.test", OLD, false, false, RCODE_NXRRSET, 0, SWAP_RETRY},
        {"a neighbour's SERVFAIL", &ours, "a.ia2.test", OLD, false, false, RCODE_SERVFAIL, 0,
         SWAP_RETRY},
        {"only the alias was changed", &ours, "c.ia2.test", OLD, false, false, RCODE_NXRRSET, 0,
         SWAP_LOST},
        {"the same, one try still out", &ours, "c.ia2.test", OLD, false, false, RCODE_NXRRSET, 1,
         SWAP_READ},
        {"refused", &ours, NULL, "?", false, false, RCODE_REFUSED, 0, SWAP_REFUSED},
        {"refused, one try still out", &ours, NULL, "?", false, false, RCODE_REFUSED, 1, SWAP_READ},
        {"accepted, then refused", &ours, "b.ia2.test", OURS, false, true, RCODE_REFUSED, 0,
         SWAP_DONE},
        {"init done", &init, "b.ia2.test", OURS, false, true, 0, 0, SWAP_DONE},
        {"init, an address there", &init, NULL, NULL, true, false, RCODE_YXDOMAIN, 0, SWAP_LOST},
        {"init, a record there", &init, "b.ia2.test", RECORD("1", "07"), false, false,
         RCODE_YXDOMAIN, 0, SWAP_LOST},
        {"init, a newer one there", &init, "b.ia2.test", RECORD("9", "07"), false, false,
         RCODE_YXDOMAIN, 0, SWAP_LOST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_view v = {.status = DNS_VIEW_OK, .alias_other_types = cases[i].others};
        struct swap_seen seen = {.swap = cases[i].swap,
                                 .view = &v,
                                 .accepted = cases[i].accepted,
                                 .failure = cases[i].failure,
                                 .unanswered = cases[i].unanswered};

        if (cases[i].txt && strcmp(cases[i].txt, "?") == 0)
            seen.view = NULL;
        v.cname_present = cases[i].cname != NULL;
        STR_COPY(v.cname, cases[i].cname ? cases[i].cname : "");
        v.n_txt = cases[i].txt != NULL;
        STR_COPY(v.txt, cases[i].txt ? cases[i].txt : "");
        v.record_valid = register_parse(v.txt, &v.record, NULL) == 0;
        if (op_judge_swap(&seen) != cases[i].judgement)
            fail_msg("%s: %d", cases[i].what, op_judge_swap(&seen));
    }
}

static void test_words(void **state)
{
    struct dns_view v = {.server = "10.0.0.5", .n_txt = 1, .cname_present = true};
    struct err e;

    (void)state;
    STR_COPY(v.cname, "db02.ia2.test");
    STR_COPY(v.txt, RECORD("9", "aa"));
    v.record_valid = register_parse(v.txt, &v.record, NULL) == 0;
    assert_int_equal(explain_lost(&v, &zone, &e), ERR_LOST);
    assert_string_equal(e.msg, "the compare-and-swap was lost. Now: epoch 9, claim, owner db01, to "
                               "db02, txn 00000000000000aa, by root@ctl2; \"db.ia2.test\" is "
                               "db02.ia2.test");
    v.n_txt = 2;
    explain_lost(&v, &zone, &e);
    assert_non_null(strstr(e.msg, "2 TXT records"));
    v.n_txt = 0;
    v.cname_present = false;
    explain_lost(&v, &zone, &e);
    assert_non_null(strstr(e.msg, "no ownership record; \"db.ia2.test\" is (nothing)"));
    explain_silence("10.0.0.5", 2500, &e);
    assert_string_equal(e.msg, "10.0.0.5 gave no answer in 2500 ms");
    assert_int_equal(explain_silence("10.0.0.5", 1, NULL), ERR_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decides),         cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_hints),           cmocka_unit_test(test_unsigned),
        cmocka_unit_test(test_badtime_decides), cmocka_unit_test(test_rcodes),
        cmocka_unit_test(test_view_count),      cmocka_unit_test(test_view_txt),
        cmocka_unit_test(test_view_unusable),   cmocka_unit_test(test_view_alias),
        cmocka_unit_test(test_judge),           cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests_name("dnsreply", tests, make_requests, NULL);
}
