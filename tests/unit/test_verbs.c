/* The command line's tables: every verb has what --help, completion and the manual page need. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cli.h"
#include "controller/help.h"
#include "controller/term.h"
#include "tests/unit/unit.h"

static void is_sentence(const char *verb, const char *what, const char *text)
{
    size_t len = text ? strlen(text) : 0;

    if (len < 10 || text[len - 1] != '.')
        fail_msg("%s: %s is missing or no sentence: %s", verb, what, text ? text : "(none)");
}

static void every_row_is_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_verb_rows; i++) {
        const struct verb_row *v = &verb_rows[i];
        char command[64];

        STR_PRINTF(command, "pgtandem %s", v->name);
        is_sentence(v->name, "about", v->about);
        if (v->group <= GROUP_NONE_ || v->group >= GROUPS_)
            fail_msg("%s: no group", v->name);
        if (!v->args || !v->summary || !v->run)
            fail_msg("%s: args, summary or run is missing", v->name);
        if (!v->example || strncmp(v->example, command, strlen(command)) != 0)
            fail_msg("%s: the example does not begin with `%s`", v->name, command);
        if (!v->example_for || strlen(v->example_for) < 5)
            fail_msg("%s: what is the example for?", v->name);
        if ((v->exits >> 2 & ~0x1f7U) || (v->exits & 3))
            fail_msg("%s: exits has a status that does not exist", v->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(verb_rows[j].name, v->name) == 0)
                fail_msg("%s stands there twice", v->name);
    }
}

static void every_option_belongs_to_a_verb(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_option_rows; i++) {
        bool used = option_rows[i].takes == 0;

        for (size_t j = 0; j < n_verb_rows && !used; j++)
            used = option_applies(&option_rows[i], &verb_rows[j]);
        if (!used)
            fail_msg("no verb takes --%s", option_rows[i].name);
        if (!option_rows[i].help)
            fail_msg("--%s has no help", option_rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_option_belongs_to_a_verb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
