/* dnsupdate/register: the one text form of the ownership record, and nothing else. */
#include "dnsupdate/register.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/unit/unit.h"

#define NONCE "00112233445566778899aabbccddeeff"
#define TXN "0123456789abcdef"
#define HEAD "v=1 epoch=8 nonce=" NONCE " state=stable owner=db01 to=- "
#define TAIL " txn=" TXN " sysid=7301234567890123456 tli=5 ttl=30 "

static const char plain[] = HEAD "from=-" TAIL "grade=- by=root@ctl";
static const char full[] =
    "v=1 epoch=9 nonce=" NONCE " state=flip owner=db02 to=db02 from=db01,vm,x-1"
    " txn=" TXN " sysid=18446744073709551615 tli=4294967295 ttl=2147483647"
    " grade=1,-,3 by=root@ctl";

static void test_round_trip(void **state)
{
    char text[REGISTER_TEXT_BYTES];
    struct record r;
    struct err e;

    (void)state;
    assert_int_equal(register_parse(plain, &r, &e), 0);
    assert_int_equal(r.epoch, 8);
    assert_int_equal(r.state, REGISTER_STABLE);
    assert_string_equal(r.to, "");
    assert_int_equal(r.n_from, 0);
    assert_true(r.sysid == 7301234567890123456u);
    assert_string_equal(r.by, "root@ctl");
    assert_int_equal(register_format(&r, text, &e), 0);
    assert_string_equal(text, plain);

    assert_int_equal(register_parse(full, &r, &e), 0);
    assert_int_equal(r.n_from, 3);
    assert_string_equal(r.from[2].node, "x-1");
    assert_int_equal(r.from[0].grade, GRADE_G1);
    assert_int_equal(r.from[1].grade, GRADE_NONE);
    assert_int_equal(r.from[2].grade, GRADE_G3);
    assert_int_equal(register_format(&r, text, &e), 0);
    assert_string_equal(text, full);
}

static void test_malformed(void **state)
{
    static const struct {
        const char *text;
        const char *key; /* in the message */
    } cases[] = {
        {"", "`v`"},
        {"v=2 epoch=8", "`v`"},
        {"V=1 epoch=8", "`v`"},
        {" v=1", "`v`"},
        {"v=1", "`epoch`"},
        {"v=1 nonce=" NONCE " epoch=8", "`epoch`"},
        {"v=1  epoch=8", "`epoch`"},
        {"v=1\tepoch=8", "`v`"},
        {"v=1 epoch=0 nonce=" NONCE, "`epoch`"},
        {"v=1 epoch=-1 nonce=" NONCE, "`epoch`"},
        {"v=1 epoch= nonce=" NONCE, "`epoch`"},
        {"v=1 epoch=8x nonce=" NONCE, "`epoch`"},
        {"v=1 epoch=9223372036854775808 nonce=" NONCE, "`epoch`"},
        {"v=1 epoch=8 epoch=8 nonce=" NONCE, "`nonce`"},
        {"v=1 epoch=8 nonce=0011", "`nonce`"},
        {"v=1 epoch=8 nonce=00112233445566778899AABBCCDDEEFF", "`nonce`"},
        {"v=1 epoch=8 nonce=00112233445566778899aabbccddeeff0", "`nonce`"},
        {"v=1 epoch=8 nonce=" NONCE " state=Stable", "`state`"},
        {"v=1 epoch=8 nonce=" NONCE " state=", "`state`"},
        {"v=1 epoch=8 nonce=" NONCE " state=stable owner=-", "`owner`"},
        {"v=1 epoch=8 nonce=" NONCE " state=stable owner=DB01", "`owner`"},
        {"v=1 epoch=8 nonce=" NONCE " state=stable owner=a234567890123456789012345", "`owner`"},
        {"v=1 epoch=8 nonce=" NONCE " state=stable owner=db01 to=", "`to`"},
        {"v=1 epoch=8 nonce=" NONCE " state=stable owner=db01 to=-db", "`to`"},
        {HEAD "from=" TAIL "grade=- by=x", "`from`"},
        {HEAD "from=a," TAIL "grade=- by=x", "`from`"},
        {HEAD "from=,a" TAIL "grade=- by=x", "`from`"},
        {HEAD "from=a,a" TAIL "grade=-,- by=x", "`from`"},
        {HEAD "from=a,-" TAIL "grade=-,- by=x", "`from`"},
        {HEAD "from=a234567890123456789012345" TAIL "grade=- by=x", "`from`"},
        {HEAD "from=a,b,c,d,e,f,g,h,i" TAIL "grade=- by=x", "`from`"},
        {HEAD "from=- txn=0123", "`txn`"},
        {HEAD "from=- txn=" TXN " sysid=0", "`sysid`"},
        {HEAD "from=- txn=" TXN " sysid=-1", "`sysid`"},
        {HEAD "from=- txn=" TXN " sysid=18446744073709551616", "`sysid`"},
        {HEAD "from=- txn=" TXN " sysid=1 tli=0", "`tli`"},
        {HEAD "from=- txn=" TXN " sysid=1 tli=4294967296", "`tli`"},
        {HEAD "from=- txn=" TXN " sysid=1 tli=1 ttl=-1", "`ttl`"},
        {HEAD "from=- txn=" TXN " sysid=1 tli=1 ttl=2147483648", "`ttl`"},
        {HEAD "from=-" TAIL "grade=1 by=x", "`grade`"},
        {HEAD "from=a" TAIL "grade= by=x", "`grade`"},
        {HEAD "from=a" TAIL "grade=4 by=x", "`grade`"},
        {HEAD "from=a" TAIL "grade=g1 by=x", "`grade`"},
        {HEAD "from=a,b" TAIL "grade=- by=x", "`grade`"},
        {HEAD "from=a,b" TAIL "grade=1;2 by=x", "`grade`"},
        {HEAD "from=a,b" TAIL "grade=1,2, by=x", "`grade`"},
        {HEAD "from=-" TAIL "grade=-", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=a\"b", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=a\\b", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=\x7f", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=123456789012345678901234567890123", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=x ", "`by`"},
        {HEAD "from=-" TAIL "grade=- by=x more=1", "follows `by`"},
        {"v=1 epoch=08 nonce=" NONCE " state=stable owner=db01 to=- from=-" TAIL "grade=- by=x",
         "spelling"},
        {HEAD "from=- txn=" TXN " sysid=07 tli=1 ttl=0 grade=- by=x", "spelling"},
    };
    struct record r = {.epoch = 77};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = register_parse(cases[i].text, &r, &e);

        if (rc != ERR_REGISTER || !strstr(e.msg, cases[i].key))
            fail_msg("\"%s\": %d %s", cases[i].text, rc, rc < 0 ? e.msg : "accepted");
        assert_int_equal(r.epoch, 77); /* untouched */
    }
}

