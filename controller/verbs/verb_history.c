/* `history`: a row for each journal, the newest last: it is what a person sees first. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/human.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/history/elsewhere.h"
#include "controller/history/story.h"
#include "controller/journal/who.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

static const struct report_column columns[] = {
    {"when", "WHEN", REPORT_TEXT, 0},
    {NULL, "ID", REPORT_TEXT, 2},
    {"verb", "VERB", REPORT_TEXT, 0},
    {"from", "FROM", REPORT_TEXT, 0},
    {"to", "TO", REPORT_TEXT, 0},
    {"outcome", "OUTCOME", REPORT_TEXT, 0},
    {"exit", NULL, REPORT_NUMBER, 0},
    {"outage_ms", "OUTAGE ms", REPORT_NUMBER, 4},
    {"duration_ms", "TOOK ms", REPORT_NUMBER, 3},
    {"epoch", "EPOCH", REPORT_NUMBER, 6},
    {"by", NULL, REPORT_TEXT, 0},
    {"who", "WHO", REPORT_TEXT, 5},
    {"user", NULL, REPORT_TEXT, 0},
    {"sudo_user", NULL, REPORT_TEXT, 0},
    {"terminal", NULL, REPORT_TEXT, 0},
    {"client", NULL, REPORT_TEXT, 0},
    {"reason", "REASON", REPORT_TEXT, -1},
    {"txn", NULL, REPORT_TEXT, 0},
    {"transition", NULL, REPORT_TEXT, 0},
    {"message", NULL, REPORT_TEXT, 0},
    {"journal", NULL, REPORT_TEXT, 0},
};

/* ---- which ones ------------------------------------------------------------------------------ */

static const char *const date_formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
                                           "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};

/* A local date, or an age. */
static int parse_since(const char *text, int64_t now_wall_ms, int64_t *ret_wall_ms,
                       struct err *reterr)
{
    static const char units[] = "smhdw";
    static const int seconds[] = {1, 60, 3600, 86400, 7 * 86400};
    size_t len = strlen(text);
    const char *unit = len > 1 ? strchr(units, text[len - 1]) : NULL;
    char digits[16];
    long long n;

    for (size_t i = 0; i < sizeof(date_formats) / sizeof(date_formats[0]); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *rest = strptime(text, date_formats[i], &tm);

        if (rest && !*rest) {
            *ret_wall_ms = (int64_t)mktime(&tm) * 1000;
            return 0;
        }
    }
    if (unit && STR_PRINTF(digits, "%.*s", (int)len - 1, text) &&
        str_to_int(digits, 0, 100000, &n)) {
        *ret_wall_ms = now_wall_ms - n * seconds[unit - units] * 1000;
        return 0;
    }
    return err_set(reterr, ERR_USAGE, "2026-01-28, \"2026-01-28 03:14\", 90m, 12h, 7d",
                   "--since %.40s is neither a date nor an age", text);
}

/* From it, to it, or one of its steps was about it. */
static bool touches(const struct story *st, const char *node)
{
    if (strcmp(st->from, node) == 0 || strcmp(st->to, node) == 0)
        return true;
    for (size_t i = 0; i < st->n_steps; i++)
        if (strcmp(st->steps[i].node, node) == 0)
            return true;
    return false;
}

