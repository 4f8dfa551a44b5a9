#include "proto/refusals.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { QUIET_MS = 1000 };

struct refusals {
    struct loop *loop;
    rpc_log_fn log;
    void *arg;
    struct timer *quiet; /* runs while `log` must not be called */
    unsigned left_out;
    char last_address[ADDRESS_BYTES]; /* of those left out */
};

struct refusals *refusals_new(struct loop *l, rpc_log_fn log, void *arg)
{
    struct refusals *r = mem_alloc(sizeof(*r));

    r->loop = l;
    r->log = log;
    r->arg = arg;
    return r;
}

void refusals_free(struct refusals *r)
{
    if (!r)
        return;
    timer_free(r->quiet);
    mem_free(r);
}

static void on_quiet_over(void *arg)
{
    struct refusals *r = arg;
    struct err e;

    timer_free(r->quiet);
    r->quiet = NULL;
    if (r->left_out == 0)
        return;
    err_set(&e, ERR_REFUSED, NULL, "%u more peers were refused within a second, this one last",
            r->left_out);
    r->left_out = 0;
    r->quiet = timer_start(r->loop, QUIET_MS, on_quiet_over, r);
    r->log(r->arg, &e, r->last_address);
}

void refusals_tell(struct refusals *r, const struct err *e, const char *address)
{
    if (!r->log)
        return;
    if (r->quiet) {
        r->left_out++;
        STR_COPY(r->last_address, address);
        return;
    }
    r->quiet = timer_start(r->loop, QUIET_MS, on_quiet_over, r);
    r->log(r->arg, e, address);
}
