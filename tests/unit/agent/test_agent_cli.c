/* pgtandem-agent's tables: every verb has what --help and the manual page need. */
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/look/status.h"
#include "agent/node/config.h"
#include "agent/pages/pages.h"
#include "agent/state/state.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

/* A rejoined node was the primary when it was fenced; its mark keeps no word of that. */
static void fence_in_words(void **state)
{
    struct agent_state s = {.fenced = true,
                            .fence_was_primary = true,
                            .fence_tli = 2,
                            .fence_epoch = 7,
                            .fence_lsn = 0x3000028,
                            .fence_wall_ms = 1000};
    char text[800];

    (void)state;
    status_fence_text(&s, text, sizeof(text));
    has("fence", text, "(epoch 7, it was primary on timeline 2, shutdown checkpoint 0/3000028)");
    s.fence_was_primary = false;
    s.fence_standby_only = true;
    status_fence_text(&s, text, sizeof(text));
    has("fence", text, "standby only, runs as a standby of the owner; fenced since");
    has("fence", text, "(epoch 7): no reason given");
    assert_null(strstr(text, "primary"));
}

/* Nothing reaches an agent like that: its own status is where it is found. */
static void an_expired_certificate_in_words(void **state)
{
    static struct config c;
    static struct node_obs o;
    const struct agent_state s = {.fenced = false};
    char text[800];

    (void)state;
    STR_COPY(c.tls.certificate, "/etc/pgtandem/agent.crt");
    STR_COPY(c.agent.cluster, "ia2");
    STR_COPY(c.agent.node, "db01");
    status_certificate_text(&c, 86400, 3, text, sizeof(text));
    has("certificate", text, "/etc/pgtandem/agent.crt, valid until 1970-01-02");
    has("certificate", text, "(3 days)");
    status_certificate_text(&c, 86400, -1, text, sizeof(text));
    has("certificate", text, "/etc/pgtandem/agent.crt HAS EXPIRED (valid until 1970-01-02");
    has("certificate", text, "no command reaches this agent. make-certs agent DIR ia2 db01 beside");
    has("certificate", text, "then systemctl reload pgtandem-agent");

    o.pg.role = PG_RECOVERY;
    o.certificate_days = 0;
    assert_false(status_stands_out(&s, &o));
    o.certificate_days = -1;
    assert_true(status_stands_out(&s, &o));
    o.certificate_days = -2; /* not known */
    assert_false(status_stands_out(&s, &o));
    assert_true(status_stands_out(NULL, &o));
}

static void help_of_every_verb(void **state)
{
    const struct term t = {.out = stdout, .width = 40};

    (void)state;
    for (size_t i = 0; i < commands.n_verbs; i++) {
        AUTO(arena) a = arena_new();
        const struct cli_verb *v = cli_verb(&commands, i);
        struct capture c;
        char command[64];

        STR_PRINTF(command, "pgtandem-agent %s", v->name);
        assert_non_null(commands_row(v)->run);
        assert_int_equal(strncmp(v->example, command, strlen(command)), 0);
        capture_begin(&c);
        cli_help_verb(&commands, &t, v);
        char *text = capture_end(&c, a);
        has(v->name, text, v->example);
        has(v->name, text, v->example_for);
        has(v->name, text, "exit status");
    }
}

static char *page(struct arena *a, const char *name)
{
    struct capture c;

    capture_begin(&c);
    assert_true(man_put_page(pages, name, stdout));
    return capture_end(&c, a);
}

static void pages_have_everything(void **state)
{
    AUTO(arena) a = arena_new();
    char *program = page(a, "pgtandem-agent.8"), *file = page(a, "pgtandem-agent.conf.5");
    char *script = page(a, "pgtandem-agent.bash");

    (void)state;
    for (size_t i = 0; i < commands.n_verbs; i++) {
        const char *name = cli_verb(&commands, i)->name;

        has("pgtandem-agent(8)", program, arena_printf(a, ".TP\n\\fB%s", name));
        has("completion", script, arena_printf(a, "\"%s\" | \"%s \"*)", name, name));
    }
    for (size_t i = 0; i < n_config_sections; i++)
        for (size_t k = 0; k < config_sections[i].table->count; k++)
            has("pgtandem-agent.conf(5)", file,
                arena_printf(a, "\\fB%s\\fR", config_sections[i].table->fields[k].name));
    assert_false(man_put_page(pages, "pgtandem-agent.9", stdout));
}

static struct options o;
static struct cli_call call;
static struct err e;

static int cli(struct arena *a, const char *line)
{
    char *argv[16], *text = arena_strdup(a, line);
    int argc = 0;

    argv[argc++] = arena_strdup(a, "pgtandem-agent");
    while (*text && argc < 15) {
        size_t len = strcspn(text, " ");

        argv[argc++] = arena_strndup(a, text, len);
        text += len + (text[len] == ' ');
    }
    argv[argc] = NULL;
    o = (struct options){.config = "default"};
    e = (struct err){.code = 0};
    return cli_parse(&commands, argc, argv, &o, a, &call, &e);
}

/* One parser for both programs: what it takes and refuses is in test_verbs; here, what is the
 * agent's own. */
static void without_a_verb_it_runs(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_int_equal(cli(a, ""), 0);
    assert_string_equal(call.verb->name, "run");
    assert_string_equal(o.config, "default");
    assert_int_equal(cli(a, "-cx.conf"), 0);
    assert_string_equal(call.verb->name, "run");
    assert_string_equal(o.config, "x.conf");
    assert_int_equal(cli(a, "--config=y.conf guard --cron -v"), 0);
    assert_string_equal(call.verb->name, "guard");
    assert_string_equal(o.config, "y.conf");
    assert_true(o.cron_only && o.verbose);
    assert_int_equal(cli(a, "inspect 500"), 0);
    assert_string_equal(call.args[0], "500");
    assert_int_equal(cli(a, "status --cron"), ERR_USAGE);
    assert_string_equal(e.msg, "`pgtandem-agent status` has no option --cron");
    assert_int_equal(cli(a, "status more"), ERR_USAGE);
    assert_int_equal(cli(a, "config chek"), ERR_USAGE);
    assert_string_equal(e.hint, "did you mean `pgtandem-agent config check`?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fence_in_words),         cmocka_unit_test(an_expired_certificate_in_words),
        cmocka_unit_test(help_of_every_verb),     cmocka_unit_test(pages_have_everything),
        cmocka_unit_test(without_a_verb_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
