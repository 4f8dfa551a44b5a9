#include "controller/screen/status.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/journal/journal.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"

enum { JOURNALS_LOOKED_AT = 20 };

/* ---- one row a node -------------------------------------------------------------------------- */

static const struct report_column columns[] = {
    {NULL, "", REPORT_TEXT, 0}, /* "*": the owner */
    {"node", "NODE", REPORT_TEXT, 0},
    {"role", "ROLE", REPORT_TEXT, 0},
    {"state", "STATE", REPORT_TEXT, 0},
    {"timeline", "TLI", REPORT_NUMBER, 0},
    {"received", "RECEIVED", REPORT_TEXT, 2},
    {"replayed", "REPLAYED", REPORT_TEXT, 1},
    {NULL, "LAG", REPORT_TEXT, 0},
    {"lag_bytes", NULL, REPORT_NUMBER, 0},
    {"lag_seconds", NULL, REPORT_NUMBER, 0},
    {"cron", "CRON", REPORT_TEXT, 0},
    {"fence", "FENCE", REPORT_TEXT, 0},
    {"epoch", "EPOCH", REPORT_NUMBER, 4},
    {NULL, "AGENT", REPORT_TEXT, 3},
    {"owner", NULL, REPORT_BOOL, 0},
    {"software", NULL, REPORT_TEXT, 0},
    {"protocol", NULL, REPORT_NUMBER, 0},
    {"mode", NULL, REPORT_TEXT, 0},
    {"rtt_ms", NULL, REPORT_NUMBER, 0},
    {"clock_skew_ms", NULL, REPORT_NUMBER, 0},
    {"control_state", NULL, REPORT_TEXT, 0},
    {"error", NULL, REPORT_TEXT, 0},
};

static const char *state_word(const struct status *st, size_t node, int owner)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;

    switch ((enum pg_role)pg->role) {
    case PG_UNKNOWN:
        return pg->orphans != 0 ? "ORPHANS" : "-";
    case PG_STARTING:
        return pg->stopping ? "stopping" : "-";
    case PG_STOPPED:
        return pg->control_state == CONTROL_SHUTDOWNED ||
                       pg->control_state == CONTROL_SHUTDOWNED_IN_RECOVERY
                   ? "shut down"
                   : "NOT clean";
    case PG_WRITABLE:
        return "writable";
    case PG_RECOVERY:
        break;
    }
    if (pg->replay_paused)
        return "replay PAUSED";
    if (strcmp(pg->receiver_status, "streaming") != 0)
        return *pg->receiver_status ? pg->receiver_status : "NOT streaming";
    if (owner >= 0 && !view_streams_from(&st->session->cluster.config, st->w, node, (size_t)owner))
        return arena_printf(st->arena, "from %s", pg->receiver_host);
    return "streaming";
}

/* An agent remembers its promotion until it rejoins; beside a fence or a writable role it says
 * nothing new. */
static const char *fence_word(const struct obs_fence *f, int role)
{
    if (f->held)
        return "held";
    if (f->fenced)
        return f->standby_only ? "standby only" : "fenced";
    return f->promoting && role != PG_WRITABLE ? "promoting" : "-";
}

static const char *cron_word(struct arena *a, const struct obs_cron *c)
{
    int64_t n = c->entries_on + c->entries_off;

    if (!c->readable)
        return "unreadable";
    if (n == 0)
        return "none";
    return arena_printf(a, "%s %" PRId64 "/%" PRId64, c->entries_on ? "on" : "off", c->entries_on,
                        n);
}

static const char *lsn(struct arena *a, uint64_t value)
{
    char text[LSN_TEXT_BYTES];

    return value ? arena_strdup(a, lsn_text(value, text)) : "-";
}

/* What a standby can have: WAL that is inserted but not flushed yet is sent to nobody. */
static uint64_t written(const struct obs_pg *pg)
{
    return pg->flush_lsn ? pg->flush_lsn : pg->insert_lsn;
}

