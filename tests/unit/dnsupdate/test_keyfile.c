/* dnsupdate/keyfile: every form that people have, and the words for what is wrong. */
#include "dnsupdate/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/unit.h"

#define SECRET "c2VjcmV0IG9mIHRoZSBjb250cm9sbGVyIHdpdGggMzIgYg=="

static int parse(const char *text, const char *name, struct tsig_key *key, struct err *e)
{
    return keyfile_parse("keys.conf", text, strlen(text), name, key, e);
}

static void test_good(void **state)
{
    static const struct {
        const char *text, *name, *key, *algorithm, *secret;
    } cases[] = {
        {"key \"ctl\" { algorithm hmac-sha256; secret \"" SECRET "\"; };", NULL, "ctl",
         "hmac-sha256", SECRET},
        /* no blanks, no quotes, other order, upper case, final dot */
        {"key CTL.Example.{secret " SECRET ";algorithm HMAC-SHA512;};", "", "ctl.example",
         "hmac-sha512", SECRET},
        /* the three kinds of comments, one with a decoy */
        {"# key \"no\" { };\n// key\n/* key \"no\" {\n algorithm */key /**/ "
         "\"ctl\"\n{\n\talgorithm "
         "hmac-sha1; # x\r\n\tsecret \"" SECRET "\"; // \"\n};\n/***/",
         "ctl", "ctl", "hmac-sha1", SECRET},
        {"key a { algorithm hmac-sha256; secret \"YQ==\"; };\n"
         "key b { algorithm hmac-sha384; secret \"YmI=\"; };\n",
         "B.", "b", "hmac-sha384", "YmI="},
        /* words in any case; other statements, a key that is of no use, blanks in the secret */
        {"KEY ctl { Algorithm HMAC-SHA256; SECRET \"" SECRET "\"; };", NULL, "ctl", "hmac-sha256",
         SECRET},
        {"options { directory \"\"; listen-on { any; }; };\ninclude \"/etc/bind/more.conf\";\n"
         "server 10.0.0.1 { keys { ctl; }; };\nkey \"ctl\" { algorithm hmac-sha256; secret "
         "\"YWJj\nZGVm  Zw==\"; };\nkey old { algorithm hmac-md5; secret \"YQ==\"; };\n"
         "controls { inet 127.0.0.1 allow { localhost; } keys { \"rndc-key\"; }; };",
         "ctl", "ctl", "hmac-sha256", "YWJjZGVmZw=="},
        {"hmac-sha224:ctl.:" SECRET "\n", NULL, "ctl", "hmac-sha224", SECRET},
        {"  hmac-sha256:a:YQ==\n# and\nhmac-sha256:b:YmJi", "b", "b", "hmac-sha256", "YmJi"},
        {"hmac-sha256:a:ab//cd==", NULL, "a", "hmac-sha256", "ab//cd=="},
    };
    struct tsig_key key;
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = parse(cases[i].text, cases[i].name, &key, &e);

        if (rc < 0)
            fail_msg("%s: %s", cases[i].text, e.msg);
        assert_string_equal(key.name, cases[i].key);
        assert_string_equal(key.algorithm, cases[i].algorithm);
        assert_string_equal(key.secret, cases[i].secret);
    }
}

