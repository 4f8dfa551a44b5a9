/* pgtandem-agent's tables: every verb has what --help and the manual page need. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/config.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

static void help_of_every_verb(void **state)
{
    const struct term t = {.out = stdout, .width = 40};

    (void)state;
    for (size_t i = 0; i < n_verb_rows; i++) {
        AUTO(arena) a = arena_new();
        struct capture c;
        char name[40], command[64];

        STR_PRINTF(command, "pgtandem-agent %s", verb_name(&verb_rows[i], name, sizeof(name)));
        assert_non_null(verb_rows[i].run);
        assert_int_equal(strncmp(verb_rows[i].example, command, strlen(command)), 0);
        capture_begin(&c);
        help_verb(&t, &verb_rows[i]);
        char *text = capture_end(&c, a);
        has(name, text, verb_rows[i].example);
        has(name, text, verb_rows[i].example_for);
        has(name, text, "exit status");
    }
}

static void manual_has_everything(void **state)
{
    AUTO(arena) a = arena_new();
    struct capture c;

    (void)state;
    capture_begin(&c);
    assert_int_equal(manual_print(NULL), 0);
    char *program = capture_end(&c, a);
    capture_begin(&c);
    assert_int_equal(manual_print("pgtandem-agent.conf"), 0);
    char *file = capture_end(&c, a);
    for (size_t i = 0; i < n_verb_rows; i++) {
        char name[40];

        has("pgtandem-agent(8)", program,
            arena_printf(a, ".TP\n\\fB%s", verb_name(&verb_rows[i], name, sizeof(name))));
    }
    for (size_t i = 0; i < n_config_sections; i++)
        for (size_t k = 0; k < config_sections[i].table->count; k++)
            has("pgtandem-agent.conf(5)", file,
                arena_printf(a, "\\fB%s\\fR", config_sections[i].table->fields[k].name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_of_every_verb),
        cmocka_unit_test(manual_has_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
