/* `--help`. */
#include <string.h>

#include "base/cli.h"
#include "base/str.h"
#include "base/term.h"

/* ---- parts ----------------------------------------------------------------------------------- */

static void print_options(const struct cli *c, const struct term *t, const struct cli_verb *v)
{
    fprintf(t->out, "\noptions\n");
    for (size_t i = 0; c->options[i].name; i++) {
        const struct cli_option *o = &c->options[i];
        char left[40];

        if (!cli_has_option(o, v))
            continue;
        STR_PRINTF(left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                   o->letter ? "," : " ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
        term_item(t, left, 30, o->help);
    }
}

static void print_verb(const struct term *t, const struct cli_verb *v)
{
    char left[40];

    STR_PRINTF(left, "  %s", v->name);
    term_item(t, left, 18, v->summary);
}

/* Without groups the verbs are of group 0. */
static void print_group(const struct cli *c, const struct term *t, size_t group)
{
    fprintf(t->out, "\n%s%s", c->groups ? c->groups[group] : "", c->groups ? "\n" : "");
    for (size_t i = 0; i < c->n_verbs; i++)
        if (cli_verb(c, i)->group == (int)group)
            print_verb(t, cli_verb(c, i));
}

static void print_exits(const struct cli *c, const struct term *t, const struct cli_verb *v)
{
    char lead[16];

    if (v->exit_text) {
        fputc('\n', t->out);
        term_wrap(t, "exit status  ", v->exit_text);
        return;
    }
    fprintf(t->out, "\nexit status\n");
    for (size_t i = 0; i < c->n_exits; i++)
        if (cli_has_exit(&c->exits[i], v)) {
            STR_PRINTF(lead, "  %2d", c->exits[i].status);
            term_item(t, lead, 6, c->exits[i].text);
        }
}

/* ---- whole ----------------------------------------------------------------------------------- */

void cli_help(const struct cli *c, const struct term *t)
{
    char text[300];

    term_wrap(t, "", c->about);
    fprintf(t->out, "\nusage: %s [-c FILE] %s [options]\n", c->program,
            c->first_without ? "[VERB]" : "VERB");
    for (size_t g = c->groups ? 1 : 0; g < c->n_groups || (g == 0 && !c->groups); g++)
        print_group(c, t, g);
    if (!c->groups) /* a small program: its options have room here */
        print_options(c, t, NULL);
    fputc('\n', t->out);
    STR_PRINTF(text, "`%s VERB --help` shows more, with an example. %s", c->program, c->begin);
    term_wrap(t, "", text);
}

void cli_help_family(const struct cli *c, const struct term *t, const char *word)
{
    size_t len = strlen(word);
    char text[100];

    fprintf(t->out, "usage: %s %s VERB [options]\n\n", c->program, word);
    for (size_t i = 0; i < c->n_verbs; i++)
        if (strncmp(cli_verb(c, i)->name, word, len) == 0 && cli_verb(c, i)->name[len] == ' ')
            print_verb(t, cli_verb(c, i));
    fputc('\n', t->out);
    STR_PRINTF(text, "`%s --help` lists all the others.", c->program);
    term_wrap(t, "", text);
}

void cli_help_verb(const struct cli *c, const struct term *t, const struct cli_verb *v)
{
    char lead[100];

    STR_PRINTF(lead, "%s %s: ", c->program, v->name);
    term_wrap(t, lead, v->summary);
    fputc('\n', t->out);
    STR_PRINTF(lead, "usage: %s %s ", c->program, v->name);
    term_wrap(t, lead, *v->args ? v->args : "[options]");
    fputc('\n', t->out);
    term_wrap(t, "", v->about);
    print_options(c, t, v);
    print_exits(c, t, v);
    fprintf(t->out, "\nexample, %s:\n  %s\n", v->example_for, v->example);
}
