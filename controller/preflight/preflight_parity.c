/* Client parity: will who works with the owner be able to work with the target? Settings, rules,
 * certificates, libraries, collations, files: by the inspections of both (proto/inspect.h). */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "controller/preflight/preflight_checks.h"

/* ---- settings -------------------------------------------------------------------------------- */

/* PostgreSQL, 27.4.3: a standby needs at least the primary's value of the first five. */
static const char *const not_smaller[] = {"max_connections",
                                          "max_worker_processes",
                                          "max_wal_senders",
                                          "max_prepared_transactions",
                                          "max_locks_per_transaction",
                                          "max_replication_slots",
                                          NULL};
/* What else changes how the server behaves for whoever writes to it. */
static const char *const alike[] = {"wal_level",
                                    "archive_mode",
                                    "archive_command",
                                    "archive_library",
                                    "session_preload_libraries",
                                    "local_preload_libraries",
                                    "hot_standby",
                                    "wal_log_hints",
                                    "full_page_writes",
                                    "fsync",
                                    "max_slot_wal_keep_size",
                                    "synchronous_commit",
                                    "default_transaction_isolation",
                                    "TimeZone",
                                    "password_encryption",
                                    "ssl_min_protocol_version",
                                    "autovacuum",
                                    "max_logical_replication_workers",
                                    "idle_in_transaction_session_timeout",
                                    "track_commit_timestamp",
                                    NULL};

const char *check_setting(const struct inspect *i, const char *name)
{
    for (size_t n = 0; n < i->n_settings; n++)
        if (strcmp(i->settings[n].name, name) == 0)
            return i->settings[n].value;
    return NULL;
}

bool check_settings_capacity(const struct check_view *v, struct preflight_result *r)
{
    char found[200] = "";

    for (const char *const *name = not_smaller; *name; name++) {
        const char *ours = check_setting(v->owner_inspection, *name),
                   *theirs = check_setting(v->target_inspection, *name);
        long long a, b;
        char text[96];

        if (!ours || !theirs || !str_to_int(ours, INT64_MIN, INT64_MAX, &a) ||
            !str_to_int(theirs, INT64_MIN, INT64_MAX, &b) || a <= b)
            continue;
        STR_PRINTF(text, "%s %lld instead of %lld", *name, b, a);
        check_list(found, sizeof(found), text);
        if (!*r->remedy)
            check_remedy(r, "on %s: ALTER SYSTEM SET %s = %lld; then restart PostgreSQL there",
                         v->target_name, *name, a);
    }
    if (*found)
        check_measured(r, "%s", found);
    return !*found;
}

bool check_settings_alike(const struct check_view *v, struct preflight_result *r)
{
    char found[200] = "";

    for (const char *const *name = alike; *name; name++) {
        const char *ours = check_setting(v->owner_inspection, *name),
                   *theirs = check_setting(v->target_inspection, *name);
        char text[160];

        if (!ours || !theirs || strcmp(ours, theirs) == 0)
            continue;
        STR_PRINTF(text, "%s '%.40s' instead of '%.40s'", *name, theirs, ours);
        check_list(found, sizeof(found), text);
        if (!*r->remedy)
            check_remedy(r, "on %s: SHOW %s; ALTER SYSTEM SET %s = …, or --ignore settings",
                         v->target_name, *name, *name);
    }
    if (*found)
        check_measured(r, "%s", found);
    return !*found;
}

bool check_read_only(const struct check_view *v, struct preflight_result *r)
{
    const char *value = v->target_inspection
                            ? check_setting(v->target_inspection, "default_transaction_read_only")
                            : NULL;

    if (!value)
        return check_unknown(r, "the setting of %s was not read", v->target_name);
    check_measured(r, "%s at %s", value, v->target_name);
    check_remedy(r,
                 "on %s: ALTER SYSTEM RESET default_transaction_read_only; SELECT "
                 "pg_reload_conf()",
                 v->target_name);
    return strcmp(value, "off") == 0;
}

