/* base/ini: what a configuration gives, and the very words of each error, with its line. */
#include "base/ini.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

struct node {
    char name[16];
    char host[32];
    int64_t port;
};

struct config {
    struct {
        char alias[64];
        int64_t timeout_ms;
        bool watch;
    } dns;
    char *banner;
    struct node nodes[3];
    size_t n_nodes;
};

struct dns {
    char alias[64];
    int64_t timeout_ms;
    bool watch;
};

struct look {
    char *banner;
};

/* clang-format off */
static const struct field dns_fields[] = {
    F_STRING(struct dns, alias,      FIELD_REQUIRED, NULL, "the name that clients connect to"),
    F_INT(struct dns,    timeout_ms, 0, 1, 60000, "2000", "milliseconds until a server counts as silent"),
    F_BOOL(struct dns,   watch,      0, "yes", "read the register all the time"),
};
static FIELD_TABLE(dns_table, struct dns, "dns", dns_fields);

static const struct field look_fields[] = {
    F_TEXT(struct look, banner, 0, 1000, "first line of status"),
};
static FIELD_TABLE(look_table, struct look, "look", look_fields);

static const struct field node_fields[] = {
    F_STRING(struct node, host, FIELD_REQUIRED, NULL, "its address"),
    F_INT(struct node,    port, 0, 1, 65535, "7432", "of its agent"),
};
static FIELD_TABLE(node_table, struct node, "node", node_fields);

static const struct ini_section sections[] = {
    {.name = "dns", .table = &dns_table, .offset = offsetof(struct config, dns), .required = true},
    {.name = "look", .table = &look_table, .offset = offsetof(struct config, banner)},
    {.name = "node", .table = &node_table, .offset = offsetof(struct config, nodes), .repeated = true,
     .required = true, .elem_size = sizeof(struct node), .max = 3,
     .count_offset = offsetof(struct config, n_nodes), .label_offset = offsetof(struct node, name),
     .label_size = sizeof(((struct node *)0)->name)},
};
/* clang-format on */

enum { N_SECTIONS = sizeof(sections) / sizeof(sections[0]) };

static int parse(const char *text, struct config *c, struct arena *a, struct err *e)
{
    memset(c, 0, sizeof(*c));
    return ini_parse_text("t.conf", text, strlen(text), sections, N_SECTIONS, c, a, e);
}

static void test_a_whole_file(void **state)
{
    AUTO(arena) a = arena_new();
    struct config c;
    struct err e = {0};
    int r = parse("# a comment\n"
                  "; another ; one # with signs\n"
                  "\n"
                  "[dns]\n"
                  "alias = db.ia2.test\n"
                  "  # an indented comment\n"
                  "watch=off\r\n"
                  "[node db01]\n"
                  "host = 10.0.0.1\n"
                  "[ node   db02 ]\n"
                  "host=10.0.0.2\n"
                  "port = 1234   \n"
                  "[look]\n"
                  "banner = a=b; c#d \"quoted\"",
                  &c, a, &e);

    (void)state;
    assert_string_equal(e.msg, "");
    assert_int_equal(r, 0);
    assert_string_equal(c.dns.alias, "db.ia2.test");
    assert_int_equal(c.dns.timeout_ms, 2000);
    assert_false(c.dns.watch);
    assert_int_equal(c.n_nodes, 2);
    assert_string_equal(c.nodes[0].name, "db01");
    assert_string_equal(c.nodes[0].host, "10.0.0.1");
    assert_int_equal(c.nodes[0].port, 7432);
    assert_string_equal(c.nodes[1].name, "db02");
    assert_int_equal(c.nodes[1].port, 1234);
    assert_string_equal(c.banner, "a=b; c#d \"quoted\"");
}

struct refusal {
    const char *text;
    const char *message;
    const char *hint;
};

#define LONG_50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_100 LONG_50 LONG_50
#define LONG_500 LONG_100 LONG_100 LONG_100 LONG_100 LONG_100
#define GOOD "[dns]\nalias = a\n[node x]\nhost = h\n"

