/* The table of verbs: what `--help`, the manual page and completion list, and main runs. */
#include "controller/verbs/verbs.h"

#include "controller/preflight/preflight.h"
#include "controller/session/commands.h"

/* What a verb is for: --help and the manual page are grouped by it. */
enum verb_group {
    GROUP_NONE,
    GROUP_LOOK,
    GROUP_MOVE,
    GROUP_REPAIR,
    GROUP_DNS,
    GROUP_CRON,
    GROUP_HISTORY,
    GROUP_SETUP,
    GROUPS
};

enum {
    LOOKS = NEEDS_CONFIG | NEEDS_AGENTS | NEEDS_ZONE,
    ACTS = LOOKS | NEEDS_UPDATE,
    MOVES = TAKES_REASON | TAKES_YES | TAKES_DRY_RUN | TAKES_FORMAT,
    EDITS = TAKES_REASON | TAKES_YES | TAKES_DRY_RUN,
    MOVE_EXITS =
        EXITS_REFUSED | EXITS_UNDONE | EXITS_INCOMPLETE | EXITS_HELD | EXITS_DNS | EXITS_DECLINED,
    EDIT_EXITS = EXITS_REFUSED | EXITS_INCOMPLETE | EXITS_UNREACHABLE | EXITS_HELD | EXITS_DNS |
                 EXITS_DECLINED,
};

