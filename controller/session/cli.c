#include "controller/session/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/session/help.h"

enum { HELP_WIDTH = 80, HELP_WIDTH_MOST = 100 };

/* ---- the verb -------------------------------------------------------------------------------- */

static bool is_family(const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i < n_cli_verbs; i++)
        if (strncmp(cli_verbs[i].name, word, len) == 0 && cli_verbs[i].name[len] == ' ')
            return true;
    return false;
}

/* "dns show" takes two words of `words`, "status" one. */
static const struct verb_row *find_verb(const char *const *words, size_t n, size_t *ret_used)
{
    char two[64];

    for (size_t i = 0; i < n_cli_verbs; i++) {
        if (n > 0 && strcmp(cli_verbs[i].name, words[0]) == 0) {
            *ret_used = 1;
            return &cli_verbs[i];
        }
        if (n > 1 && STR_PRINTF(two, "%s %s", words[0], words[1]) &&
            strcmp(cli_verbs[i].name, two) == 0) {
            *ret_used = 2;
            return &cli_verbs[i];
        }
    }
    return NULL;
}

static void append(char *text, size_t bytes, const char *before, const char *name,
                   const char *after)
{
    size_t used = strlen(text);

    (void)str_printf(text + used, bytes - used, "%s%s%s", before, name, after);
}

static int unknown_verb(const char *const *words, size_t n, struct err *reterr)
{
    char typed[128], hint[200] = "`pgtandem --help` lists the verbs";
    size_t nearest = 3;

    STR_PRINTF(typed, "%s%s%s", words[0], n > 1 && is_family(words[0]) ? " " : "",
               n > 1 && is_family(words[0]) ? words[1] : "");
    for (size_t i = 0; i < n_cli_verbs; i++) {
        size_t d = str_distance(typed, cli_verbs[i].name);

        if (d < nearest) {
            nearest = d;
            STR_PRINTF(hint, "did you mean `pgtandem %s`?", cli_verbs[i].name);
        }
    }
    if (nearest == 3 && is_family(words[0])) {
        STR_COPY(hint, "there is");
        for (size_t i = 0; i < n_cli_verbs; i++)
            if (strncmp(cli_verbs[i].name, words[0], strlen(words[0])) == 0)
                append(hint, sizeof(hint), " `", cli_verbs[i].name, "`");
    }
    return err_set(reterr, ERR_USAGE, hint, "there is no verb `%s`", typed);
}

/* ---- parsing --------------------------------------------------------------------------------- */

struct parse {
    int argc;
    char **argv;
    int i;
    struct options *o;
    struct arena *arena;
    const char *words[9]; /* a verb, and options.args */
    size_t n_words;
    unsigned given; /* TAKES_ of what was given */
    bool help, version;
    struct err *err;
};

static int set_option(struct parse *p, const struct option_row *row, const char *value)
{
    void *member = (char *)p->o + row->offset;
    long long n;

    if (!value) /* a flag */
        value = "";
    p->given |= row->takes;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)member = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)member = value;
        return 0;
    case OPTION_LIST: {
        size_t *count = (size_t *)(void *)((char *)p->o + row->count_offset);

        if (*count == row->max)
            return err_set(p->err, ERR_USAGE, "give it that often at most",
                           "--%s is given more than %zu times", row->name, row->max);
        ((const char **)member)[(*count)++] = value;
        return 0;
    }
    case OPTION_SECONDS:
        if (!str_to_int(value, 0, 86400, &n))
            return err_set(p->err, ERR_USAGE, "whole seconds, for example 30",
                           "--%s %s: not 0 to 86400 seconds", row->name, value);
        *(int64_t *)member = n;
        return 0;
    case OPTION_COUNT:
        if (!str_to_int(value, 1, 1000000, &n))
            return err_set(p->err, ERR_USAGE, "a whole number, for example 20",
                           "--%s %s: not a number from 1 to 1000000", row->name, value);
        *(int64_t *)member = n;
        return 0;
    case OPTION_WORD:
        for (int i = 0; row->words[i]; i++)
            if (strcmp(row->words[i], value) == 0) {
                *(int *)member = i;
                return 0;
            }
        return err_set(p->err, ERR_USAGE, row->help, "--%s %s: no such %s", row->name, value,
                       row->name);
    case OPTION_HELP:
        p->help = true;
        return 0;
    case OPTION_VERSION:
        p->version = true;
        return 0;
    }
    return 0;
}

/* The nearest one, or all that the verb has. */
static int unknown_option(const struct parse *p, const char *typed)
{
    size_t nearest = 3, used;
    const struct verb_row *v = find_verb(p->words, p->n_words, &used);
    char hint[512] = "`pgtandem VERB --help` lists a verb's options", name[80] = "pgtandem";

    if (v) {
        STR_PRINTF(name, "`pgtandem %s`", v->name);
        STR_COPY(hint, "it has");
    }
    for (size_t i = 0; v && i < n_cli_options; i++)
        if (cli_option_applies(&cli_options[i], v))
            append(hint, sizeof(hint), " --", cli_options[i].name, "");
    for (size_t i = 0; i < n_cli_options; i++) {
        size_t d = strncmp(typed, "--", 2) ? nearest : str_distance(typed + 2, cli_options[i].name);

        if (d < nearest && (!v || cli_option_applies(&cli_options[i], v))) {
            nearest = d;
            STR_PRINTF(hint, "did you mean --%s?", cli_options[i].name);
        }
    }
    return err_set(p->err, ERR_USAGE, hint, "%s has no option %s", name, typed);
}

