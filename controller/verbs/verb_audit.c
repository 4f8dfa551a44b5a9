/* `audit verify`: are the journals whole, and does each follow the one before it? */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/human.h"
#include "base/mem.h"
#include "controller/journal/audit.h"
#include "controller/session/report.h"
#include "controller/session/session.h"
#include "controller/verbs/verbs.h"

static void findings(const struct audit *t, struct arena *a, struct report *ret)
{
    static const struct report_column columns[] = {{"fault", NULL, REPORT_BOOL, 0},
                                                   {"journal", NULL, REPORT_TEXT, 0},
                                                   {"text", NULL, REPORT_TEXT, 0}};

    REPORT_INIT(ret, a, columns);
    for (size_t i = 0; i < t->n_findings; i++) {
        report_bool(ret, STYLE_PLAIN, t->findings[i].fault);
        report_name(ret, STYLE_PLAIN, t->findings[i].path);
        report_name(ret, STYLE_PLAIN, t->findings[i].text);
    }
}

static void print_json(const struct session *s, const struct audit *t,
                       const struct report *findings)
{
    static const struct report_column columns[] = {
        {"journals", NULL, REPORT_NUMBER, 0},     {"records", NULL, REPORT_NUMBER, 0},
        {"faults", NULL, REPORT_NUMBER, 0},       {"newest", NULL, REPORT_TEXT, 0},
        {"newest_journal", NULL, REPORT_TEXT, 0}, {"newest_record", NULL, REPORT_NUMBER, 0},
        {"findings", NULL, REPORT_TABLE, 0}};
    struct report r;

    REPORT_INIT(&r, s->cluster.arena, columns);
    report_number(&r, STYLE_PLAIN, (int64_t)t->files);
    report_number(&r, STYLE_PLAIN, (int64_t)t->records);
    report_number(&r, STYLE_PLAIN, (int64_t)t->n_faults);
    report_name(&r, STYLE_PLAIN, t->newest);
    report_name(&r, STYLE_PLAIN, t->newest_path);
    report_number(&r, STYLE_PLAIN, t->newest_n);
    report_table(&r, STYLE_PLAIN, findings, "");
    report_put_json(s, report_json_row(&r));
}

static void print_pretty(struct session *s, const struct audit *t)
{
    printf("%s: %zu journals, %zu records%s%s\n", s->cluster.config.journal.directory, t->files,
           t->records, s->options.from ? " from the noted one on" : "",
           t->n_faults ? "" : ": whole, and each follows the one before it");
    for (size_t i = 0; i < t->n_findings; i++)
        report_wrap(s, t->findings[i].fault ? "  FAULT  " : "  note   ",
                    arena_printf(s->cluster.arena, "%s, %s", journal_name(t->findings[i].path),
                                 t->findings[i].text));
    if (!*t->newest)
        return;
    printf("newest   %s\n         record %" PRId64 " of %s, %s\n", t->newest, t->newest_n,
           journal_name(t->newest_path), human_time(s->cluster.arena, t->newest_wall_ms));
    report_wrap(s, "proves   ",
                "no record was changed, removed or put in before the newest one, unless somebody "
                "computed everything after it again, or took the newest ones away. Against that: "
                "note the newest hash where it cannot be changed (the ticket), and later");
    printf("         pgtandem audit verify --from %.16s\n", t->newest);
}

int verb_audit_verify(struct session *s, struct err *reterr)
{
    const char *directory = s->cluster.config.journal.directory;
    struct report rows;
    struct audit t;
    int rc = audit_run(directory, s->options.from, s->cluster.arena, &t, reterr);

    if (rc < 0)
        return rc;
    findings(&t, s->cluster.arena, &rows);
    switch (s->options.format) {
    case FORMAT_PRETTY:
        print_pretty(s, &t);
        break;
    case FORMAT_JSON:
        print_json(s, &t, &rows);
        break;
    case FORMAT_TSV:
        report_tsv(&rows, NULL);
        break;
    }
    if (t.n_faults)
        return err_set(reterr, ERR_INVALID,
                       "keep the directory as it is and compare it with a copy; commands go on "
                       "writing beside what is damaged",
                       "%zu faults in the journals of %s", t.n_faults, directory);
    return 0;
}
