#include "controller/engine/summary.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/lsn.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/evidence.h"
#include "controller/cluster/slots.h"
#include "controller/decide/planner_view.h"
#include "controller/engine/run.h"
#include "controller/journal/journal.h"
#include "controller/session/report.h"
#include "controller/session/session.h"

bool summary_dns_refused(const struct run *r, const struct planner_move *m)
{
    return (m->reason == WHY_DNS_SILENT || m->reason == WHY_DNS_SILENT_AT_FIRST) &&
           r->world.d.status == DNS_VIEW_REFUSED;
}

void summary_reason(const struct run *r, const struct planner_move *m, char *ret_text, size_t bytes)
{
    if (summary_dns_refused(r, m))
        str_printf(ret_text, bytes, "the ownership record cannot be read%s",
                   m->reason == WHY_DNS_SILENT ? ", so nothing more is changed"
                                               : "; nothing has been changed");
    else
        planner_sentence(planner_reason_text(m->reason), run_node_name(r, m->node), ret_text,
                         bytes);
}

void summary_opening(struct run *r)
{
    const struct session *s = r->session;
    const struct record *d = &r->view.d;
    char target[80] = "";
    if (r->view.to >= 0)
        STR_PRINTF(target, ": %s -> %s", d->owner[0] ? d->owner : "?",
                   run_node_name(r, r->view.to));
    if (d->epoch == 0) {
        progress_say(&r->progress, "%s of %s%s   (%s)", s->verb->name,
                     s->cluster.config.cluster.name, target,
                     r->view.d_answered ? "no record" : "the record cannot be read");
        return;
    }
    progress_say(&r->progress, "%s of %s%s   (epoch %lld, %s)", s->verb->name,
                 s->cluster.config.cluster.name, target, (long long)d->epoch,
                 register_state_names[d->state]);
}

/* ---- facts -------------------------------------------------------------------------------- */

void summary_outage_before(struct run *r)
{
    int state = r->view.d.state;
    int old = state == REGISTER_FLIP ? planner_previous(&r->view) : planner_owner(&r->view);
    const struct node_obs *o = old >= 0 ? &r->world.nodes[old].obs : NULL;
    bool lost = state == REGISTER_SEIZE || r->view.command == PLANNER_FAILOVER ||
                (o && strcmp(o->begun.txn, r->view.d.txn) == 0 &&
                 strcmp(o->begun.command, "failover") == 0);

    r->outage_lost = lost;
    if (r->view.d.epoch == 0 || state == REGISTER_STABLE || lost || old < 0)
        return; /* nothing is open; or it is unknown when the owner was lost */
    if (!r->view.nodes[old].answered && state != REGISTER_CLAIM)
        r->outage_unknown = true;
    else if (!r->view.nodes[old].fenced || r->view.nodes[old].standby_only)
        return;
    else if (o->fence.wall_ms > 0 && o->wall_ms >= o->fence.wall_ms)
        r->outage_began_ms = r->began_ms - (o->wall_ms - o->fence.wall_ms);
    else
        r->outage_unknown = true;
}

/* Nobody knows when a lost primary stopped to write: not before a standby last heard from it, or
 * its last commit that was replayed. */
static int64_t last_heard_ms(const struct run *r)
{
    int lost = config_node_index(&r->session->cluster.config, r->from);
    int64_t wall_ms = lost >= 0 ? r->last_seen[lost].wall_ms : 0;
    for (size_t i = 0; lost >= 0 && i < r->view.n_nodes; i++)
        if (r->last_seen[lost].heard_wall_ms[i] > wall_ms)
            wall_ms = r->last_seen[lost].heard_wall_ms[i];
    return wall_ms > 0 ? r->began_ms - (r->began_wall_ms - wall_ms) : 0;
}

static bool since_last_heard(const struct run *r)
{
    return r->outage_lost && !r->outage_began_ms;
}

