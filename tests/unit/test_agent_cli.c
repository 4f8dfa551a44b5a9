/* pgtandem-agent's tables: every verb has what --help and the manual page need. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/look/status.h"
#include "agent/node/config.h"
#include "agent/state/state.h"
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

static void help_of_every_verb(void **state)
{
    const struct term t = {.out = stdout, .width = 40};

    (void)state;
    for (size_t i = 0; i < n_cli_verbs; i++) {
        AUTO(arena) a = arena_new();
        struct capture c;
        char name[40], command[64];

        STR_PRINTF(command, "pgtandem-agent %s", cli_verb_name(&cli_verbs[i], name, sizeof(name)));
        assert_non_null(cli_verbs[i].run);
        assert_int_equal(strncmp(cli_verbs[i].example, command, strlen(command)), 0);
        capture_begin(&c);
        cli_help_verb(&t, &cli_verbs[i]);
        char *text = capture_end(&c, a);
        has(name, text, cli_verbs[i].example);
        has(name, text, cli_verbs[i].example_for);
        has(name, text, "exit status");
    }
}

static void manual_has_everything(void **state)
{
    AUTO(arena) a = arena_new();
    struct capture c;

    (void)state;
    capture_begin(&c);
    assert_int_equal(cli_manual_print(NULL), 0);
    char *program = capture_end(&c, a);
    capture_begin(&c);
    assert_int_equal(cli_manual_print("pgtandem-agent.conf"), 0);
    char *file = capture_end(&c, a);
    for (size_t i = 0; i < n_cli_verbs; i++) {
        char name[40];

        has("pgtandem-agent(8)", program,
            arena_printf(a, ".TP\n\\fB%s", cli_verb_name(&cli_verbs[i], name, sizeof(name))));
    }
    for (size_t i = 0; i < n_config_sections; i++)
        for (size_t k = 0; k < config_sections[i].table->count; k++)
            has("pgtandem-agent.conf(5)", file,
                arena_printf(a, "\\fB%s\\fR", config_sections[i].table->fields[k].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fence_in_words),
        cmocka_unit_test(help_of_every_verb),
        cmocka_unit_test(manual_has_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