bool check_pending_restart(const struct check_view *v, struct preflight_result *r)
{
    char found[200] = "";

    for (size_t n = 0; n < v->target_inspection->n_settings; n++)
        if (v->target_inspection->settings[n].pending_restart)
            check_list(found, sizeof(found), v->target_inspection->settings[n].name);
    if (*found)
        check_measured(r, "%s at %s", found, v->target_name);
    check_remedy(r, "restart PostgreSQL on %s now, while it is a standby", v->target_name);
    return !*found;
}

/* Each library of the owner's list must be in the target's. */
bool check_preload(const struct check_view *v, struct preflight_result *r)
{
    char missing[160] = "", library[64];
    const char *theirs;

    theirs = check_setting(v->target_inspection, "shared_preload_libraries");
    for (const char *at = check_setting(v->owner_inspection, "shared_preload_libraries");
         theirs && at && *at;) {
        size_t n = strcspn(at, ", ");

        STR_PRINTF(library, "%.*s", (int)n, at);
        if (n > 0 && !strstr(theirs, library))
            check_list(missing, sizeof(missing), library);
        at += n;
        at += strspn(at, ", ");
    }
    if (*missing)
        check_measured(r, "%s: not at %s", missing, v->target_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET shared_preload_libraries = '%.80s'; restart",
                 v->target_name,
                 *missing ? check_setting(v->owner_inspection, "shared_preload_libraries") : "");
    return !*missing;
}

/* ---- reaching it ----------------------------------------------------------------------------- */

/* The alias moves the host, never the port. */
bool check_port(const struct check_view *v, struct preflight_result *r)
{
    const char *ours = v->owner_inspection ? check_setting(v->owner_inspection, "port") : NULL;
    const char *theirs = v->target_inspection ? check_setting(v->target_inspection, "port") : NULL;
    char configured[24];

    if (!theirs)
        return check_unknown(r, "the setting of %s was not read", v->target_name);
    if (!ours) {
        STR_PRINTF(configured, "%" PRId64, v->c->nodes[v->from].port);
        ours = configured;
    }
    STR_PRINTF(r->threshold, "%s, the owner's", ours);
    check_measured(r, "%s at %s", theirs, v->target_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET port = %s; restart (clients keep theirs)",
                 v->target_name, ours);
    return strcmp(ours, theirs) == 0;
}

bool check_tls(const struct check_view *v, struct preflight_result *r)
{
    const char *ours = v->owner_inspection ? check_setting(v->owner_inspection, "ssl") : NULL;
    const char *theirs = v->target_inspection ? check_setting(v->target_inspection, "ssl") : NULL;

    if (!ours || !theirs)
        return check_unknown(r, "the setting was not read on both");
    check_measured(r, "ssl is %s at %s, %s at %s", ours, v->owner_name, theirs, v->target_name);
    check_remedy(r, "on %s: ALTER SYSTEM SET ssl = on; SELECT pg_reload_conf()", v->target_name);
    return strcmp(ours, "on") != 0 || strcmp(theirs, "on") == 0;
}

/* A certificate that names the alias on neither side is verified by no client. */
bool check_certificate(const struct check_view *v, struct preflight_result *r)
{
    const char *alias = v->c->cluster.alias;

    if (*v->target_inspection->certificate_problem) {
        check_measured(r, "%s: %.150s", v->target_name, v->target_inspection->certificate_problem);
        check_remedy(r, "on %s: SHOW ssl_cert_file; the agent's user must be able to read it",
                     v->target_name);
        return false;
    }
    if (!v->target_inspection->certificate_until_ms) {
        check_measured(r, "none: ssl is off at %s", v->target_name);
        return true;
    }
    int64_t days = (v->target_inspection->certificate_until_ms - clock_wall_ms()) / 86400000;
    STR_PRINTF(r->threshold, "%" PRId64 " days, and %.60s", v->c->limits.certificate_days, alias);
    check_remedy(r,
                 "a certificate for %s with subjectAltName=DNS:%s into ssl_cert_file, then "
                 "SELECT pg_reload_conf()",
                 v->target_name, alias);
    check_measured(r, "%" PRId64 " days, %s%.100s", days,
                   v->target_inspection->certificate_covers_alias ? "" : "not the alias: ",
                   *v->target_inspection->certificate_names
                       ? v->target_inspection->certificate_names
                       : "no names");
    return days >= v->c->limits.certificate_days &&
           (v->target_inspection->certificate_covers_alias ||
            (v->owner_inspection && !v->owner_inspection->certificate_covers_alias));
}

