#include "controller/journal/audit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum { FROM_LEAST_DIGITS = 12 };

struct look {
    struct audit *audit;
    struct arena *arena;
    const char *from;                /* NULL: everything is judged */
    bool judging;                    /* `from` has been found, or there is none */
    bool any;                        /* a record has been seen */
    char last[JOURNAL_HASH_BYTES];   /* of the last record so far */
    char before[JOURNAL_HASH_BYTES]; /* of the last one before the damaged journal; "" none */
};

static void find(struct look *l, bool fault, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static void find(struct look *l, bool fault, const char *path, const char *fmt, ...)
{
    struct audit *t = l->audit;
    struct audit_finding *list = arena_alloc(l->arena, (t->n_findings + 1) * sizeof(*list));
    char text[700];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (t->n_findings)
        memcpy(list, t->findings, t->n_findings * sizeof(*list));
    list[t->n_findings++] =
        (struct audit_finding){fault, arena_strdup(l->arena, path), arena_strdup(l->arena, text)};
    t->findings = list;
    t->n_faults += fault;
}

/* ---- between two journals -------------------------------------------------------------------- */

/* A journal that was begun while the one before it could not be read follows the last readable. */
static bool follows(const struct look *l, const char *prev)
{
    return strcmp(prev, l->last) == 0 || (*l->before && strcmp(prev, l->before) == 0);
}

static void judge_link(struct look *l, const struct journal_file *f)
{
    const char *prev = f->records[0].prev;

    if (l->any ? follows(l, prev) : strcmp(prev, JOURNAL_NO_PREVIOUS) == 0)
        return;
    if (l->any)
        find(l, true, f->path,
             "line 1: it follows record %.16s…, the journal before it ends in %.16s…: a journal "
             "between the two is missing, or the end of that one was cut off or rewritten",
             prev, l->last);
    else
        find(l, true, f->path,
             "line 1: it follows record %.16s…, which is not here: older journals were removed "
             "(if you did that, judge from there: --from %.16s)",
             prev, prev);
}

/* ---- one journal ----------------------------------------------------------------------------- */

static bool is_from(const struct look *l, const char *hash)
{
    return l->from && strncmp(hash, l->from, strlen(l->from)) == 0;
}

/* Judging begins here: what was found before is none of it. */
static void begin(struct look *l)
{
    l->judging = true;
    l->audit->n_findings = l->audit->n_faults = 0;
    l->audit->files = l->audit->records = 0;
}

static void find_from(struct look *l, const struct journal_file *f, size_t *ret_skipped)
{
    if (is_from(l, f->records[0].prev) && !l->judging && !l->any) {
        begin(l);
        STR_COPY(l->last, f->records[0].prev);
        l->any = true;
    }
    for (size_t i = 0; !l->judging && i < f->n_records; i++)
        if (is_from(l, f->records[i].hash)) {
            begin(l);
            *ret_skipped = i;
        }
}

static void judge_inside(struct look *l, const struct journal_file *f)
{
    if (f->n_damaged > 0)
        find(l, true, f->path, "%s%s", strstr(f->damage.msg, "line "),
             f->n_damaged > 1 ? " (and more lines after it)" : "");
    else if (f->n_records == 0)
        find(l, false, f->path, "it has no record: its command died before it began");
    else if (f->torn)
        find(l, false, f->path,
             "line %zu is torn: a crash cut it; nothing that was confirmed is missing",
             f->n_records + 1);
    if (f->n_records > 0 && !f->ended && f->n_damaged == 0)
        find(l, false, f->path, "it has no end: the command is at work, or died");
}

static void take_file(struct look *l, const struct journal_file *f)
{
    const struct journal_record *last = f->n_records ? &f->records[f->n_records - 1] : NULL;
    struct audit *t = l->audit;
    size_t skipped = 0;
    bool judged_before = l->judging;

    if (last)
        find_from(l, f, &skipped);
    if (last && judged_before)
        judge_link(l, f);
    judge_inside(l, f);
    if (f->n_damaged > 0 && !*l->before)
        STR_COPY(l->before, l->last);
    else if (f->n_damaged == 0)
        l->before[0] = '\0';
    t->files++;
    t->records += f->n_records - skipped;
    if (!last)
        return;
    l->any = true;
    STR_COPY(l->last, last->hash);
    STR_COPY(t->newest, last->hash);
    t->newest_path = arena_strdup(l->arena, f->path);
    t->newest_n = last->n;
    t->newest_wall_ms = last->wall_ms;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static int check_from(const char *from, struct err *reterr)
{
    size_t len = strlen(from);

    if (len >= FROM_LEAST_DIGITS && len < JOURNAL_HASH_BYTES &&
        strspn(from, "0123456789abcdef") == len)
        return 0;
    return err_set(reterr, ERR_USAGE, "`pgtandem audit verify` prints the newest record's hash",
                   "--from %.80s: not the hash of a record (%d to 64 digits of 0-9 and a-f)", from,
                   FROM_LEAST_DIGITS);
}

int audit_run(const char *directory, const char *from, struct arena *a, struct audit *ret_audit,
              struct err *reterr)
{
    struct audit t = {.files = 0, .newest_path = ""};
    struct look l = {.audit = &t, .arena = a, .from = from, .judging = !from};
    char **paths;
    size_t n;
    int rc = from ? check_from(from, reterr) : 0;

    if (rc == 0)
        rc = journal_list(directory, a, &paths, &n, reterr);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct journal_file *f;
        struct err e;

        if (journal_scan(paths[i], &f, &e) < 0) {
            find(&l, true, paths[i], "it cannot be read: %s", e.msg);
            continue;
        }
        if (i == 0 && f->n_records)
            STR_COPY(t.first_prev, f->records[0].prev);
        take_file(&l, f);
        journal_file_free(f);
    }
    if (rc == 0 && !l.judging)
        return err_set(reterr, ERR_INVALID,
                       "was it noted on another controller? Else compare the directory with a copy",
                       "no record of the %zu journals in %s has the hash %.16s…: the record that "
                       "was noted, or one before it, was changed or removed",
                       n, directory, from);
    if (rc == 0)
        *ret_audit = t;
    return rc;
}
