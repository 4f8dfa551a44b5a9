/* pgtandem-agent(8) and pgtandem-agent.conf(5), from the tables that the program runs by. */
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/node/config.h"
#include "base/man.h"
#include "base/mem.h"
#include "base/str.h"

static void put_verb(struct arena *a, const struct verb_row *v)
{
    char name[40];

    cli_verb_name(v, name, sizeof(name));
    man_item(stdout, arena_printf(a, "%s%s", name, v->takes & AGENT_TAKES_CRON ? " [--cron]" : ""),
             arena_printf(a, "%s.", v->summary));
    man_more(stdout, v->about);
    man_more(stdout, arena_printf(a, "Exit status: %s.", v->exits));
    man_more(stdout, arena_printf(a, "Example, %s:", v->example_for));
    man_example(stdout, v->example);
}

static void put_program(struct arena *a)
{
    man_title(stdout, "PGTANDEM-AGENT", "8", "pgtandem-agent",
              "what one PostgreSQL host does for a pgtandem cluster");
    man_section(stdout, "SYNOPSIS", "`pgtandem-agent` [`-c` FILE] [VERB] [options]");
    man_section(
        stdout, "DESCRIPTION",
        "One runs on each PostgreSQL host. It obeys whoever holds the ownership record in "
        "DNS, and no other: it stops, fences, promotes and attaches PostgreSQL, turns the "
        "managed cron jobs on and off, and keeps in its durable state what it was commanded. "
        "Silence never makes it stop or start anything.");
    man_section(stdout, "VERBS", NULL);
    for (size_t i = 0; i < n_cli_verbs; i++)
        put_verb(a, &cli_verbs[i]);
    man_section(stdout, "OPTIONS", NULL);
    for (size_t i = 0; i < n_cli_options; i++) {
        const struct option_row *o = &cli_options[i];

        man_item(stdout,
                 arena_printf(a, "%s%s%s%s%s", o->shorter ? o->shorter : "", o->shorter ? ", " : "",
                              o->longer, o->argument ? " " : "", o->argument ? o->argument : ""),
                 arena_printf(a, "%s.", o->help));
    }
    man_section(stdout, "FILES", NULL);
    man_item(stdout, CONFIG_DEFAULT_PATH, "The configuration: pgtandem-agent.conf(5).");
    man_item(stdout, "/var/lib/pgtandem-agent",
             "The durable state: fence, promotion, the last command, the record last seen.");
    man_section(stdout, "SEE ALSO", "pgtandem-agent.conf(5), pgtandem(1), pgtandem.conf(5)");
}

static void put_configuration(void)
{
    man_title(stdout, "PGTANDEM-AGENT.CONF", "5", "pgtandem-agent.conf",
              "configuration of pgtandem-agent");
    man_section(
        stdout, "DESCRIPTION",
        "Sections in brackets, keys as `key = value`, one in a line of at most 190 bytes. A "
        "comment begins with # or ; on a line of its own. Peers and name servers are IPs: the "
        "guard must work while names do not resolve. Unknown and repeated keys are refused.");
    man_paragraph(stdout,
                  "`pgtandem-agent config check` reads it, and looks whether the machine is "
                  "as it says.");
    man_section(stdout, "SECTIONS", NULL);
    man_configuration(stdout, config_sections, n_config_sections);
    man_section(stdout, "FILES", NULL);
    man_item(stdout, CONFIG_DEFAULT_PATH, "Where it is looked for.");
    man_section(stdout, "SEE ALSO", "pgtandem-agent(8), pgtandem.conf(5)");
}

int cli_manual_print(const char *page)
{
    AUTO(arena) a = arena_new();

    if (!page || strcmp(page, "pgtandem-agent") == 0) {
        put_program(a);
        return 0;
    }
    if (strcmp(page, "pgtandem-agent.conf") == 0) {
        put_configuration();
        return 0;
    }
    fprintf(stderr,
            "pgtandem-agent: there is no page \"%s\"\n"
            "  next: pgtandem-agent man pgtandem-agent, or pgtandem-agent.conf\n",
            page);
    return 1;
}