/* ---- pg_hba.conf, pg_ident.conf -------------------------------------------------------------- */

static bool has_row(const struct inspect_text *rows, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].text, text) == 0)
            return true;
    return false;
}

/* How many of a's rows are not in b; the first of them. */
static size_t rows_missing(const struct inspect_text *a, size_t n_a, const struct inspect_text *b,
                           size_t n_b, const char **ret_first)
{
    size_t n = 0;

    for (size_t i = 0; i < n_a; i++)
        if (!has_row(b, n_b, a[i].text) && n++ == 0)
            *ret_first = a[i].text;
    return n;
}

static bool same_rows(const struct check_view *v, struct preflight_result *r, const char *file,
                      const struct inspect_text *a, size_t n_a, const struct inspect_text *b,
                      size_t n_b)
{
    const char *first = "";
    size_t less = rows_missing(a, n_a, b, n_b, &first);
    size_t more = rows_missing(b, n_b, a, n_a, &first);

    check_remedy(r, "compare %s of %s and %s; then SELECT pg_reload_conf()", file, v->owner_name,
                 v->target_name);
    if (less + more > 0) {
        check_measured(r, "%zu not at %s, %zu only there: %.140s", less, v->target_name, more,
                       first);
        return false;
    }
    for (size_t i = 0; i < n_a && i < n_b; i++)
        if (strcmp(a[i].text, b[i].text) != 0) {
            check_measured(r, "another order, from rule %zu on: %.120s", i + 1, b[i].text);
            return false;
        }
    check_measured(r, "%zu rules, identical", n_a);
    return true;
}

bool check_hba(const struct check_view *v, struct preflight_result *r)
{
    if (v->owner_inspection->hba_rules < 0 || v->target_inspection->hba_rules < 0) {
        return check_unknown(r, "pg_hba_file_rules of %s could not be read",
                             v->owner_inspection->hba_rules < 0 ? v->owner_name : v->target_name);
    }
    return same_rows(v, r, "pg_hba.conf", v->owner_inspection->hba, v->owner_inspection->n_hba,
                     v->target_inspection->hba, v->target_inspection->n_hba);
}

bool check_ident(const struct check_view *v, struct preflight_result *r)
{
    if (v->owner_inspection->ident_rules < 0 || v->target_inspection->ident_rules < 0) {
        return check_unknown(r, "pg_ident_file_mappings of %s could not be read",
                             v->owner_inspection->ident_rules < 0 ? v->owner_name : v->target_name);
    }
    return same_rows(v, r, "pg_ident.conf", v->owner_inspection->ident,
                     v->owner_inspection->n_ident, v->target_inspection->ident,
                     v->target_inspection->n_ident);
}

/* PostgreSQL does not start with such a file: neither the old owner as a standby, nor, after its
 * next stop, the new one. */
bool check_hba_errors(const struct check_view *v, struct preflight_result *r)
{
    size_t seen = 0;

    for (size_t i = 0; i < v->w->n_nodes; i++) {
        const struct inspect *n = v->w->nodes[i].inspect;

        seen += n && n->hba_rules >= 0;
        if (!n || n->hba_errors + n->ident_errors == 0)
            continue;
        check_measured(r, "%" PRId64 " in error at %s", n->hba_errors + n->ident_errors,
                       v->c->nodes[i].name);
        check_remedy(r,
                     "on %s: SELECT line_number, error FROM pg_hba_file_rules WHERE error IS NOT "
                     "NULL (and pg_ident_file_mappings)",
                     v->c->nodes[i].name);
        return false;
    }
    return seen > 0 || check_unknown(r, "no agent could read pg_hba_file_rules");
}
