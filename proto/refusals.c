#include "proto/refusals.h"

#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum { KIND_BYTES = 48 };

struct kind {
    char name[KIND_BYTES];
    unsigned seen; /* in this minute; 0: the slot is free */
    struct err last;
    char last_address[ADDRESS_BYTES];
};

struct refusals {
    struct loop *loop;
    int64_t minute_ms;
    rpc_log_fn log;
    void *arg;
    struct timer *minute;              /* runs while something is counted */
    struct kind kinds[REFUSALS_KINDS]; /* the last one takes what finds no place of its own */
};

struct refusals *refusals_new(struct loop *l, int64_t minute_ms, rpc_log_fn log, void *arg)
{
    struct refusals *r = mem_alloc(sizeof(*r));

    r->loop = l;
    r->minute_ms = minute_ms > 0 ? minute_ms : REFUSALS_MINUTE_MS;
    r->log = log;
    r->arg = arg;
    return r;
}

/* One line for what was only counted. */
static void tell_counted(struct refusals *r)
{
    for (struct kind *k = r->kinds; k < r->kinds + REFUSALS_KINDS; k++) {
        unsigned left_out = k->seen > REFUSALS_TOLD ? k->seen - REFUSALS_TOLD : 0;

        k->seen = 0;
        if (!left_out)
            continue;
        err_prefix(&k->last, "%u more like this within %lld s, the last", left_out,
                   (long long)(r->minute_ms + 999) / 1000);
        r->log(r->arg, &k->last, k->last_address);
    }
}

void refusals_free(struct refusals *r)
{
    if (!r)
        return;
    timer_free(r->minute);
    tell_counted(r);
    mem_free(r);
}

static void on_minute(void *arg)
{
    struct refusals *r = arg;

    timer_free(r->minute);
    r->minute = NULL;
    tell_counted(r);
}

static struct kind *kind_of(struct refusals *r, const char *msg)
{
    char name[KIND_BYTES];
    struct kind *k = r->kinds;

    STR_COPY(name, msg);
    name[strcspn(name, "0123456789\":")] = '\0';
    while (k < r->kinds + REFUSALS_KINDS - 1 && k->seen && strcmp(k->name, name) != 0)
        k++;
    if (!k->seen)
        STR_COPY(k->name, name);
    return k;
}

void refusals_tell(struct refusals *r, const struct err *e, const char *address)
{
    struct kind *k;

    if (!r->log)
        return;
    k = kind_of(r, e->msg);
    if (!r->minute)
        r->minute = timer_start(r->loop, r->minute_ms, on_minute, r);
    if (++k->seen <= REFUSALS_TOLD) {
        r->log(r->arg, e, address);
        return;
    }
    k->last = *e;
    STR_COPY(k->last_address, address);
}
