/* pgtandem-agent: one verb, one run. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/commands.h"
#include "agent/node/config.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/term.h"

static void print_error(const struct err *e)
{
    const struct term t = term_look(stderr, COLOR_NEVER);

    term_wrap(&t, "pgtandem-agent: ", e->msg);
    if (*e->hint)
        term_wrap(&t, "  next: ", e->hint);
}

static int run_verb(const struct verb_row *verb, const struct options *o, struct err *reterr)
{
    struct config *c = mem_alloc(sizeof(*c));
    int rc = verb->without_config ? 0 : config_load(o->config, c, reterr);

    if (rc < 0 && reterr->sys == ENOENT)
        err_set_hint(reterr, "-c FILE names it; agent.conf.sample is one to begin with");
    int status = rc < 0 ? err_exit_status(rc) : verb->run(c, o);
    mem_free(c);
    return status;
}

int main(int argc, char **argv)
{
    AUTO(arena) a = arena_new();
    struct options o = {.config = CONFIG_DEFAULT_PATH};
    struct err e = {.code = 0};
    struct cli_call call;
    int status;

    term_locale(); /* for what a person reads */
    int rc = cli_parse(&commands, argc, argv, &o, a, &call, &e);
    if (rc < 0) {
        status = err_exit_status(rc);
    } else if (!call.verb) {
        status = 0;
    } else {
        if (o.verbose)
            log_set_level(LOG_LEVEL_DEBUG);
        o.argument = call.n_args ? call.args[0] : NULL;
        setlocale(LC_CTYPE, "C"); /* what files hold means the same under any locale */
        status = run_verb(commands_row(call.verb), &o, &e);
    }
    if (e.code < 0)
        print_error(&e);
    return status;
}
