/* What goes on at the owner that its stop would meet, and rights that the next roles need. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

bool check_transactions(const struct check_view *v, struct preflight_result *r)
{
    STR_PRINTF(r->threshold, "at most %" PRId64 " s", v->c->limits.xact_age_s);
    if (v->owner_inspection->oldest_xact_s < 0)
        check_measured(r, "none open");
    else
        check_measured(r, "%" PRId64 " s: %s", v->owner_inspection->oldest_xact_s,
                       v->owner_inspection->oldest_xact);
    check_remedy(r, "on %s: wait for it, or SELECT pg_terminate_backend(PID): the move aborts it",
                 v->owner_name);
    return v->owner_inspection->oldest_xact_s <= v->c->limits.xact_age_s;
}

bool check_dumps(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " running", v->owner_inspection->dumps);
    check_remedy(r, "wait for its end: the move would abort it");
    return v->owner_inspection->dumps == 0;
}

bool check_archiver(const struct check_view *v, struct preflight_result *r)
{
    if (v->owner_inspection->archive_failing)
        check_measured(r, "%s failed %" PRId64 " s ago", v->owner_inspection->archive_failed_wal,
                       v->owner_inspection->archive_failed_s);
    check_remedy(
        r, "on %s: SELECT * FROM pg_stat_archiver; correct archive_command: a stop waits for it",
        v->owner_name);
    return !v->owner_inspection->archive_failing;
}

bool check_logical_slots(const struct check_view *v, struct preflight_result *r)
{
    char names[160] = "";

    for (size_t i = 0; i < v->owner->pg.n_slots; i++)
        if (!v->owner->pg.slots[i].physical)
            check_list(names, sizeof(names), v->owner->pg.slots[i].name);
    check_measured(r, "%s", *names ? names : "none");
    check_remedy(r, "they stay on %s: make them on the new primary, and its subscribers again",
                 v->owner_name);
    return !*names;
}

bool check_replication_role(const struct check_view *v, struct preflight_result *r)
{
    if (*v->target_inspection->replication_role)
        check_measured(r, "%s", v->target_inspection->replication_role);
    check_remedy(r,
                 "on %s: CREATE/ALTER ROLE … LOGIN REPLICATION; [postgresql] replication_user "
                 "names it in agent.conf",
                 v->owner_name);
    return !*v->target_inspection->replication_role;
}

bool check_rewindable(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%s at %s", v->target->pg.rewindable ? "yes" : "no", v->target_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET wal_log_hints = on; restart", v->target_name);
    return v->target->pg.rewindable;
}

bool check_rewind_rights(const struct check_view *v, struct preflight_result *r)
{
    if (*v->target_inspection->rewind_lacks)
        check_measured(r, "not %s", v->target_inspection->rewind_lacks);
    check_remedy(r,
                 "on %s: GRANT EXECUTE ON FUNCTION … TO the replication role (PostgreSQL, "
                 "pg_rewind, Notes)",
                 v->owner_name);
    return !*v->target_inspection->rewind_lacks;
}
