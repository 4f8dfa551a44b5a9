#include "controller/screen/status_tables.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/human.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "controller/session/remedy.h"
#include "controller/session/session.h"

/* A time, or none. */
static void put_time(struct report *t, int64_t wall_ms)
{
    char text[CLOCK_TEXT_BYTES];

    report_word(t, STYLE_PLAIN, wall_ms ? clock_text(wall_ms, text) : NULL);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static const struct report_column node_columns[] = {
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

static enum report_style style_of(const struct status_node *n, enum status_watched what,
                                  enum report_style usual)
{
    return n->changed & 1U << what ? STYLE_CHANGED : usual;
}

/* WATCHED_COUNT: none. */
static enum status_watched watched_of(const char *key)
{
    static const char *const keys[WATCHED_COUNT] = {
#define X(id, name) name,
        STATUS_WATCHED(X)
#undef X
    };
    int i = 0;

    while (i < WATCHED_COUNT && (!key || strcmp(keys[i], key) != 0))
        i++;
    return (enum status_watched)i;
}

static enum report_style role_style(const struct status_node *n, int role)
{
    if (role == PG_UNKNOWN || (role == PG_WRITABLE) != n->owner)
        return STYLE_BAD;
    return role == PG_WRITABLE || role == PG_RECOVERY ? STYLE_GOOD : STYLE_WARN;
}

static void put_lsn(struct report *t, uint64_t lsn)
{
    char text[LSN_TEXT_BYTES];

    report_word(t, STYLE_PLAIN, lsn ? lsn_text(lsn, text) : NULL);
}

/* One text for people ("312 kB 0.4 s"), separate numbers for programs. */
static void put_lag(struct report *t, const struct status_node *n)
{
    const char *bytes = n->lag_bytes >= 0 ? human_bytes(t->arena, n->lag_bytes) : "?";

    if (n->lag_ms >= 0)
        report_text(t, STYLE_PLAIN, "%s %.1f s", bytes, (double)n->lag_ms / 1000);
    else
        report_word(t, STYLE_PLAIN, n->lag_bytes >= 0 ? bytes : NULL);
    if (n->lag_bytes >= 0)
        report_number(t, STYLE_PLAIN, n->lag_bytes);
    else
        report_none(t);
    if (n->lag_ms >= 0)
        report_real(t, STYLE_PLAIN, (double)n->lag_ms / 1000, 3);
    else
        report_none(t);
}

static void put_agent(struct report *t, const struct world_node *n)
{
    const char *version = strchr(n->obs.software, ' ');
    bool acts = n->obs.mode == MODE_ACT;

    report_text(t, acts ? STYLE_DIM : STYLE_WARN, "%s%s %" PRId64 " ms",
                version ? version + 1 : n->obs.software, acts ? "" : " observes", n->rtt_ms);
}

static void silent_row(struct report *t, const struct status_node *n)
{
    report_text(t, STYLE_BOLD, "%s", n->owner ? "*" : "");
    report_text(t, STYLE_BOLD, "%s", n->name);
    report_text(t, style_of(n, WATCHED_ROLE, STYLE_BAD), "silent");
    for (size_t i = 3; i + 1 < t->n_columns; i++)
        if (node_columns[i].kind == REPORT_BOOL)
            report_bool(t, STYLE_PLAIN, n->owner);
        else
            report_word(t, style_of(n, watched_of(node_columns[i].key), STYLE_DIM), NULL);
    report_text(t, STYLE_PLAIN, "%s", n->error);
}

static void node_row(struct report *t, const struct status_node *n, const struct world_node *look)
{
    const struct node_obs *o = &look->obs;

    report_text(t, STYLE_BOLD, "%s", n->owner ? "*" : "");
    report_text(t, STYLE_BOLD, "%s", n->name);
    report_text(t, style_of(n, WATCHED_ROLE, role_style(n, o->pg.role)), "%s",
                pg_role_names[o->pg.role]);
    report_word(t, style_of(n, WATCHED_STATE, STYLE_PLAIN), n->state);
    report_number(t, style_of(n, WATCHED_TIMELINE, STYLE_PLAIN), n->timeline);
    put_lsn(t, n->received);
    put_lsn(t, n->replayed);
    put_lag(t, n);
    report_word(t, style_of(n, WATCHED_CRON, STYLE_PLAIN), n->cron);
    report_word(t, style_of(n, WATCHED_FENCE, STYLE_WARN), n->fence);
    report_number(t, style_of(n, WATCHED_EPOCH, STYLE_PLAIN), o->epoch);
    put_agent(t, look);
    report_bool(t, STYLE_PLAIN, n->owner);
    report_text(t, STYLE_PLAIN, "%s", o->software);
    report_number(t, STYLE_PLAIN, look->version);
    report_text(t, STYLE_PLAIN, "%s", agent_mode_names[o->mode]);
    report_number(t, STYLE_PLAIN, look->rtt_ms);
    report_number(t, STYLE_PLAIN, look->skew_ms);
    report_text(t, STYLE_PLAIN, "%s", pg_control_state_names[o->pg.control_state]);
    report_text(t, STYLE_PLAIN, "%s", n->error);
}

static void node_rows(const struct status *st, struct report *t)
{
    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (st->nodes[i].answered)
            node_row(t, &st->nodes[i], &st->w->nodes[i]);
        else
            silent_row(t, &st->nodes[i]);
}

/* ---- what there is once ---------------------------------------------------------------------- */

static const struct report_column writable_columns[] = {
    {"state", NULL, REPORT_TEXT, 0},
    {"since", NULL, REPORT_TEXT, 0},
    {"text", NULL, REPORT_TEXT, 0},
    {"nodes", NULL, REPORT_TABLE, 0},
};

static void writable_row(const struct status *st, struct report *t)
{
    static const struct report_column value = {"", NULL, REPORT_TEXT, 0};
    struct report *nodes = arena_alloc(st->arena, sizeof(*nodes));
    const char *names = "";

    report_init(nodes, st->arena, &value, 1);
    for (size_t i = 0; i < st->w->n_nodes; i++)
        if (st->writable.nodes & 1U << i) {
            report_text(nodes, STYLE_PLAIN, "%s", st->nodes[i].name);
            names = arena_printf(st->arena, "%s%s%s", names, *names ? "," : "", st->nodes[i].name);
        }
    report_text(t, STYLE_PLAIN, "%s", writable_state_names[st->writable.state]);
    put_time(t, st->writable.since_wall_ms);
    report_text(t, STYLE_PLAIN, "%s", st->writable.text);
    report_table(t, STYLE_PLAIN, nodes, *names ? names : "-");
}

static const struct report_column alias_columns[] = {
    {"name", NULL, REPORT_TEXT, 0},           {"target", NULL, REPORT_TEXT, 0},
    {"ttl", NULL, REPORT_NUMBER, 0},          {"agree", NULL, REPORT_NUMBER, 0},
    {"name_servers", NULL, REPORT_NUMBER, 0}, {"caches_clear_by", NULL, REPORT_TEXT, 0},
};

static void alias_row(const struct session *s, const struct status *st, struct report *t)
{
    const struct dns_view *d = &st->w->d;
    bool ok = d->status == DNS_VIEW_OK && d->cname_present;

    report_text(t, STYLE_PLAIN, "%s", s->cluster.zone.alias);
    report_word(t, STYLE_PLAIN, ok ? d->cname : NULL);
    if (ok)
        report_number(t, STYLE_PLAIN, d->cname_ttl);
    else
        report_none(t);
    report_number(t, STYLE_PLAIN, (int64_t)st->ns_agree);
    report_number(t, STYLE_PLAIN, (int64_t)st->ns_total);
    put_time(t, st->caches_clear_wall_ms);
}

static const struct report_column record_columns[] = {
    {"epoch", NULL, REPORT_NUMBER, 0}, {"state", NULL, REPORT_TEXT, 0},
    {"owner", NULL, REPORT_TEXT, 0},   {"to", NULL, REPORT_TEXT, 0},
    {"by", NULL, REPORT_TEXT, 0},      {"txn", NULL, REPORT_TEXT, 0},
    {"text", NULL, REPORT_TEXT, 0},    {"from", NULL, REPORT_TABLE, 0},
};

static void from_cell(const struct record *r, struct report *t)
{
    static const struct report_column columns[] = {{"node", NULL, REPORT_TEXT, 0},
                                                   {"grade", NULL, REPORT_TEXT, 0}};
    struct report *from = arena_alloc(t->arena, sizeof(*from));
    const char *text = "";

    REPORT_INIT(from, t->arena, columns);
    for (size_t i = 0; i < r->n_from; i++) {
        const char *grade = grade_names[r->from[i].grade];

        report_text(from, STYLE_PLAIN, "%s", r->from[i].node);
        report_text(from, STYLE_PLAIN, "%s", grade);
        text = arena_printf(t->arena, "%s%s%s:%s", text, *text ? "," : "", r->from[i].node, grade);
    }
    report_table(t, STYLE_PLAIN, from, *text ? text : "-");
}

static void record_row(const struct status *st, struct report *t)
{
    const struct record *r = status_record(st);

    if (!r)
        return;
    report_number(t, STYLE_PLAIN, r->epoch);
    report_text(t, STYLE_PLAIN, "%s", register_state_names[r->state]);
    report_text(t, STYLE_PLAIN, "%s", r->owner);
    report_name(t, STYLE_PLAIN, r->to);
    report_text(t, STYLE_PLAIN, "%s", r->by);
    report_text(t, STYLE_PLAIN, "%s", r->txn);
    report_text(t, STYLE_PLAIN, "%s", st->w->d.txt);
    from_cell(r, t);
}

static const struct report_column transition_columns[] = {
    {"txn", NULL, REPORT_TEXT, 0},
    {"state", NULL, REPORT_TEXT, 0},
    {"by", NULL, REPORT_TEXT, 0},
    {"verb", NULL, REPORT_TEXT, 0},
    {"since", NULL, REPORT_TEXT, 0},
    {"past_point_of_no_return", NULL, REPORT_BOOL, 0},
    {"running_pid", NULL, REPORT_NUMBER, 0},
    {"reason", NULL, REPORT_TEXT, 0},
    {"begun_by", NULL, REPORT_TEXT, 0},
};

static void transition_row(const struct status *st, struct report *t)
{
    const struct record *r = status_transition(st);

    if (!r)
        return;
    report_text(t, STYLE_PLAIN, "%s", r->txn);
    report_text(t, STYLE_PLAIN, "%s", register_state_names[r->state]);
    report_text(t, STYLE_PLAIN, "%s", r->by);
    report_name(t, STYLE_PLAIN, st->journal.verb);
    put_time(t, st->journal.since_wall_ms);
    report_bool(t, STYLE_PLAIN, st->situation.past_no_return);
    report_number(t, STYLE_PLAIN, st->journal.running_pid);
    report_name(t, STYLE_PLAIN, st->journal.reason);
    report_name(t, STYLE_PLAIN, st->journal.began_by);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const struct report_column line_columns[] = {{"node", NULL, REPORT_TEXT, 0},
                                                    {"text", NULL, REPORT_TEXT, 0}};

static void line_rows(const struct session *s, const struct status *st,
                      const struct status_lines *lines, struct report *t)
{
    for (size_t i = 0; i < lines->n; i++) {
        report_name(t, STYLE_PLAIN, lines->at[i].node);
        report_name(t, STYLE_PLAIN, remedy_for(&s->options, st->arena, lines->at[i].text));
    }
}

/* ---- all ------------------------------------------------------------------------------------- */

void status_tables(const struct session *s, const struct status *st,
                   struct report ret[STATUS_TABLES])
{
#define COLUMNS(of)                                                                                \
    {                                                                                              \
        (of), sizeof(of) / sizeof((of)[0])                                                         \
    }
    static const struct {
        const struct report_column *columns;
        size_t n;
    } tables[STATUS_TABLES] = {
        [TABLE_WRITABLE] = COLUMNS(writable_columns),     [TABLE_NODES] = COLUMNS(node_columns),
        [TABLE_ALIAS] = COLUMNS(alias_columns),           [TABLE_RECORD] = COLUMNS(record_columns),
        [TABLE_TRANSITION] = COLUMNS(transition_columns), [TABLE_PROBLEMS] = COLUMNS(line_columns),
        [TABLE_OUTSTANDING] = COLUMNS(line_columns),      [TABLE_CHANGES] = COLUMNS(line_columns),
    };
#undef COLUMNS

    for (size_t i = 0; i < STATUS_TABLES; i++)
        report_init(&ret[i], st->arena, tables[i].columns, tables[i].n);
    writable_row(st, &ret[TABLE_WRITABLE]);
    node_rows(st, &ret[TABLE_NODES]);
    alias_row(s, st, &ret[TABLE_ALIAS]);
    record_row(st, &ret[TABLE_RECORD]);
    transition_row(st, &ret[TABLE_TRANSITION]);
    line_rows(s, st, &st->problems, &ret[TABLE_PROBLEMS]);
    line_rows(s, st, &st->outstanding, &ret[TABLE_OUTSTANDING]);
    line_rows(s, st, &st->changes, &ret[TABLE_CHANGES]);
}
