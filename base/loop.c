#include "base/loop.h"

#include <assert.h>
#include <signal.h>

#include "base/err.h"

struct loop {
    uv_loop_t uv;
    uv_timer_t deadline; /* of loop_wait */
    uv_prepare_t before_poll;
    const bool *done;
    bool expired;
    bool running;
    bool stopped;
};

struct timer {
    uv_timer_t handle;
    timer_fn fn;
    void *arg;
};

struct loop *loop_new(void)
{
    struct loop *l = mem_alloc(sizeof(*l));
    int r = uv_loop_init(&l->uv);

    assert(r == 0);
    r = uv_timer_init(&l->uv, &l->deadline);
    assert(r == 0);
    (void)r;
    r = uv_prepare_init(&l->uv, &l->before_poll);
    assert(r == 0);
    l->deadline.data = l;
    l->before_poll.data = l;
    /* a peer that goes away while we write is an error code, not the end of the program */
    signal(SIGPIPE, SIG_IGN);
    return l;
}

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

/* The only caller of uv_run: it must not be entered from one of its own callbacks. */
static bool run_loop(struct loop *l, uv_run_mode mode)
{
    assert(!l->running);
    l->running = true;
    bool alive = uv_run(&l->uv, mode) != 0;
    l->running = false;
    return alive;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    uv_walk(&l->uv, close_handle, NULL);
    while (uv_loop_close(&l->uv) == UV_EBUSY)
        run_loop(l, UV_RUN_ONCE);
    mem_free(l);
}

static void on_deadline(uv_timer_t *handle)
{
    struct loop *l = handle->data;

    l->expired = true;
}

/* Straight-line code may have run for long since the loop last looked at the clock; without a fresh
 * look a timer would be short by that much. */
static void start_timer(uv_timer_t *handle, uv_timer_cb fn, int64_t after_ms)
{
    uv_update_time(handle->loop);
    uv_timer_start(handle, fn, after_ms > 0 ? (uint64_t)after_ms : 0, 0);
}

/* A timer that was due when uv_run began has run by now. If that ended the wait, uv_run must
 * not go on to sleep until something else happens. */
static void on_before_poll(uv_prepare_t *handle)
{
    struct loop *l = handle->data;

    if (*l->done || l->expired)
        uv_stop(&l->uv);
}

int loop_wait(struct loop *l, const bool *done, int64_t timeout_ms, struct err *reterr)
{
    bool alive = true;

    l->expired = false;
    if (timeout_ms >= 0)
        start_timer(&l->deadline, on_deadline, timeout_ms);
    l->done = done;
    uv_prepare_start(&l->before_poll, on_before_poll);
    uv_unref((uv_handle_t *)&l->before_poll); /* it alone is nothing to wait for */
    while (!*done && !l->expired && alive)
        alive = run_loop(l, UV_RUN_ONCE);
    uv_prepare_stop(&l->before_poll);
    uv_timer_stop(&l->deadline);

    if (*done)
        return 0;
    if (l->expired)
        return err_set(reterr, ERR_TIMEOUT, NULL, "no answer within %lld ms",
                       (long long)timeout_ms);
    return err_set(reterr, ERR_SYS, NULL, "nothing is left to wait for");
}

void loop_run(struct loop *l)
{
    bool alive = true;

    while (!l->stopped && alive)
        alive = run_loop(l, UV_RUN_DEFAULT);
    l->stopped = false;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    uv_stop(&l->uv);
}

static void on_timer(uv_timer_t *handle)
{
    struct timer *t = handle->data;

    t->fn(t->arg);
}

struct timer *timer_start(struct loop *l, int64_t after_ms, timer_fn fn, void *arg)
{
    struct timer *t = mem_alloc(sizeof(*t));

    t->fn = fn;
    t->arg = arg;
    uv_timer_init(&l->uv, &t->handle);
    t->handle.data = t;
    start_timer(&t->handle, on_timer, after_ms);
    return t;
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

void timer_free(struct timer *t)
{
    if (t)
        uv_close((uv_handle_t *)&t->handle, on_timer_closed);
}