/* A walreceiver that has just begun reports the beginning of its segment: what was replayed has
 * been received. */
static uint64_t received(const struct obs_pg *pg)
{
    return pg->receive_lsn > pg->replay_lsn ? pg->receive_lsn : pg->replay_lsn;
}

/* What PostgreSQL has measured: how long the latest WAL took from its flush on the owner to its
 * replay on this standby. It says nothing once all has been replayed and no more is written. */
static int64_t measured_lag_ms(const struct status *st, size_t node, const struct obs_pg *owner)
{
    const struct obs_sender *s = view_sender(owner, &st->session->cluster.config.nodes[node]);

    return s ? s->replay_lag_ms : -1;
}

/* Behind the owner in bytes, and in seconds. The age of the last replayed commit is no lag: on an
 * idle primary it only grows, also while a checkpoint's record or the padding after a restart is
 * still on its way. It stands in only while the owner is silent. -1: unknown. */
static void lag_of(const struct status *st, size_t node, int owner, int64_t *ret_bytes,
                   int64_t *ret_ms)
{
    const struct obs_pg *pg = &st->w->nodes[node].obs.pg;
    const struct world_node *o = owner >= 0 ? &st->w->nodes[owner] : NULL;

    *ret_bytes = *ret_ms = -1;
    if (pg->role != PG_RECOVERY || !pg->replay_lsn)
        return;
    if (!o || !o->answered || o->obs.pg.role != PG_WRITABLE) {
        *ret_ms = pg->replay_delay_ms;
        return;
    }
    uint64_t ahead = written(&o->obs.pg);

    *ret_bytes = ahead > pg->replay_lsn ? (int64_t)(ahead - pg->replay_lsn) : 0;
    *ret_ms = *ret_bytes == 0 ? 0 : measured_lag_ms(st, node, &o->obs.pg);
}

static void lag_cells(struct status *st, struct report *t, int64_t bytes, int64_t ms)
{
    if (bytes >= 0 && ms >= 0)
        report_cell(t, STYLE_PLAIN, "%s %.1f s", human_bytes(st->arena, bytes), (double)ms / 1000);
    else
        report_cell(t, STYLE_PLAIN, "%s",
                    bytes >= 0 ? human_bytes(st->arena, bytes)
                    : ms >= 0  ? arena_printf(st->arena, "? %.1f s", (double)ms / 1000)
                               : "-");
    report_cell(t, STYLE_PLAIN, bytes >= 0 ? "%" PRId64 : "-", bytes);
    if (ms >= 0)
        report_cell(t, STYLE_PLAIN, "%.3f", (double)ms / 1000);
    else
        report_cell(t, STYLE_PLAIN, "-");
}

static enum report_style role_style(const struct world_node *n, bool is_owner)
{
    if (!n->answered || n->obs.pg.role == PG_UNKNOWN)
        return STYLE_BAD;
    if ((n->obs.pg.role == PG_WRITABLE) != is_owner)
        return STYLE_BAD;
    return n->obs.pg.role == PG_WRITABLE || n->obs.pg.role == PG_RECOVERY ? STYLE_GOOD : STYLE_WARN;
}

static void silent_row(struct status *st, const struct world_node *n, const char *name,
                       bool is_owner)
{
    struct report *t = &st->nodes;

    report_cell(t, STYLE_BOLD, "%s", is_owner ? "*" : "");
    report_cell(t, STYLE_BOLD, "%s", name);
    report_cell(t, STYLE_BAD, "silent");
    for (size_t i = 3; i + 1 < t->n_columns; i++)
        report_cell(t, STYLE_DIM, "%s",
                    columns[i].kind != REPORT_BOOL ? "-"
                    : is_owner                     ? "yes"
                                                   : "no");
    report_cell(t, STYLE_PLAIN, "%s", n->error.msg);
}

