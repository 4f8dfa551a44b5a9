/* `show TXN`: everything that was kept of one command; with -w, of one that runs, until its end. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "controller/history/elsewhere.h"
#include "controller/history/story.h"
#include "controller/history/story_print.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

enum { FOLLOW_MS = 50 };

/* ---- which one ------------------------------------------------------------------------------- */

/* Not here: DNS may know of it, and on which controller to look. */
static int not_here(struct session *s, const struct story_list *l, const char *prefix,
                    struct err *reterr)
{
    struct elsewhere e;

    if (!prefix)
        return err_set(reterr, ERR_USAGE, "`pgtandem status`",
                       "no command has changed anything from this controller yet (%s is empty)",
                       s->cluster.config.journal.directory);
    elsewhere_look(s, l, &e);
    if (!e.answered || strncmp(e.record.txn, prefix, strlen(prefix)) != 0)
        return ERR_USAGE;
    return err_set(reterr, ERR_USAGE,
                   arena_printf(s->cluster.arena, "`pgtandem show %s` on %s", e.record.txn, e.host),
                   "no journal of transition %s is here. %s", e.record.txn, elsewhere_text(s, &e));
}

int story_choose(struct session *s, struct story_list *ret_list, struct story **ret_story,
                 struct err *reterr)
{
    const char *prefix = s->options.n_args ? s->options.args[0] : NULL;
    bool none;
    int rc =
        story_list_read(s->cluster.config.journal.directory, s->cluster.arena, ret_list, reterr);

    if (rc < 0)
        return rc;
    rc = story_list_find(ret_list, prefix, ret_story, &none, reterr);
    if (rc < 0 && none)
        rc = not_here(s, ret_list, prefix, reterr);
    if (rc < 0)
        story_list_free(ret_list);
    return rc;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void print_tsv(struct session *s, const struct story *st)
{
    static const struct report_column columns[] = {
        {"step", NULL, REPORT_TEXT, 0},    {"node", NULL, REPORT_TEXT, 0},
        {"at_ms", NULL, REPORT_NUMBER, 0}, {"ms", NULL, REPORT_NUMBER, 0},
        {"ok", NULL, REPORT_BOOL, 0},      {"detail", NULL, REPORT_TEXT, 0},
        {"error", NULL, REPORT_TEXT, 0},   {"hint", NULL, REPORT_TEXT, 0}};
    struct report t;

    REPORT_INIT(&t, s->cluster.arena, columns);
    for (size_t i = 0; i < st->n_steps; i++) {
        const struct story_step *step = &st->steps[i];

        report_text(&t, STYLE_PLAIN, "%s", step->name);
        report_text(&t, STYLE_PLAIN, "%s", step->node);
        report_number(&t, STYLE_PLAIN, step->at_ms);
        report_number(&t, STYLE_PLAIN, step->ms);
        report_bool(&t, STYLE_PLAIN, step->ok);
        report_text(&t, STYLE_PLAIN, "%s", step->detail);
        report_text(&t, STYLE_PLAIN, "%s", step->error);
        report_text(&t, STYLE_PLAIN, "%s", step->hint);
    }
    report_tsv(&t, NULL);
}

static void print_all(struct session *s, const struct story_list *l, const struct story *st)
{
    switch (s->options.format) {
    case FORMAT_PRETTY:
        story_print_head(s, st);
        for (size_t i = 0; i < st->n_steps; i++)
            story_print_step(s, &st->steps[i]);
        story_print_end(s, l, st);
        break;
    case FORMAT_JSON:
        report_put_json(s, story_json(s, l, st));
        break;
    case FORMAT_TSV:
        print_tsv(s, st);
        break;
    }
}

/* ---- following ------------------------------------------------------------------------------- */

/* Its exit status is ours. */
static int exit_of(const struct story *st, struct err *reterr)
{
    static const int codes[] = {[1] = ERR_USAGE,      [2] = ERR_PREFLIGHT,   [3] = ERR_UNDONE,
                                [4] = ERR_INCOMPLETE, [6] = ERR_UNREACHABLE, [7] = ERR_HELD,
                                [8] = ERR_REGISTER,   [9] = ERR_DECLINED,    [10] = ERR_PROBLEM};
    int64_t status = st->exit;

    if (status == 0)
        return 0;
    if (status < 0 || status > 10 || codes[status] == 0)
        status = 1;
    return err_set(reterr, codes[status], "`pgtandem status` shows what is now",
                   "%s %s ended with exit status %" PRId64 ": %s", st->verb, st->txn, st->exit,
                   st->message);
}

static int died(const struct story *st, struct err *reterr)
{
    return err_set(reterr, ERR_INCOMPLETE, "`pgtandem status`, then `pgtandem resume`",
                   "%s %s has no end and no process writes to its journal: the command died",
                   st->verb, st->txn);
}

/* The finished steps that have not been shown; the running one stays at the bottom. */
static void show_new(struct session *s, const struct story *st, size_t *shown)
{
    const struct story_step *step;

    if (s->term.tty)
        printf("\r\033[K");
    for (; *shown < st->n_steps; ++*shown) {
        step = &st->steps[*shown];
        if (step->ms < 0 && !st->end)
            break;
        story_print_step(s, step);
    }
    if (*shown < st->n_steps && s->term.tty)
        printf("  +%6.3f s  %-11s %-8s …", (double)st->steps[*shown].at_ms / 1000,
               st->steps[*shown].name, st->steps[*shown].node);
    fflush(stdout);
}

static int follow(struct session *s, const char *path, struct story_list *l, struct err *reterr)
{
    bool never = false, pretty = s->options.format == FORMAT_PRETTY;
    size_t shown = 0;

    for (bool first = true;; first = false) {
        AUTO(arena) a = arena_new();
        int writer = journal_writer(s->cluster.config.journal.directory); /* before the look */
        struct journal_file *f;
        int rc = journal_scan(path, &f, reterr);

        if (rc < 0)
            return rc;
        struct story *st = story_of(f, a);
        if (pretty && first)
            story_print_head(s, st);
        if (pretty)
            show_new(s, st, &shown);
        bool over = st->end || writer == 0;
        if (over && pretty)
            story_print_end(s, l, st);
        else if (over)
            print_all(s, l, st);
        rc = !over ? 0 : st->end ? exit_of(st, reterr) : died(st, reterr);
        story_free(st);
        if (over)
            return rc;
        (void)loop_wait(s->cluster.loop, &never, FOLLOW_MS, NULL);
    }
}

int verb_show(struct session *s, struct err *reterr)
{
    struct story_list l;
    struct story *st;
    int rc = story_choose(s, &l, &st, reterr);

    if (rc < 0)
        return rc;
    if (s->options.follow)
        rc = follow(s, st->file->path, &l, reterr);
    else
        print_all(s, &l, st);
    story_list_free(&l);
    return rc;
}
