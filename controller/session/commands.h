/*
 * What can be typed: a table of verbs (verbs.c) and one of options (options.c), as base/cli.h has
 * them; and what has been typed, struct options.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cli.h"
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
    const char *args[CLI_ARGS_MAX]; /* what follows the verb */
    size_t n_args;
};

/* A verb's function: prints its own result, returns 0 or an error whose exit status is the
 * program's. */
typedef int (*verb_fn)(struct session *s, struct err *reterr);

struct verb_row {
    struct cli_verb cli;
    unsigned needs; /* NEEDS_… */
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
    NEEDS_AGENTS = 2,  /* TLS context and peers */
    NEEDS_ZONE = 4,    /* a key to ask with */
    NEEDS_UPDATE = 8,  /* the update key, and agents that obey */
    NEEDS_OBEYED = 16, /* agents that obey: a controller's certificate */
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

extern const struct cli commands; /* verbs.c; its rows are struct verb_row */
const struct verb_row *commands_row(const struct cli_verb *v);

/* options.c */
extern const struct cli_option commands_options[];
extern const char *const commands_format_names[]; /* by enum output_format, NULL-terminated */
extern const struct cli_value commands_node;      /* a node of the configuration */
extern const struct cli_value commands_check;     /* a check of preflight: verbs.c knows them */
