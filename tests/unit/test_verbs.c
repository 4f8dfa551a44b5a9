/* The command line's tables: every verb has what --help, completion and the manual page need. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"
#include "controller/preflight/preflight.h"
#include "controller/session/cli.h"
#include "controller/session/help.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"
#include "tests/unit/capture.h"
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
    for (size_t i = 0; i < n_cli_verbs; i++) {
        const struct verb_row *v = &cli_verbs[i];
        char command[64];

        STR_PRINTF(command, "pgtandem %s", v->name);
        is_sentence(v->name, "about", v->about);
        if (v->group <= GROUP_NONE_ || v->group >= GROUPS_)
            fail_msg("%s: no group", v->name);
        if (!v->args || !v->summary || !v->run || v->args_max < v->args_min)
            fail_msg("%s: args, summary, run or args_max is missing", v->name);
        if (!v->example || strncmp(v->example, command, strlen(command)) != 0)
            fail_msg("%s: the example does not begin with `%s`", v->name, command);
        if (!v->example_for || strlen(v->example_for) < 5)
            fail_msg("%s: what is the example for?", v->name);
        if ((v->exits >> 2 & ~0x1f7U) || (v->exits & 3))
            fail_msg("%s: exits has a status that does not exist", v->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(cli_verbs[j].name, v->name) == 0)
                fail_msg("%s stands there twice", v->name);
    }
}

static void every_option_belongs_to_a_verb(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_cli_options; i++) {
        bool used = cli_options[i].takes == 0;

        for (size_t j = 0; j < n_cli_verbs && !used; j++)
            used = cli_option_applies(&cli_options[i], &cli_verbs[j]);
        if (!used)
            fail_msg("no verb takes --%s", cli_options[i].name);
        if (!cli_options[i].help)
            fail_msg("--%s has no help", cli_options[i].name);
    }
}

/* ---- made from the tables -------------------------------------------------------------------- */

static char *printed_by(struct arena *a, verb_fn verb, const char *argument)
{
    struct session s = {.cluster = {.arena = a},
                        .options = {.args = {argument}, .n_args = argument != NULL}};
    struct capture c;

    capture_begin(&c);
    assert_int_equal(verb(&s, NULL), 0);
    return capture_end(&c, a);
}

static void help_of_every_verb(void **state)
{
    const struct term t = {.out = stdout, .width = 40};

    (void)state;
    for (size_t i = 0; i < n_cli_verbs; i++) {
        AUTO(arena) a = arena_new();
        struct capture c;

        capture_begin(&c);
        help_verb(&t, &cli_verbs[i]);
        char *text = capture_end(&c, a);
        has(cli_verbs[i].name, text, cli_verbs[i].example);
        has(cli_verbs[i].name, text, cli_verbs[i].example_for);
        has(cli_verbs[i].name, text, "exit status\n   0  done");
        for (size_t o = 0; o < n_cli_options; o++)
            if (cli_option_applies(&cli_options[o], &cli_verbs[i]))
                has(cli_verbs[i].name, text, cli_options[o].name);
    }
}

/* Roff writes "-" as "\-". */
static const char *in_roff(struct arena *a, const char *word)
{
    const char *text = "";

    for (; *word; word++)
        text = arena_printf(a, "%s%s%c", text, *word == '-' ? "\\" : "", *word);
    return text;
}

static void manual_has_everything(void **state)
{
    AUTO(arena) a = arena_new();
    char *program = printed_by(a, verb_man, "pgtandem");
    char *file = printed_by(a, verb_man, "pgtandem.conf");

    (void)state;
    for (size_t i = 0; i < n_cli_verbs; i++) {
        has("pgtandem(1)", program, arena_printf(a, ".TP\n\\fB%s ", cli_verbs[i].name));
        has("pgtandem(1)", program, in_roff(a, cli_verbs[i].example));
    }
    for (size_t i = 0; i < n_cli_options; i++)
        has("pgtandem(1)", program, in_roff(a, arena_printf(a, "--%s", cli_options[i].name)));
    for (size_t i = 0; i < n_config_sections; i++)
        for (size_t k = 0; k < config_sections[i].table->count; k++)
            has("pgtandem.conf(5)", file,
                arena_printf(a, "\\fB%s\\fR", config_sections[i].table->fields[k].name));
    for (size_t i = 0; preflight_name(i); i++)
        has("pgtandem.conf(5)", file, in_roff(a, preflight_name(i)));
}

