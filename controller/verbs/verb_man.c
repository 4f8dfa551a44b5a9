/* `man`: pgtandem(1) and pgtandem.conf(5), from the tables that the program runs by. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/man.h"
#include "base/mem.h"
#include "controller/preflight/preflight.h"
#include "controller/session/help.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

/* ---- pgtandem(1) ----------------------------------------------------------------------------- */

static const char *option_names(struct arena *a, const struct option_row *o)
{
    return arena_printf(a, "%s--%s%s%s", o->letter ? arena_printf(a, "-%c, ", o->letter) : "",
                        o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

/* The options that are the verb's own: those that every verb has stand once, below. */
static const char *own_options(struct arena *a, const struct verb_row *v)
{
    const char *text = "";

    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_options[i].takes & v->takes)
            text = arena_printf(a, "%s%s`--%s`", text, *text ? ", " : "", cli_options[i].name);
    return text;
}

static const char *exits(struct arena *a, const struct verb_row *v)
{
    const char *text = "";

    for (size_t i = 0; i < n_help_exits; i++)
        if (help_exit_applies(&help_exits[i], v))
            text = arena_printf(a, "%s%s%d", text, *text ? ", " : "", help_exits[i].status);
    return text;
}

static void put_verb(struct arena *a, const struct verb_row *v)
{
    const char *options = own_options(a, v);

    man_item(stdout, arena_printf(a, "%s %s", v->name, v->args),
             arena_printf(a, "%s.", v->summary));
    man_more(stdout, v->about);
    man_more(stdout, arena_printf(a, "%s%s%sExit status %s.", *options ? "Options: " : "", options,
                                  *options ? ". " : "", exits(a, v)));
    man_more(stdout, arena_printf(a, "Example, %s:", v->example_for));
    man_example(stdout, v->example);
}

static void put_verbs(struct arena *a)
{
    man_section(stdout, "VERBS", NULL);
    for (int g = GROUP_NONE_ + 1; g < GROUPS_; g++) {
        man_subsection(stdout, help_group_titles[g], NULL);
        for (size_t i = 0; i < n_cli_verbs; i++)
            if (cli_verbs[i].group == (enum verb_group)g)
                put_verb(a, &cli_verbs[i]);
    }
}

static void put_options(struct arena *a)
{
    man_section(stdout, "OPTIONS",
                "Those that a verb does not have are refused. "
                "A value follows after a blank or, with a long name, after `=`.");
    for (size_t i = 0; i < n_cli_options; i++)
        man_item(stdout, option_names(a, &cli_options[i]),
                 arena_printf(a, "%s.", cli_options[i].help));
}

static void put_environment(void)
{
    man_section(stdout, "ENVIRONMENT", NULL);
    man_item(stdout, "PGTANDEM_CONFIG", "The configuration, where `-c` does not name it.");
    man_item(stdout, "NO_COLOR",
             "Set to anything: no colour, unless `--color always` is given. "
             "There is none either where TERM is `dumb`, or where standard "
             "output is no terminal.");
    man_item(stdout, "COLUMNS", "The width to write for, on a terminal, instead of its own.");
    man_item(stdout, "LC_ALL, LC_CTYPE, LANG",
             "Where they do not say UTF-8, marks are ASCII and other characters a question mark. "
             "JSON is UTF-8 always.");
    man_item(stdout, "TZ", "The time zone of what people read. JSON has UTC.");
}

static void put_program(struct arena *a)
{
    man_title(stdout, "PGTANDEM", "1", "pgtandem",
              "move a PostgreSQL primary, its DNS alias and its cron jobs together");
    man_section(stdout, "SYNOPSIS", "`pgtandem` [`-c` FILE] VERB [options]");
    man_section(
        stdout, "DESCRIPTION",
        "The administrator's program: it moves the production role from one PostgreSQL host to "
        "another. The alias that clients connect to, the database role, the scheduled jobs and the "
        "fence around the old primary change together or not at all. Nothing moves unless somebody "
        "typed it.");
    man_paragraph(stdout, "Begin with `pgtandem status`: it says what is wrong and what to type "
                          "next. `pgtandem VERB --help` describes one verb.");
    put_verbs(a);
    put_options(a);
    man_section(stdout, "EXIT STATUS", NULL);
    for (size_t i = 0; i < n_help_exits; i++)
        man_item(stdout, arena_printf(a, "%d", help_exits[i].status),
                 arena_printf(a, "%s.", help_exits[i].text));
    put_environment();
    man_section(stdout, "FILES", NULL);
    man_item(stdout, CONFIG_DEFAULT_PATH, "The configuration: pgtandem.conf(5).");
    man_item(stdout, "/var/lib/pgtandem/journal", "The journals, one file for each command.");
    man_section(stdout, "SEE ALSO", "pgtandem.conf(5), pgtandem-agent(8), pgtandem-agent.conf(5)");
}

/* ---- pgtandem.conf(5) ------------------------------------------------------------------------ */

static void put_configuration(void)
{
    const char *name;

    man_title(stdout, "PGTANDEM.CONF", "5", "pgtandem.conf", "configuration of pgtandem");
    man_section(
        stdout, "DESCRIPTION",
        "Sections in brackets, keys as `key = value`, one in a line of at most 190 bytes. A "
        "comment "
        "begins with # or ; on a line of its own. Addresses are IPs, so that nothing here depends "
        "on the DNS that is being changed. Unknown and repeated keys are refused.");
    man_paragraph(stdout, "`pgtandem config sample` prints a commented file, `pgtandem config "
                          "check` reads one as the other verbs will.");
    man_section(stdout, "SECTIONS", NULL);
    man_configuration(stdout, config_sections, n_config_sections);
    man_section(stdout, "CHECKS",
                "The names for [check NAME], and for --ignore of preflight and the moves:");
    for (size_t i = 0; (name = preflight_name(i)); i++) {
        AUTO(arena) a = arena_new();

        man_item(stdout, name, arena_printf(a, "%s.", preflight_what(name)));
    }
    man_section(stdout, "FILES", NULL);
    man_item(stdout, CONFIG_DEFAULT_PATH, "Where it is looked for.");
    man_section(stdout, "SEE ALSO", "pgtandem(1), pgtandem-agent.conf(5)");
}

int verb_man(struct session *s, struct err *reterr)
{
    const char *page = s->options.n_args ? s->options.args[0] : "pgtandem";

    if (strcmp(page, "pgtandem") == 0)
        put_program(s->cluster.arena);
    else if (strcmp(page, "pgtandem.conf") == 0)
        put_configuration();
    else
        return err_set(reterr, ERR_USAGE, "`pgtandem-agent man` prints the agent's pages",
                       "there is no page \"%s\", only pgtandem and pgtandem.conf", page);
    return 0;
}
