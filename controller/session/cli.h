/*
 * The command line: one table of verbs (verbs.c), one of options (options.c). Parsing, --help,
 * completion and the manual page all read them, so that help lists only what works.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/term.h"
#include "proto/messages.h"

struct arena;
struct err;
struct session;

enum output_format { FORMAT_PRETTY, FORMAT_JSON, FORMAT_TSV };

struct options {
    const char *config_path;
    enum output_format format;
    enum color_when color;
    bool dry_run;
    bool yes;               /* no prompt */
    bool canary;            /* --canary */
    const char *reason;     /* NULL: asked for */
    const char *to;         /* --to NODE, or NULL */
    const char *ignore[16]; /* --ignore CHECK, several */
    size_t n_ignore;
    const char *accept_unfenced[CLUSTER_NODES_MAX]; /* --accept-unfenced NODE, counts as typed */
    size_t n_accept_unfenced;
    int64_t wait_jobs_s;
    bool failover;      /* --failover: plan the unplanned move */
    const char *save;   /* --save FILE, or NULL */
    const char *plan;   /* --plan FILE, or NULL */
    int64_t watch_s;    /* -w */
    int64_t limit;      /* --limit N; 0: all */
    const char *since;  /* --since, as typed, or NULL */
    const char *node;   /* --node NODE, or NULL */
    const char *from;   /* --from HASH, or NULL */
    const char *output; /* -o FILE, or NULL: standard output */
    bool follow;        /* show -w */
    bool html;
    bool verbose;
    const char *args[8]; /* what follows the verb */
    size_t n_args;
};

/* A verb's function: prints its own result, returns 0 or an error whose exit status is the
 * program's. */
typedef int (*verb_fn)(struct session *s, struct err *reterr);

/* What a verb is for: --help and the manual page are grouped by it. */
enum verb_group {
    GROUP_NONE_,
    GROUP_LOOK,
    GROUP_MOVE,
    GROUP_REPAIR,
    GROUP_DNS,
    GROUP_CRON,
    GROUP_HISTORY,
    GROUP_SETUP,
    GROUPS_
};

struct verb_row {
    const char *name; /* "switchover"; two words for families: "dns show" */
    const char *args; /* "--to NODE [--reason TEXT]" */
    enum verb_group group;
    const char *summary;     /* one line, no full stop */
    const char *about;       /* a paragraph: what it does, what it asks, what it leaves alone */
    const char *example_for; /* "before the maintenance of db02" */
    const char *example;     /* the command line for that */
    unsigned needs;          /* NEEDS_… */
    unsigned takes;          /* TAKES_…: options that mean something to it; others are refused */
    unsigned exits;          /* EXITS_…: besides 0 and 1 */
    size_t args_min, args_max; /* words after the verb */
    verb_fn run;
};
enum {
    TAKES_TO = 1,
    TAKES_REASON = 2,
    TAKES_YES = 4,
    TAKES_DRY_RUN = 8,
    TAKES_IGNORE = 16,
    TAKES_ACCEPT_UNFENCED = 32,
    TAKES_WAIT_JOBS = 64,
    TAKES_WATCH = 128,
    TAKES_FORMAT = 256,
    TAKES_PLAN = 512,
    TAKES_SAVE = 1024, /* and --failover */
    TAKES_ROWS = 2048, /* --limit, --since, --node */
    TAKES_FOLLOW = 4096,
    TAKES_FROM = 8192,
    TAKES_PAGE = 16384, /* -o, --html */
    TAKES_CANARY = 32768,
};
enum {
    NEEDS_CONFIG = 1,
    NEEDS_AGENTS = 2, /* TLS context and peers */
    NEEDS_ZONE = 4,   /* a key to ask with */
    NEEDS_UPDATE = 8, /* the update key, and agents that obey */
};
enum {
    EXITS_REFUSED = 1 << 2,
    EXITS_UNDONE = 1 << 3,
    EXITS_INCOMPLETE = 1 << 4,
    EXITS_UNREACHABLE = 1 << 6,
    EXITS_HELD = 1 << 7,
    EXITS_DNS = 1 << 8,
    EXITS_DECLINED = 1 << 9,
    EXITS_PROBLEM = 1 << 10,
};
extern const struct verb_row cli_verbs[]; /* verbs.c */
extern const size_t n_cli_verbs;

enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_LIST, /* may be given several times */
    OPTION_SECONDS,
    OPTION_COUNT, /* from 1 */
    OPTION_WORD,  /* one of words[] */
    OPTION_HELP,
    OPTION_VERSION,
};

/* What an option's value is, for completion. */
enum option_value { VALUE_ANY, VALUE_FILE, VALUE_NODE, VALUE_CHECK };

struct option_row {
    char letter; /* or NUL */
    const char *name;
    const char *arg; /* "NODE"; NULL: a flag */
    enum option_kind kind;
    enum option_value value;
    unsigned takes;                   /* TAKES_…; 0: every verb has it */
    size_t offset, count_offset, max; /* in struct options */
    const char *const *words;         /* OPTION_WORD: NULL-terminated; an enum's, from 0 */
    const char *help;                 /* one line */
};
extern const struct option_row cli_options[]; /* options.c */
extern const size_t n_cli_options;
extern const char *const cli_format_names[]; /* by enum output_format, NULL-terminated */

/* Has the verb (NULL: none yet) this option? */
bool cli_option_applies(const struct option_row *o, const struct verb_row *v);

/* Parse argv. *ret_verb is NULL after --help or --version has been printed (return 0). */
int cli_parse(int argc, char **argv, struct arena *a, struct options *ret_options,
              const struct verb_row **ret_verb, struct err *reterr);
