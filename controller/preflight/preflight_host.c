/* Checks of crontabs, disks and files on the owner and on the target. */
#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

/* ---- cron ------------------------------------------------------------------------------------ */

static bool readable(const struct node_obs *o, const char *name, struct preflight_result *r)
{
    check_measured(r, "readable");
    if (!o || o->cron.readable)
        return true;
    check_measured(r, "%s: %.130s", name,
                   *o->cron.problem ? o->cron.problem : "crontab -l does not work");
    check_remedy(r, "on %s: crontab -l as the agent's user (cron.allow, setgid crontab)", name);
    return false;
}

bool check_cron_readable(const struct check_view *v, struct preflight_result *r)
{
    return readable(v->owner, v->owner_name, r) && readable(v->target, v->target_name, r);
}

bool check_cron_daemon(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%s at %s", v->target->cron.daemon_running ? "running" : "not running",
                   v->target_name);
    check_remedy(r, "on %s: systemctl start cron (crond)", v->target_name);
    return v->target->cron.daemon_running;
}

/* Its entries cannot be compared: that is the cause, and comes first. */
static bool block_intact(const struct node_obs *o, const char *name, bool owner,
                         struct preflight_result *r)
{
    if (!o->cron.damaged)
        return true;
    check_measured(r, "the block at %s is damaged: %.120s", name, o->cron.problem);
    if (owner)
        check_remedy(r, "on %s: `crontab -e` as the agent's user", name);
    else
        check_remedy(r, "pgtandem cron sync %s", name);
    return false;
}

bool check_cron_parity(const struct check_view *v, struct preflight_result *r)
{
    if (!block_intact(v->owner, v->owner_name, true, r) ||
        !block_intact(v->target, v->target_name, false, r))
        return false;

    const char *ours = v->owner->cron.environment, *theirs = v->target->cron.environment;
    bool entries = strcmp(v->owner->cron.parity, v->target->cron.parity) == 0;
    /* an agent of version 1 does not say */
    bool variables = !*ours || !*theirs || strcmp(ours, theirs) == 0;
    bool alike = entries && variables;

    check_measured(r, "%s",
                   !entries     ? "they differ"
                   : !variables ? "the variables in force at them differ (SHELL, PATH, MAILTO, ...)"
                                : "identical");
    check_remedy(r, "pgtandem cron diff %s; pgtandem cron sync %s", v->target_name, v->target_name);
    return alike;
}

bool check_cron_entries(const struct check_view *v, struct preflight_result *r)
{
    int64_t n = v->target->cron.entries_on + v->target->cron.entries_off;

    check_measured(r, "%" PRId64 " at %s", n, v->target_name);
    check_remedy(r, "pgtandem cron adopt %s; pgtandem cron sync %s",
                 *v->owner_name ? v->owner_name : "OWNER", v->target_name);
    return n > 0;
}

bool check_cron_single(const struct check_view *v, struct preflight_result *r)
{
    char wrong[120] = "";

    for (size_t i = 0; i < v->w->n_nodes; i++)
        if ((int)i != v->from && check_knows(v, i, NODE_CRON) &&
            v->w->nodes[i].obs.cron.entries_on > 0)
            check_list(wrong, sizeof(wrong), v->c->nodes[i].name);
    if (*wrong) {
        check_measured(r, "on at %s", wrong);
        check_remedy(r, "pgtandem resume (turns them off)");
        return false;
    }
    if (v->owner && v->owner->cron.readable && v->owner->cron.entries_off > 0) {
        check_measured(r, "%" PRId64 " entries off at %s", v->owner->cron.entries_off,
                       v->owner_name);
        check_remedy(r, "pgtandem resume (turns them on)");
        return false;
    }
    return true;
}

bool check_jobs(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64 " running%s%.120s", v->owner->cron.jobs_running,
                   v->owner->cron.jobs_running ? ": " : "", v->owner->cron.jobs);
    check_remedy(r, "wait for them: --wait-jobs 600");
    return v->owner->cron.jobs_running == 0 || v->o->wait_jobs_s > 0;
}

/* ---- the owner's stop ------------------------------------------------------------------------ */

