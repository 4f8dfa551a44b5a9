/* The table of options: what each verb's --help lists, and cli_parse sets in struct options. */
#include "controller/cluster/config.h"
#include "controller/session/commands.h"

const char *const commands_format_names[] = {"pretty", "json", "tsv", NULL};

const struct cli_value commands_node = {.command = "config nodes"};

#define AT(member) .offset = offsetof(struct options, member)
#define LIST(member, count)                                                                        \
    AT(member), .count_offset = offsetof(struct options, count),                                   \
                .max = sizeof(((struct options *)0)->member) / sizeof(char *)

/* clang-format off */
const struct cli_option commands_options[] = {
    {0, "to", "NODE", CLI_TEXT, &commands_node, TAKES_TO, AT(to), .help = "the node to move to"},
    {0, "failover", NULL, CLI_FLAG, NULL, TAKES_SAVE, AT(failover),
     .help = "plan a failover: the primary is lost"},
    {0, "save", "FILE", CLI_TEXT, &cli_value_file, TAKES_SAVE, AT(save),
     .help = "keep the plan in FILE, for --plan"},
    {0, "plan", "FILE", CLI_TEXT, &cli_value_file, TAKES_PLAN, AT(plan),
     .help = "as planned, or not at all (needs no --to)"},
    {0, "reason", "TEXT", CLI_TEXT, NULL, TAKES_REASON, AT(reason),
     .help = "why, for the journal (asked for if absent)"},
    {'y', "yes", NULL, CLI_FLAG, NULL, TAKES_YES, AT(yes), .help = "no question is asked"},
    {0, "dry-run", NULL, CLI_FLAG, NULL, TAKES_DRY_RUN, AT(dry_run),
     .help = "show what would be done, change nothing"},
    {0, "ignore", "CHECK", CLI_LIST, &commands_check, TAKES_IGNORE, LIST(ignore, n_ignore),
     .help = "let this preflight check pass (journaled; several)"},
    {0, "accept-unfenced", "NODE", CLI_LIST, &commands_node, TAKES_ACCEPT_UNFENCED,
     LIST(accept_unfenced, n_accept_unfenced),
     .help = "I state that NODE is down and stays down (grade G3)"},
    {0, "canary", NULL, CLI_FLAG, NULL, TAKES_CANARY, AT(canary),
     .help = "have cron on the target fire an entry of our own (up to 70 s)"},
    {0, "wait-jobs", "SECS", CLI_SECONDS, NULL, TAKES_WAIT_JOBS, AT(wait_jobs_s),
     .help = "wait so long for running jobs (0: refuse while one runs)"},
    {'w', "watch", "SECS", CLI_SECONDS, NULL, TAKES_WATCH, AT(watch_s),
     .help = "repeat every so many seconds"},
    {0, "limit", "N", CLI_COUNT, NULL, TAKES_ROWS, AT(limit), .help = "the newest N only"},
    {0, "since", "WHEN", CLI_TEXT, NULL, TAKES_ROWS, AT(since),
     .help = "2026-01-28, \"2026-01-28 03:14\", or an age: 90m, 12h, 7d"},
    {0, "node", "NODE", CLI_TEXT, &commands_node, TAKES_ROWS, AT(node),
     .help = "what moved from, to or on this node"},
    {'w', "follow", NULL, CLI_FLAG, NULL, TAKES_FOLLOW, AT(follow),
     .help = "go on until it ends; its exit status is this one's"},
    {'o', "output", "FILE", CLI_TEXT, &cli_value_file, TAKES_PAGE, AT(output),
     .help = "write it there; a name that ends in .html makes it HTML"},
    {0, "html", NULL, CLI_FLAG, NULL, TAKES_PAGE, AT(html),
     .help = "one HTML page with a timeline, instead of Markdown"},
    {0, "from", "HASH", CLI_TEXT, NULL, TAKES_FROM, AT(from),
     .help = "look for the record with this hash, and judge from there"},
    {'f', "format", "FORMAT", CLI_WORD, NULL, TAKES_FORMAT, AT(format),
     .words = commands_format_names, .help = "pretty, json or tsv"},
    {0, "color", "WHEN", CLI_WORD, NULL, 0, AT(color), .words = term_color_names,
     .help = "auto, always or never"},
    {'c', "config", "FILE", CLI_TEXT, &cli_value_file, 0, AT(config_path),
     .help = "configuration (" CONFIG_DEFAULT_PATH ")"},
    {'v', "verbose", NULL, CLI_FLAG, NULL, 0, AT(verbose),
     .help = "say more on standard error"},
    {'h', "help", NULL, CLI_HELP, NULL, 0, .help = "this text; after a verb, about that verb"},
    {'V', "version", NULL, CLI_VERSION, NULL, 0, .help = "the program's version"},
    {.name = NULL},
};
/* clang-format on */
