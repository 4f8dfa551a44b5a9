/* Backups: how old is the newest, and is it still there when the owner is not? */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

/* The newest one that any inspection reports; with `outlives`, of those that do not need the
 * owner's host. NULL: none. */
static const struct inspect *newest(const struct check_view *v, bool outlives, bool *ret_configured)
{
    const struct inspect *found = NULL;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct inspect *n = v->w->nodes[i].inspect;

        if (!n || !n->backup_configured)
            continue;
        *ret_configured = true;
        if (outlives && (int)i == v->from && !n->backup_outlives)
            continue;
        if (n->backup_ms > 0 && (!found || n->backup_ms > found->backup_ms))
            found = n;
    }
    return found;
}

static const char *problem_of(const struct check_view *v)
{
    for (size_t i = 0; i < v->w->n_nodes; i++)
        if (v->w->nodes[i].inspect && *v->w->nodes[i].inspect->backup_problem)
            return v->w->nodes[i].inspect->backup_problem;
    return "none found";
}

static bool judge(const struct check_view *v, struct preflight_result *r, bool outlives)
{
    bool configured = false;
    const struct inspect *i = newest(v, outlives, &configured);
    int64_t hours;

    STR_PRINTF(r->threshold, "at most %" PRId64 " h old", v->c->limits.backup_age_s / 3600);
    if (!configured) {
        check_measured(r, "not looked at: no agent.conf has [backup]");
        return true;
    }
    if (!i) {
        check_measured(r, "%.150s", outlives ? "none but on the owner's own disks" : problem_of(v));
        return false;
    }
    hours = (clock_wall_ms() - i->backup_ms) / 3600000;
    check_measured(r, "%" PRId64 " h old, %.150s", hours, i->backup_place);
    return hours * 3600 <= v->c->limits.backup_age_s;
}

bool check_backup_age(const struct check_view *v, struct preflight_result *r)
{
    check_remedy(r, "make one (pg_basebackup, pgBackRest, …) before the move");
    return judge(v, r, false);
}

bool check_backup_outlives(const struct check_view *v, struct preflight_result *r)
{
    check_remedy(r,
                 "copy it to another host than %s; [backup] dir or newest_command there reports "
                 "it",
                 *v->owner_name ? v->owner_name : "the owner");
    return judge(v, r, true);
}