static void completion_has_everything(void **state)
{
    AUTO(arena) a = arena_new();
    char *script = printed_by(a, verb_completion, "bash");

    (void)state;
    for (size_t i = 0; i < n_cli_verbs; i++)
        has("completion", script,
            arena_printf(a, "\"%s\" | \"%s \"*)", cli_verbs[i].name, cli_verbs[i].name));
    for (size_t i = 0; i < n_cli_options; i++)
        has("completion", script, arena_printf(a, "--%s", cli_options[i].name));
    for (size_t i = 0; preflight_name(i); i++)
        has("completion", script, preflight_name(i));
}

/* ---- command line ---------------------------------------------------------------------------- */

static struct options o;
static const struct verb_row *verb;
static struct err e;

static int cli(struct arena *a, const char *line)
{
    char *argv[32], *text = arena_strdup(a, line);
    int argc = 0;

    argv[argc++] = arena_strdup(a, "pgtandem");
    while (*text && argc < 31) {
        size_t len = strcspn(text, " ");

        argv[argc++] = arena_strndup(a, text, len);
        text += len + (text[len] == ' ');
    }
    argv[argc] = NULL;
    e = (struct err){.code = 0};
    return cli_parse(argc, argv, a, &o, &verb, &e);
}

static void options_are_taken(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_int_equal(cli(a, "-c x.conf switchover --to=db01 --reason why -y --ignore a --ignore b"),
                     0);
    assert_string_equal(verb->name, "switchover");
    assert_string_equal(o.config_path, "x.conf");
    assert_string_equal(o.to, "db01");
    assert_string_equal(o.reason, "why");
    assert_true(o.yes);
    assert_int_equal(o.n_ignore, 2);
    assert_string_equal(o.ignore[1], "b");

    assert_int_equal(cli(a, "status -w2 -fjson"), 0);
    assert_int_equal(o.watch_s, 2);
    assert_int_equal(o.format, FORMAT_JSON);
    assert_int_equal(cli(a, "cron sync vm"), 0);
    assert_string_equal(verb->name, "cron sync");
    assert_int_equal(o.n_args, 1);
    assert_string_equal(o.args[0], "vm");
}

static void refused(struct arena *a, const char *line, const char *said, const char *hint)
{
    if (cli(a, line) != ERR_USAGE)
        fail_msg("accepted: %s", line);
    if (!strstr(e.msg, said) || !strstr(e.hint, hint))
        fail_msg("%s: \"%s\" \"%s\"", line, e.msg, e.hint);
}

static void usage_errors_help(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    refused(a, "", "no verb", "status");
    refused(a, "statsu", "no verb `statsu`", "did you mean `pgtandem status`?");
    refused(a, "dns", "no verb `dns`", "`dns init`");
    refused(a, "dns shwo", "dns shwo", "did you mean `pgtandem dns show`?");
    refused(a, "preflight --too db01", "--too", "did you mean --to?");
    refused(a, "status --to db01", "`pgtandem status` has no option --to",
            "it has --watch --format");
    refused(a, "switchover --to", "needs a value", "");
    refused(a, "status -f xml", "no such format", "pretty, json or tsv");
    refused(a, "status -w soon", "seconds", "");
    refused(a, "fence", "a word is missing", "usage: pgtandem fence NODE");
    refused(a, "fence a b", "too many words", "");
    refused(a, "status a b c d e f g h i j k", "too many words", "");
    refused(a, "status --frob", "no option --frob", "--verbose");
    refused(a, "switchover --yes=no", "takes no value", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_complete),
        cmocka_unit_test(every_option_belongs_to_a_verb),
        cmocka_unit_test(help_of_every_verb),
        cmocka_unit_test(manual_has_everything),
        cmocka_unit_test(completion_has_everything),
        cmocka_unit_test(options_are_taken),
        cmocka_unit_test(usage_errors_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
