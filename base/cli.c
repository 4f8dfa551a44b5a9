#include "base/cli.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/term.h"

enum { HELP_WIDTH = 80, HELP_WIDTH_MOST = 100, NEAR = 3 };

const struct cli_value cli_value_file = {.word = NULL};

const struct cli_verb *cli_verb(const struct cli *c, size_t i)
{
    return (const struct cli_verb *)(const void *)((const char *)c->verbs + i * c->verb_bytes);
}

bool cli_has_option(const struct cli_option *o, const struct cli_verb *v)
{
    return o->takes == 0 || (v && (o->takes & v->takes));
}

bool cli_has_exit(const struct cli_exit *e, const struct cli_verb *v)
{
    return e->status <= 1 || !v || (v->exits >> e->status & 1);
}

/* ---- the verb -------------------------------------------------------------------------------- */

struct parse {
    const struct cli *cli;
    int argc;
    char **argv;
    int i;
    void *options;
    struct arena *arena;
    const char *words[CLI_ARGS_MAX + 2]; /* a verb, and what follows it */
    size_t n_words;
    unsigned given; /* `takes` of what was given */
    bool help, version;
    struct err *err;
};

static bool is_family(const struct cli *c, const char *word)
{
    size_t len = strlen(word);

    for (size_t i = 0; i < c->n_verbs; i++)
        if (strncmp(cli_verb(c, i)->name, word, len) == 0 && cli_verb(c, i)->name[len] == ' ')
            return true;
    return false;
}

/* "dns show" takes two words, "status" one. */
static const struct cli_verb *find_verb(const struct parse *p, size_t *ret_used)
{
    char two[64];

    *ret_used = 0;
    if (p->n_words == 0)
        return p->cli->first_without ? cli_verb(p->cli, 0) : NULL;
    for (size_t i = 0; i < p->cli->n_verbs; i++) {
        const struct cli_verb *v = cli_verb(p->cli, i);

        *ret_used = 1;
        if (strcmp(v->name, p->words[0]) == 0)
            return v;
        *ret_used = 2;
        if (p->n_words > 1 && STR_PRINTF(two, "%s %s", p->words[0], p->words[1]) &&
            strcmp(v->name, two) == 0)
            return v;
    }
    return NULL;
}

static void append(char *text, size_t bytes, const char *before, const char *name,
                   const char *after)
{
    size_t used = strlen(text);

    (void)str_printf(text + used, bytes - used, "%s%s%s", before, name, after);
}

static int unknown_verb(const struct parse *p)
{
    const struct cli *c = p->cli;
    bool family = is_family(c, p->words[0]), second = family && p->n_words > 1;
    char typed[128], hint[200];
    size_t nearest = NEAR;

    STR_PRINTF(hint, "`%s --help` lists the verbs", c->program);
    STR_PRINTF(typed, "%s%s%s", p->words[0], second ? " " : "", second ? p->words[1] : "");
    for (size_t i = 0; i < c->n_verbs; i++) {
        size_t d = str_distance(typed, cli_verb(c, i)->name);

        if (d < nearest && 2 * d <= strlen(typed)) { /* of a short word too little is left */
            nearest = d;
            STR_PRINTF(hint, "did you mean `%s %s`?", c->program, cli_verb(c, i)->name);
        }
    }
    if (nearest == NEAR && family) {
        STR_COPY(hint, "there is");
        for (size_t i = 0; i < c->n_verbs; i++)
            if (strncmp(cli_verb(c, i)->name, p->words[0], strlen(p->words[0])) == 0)
                append(hint, sizeof(hint), " `", cli_verb(c, i)->name, "`");
    }
    return err_set(p->err, ERR_USAGE, hint, "there is no verb `%s`", typed);
}

/* ---- options --------------------------------------------------------------------------------- */

static int number(struct parse *p, const struct cli_option *o, const char *value, long long least,
                  long long most, const char *unit, const char *hint)
{
    long long n;

    if (!str_to_int(value, least, most, &n))
        return err_set(p->err, ERR_USAGE, hint, "--%s %s: not %lld to %lld%s", o->name, value,
                       least, most, unit);
    *(int64_t *)(void *)((char *)p->options + o->offset) = n;
    return 0;
}

