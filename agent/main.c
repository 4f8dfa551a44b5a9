/* pgtandem-agent: verbs and options, one table each. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/config.h"
#include "agent/daemon.h"
#include "agent/guard.h"
#include "agent/inspect.h"
#include "agent/status.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { EXIT_USAGE = 1 };

struct options {
    const char *config;
    bool cron_only, verbose, help, version;
};

static int run_daemon(struct config *c, const struct options *o)
{
    (void)o;
    return daemon_run(c);
}

static int run_guard(struct config *c, const struct options *o)
{
    return guard_run(c, o->cron_only);
}

static int run_status(struct config *c, const struct options *o)
{
    (void)o;
    return status_run(c);
}

static int run_inspect(struct config *c, const struct options *o)
{
    (void)o;
    return inspect_run(c);
}

static int run_config_check(struct config *c, const struct options *o)
{
    struct err e = {0};
    int r = config_check(c, &e);

    (void)o;
    if (r < 0)
        fprintf(stderr, "pgtandem-agent: %s%s%s\n", e.msg, e.hint[0] ? "; " : "", e.hint);
    return err_exit_status(r);
}

static const struct verb_row {
    const char *name, *second; /* "config check" */
    int (*run)(struct config *c, const struct options *o);
    const char *help;
} verbs_table[] = {
    {"run", NULL, run_daemon, "the agent itself, in the foreground (also without a verb)"},
    {"guard", NULL, run_guard, "may PostgreSQL start here? run before it and before cron"},
    {"status", NULL, run_status, "this node alone, without the network"},
    {"inspect", NULL, run_inspect, "what preflight asks of this node, as JSON"},
    {"config", "check", run_config_check, "check the configuration against this machine"},
};
enum { VERBS_TABLE = sizeof(verbs_table) / sizeof(verbs_table[0]) };

/* clang-format off */
static const struct option_row {
    const char *shorter, *longer;
    size_t flag;          /* a bool in struct options; SIZE_MAX: takes a value, the path */
    const char *argument, *help;
} options_table[] = {
    {"-c", "--config", SIZE_MAX, " FILE", "configuration, default " CONFIG_DEFAULT_PATH},
    {NULL, "--cron", offsetof(struct options, cron_only), "", "guard: only the crontab (before cron)"},
    {"-v", "--verbose", offsetof(struct options, verbose), "", "log more"},
    {"-h", "--help", offsetof(struct options, help), "", "this text"},
    {"-V", "--version", offsetof(struct options, version), "", "the version"},
};
/* clang-format on */
enum { OPTIONS_TABLE = sizeof(options_table) / sizeof(options_table[0]) };

static void print_help(FILE *to)
{
    fputs("pgtandem-agent [options] [VERB]\n\n", to);
    for (size_t i = 0; i < VERBS_TABLE; i++)
        fprintf(to, "  %s%s%-*s %s\n", verbs_table[i].name, verbs_table[i].second ? " " : "",
                (int)(verbs_table[i].second ? 15 - strlen(verbs_table[i].name)
                                            : 16 - strlen(verbs_table[i].name)),
                verbs_table[i].second ? verbs_table[i].second : "", verbs_table[i].help);
    fputc('\n', to);
    for (size_t i = 0; i < OPTIONS_TABLE; i++) {
        char name[40];

        STR_PRINTF(name, "%s%s%s", options_table[i].shorter ? options_table[i].shorter : "",
                   options_table[i].shorter ? ", " : "", options_table[i].longer);
        fprintf(to, "  %-14s%-6s %s\n", name, options_table[i].argument, options_table[i].help);
    }
}

static int usage(const char *what, const char *word)
{
    fprintf(stderr, "pgtandem-agent: %s '%s'; `pgtandem-agent --help` lists all\n", what, word);
    return EXIT_USAGE;
}

/* 0: not an option; 1: taken; 2: taken with its value; -1: wrong */
static int take_option(const char *word, const char *value, struct options *o)
{
    for (size_t i = 0; i < OPTIONS_TABLE; i++) {
        const struct option_row *row = &options_table[i];

        if (strcmp(word, row->longer) != 0 && (!row->shorter || strcmp(word, row->shorter) != 0))
            continue;
        if (row->flag != SIZE_MAX) {
            *(bool *)((char *)o + row->flag) = true;
            return 1;
        }
        if (!value)
            return -1;
        o->config = value;
        return 2;
    }
    return word[0] == '-' ? -1 : 0;
}

static const struct verb_row *find_verb(const char *const *words, size_t n)
{
    if (n == 0)
        return &verbs_table[0];
    for (size_t i = 0; i < VERBS_TABLE; i++)
        if (strcmp(words[0], verbs_table[i].name) == 0 &&
            (verbs_table[i].second ? n == 2 && strcmp(words[1], verbs_table[i].second) == 0
                                   : n == 1))
            return &verbs_table[i];
    return NULL;
}

static int run_verb(const struct verb_row *verb, const struct options *o)
{
    struct err e = {0};
    struct config *c = mem_alloc(sizeof(*c));
    int r = config_load(o->config, c, &e);
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
    struct options o = {.config = CONFIG_DEFAULT_PATH};
    const char *words[2] = {NULL};
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        int taken = take_option(argv[i], i + 1 < argc ? argv[i + 1] : NULL, &o);

        if (taken < 0)
            return usage("no such option, or without its value:", argv[i]);
        if (taken == 0 && n == 2)
            return usage("one word too many:", argv[i]);
        if (taken == 0)
            words[n++] = argv[i];
        i += taken == 2;
    }
    if (o.help) {
        print_help(stdout);
        return 0;
    }
    if (o.version || (n == 1 && strcmp(words[0], "version") == 0)) {
        puts(AGENT_SOFTWARE);
        return 0;
    }
    if (o.verbose)
        log_set_level(LOG_LEVEL_DEBUG);

    const struct verb_row *verb = find_verb(words, n);
    return verb ? run_verb(verb, &o) : usage("no such verb:", words[0]);
}
