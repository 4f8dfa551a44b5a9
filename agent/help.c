#include <stdio.h>

#include "agent/cli.h"
#include "base/str.h"
#include "base/term.h"

static void print_options(const struct term *t, const struct verb_row *v)
{
    printf("\noptions\n");
    for (size_t i = 0; i < n_cli_options; i++) {
        const struct option_row *o = &cli_options[i];
        char left[48];

        if (!cli_option_applies(o, v))
            continue;
        STR_PRINTF(left, "  %s%s%s%s%s", o->shorter ? o->shorter : "  ", o->shorter ? ", " : "  ",
                   o->longer, o->argument ? " " : "", o->argument ? o->argument : "");
        term_item(t, left, 22, o->help);
    }
}

void cli_help_all(const struct term *t)
{
    term_wrap(t, "", "pgtandem-agent: what one PostgreSQL host does for the cluster.");
    printf("\nusage: pgtandem-agent [-c FILE] [VERB] [options]\n\n");
    for (size_t i = 0; i < n_cli_verbs; i++) {
        char name[40], left[48];

        STR_PRINTF(left, "  %s", cli_verb_name(&cli_verbs[i], name, sizeof(name)));
        term_item(t, left, 18, cli_verbs[i].summary);
    }
    print_options(t, NULL);
    putchar('\n');
    term_wrap(t, "", "`pgtandem-agent VERB --help` shows more, with an example.");
}

void cli_help_verb(const struct term *t, const struct verb_row *v)
{
    char name[40], lead[80];

    cli_verb_name(v, name, sizeof(name));
    STR_PRINTF(lead, "pgtandem-agent %s: ", name);
    term_wrap(t, lead, v->summary);
    printf("\nusage: pgtandem-agent %s%s [options]\n\n", name,
           v->takes & AGENT_TAKES_WORD ? " [WORD]" : "");
    term_wrap(t, "", v->about);
    print_options(t, v);
    putchar('\n');
    term_wrap(t, "exit status  ", v->exits);
    printf("\nexample, %s:\n  %s\n", v->example_for, v->example);
}
