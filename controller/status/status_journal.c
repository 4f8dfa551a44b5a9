/* What this controller's own journals know of a transition, and of the alias. */
#include <string.h>

#include "base/mem.h"
#include "controller/cluster/config.h"
#include "controller/journal/journal.h"
#include "controller/status/status.h"

enum { JOURNALS_LOOKED_AT = 20 };

static bool moved_alias(const struct journal_record *r)
{
    return r->kind == JOURNAL_RESULT &&
           (strcmp(r->step, "flip") == 0 || strcmp(r->step, "undo") == 0) &&
           json_is_true(json_object_get(r->data, "ok"));
}

static void take_journal(const struct journal_file *f, struct arena *a, const char *txn,
                         struct status_journal *ret)
{
    for (size_t i = 0; i < f->n_records; i++)
        if (moved_alias(&f->records[i]) && f->records[i].wall_ms > ret->alias_moved_wall_ms)
            ret->alias_moved_wall_ms = f->records[i].wall_ms;
    if (ret->transition_known || !*txn || strcmp(f->txn, txn) != 0 || f->n_records == 0)
        return;
    const json_t *begin = f->records[0].data;
    const char *reason = json_string_value(json_object_get(begin, "reason"));
    const char *verb = json_string_value(json_object_get(begin, "verb"));
    const char *by = json_string_value(json_object_get(begin, "by"));

    ret->transition_known = true;
    ret->since_wall_ms = f->records[0].wall_ms;
    ret->reason = arena_strdup(a, reason ? reason : "");
    ret->verb = arena_strdup(a, verb ? verb : "");
    ret->began_by = arena_strdup(a, by ? by : "");
}

void status_read_journals(const struct config *c, struct arena *a, const char *txn,
                          struct status_journal *ret)
{
    char **paths;
    size_t n;

    *ret = (struct status_journal){.verb = "",
                                   .reason = "",
                                   .began_by = "",
                                   .running_pid = journal_writer(c->journal.directory)};
    if (journal_list(c->journal.directory, a, &paths, &n, NULL) < 0)
        return;
    for (size_t i = n; i > 0 && n - i < JOURNALS_LOOKED_AT; i--) {
        struct journal_file *f;

        if (journal_read(paths[i - 1], &f, NULL) < 0)
            continue;
        take_journal(f, a, txn, ret);
        journal_file_free(f);
    }
}