/* clang-format off */
static const struct verb_row verbs[] = {
    /* ---- look ---- */
    {{.name = "status", .args = "[-w SECS] [-f FORMAT]", .group = GROUP_LOOK,
     .summary = "the whole cluster on one screen, and what to type next",
     .about = "One look at the alias, the ownership record, all name servers and all agents, in "
         "parallel. Below the table is what is wrong, the most pressing first, and one command "
         "to type next. It changes nothing and may be run by anybody who can read the "
         "configuration and its keys, at any time, also while another command moves something.",
     .example_for = "to watch a move from a second terminal", .example = "pgtandem status -w 2",
     .takes = TAKES_WATCH | TAKES_FORMAT, .exits = EXITS_PROBLEM}, .needs = LOOKS, .run = verb_status},
    {{.name = "topology", .args = "[-f FORMAT]", .group = GROUP_LOOK,
     .summary = "a picture: alias, owner, which node streams from which, jobs, name servers",
     .about = "The cluster as it is, drawn from one look: which node the alias names, each node below the one "
         "that it streams from, with its lag, jobs and fence; the name servers; the controllers. "
         "What hangs on nothing, or on the wrong node, is drawn apart and says why. For what to do "
         "about it see `pgtandem status`.",
     .example_for = "for a ticket, without colour", .example = "pgtandem topology --color never",
     .takes = TAKES_FORMAT, .exits = EXITS_PROBLEM}, .needs = LOOKS, .run = verb_topology},
    {{.name = "preflight", .args = "--to NODE [--ignore CHECK] [--canary]", .group = GROUP_LOOK,
     .summary = "every check of a move, with measured values",
     .about = "What a switchover to NODE would check first (a failover, when the owner's host is "
         "silent): each check with the value measured, the threshold and what to do. It changes "
         "nothing. A switchover makes the same checks again automatically. Only --canary does something: a "
         "line is in the target's crontab until cron has run it, and is removed.",
     .example_for = "in the afternoon before the maintenance", .example = "pgtandem preflight --to db01",
     .takes = TAKES_TO | TAKES_IGNORE | TAKES_WAIT_JOBS | TAKES_FORMAT | TAKES_CANARY,
     .exits = EXITS_REFUSED}, .needs = ACTS, .run = verb_preflight},

    {{.name = "checks", .args = "[-f FORMAT]", .group = GROUP_LOOK,
     .summary = "every check that preflight makes, and how severe it is",
     .about = "A check that fails blocks a planned or unplanned move, only warns, or is off. "
         "--ignore lets an ignorable one pass once, [check NAME] in the configuration changes its "
         "severity for good.",
     .example_for = "to look one up", .example = "pgtandem checks -f tsv",
     .takes = TAKES_FORMAT}, .run = verb_checks},

    {{.name = "plan", .args = "--to NODE [--failover] [--save FILE]", .group = GROUP_LOOK,
     .summary = "what a move would do, step by step, with today's values",
     .about = "The steps of a switchover to NODE (of a failover with --failover), in the order in "
         "which they would be carried out, each with its host, today's value, what it becomes and "
         "what undoes it; the point of no return and the way back from there; the outage that "
         "earlier moves had; what clients will see; what will be outstanding. It changes nothing. A plan "
         "that was saved is carried out by --plan, unless something that it rests on has changed.",
     .example_for = "to have a maintenance approved", .example = "pgtandem plan --to db01 --save move.plan",
     .takes = TAKES_TO | TAKES_SAVE | TAKES_IGNORE | TAKES_ACCEPT_UNFENCED | TAKES_WAIT_JOBS |
         TAKES_FORMAT,
     .exits = EXITS_REFUSED | EXITS_INCOMPLETE | EXITS_HELD | EXITS_DNS}, .needs = ACTS, .run = verb_plan},

    /* ---- move ---- */
    {{.name = "switchover", .args = "--to NODE | --plan FILE [--reason TEXT]", .group = GROUP_MOVE,
     .summary = "move alias, crontab and role to another node",
     .about = "The planned move: the owner is up and hands over. Writing stops for a fraction of a "
         "second, no commit is lost. It checks, shows what will be done and asks for the cluster's "
         "name; until the promotion a failure, or Ctrl-C, puts everything back. The old owner "
         "becomes a standby of the new one.",
     .example_for = "for maintenance of the owner's host",
     .example = "pgtandem switchover --to db01 --reason \"kernel update of db02\"",
     .takes = TAKES_TO | TAKES_PLAN | MOVES | TAKES_IGNORE | TAKES_WAIT_JOBS,
     .exits = MOVE_EXITS}, .needs = ACTS, .run = verb_switchover},
    {{.name = "failover", .args = "[--to NODE] [--reason TEXT] [--accept-unfenced NODE]",
     .group = GROUP_MOVE, .summary = "the primary is lost: move them to a standby",
     .about = "The unplanned move: the owner's database, or its host, is gone. It shows which "
         "commits may be lost and asks for the cluster's name. Without --to the standby with the "
         "most WAL is proposed. The old owner is fenced by its agent; where it cannot be reached, "
         "your word that it is down and stays down is needed: --accept-unfenced.",
     .example_for = "when db02 does not come back",
     .example = "pgtandem failover --to db01 --reason \"db02's board is dead\"",
     .takes = TAKES_TO | TAKES_PLAN | MOVES | TAKES_IGNORE | TAKES_ACCEPT_UNFENCED,
     .exits = MOVE_EXITS}, .needs = ACTS, .run = verb_failover},

    /* ---- repair ---- */
    {{.name = "resume", .args = "[--accept-unfenced NODE]", .group = GROUP_REPAIR,
     .summary = "go on with an open transition, settle what is outstanding",
     .about = "A move that was interrupted (its controller died, a node was down) is carried to its "
         "end, from any controller, also one with an empty journal. With no move open it settles "
         "what is outstanding: standbys that follow no node, jobs that are on where they should be off. "
         "What is done already is not done again.",
     .example_for = "after `status` says that a transition is open", .example = "pgtandem resume",
     .takes = MOVES | TAKES_ACCEPT_UNFENCED, .exits = MOVE_EXITS}, .needs = ACTS, .run = verb_resume},
    {{.name = "abort", .args = "[--reason TEXT]", .group = GROUP_REPAIR,
     .summary = "roll back an open transition, as far as it can be",
     .about = "Before the promotion the owner gets everything back and writes again. After it there "
         "is no way back, and abort refuses: `pgtandem resume` goes on.",
     .example_for = "when an interrupted move is not wanted any more",
     .example = "pgtandem abort --reason \"wrong night\"",
     .takes = MOVES | TAKES_ACCEPT_UNFENCED, .exits = MOVE_EXITS}, .needs = ACTS, .run = verb_abort},
    {{.name = "rejoin", .args = "NODE", .group = GROUP_REPAIR,
     .summary = "take a fenced node back as a standby",
     .about = "The old primary, after a failover, becomes a standby of the new one, if its history "
         "permits: a node that wrote what the new primary never had is refused, with both "
         "positions.",
     .example_for = "when the host that failed is back", .example = "pgtandem rejoin db02",
     .takes = MOVES, .exits = MOVE_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_rejoin},
    {{.name = "fence", .args = "NODE", .group = GROUP_REPAIR,
     .summary = "stop a node and keep it from being primary",
     .about = "PostgreSQL on NODE is stopped and kept from starting as a primary, also after a "
         "reboot, until `rejoin` or `unfence`. Fencing the owner stops all writing, and asks for "
         "the cluster's name.",
     .example_for = "when a node writes that should not", .example = "pgtandem fence vm",
     .takes = MOVES, .exits = MOVE_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_fence},
    {{.name = "unfence", .args = "NODE [--accept-unfenced NODE]", .group = GROUP_REPAIR,
     .summary = "take the fence, or the guard's hold, off the owner",
     .about = "The owner by the record may start as a primary again. A node that is not the owner "
         "is refused: `rejoin` takes it back as a standby. While the zone's primary does not respond, an owner "
         "that is held (not fenced) is released if a secondary shows the record that all nodes have "
         "last seen, and every node that does not respond was declared down: --accept-unfenced.",
     .example_for = "after `fence` of the owner by mistake", .example = "pgtandem unfence db02",
     .takes = MOVES | TAKES_ACCEPT_UNFENCED, .exits = MOVE_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_unfence},
    {{.name = "forget", .args = "NODE", .group = GROUP_REPAIR,
     .summary = "give up a node that is lost for good",
     .about = "NODE leaves the ownership record's `from`, and its slot on the owner is dropped, after "
         "the WAL that it holds was shown. Afterwards its section may be removed from the "
         "configuration. Should the host come back all the same, its guard keeps PostgreSQL from "
         "starting as a primary. A node that answers is refused.",
     .example_for = "when a host will never come back", .example = "pgtandem forget vm",
     .takes = MOVES, .exits = MOVE_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_forget},

    {{.name = "cancel", .args = "NODE", .group = GROUP_REPAIR,
     .summary = "end the job that runs on a node",
     .about = "A job is what takes minutes or hours there, beside what moves the role: so far the canary of "
         "`preflight --canary`. `pgtandem status` shows it. It ends in its own order, so that nothing of it "
         "remains, and whoever asked for it reads who cancelled it.",
     .example_for = "when it is in the way", .example = "pgtandem cancel db01",
     .exits = EXITS_INCOMPLETE | EXITS_UNREACHABLE, .args_min = 1, .args_max = 1, .value = &commands_node},
     .needs = NEEDS_CONFIG | NEEDS_AGENTS | NEEDS_OBEYED, .run = verb_cancel},

    /* ---- DNS ---- */
    {{.name = "dns show", .args = "[-f FORMAT]", .group = GROUP_DNS,
     .summary = "alias and ownership record on every name server",
     .about = "Asks the zone's primary and each of its name servers directly, without caches: without a key, as "
         "clients do, and once more with ours. "
         "Nothing is changed.",
     .example_for = "when clients see different addresses", .example = "pgtandem dns show",
     .takes = TAKES_FORMAT, .exits = EXITS_DNS}, .needs = NEEDS_CONFIG | NEEDS_ZONE, .run = verb_dns_show},
    {{.name = "dns verify", .args = "[-f FORMAT]", .group = GROUP_DNS,
     .summary = "do they all agree? exit status 8 if not",
     .about = "Like `dns show`; the exit status says whether the record can be trusted, the alias "
         "points to its owner, all name servers agree, and each of them accepts our key.",
     .example_for = "in a monitoring job", .example = "pgtandem dns verify -f json",
     .takes = TAKES_FORMAT, .exits = EXITS_DNS}, .needs = NEEDS_CONFIG | NEEDS_ZONE, .run = verb_dns_verify},
    {{.name = "dns init", .args = "[--reason TEXT]", .group = GROUP_DNS,
     .summary = "write the first ownership record",
     .about = "Adopts a running cluster: the one writable node becomes the owner in the record, "
         "beside the alias. It refuses where a record exists already, two nodes are writable or "
         "the alias points elsewhere.",
     .example_for = "once, at the installation", .example = "pgtandem dns init",
     .takes = EDITS, .exits = EDIT_EXITS}, .needs = ACTS, .run = verb_dns_init},
    {{.name = "dns set", .args = "'v=1 epoch=… nonce=new … by=…' [--accept-unfenced NODE]", .group = GROUP_DNS,
     .summary = "repair the ownership record, typed out in full",
     .about = "For the record that somebody damaged by hand: the whole new text is given, checked "
         "against what the nodes know, shown beside the old one, then confirmed. Every other node "
         "is named in it as one that may still write, until it has answered that it does not: a "
         "node that does not respond needs your word that it is down and stays down, "
         "--accept-unfenced. Then `resume` gives the owner its role. Nothing else is a use for "
         "it: `resume` and `abort` write the record themselves.",
     .example_for = "to see whether a text would be accepted",
     .example = "pgtandem dns set --dry-run \"$RECORD\"",
     .takes = EDITS | TAKES_ACCEPT_UNFENCED, .exits = EDIT_EXITS, .args_min = 1,
     .args_max = 1}, .needs = ACTS, .run = verb_dns_set},

    /* ---- cron ---- */
    {{.name = "cron show", .args = "[NODE] [-f FORMAT]", .group = GROUP_CRON,
     .summary = "the crontabs, as they are",
     .about = "The crontab of each node (or of NODE), byte by byte, with the managed entries "
         "counted.",
     .example_for = "to read one node's jobs", .example = "pgtandem cron show db02",
     .takes = TAKES_FORMAT, .exits = EXITS_UNREACHABLE, .args_max = 1, .value = &commands_node}, .needs = LOOKS | NEEDS_OBEYED, .run = verb_cron_show},
    {{.name = "cron diff", .args = "[NODE] [-f FORMAT]", .group = GROUP_CRON,
     .summary = "managed entries that differ from the owner's",
     .about = "Whether the standbys would run the owner's jobs if they became the owner. On or off "
         "is not compared.",
     .example_for = "after somebody edited a crontab", .example = "pgtandem cron diff",
     .takes = TAKES_FORMAT, .exits = EXITS_UNREACHABLE | EXITS_PROBLEM,
     .args_max = 1, .value = &commands_node}, .needs = LOOKS | NEEDS_OBEYED, .run = verb_cron_diff},
    {{.name = "cron adopt", .args = "NODE [--reason TEXT]", .group = GROUP_CRON,
     .summary = "put all of a crontab's entries under management",
     .about = "All entries of NODE's crontab move with the role from now on. On the owner they stay "
         "on. The new text is shown first; a copy of the old one stays on the node.",
     .example_for = "once, at the installation, on the owner", .example = "pgtandem cron adopt db02",
     .takes = EDITS, .exits = EDIT_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_cron_adopt},
    {{.name = "cron unadopt", .args = "NODE [--reason TEXT]", .group = GROUP_CRON,
     .summary = "take a crontab's entries out of management",
     .about = "The reverse of `cron adopt`: what pgtandem put into NODE's crontab is taken out "
         "again, and its entries stay with the node.",
     .example_for = "before pgtandem is removed from a node", .example = "pgtandem cron unadopt vm",
     .takes = EDITS, .exits = EDIT_EXITS, .args_min = 1, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_cron_unadopt},
    {{.name = "cron sync", .args = "[NODE] [--reason TEXT]", .group = GROUP_CRON,
     .summary = "give the standbys the owner's managed entries, off",
     .about = "Each standby (or NODE) gets the owner's managed entries in the place of its own, "
         "turned off, with the variables that are in force at them. Its other entries are not "
         "touched; those that are the owner's, on or commented out by hand, are taken into the block. "
         "The difference is shown first; the former crontab is kept on the node, the command says "
         "where.",
     .example_for = "after a change of the owner's jobs", .example = "pgtandem cron sync",
     .takes = EDITS, .exits = EDIT_EXITS, .args_max = 1, .value = &commands_node}, .needs = ACTS, .run = verb_cron_sync},

    /* ---- history ---- */
    {{.name = "history", .args = "[--limit N] [--since WHEN] [--node NODE] [-f FORMAT]",
     .group = GROUP_HISTORY, .summary = "every command that changed something",
     .about = "One row for each, the newest last, from this controller's journals: when, what, from, "
         "to, outcome, outage, who and why. Other controllers have their own journals; a "
         "transition that another one has left open has a row too, as far as DNS shows.",
     .example_for = "what happened to db02 this week",
     .example = "pgtandem history --node db02 --since 7d",
     .takes = TAKES_FORMAT | TAKES_ROWS}, .needs = NEEDS_CONFIG, .run = verb_history},
    {{.name = "show", .args = "[TXN] [-w]", .group = GROUP_HISTORY,
     .summary = "one command, step by step, with all that was kept of it",
     .about = "Who, why, and for each step: when, how long, what each agent answered, what it ran "
         "and what that printed, the verdict of DNS, what the nodes were seen to be; then outage, "
         "certificate, and what was outstanding. TXN is the beginning of an id from `history`; without it "
         "the newest command is shown. -w follows one that runs, from any terminal of this "
         "controller, and ends with its exit status.",
     .example_for = "from a second terminal, or after the first one has closed",
     .example = "pgtandem show -w",
     .takes = TAKES_FORMAT | TAKES_FOLLOW, .args_max = 1,
     .exits = EXITS_REFUSED | EXITS_UNDONE | EXITS_INCOMPLETE | EXITS_HELD | EXITS_DNS |
              EXITS_DECLINED}, .needs = NEEDS_CONFIG, .run = verb_show},
    {{.name = "report", .args = "[TXN] [-o FILE] [--html]", .group = GROUP_HISTORY,
     .summary = "one command as a page for the ticket",
     .about = "Who, why, when, the checks, each step with its time, outage, handover certificate or "
         "loss statement, what was outstanding and what has been settled since, and the journal's hash. "
         "Markdown, or one HTML file with the timeline as a picture; nothing is fetched from "
         "anywhere.",
     .example_for = "the newest command, to be attached", .example = "pgtandem report -o move.html",
     .takes = TAKES_PAGE, .args_max = 1}, .needs = NEEDS_CONFIG, .run = verb_report},
    {{.name = "audit verify", .args = "[--from HASH] [-f FORMAT]", .group = GROUP_HISTORY,
     .summary = "are the journals whole and unchanged?",
     .about = "Recomputes the chain of hashes over all journals of this controller: a record that "
         "was changed, removed or put in breaks it, and its file and line are named. It prints the "
         "newest hash: note it in the ticket, and --from finds out later whether somebody who "
         "could compute the whole chain again has done so.",
     .example_for = "with the hash that an older ticket has noted",
     .example = "pgtandem audit verify --from 5b1c29f0a76e",
     .takes = TAKES_FORMAT | TAKES_FROM}, .needs = NEEDS_CONFIG, .run = verb_audit_verify},

    /* ---- set up ---- */
    {{.name = "config check", .args = "[-c FILE]", .group = GROUP_SETUP,
     .summary = "read configuration, key and certificates",
     .about = "Says everything that is wrong with them, with file, line and key; no network is "
         "needed.",
     .example_for = "after an edit, before it is needed at night",
     .example = "pgtandem config check -c /etc/pgtandem/pgtandem.conf.new"}, .needs = LOOKS, .run = verb_config_check},
    {{.name = "config sample", .args = "", .group = GROUP_SETUP,
     .summary = "print a commented configuration",
     .about = "Every section and key, with its unit and default.",
     .example_for = "to begin with", .example = "pgtandem config sample >/etc/pgtandem/pgtandem.conf"}, .run = verb_config_sample},
    {{.name = "config nodes", .args = "[-c FILE]", .group = GROUP_SETUP,
     .summary = "the names of the nodes, one in a line",
     .about = "From the configuration alone. Scripts and the shell's completion read it.",
     .example_for = "in a script", .example = "pgtandem config nodes"}, .needs = NEEDS_CONFIG, .run = verb_config_nodes},
    {{.name = "version", .args = "", .group = GROUP_SETUP, .summary = "the program's version",
     .about = "The version of this program; each agent's is in `pgtandem status`.",
     .example_for = "for a bug report", .example = "pgtandem version"}, .run = verb_version},
};
/* clang-format on */

const struct cli_value commands_check = {.word = preflight_name};

static const char *const groups[GROUPS] = {
    [GROUP_LOOK] = "look",    [GROUP_MOVE] = "move", [GROUP_REPAIR] = "repair",
    [GROUP_DNS] = "DNS",      [GROUP_CRON] = "cron", [GROUP_HISTORY] = "history",
    [GROUP_SETUP] = "set up",
};

static const struct cli_exit exits[] = {
    {0, "done"},
    {1, "usage or configuration"},
    {2, "preflight refused; nothing was changed"},
    {3, "failed and rolled back: everything is as before"},
    {4, "incomplete: `pgtandem resume`, or what the text says"},
    {6, "an agent cannot be reached"},
    {7, "held by someone else, or the claim was lost to another controller"},
    {8, "DNS, or an ownership record that cannot be trusted"},
    {9, "the administrator said no"},
    {10, "a problem was found"},
};

const struct cli commands = {
    .program = "pgtandem",
    .software = PGTANDEM_SOFTWARE,
    .about = "pgtandem: a PostgreSQL primary, its DNS alias and its cron jobs move together.",
    .begin = "Begin with `pgtandem status`: it says what is wrong and what to type next.",
    .groups = groups,
    .n_groups = GROUPS,
    .verbs = verbs,
    .verb_bytes = sizeof(verbs[0]),
    .n_verbs = sizeof(verbs) / sizeof(verbs[0]),
    .options = commands_options,
    .exits = exits,
    .n_exits = sizeof(exits) / sizeof(exits[0]),
};

const struct verb_row *commands_row(const struct cli_verb *v)
{
    return (const struct verb_row *)(const void *)v;
}