static bool wanted(const struct session *s, const struct story *st, int64_t since_wall_ms)
{
    return (!st->began_wall_ms || st->began_wall_ms >= since_wall_ms) &&
           (!s->options.node || touches(st, s->options.node));
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void at_least(struct report *t, int64_t n, int64_t least)
{
    if (n >= least)
        report_number(t, STYLE_PLAIN, n);
    else
        report_none(t);
}

/* The newest one without an end may be at work. */
static const char *outcome(const struct session *s, const struct story_list *l,
                           const struct story *st, char ret_word[80])
{
    bool newest = l->n > 0 && l->stories[l->n - 1] == st;
    const char *word = st->end ? st->outcome
                       : newest && journal_writer(s->cluster.config.journal.directory) != 0
                           ? "running"
                           : "unfinished";

    if (!st->begin && st->file->n_damaged)
        word = "DAMAGED";
    (void)str_printf(ret_word, 80, "%s%s%s", word, st->file->torn ? " (torn)" : "",
                     st->begin && st->file->n_damaged ? " (DAMAGED)" : "");
    return ret_word;
}

static void row(struct report *t, struct session *s, const struct story_list *l,
                const struct story *st)
{
    const json_t *who = json_object_get(st->begin, "who");
    char word[80], person[WHO_TEXT_BYTES];
    bool fine = st->exit == 0 && st->file->n_damaged == 0;

    report_word(t, STYLE_PLAIN, st->began_wall_ms ? human_time(t->arena, st->began_wall_ms) : "");
    report_text(t, STYLE_DIM, "%.6s", st->txn);
    report_word(t, STYLE_PLAIN, st->verb);
    report_word(t, STYLE_PLAIN, st->from);
    report_word(t, STYLE_PLAIN, st->to);
    report_text(t, fine ? STYLE_GOOD : STYLE_BAD, "%s", outcome(s, l, st, word));
    at_least(t, st->exit, 0);
    at_least(t, st->outage_ms, 0);
    at_least(t, st->duration_ms, 0);
    at_least(t, st->epoch, 1);
    report_word(t, STYLE_PLAIN, st->by);
    report_word(t, STYLE_PLAIN, who ? who_text(who, person) : st->by);
    report_word(t, STYLE_PLAIN, story_text(who, "user"));
    report_word(t, STYLE_PLAIN, story_text(who, "sudo_user"));
    report_word(t, STYLE_PLAIN, story_text(who, "terminal"));
    report_word(t, STYLE_PLAIN, story_text(who, "from"));
    report_word(t, STYLE_PLAIN, st->reason);
    report_word(t, STYLE_PLAIN, st->txn);
    report_word(t, STYLE_PLAIN, st->transition);
    report_word(t, STYLE_PLAIN, st->file->n_damaged ? st->file->damage.msg : st->message);
    report_word(t, STYLE_PLAIN, st->file->path);
}

/* What another controller began: DNS knows no more of it. */
static const char *elsewhere_cell(struct session *s, const struct elsewhere *e, const char *key)
{
    const struct record *d = &e->record;
    bool flipped = d->state == REGISTER_FLIP;

    if (strcmp(key, "from") == 0)
        return !flipped ? d->owner : d->n_from ? d->from[0].node : "";
    if (strcmp(key, "to") == 0)
        return flipped ? d->owner : d->to;
    if (strcmp(key, "by") == 0 || strcmp(key, "who") == 0)
        return d->by;
    if (strcmp(key, "txn") == 0 || strcmp(key, "transition") == 0)
        return d->txn;
    return strcmp(key, "message") == 0 ? elsewhere_text(s, e) : "";
}

static void elsewhere_row(struct report *t, struct session *s, const struct elsewhere *e)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *key = columns[i].key;

        if (!key)
            report_text(t, STYLE_DIM, "%.6s", e->record.txn);
        else if (strcmp(key, "epoch") == 0)
            at_least(t, e->record.epoch, 1);
        else if (strcmp(key, "outcome") == 0)
            report_text(t, STYLE_WARN, "open, begun elsewhere");
        else
            report_word(t, STYLE_PLAIN, elsewhere_cell(s, e, key));
    }
}

static size_t add_rows(struct report *t, struct session *s, const struct story_list *l,
                       int64_t since_wall_ms)
{
    size_t n = 0, skip = 0;

    for (size_t i = 0; i < l->n; i++)
        n += wanted(s, l->stories[i], since_wall_ms);
    if (s->options.limit && n > (size_t)s->options.limit)
        skip = n - (size_t)s->options.limit;
    for (size_t i = 0; i < l->n; i++) {
        if (!wanted(s, l->stories[i], since_wall_ms))
            continue;
        if (skip > 0)
            skip--;
        else
            row(t, s, l, l->stories[i]);
    }
    return n;
}

static void print_pretty(struct session *s, const struct report *t, const struct story_list *l,
                         const struct elsewhere *e, size_t n)
{
    if (report_rows(t) > 0)
        report_pretty(t, s);
    else if (l->n == 0)
        printf("no command has changed anything from this controller yet (%s is empty)\n",
               s->cluster.config.journal.directory);
    else
        printf("none of the %zu commands in %s is of that time and node\n", l->n,
               s->cluster.config.journal.directory);
    if (report_rows(t) - e->open < n)
        printf("  %s%zu older ones are not shown%s\n", report_on(s, STYLE_DIM),
               n + e->open - report_rows(t), report_off(s, STYLE_DIM));
    for (size_t i = 0; i < l->n; i++)
        if (l->stories[i]->file->n_damaged)
            report_wrap(s, "DAMAGED  ", l->stories[i]->file->damage.msg);
    if (e->open)
        report_wrap(s, "open     ", elsewhere_text(s, e));
}

int verb_history(struct session *s, struct err *reterr)
{
    int64_t since_wall_ms = 0;
    struct story_list l;
    struct elsewhere e;
    struct report t;
    int rc = s->options.since
                 ? parse_since(s->options.since, clock_wall_ms(), &since_wall_ms, reterr)
                 : 0;

    if (rc == 0 && s->options.node && !config_node_find(&s->cluster.config, s->options.node))
        rc = err_set(reterr, ERR_USAGE, "`pgtandem status` lists the nodes",
                     "no node is called \"%s\" in %s", s->options.node, s->cluster.config.path);
    if (rc < 0 || (rc = story_list_read(s->cluster.config.journal.directory, s->cluster.arena, &l,
                                        reterr)) < 0)
        return rc;
    REPORT_INIT(&t, s->cluster.arena, columns);
    elsewhere_look(s, &l, &e);
    size_t n = add_rows(&t, s, &l, since_wall_ms);
    if (e.open)
        elsewhere_row(&t, s, &e);
    if (s->options.format == FORMAT_PRETTY)
        print_pretty(s, &t, &l, &e, n);
    else
        report_print(&t, s);
    story_list_free(&l);
    return 0;
}