/* The option's value: the rest of the word (after "=" for a long one), or the next word. */
static int take_option(struct parse *p, const struct option_row *row, const char *typed,
                       const char *rest)
{
    if (!row)
        return unknown_option(p, typed);
    if (!row->arg) {
        if (rest)
            return err_set(p->err, ERR_USAGE, "leave out what follows the =", "%s takes no value",
                           typed);
        return set_option(p, row, NULL);
    }
    if (!rest && p->i + 1 < p->argc)
        rest = p->argv[++p->i];
    if (!rest || !*rest)
        return err_set(p->err, ERR_USAGE, row->help, "%s needs a value: %s", typed, row->arg);
    return set_option(p, row, rest);
}

static int parse_long(struct parse *p, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const char *typed = arena_strndup(p->arena, word, len);

    for (size_t i = 0; i < n_cli_options; i++)
        if (strcmp(cli_options[i].name, typed + 2) == 0)
            return take_option(p, &cli_options[i], typed, equals ? equals + 1 : NULL);
    return take_option(p, NULL, typed, NULL);
}

/* Two verbs may use a letter differently (-w): then the verb's own, or the first. */
static int parse_short(struct parse *p, const char *word)
{
    const char *typed = arena_strndup(p->arena, word, 2);
    const struct option_row *row = NULL;
    size_t used;
    const struct verb_row *v = find_verb(p->words, p->n_words, &used);

    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_options[i].letter && cli_options[i].letter == word[1] &&
            (!row || cli_option_applies(&cli_options[i], v)))
            row = &cli_options[i];
    return take_option(p, row, typed, row && word[2] ? word + 2 : NULL);
}

static int parse_word(struct parse *p, const char *word)
{
    if (p->n_words == sizeof(p->words) / sizeof(p->words[0]))
        return err_set(p->err, ERR_USAGE, "quote arguments that contain spaces",
                       "too many words, %zu at most: '%s'", p->n_words, word);
    p->words[p->n_words++] = word;
    return 0;
}

/* Options that would be silently without effect are refused. */
static int check_verb(struct parse *p, const struct verb_row *v, size_t used)
{
    for (size_t i = 0; i < n_cli_options; i++)
        if ((cli_options[i].takes & p->given) && !(cli_options[i].takes & v->takes))
            return unknown_option(p, arena_printf(p->arena, "--%s", cli_options[i].name));
    p->o->n_args = p->n_words - used;
    for (size_t i = 0; i < p->o->n_args; i++)
        p->o->args[i] = p->words[used + i];
    if (p->o->n_args < v->args_min || p->o->n_args > v->args_max) {
        char hint[200];

        STR_PRINTF(hint, "usage: pgtandem %s %s", v->name, v->args);
        return err_set(p->err, ERR_USAGE, hint, "`%s`: %s", v->name,
                       p->o->n_args < v->args_min ? "a word is missing" : "too many words");
    }
    return 0;
}

static int parse_argv(struct parse *p)
{
    bool only_words = false;

    for (; p->i < p->argc; p->i++) {
        const char *word = p->argv[p->i];
        int rc;

        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || word[0] != '-' || !word[1])
            rc = parse_word(p, word);
        else
            rc = word[1] == '-' ? parse_long(p, word) : parse_short(p, word);
        if (rc < 0)
            return rc;
    }
    if (p->n_words && strcmp(p->words[0], "help") == 0) { /* "help VERB" */
        p->help = true;
        p->n_words--;
        memmove(p->words, p->words + 1, p->n_words * sizeof(p->words[0]));
    }
    return 0;
}

static void help(const struct parse *p, const struct verb_row *v)
{
    struct term t = term_look(stdout, p->o->color);

    if (!t.width) /* also for a pager */
        t.width = HELP_WIDTH;
    if (t.width > HELP_WIDTH_MOST)
        t.width = HELP_WIDTH_MOST;
    if (v)
        help_verb(&t, v);
    else if (p->n_words)
        help_family(&t, p->words[0]);
    else
        help_all(&t);
}

int cli_parse(int argc, char **argv, struct arena *a, struct options *ret_options,
              const struct verb_row **ret_verb, struct err *reterr)
{
    const char *from_environment = getenv("PGTANDEM_CONFIG");
    struct options o = {.config_path = CONFIG_DEFAULT_PATH};
    struct parse p = {.argc = argc, .argv = argv, .i = 1, .o = &o, .arena = a, .err = reterr};
    const struct verb_row *v;
    size_t used = 0;

    if (from_environment && *from_environment)
        o.config_path = from_environment;
    int rc = parse_argv(&p);
    if (rc < 0)
        return rc;
    *ret_verb = NULL;
    v = find_verb(p.words, p.n_words, &used);
    if (p.version) {
        help_version();
        return 0;
    }
    if (!v && p.n_words && !(p.help && is_family(p.words[0])))
        return unknown_verb(p.words, p.n_words, reterr);
    if (p.help) {
        help(&p, v);
        return 0;
    }
    if (!v)
        return err_set(reterr, ERR_USAGE,
                       "`pgtandem --help` lists the verbs; begin with `pgtandem status`",
                       "no verb given");
    rc = check_verb(&p, v, used);
    if (rc < 0)
        return rc;
    *ret_options = o;
    *ret_verb = v;
    return 0;
}
