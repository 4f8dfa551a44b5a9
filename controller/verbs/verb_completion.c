/* `completion`: the words that a shell offers, from the tables and the configuration. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/preflight/preflight.h"
#include "controller/session/help.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

/* ---- words ----------------------------------------------------------------------------------- */

/* "  status)" or "  \"dns show\" | \"dns show \"*)": the verb alone, or with words behind it */
static void put_verb_case(const struct verb_row *v)
{
    const char *between = "";

    printf("        \"%s\" | \"%s \"*) options=\"", v->name, v->name);
    for (size_t i = 0; i < n_cli_options; i++)
        if (cli_option_applies(&cli_options[i], v)) {
            printf("%s--%s", between, cli_options[i].name);
            between = " ";
        }
    printf("\"");
    if (strstr(v->args, "NODE") == v->args || strncmp(v->args, "[NODE", 5) == 0)
        printf("; nodes=yes");
    printf(" ;;\n");
}

static bool is_first_of_family(size_t row)
{
    size_t len = strcspn(cli_verbs[row].name, " ");

    for (size_t i = 0; i < row; i++)
        if (strncmp(cli_verbs[i].name, cli_verbs[row].name, len) == 0 &&
            strcspn(cli_verbs[i].name, " ") == len)
            return false;
    return true;
}

static void put_first_words(void)
{
    printf("        \"\") words=\"help");
    for (size_t i = 0; i < n_cli_verbs; i++)
        if (is_first_of_family(i))
            printf(" %.*s", (int)strcspn(cli_verbs[i].name, " "), cli_verbs[i].name);
    printf("\"; options=\"--config --help --version --color\" ;;\n");
}

/* "dns": its second words */
static void put_family_case(size_t row)
{
    const char *name = cli_verbs[row].name;
    size_t len = strcspn(name, " ");

    printf("        %.*s) words=\"", (int)len, name);
    for (size_t i = 0; i < n_cli_verbs; i++)
        if (strncmp(cli_verbs[i].name, name, len + 1) == 0)
            printf("%s%s", i == row ? "" : " ", cli_verbs[i].name + len + 1);
    printf("\" ;;\n");
}

/* ---- values ---------------------------------------------------------------------------------- */

/* "--to | -t" of the options whose value is of this kind */
static void put_options(bool (*wanted)(const struct option_row *o))
{
    const char *between = "        ";

    for (size_t i = 0; i < n_cli_options; i++) {
        const struct option_row *o = &cli_options[i];

        if (!o->arg || !wanted(o))
            continue;
        printf("%s--%s", between, o->name);
        if (o->letter)
            printf(" | -%c", o->letter);
        between = " | ";
    }
}

static bool is_file(const struct option_row *o)
{
    return o->value == VALUE_FILE;
}

static bool is_node(const struct option_row *o)
{
    return o->value == VALUE_NODE;
}

static bool is_check(const struct option_row *o)
{
    return o->value == VALUE_CHECK;
}

static bool is_free(const struct option_row *o)
{
    return o->value == VALUE_ANY && o->kind != OPTION_WORD;
}

/* Its value is not the verb; --config's is wanted, and taken before. */
static bool has_value(const struct option_row *o)
{
    return strcmp(o->name, "config") != 0;
}

static void put_checks(void)
{
    const char *name;

    for (size_t i = 0; (name = preflight_name(i)); i++)
        printf("%s%s", i ? " " : "", name);
}

static void put_word_values(void)
{
    for (size_t i = 0; i < n_cli_options; i++) {
        const struct option_row *o = &cli_options[i];

        if (o->kind != OPTION_WORD)
            continue;
        printf("        --%s", o->name);
        if (o->letter)
            printf(" | -%c", o->letter);
        printf(") words=\"");
        for (size_t w = 0; o->words[w]; w++)
            printf("%s%s", w ? " " : "", o->words[w]);
        printf("\" ;;\n");
    }
}

/* ---- the script ------------------------------------------------------------------------------ */

static const char head[] =
    "# bash completion for pgtandem; made by `pgtandem completion bash`\n"
    "_pgtandem()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local verb='' words='' options='' nodes='' i\n"
    "    local -a config=()\n"
    "    COMPREPLY=()\n"
    "    # --to=db01 comes as three words\n"
    "    [[ $cur == = ]] && cur=\n"
    "    [[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --config | -c) config=(-c \"${COMP_WORDS[++i]}\") ;;\n";

static const char tail[] =
    "    esac\n"
    "    if [[ $nodes ]]; then\n"
    "        words+=\" $(command pgtandem \"${config[@]}\" completion nodes 2>/dev/null)\"\n"
    "    fi\n"
    "    [[ $cur == -* ]] && words=$options\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "}\n"
    "complete -F _pgtandem pgtandem\n";

static void put_bash(void)
{
    fputs(head, stdout);
    put_options(has_value);
    printf(") ((i++)) ;;\n"
           "        -* | = | help) ;;\n"
           "        *) verb+=\"${verb:+ }${COMP_WORDS[i]}\" ;;\n"
           "        esac\n"
           "    done\n"
           "    case $prev in\n");
    put_options(is_file);
    printf(") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); "
           "return ;;\n");
    put_options(is_node);
    printf(") nodes=yes verb=- ;;\n");
    put_options(is_check);
    printf(") verb=- words=\"");
    put_checks();
    printf("\" ;;\n");
    put_options(is_free);
    printf(") return ;;\n");
    put_word_values();
    printf("    esac\n"
           "    [[ $words ]] || case $verb in\n");
    put_first_words();
    for (size_t i = 0; i < n_cli_verbs; i++)
        if (is_first_of_family(i) && strchr(cli_verbs[i].name, ' '))
            put_family_case(i);
    for (size_t i = 0; i < n_cli_verbs; i++)
        put_verb_case(&cli_verbs[i]);
    fputs(tail, stdout);
}

static int put_nodes(const struct session *s, struct err *reterr)
{
    struct config *c = arena_alloc(s->cluster.arena, sizeof(*c));
    int rc = config_load(s->options.config_path, c, reterr);

    for (size_t i = 0; rc == 0 && i < c->n_nodes; i++)
        printf("%s\n", c->nodes[i].name);
    return rc;
}

int verb_completion(struct session *s, struct err *reterr)
{
    if (strcmp(s->options.args[0], "nodes") == 0)
        return put_nodes(s, reterr);
    if (strcmp(s->options.args[0], "bash") != 0)
        return err_set(reterr, ERR_USAGE, s->verb->example,
                       "there is completion for bash, not for \"%s\"", s->options.args[0]);
    put_bash();
    return 0;
}
