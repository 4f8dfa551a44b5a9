/* pgtandem-agent: its command line. The tables are in verbs.c. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "agent/cli.h"
#include "agent/node/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"

enum { EXIT_USAGE = 1, WORDS_MAX = 3, HELP_WIDTH = 80, HELP_WIDTH_MOST = 100, NEAR = 3 };

struct parse {
    struct options o;
    const char *words[WORDS_MAX];
    size_t n;
    unsigned given; /* AGENT_TAKES_… of the options that were given */
};

static int usage(const char *what, const char *word, const char *next)
{
    fprintf(stderr, "pgtandem-agent: %s '%s'\n  next: %s\n", what, word, next);
    return EXIT_USAGE;
}

/* ---- verbs ----------------------------------------------------------------------------------- */

/* The verb of the words, and how many of them it takes; without any, the first one. */
static const struct verb_row *find_verb(const struct parse *p, size_t *ret_used)
{
    *ret_used = 0;
    if (p->n == 0)
        return &cli_verbs[0];
    for (size_t i = 0; i < n_cli_verbs; i++) {
        const struct verb_row *v = &cli_verbs[i];

        if (strcmp(p->words[0], v->name) != 0 ||
            (v->second && (p->n < 2 || strcmp(p->words[1], v->second) != 0)))
            continue;
        *ret_used = v->second ? 2 : 1;
        return v;
    }
    return NULL;
}

static int unknown_verb(const struct parse *p)
{
    char typed[80], name[40], next[120] = "`pgtandem-agent --help` lists the verbs";
    size_t nearest = NEAR;

    STR_PRINTF(typed, "%s%s%s", p->words[0], p->n > 1 ? " " : "", p->n > 1 ? p->words[1] : "");
    for (size_t i = 0; i < n_cli_verbs; i++) {
        size_t d = str_distance(typed, cli_verb_name(&cli_verbs[i], name, sizeof(name)));

        if (d < nearest) {
            nearest = d;
            STR_PRINTF(next, "did you mean `pgtandem-agent %s`?", name);
        }
    }
    return usage("there is no verb", typed, next);
}

/* ---- options --------------------------------------------------------------------------------- */

/* "--config", "--config=FILE", "-c", "-cFILE"; *ret_value: what is in the same word, or NULL. */
static const struct option_row *find_option(const char *word, const char **ret_value)
{
    const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    size_t len = equals ? (size_t)(equals - word) : strlen(word);

    for (size_t i = 0; i < n_cli_options; i++) {
        const struct option_row *o = &cli_options[i];

        *ret_value = equals ? equals + 1 : NULL;
        if (strncmp(word, o->longer, len) == 0 && !o->longer[len])
            return o;
        if (!o->shorter || strncmp(word, o->shorter, 2) != 0)
            continue;
        *ret_value = word[2] ? word + 2 : NULL;
        return o;
    }
    return NULL;
}

/* Those that the verb has, by name. */
static int unknown_option(const struct parse *p, const char *word)
{
    size_t used, len = 0;
    const struct verb_row *v = find_verb(p, &used);
    char next[200] = "there is";

    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_option_applies(&cli_options[i], v)) {
            len = strlen(next);
            (void)str_printf(next + len, sizeof(next) - len, " %s", cli_options[i].longer);
        }
    return usage(p->n ? "this verb has no option" : "there is no option", word, next);
}

/* 0, or the exit status of a word that is wrong. */
static int parse(int argc, char **argv, struct parse *p)
{
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct option_row *o = find_option(argv[i], &value);

        if (!o && argv[i][0] == '-')
            return unknown_option(p, argv[i]);
        if (!o && p->n == WORDS_MAX)
            return usage("one word too many:", argv[i], "`pgtandem-agent --help`");
        if (!o) {
            p->words[p->n++] = argv[i];
            continue;
        }
        p->given |= o->takes;
        if (!o->argument) {
            if (value)
                return usage("it takes no value:", argv[i], o->help);
            *(bool *)((char *)&p->o + o->offset) = true;
            continue;
        }
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value || !*value)
            return usage("it needs a value:", argv[i], o->help);
        *(const char **)(void *)((char *)&p->o + o->offset) = value;
    }
    if (p->n && strcmp(p->words[0], "help") == 0) { /* "help VERB" */
        p->o.help = true;
        p->n--;
        memmove(p->words, p->words + 1, p->n * sizeof(p->words[0]));
    }
    return 0;
}

/* Words and options that would be without effect are refused. */
static int check(struct parse *p, const struct verb_row *v, size_t used)
{
    size_t most = used + (v->takes & AGENT_TAKES_WORD ? 1 : 0);

    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_options[i].takes & p->given & ~v->takes)
            return unknown_option(p, cli_options[i].longer);
    if (p->n > most)
        return usage("one word too many:", p->words[most], "`pgtandem-agent --help`");
    p->o.argument = p->n > used ? p->words[used] : NULL;
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void help(const struct parse *p, const struct verb_row *v)
{
    struct term t = term_look(stdout, COLOR_NEVER);

    if (!t.width) /* also for a pager */
        t.width = HELP_WIDTH;
    if (t.width > HELP_WIDTH_MOST)
        t.width = HELP_WIDTH_MOST;
    if (p->n)
        cli_help_verb(&t, v);
    else
        cli_help_all(&t);
}

static int run_verb(const struct verb_row *verb, const struct options *o)
{
    struct err e = {0};
    struct config *c = mem_alloc(sizeof(*c));
    int r = verb->without_config ? 0 : config_load(o->config, c, &e);
    int status = err_exit_status(r);

    if (r < 0 && e.sys == ENOENT)
        err_set_hint(&e, "-c FILE names it; agent.conf.sample is one to begin with");
    if (r < 0)
        fprintf(stderr, "pgtandem-agent: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
    else
        status = verb->run(c, o);
    mem_free(c);
    return status;
}

int main(int argc, char **argv)
{
    struct parse p = {.o = {.config = CONFIG_DEFAULT_PATH}};
    size_t used;
    int status = parse(argc, argv, &p);

    if (status)
        return status;
    if (p.o.version) {
        p.words[0] = "version";
        p.n = 1;
    }
    const struct verb_row *verb = find_verb(&p, &used);
    if (!verb)
        return unknown_verb(&p);
    if (p.o.help) {
        term_locale();
        help(&p, verb);
        return 0;
    }
    status = check(&p, verb, used);
    if (status)
        return status;
    if (p.o.verbose)
        log_set_level(LOG_LEVEL_DEBUG);
    return run_verb(verb, &p.o);
}
