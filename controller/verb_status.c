/* `status`: one look at everything, in parallel, under one deadline. Exit status 0, or 10. */
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "controller/session.h"
#include "controller/status.h"
#include "controller/verbs.h"

static bool look(struct session *s)
{
    AUTO(arena) a = arena_new();
    struct world *w = arena_alloc(a, sizeof(*w));
    struct status *st = arena_alloc(a, sizeof(*st));
    struct status_journal j;

    world_observe(s, w, OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY);
    status_read_journals(s, a, w->d.record_valid ? w->d.record.txn : "", &j);
    status_build(st, s, a, w, &j, clock_wall_ms());
    if (s->options.watch_s && s->term.tty && s->options.format == FORMAT_PRETTY)
        printf("\033[H\033[2J%s, every %d s; Ctrl-C ends\n\n", report_time(a, st->now_wall_ms),
               (int)s->options.watch_s);
    status_print(st);
    return st->problems.n == 0;
}

int verb_status(struct session *s, struct err *reterr)
{
    bool never = false, fine = look(s);

    (void)reterr; /* the screen has said it all */
    while (s->options.watch_s) {
        (void)loop_wait(s->loop, &never, s->options.watch_s * 1000, NULL);
        fine = look(s);
    }
    return fine ? 0 : ERR_PROBLEM;
}
