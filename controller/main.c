/* pgtandem, the administrator's command: one verb, one run. Only main exits. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/term.h"
#include "controller/preflight/preflight.h"
#include "controller/session/commands.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"

/* What went wrong, and what to do next. */
static void print_error(const struct options *o, const struct err *e)
{
    fflush(stdout);
    if (!*e->msg)
        return;
    const struct term t = term_look(stderr, COLOR_NEVER);
    AUTO(arena) a = arena_new();
    term_wrap(&t, "pgtandem: ",
              arena_printf(a, "%s%s%s%s%s", e->node, *e->node ? ": " : "", e->step,
                           *e->step ? ": " : "", e->msg));
    if (*e->hint)
        term_wrap(&t, "  next: ", remedy_for(o, a, e->hint));
}

int main(int argc, char **argv)
{
    AUTO(arena) a = arena_new();
    struct session *s = mem_alloc(sizeof(*s));
    const char *from_environment = getenv("PGTANDEM_CONFIG");
    struct options options = {.config_path = CONFIG_DEFAULT_PATH};
    struct cli_call call = {.verb = NULL};
    struct err e = {.code = 0};
    int rc;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit on file size is a write error like another */
    log_set_level(LOG_LEVEL_WARNING);
    term_locale();
    if (from_environment && *from_environment)
        options.config_path = from_environment;
    rc = cli_parse(&commands, argc, argv, &options, a, &call, &e);
    if (rc == 0 && call.verb) {
        const struct verb_row *verb = commands_row(call.verb);

        memcpy(options.args, call.args, sizeof(options.args));
        options.n_args = call.n_args;
        log_set_level(options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING);
        rc = session_open(s, &options, verb, &e);
        if (rc == 0) {
            rc = preflight_check_names(&s->cluster.config, &e);
            if (rc == 0)
                rc = verb->run(s, &e);
            if (rc < 0) /* while the session's texts still live */
                print_error(&options, &e);
            e = (struct err){.code = 0};
            session_close(s);
        }
    }
    if (rc < 0)
        print_error(&options, &e);
    mem_free(s);
    if (fflush(stdout) != 0 || ferror(stdout))
        return rc < 0 ? err_exit_status(rc) : err_exit_status(ERR_SYS);
    return err_exit_status(rc);
}
