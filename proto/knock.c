#include "proto/knock.h"

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/address.h"

/*
 * One timer paces the tries and ends the knock. When the time is up it runs once more, after the
 * loop has polled: a process that was not scheduled for long must not take an answer that waits in
 * a socket for silence.
 */

struct attempt {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    struct knock *knock;
};

struct knock {
    uv_timer_t timer;
    struct attempt tries[KNOCK_TRIES * KNOCK_ADDRESSES];
    size_t n_tries;
    char addresses[KNOCK_ADDRESSES][ADDRESS_BYTES];
    size_t n_addresses;
    size_t rounds;
    bool time_is_up, closed;
    size_t open_handles;
    knock_fn fn; /* NULL: called, or freed */
    void *arg;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct knock *k = handle->data;

    if (--k->open_handles == 0)
        mem_free(k);
}

void knock_free(struct knock *k)
{
    if (!k || k->closed)
        return;
    k->closed = true;
    k->fn = NULL;
    for (size_t i = 0; i < k->n_tries; i++)
        uv_close((uv_handle_t *)&k->tries[i].tcp, on_handle_closed);
    uv_close((uv_handle_t *)&k->timer, on_handle_closed);
}

static void end(struct knock *k, bool heard)
{
    knock_fn fn = k->fn;

    if (!fn)
        return;
    k->fn = NULL;
    uv_timer_stop(&k->timer);
    fn(k->arg, heard);
}

static void on_answer(uv_connect_t *req, int status)
{
    struct attempt *t = req->data;

    if (status == 0 || status == UV_ECONNREFUSED || status == UV_ECONNRESET)
        end(t->knock, true);
}

static void try_address(struct knock *k, const char *address)
{
    struct sockaddr_storage to;
    struct attempt *t = &k->tries[k->n_tries];
    struct err e;

    if (address_parse(address, &to, &e) < 0)
        return;
    k->n_tries++;
    k->open_handles++;
    t->knock = k;
    t->connecting.data = t;
    uv_tcp_init(k->timer.loop, &t->tcp);
    t->tcp.data = k;
    /* what cannot even be begun stays unheard */
    (void)uv_tcp_connect(&t->connecting, &t->tcp, (const struct sockaddr *)&to, on_answer);
}

static void on_timer(uv_timer_t *timer)
{
    struct knock *k = timer->data;

    if (k->time_is_up) {
        end(k, false);
        return;
    }
    if (k->rounds == KNOCK_TRIES) {
        k->time_is_up = true;
        uv_timer_start(timer, on_timer, 0, 0);
        return;
    }
    for (size_t i = 0; i < k->n_addresses; i++)
        try_address(k, k->addresses[i]);
    k->rounds++;
    uv_update_time(timer->loop);
    uv_timer_start(timer, on_timer,
                   k->rounds < KNOCK_TRIES
                       ? KNOCK_EVERY_MS
                       : KNOCK_MS - KNOCK_FIRST_MS - (KNOCK_TRIES - 1) * KNOCK_EVERY_MS,
                   0);
}

struct knock *knock_start(struct loop *l, const char *const *addresses, size_t n, knock_fn fn,
                          void *arg)
{
    struct knock *k = mem_alloc(sizeof(*k));

    for (size_t i = 0; i < n && i < KNOCK_ADDRESSES; i++)
        STR_COPY(k->addresses[i], addresses[i]);
    k->n_addresses = n < KNOCK_ADDRESSES ? n : KNOCK_ADDRESSES;
    k->fn = fn;
    k->arg = arg;
    k->open_handles = 1;
    uv_timer_init(loop_uv(l), &k->timer);
    k->timer.data = k;
    uv_update_time(loop_uv(l));
    uv_timer_start(&k->timer, on_timer, KNOCK_FIRST_MS, 0);
    return k;
}
