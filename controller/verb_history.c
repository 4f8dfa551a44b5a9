/* `history`: a row for each journal. `audit verify`: are they whole? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "controller/journal.h"
#include "controller/report.h"
#include "controller/session.h"
#include "controller/verbs.h"

static const struct report_column columns[] = {
    {"when", "WHEN", REPORT_TEXT, 0},
    {"verb", "VERB", REPORT_TEXT, 0},
    {"from", "FROM", REPORT_TEXT, 0},
    {"to", "TO", REPORT_TEXT, 0},
    {"outcome", "OUTCOME", REPORT_TEXT, 0},
    {"exit", NULL, REPORT_NUMBER, 0},
    {"outage_ms", "OUTAGE ms", REPORT_NUMBER, 3},
    {"duration_ms", "TOOK ms", REPORT_NUMBER, 2},
    {"epoch", "EPOCH", REPORT_NUMBER, 5},
    {"by", "BY", REPORT_TEXT, 4},
    {"reason", "REASON", REPORT_TEXT, -1},
    {"txn", NULL, REPORT_TEXT, 0},
    {"message", NULL, REPORT_TEXT, 0},
    {"journal", NULL, REPORT_TEXT, 0},
};

static const char *text(const json_t *data, const char *key)
{
    const char *s = json_string_value(json_object_get(data, key));

    return s && *s ? s : "-";
}

static void number(struct report *t, const json_t *data, const char *key)
{
    const json_t *n = json_object_get(data, key);

    if (json_integer_value(n) > 0 || (json_is_integer(n) && strcmp(key, "exit") == 0))
        report_cell(t, STYLE_PLAIN, "%" JSON_INTEGER_FORMAT, json_integer_value(n));
    else
        report_cell(t, STYLE_DIM, "-");
}

static void row(struct report *t, const struct journal_file *f)
{
    const struct journal_record *first = f->n_records ? &f->records[0] : NULL;
    const json_t *begin = first ? first->data : NULL;
    const json_t *end = first && f->ended ? f->records[f->n_records - 1].data : NULL;
    const char *outcome = f->ended ? text(end, "outcome") : "unfinished";
    bool fine = f->ended && json_integer_value(json_object_get(end, "exit")) == 0;

    report_cell(t, STYLE_PLAIN, "%s", first ? report_time(t->arena, first->wall_ms) : "-");
    report_cell(t, STYLE_PLAIN, "%s", text(begin, "verb"));
    report_cell(t, STYLE_PLAIN, "%s", text(begin, "from"));
    report_cell(t, STYLE_PLAIN, "%s", text(begin, "to"));
    report_cell(t, fine ? STYLE_GOOD : STYLE_BAD, "%s%s", outcome, f->torn ? " (torn)" : "");
    number(t, end, "exit");
    number(t, end, "outage_ms");
    number(t, end, "duration_ms");
    number(t, end, "epoch");
    report_cell(t, STYLE_PLAIN, "%s", text(begin, "by"));
    report_cell(t, STYLE_PLAIN, "%s", text(begin, "reason"));
    report_cell(t, STYLE_PLAIN, "%s", f->txn);
    report_cell(t, STYLE_PLAIN, "%s", text(end, "message"));
    report_cell(t, STYLE_PLAIN, "%s", f->path);
}

/* A damaged journal has a row too: it is not to be overlooked. */
static void damaged_row(struct report *t, const char *path, const struct err *e)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const char *key = columns[i].key;
        const char *cell = strcmp(key, "outcome") == 0   ? "DAMAGED"
                           : strcmp(key, "message") == 0 ? e->msg
                           : strcmp(key, "journal") == 0 ? path
                                                         : "-";
        report_cell(t, STYLE_BAD, "%s", cell);
    }
}

int verb_history(struct session *s, struct err *reterr)
{
    struct report t;
    char **paths;
    size_t n;
    int rc = journal_list(s->config.journal.directory, s->arena, &paths, &n, reterr);

    if (rc < 0)
        return rc;
    report_init(&t, s->arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < n; i++) {
        struct journal_file *f;
        struct err e;

        if (journal_read(paths[i], &f, &e) < 0) {
            damaged_row(&t, paths[i], &e);
            continue;
        }
        row(&t, f);
        journal_file_free(f);
    }
    if (n == 0 && s->options.format == FORMAT_PRETTY)
        printf("no command has changed anything from this controller yet (%s is empty)\n",
               s->config.journal.directory);
    else
        report_print(&t, s);
    return 0;
}

int verb_audit_verify(struct session *s, struct err *reterr)
{
    size_t files, records;
    int rc = journal_verify(s->config.journal.directory, &files, &records, reterr);

    if (rc < 0)
        return rc;
    printf("%s: %zu journals, %zu records: whole, and each follows the one before it\n",
           s->config.journal.directory, files, records);
    return 0;
}
