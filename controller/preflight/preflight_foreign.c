/* Jobs elsewhere than in the managed crontab: listed, never touched. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

/* One of the names of acknowledged_foreign: a place, its file, or a hash. */
static bool acknowledged(const struct config *c, const struct inspect_job *job)
{
    for (const char *at = c->preflight.acknowledged_foreign; *at;) {
        size_t len = strcspn(at, ", ");

        if (len > 0 && ((strncmp(job->place, at, len) == 0 &&
                         (job->place[len] == '\0' || job->place[len] == ':')) ||
                        (strlen(job->hash) == len && strncmp(job->hash, at, len) == 0)))
            return true;
        at += len;
        at += strspn(at, ", ");
    }
    return false;
}

bool check_foreign_jobs(const struct check_view *v, struct preflight_result *r)
{
    char found[240] = "", text[220];
    int64_t all = 0, open = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct inspect *n = v->w->nodes[i].inspect;

        for (size_t k = 0; n && k < n->n_jobs; k++) {
            all++;
            if (acknowledged(v->c, &n->jobs[k]))
                continue;
            if (open++ == 0)
                check_remedy(r,
                             "they stay where they are. To silence this one: [preflight] "
                             "acknowledged_foreign = %.100s (or %s)",
                             n->jobs[k].place, n->jobs[k].hash);
            STR_PRINTF(text, "%s %s (%s)", v->c->nodes[i].name, n->jobs[k].place, n->jobs[k].what);
            check_list(found, sizeof(found), text);
        }
    }
    if (open > 0)
        check_measured(r, "%" PRId64 ": %s", open, found);
    else
        check_measured(r, "%" PRId64 " found, all acknowledged", all);
    return open == 0;
}
