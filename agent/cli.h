/*
 * pgtandem-agent's command line: one table of verbs, one of options (verbs.c). Parsing, --help and
 * the manual page all read them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct config;
struct term;

struct options {
    const char *config;
    bool cron_only, verbose, help, version;
    const char *argument; /* the word behind the verb, or NULL */
};

enum {
    AGENT_TAKES_CRON = 1,
    AGENT_TAKES_WORD = 2, /* a word behind it */
};

struct verb_row {
    const char *name, *second; /* "config", "check" */
    const char *summary, *about;
    const char *example_for, *example;
    const char *exits; /* "0: it may start; …" */
    unsigned takes;    /* AGENT_TAKES_… */
    bool without_config;
    int (*run)(struct config *c, const struct options *o);
};
extern const struct verb_row cli_verbs[];
extern const size_t n_cli_verbs;

struct option_row {
    const char *shorter, *longer;
    const char *argument; /* NULL: a flag */
    size_t offset;        /* in struct options */
    unsigned takes;       /* 0: every verb has it */
    const char *help;
};
extern const struct option_row cli_options[];
extern const size_t n_cli_options;

bool cli_option_applies(const struct option_row *o,
                        const struct verb_row *v); /* v NULL: no verb yet */
/* "config check" */
const char *cli_verb_name(const struct verb_row *v, char *ret_text, size_t bytes);

/* help.c */
void cli_help_all(const struct term *t);
void cli_help_verb(const struct term *t, const struct verb_row *v);
/* manual.c: pgtandem-agent(8) (`page` NULL or "pgtandem-agent") or "pgtandem-agent.conf" (5). */
int cli_manual_print(const char *page);