/* clang-format off */
static const struct refusal refusals[] = {
    {"",                           "t.conf: required section [dns] is missing", ""},
    {"[dns]\nalias = a\n",         "t.conf: required section [node NAME] is missing", ""},
    {"[dns]\n[node x]\nhost = h",  "t.conf:1: key 'alias' in [dns]: required key is missing",
                                   "the name that clients connect to"},
    {GOOD "[node y]\n\nport = 1",  "t.conf:5: key 'host' in [node y]: required key is missing", "its address"},
    {"alias = a\n",                "t.conf:1: key 'alias' is before the first section", ""},
    {"[dsn]\n",                    "t.conf:1: unknown section [dsn]", "did you mean 'dns'?"},
    {"\n[something]\n",            "t.conf:2: unknown section [something]", ""},
    {"[dns]\naliass = a\n",        "t.conf:2: key 'aliass' in [dns]: unknown key", "did you mean 'alias'?"},
    {"[dns]\ntimeout = 1\n",       "t.conf:2: key 'timeout' in [dns]: unknown key", ""},
    {"[dns]\nalias = a\n#\nalias = b\n", "t.conf:4: key 'alias' in [dns]: duplicate: first in line 2", ""},
    {GOOD "[dns]\n",               "t.conf:5: duplicate section [dns]: first in line 1", ""},
    {GOOD "[node  x]\n",           "t.conf:5: duplicate section [node x]: first in line 3", ""},
    {"[node]\n",                   "t.conf:1: [node]: a name is missing: write [node NAME]", ""},
    {"[dns x]\n",                  "t.conf:1: [dns x]: takes no name: write [dns]", ""},
    {"[node 0123456789abcdef]\n",  "t.conf:1: [node 0123456789abcdef]: the name is longer than 15 bytes", ""},
    {"[node a]\n[node b]\n[node c]\n[node d]\n", "t.conf:4: [node d]: more than 3 [node …] sections", ""},
    {"[dns]\ntimeout_ms = 0\n",    "t.conf:2: key 'timeout_ms' in [dns]: '0' is not a whole number from 1 to 60000",
                                   "milliseconds until a server counts as silent"},
    {"[dns]\ntimeout_ms = 5s\n",   "t.conf:2: key 'timeout_ms' in [dns]: '5s' is not a whole number from 1 to 60000",
                                   "milliseconds until a server counts as silent"},
    {"[dns]\nwatch =\n",           "t.conf:2: key 'watch' in [dns]: '' is neither yes nor no",
                                   "read the register all the time"},
    {"[dns]\nalias = a ; why\n",   "t.conf:2: a blank and ';' would cut the value: alias = a ; why",
                                   "a comment needs a line of its own"},
    {"[dns]\nalias = a\t;why\n",   "t.conf:2: a blank and ';' would cut the value: alias = a ;why",
                                   "a comment needs a line of its own"},
    {"[dns]\nalias = a # why\n",   "t.conf:2: a blank and '#' is no comment here: alias = a # why",
                                   "a comment needs a line of its own"},
    {"[dns] # why\n",              "t.conf:1: a section must be [name] and nothing else: [dns] # why",
                                   "a comment needs a line of its own"},
    {"[dns\n",                     "t.conf:1: a section must be [name] and nothing else: [dns",
                                   "a comment needs a line of its own"},
    {"[\n",                        "t.conf:1: a section must be [name] and nothing else: [",
                                   "a comment needs a line of its own"},
    {"[]\n",                       "t.conf:1: unknown section []", ""},
    {"[dns]\nalias\n",             "t.conf:2: expected 'key = value': alias", ""},
    {"[dns]\n= a\n",               "t.conf:2: key '' in [dns]: unknown key", ""},
    {"[dns]\nalias = a\n  b = c\n", "t.conf:3: a line may not begin with blanks: 'b = c'", "take the blanks away"},
    {"[dns]\n[node x]\nhost = " LONG_100 "\n",
                                   "t.conf:3: key 'host' in [node x]: 100 bytes are too long; at most 31 fit",
                                   "its address"},
    {"[dns]\n#\nalias = " LONG_500 "\nx\n",
                                   "t.conf:3: the line has 508 bytes; at most 400 are allowed", ""},
    {"[dns]\nalias =\ra\n",       "t.conf:2: the line holds a control character, 0x0d", "is it a text file?"},
    {"[dns]\nalias = a\r;b\r\n",  "t.conf:2: the line holds a control character, 0x0d", "is it a text file?"},
    {"[node " LONG_100 "]\n",      "t.conf:1: a section name may have at most 48 bytes", ""},
};
/* clang-format on */

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        AUTO(arena) a = arena_new();
        struct config c;
        struct err e = {0};

        assert_int_equal(parse(refusals[i].text, &c, a, &e), ERR_CONFIG);
        assert_string_equal(e.msg, refusals[i].message);
        assert_string_equal(e.hint, refusals[i].hint);
        assert_int_equal(parse(refusals[i].text, &c, a, NULL), ERR_CONFIG);
    }
}