static int64_t outage_ms(const struct run *r)
{
    int64_t heard_ms = last_heard_ms(r);
    if (since_last_heard(r) && heard_ms && r->outage_ended_ms > heard_ms)
        return r->outage_ended_ms - heard_ms;
    if (!r->outage_began_ms || !r->outage_ended_ms || r->outage_ended_ms < r->outage_began_ms)
        return -1;
    return r->outage_ended_ms - r->outage_began_ms;
}

/* System identifier, timelines, shutdown checkpoint, replayed LSN: that no commit is lost, as
 * evidence. Only a verified planned handover has one. */
static json_t *certificate(const struct run *r)
{
    char sysid[24], stop[LSN_TEXT_BYTES], replay[LSN_TEXT_BYTES];
    const struct planner_marks *m = &r->view.marks;
    int owner = planner_owner(&r->view),
        old = config_node_index(&r->session->cluster.config, r->from);
    if (!m->verified_shutdown_lsn || !m->finished || owner < 0 || old < 0)
        return NULL;
    STR_PRINTF(sysid, "%llu", (unsigned long long)r->view.d.sysid);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "system_identifier", sysid, "from",
                     r->from, "to", run_node_name(r, owner), "old_timeline",
                     (json_int_t)r->world.nodes[old].obs.fence.tli, "new_timeline",
                     (json_int_t)r->world.nodes[owner].obs.pg.tli, "shutdown_checkpoint_lsn",
                     lsn_text(m->verified_shutdown_lsn, stop), "replayed_lsn",
                     lsn_text(m->verified_replay_lsn, replay));
}

static json_t *step_times(const struct run *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_steps; i++) {
        const struct run_step *t = &r->steps[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:b, s:b, s:I, s:I}", "step", steps[t->step].name, "node",
                            run_node_name(r, t->node), "done", (int)t->done, "skipped",
                            (int)t->skipped, "at_ms", (json_int_t)(t->started_ms - r->began_ms),
                            "ms", (json_int_t)(t->ended_ms - t->started_ms)));
    }
    return list;
}

static json_t *debts(const struct run *r)
{
    struct planner_debt outstanding[PLANNER_DEBTS_MAX];
    json_t *list = json_array();
    size_t n = planner_debts(&r->view, outstanding);
    for (size_t i = 0; i < n; i++) {
        char text[160];
        planner_sentence(planner_debt_text((enum planner_debt_kind)outstanding[i].kind),
                         run_node_name(r, (int)outstanding[i].node), text, sizeof(text));
        json_array_append_new(list, json_string(text));
    }
    const char *lines[CLUSTER_NODES_MAX];
    size_t left = r->journal ? slots_left(r->session->cluster.arena, &r->session->cluster.config,
                                          &r->world, planner_owner(&r->view), lines)
                             : 0;
    for (size_t i = 0; i < left; i++)
        json_array_append_new(list, json_string(lines[i]));
    return list;
}

/* What the others saw of a node that does not respond. */
static json_t *evidence(const struct run *r)
{
    const char *lines[EVIDENCE_LINES_MAX];
    json_t *list = json_array();
    size_t n =
        evidence_lines(r->session->cluster.arena, &r->session->cluster.config, &r->world, lines);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(lines[i]));
    return list;
}

static json_t *facts(const struct run *r, const struct planner_move *m, const char *message)
{
    json_t *end = json_pack("{s:s, s:i, s:s, s:s, s:s, s:I, s:I, s:I}", "outcome",
                            m->kind == MOVE_DONE && m->exit_code == 0 ? "done"
                            : m->exit_code == 3                       ? "undone"
                                                                      : "stopped",
                            "exit", m->exit_code, "message", message, "owner", r->view.d.owner,
                            "reason", r->reason ? r->reason : "", "epoch",
                            (json_int_t)r->view.d.epoch, "outage_ms", (json_int_t)outage_ms(r),
                            "duration_ms", (json_int_t)(clock_mono_ms() - r->began_ms));
    if (outage_ms(r) >= 0)
        json_object_set_new(end, "outage_from",
                            json_string(since_last_heard(r) ? "last heard" : "stop request"));
    json_object_set_new(end, "steps", step_times(r));
    json_object_set_new(end, "outstanding", debts(r));
    json_object_set_new(end, "evidence", evidence(r));
    json_t *handover = certificate(r);
    if (handover)
        json_object_set_new(end, "certificate", handover);
    if (r->journal)
        json_object_set_new(end, "journal", json_string(journal_path(r->journal)));
    return end;
}