static void test_every_cut_and_flip_is_refused(void **state)
{
    char text[REGISTER_TEXT_BYTES];
    struct record r;

    (void)state;
    for (size_t i = 0; i + 8 < strlen(full); i++) { /* what is cut from `by` still reads */
        memcpy(text, full, i);
        text[i] = '\0';
        assert_int_equal(register_parse(text, &r, NULL), ERR_REGISTER);
    }
    for (size_t i = 0; i < strlen(full); i++) {
        char again[REGISTER_TEXT_BYTES];

        STR_COPY(text, full);
        text[i] ^= 0x20;
        if (register_parse(text, &r, NULL) == 0) {
            assert_int_equal(register_format(&r, again, NULL), 0);
            assert_string_equal(again, text);
        }
    }
}

static void test_length(void **state)
{
    struct record r;
    char text[REGISTER_TEXT_BYTES] = "before", longer[300];
    struct err e;

    (void)state;
    assert_int_equal(register_parse(full, &r, &e), 0);
    STR_COPY(r.owner, "a23456789012345678901234");
    STR_COPY(r.to, "b23456789012345678901234");
    STR_COPY(r.from[0].node, "c23456789012345678901234");
    assert_int_equal(register_format(&r, text, &e), ERR_TOO_LONG);
    assert_string_equal(text, "before");
    assert_non_null(strstr(e.msg, "to b23456789012345678901234, from c23456789012345678901234,vm"));
    r.to[0] = '\0'; /* its 22 bytes go to two others */
    STR_COPY(r.from[1].node, "d23456789012345678901234");
    STR_COPY(r.from[2].node, "e23456789012345678901234");
    assert_int_equal(register_format(&r, text, &e), ERR_TOO_LONG);
    assert_non_null(strstr(e.msg, "to -, from c23456789012345678901234,d"));

    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(register_parse(longer, &r, &e), ERR_REGISTER);

    /* exactly 255 bytes fit */
    assert_int_equal(register_parse(full, &r, &e), 0);
    char *const nodes[] = {r.owner, r.to, r.from[0].node};
    for (size_t i = 0; i < 3 && register_format(&r, text, &e) == 0 && strlen(text) < 255; i++)
        while (strlen(nodes[i]) < NODE_NAME_BYTES - 1 && strlen(text) < 255) {
            nodes[i][strlen(nodes[i]) + 1] = '\0';
            nodes[i][strlen(nodes[i])] = 'x';
            assert_int_equal(register_format(&r, text, &e), 0);
        }
    assert_int_equal(strlen(text), 255);
    assert_int_equal(register_parse(text, &r, &e), 0);
}

