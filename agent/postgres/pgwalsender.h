/*
 * Which walsenders a stop waits for. A fast stop of PostgreSQL waits for every connected one until
 * its standby has confirmed the shutdown checkpoint, and for a standby whose host is gone, or whose
 * walreceiver hangs, that is wal_sender_timeout (60 s), during which no node can write.
 *
 * Here only the standby that is to take over is worth waiting for, and only while it answers:
 *
 *   the target's          waited for; silent for a second after the checkpoint: all are ended
 *   any other standby's   ended as soon as the target's has done its part, a moment later
 *   without a target, and a subscriber's (logical)
 *                         waited for; ended when an answer is outstanding and it has been silent
 *                         for a second
 *
 * A walsender may be ended (SIGTERM) at any time of a stop. What its standby lacks then, it gets
 * from the next primary. "Silent" is what the kernel says of the connection (pgtcp.h), by our own
 * clock. An answer is outstanding: from all of them, once pg_control says "shut down" and the
 * postmaster still waits; before that, from each that has not acknowledged what was sent to it.
 */
#pragma once

#include <stdbool.h>

struct err;
struct loop;
struct obs_pg;
struct pgwalsenders;
struct postgres_config;
struct upstream;

/* `pg` is a look right before the stop; `target` may be NULL. To be called before the postmaster is
 * asked to stop. NULL if there is no walsender to wait for. */
struct pgwalsenders *pgwalsender_watch(struct loop *l, const struct postgres_config *c,
                                       const struct obs_pg *pg, const struct upstream *target);
/* NULL is fine. */
void pgwalsender_free(struct pgwalsenders *w);
/* The target's was ended, because it had fallen silent: *reterr says so. */
bool pgwalsender_target_lost(const struct pgwalsenders *w, struct err *reterr);
