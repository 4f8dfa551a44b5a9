/* bash's completion: what the tables have, and what the program itself lists when it is asked (the
 * nodes of its configuration). */
#include <string.h>

#include "base/cli.h"

/* ---- words ----------------------------------------------------------------------------------- */

static bool is_first_of_family(const struct cli *c, size_t row)
{
    const char *name = cli_verb(c, row)->name;
    size_t len = strcspn(name, " ");

    for (size_t i = 0; i < row; i++)
        if (strncmp(cli_verb(c, i)->name, name, len) == 0 &&
            strcspn(cli_verb(c, i)->name, " ") == len)
            return false;
    return true;
}

static void put_first_words(const struct cli *c, FILE *f)
{
    const char *between = "";

    fprintf(f, "        \"\") words=\"help");
    for (size_t i = 0; i < c->n_verbs; i++)
        if (is_first_of_family(c, i))
            fprintf(f, " %.*s", (int)strcspn(cli_verb(c, i)->name, " "), cli_verb(c, i)->name);
    fprintf(f, "\"; options=\"");
    for (size_t i = 0; c->options[i].name; i++)
        if (c->options[i].takes == 0) {
            fprintf(f, "%s--%s", between, c->options[i].name);
            between = " ";
        }
    fprintf(f, "\" ;;\n");
}

/* "dns": its second words */
static void put_family(const struct cli *c, FILE *f, size_t row)
{
    const char *name = cli_verb(c, row)->name, *between = "";
    size_t len = strcspn(name, " ");

    fprintf(f, "        %.*s) words=\"", (int)len, name);
    for (size_t i = 0; i < c->n_verbs; i++)
        if (strncmp(cli_verb(c, i)->name, name, len + 1) == 0) {
            fprintf(f, "%s%s", between, cli_verb(c, i)->name + len + 1);
            between = " ";
        }
    fprintf(f, "\" ;;\n");
}

/* "words=…" and "ask=…": the value's own words, and the command that lists more. */
static void put_value(const struct cli_value *v, FILE *f)
{
    fprintf(f, "words=\"");
    for (size_t i = 0; v->word && v->word(i); i++)
        fprintf(f, "%s%s", i ? " " : "", v->word(i));
    fprintf(f, "\"");
    if (v->command)
        fprintf(f, "; ask='%s'", v->command);
}

/* The verb alone, or with words behind it. */
static void put_verb(const struct cli *c, FILE *f, const struct cli_verb *v)
{
    const char *between = "";

    fprintf(f, "        \"%s\" | \"%s \"*) options=\"", v->name, v->name);
    for (size_t i = 0; c->options[i].name; i++)
        if (cli_has_option(&c->options[i], v)) {
            fprintf(f, "%s--%s", between, c->options[i].name);
            between = " ";
        }
    fprintf(f, "\"");
    if (v->value) {
        fprintf(f, "; ");
        put_value(v->value, f);
    }
    fprintf(f, " ;;\n");
}

/* ---- options --------------------------------------------------------------------------------- */

static void put_names(const struct cli_option *o, FILE *f)
{
    fprintf(f, "--%s", o->name);
    if (o->letter)
        fprintf(f, " | -%c", o->letter);
}

/* Of two options with the same letter, the letter means the first that has a value. */
static void put_option(const struct cli_option *o, FILE *f)
{
    fprintf(f, "    ");
    put_names(o, f);
    fprintf(f, ") ");
    if (o->value == &cli_value_file) {
        fprintf(f,
                "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return");
    } else if (o->kind == CLI_WORD) {
        fprintf(f, "verb=- words=\"");
        for (size_t w = 0; o->words[w]; w++)
            fprintf(f, "%s%s", w ? " " : "", o->words[w]);
        fprintf(f, "\"");
    } else if (o->value) {
        fprintf(f, "verb=- ");
        put_value(o->value, f);
    } else {
        fprintf(f, "return");
    }
    fprintf(f, " ;;\n");
}

/* Its value is not the verb; --config's is wanted, and taken before. */
static void put_skipped(const struct cli *c, FILE *f)
{
    const char *between = "        ";

    for (size_t i = 0; c->options[i].name; i++)
        if (c->options[i].arg && strcmp(c->options[i].name, "config") != 0) {
            fputs(between, f);
            put_names(&c->options[i], f);
            between = " | ";
        }
    if (*between == ' ' && between[1] == '|')
        fprintf(f, ") ((i++)) ;;\n");
}

/* ---- the script ------------------------------------------------------------------------------ */

static const char head[] =
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb='' words='' options='' ask='' i\n"
    "    local -a config=()\n"
    "    COMPREPLY=()\n"
    "    # --to=db01 comes as three words\n"
    "    [[ $cur == = ]] && cur=\n"
    "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --config | -c) config=(-c \"${COMP_WORDS[++i]}\") ;;\n";

void cli_put_bash(const struct cli *c, FILE *f)
{
    /* a shell function's name has no hyphen everywhere */
    const char *hyphen = strchr(c->program, '-');
    int len = hyphen ? (int)(hyphen - c->program) : (int)strlen(c->program);
    const char *rest = hyphen ? hyphen + 1 : "";

    fprintf(f, "# bash completion for %s; made with it, from its tables\n_%.*s%s()\n{\n%s",
            c->program, len, c->program, rest, head);
    put_skipped(c, f);
    fprintf(f, "        -* | = | help) ;;\n"
               "        *) verb+=\"${verb:+ }${COMP_WORDS[i]}\" ;;\n"
               "        esac\n"
               "    done\n"
               "    case $prev in\n");
    for (size_t i = 0; c->options[i].name; i++)
        if (c->options[i].arg)
            put_option(&c->options[i], f);
    fprintf(f, "    esac\n"
               "    [[ $words$ask ]] || case $verb in\n");
    put_first_words(c, f);
    for (size_t i = 0; i < c->n_verbs; i++)
        if (is_first_of_family(c, i) && strchr(cli_verb(c, i)->name, ' '))
            put_family(c, f, i);
    for (size_t i = 0; i < c->n_verbs; i++)
        put_verb(c, f, cli_verb(c, i));
    fprintf(f,
            "    esac\n"
            "    # shellcheck disable=SC2086\n"
            "    [[ $ask ]] && words+=\" $(command %s \"${config[@]}\" $ask 2>/dev/null)\"\n"
            "    [[ $cur == -* ]] && words=$options\n"
            "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
            "}\n"
            "complete -F _%.*s%s %s\n",
            c->program, len, c->program, rest, c->program);
}