static int list(struct parse *p, const struct cli_option *o, const char *value)
{
    char *base = p->options;
    size_t *count = (size_t *)(void *)(base + o->count_offset);

    if (*count == o->max)
        return err_set(p->err, ERR_USAGE, "give it that often at most",
                       "--%s is given more than %zu times", o->name, o->max);
    ((const char **)(void *)(base + o->offset))[(*count)++] = value;
    return 0;
}

static int word(struct parse *p, const struct cli_option *o, const char *value)
{
    for (int i = 0; o->words[i]; i++)
        if (strcmp(o->words[i], value) == 0) {
            *(int *)(void *)((char *)p->options + o->offset) = i;
            return 0;
        }
    return err_set(p->err, ERR_USAGE, o->help, "--%s %s: no such %s", o->name, value, o->name);
}

/* `value` is "" for a flag. */
static int set_option(struct parse *p, const struct cli_option *o, const char *value)
{
    void *member = (char *)p->options + o->offset;

    p->given |= o->takes;
    switch (o->kind) {
    case CLI_FLAG:
        *(bool *)member = true;
        return 0;
    case CLI_TEXT:
        *(const char **)member = value;
        return 0;
    case CLI_LIST:
        return list(p, o, value);
    case CLI_SECONDS:
        return number(p, o, value, 0, 86400, " seconds", "whole seconds, for example 30");
    case CLI_COUNT:
        return number(p, o, value, 1, 1000000, "", "a whole number, for example 20");
    case CLI_WORD:
        return word(p, o, value);
    case CLI_HELP:
        p->help = true;
        return 0;
    case CLI_VERSION:
        p->version = true;
        return 0;
    }
    return 0;
}

/* The nearest one, or all that the verb has. */
static int unknown_option(const struct parse *p, const char *typed)
{
    const struct cli *c = p->cli;
    size_t nearest = NEAR, used;
    const struct cli_verb *v = find_verb(p, &used);
    char hint[512], name[80];

    STR_COPY(name, c->program);
    STR_PRINTF(hint, "`%s VERB --help` lists a verb's options", c->program);
    if (v) {
        STR_PRINTF(name, "`%s %s`", c->program, v->name);
        STR_COPY(hint, "it has");
    }
    for (size_t i = 0; v && c->options[i].name; i++)
        if (cli_has_option(&c->options[i], v))
            append(hint, sizeof(hint), " --", c->options[i].name, "");
    for (size_t i = 0; c->options[i].name; i++) {
        const struct cli_option *o = &c->options[i];
        size_t d = strncmp(typed, "--", 2) ? nearest : str_distance(typed + 2, o->name);

        if (d < nearest && (!v || cli_has_option(o, v))) {
            nearest = d;
            STR_PRINTF(hint, "did you mean --%s?", o->name);
        }
    }
    return err_set(p->err, ERR_USAGE, hint, "%s has no option %s", name, typed);
}

/* The option's value: the rest of the word (after "=" for a long one), or the next word. */
static int take_option(struct parse *p, const struct cli_option *o, const char *typed,
                       const char *rest)
{
    if (!o)
        return unknown_option(p, typed);
    if (!o->arg) {
        if (rest)
            return err_set(p->err, ERR_USAGE, "leave out what follows the =", "%s takes no value",
                           typed);
        return set_option(p, o, "");
    }
    if (!rest && p->i + 1 < p->argc)
        rest = p->argv[++p->i];
    if (!rest || !*rest)
        return err_set(p->err, ERR_USAGE, o->help, "%s needs a value: %s", typed, o->arg);
    return set_option(p, o, rest);
}

static int parse_long(struct parse *p, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);
    const char *typed = arena_strndup(p->arena, text, len);

    for (size_t i = 0; p->cli->options[i].name; i++)
        if (strcmp(p->cli->options[i].name, typed + 2) == 0)
            return take_option(p, &p->cli->options[i], typed, equals ? equals + 1 : NULL);
    return take_option(p, NULL, typed, NULL);
}

