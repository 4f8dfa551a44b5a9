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

static json_t *as_json(const struct audit *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->n_findings; i++)
        json_array_append_new(list,
                              json_pack("{s:b, s:s, s:s}", "fault", t->findings[i].fault, "journal",
                                        t->findings[i].path, "text", t->findings[i].text));
    return json_pack("{s:I, s:I, s:I, s:s, s:s, s:I, s:o}", "journals", (json_int_t)t->files,
                     "records", (json_int_t)t->records, "faults", (json_int_t)t->n_faults, "newest",
                     t->newest, "newest_journal", t->newest_path, "newest_record",
                     (json_int_t)t->newest_n, "findings", list);
}

static void print_tsv(struct session *s, const struct audit *t)
{
    static const struct report_column columns[] = {{"fault", NULL, REPORT_BOOL, 0},
                                                   {"journal", NULL, REPORT_TEXT, 0},
                                                   {"text", NULL, REPORT_TEXT, 0}};
    struct report r;

    report_init(&r, s->cluster.arena, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < t->n_findings; i++) {
        report_cell(&r, STYLE_PLAIN, "%s", t->findings[i].fault ? "yes" : "no");
        report_cell(&r, STYLE_PLAIN, "%s", t->findings[i].path);
        report_cell(&r, STYLE_PLAIN, "%s", t->findings[i].text);
    }
    report_tsv(&r, NULL);
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
    struct audit t;
    int rc = audit_run(directory, s->options.from, s->cluster.arena, &t, reterr);

    if (rc < 0)
        return rc;
    switch (s->options.format) {
    case FORMAT_PRETTY:
        print_pretty(s, &t);
        break;
    case FORMAT_JSON:
        report_put_json(s, as_json(&t));
        break;
    case FORMAT_TSV:
        print_tsv(s, &t);
        break;
    }
    if (t.n_faults)
        return err_set(reterr, ERR_INVALID,
                       "keep the directory as it is and compare it with a copy; commands go on "
                       "writing beside what is damaged",
                       "%zu faults in the journals of %s", t.n_faults, directory);
    return 0;
}
