/*
 * SIGTERM, SIGINT: no new acts; the one that runs may end (it may be a promotion), then the loop
 * stops. A second signal does not wait for it, nor does the first for a tail. Durable state makes
 * either safe. SIGHUP: agent/reload.h.
 */
#include "agent/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/acts/act.h"
#include "agent/acts/watch.h"
#include "agent/jobs/canary.h"
#include "agent/jobs/job.h"
#include "agent/look/rehearse.h"
#include "agent/node/agent.h"
#include "agent/reload.h"
#include "agent/server.h"
#include "agent/state/machine.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

static const struct job_kind *const job_kinds[] = {&canary_job, NULL};

struct daemon {
    struct agent *agent;
    struct rpc_server *server;
    uv_signal_t term, interrupt, hangup;
};

static void on_idle(struct agent *g)
{
    loop_stop(g->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;
    struct agent *g = d->agent;

    if (g->stopping || !g->queue) {
        log_info("signal %d: stopped", number);
        loop_stop(g->loop);
        return;
    }
    log_info("signal %d: stopping after act=%s", number, g->acting);
    g->stopping = true;
    g->idle = on_idle;
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct daemon *d = handle->data;

    (void)number;
    reload_configuration(d->agent);
}

static void catch_signal(struct daemon *d, uv_signal_t *handle, int number, uv_signal_cb fn)
{
    uv_signal_init(loop_uv(d->agent->loop), handle);
    handle->data = d;
    uv_signal_start(handle, fn, number);
}

/* Said at the start: what an administrator would look for after a reboot. */
static void log_start(struct agent *g)
{
    struct agent_state s;
    struct err e = {0};

    log_info("%s node=%s cluster=%s listen=%s", PGTANDEM_SOFTWARE, g->config->agent.node,
             g->config->agent.cluster, g->config->agent.listen);
    if (g->config->agent.mode == MODE_OBSERVE)
        log_warning("mode = observe: every act is refused, guard and watch only report");
    if (agent_state(g, &s, &e) < 0)
        log_err(LOG_LEVEL_ERROR, &e);
    else
        log_info("epoch=%lld%s%s%s%s", (long long)s.epoch, s.fenced ? " fenced" : "",
                 s.held ? " held" : "", s.promoting ? " promotion-recorded" : "",
                 s.cron_on ? " cron-on" : "");
}

/* An orphan of an agent that was killed must not let a guard through. */
static int own_state_directory(struct config *c, struct err *reterr)
{
    int fd;
    int r = state_lock(&c->binding, 0, &fd, reterr);

    if (r == ERR_HELD) /* the guard: it will be done soon */
        return 0;
    if (r < 0) {
        err_set_hint(reterr, "install -d -m 0700 -o postgres '%s'", c->agent.state_directory);
        return r;
    }
    close(fd);
    return 0;
}

/* What was begun and not ended: no answer, no callback from here on. */
static void drop_work(struct agent *g)
{
    if (!g)
        return;
    watch_free(g->watch);
    act_drop_all(g);
    rehearse_drop_all(g);
    job_drop(g);
}

int daemon_run(struct config *c)
{
    struct err e = {0};
    struct daemon *d = mem_alloc(sizeof(*d));
    int r = machine_become_owner(c->postgresql.data_directory, &e);
    struct loop *loop = loop_new();

    config_bind(c);
    if (r == 0)
        r = own_state_directory(c, &e);
    if (r == 0)
        r = agent_new(loop, c, true, &d->agent, &e);
    if (r == 0)
        r = server_start(d->agent, &d->server, &e);
    if (r == 0) {
        log_start(d->agent);
        catch_signal(d, &d->term, SIGTERM, on_signal);
        catch_signal(d, &d->interrupt, SIGINT, on_signal);
        catch_signal(d, &d->hangup, SIGHUP, on_hangup);
        d->agent->watch = watch_new(d->agent);
        job_clean(d->agent, job_kinds);
        loop_run(loop);
    } else {
        log_err(LOG_LEVEL_ERROR, &e);
    }
    drop_work(d->agent);
    agent_free(d->agent);
    rpc_server_free(d->server);
    loop_free(loop);
    mem_free(d);
    return err_exit_status(r);
}