/* ---- telling ------------------------------------------------------------------------------ */

static void say(const struct run *r, const char *title, const char *text)
{
    char lead[24];
    STR_PRINTF(lead, "%-12s ", title);
    report_wrap(r->session, lead, text);
}

static void print_certificate(const struct run *r, const json_t *c)
{
    struct arena *a = r->session->cluster.arena;
    if (!c)
        return;
    say(r, "handover",
        arena_printf(a, "system identifier %s, %s timeline %lld -> %s timeline %lld",
                     json_string_value(json_object_get(c, "system_identifier")),
                     json_string_value(json_object_get(c, "from")),
                     (long long)json_integer_value(json_object_get(c, "old_timeline")),
                     json_string_value(json_object_get(c, "to")),
                     (long long)json_integer_value(json_object_get(c, "new_timeline"))));
    say(r, "",
        arena_printf(a, "shutdown checkpoint at %s, replayed to %s: no commit is lost",
                     json_string_value(json_object_get(c, "shutdown_checkpoint_lsn")),
                     json_string_value(json_object_get(c, "replayed_lsn"))));
}

static void print_pretty(const struct run *r, const json_t *end, const char *message)
{
    size_t i;
    json_t *text;
    if (message[0])
        say(r, json_string_value(json_object_get(end, "outcome")), message);
    if (outage_ms(r) >= 0)
        say(r, "outage",
            arena_printf(
                r->session->cluster.arena,
                since_last_heard(r) ? SUMMARY_OUTAGE_HEARD : SUMMARY_OUTAGE_STOP,
                arena_printf(r->session->cluster.arena, "%lld ms", (long long)outage_ms(r))));
    else if (r->outage_unknown && r->outage_ended_ms)
        say(r, "outage", "not known: the stop was asked for by an earlier command");
    print_certificate(r, json_object_get(end, "certificate"));
    if (r->evidence_shown_ms != r->world.evidence.began_ms)
        json_array_foreach(json_object_get(end, "evidence"), i, text)
            say(r, "evidence", json_string_value(text));
    json_array_foreach(json_object_get(end, "outstanding"), i, text)
        say(r, "outstanding", json_string_value(text));
    if (r->journal) /* a path, to be copied: never broken */
        printf("%-12s %s\n", "journal", journal_path(r->journal));
}

/* "end", key, value: what print_json says, a line for each key; the steps have had theirs. */
static void print_tsv(const char *label, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        if (json_is_object(value))
            print_tsv(key, value);
        else if (json_is_string(value))
            printf("%s\t%s\t%s\n", label, key, json_string_value(value));
        else if (strcmp(key, "steps") != 0 && text)
            printf("%s\t%s\t%s\n", label, key, text);
        free(text);
    }
}

static void print_json(const struct session *s, const json_t *end)
{
    json_t *o = report_object(s, json_deep_copy(end));
    char *text = json_dumps(o, JSON_COMPACT);
    printf("%s\n", text ? text : "{}");
    free(text);
    json_decref(o);
}

void summary_closing(struct run *r, const struct planner_move *m)
{
    struct session *s = r->session;
    struct err e = {.code = 0};
    char message[400];
    summary_reason(r, m, message, sizeof(message));
    json_t *end = facts(r, m, message);
    if (r->journal && journal_end(r->journal, end, &e) < 0)
        progress_say(&r->progress, "WARNING: %s", e.msg);
    switch (s->options.format) {
    case FORMAT_PRETTY:
        print_pretty(r, end, message);
        break;
    case FORMAT_JSON:
        print_json(s, end);
        break;
    case FORMAT_TSV:
        print_tsv("end", end);
        break;
    }
    json_decref(end);
}
