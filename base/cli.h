/*
 * A program's command line, from three tables: verbs, options, exit statuses. The parser, --help,
 * the manual page and the shell's completion all read them, so that each shows what works, and only
 * that.
 *
 *     PROGRAM [options] VERB [words] [options]
 *
 * A verb may have two words ("dns show": a family). "-c FILE", "-cFILE", "--config FILE" and
 * "--config=FILE" are the same; "--" ends the options; "help VERB" is "VERB --help". What would be
 * without effect (an option that the verb does not have, a word too many) is refused.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct arena;
struct err;
struct term;

enum cli_kind {
    CLI_FLAG,
    CLI_TEXT,
    CLI_LIST, /* may be given several times */
    CLI_SECONDS,
    CLI_COUNT, /* from 1 */
    CLI_WORD,  /* one of words[] */
    CLI_HELP,
    CLI_VERSION,
};

/* What a value is, for completion: one of the words that there always are, and of the lines that
 * a command prints (NULL: none). */
struct cli_value {
    const char *(*word)(size_t i); /* NULL at the end; may itself be NULL */
    const char *command;
};
extern const struct cli_value cli_value_file; /* a file's name */

struct cli_option {
    char letter; /* or NUL */
    const char *name;
    const char *arg; /* "NODE"; NULL: a flag */
    enum cli_kind kind;
    const struct cli_value *value;    /* NULL: anything */
    unsigned takes;                   /* bits; 0: every verb has it */
    size_t offset, count_offset, max; /* in the program's struct of options */
    const char *const *words;         /* CLI_WORD: NULL-terminated; an enum's, from 0 */
    const char *help;                 /* one line, no full stop */
};

struct cli_verb {
    const char *name;          /* "switchover"; two words for families: "dns show" */
    const char *args;          /* "--to NODE [--reason TEXT]", "" */
    int group;                 /* index in cli.groups */
    const char *summary;       /* one line, no full stop */
    const char *about;         /* a paragraph: what it does, what it asks, what it leaves alone */
    const char *example_for;   /* "before the maintenance of db02" */
    const char *example;       /* the command line for that */
    unsigned takes;            /* the options that mean something to it */
    unsigned exits;            /* bit per exit status of cli.exits, besides 0 and 1 */
    const char *exit_text;     /* instead, in words; or NULL */
    size_t args_min, args_max; /* words after the verb */
    const struct cli_value *value; /* what they are; NULL: anything */
};

struct cli_exit {
    int status;
    const char *text;
};

struct cli {
    const char *program;       /* "pgtandem" */
    const char *software;      /* "pgtandem 0.1.0" */
    const char *about;         /* what it is: one sentence */
    const char *begin;         /* what a newcomer types first: a sentence */
    bool first_without;        /* without a verb it is the first one; else that is an error */
    const char *const *groups; /* titles, from 1; NULL: the verbs are few */
    size_t n_groups;
    const void *verbs; /* rows that begin with a struct cli_verb, of so many bytes each */
    size_t verb_bytes, n_verbs;
    const struct cli_option *options; /* ends with a row without a name */
    const struct cli_exit *exits;     /* in order; NULL: each verb has its exit_text */
    size_t n_exits;
};

const struct cli_verb *cli_verb(const struct cli *c, size_t i);
/* Has the verb (NULL: none yet) this option? Can it (NULL: any) end so? */
bool cli_has_option(const struct cli_option *o, const struct cli_verb *v);
bool cli_has_exit(const struct cli_exit *e, const struct cli_verb *v);

enum { CLI_ARGS_MAX = 8 };
struct cli_call {
    const struct cli_verb *verb; /* NULL: --help or --version was asked for, and has been printed */
    const char *args[CLI_ARGS_MAX]; /* what follows the verb */
    size_t n_args;
};
/* ERR_USAGE says what is wrong and what there is instead. `options` holds the defaults before;
 * strings in it point into argv or the arena. */
int cli_parse(const struct cli *c, int argc, char **argv, void *options, struct arena *a,
              struct cli_call *ret_call, struct err *reterr);

/* cli_help.c: for the program, a family of verbs ("dns") and one verb. */
void cli_help(const struct cli *c, const struct term *t);
void cli_help_family(const struct cli *c, const struct term *t, const char *word);
void cli_help_verb(const struct cli *c, const struct term *t, const struct cli_verb *v);

/* cli_pages.c: the sections VERBS, OPTIONS and EXIT STATUS of a manual page (base/man.h). */
void cli_put_manual(const struct cli *c, FILE *f);
/* cli_bash.c: bash's completion script. */
void cli_put_bash(const struct cli *c, FILE *f);
