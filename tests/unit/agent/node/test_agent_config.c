/* agent/node/config: the sample is right, and each refusal says which key is wrong. */
#include "agent/node/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

/* not inline: gcc 12 then takes what it returns for a pointer to its own variable */
static __attribute__((noinline)) char *sample(struct arena *a)
{
    char *text = NULL;

    assert_int_equal(file_read("deploy/agent.conf.sample", 65536, a, &text, NULL, NULL), 0);
    return text;
}

static int load(const char *text, struct config *c, struct err *e)
{
    char path[] = "/tmp/pgtandem-agent-conf.XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int r = config_load(path, c, e);
    unlink(path);
    return r;
}

static void test_sample(void **state)
{
    AUTO(arena) a = arena_new();
    struct config *c = arena_alloc(a, sizeof(*c));
    struct err e = {0};

    (void)state;
    if (load(sample(a), c, &e) < 0)
        fail_msg("%s", e.msg);
    assert_string_equal(c->agent.node, "db01");
    assert_string_equal(c->binding.register_name, "_pgtandem.db.example.org");
    assert_string_equal(c->zone.server, "192.0.2.53");
    assert_int_equal(c->n_others, 2);
    assert_string_equal(c->others[1], "192.0.2.55");
    assert_int_equal(c->n_peers, 2);
    assert_string_equal(config_peer(c, "vm")->agent, "192.0.2.23:7432");
    assert_int_equal(config_peer(c, "vm")->port, 5432);
    assert_null(config_peer(c, "db01"));
    assert_true(c->watch.enabled);
    assert_int_equal(c->cron.mode, CRONTAB_BLOCK);
}

static void a_remedy_names_the_file(void **state)
{
    AUTO(arena) a = arena_new();
    struct config *c = arena_alloc(a, sizeof(*c));
    char text[120] = "correct bin_directory in agent.conf, agent.conf.sample has it",
         small[20] = "see agent.conf";

    (void)state;
    STR_COPY(c->path, "/srv/pg/tandem.conf");
    config_name_file(c, text, sizeof(text));
    assert_string_equal(text,
                        "correct bin_directory in /srv/pg/tandem.conf, agent.conf.sample has it");
    config_name_file(c, small, sizeof(small));
    assert_string_equal(small, "see agent.conf"); /* no room */
}

/* the sample with one line replaced */
static char *with(struct arena *a, const char *line, const char *instead)
{
    char *text = sample(a);
    char *at = strstr(text, line);

    assert_non_null(at);
    *at = '\0';
    return arena_printf(a, "%s%s%s", text, instead, at + strlen(line));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *line, *instead, *word;
    } cases[] = {
        {"node = db01", "node = DB_01", "[agent] node = DB_01"},
        {"listen = 192.0.2.21:7432", "listen = db01:7432", "[agent] listen"},
        {"server = 192.0.2.53", "server = ns1.example.org", "[dns] server"},
        {"192.0.2.54, 192.0.2.55", "192.0.2.54, ns3", "[dns] others = ns3"},
        {"alias = db.example.org", "alias = db.example.com", "[dns] alias"},
        {"alias = db.example.org", "alias = dbexample.org", "[dns] alias"},
        {"address = 192.0.2.21", "address = db01", "[postgresql] address"},
        {"[peer db02]", "[peer db01]", "[peer] name = db01"},
        {"agent = 192.0.2.22:7432", "agent = db02:7432", "[peer] agent"},
        {"agent = 192.0.2.22:7432", "agent = 192.0.2.23:7432", "another peer"},
        {"managed = block", "managed = some", "managed"},
        {"enabled = yes", "enable = yes", "enable"},
        {"interval_ms = 3000", "interval_ms = 3", "interval_ms"},
        {"cluster = ia2", "", "cluster"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) a = arena_new();
        struct config *c = arena_alloc(a, sizeof(*c));
        struct err e = {0};

        assert_int_equal(load(with(a, cases[i].line, cases[i].instead), c, &e), ERR_CONFIG);
        if (!strstr(e.msg, cases[i].word))
            fail_msg("'%s' is not in: %s", cases[i].word, e.msg);
    }
}

struct told {
    int n;
    char words[512];
};

static void on_change(void *arg, const char *section, const char *key, const char *old,
                      const char *now, bool taken)
{
    struct told *t = arg;

    t->n++;
    snprintf(t->words, sizeof(t->words), "%s %s %s %s %s", section, key, old, now,
             taken ? "taken" : "waits");
}

/* how a standby connects may hold a password: that it changed is told, not what it is */
static void test_reload_tells_no_secret(void **state)
{
    static const char line[] = "#replication_options = sslmode=verify-full "
                               "sslrootcert=/etc/pgtandem/pg-ca.crt";
    AUTO(arena) a = arena_new();
    struct config *c = arena_alloc(a, sizeof(*c)), *now = arena_alloc(a, sizeof(*now));
    struct err e = {0};
    struct told told = {.n = 0};

    (void)state;
    assert_int_equal(load(with(a, line, "replication_options = password=old"), c, &e), 0);
    assert_int_equal(load(with(a, line, "replication_options = password=new"), now, &e), 0);
    config_take(c, now, on_change, &told);
    assert_int_equal(told.n, 1);
    assert_string_equal(told.words, "postgresql replication_options (secret) (secret) waits");
    assert_string_equal(c->postgresql.replication_options, "password=old");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sample),
        cmocka_unit_test(a_remedy_names_the_file),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_reload_tells_no_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
