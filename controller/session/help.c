#include "controller/session/help.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/term.h"
#include "proto/hello.h"

const char *const help_group_titles[GROUPS_] = {
    [GROUP_LOOK] = "look",    [GROUP_MOVE] = "move", [GROUP_REPAIR] = "repair",
    [GROUP_DNS] = "DNS",      [GROUP_CRON] = "cron", [GROUP_HISTORY] = "history",
    [GROUP_SETUP] = "set up",
};

const struct exit_row help_exits[] = {
    {0, "done"},
    {1, "usage or configuration"},
    {2, "preflight refused; nothing was changed"},
    {3, "failed and rolled back: everything is as before"},
    {4, "incomplete: `pgtandem resume`, or what the text says"},
    {6, "an agent cannot be reached"},
    {7, "held by someone else, or the claim was lost to another controller"},
    {8, "DNS, or an ownership record that cannot be trusted"},
    {9, "the administrator said no"},
    {10, "a problem was found"},
};
const size_t n_help_exits = sizeof(help_exits) / sizeof(help_exits[0]);

bool help_exit_applies(const struct exit_row *row, const struct verb_row *v)
{
    return row->status <= 1 || !v || (v->exits >> row->status & 1);
}

void help_version(void)
{
    struct hello h;

    hello_fill(&h, PEER_CONTROLLER, "", "");
    printf("%s\n", h.software);
}

/* ---- parts ----------------------------------------------------------------------------------- */

static void print_option(const struct term *t, const struct option_row *o)
{
    char left[40];

    STR_PRINTF(left, "  %c%c%s --%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
               o->letter ? "," : " ", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
    term_item(t, left, 30, o->help);
}

static void print_verb(const struct term *t, const struct verb_row *v)
{
    char left[40];

    STR_PRINTF(left, "  %s", v->name);
    term_item(t, left, 18, v->summary);
}

static void print_group(const struct term *t, enum verb_group group)
{
    printf("\n%s\n", help_group_titles[group]);
    for (size_t i = 0; i < n_cli_verbs; i++)
        if (cli_verbs[i].group == group)
            print_verb(t, &cli_verbs[i]);
}

/* ---- whole ----------------------------------------------------------------------------------- */

void help_all(const struct term *t)
{
    term_wrap(t, "",
              "pgtandem: a PostgreSQL primary, its DNS alias and its cron jobs move together.");
    printf("\nusage: pgtandem [-c FILE] VERB [options]\n");
    for (int g = GROUP_NONE_ + 1; g < GROUPS_; g++)
        print_group(t, (enum verb_group)g);
    putchar('\n');
    term_wrap(t, "",
              "`pgtandem VERB --help` shows more, with an example. Begin with `pgtandem "
              "status`: it says what is wrong and what to type next.");
}

void help_family(const struct term *t, const char *word)
{
    size_t len = strlen(word);

    printf("usage: pgtandem %s VERB [options]\n\n", word);
    for (size_t i = 0; i < n_cli_verbs; i++)
        if (strncmp(cli_verbs[i].name, word, len) == 0 && cli_verbs[i].name[len] == ' ')
            print_verb(t, &cli_verbs[i]);
    putchar('\n');
    term_wrap(t, "", "`pgtandem --help` lists all the others.");
}

void help_verb(const struct term *t, const struct verb_row *v)
{
    char lead[80];

    STR_PRINTF(lead, "pgtandem %s: ", v->name);
    term_wrap(t, lead, v->summary);
    putchar('\n');
    STR_PRINTF(lead, "usage: pgtandem %s ", v->name);
    term_wrap(t, lead, v->args);
    if (v->about) {
        putchar('\n');
        term_wrap(t, "", v->about);
    }
    printf("\noptions\n");
    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_option_applies(&cli_options[i], v))
            print_option(t, &cli_options[i]);
    printf("\nexit status\n");
    for (size_t i = 0; i < n_help_exits; i++)
        if (help_exit_applies(&help_exits[i], v)) {
            STR_PRINTF(lead, "  %2d", help_exits[i].status);
            term_item(t, lead, 6, help_exits[i].text);
        }
    if (v->example) {
        STR_PRINTF(lead, "\nexample%s%s:", v->example_for ? ", " : "",
                   v->example_for ? v->example_for : "");
        printf("%s\n  %s\n", lead, v->example);
    }
}