bool check_archive_backlog(const struct check_view *v, struct preflight_result *r)
{
    STR_PRINTF(r->threshold, "at most %" PRId64 " files", v->c->limits.ready_files);
    check_measured(r, "%" PRId64 " files", v->owner->pg.ready_files);
    check_remedy(r, "on %s: SELECT * FROM pg_stat_archiver; correct archive_command first",
                 v->owner_name);
    return v->owner->pg.ready_files <= v->c->limits.ready_files;
}

/* A stop waits for the archive_command that is running, and for one more of each file that is
 * left. */
bool check_archive_wait(const struct check_view *v, struct preflight_result *r)
{
    const struct obs_pg *pg = &v->owner->pg;
    int64_t most_s = v->c->limits.archive_wait_s;

    STR_PRINTF(r->threshold, "at most %" PRId64 " s", most_s);
    if (pg->archiving_s >= 0)
        check_measured(r,
                       "archive_command has been running for %" PRId64
                       " s, the oldest WAL file has waited for %" PRId64 " s",
                       pg->archiving_s, pg->ready_oldest_s);
    else if (pg->ready_oldest_s >= 0)
        check_measured(r, "the oldest WAL file has waited for %" PRId64 " s", pg->ready_oldest_s);
    else
        check_measured(r, "no WAL file waits");
    check_remedy(r,
                 "wait until it has ended (on %s: SELECT * FROM pg_stat_archiver), or make "
                 "archive_command faster",
                 v->owner_name);
    return pg->archiving_s <= most_s && pg->ready_oldest_s <= most_s;
}

bool check_prepared(const struct check_view *v, struct preflight_result *r)
{
    check_measured(r, "%" PRId64, v->owner->pg.prepared_xacts);
    check_remedy(r, "on %s: SELECT * FROM pg_prepared_xacts (they survive the move)",
                 v->owner_name);
    return v->owner->pg.prepared_xacts == 0;
}

bool check_backups(const struct check_view *v, struct preflight_result *r)
{
    const struct obs_pg *pg = &v->owner->pg;

    check_measured(r, "%" PRId64 " running%s%.250s", pg->backups_running,
                   *obs_pg_backups(pg) ? ": " : "", obs_pg_backups(pg));
    check_remedy(r, "the move would abort it. Wait for its end: --wait-jobs SECS waits for it too");
    return pg->backups_running == 0 || v->o->wait_jobs_s > 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

bool check_disk(const struct check_view *v, struct preflight_result *r)
{
    STR_PRINTF(r->threshold, "at least %" PRId64 " MiB", v->c->limits.free_bytes >> 20);
    check_measured(r, "%" PRId64 " MiB free at %s", v->target->pg.free_bytes >> 20, v->target_name);
    check_remedy(r, "on %s: free space in pg_wal's file system", v->target_name);
    return v->target->pg.free_bytes >= v->c->limits.free_bytes;
}

/* A running primary with standby.signal becomes a standby at its next crash. recovery.signal beside
 * standby.signal outlives a promotion; no node may keep one, whatever it is now. */
bool check_signal_files(const struct check_view *v, struct preflight_result *r)
{
    if (v->owner && v->owner->pg.role == PG_WRITABLE && v->owner->pg.standby_signal) {
        check_measured(r, "standby.signal in the running primary's data directory on %s",
                       v->owner_name);
        check_remedy(r, "on %s: remove it from the data directory", v->owner_name);
        return false;
    }
    for (size_t i = 0; i < v->w->n_nodes; i++) {
        if (!v->w->nodes[i].answered || !v->w->nodes[i].obs.pg.recovery_signal)
            continue;
        check_measured(r,
                       "recovery.signal in the data directory of %s: as a primary, its next "
                       "start would be a recovery from the archive",
                       v->c->nodes[i].name);
        check_remedy(r, "on %s: remove recovery.signal from the data directory",
                     v->c->nodes[i].name);
        return false;
    }
    if (v->target && v->target->pg.promote_signal) {
        check_measured(r, "promote.signal on %s", v->target_name);
        check_remedy(r, "on %s: remove it from the data directory", v->target_name);
        return false;
    }
    return true;
}