static void test_nul_is_refused(void **state)
{
    static const char text[] = "[dns]\nalias = a\0b\n";
    AUTO(arena) a = arena_new();
    struct config c = {0};
    struct err e = {0};

    (void)state;
    assert_int_equal(
        ini_parse_text("t.conf", text, sizeof(text) - 1, sections, N_SECTIONS, &c, a, &e),
        ERR_CONFIG);
    assert_string_equal(e.msg, "t.conf:2: the line holds a NUL byte");
}

/* the longest line that is allowed is taken whole, and the next keeps its number */
static void test_longest_line(void **state)
{
    AUTO(arena) a = arena_new();
    struct config c;
    struct err e = {0};
    char text[600] = "[look]\nbanner = " LONG_100;

    (void)state;
    for (size_t len = strlen(text); len < strlen("[look]\n") + 400; len++)
        text[len] = 'y';
    str_copy(text + strlen(text), 100, "\n[dns]\nalias = a\n[node x]\nhost = h\nbad\n");
    assert_int_equal(parse(text, &c, a, &e), ERR_CONFIG);
    assert_string_equal(e.msg, "t.conf:7: expected 'key = value': bad");

    *strstr(text, "bad\n") = '\0';
    assert_int_equal(parse(text, &c, a, &e), 0);
    assert_int_equal(strlen(c.banner), 400 - strlen("banner = "));
}

static void test_cut_at_every_byte_never_crashes(void **state)
{
    static const char text[] = GOOD "[look]\nbanner = x ; y\n[node b]\nport = 99999\n";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        AUTO(arena) a = arena_new();
        struct config c = {0};
        char *copy = mem_alloc(len); /* so that reading past its end is seen */

        memcpy(copy, text, len);
        ini_parse_text("t.conf", copy, len, sections, N_SECTIONS, &c, a, NULL);
        mem_free(copy);
    }
}

static void test_load(void **state)
{
    AUTO(arena) a = arena_new();
    struct config c = {0};
    struct err e = {0};
    char path[] = "/tmp/pgtandem-test-ini-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, GOOD, strlen(GOOD)), strlen(GOOD));
    close(fd);
    assert_int_equal(ini_load(path, sections, N_SECTIONS, &c, a, &e), 0);
    assert_string_equal(c.nodes[0].host, "h");
    unlink(path);

    assert_int_equal(ini_load(path, sections, N_SECTIONS, &c, a, &e), ERR_CONFIG);
    assert_int_equal(e.code, ERR_CONFIG);
    assert_int_equal(e.sys, ENOENT);
    assert_non_null(strstr(e.msg, path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nul_is_refused),
        cmocka_unit_test(test_longest_line),
        cmocka_unit_test(test_cut_at_every_byte_never_crashes),
        cmocka_unit_test(test_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
