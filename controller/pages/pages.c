#include "controller/pages/pages.h"

#include <string.h>

#include "base/man.h"
#include "base/mem.h"
#include "controller/cluster/config.h"
#include "controller/preflight/preflight.h"
#include "controller/session/commands.h"

/* ---- pgtandem(1) ----------------------------------------------------------------------------- */

static void put_environment(FILE *f)
{
    man_section(f, "ENVIRONMENT", NULL);
    man_item(f, "PGTANDEM_CONFIG", "The configuration, where `-c` does not name it.");
    man_item(f, "NO_COLOR",
             "Set to anything: no colour, unless `--color always` is given. "
             "There is none either where TERM is `dumb`, or where standard "
             "output is no terminal.");
    man_item(f, "COLUMNS", "The width to write for, on a terminal, instead of its own.");
    man_item(f, "LC_ALL, LC_CTYPE, LANG",
             "Where they do not say UTF-8, marks are ASCII and other characters a question mark. "
             "JSON is UTF-8 always.");
    man_item(f, "TZ", "The time zone of what people read. JSON has UTC.");
}

static void put_program(FILE *f)
{
    man_title(f, "PGTANDEM", "1", "pgtandem",
              "move a PostgreSQL primary, its DNS alias and its cron jobs together");
    man_section(f, "SYNOPSIS", "`pgtandem` [`-c` FILE] VERB [options]");
    man_section(
        f, "DESCRIPTION",
        "The administrator's program: it moves the production role from one PostgreSQL host to "
        "another. The alias that clients connect to, the database role, the scheduled jobs and the "
        "fence around the old primary change together or not at all. Nothing moves unless somebody "
        "typed it.");
    man_paragraph(f, "Begin with `pgtandem status`: it says what is wrong and what to type "
                     "next. `pgtandem VERB --help` describes one verb.");
    cli_put_manual(&commands, f);
    put_environment(f);
    man_section(f, "FILES", NULL);
    man_item(f, CONFIG_DEFAULT_PATH, "The configuration: pgtandem.conf(5).");
    man_item(f, "/var/lib/pgtandem/journal", "The journals, one file for each command.");
    man_section(f, "SEE ALSO", "pgtandem.conf(5), pgtandem-agent(8), pgtandem-agent.conf(5)");
}

/* ---- pgtandem.conf(5) ------------------------------------------------------------------------ */

static void put_configuration(FILE *f)
{
    const char *name;

    man_title(f, "PGTANDEM.CONF", "5", "pgtandem.conf", "configuration of pgtandem");
    man_section(
        f, "DESCRIPTION",
        "Sections in brackets, keys as `key = value`, one in a line. A "
        "comment "
        "begins with # or ; on a line of its own. Addresses are IPs, so that nothing here depends "
        "on the DNS that is being changed. Unknown and repeated keys are refused.");
    man_paragraph(f, "`pgtandem config sample` prints a commented file, `pgtandem config "
                     "check` reads one as the other verbs will.");
    man_section(f, "SECTIONS", NULL);
    man_configuration(f, config_sections, n_config_sections);
    man_section(f, "CHECKS",
                "The names for [check NAME], and for --ignore of preflight and the moves:");
    for (size_t i = 0; (name = preflight_name(i)); i++) {
        AUTO(arena) a = arena_new();

        man_item(f, name, arena_printf(a, "%s.", preflight_what(name)));
    }
    man_section(f, "FILES", NULL);
    man_item(f, CONFIG_DEFAULT_PATH, "Where it is looked for.");
    man_section(f, "SEE ALSO", "pgtandem(1), pgtandem-agent.conf(5)");
}

static void put_bash(FILE *f)
{
    cli_put_bash(&commands, f);
}

const struct man_page pages[] = {
    {"pgtandem.1", put_program},
    {"pgtandem.conf.5", put_configuration},
    {"pgtandem.bash", put_bash},
    {.name = NULL},
};
