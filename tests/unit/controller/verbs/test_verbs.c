/* The command line's tables: every verb has what --help, completion and the manual page need. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"
#include "controller/pages/pages.h"
#include "controller/preflight/preflight.h"
#include "controller/session/commands.h"
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
    for (size_t i = 0; i < commands.n_verbs; i++) {
        const struct cli_verb *v = cli_verb(&commands, i);
        char command[64];

        STR_PRINTF(command, "pgtandem %s", v->name);
        is_sentence(v->name, "about", v->about);
        if (v->group <= 0 || v->group >= (int)commands.n_groups)
            fail_msg("%s: no group", v->name);
        if (!v->args || !v->summary || !commands_row(v)->run || v->args_max < v->args_min)
            fail_msg("%s: args, summary, run or args_max is missing", v->name);
        if (!v->example || strncmp(v->example, command, strlen(command)) != 0)
            fail_msg("%s: the example does not begin with `%s`", v->name, command);
        if (!v->example_for || strlen(v->example_for) < 5)
            fail_msg("%s: what is the example for?", v->name);
        if ((v->exits >> 2 & ~0x1f7U) || (v->exits & 3))
            fail_msg("%s: exits has a status that does not exist", v->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(cli_verb(&commands, j)->name, v->name) == 0)
                fail_msg("%s stands there twice", v->name);
    }
}

static void every_option_belongs_to_a_verb(void **state)
{
    (void)state;
    for (size_t i = 0; commands.options[i].name; i++) {
        bool used = commands.options[i].takes == 0;

        for (size_t j = 0; j < commands.n_verbs && !used; j++)
            used = cli_has_option(&commands.options[i], cli_verb(&commands, j));
        if (!used)
            fail_msg("no verb takes --%s", commands.options[i].name);
        if (!commands.options[i].help)
            fail_msg("--%s has no help", commands.options[i].name);
    }
}

/* ---- made from the tables -------------------------------------------------------------------- */

static char *page(struct arena *a, const char *name)
{
    struct capture c;

    capture_begin(&c);
    assert_true(man_put_page(pages, name, stdout));
    return capture_end(&c, a);
}

static void help_of_every_verb(void **state)
{
    const struct term t = {.out = stdout, .width = 40};

    (void)state;
    for (size_t i = 0; i < commands.n_verbs; i++) {
        AUTO(arena) a = arena_new();
        struct capture c;

        capture_begin(&c);
        cli_help_verb(&commands, &t, cli_verb(&commands, i));
        char *text = capture_end(&c, a);
        has(cli_verb(&commands, i)->name, text, cli_verb(&commands, i)->example);
        has(cli_verb(&commands, i)->name, text, cli_verb(&commands, i)->example_for);
        has(cli_verb(&commands, i)->name, text, "exit status\n   0  done");
        for (size_t o = 0; commands.options[o].name; o++)
            if (cli_has_option(&commands.options[o], cli_verb(&commands, i)))
                has(cli_verb(&commands, i)->name, text, commands.options[o].name);
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
    char *program = page(a, "pgtandem.1");
    char *file = page(a, "pgtandem.conf.5");

    (void)state;
    for (size_t i = 0; i < commands.n_verbs; i++) {
        has("pgtandem(1)", program, arena_printf(a, ".TP\n\\fB%s ", cli_verb(&commands, i)->name));
        has("pgtandem(1)", program, in_roff(a, cli_verb(&commands, i)->example));
    }
    for (size_t i = 0; commands.options[i].name; i++)
        has("pgtandem(1)", program, in_roff(a, arena_printf(a, "--%s", commands.options[i].name)));
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
    char *script = page(a, "pgtandem.bash");

    (void)state;
    for (size_t i = 0; i < commands.n_verbs; i++)
        has("completion", script,
            arena_printf(a, "\"%s\" | \"%s \"*)", cli_verb(&commands, i)->name,
                         cli_verb(&commands, i)->name));
    for (size_t i = 0; commands.options[i].name; i++)
        has("completion", script, arena_printf(a, "--%s", commands.options[i].name));
    for (size_t i = 0; preflight_name(i); i++)
        has("completion", script, preflight_name(i));
}

/* ---- command line ---------------------------------------------------------------------------- */

static struct options o;
static struct cli_call call;
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
    o = (struct options){.config_path = "/etc/pgtandem/pgtandem.conf"};
    return cli_parse(&commands, argc, argv, &o, a, &call, &e);
}

static void options_are_taken(void **state)
{
    AUTO(arena) a = arena_new();

    (void)state;
    assert_int_equal(cli(a, "-c x.conf switchover --to=db01 --reason why -y --ignore a --ignore b"),
                     0);
    assert_string_equal(call.verb->name, "switchover");
    assert_string_equal(o.config_path, "x.conf");
    assert_string_equal(o.to, "db01");
    assert_string_equal(o.reason, "why");
    assert_true(o.yes);
    assert_int_equal(o.n_ignore, 2);
    assert_string_equal(o.ignore[1], "b");

    assert_int_equal(cli(a, "status -w2 -fjson"), 0);
    assert_int_equal(o.watch_s, 2);
    assert_int_equal(o.format, FORMAT_JSON);
    assert_int_equal(cli(a, "status -cx.conf --color=never"), 0);
    assert_string_equal(o.config_path, "x.conf");
    assert_int_equal(cli(a, "--config=y.conf fence -- vm"), 0);
    assert_string_equal(o.config_path, "y.conf");
    assert_int_equal(cli(a, "cron sync vm"), 0);
    assert_string_equal(call.verb->name, "cron sync");
    assert_int_equal(call.n_args, 1);
    assert_string_equal(call.args[0], "vm");
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
    refused(a, "man", "no verb `man`", "lists the verbs"); /* not "plan": too little is left */
    refused(a, "lpan", "no verb `lpan`", "did you mean `pgtandem plan`?");
    refused(a, "dns", "no verb `dns`", "`dns init`");
    refused(a, "dns shwo", "dns shwo", "did you mean `pgtandem dns show`?");
    refused(a, "preflight --too db01", "--too", "did you mean --to?");
    refused(a, "status --to db01", "`pgtandem status` has no option --to",
            "it has --watch --format");
    refused(a, "switchover --to", "needs a value", "");
    refused(a, "-cx.conf --config", "--config needs a value", "configuration");
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
