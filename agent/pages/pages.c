#include "agent/pages/pages.h"

#include <string.h>

#include "agent/commands.h"
#include "agent/node/config.h"
#include "base/man.h"

static void put_program(FILE *f)
{
    man_title(f, "PGTANDEM-AGENT", "8", "pgtandem-agent",
              "what one PostgreSQL host does for a pgtandem cluster");
    man_section(f, "SYNOPSIS", "`pgtandem-agent` [`-c` FILE] [VERB] [options]");
    man_section(
        f, "DESCRIPTION",
        "One runs on each PostgreSQL host. It obeys whoever holds the ownership record in "
        "DNS, and no other: it stops, fences, promotes and attaches PostgreSQL, turns the "
        "managed cron jobs on and off, and keeps in its durable state what it was commanded. "
        "Silence never makes it stop or start anything.");
    cli_put_manual(&commands, f);
    man_section(f, "FILES", NULL);
    man_item(f, CONFIG_DEFAULT_PATH, "The configuration: pgtandem-agent.conf(5).");
    man_item(f, "/var/lib/pgtandem-agent",
             "The durable state: fence, promotion, the last command, the record last seen.");
    man_section(f, "SEE ALSO", "pgtandem-agent.conf(5), pgtandem(1), pgtandem.conf(5)");
}

static void put_configuration(FILE *f)
{
    man_title(f, "PGTANDEM-AGENT.CONF", "5", "pgtandem-agent.conf",
              "configuration of pgtandem-agent");
    man_section(
        f, "DESCRIPTION",
        "Sections in brackets, keys as `key = value`, one in a line. A "
        "comment begins with # or ; on a line of its own. Peers and name servers are IPs: the "
        "guard must work while names do not resolve. Unknown and repeated keys are refused.");
    man_paragraph(f, "`pgtandem-agent config check` reads it, and looks whether the machine is "
                     "as it says.");
    man_section(f, "SECTIONS", NULL);
    man_configuration(f, config_sections, n_config_sections);
    man_section(f, "FILES", NULL);
    man_item(f, CONFIG_DEFAULT_PATH, "Where it is looked for.");
    man_section(f, "SEE ALSO", "pgtandem-agent(8), pgtandem.conf(5)");
}

static void put_bash(FILE *f)
{
    cli_put_bash(&commands, f);
}

const struct man_page pages[] = {
    {"pgtandem-agent.8", put_program},
    {"pgtandem-agent.conf.5", put_configuration},
    {"pgtandem-agent.bash", put_bash},
    {.name = NULL},
};
