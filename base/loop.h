/*
 * The event loop. This is the only place that calls uv_run (it is not re-entrant).
 *
 * A controller's step waits with loop_wait() in straight-line code; the agent calls loop_run()
 * once. libuv handles are freed only in their close callbacks: embed them in the object that owns
 * them, or use `struct timer` below.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/mem.h"

struct err;
struct loop;

struct loop *loop_new(void); /* also makes the program ignore SIGPIPE */
/* Closes the handles that are still open, without freeing what they are embedded in: owners free
 * their things first. NULL is fine. */
void loop_free(struct loop *l);
uv_loop_t *loop_uv(struct loop *l);

/* Run until *done, or until `timeout_ms` has passed (ERR_TIMEOUT; negative waits forever, or until
 * no handle is left that could set it: ERR_SYS). */
int loop_wait(struct loop *l, const bool *done, int64_t timeout_ms, struct err *reterr);

void loop_run(struct loop *l); /* until loop_stop() */
void loop_stop(struct loop *l);

AUTO_DEFINE(loop, struct loop *, loop_free);

/* A one-shot timer. The callback may free it; timer_free() cancels a pending one, NULL is fine. */
struct timer;
typedef void (*timer_fn)(void *arg);
struct timer *timer_start(struct loop *l, int64_t after_ms, timer_fn fn, void *arg);
void timer_free(struct timer *t);