static void node_row(struct status *st, size_t i, int owner)
{
    const struct world_node *n = &st->w->nodes[i];
    const struct node_obs *o = &n->obs;
    const char *name = st->session->cluster.config.nodes[i].name;
    bool is_owner = (int)i == owner, primary = o->pg.role == PG_WRITABLE;
    struct report *t = &st->nodes;
    int64_t bytes, ms;

    if (!n->answered) {
        silent_row(st, n, name, is_owner);
        return;
    }
    lag_of(st, i, owner, &bytes, &ms);
    report_cell(t, STYLE_BOLD, "%s", is_owner ? "*" : "");
    report_cell(t, STYLE_BOLD, "%s", name);
    report_cell(t, role_style(n, is_owner), "%s", pg_role_names[o->pg.role]);
    report_cell(t, STYLE_PLAIN, "%s", state_word(st, i, owner));
    report_cell(t, STYLE_PLAIN, "%" PRId64, o->pg.tli ? o->pg.tli : o->pg.control_tli);
    report_cell(t, STYLE_PLAIN, "%s", lsn(st->arena, primary ? written(&o->pg) : received(&o->pg)));
    report_cell(t, STYLE_PLAIN, "%s", lsn(st->arena, primary ? 0 : o->pg.replay_lsn));
    lag_cells(st, t, bytes, ms);
    report_cell(t, STYLE_PLAIN, "%s", cron_word(st->arena, &o->cron));
    const char *fence = fence_word(&o->fence, o->pg.role);
    report_cell(t, strcmp(fence, "-") == 0 ? STYLE_DIM : STYLE_WARN, "%s", fence);
    report_cell(t, STYLE_PLAIN, "%" PRId64, o->epoch);
    const char *version = strchr(o->software, ' ');
    report_cell(t, o->mode == MODE_ACT ? STYLE_DIM : STYLE_WARN, "%s%s %" PRId64 " ms",
                version ? version + 1 : o->software, o->mode == MODE_ACT ? "" : " observes",
                n->rtt_ms);
    report_cell(t, STYLE_PLAIN, "%s", is_owner ? "yes" : "no");
    report_cell(t, STYLE_PLAIN, "%s", o->software);
    report_cell(t, STYLE_PLAIN, "%d", n->version);
    report_cell(t, STYLE_PLAIN, "%s", agent_mode_names[o->mode]);
    report_cell(t, STYLE_PLAIN, "%" PRId64, n->rtt_ms);
    report_cell(t, STYLE_PLAIN, "%" PRId64, n->skew_ms);
    report_cell(t, STYLE_PLAIN, "%s", pg_control_state_names[o->pg.control_state]);
    report_cell(t, STYLE_PLAIN, "%s", o->pg.problem);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void survey(struct status *st)
{
    const struct dns_survey *sv = &st->w->survey;

    st->ns_total = st->w->survey_done ? sv->n : 0;
    for (size_t i = 0; i < st->ns_total; i++)
        st->ns_agree += sv->ns[i].agrees;
}

/* A client's resolver may have asked right before the alias moved. */
static void caches(struct status *st)
{
    const struct dns_view *d = &st->w->d;
    int64_t ttl = d->status == DNS_VIEW_OK && d->record_valid ? d->record.ttl : 0;

    if (d->status == DNS_VIEW_OK && d->cname_ttl > ttl)
        ttl = d->cname_ttl;
    if (st->journal.alias_moved_wall_ms &&
        st->journal.alias_moved_wall_ms + ttl * 1000 > st->now_wall_ms)
        st->caches_clear_wall_ms = st->journal.alias_moved_wall_ms + ttl * 1000;
}

/* DNS does not respond: the newest record that an agent has seen shows at least the owner. */
static void newest_seen(struct status *st)
{
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        struct record r;

        if (!st->w->nodes[i].answered || register_parse(st->w->nodes[i].obs.seen, &r, NULL) < 0 ||
            r.epoch <= st->last_seen.epoch)
            continue;
        st->last_seen = r;
        st->last_seen_by = st->session->cluster.config.nodes[i].name;
    }
}

/* The controller that began it may be gone, and with it the journal: each node that was armed has
 * kept it; the first of them was armed by whoever began. */
