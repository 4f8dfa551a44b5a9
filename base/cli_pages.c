/* The sections of a manual page that say what can be typed. */
#include <string.h>

#include "base/cli.h"
#include "base/man.h"
#include "base/mem.h"

/* The options that are the verb's own: those that every verb has stand once, below. */
static const char *own_options(const struct cli *c, struct arena *a, const struct cli_verb *v)
{
    const char *text = "";

    for (size_t i = 0; c->options[i].name; i++)
        if (c->options[i].takes & v->takes)
            text = arena_printf(a, "%s%s`--%s`", text, *text ? ", " : "", c->options[i].name);
    return *text ? arena_printf(a, "Options: %s. ", text) : "";
}

static const char *exits(const struct cli *c, struct arena *a, const struct cli_verb *v)
{
    const char *text = "";

    for (size_t i = 0; i < c->n_exits; i++)
        if (cli_has_exit(&c->exits[i], v))
            text = arena_printf(a, "%s%s%d", text, *text ? ", " : "", c->exits[i].status);
    return v->exit_text ? v->exit_text : text;
}

static void put_verb(const struct cli *c, FILE *f, struct arena *a, const struct cli_verb *v)
{
    man_item(f, arena_printf(a, "%s %s", v->name, v->args), arena_printf(a, "%s.", v->summary));
    man_more(f, v->about);
    man_more(f, arena_printf(a, "%sExit status %s.", own_options(c, a, v), exits(c, a, v)));
    man_more(f, arena_printf(a, "Example, %s:", v->example_for));
    man_example(f, v->example);
}

static void put_verbs(const struct cli *c, FILE *f, struct arena *a)
{
    man_section(f, "VERBS", NULL);
    for (size_t g = c->groups ? 1 : 0; g < c->n_groups || (g == 0 && !c->groups); g++) {
        if (c->groups)
            man_subsection(f, c->groups[g], NULL);
        for (size_t i = 0; i < c->n_verbs; i++)
            if (cli_verb(c, i)->group == (int)g)
                put_verb(c, f, a, cli_verb(c, i));
    }
}

static const char *names(struct arena *a, const struct cli_option *o)
{
    return arena_printf(a, "%s--%s%s%s", o->letter ? arena_printf(a, "-%c, ", o->letter) : "",
                        o->name, o->arg ? " " : "", o->arg ? o->arg : "");
}

void cli_put_manual(const struct cli *c, FILE *f)
{
    AUTO(arena) a = arena_new();

    put_verbs(c, f, a);
    man_section(
        f, "OPTIONS",
        "Those that a verb does not have are refused. A value follows after a blank or, with a "
        "long name, after `=`.");
    for (size_t i = 0; c->options[i].name; i++)
        man_item(f, names(a, &c->options[i]), arena_printf(a, "%s.", c->options[i].help));
    if (c->n_exits)
        man_section(f, "EXIT STATUS", NULL);
    for (size_t i = 0; i < c->n_exits; i++)
        man_item(f, arena_printf(a, "%d", c->exits[i].status),
                 arena_printf(a, "%s.", c->exits[i].text));
}