static void test_format_refuses(void **state)
{
    struct record good, r;
    char text[REGISTER_TEXT_BYTES];
    struct err e;

    (void)state;
    assert_int_equal(register_parse(full, &good, &e), 0);
#define REFUSED(change)                                                                            \
    r = good;                                                                                      \
    change;                                                                                        \
    assert_int_equal(register_format(&r, text, &e), ERR_INVALID)
    REFUSED(r.epoch = 0);
    REFUSED(STR_COPY(r.nonce, "abc"));
    REFUSED(r.state = 5);
    REFUSED(r.state = -1);
    REFUSED(STR_COPY(r.owner, "db 01"));
    REFUSED(r.owner[0] = '\0');
    REFUSED(STR_COPY(r.to, "Db"));
    REFUSED(STR_COPY(r.from[1].node, "a,b"));
    REFUSED(r.from[1].grade = 4);
    REFUSED(r.from[1].grade = -1);
    REFUSED(r.n_from = 9);
    REFUSED(r.txn[3] = 'G');
    REFUSED(r.sysid = 0);
    REFUSED(r.tli = 0);
    REFUSED(r.tli = (int64_t)UINT32_MAX + 1);
    REFUSED(r.ttl = -1);
    REFUSED(r.ttl = (int64_t)INT32_MAX + 1);
    REFUSED(STR_COPY(r.by, "a b"));
    REFUSED(r.by[0] = '\0');
}

static void test_from(void **state)
{
    struct record r = {.epoch = 1};
    char node[2] = "a", text[REGISTER_TEXT_BYTES];

    (void)state;
    register_from_add(&r, "db01", GRADE_NONE);
    register_from_add(&r, "vm", GRADE_G3);
    register_from_add(&r, "db01", GRADE_G2);
    register_from_add(&r, "db01", GRADE_G1); /* never lowered */
    assert_int_equal(r.n_from, 2);
    assert_int_equal(register_grade_of(&r, "db01"), GRADE_G2);
    assert_int_equal(register_grade_of(&r, "nobody"), GRADE_NONE);
    assert_true(register_from_has(&r, "vm"));
    register_from_remove(&r, "db01");
    register_from_remove(&r, "nobody");
    assert_int_equal(r.n_from, 1);
    assert_string_equal(r.from[0].node, "vm");
    assert_false(register_from_has(&r, "db01"));

    assert_int_equal(register_parse(plain, &r, NULL), 0);
    for (int i = 0; i < REGISTER_NODES_MAX; i++, node[0]++)
        register_from_add(&r, node, GRADE_NONE);
    assert_int_equal(register_format(&r, text, NULL), 0);
    register_from_add(&r, "toomany", GRADE_NONE); /* not silently dropped */
    assert_int_equal(register_format(&r, text, NULL), ERR_INVALID);
}

static void test_names(void **state)
{
    char name[256], longest[260];

    (void)state;
    assert_true(register_name("db.ia2.test", name, sizeof(name)));
    assert_string_equal(name, "_pgtandem.db.ia2.test");
    assert_false(register_name("db.ia2.test", name, 10));
    memset(longest, 'a', 244);
    longest[244] = '\0';
    assert_false(register_name(longest, name, sizeof(name)));
    assert_true(register_node_name_valid("db01"));
    assert_false(register_node_name_valid("-db"));
    assert_false(register_node_name_valid(""));
    assert_false(register_node_name_valid("a.b"));
}

/* The kernel's own; a test may let it be interrupted, or give less than was asked for. */
static struct {
    int left; /* calls that it is not the kernel's */
    int calls;
} made_up;

ssize_t getrandom(void *ret, size_t bytes, unsigned int flags)
{
    made_up.calls++;
    if (made_up.left == 0)
        return syscall(SYS_getrandom, ret, bytes, flags);
    if (made_up.left-- % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    if (bytes > 5)
        bytes = 5;
    memset(ret, 0xa0 + made_up.calls, bytes);
    return (ssize_t)bytes;
}

/* A nonce of which a part was never drawn would be used again. */
static void test_random_goes_on_until_it_has_all(void **state)
{
    char a[NONCE_BYTES], txn[TXN_BYTES];

    (void)state;
    made_up.left = 8;
    made_up.calls = 0;
    register_new_nonce(a);
    assert_string_equal(a, "a2a2a2a2a2a4a4a4a4a4a6a6a6a6a6a8");
    assert_int_equal(made_up.left, 0);
    made_up.left = 4;
    made_up.calls = 0;
    register_new_txn(txn);
    assert_string_equal(txn, "a2a2a2a2a2a4a4a4");
    made_up.left = 0;
}

static void test_random(void **state)
{
    char a[NONCE_BYTES], b[NONCE_BYTES], txn[TXN_BYTES];

    (void)state;
    register_new_nonce(a);
    register_new_nonce(b);
    register_new_txn(txn);
    assert_int_equal(strlen(a), 32);
    assert_int_equal(strspn(a, "0123456789abcdef"), 32);
    assert_int_equal(strlen(txn), 16);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_every_cut_and_flip_is_refused),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_format_refuses),
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_goes_on_until_it_has_all),
    };

    return cmocka_run_group_tests_name("register", tests, NULL, NULL);
}
