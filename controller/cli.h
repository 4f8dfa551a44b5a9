/*
 * The command line: one table of verbs, one of options. Usage, --help and parsing all read them, so
 * that help lists only what works.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

struct arena;
struct err;
struct session;

enum output_format { FORMAT_PRETTY, FORMAT_JSON, FORMAT_TSV };

struct options {
    const char *config_path;
    enum output_format format;
    bool dry_run;
    bool yes;               /* no prompt */
    const char *reason;     /* NULL: asked for */
    const char *to;         /* --to NODE, or NULL */
    const char *ignore[16]; /* --ignore CHECK, several */
    size_t n_ignore;
    const char *accept_unfenced[CLUSTER_NODES_MAX]; /* --accept-unfenced NODE, counts as typed */
    size_t n_accept_unfenced;
    int64_t wait_jobs_s;
    int64_t watch_s; /* -w */
    bool verbose;
    const char *args[8]; /* what follows the verb */
    size_t n_args;
};

/* A verb's function: prints its own result, returns 0 or an error whose exit status is the
 * program's. */
typedef int (*verb_fn)(struct session *s, struct err *reterr);

struct verb_row {
    const char *name;    /* "switchover"; two words for families: "dns show" */
    const char *args;    /* "--to NODE [--reason TEXT]" */
    const char *summary; /* one line */
    const char *example;
    unsigned needs; /* NEEDS_… */
    unsigned takes; /* TAKES_…: options that mean something to it; others are refused */
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
};
enum {
    NEEDS_CONFIG = 1,
    NEEDS_AGENTS = 2, /* TLS context and peers */
    NEEDS_DNS = 4,    /* the update key */
};
extern const struct verb_row verb_rows[]; /* verbs.c */
extern const size_t n_verb_rows;

/* Parse argv. *ret_verb is NULL after --help or --version has been printed (return 0). */
int cli_parse(int argc, char **argv, struct arena *a, struct options *ret_options,
              const struct verb_row **ret_verb, struct err *reterr);
