/* The tables of verbs and options. */
#include <stdio.h>

#include "agent/cli.h"
#include "agent/daemon.h"
#include "agent/guard/guard.h"
#include "agent/look/inspect.h"
#include "agent/look/status.h"
#include "agent/node/agent.h"
#include "agent/node/config.h"
#include "base/err.h"
#include "base/str.h"

static int run_daemon(struct config *c, const struct options *o)
{
    (void)o;
    return daemon_run(c);
}

static int run_guard(struct config *c, const struct options *o)
{
    return guard_run(c, o->cron_only);
}

static int run_status(struct config *c, const struct options *o)
{
    (void)o;
    return status_run(c);
}

static int run_inspect(struct config *c, const struct options *o)
{
    long long ms = INSPECT_MS;

    if (o->argument && !str_to_int(o->argument, 100, 60000, &ms)) {
        fprintf(stderr, "pgtandem-agent: inspect %s: not a number of milliseconds (100 to 60000)\n",
                o->argument);
        return err_exit_status(ERR_USAGE);
    }
    return inspect_run(c, ms);
}

static int run_config_check(struct config *c, const struct options *o)
{
    struct err e = {0};
    int r = config_check(c, &e);

    (void)o;
    if (r < 0)
        fprintf(stderr, "pgtandem-agent: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
    return err_exit_status(r);
}

static int run_man(struct config *c, const struct options *o)
{
    (void)c;
    return cli_manual_print(o->argument);
}

static int run_version(struct config *c, const struct options *o)
{
    (void)c;
    (void)o;
    puts(PGTANDEM_SOFTWARE);
    return 0;
}

/* clang-format off */
const struct verb_row cli_verbs[] = {
    {.name = "run", .summary = "the agent itself, in the foreground (also without a verb)",
     .about = "Listens for controllers, does what the holder of the ownership record asks, watches "
         "the record and fences this node when another one owns it. It runs as the user that owns "
         "the data directory; the unit pgtandem-agent.service starts it. SIGHUP reads the "
         "configuration, certificates and keys again; SIGTERM ends it after the act that runs.",
     .example_for = "to see what it says", .example = "pgtandem-agent run -v",
     .exits = "0 after SIGTERM, 1 when it could not begin", .run = run_daemon},
    {.name = "guard", .summary = "may PostgreSQL start here? run before it and before cron",
     .about = "Decides by this node's durable state, the ownership record and the other nodes' words "
         "whether PostgreSQL may start, and how: it puts or removes standby.signal, turns the "
         "managed jobs on or off, and says in one line what, why and what to do next. The systemd "
         "drop-ins run it before postgresql and, with --cron, before cron.",
     .example_for = "by hand; while PostgreSQL runs it sets the crontab alone",
     .example = "pgtandem-agent guard",
     .exits = "0 when PostgreSQL may start, else 10 plus the row of the guard's table",
     .takes = AGENT_TAKES_CRON, .run = run_guard},
    {.name = "status", .summary = "this node alone, without the network",
     .about = "What the agent keeps of the commands that it obeyed, the fence, PostgreSQL as it is, the crontab, "
         "and what the guard would decide at a boot now. For the console of a "
         "host that cannot be reached otherwise.",
     .example_for = "when `pgtandem status` shows this node as silent", .example = "pgtandem-agent status",
     .exits = "0, or 10 when something needs attention", .run = run_status},
    {.name = "inspect", .summary = "what preflight asks of this node, as JSON",
     .about = "The heavier facts (files, databases, backups, foreign jobs), collected once and printed "
         "as one JSON object. The agent runs it when a controller asks. A word behind it is the time that "
         "it may take, in milliseconds (1000).",
     .example_for = "to see what the controller is shown", .example = "pgtandem-agent inspect",
     .exits = "0, or 1 when nothing could be collected", .takes = AGENT_TAKES_WORD, .run = run_inspect},
    {.name = "config", .second = "check", .summary = "check the configuration against this machine",
     .about = "One line for each check: certificates, keys and their modes, directories, the data "
         "directory, PostgreSQL's programs, the durable state.",
     .example_for = "after an edit, before the restart", .example = "pgtandem-agent config check",
     .exits = "0, or 1 when a check failed", .run = run_config_check},
    {.name = "man", .summary = "print a manual page: pgtandem-agent or pgtandem-agent.conf",
     .about = "Made from the same tables as this text. `make install` puts the pages where man looks "
         "for them.",
     .example_for = "to read one that is not installed",
     .example = "pgtandem-agent man pgtandem-agent.conf | man -l -",
     .exits = "0, or 1 for a page that there is not", .takes = AGENT_TAKES_WORD,
     .without_config = true, .run = run_man},
    {.name = "version", .summary = "the program's version",
     .about = "The version of this program. The one that is running is in `pgtandem status`.",
     .example_for = "after an upgrade", .example = "pgtandem-agent version", .exits = "0",
     .without_config = true, .run = run_version},
};

const struct option_row cli_options[] = {
    {NULL, "--cron", NULL, offsetof(struct options, cron_only), AGENT_TAKES_CRON,
     "only the crontab (before cron)"},
    {"-c", "--config", "FILE", offsetof(struct options, config), 0,
     "configuration (" CONFIG_DEFAULT_PATH ")"},
    {"-v", "--verbose", NULL, offsetof(struct options, verbose), 0, "log more"},
    {"-h", "--help", NULL, offsetof(struct options, help), 0, "this text; after a verb, about that verb"},
    {"-V", "--version", NULL, offsetof(struct options, version), 0, "the program's version"},
};
/* clang-format on */
const size_t n_cli_verbs = sizeof(cli_verbs) / sizeof(cli_verbs[0]);
const size_t n_cli_options = sizeof(cli_options) / sizeof(cli_options[0]);

bool cli_option_applies(const struct option_row *o, const struct verb_row *v)
{
    return o->takes == 0 || (v && (o->takes & v->takes));
}

const char *cli_verb_name(const struct verb_row *v, char *ret_text, size_t bytes)
{
    (void)str_printf(ret_text, bytes, "%s%s%s", v->name, v->second ? " " : "",
                     v->second ? v->second : "");
    return ret_text;
}
