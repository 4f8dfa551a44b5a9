/* `status`, `topology`: one look at everything, in parallel, under one deadline. Exit status 0, or
 * 10. */
#include <stdio.h>

#include "base/err.h"
#include "base/human.h"
#include "base/mem.h"
#include "controller/screen/screen.h"
#include "controller/screen/status_print.h"
#include "controller/screen/topology.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

/* The time of the look on top; a new frame under the last one where nothing is drawn over. */
static void heading(const struct session *s, const struct status *st, bool first)
{
    if (s->options.format != FORMAT_PRETTY)
        return;
    fprintf(s->term.out, "%s%s, every %d s%s\n\n", first || s->term.tty ? "" : "\n",
            human_time(st->arena, st->now_wall_ms), (int)s->options.watch_s,
            s->term.tty ? "; Ctrl-C ends" : "");
}

static bool watch(struct session *s)
{
    struct screen *screen = screen_open(s);
    struct status_past *past = status_past_new();
    bool fine = false, go_on = true;

    for (bool first = true; go_on; first = false) {
        AUTO(arena) a = arena_new();
        struct status *st = status_look(&s->cluster, a);

        fine = st->problems.n == 0;
        status_compare(past, st);
        screen_begin(screen);
        heading(s, st, first);
        status_print(s, st);
        go_on = screen_end(screen) && screen_wait(screen, s->options.watch_s * 1000);
    }
    screen_close(screen);
    status_past_free(past);
    return fine;
}

int verb_status(struct session *s, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    bool fine;

    (void)reterr; /* the screen says it all */
    if (s->options.watch_s) {
        fine = watch(s);
    } else {
        struct status *st = status_look(&s->cluster, a);

        status_print(s, st);
        fine = st->problems.n == 0;
    }
    return fine ? 0 : ERR_PROBLEM;
}

int verb_topology(struct session *s, struct err *reterr)
{
    AUTO(arena) a = arena_new();
    struct topology t;
    bool fine = true;

    (void)reterr; /* the picture says it all */
    topology_build(&t, status_look(&s->cluster, a));
    topology_print(s, &t);
    for (size_t i = 0; i < s->cluster.config.n_nodes; i++)
        fine &= *t.wrong[i] == '\0';
    return fine && t.alias >= 0 && t.alias == t.owner ? 0 : ERR_PROBLEM;
}
