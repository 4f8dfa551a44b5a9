/* The table of options: what each verb's --help lists, and cli_parse sets in struct options. */
#include "controller/cluster/config.h"
#include "controller/session/cli.h"

const char *const cli_format_names[] = {"pretty", "json", "tsv", NULL};

#define AT(member) .offset = offsetof(struct options, member)
#define LIST(member, count)                                                                        \
    AT(member), .count_offset = offsetof(struct options, count),                                   \
                .max = sizeof(((struct options *)0)->member) / sizeof(char *)

/* clang-format off */
const struct option_row cli_options[] = {
    {0, "to", "NODE", OPTION_TEXT, VALUE_NODE, TAKES_TO, AT(to), .help = "the node to move to"},
    {0, "failover", NULL, OPTION_FLAG, VALUE_ANY, TAKES_SAVE, AT(failover),
     .help = "plan a failover: the primary is lost"},
    {0, "save", "FILE", OPTION_TEXT, VALUE_FILE, TAKES_SAVE, AT(save),
     .help = "keep the plan in FILE, for --plan"},
    {0, "plan", "FILE", OPTION_TEXT, VALUE_FILE, TAKES_PLAN, AT(plan),
     .help = "as planned, or not at all (needs no --to)"},
    {0, "reason", "TEXT", OPTION_TEXT, VALUE_ANY, TAKES_REASON, AT(reason),
     .help = "why, for the journal (asked for if absent)"},
    {'y', "yes", NULL, OPTION_FLAG, VALUE_ANY, TAKES_YES, AT(yes), .help = "no question is asked"},
    {0, "dry-run", NULL, OPTION_FLAG, VALUE_ANY, TAKES_DRY_RUN, AT(dry_run),
     .help = "show what would be done, change nothing"},
    {0, "ignore", "CHECK", OPTION_LIST, VALUE_CHECK, TAKES_IGNORE, LIST(ignore, n_ignore),
     .help = "let this preflight check pass (journaled; several)"},
    {0, "accept-unfenced", "NODE", OPTION_LIST, VALUE_NODE, TAKES_ACCEPT_UNFENCED,
     LIST(accept_unfenced, n_accept_unfenced),
     .help = "I state that NODE is down and stays down (grade G3)"},
    {0, "canary", NULL, OPTION_FLAG, VALUE_ANY, TAKES_CANARY, AT(canary),
     .help = "have cron on the target fire an entry of our own (up to 70 s)"},
    {0, "wait-jobs", "SECS", OPTION_SECONDS, VALUE_ANY, TAKES_WAIT_JOBS, AT(wait_jobs_s),
     .help = "wait so long for running jobs (0: refuse while one runs)"},
    {'w', "watch", "SECS", OPTION_SECONDS, VALUE_ANY, TAKES_WATCH, AT(watch_s),
     .help = "repeat every so many seconds"},
    {0, "limit", "N", OPTION_COUNT, VALUE_ANY, TAKES_ROWS, AT(limit), .help = "the newest N only"},
    {0, "since", "WHEN", OPTION_TEXT, VALUE_ANY, TAKES_ROWS, AT(since),
     .help = "2026-01-28, \"2026-01-28 03:14\", or an age: 90m, 12h, 7d"},
    {0, "node", "NODE", OPTION_TEXT, VALUE_NODE, TAKES_ROWS, AT(node),
     .help = "what moved from, to or on this node"},
    {'w', "follow", NULL, OPTION_FLAG, VALUE_ANY, TAKES_FOLLOW, AT(follow),
     .help = "go on until it ends; its exit status is this one's"},
    {'o', "output", "FILE", OPTION_TEXT, VALUE_FILE, TAKES_PAGE, AT(output),
     .help = "write it there; a name that ends in .html makes it HTML"},
    {0, "html", NULL, OPTION_FLAG, VALUE_ANY, TAKES_PAGE, AT(html),
     .help = "one HTML page with a timeline, instead of Markdown"},
    {0, "from", "HASH", OPTION_TEXT, VALUE_ANY, TAKES_FROM, AT(from),
     .help = "look for the record with this hash, and judge from there"},
    {'f', "format", "FORMAT", OPTION_WORD, VALUE_ANY, TAKES_FORMAT, AT(format),
     .words = cli_format_names, .help = "pretty, json or tsv"},
    {0, "color", "WHEN", OPTION_WORD, VALUE_ANY, 0, AT(color), .words = term_color_names,
     .help = "auto, always or never"},
    {'c', "config", "FILE", OPTION_TEXT, VALUE_FILE, 0, AT(config_path),
     .help = "configuration (" CONFIG_DEFAULT_PATH ")"},
    {'v', "verbose", NULL, OPTION_FLAG, VALUE_ANY, 0, AT(verbose),
     .help = "say more on standard error"},
    {'h', "help", NULL, OPTION_HELP, VALUE_ANY, 0, .help = "this text; after a verb, about that verb"},
    {'V', "version", NULL, OPTION_VERSION, VALUE_ANY, 0, .help = "the program's version"},
};
/* clang-format on */
const size_t n_cli_options = sizeof(cli_options) / sizeof(cli_options[0]);

bool cli_option_applies(const struct option_row *o, const struct verb_row *v)
{
    return o->takes == 0 || (v && (o->takes & v->takes));
}