static void test_bad(void **state)
{
    static const struct {
        const char *text, *name, *says;
    } cases[] = {
        {"", NULL, "holds no key"},
        {"# only a comment", NULL, "holds no key"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==\"; };", "other", "no key named \"other\""},
        {"key a { algorithm hmac-sha256; secret \"YQ==\"; };"
         "key b { algorithm hmac-sha256; secret \"YQ==\"; };",
         NULL, "several keys (\"a\" and \"b\")"},
        {"key a { algorithm hmac-sha256; secret \"YQ==\"; };"
         "key a { algorithm hmac-sha256; secret \"YmI=\"; };",
         "a", "several keys"},
        {"key ctl { secret \"YQ==\"; };", NULL, "no algorithm"},
        {"key ctl { algorithm hmac-sha256; };", NULL, "no secret"},
        {"key ctl { algorithm hmac-md5; secret \"YQ==\"; };", NULL, "hmac-md5"},
        {"key ctl { algorithm hmac-md5.sig-alg.reg.int.; secret \"YQ==\"; };", NULL, "hmac-md5"},
        {"key ctl {\n algorithm hmac-sha256-128;\n secret \"YQ==\"; };", NULL,
         "line 2: an unknown"},
        {"key ctl { algorithm sha256; secret \"YQ==\"; };", NULL, "unknown"},
        {"key ctl { algorithm hmac-sha256; algorithm hmac-sha1; secret \"YQ==\"; };", NULL,
         "twice"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==\"; secret \"YQ==\"; };", NULL, "twice"},
        {"key ctl { algorithm hmac-sha256; secret \"not base64!\"; };", NULL, "base64"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ=\"; };", NULL, "base64"},
        {"key ctl { algorithm hmac-sha256; secret \"Y===\"; };", NULL, "base64"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==YQ==\"; };", NULL, "base64"},
        {"key ctl { algorithm hmac-sha256; secret \"\"; };", NULL, "empty"},
        {"key \"\" { algorithm hmac-sha256; secret \"YQ==\"; };", NULL, "empty"},
        {"key \"a b\" { algorithm hmac-sha256; secret \"YQ==\"; };", NULL, "key name"},
        {"key \"a..b\" { algorithm hmac-sha256; secret \"YQ==\"; };", NULL, "key name"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==\"; }", NULL, "expected ;"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==\" };", NULL, "expected ;"},
        {"key ctl algorithm hmac-sha256;", NULL, "expected {"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==;\n };", NULL, "quotation mark"},
        {"key ctl { algorithm hmac-sha256; secret \"YQ==", NULL, "quotation mark"},
        {"/* key ctl", NULL, "comment without an end"},
        {"key ctl { color blue; };", NULL, "nothing else"},
        {"key ctl { algorithm hmac-sha256;", NULL, "nothing else"},
        {"ctl:YQ==", NULL, "algorithm is missing"},
        {"hmac-sha256:ctl", NULL, "algorithm is missing"},
        {"hmac-md5:ctl:YQ==", NULL, "hmac-md5"},
        {"hmac-sha256::YQ==", NULL, "key name"},
        {"hmac-sha256:ctl:", NULL, "base64"},
        {"Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: YQ==\n", NULL, "K*.private"},
        {"ctl. IN KEY 512 3 163 YQ==", NULL, "K*.key, K*.private pair: a KEY record"},
        {"ctl. 3600 IN KEY 512 3 163 YQ==", NULL, "a KEY record"},
        {"key:\n  - id: ctl\n    algorithm: hmac-sha256\n    secret: YQ==\n", NULL, "Knot"},
        {"# hmac-sha256:ctl:YQ==\nkey:\n    name: \"ctl\"\n", NULL, "Knot DNS or NSD"},
        {"ctl. hmac-sha256. YQ==\n", NULL, "pdnsutil"},
        {"Create new TSIG key ctl hmac-sha256 YQ==\n", NULL, "PowerDNS"},
        {"\n" SECRET "\n", NULL, "a secret alone"},
        {"-----BEGIN PRIVATE KEY-----\nYQ==\n", NULL, "PEM"},
        {"include \"keys.conf\";", NULL, "holds no key"},
        {"options { directory \"/\"; }", NULL, "no statement that ends with ;"},
    };
    struct tsig_key key = {.name = "before"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int rc = parse(cases[i].text, cases[i].name, &key, &e);

        if (rc != ERR_CONFIG || !strstr(e.msg, cases[i].says))
            fail_msg("%s: %d %s", cases[i].text, rc, rc < 0 ? e.msg : "accepted");
        assert_null(strstr(e.msg, "YQ=="));
        assert_null(strstr(e.hint, "YQ=="));
        assert_string_equal(key.name, "before");
    }
}

static void test_ugly_bytes(void **state)
{
    static const char good[] = "key ctl { algorithm hmac-sha256; secret \"" SECRET "\"; };\n";
    char text[sizeof(good)];
    struct tsig_key key;

    (void)state;
    for (size_t i = 0; i < sizeof(good); i++) /* cut anywhere: an error or the key, no overrun */
        keyfile_parse("f", good, i, NULL, &key, NULL);
    for (size_t i = 0; i + 1 < sizeof(good); i++) {
        memcpy(text, good, sizeof(good));
        text[i] = '\0';
        assert_int_equal(keyfile_parse("f", text, sizeof(good) - 1, NULL, &key, NULL), ERR_CONFIG);
        text[i] = (char)0xff;
        keyfile_parse("f", text, sizeof(good) - 1, NULL, &key, NULL);
    }
}

static void test_modes(void **state)
{
    char path[] = "/tmp/test_keyfile.XXXXXX";
    int fd = mkstemp(path);
    struct tsig_key key;
    struct err e;

    (void)state;
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "hmac-sha256:ctl:%s\n", SECRET) > 0);
    close(fd);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyfile_load(path, NULL, &key, &e), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(keyfile_load(path, NULL, &key, &e), ERR_CONFIG);
    assert_non_null(strstr(e.hint, "chmod 0640"));
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(keyfile_load(path, NULL, &key, &e), ERR_CONFIG);
    unlink(path);
    assert_true(keyfile_load(path, NULL, &key, &e) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_ugly_bytes),
        cmocka_unit_test(test_modes),
    };

    return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