/* Two verbs may use a letter differently (-w): then the verb's own, or the first. */
static int parse_short(struct parse *p, const char *text)
{
    const char *typed = arena_strndup(p->arena, text, 2);
    const struct cli_option *found = NULL;
    size_t used;
    const struct cli_verb *v = find_verb(p, &used);

    for (size_t i = 0; p->cli->options[i].name; i++) {
        const struct cli_option *o = &p->cli->options[i];

        if (o->letter && o->letter == text[1] && (!found || cli_has_option(o, v)))
            found = o;
    }
    return take_option(p, found, typed, found && text[2] ? text + 2 : NULL);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int parse_word(struct parse *p, const char *text)
{
    if (p->n_words == sizeof(p->words) / sizeof(p->words[0]))
        return err_set(p->err, ERR_USAGE, "quote arguments that contain spaces",
                       "too many words, %zu at most: '%s'", p->n_words, text);
    p->words[p->n_words++] = text;
    return 0;
}

static int parse_argv(struct parse *p)
{
    bool only_words = false;

    for (; p->i < p->argc; p->i++) {
        const char *text = p->argv[p->i];
        int rc;

        if (!only_words && strcmp(text, "--") == 0) {
            only_words = true;
            continue;
        }
        if (only_words || text[0] != '-' || !text[1])
            rc = parse_word(p, text);
        else
            rc = text[1] == '-' ? parse_long(p, text) : parse_short(p, text);
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

/* What would be silently without effect is refused. */
static int check(struct parse *p, const struct cli_verb *v, size_t used, struct cli_call *ret)
{
    char hint[200];

    for (size_t i = 0; p->cli->options[i].name; i++)
        if ((p->cli->options[i].takes & p->given) && !(p->cli->options[i].takes & v->takes))
            return unknown_option(p, arena_printf(p->arena, "--%s", p->cli->options[i].name));
    *ret = (struct cli_call){.verb = v};
    for (size_t i = used; i < p->n_words && ret->n_args < CLI_ARGS_MAX; i++)
        ret->args[ret->n_args++] = p->words[i];
    if (ret->n_args >= v->args_min && p->n_words - used <= v->args_max)
        return 0;
    STR_PRINTF(hint, "usage: %s %s %s", p->cli->program, v->name, v->args);
    return err_set(p->err, ERR_USAGE, hint, "`%s`: %s", v->name,
                   ret->n_args < v->args_min ? "a word is missing" : "too many words");
}

static void print_help(const struct parse *p, const struct cli_verb *v)
{
    struct term t = term_look(stdout, COLOR_NEVER);

    if (!t.width) /* also for a pager */
        t.width = HELP_WIDTH;
    if (t.width > HELP_WIDTH_MOST)
        t.width = HELP_WIDTH_MOST;
    if (p->n_words == 0)
        cli_help(p->cli, &t);
    else if (v)
        cli_help_verb(p->cli, &t, v);
    else
        cli_help_family(p->cli, &t, p->words[0]);
}

int cli_parse(const struct cli *c, int argc, char **argv, void *options, struct arena *a,
              struct cli_call *ret_call, struct err *reterr)
{
    struct parse p = {.cli = c,
                      .argc = argc,
                      .argv = argv,
                      .i = 1,
                      .options = options,
                      .arena = a,
                      .err = reterr};
    size_t used;
    int rc = parse_argv(&p);

    if (rc < 0)
        return rc;
    *ret_call = (struct cli_call){.verb = NULL};
    if (p.version) {
        printf("%s\n", c->software);
        return 0;
    }
    const struct cli_verb *v = find_verb(&p, &used);
    if (!v && p.n_words && !(p.help && is_family(c, p.words[0])))
        return unknown_verb(&p);
    if (p.help) {
        print_help(&p, v);
        return 0;
    }
    if (!v)
        return err_set(reterr, ERR_USAGE,
                       arena_printf(a, "`%s --help` lists the verbs. %s", c->program, c->begin),
                       "no verb given");
    return check(&p, v, used, ret_call);
}
