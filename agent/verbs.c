/* The tables of verbs and options. */
#include <stdio.h>

#include "agent/commands.h"
#include "agent/daemon.h"
#include "agent/guard/guard.h"
#include "agent/look/inspect.h"
#include "agent/look/status.h"
#include "agent/node/agent.h"
#include "agent/node/config.h"
#include "base/err.h"
#include "base/str.h"
#include "proto/messages.h"

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

static int run_version(struct config *c, const struct options *o)
{
    (void)c;
    (void)o;
    puts(PGTANDEM_SOFTWARE);
    return 0;
}

enum { TAKES_CRON = 1 };

/* clang-format off */
static const struct verb_row verbs[] = {
    {{.name = "run", .args = "", .summary = "the agent itself, in the foreground (also without a verb)",
      .about = "Listens for controllers, does what the holder of the ownership record asks, watches "
          "the record and fences this node when another one owns it. It runs as the user that owns "
          "the data directory; the unit pgtandem-agent.service starts it. SIGHUP reads the "
          "configuration, certificates and keys again; SIGTERM ends it after the act that runs.",
      .example_for = "to see what it says", .example = "pgtandem-agent run -v",
      .exit_text = "0 after SIGTERM, 1 when it could not begin"}, .run = run_daemon},
    {{.name = "guard", .args = "[--cron]", .summary = "may PostgreSQL start here? run before it and before cron",
      .about = "Decides by this node's durable state, the ownership record and the other nodes' words "
          "whether PostgreSQL may start, and how: it puts or removes standby.signal, turns the "
          "managed jobs on or off, and says in one line what, why and what to do next. The systemd "
          "drop-ins run it before postgresql and, with --cron, before cron.",
      .example_for = "by hand; while PostgreSQL runs it sets the crontab alone",
      .example = "pgtandem-agent guard", .takes = TAKES_CRON,
      .exit_text = "0 when PostgreSQL may start, else 10 plus the row of the guard's table"}, .run = run_guard},
    {{.name = "status", .args = "", .summary = "this node alone, without the network",
      .about = "What the agent keeps of the commands that it obeyed, the fence, PostgreSQL as it is, the crontab, "
          "and what the guard would decide at a boot now. For the console of a "
          "host that cannot be reached otherwise.",
      .example_for = "when `pgtandem status` shows this node as silent", .example = "pgtandem-agent status",
      .exit_text = "0, or 10 when something needs attention"}, .run = run_status},
    {{.name = "inspect", .args = "[MS]", .summary = "what preflight asks of this node, as JSON",
      .about = "The heavier facts (files, databases, backups, foreign jobs), collected once and printed "
          "as one JSON object. The agent runs it when a controller asks. MS is the time that "
          "it may take, in milliseconds (1000).",
      .example_for = "to see what the controller is shown", .example = "pgtandem-agent inspect",
      .exit_text = "0, or 1 when nothing could be collected", .args_max = 1}, .run = run_inspect},
    {{.name = "config check", .args = "", .summary = "check the configuration against this machine",
      .about = "One line for each check: certificates, keys and their modes, directories, the data "
          "directory, PostgreSQL's programs, the durable state.",
      .example_for = "after an edit, before the restart", .example = "pgtandem-agent config check",
      .exit_text = "0, or 1 when a check failed"}, .run = run_config_check},
    {{.name = "version", .args = "", .summary = "the program's version",
      .about = "The version of this program. The one that is running is in `pgtandem status`.",
      .example_for = "after an upgrade", .example = "pgtandem-agent version", .exit_text = "0"},
     .without_config = true, .run = run_version},
};

static const struct cli_option options[] = {
    {0, "cron", NULL, CLI_FLAG, NULL, TAKES_CRON, offsetof(struct options, cron_only),
     .help = "only the crontab (before cron)"},
    {'c', "config", "FILE", CLI_TEXT, &cli_value_file, 0, offsetof(struct options, config),
     .help = "configuration (" CONFIG_DEFAULT_PATH ")"},
    {'v', "verbose", NULL, CLI_FLAG, NULL, 0, offsetof(struct options, verbose), .help = "log more"},
    {'h', "help", NULL, CLI_HELP, NULL, 0, .help = "this text; after a verb, about that verb"},
    {'V', "version", NULL, CLI_VERSION, NULL, 0, .help = "the program's version"},
    {.name = NULL},
};
/* clang-format on */

const struct cli commands = {
    .program = "pgtandem-agent",
    .software = PGTANDEM_SOFTWARE,
    .about = "pgtandem-agent: what one PostgreSQL host does for the cluster.",
    .begin = "`pgtandem-agent status` shows this node.",
    .first_without = true,
    .verbs = verbs,
    .verb_bytes = sizeof(verbs[0]),
    .n_verbs = sizeof(verbs) / sizeof(verbs[0]),
    .options = options,
};

const struct verb_row *commands_row(const struct cli_verb *v)
{
    return (const struct verb_row *)(const void *)v;
}
