/* controller/cluster/config, cli: the sample is valid; each wrong thing is named. */
#include "controller/cluster/config.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/session/commands.h"
#include "controller/session/remedy.h"
#include "tests/unit/unit.h"

static int parse(const char *text, struct config *c, struct err *e)
{
    return config_parse("test.conf", text, strlen(text), c, e);
}

/* The sample with one line replaced (or, with NULL, taken out). */
static char *sample_with(struct arena *a, const char *line, const char *instead)
{
    char *text = config_sample(a), *at = strstr(text, line);

    assert_non_null(at);
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, instead ? instead : "",
                        at + strlen(line));
}

static void sample_is_valid(void **state)
{
    AUTO(arena) a = arena_new();
    struct config c;
    struct err e = {.code = 0};

    (void)state;
    if (parse(config_sample(a), &c, &e) < 0)
        fail_msg("%s", e.msg);
    assert_int_equal(c.n_nodes, 3);
    assert_int_equal(c.dns.ttl, 30);
    assert_string_equal(c.journal.directory, "/var/lib/pgtandem/journal");
    assert_int_equal(config_node_index(&c, "db02"), 1);
    assert_int_equal(config_node_index(&c, "db03"), -1);
    assert_null(config_node_find(&c, ""));
    assert_string_equal(config_node_by_target(&c, "DB01.example.ORG")->name, "db01");
}

static void each_error_is_named(void **state)
{
    static const struct {
        const char *line, *instead, *said;
    } wrong[] = {
        {"alias = db.example.org", "alias = db.elsewhere.test", "not below [dns] zone"},
        {"alias = db.example.org", "alias = db01.example.org", "cannot point to itself"},
        {"alias = db.example.org", "alias =", "alias"},
        {"name = ia2\n", "name = IA2\n", "[a-z0-9-]+"},
        {"server = 192.0.2.53", "server = ns1.example.org", "neither an IP"},
        {"server = 192.0.2.53", "server = 192.0.2.53:0", "neither an IP"},
        {"agent = 192.0.2.21:7432", "agent = 192.0.2.21", "not IP:port"},
        {"agent = 192.0.2.21:7432", "agent = 192.0.2.22:7432", "another node has the same"},
        {"target = db01.example.org", "target = db02.example.org", "another node has the same"},
        {"address = 192.0.2.21", "address = db01", "not an IP address"},
        {"address = 192.0.2.21", "addres = 192.0.2.21", "unknown key"},
        {"[node db01]", "[node db_01]", "[a-z0-9][a-z0-9-]*"},
        {"#timeout_ms = 10000", "timeout_ms = 10", "timeout_ms"},
    };
    AUTO(arena) a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct config c;
        struct err e = {.code = 0};

        if (parse(sample_with(a, wrong[i].line, wrong[i].instead), &c, &e) != ERR_CONFIG)
            fail_msg("accepted: %s", wrong[i].instead);
        if (!strstr(e.msg, wrong[i].said) || !strstr(e.msg, "test.conf"))
            fail_msg("%s: said \"%s\"", wrong[i].instead, e.msg);
    }
}

static void addresses(void **state)
{
    static const char *const right[] = {"192.0.2.53:5353", "2001:db8::1", "[2001:db8::1]:53"};
    AUTO(arena) a = arena_new();
    struct config c;

    (void)state;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_int_equal(
            parse(sample_with(a, "server = 192.0.2.53", arena_printf(a, "server = %s", right[i])),
                  &c, NULL),
            0);
}

/* Names that could make a record longer than one TXT string are refused before they do. */
static void record_must_fit(void **state)
{
    AUTO(arena) a = arena_new();
    char *text = config_sample(a);
    struct config c;
    struct err e;

    (void)state;
    for (int i = 3; i < 8; i++)
        text = arena_printf(a,
                            "%s\n[node a-rather-long-name-%d]\nagent = 192.0.2.%d:7432\n"
                            "target = n%d.example.org\naddress = 192.0.2.%d\n",
                            text, i, 30 + i, i, 30 + i);
    assert_int_equal(parse(text, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.msg, "255 bytes"));
}

/* A command without the file would act on the cluster of the usual one. */
static void remedies_name_the_file(void **state)
{
    static const struct {
        const char *text, *here;
    } cases[] = {
        {"pgtandem resume", "pgtandem -c /srv/b.conf resume"},
        {"correct them, or `pgtandem preflight --to` for the list; then pgtandem dns show",
         "correct them, or `pgtandem -c /srv/b.conf preflight --to` for the list; then pgtandem -c "
         "/srv/b.conf dns show"},
        {"on db01: pgtandem-agent status", "on db01: pgtandem-agent status"},
        {"remove its section from pgtandem.conf", "remove its section from /srv/b.conf"},
        {"restart what pgtandem knows not", "restart what pgtandem knows not"},
        {"/etc/pgtandem/pgtandem.conf", "/etc/pgtandem/pgtandem.conf"},
        {"", ""},
    };
    AUTO(arena) a = arena_new();
    struct options other = {.config_path = "/srv/b.conf"};
    struct options usual = {.config_path = CONFIG_DEFAULT_PATH};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(remedy_for(&other, a, cases[i].text), cases[i].here);
        assert_ptr_equal(remedy_for(&usual, a, cases[i].text), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_is_valid),
        cmocka_unit_test(each_error_is_named),
        cmocka_unit_test(addresses),
        cmocka_unit_test(record_must_fit),
        cmocka_unit_test(remedies_name_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
