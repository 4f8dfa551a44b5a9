/* What goes on at the owner that its stop would meet, and rights that the next roles need. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

bool check_transactions(const struct check_view *v, struct preflight_result *r)
{
    STR_PRINTF(r->threshold, "at most %" PRId64 " s", v->c->limits.xact_age_s);
    if (v->ai->oldest_xact_s < 0)
        check_measured(r, "none open");
    else
        check_measured(r, "%" PRId64 " s: %s", v->ai->oldest_xact_s, v->ai->oldest_xact);
    check_remedy(r, "on %s: wait for it, or SELECT pg_terminate_backend(PID): the move aborts it",
                 v->a_name);
    return v->ai->oldest_xact_s <= v->c->limits.xact_age_s;
}

bool check_dumps(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " running", v->ai->dumps);
    check_remedy(r, "wait for its end: the move would abort it");
    return v->ai->dumps == 0;
}

bool check_archiver(const struct check_view *v, struct preflight_result *r)
{
    if (v->ai->archive_failing)
        check_measured(r, "%s failed %" PRId64 " s ago", v->ai->archive_failed_wal,
                       v->ai->archive_failed_s);
    check_remedy(
        r, "on %s: SELECT * FROM pg_stat_archiver; correct archive_command: a stop waits for it",
        v->a_name);
    return !v->ai->archive_failing;
}

bool check_logical_slots(const struct check_view *v, struct preflight_result *r)
{
    char names[160] = "";

    for (size_t i = 0; i < v->a->pg.n_slots; i++)
        if (!v->a->pg.slots[i].physical)
            check_list(names, sizeof(names), v->a->pg.slots[i].name);
    check_measured(r, "%s", *names ? names : "none");
    check_remedy(r, "they stay on %s: make them on the new primary, and its subscribers again",
                 v->a_name);
    return !*names;
}

bool check_replication_role(const struct check_view *v, struct preflight_result *r)
{
    if (*v->bi->replication_role)
        check_measured(r, "%s", v->bi->replication_role);
    check_remedy(r,
                 "on %s: CREATE/ALTER ROLE … LOGIN REPLICATION; [postgresql] replication_user "
                 "names it in agent.conf",
                 v->a_name);
    return !*v->bi->replication_role;
}

bool check_rewindable(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%s at %s", v->b->pg.rewindable ? "yes" : "no", v->b_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET wal_log_hints = on; restart", v->b_name);
    return v->b->pg.rewindable;
}

bool check_rewind_rights(const struct check_view *v, struct preflight_result *r)
{
    if (*v->bi->rewind_lacks)
        check_measured(r, "not %s", v->bi->rewind_lacks);
    check_remedy(r,
                 "on %s: GRANT EXECUTE ON FUNCTION … TO the replication role (PostgreSQL, "
                 "pg_rewind, Notes)",
                 v->a_name);
    return !*v->bi->rewind_lacks;
}
