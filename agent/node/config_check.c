/* `config check`: the configuration against the machine it is on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/node/config.h"
#include "agent/state/machine.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { START_MS = 5000 };

static int check_data_directory(struct config *c, struct err *e)
{
    config_bind(c);
    if (c->binding.sysid == 0)
        return err_set(e, ERR_CONFIG, "is it PGDATA? run this as root or as its owner",
                       "no readable global/pg_control in %s", c->postgresql.data_directory);
    return 0;
}

static int check_programs(struct config *c, struct err *e)
{
    char path[300];

    STR_PRINTF(path, "%s/postgres", c->postgresql.bin_directory);
    if (access(path, X_OK) < 0)
        return err_sys(e, errno, "[postgresql] bin_directory", "cannot run %s", path);
    return 0;
}

static int check_state_directory(struct config *c, struct err *e)
{
    struct stat st;

    if (stat(c->agent.state_directory, &st) < 0) {
        err_sys(e, errno, NULL, "no state directory %s", c->agent.state_directory);
        err_set_hint(e, "install -d -m 0700 -o postgres '%s'", c->agent.state_directory);
        return e->code;
    }
    if (access(c->agent.state_directory, R_OK | W_OK | X_OK) < 0)
        return err_sys(e, errno, NULL, "cannot write into %s", c->agent.state_directory);
    return 0;
}

static int check_state(struct config *c, struct err *e)
{
    struct agent_state s;

    return state_load(&c->binding, &s, e);
}

static int check_certificates(struct config *c, struct err *e)
{
    struct tls_context *tls = NULL;
    int r = tls_context_new(&c->tls, c->agent.cluster, PEER_AGENT, c->agent.node, &tls, e);

    tls_context_free(tls);
    return r;
}

static int check_expiry(struct config *c, struct err *e)
{
    struct tls_context *tls = NULL;
    int64_t days;

    if (tls_context_new(&c->tls, c->agent.cluster, PEER_AGENT, c->agent.node, &tls, NULL) < 0)
        return 0; /* reported by the check before */
    days = tls_context_days_left(tls, clock_wall_ms());
    tls_context_free(tls);
    if (days >= CERTIFICATE_WARN_DAYS)
        return 0;
    err_set(e, ERR_CONFIG, "make-certs makes a new one; then systemctl reload pgtandem-agent",
            "%s has expired", c->tls.certificate);
    if (days >= 0)
        STR_PRINTF(e->msg, "%s expires in %lld days", c->tls.certificate, (long long)days);
    return ERR_CONFIG;
}

static int check_mode(struct config *c, struct err *e)
{
    if (c->agent.mode == MODE_OBSERVE)
        return err_set(e, ERR_CONFIG, "[agent] mode = act, when all looks right",
                       "mode = observe: this agent refuses every act");
    return 0;
}

static int check_watch(struct config *c, struct err *e)
{
    if (!c->watch.enabled)
        return err_set(e, ERR_CONFIG, "[watch] enabled = yes",
                       "the watch is off: this node will not fence itself");
    return 0;
}

static int check_peers(struct config *c, struct err *e)
{
    if (c->n_peers == 0)
        return err_set(e, ERR_CONFIG, "a section [peer NAME] for each other node",
                       "no peer is configured: the guard has no node to ask");
    return 0;
}

struct start_answer {
    bool done;
    struct rehearsal r;
};

static void on_start(void *arg, const struct rehearsal *r)
{
    struct start_answer *a = arg;

    a->r = *r;
    a->done = true;
}

/* The very start that the agent would make, short of making it. */
static int check_start(struct config *c, struct err *e)
{
    struct start_answer a = {.done = false};
    struct loop *loop = loop_new();
    struct postgres *p = postgres_new(loop, &c->postgresql, c->agent.node);
    int r;

    postgres_rehearse_service(p, true, START_MS, on_start, &a);
    r = loop_wait(loop, &a.done, 2 * START_MS, e);
    postgres_free(p);
    loop_free(loop);
    if (r < 0 || a.r.verdict != REHEARSAL_FAILED)
        return r;
    return err_set(e, ERR_CONFIG, a.r.remedy, "%s", a.r.said);
}

int config_check(struct config *c, struct err *reterr)
{
    static const struct {
        const char *name;
        int (*check)(struct config *c, struct err *e);
        bool warning;
    } checks[] = {
        {"data directory", check_data_directory, false},
        {"programs of PostgreSQL", check_programs, false},
        {"start of PostgreSQL", check_start, false},
        {"state directory", check_state_directory, false},
        {"durable state", check_state, false},
        {"certificates", check_certificates, false},
        {"certificate's end", check_expiry, true},
        {"TSIG key", config_load_key, false},
        {"mode", check_mode, true},
        {"watch", check_watch, true},
        {"peers", check_peers, true},
    };
    int first = machine_become_owner(c->postgresql.data_directory, reterr);
    bool became = first == 0;

    for (size_t i = 0; became && i < sizeof(checks) / sizeof(checks[0]); i++) {
        struct err e = {0};
        int r = checks[i].check(c, &e);

        config_name_file(c, e.hint, sizeof(e.hint));
        printf("%-24s %s%s%s%s\n", checks[i].name,
               r == 0              ? "ok"
               : checks[i].warning ? "warning: "
                                   : "WRONG: ",
               e.msg, e.hint[0] ? "; " : "", e.hint);
        if (r < 0 && !checks[i].warning && first == 0) {
            first = r;
            *reterr = e;
        }
    }
    return first;
}