static void who_began(struct status *st)
{
    const struct dns_view *d = &st->w->d;
    const struct obs_begun *first = NULL;

    if (st->journal.transition_known || !d->record_valid || d->record.state == REGISTER_STABLE)
        return;
    for (size_t i = 0; i < st->w->n_nodes; i++) {
        const struct obs_begun *b = &st->w->nodes[i].obs.begun;

        if (st->w->nodes[i].answered && *b->txn && strcmp(b->txn, d->record.txn) == 0 &&
            (!first || b->wall_ms < first->wall_ms))
            first = b;
    }
    if (!first)
        return;
    st->journal.transition_known = true;
    st->journal.since_wall_ms = first->wall_ms;
    st->journal.verb = first->command;
    st->journal.reason = first->reason;
    st->journal.began_by = first->by;
}

/* What the others say of the one that was asked about. */
static uint32_t seen_writable(const struct world *w)
{
    for (size_t i = 0; i < w->n_nodes; i++)
        if ((w->evidence.from & (1U << i)) && w->evidence.seen[i].writable_seen)
            return 1U << w->evidence.about;
    return 0;
}

void status_build(struct status *st, struct session *s, struct arena *a, const struct world *w,
                  const struct status_journal *j, int64_t now_wall_ms)
{
    int owner;

    *st = (struct status){
        .session = s, .arena = a, .w = w, .journal = *j, .now_wall_ms = now_wall_ms, .next = ""};
    st->view = arena_alloc(a, sizeof(*st->view));
    newest_seen(st);
    view_from_world(&s->cluster.config, w, &st->last_seen, seen_writable(w), st->view);
    planner_situation(st->view, &st->situation);
    owner = planner_owner(st->view);
    report_init(&st->nodes, a, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < w->n_nodes; i++)
        node_row(st, i, owner);
    survey(st);
    caches(st);
    who_began(st);
    status_writable(st);
    status_problems(st);
    st->next = remedy_for(&s->options, a, st->next);
    for (size_t i = 0; i < st->problems.n; i++)
        st->problems.at[i].text = remedy_for(&s->options, a, st->problems.at[i].text);
}

/* ---- journals -------------------------------------------------------------------------------- */

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

void status_read_journals(const struct session *s, struct arena *a, const char *txn,
                          struct status_journal *ret)
{
    char **paths;
    size_t n;

    *ret =
        (struct status_journal){.verb = "",
                                .reason = "",
                                .began_by = "",
                                .running_pid = journal_writer(s->cluster.config.journal.directory)};
    if (journal_list(s->cluster.config.journal.directory, a, &paths, &n, NULL) < 0)
        return;
    for (size_t i = n; i > 0 && n - i < JOURNALS_LOOKED_AT; i--) {
        struct journal_file *f;

        if (journal_read(paths[i - 1], &f, NULL) < 0)
            continue;
        take_journal(f, a, txn, ret);
        journal_file_free(f);
    }
}

/* ---- for the screens ------------------------------------------------------------------------- */

struct status *status_look(struct session *s, struct arena *a)
{
    struct world *w = arena_alloc(a, sizeof(*w));
    struct status *st = arena_alloc(a, sizeof(*st));
    struct status_journal j;

    world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_DNS | OBSERVE_SURVEY);
    if (world_owner_is_silent(&s->cluster, w)) /* to us: what do the others see of it? */
        world_observe(&s->cluster, w, OBSERVE_AGENTS | OBSERVE_EVIDENCE);
    status_read_journals(s, a, w->d.record_valid ? w->d.record.txn : "", &j);
    status_build(st, s, a, w, &j, clock_wall_ms());
    return st;
}

const char *status_cell(const struct status *st, size_t node, const char *key)
{
    const struct report *t = &st->nodes;

    for (size_t c = 0; c < t->n_columns; c++)
        if (t->columns[c].key && strcmp(t->columns[c].key, key) == 0)
            return t->cells[node * t->n_columns + c].text;
    return "-";
}
