/* controller/plan/plan: what a plan rests on, fact by fact; the file; what earlier moves took. */
#include "controller/plan/plan.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/decide/planner_view.h"
#include "controller/journal/journal.h"
#include "controller/plan/plan_show.h"
#include "controller/preflight/preflight.h"
#include "controller/session/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/controller/node_world.h"
#include "tests/unit/unit.h"

enum { A, B, C, NODES, SYSID = 7301 };

static struct session s;
static struct world w;
static struct planner_view v;
static struct preflight checks;
static struct plan then, now;
static struct plan_change changes[PLAN_CHANGES_MAX];
static char directory[64];
static struct capture capture;

/* ---- db02 is the primary, db01 the target, vm the third -------------------------------------- */

static void make_node(int i)
{
    struct node_obs *o = &w.nodes[i].obs;

    node_in_order(&s.cluster.config.nodes[i], &w.nodes[i], i);
    STR_PRINTF(o->cron.hash, "%064d", i);
    if (i != A)
        o->pg.replay_lsn = 0x3000100;
}

static int set_up(void **unused)
{
    (void)unused;
    memset(&w, 0, sizeof(w));
    memset(&v, 0, sizeof(v));
    memset(&checks, 0, sizeof(checks));
    s = (struct session){.cluster = {.config = {.n_nodes = NODES}, .arena = arena_new()}};
    STR_COPY(s.cluster.config.cluster.name, "ia2");
    STR_COPY(s.cluster.config.cluster.alias, "db.ia2.test");
    STR_COPY(s.cluster.config.dns.server, "10.77.0.11");
    STR_COPY(s.cluster.config.journal.directory, directory);
    STR_COPY(s.cluster.by, "root@ctl");
    w.n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        make_node(i);
    w.d = (struct dns_view){.status = DNS_VIEW_OK,
                            .cname_present = true,
                            .cname_ttl = 30,
                            .serial = 12,
                            .soa_refresh_s = 3600,
                            .record_valid = true,
                            .record = {.epoch = 7, .sysid = SYSID, .tli = 5, .ttl = 30}};
    STR_COPY(w.d.cname, "db02.ia2.test");
    STR_COPY(w.d.record.owner, "db02");
    STR_COPY(w.d.record.by, "root@ctl");
    STR_COPY(w.d.record.txn, "0123456789abcdef");
    STR_COPY(w.d.record.nonce, "0123456789abcdef0123456789abcdef");
    w.survey.n = 2;
    w.survey.primary.serial = 12;
    for (size_t i = 0; i < 2; i++) {
        STR_PRINTF(w.survey.ns[i].name, "ns%zu.ia2.test", 2 - i);
        w.survey.ns[i].view.serial = 12 - 5 * (int)i;
        w.survey.ns[i].agrees = true;
    }
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_free(s.cluster.arena);
    return 0;
}

static void again(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void build(enum planner_command command, struct plan *ret)
{
    const struct record none = {0};

    v.command = command;
    v.to = B;
    v.rejoin = true;
    v.marks.done = step_bit(STEP_PREFLIGHT);
    view_from_world(&s.cluster.config, &w, &none, 0, &v);
    struct plan_look look = {.session = &s, .world = &w, .view = &v, .preflight = &checks};
    look.foresight = plan_foresee(&s, &w, &v);
    plan_build(&look, ret);
}

/* ---- what others see of a silent owner ------------------------------------------------------- */

static void evidence_decides_and_is_shown(void **state)
{
    (void)state;
    w.nodes[A].answered = false;
    w.evidence.about = A;
    w.evidence.began_ms = clock_mono_ms();
    w.evidence.from = 1U << B | 1U << C;
    for (int i = B; i <= C; i++) {
        STR_COPY(w.evidence.seen[i].node, "db02");
        w.evidence.seen[i].writable_seen = w.evidence.seen[i].port_open = true;
    }
    build(PLANNER_FAILOVER, &now);
    assert_false(now.possible);
    assert_string_equal(now.end,
                        "db01, vm see db02 writable: it is not lost, only its agent does not "
                        "respond: on db02: systemctl start pgtandem-agent; then `pgtandem "
                        "switchover`");
    assert_int_equal(now.n_evidence, 2);
    assert_non_null(
        strstr(now.evidence[0].text, "db01 sees db02: agent silent, port open, WRITABLE"));
    assert_non_null(strstr(now.evidence[1].text, "; asked 0."));

    w.evidence.seen[B].agent_answers = true;
    build(PLANNER_FAILOVER, &now);
    assert_non_null(strstr(now.end, "use pgtandem on another controller"));

    w.evidence.seen[B].writable_seen = w.evidence.seen[C].writable_seen = false;
    build(PLANNER_FAILOVER, &now);
    assert_non_null(strstr(now.end, "--accept-unfenced db02"));
    assert_int_equal(now.n_evidence, 2);

    w.nodes[A].answered = true;
    build(PLANNER_FAILOVER, &now);
    assert_int_equal(now.n_evidence, 0);
}

/* ---- what it says ---------------------------------------------------------------------------- */

static const struct plan_action *action(const struct plan *p, const char *step)
{
    for (size_t i = 0; i < p->n_actions; i++)
        if (strcmp(p->actions[i].step, step) == 0)
            return &p->actions[i];
    fail_msg("no step %s", step);
    return p->actions;
}

static void says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void todays_values(void **unused)
{
    (void)unused;
    build(PLANNER_SWITCHOVER, &now);
    assert_true(now.possible);
    assert_string_equal(now.from, "db02");
    assert_string_equal(now.to, "db01");
    says(action(&now, "claim")->now, "epoch 7 stable, owner db02");
    says(action(&now, "claim")->then, "epoch 8 claim, owner db02, to db01");
    assert_string_equal(action(&now, "claim")->where, "dns 10.77.0.11");
    assert_string_equal(action(&now, "arm")->where, "db02, db01, vm");
    says(action(&now, "cron-off")->now, "2 entries on");
    assert_string_equal(action(&now, "cron-off")->undo, "cron-back");
    says(action(&now, "catch-up")->now, "db01 has replayed 0/3000100: 72 bytes behind");
    says(action(&now, "flip")->now, "db.ia2.test CNAME db02.ia2.test, TTL 30 s");
    says(action(&now, "flip")->then, "db.ia2.test CNAME db01.ia2.test, TTL 30 s");
    says(action(&now, "promote")->then, "timeline 6");
    assert_true(action(&now, "promote")->no_return);
    says(action(&now, "follow")->then, "vm follows db01 10.77.0.21:5432");
    says(action(&now, "stable")->then, "epoch 8 stable, owner db01");
    says(action(&now, "rejoin")->then, "db02 follows db01");
    assert_int_equal(now.n_outstanding, 0);
    assert_int_equal(now.outlook.alias_ttl_s, 30);
    assert_int_equal(now.outlook.client_worst_s, 3630);
    assert_int_equal(now.outlook.ns[0].behind, 0);
    assert_int_equal(now.outlook.ns[1].behind, 5);
}

static void what_keeps_it_from_its_end(void **unused)
{
    (void)unused;
    w.nodes[B].answered = false;
    build(PLANNER_SWITCHOVER, &now);
    assert_false(now.possible);
    says(now.end, "the target db01 does not respond");

    again();
    checks.blocking = checks.n = 1;
    checks.results[0].name = "clocks";
    build(PLANNER_SWITCHOVER, &now);
    assert_false(now.possible);
    says(now.end, "1 of 1 preflight checks refuse");

    again();
    w.nodes[C].answered = false;
    build(PLANNER_SWITCHOVER, &now);
    w.nodes[B].obs.pg.slot_keep_bytes = -1;
    w.nodes[B].obs.pg.n_slots = 1;
    w.nodes[B].obs.pg.slots[0] = (struct obs_slot){
        .name = "vm", .physical = true, .restart_lsn = w.nodes[B].obs.pg.replay_lsn - 2048};
    build(PLANNER_SWITCHOVER, &now);
    assert_true(now.possible);
    assert_int_equal(now.n_outstanding, 2);
    says(now.outstanding[0].text, "vm does not respond");
    says(now.outstanding[1].text,
         "a slot is left on db01 for vm: it holds 2.1 kB of WAL and grows until "
         "vm streams (`pgtandem forget vm` drops it)");
    w.nodes[B].obs.pg.slot_keep_bytes = 1 << 30; /* limited, and not there yet */
    w.nodes[B].obs.pg.n_slots = 0;
    build(PLANNER_SWITCHOVER, &now);
    says(now.outstanding[1].text,
         "a slot is left on db01 for vm: it holds 0 B of WAL and grows until vm");
    assert_null(strstr(now.outstanding[1].text, "forget"));
}

/* ---- fact by fact ---------------------------------------------------------------------------- */

static size_t compare(void)
{
    return plan_compare(&then, &now, changes);
}

static void change_field(const struct field *f, void *obj)
{
    void *at = (char *)obj + f->offset;

    switch (f->type) {
    case FIELD_STRING:
        (void)str_copy(at, f->size, "other");
        break;
    case FIELD_BOOL:
        *(bool *)at = !*(bool *)at;
        break;
    case FIELD_INT:
        ++*(int64_t *)at;
        break;
    case FIELD_ID:
    case FIELD_LSN:
        ++*(uint64_t *)at;
        break;
    case FIELD_TEXT:
    case FIELD_ENUM:
    case FIELD_STRUCT:
    case FIELD_LIST:
        fail_msg("no such fact yet: %s", f->name);
    }
}

static void each_fact(const struct field_table *t, size_t offset, const char *node)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct field *f = &t->fields[i];
        char label[80];

        if (f->type == FIELD_LIST || strcmp(f->name, "node") == 0)
            continue;
        now = then;
        change_field(f, (char *)&now + offset);
        assert_int_equal(compare(), 1);
        STR_PRINTF(label, "%s%s%s", node, *node ? " " : "", f->name);
        for (char *c = label; *c; c++)
            *c = *c == '_' ? ' ' : *c;
        if (strcmp(f->name, "answers") == 0)
            says(changes[0].text, "vm: its agent answered, and does not respond now");
        else
            says(changes[0].text, label);
    }
}

static void each_fact_is_named(void **unused)
{
    (void)unused;
    build(PLANNER_SWITCHOVER, &then);
    now = then;
    assert_int_equal(compare(), 0);
    each_fact(&plan_facts_table, offsetof(struct plan, facts), "");
    each_fact(&plan_node_facts_table, offsetof(struct plan, facts.nodes[C]), "vm");

    now = then;
    STR_PRINTF(now.facts.nodes[B].crontab, "%064x", 0xabc);
    assert_int_equal(compare(), 1);
    assert_string_equal(changes[0].text, "db01 crontab: was 000000000000…, is 000000000000… "
                                         "(pgtandem cron diff db01)");
    now = then;
    now.facts.n_nodes--;
    assert_int_equal(compare(), 1);
    says(changes[0].text, "vm: is no longer in the configuration");
}

/* From looks, not from copies: what moves by nature is not a change, what does not is. */
static void looks_are_compared(void **unused)
{
    (void)unused;
    build(PLANNER_SWITCHOVER, &then);
    w.nodes[A].obs.pg.insert_lsn = w.nodes[A].obs.pg.flush_lsn += 0x100000;
    w.nodes[B].obs.pg.receive_lsn += 0x90000;
    w.nodes[A].obs.cron.jobs_running = 1;
    w.survey.ns[0].view.serial++;
    build(PLANNER_SWITCHOVER, &now);
    assert_int_equal(compare(), 0);

    STR_COPY(w.nodes[C].obs.pg.receiver_host, s.cluster.config.nodes[B].address);
    build(PLANNER_SWITCHOVER, &now);
    assert_int_equal(compare(), 1);
    assert_string_equal(changes[0].text, "vm follows: was db02, is db01 (pgtandem status)");
}

/* Of what is fine when a plan is made and not when it is carried out, what comes and goes with each
 * minute's jobs is none of the plan's business: the preflight judges it as it is then. */
static void what_comes_and_goes_is_no_change(void **unused)
{
    static const char *const comes[] = {"replay-lag",   "jobs",      "dumps",
                                        "transactions", "disk-data", "journal-space",
                                        "archive-wait", "agent-busy"};
    bool there = false;

    (void)unused;
    for (size_t i = 0; i < sizeof(comes) / sizeof(comes[0]); i++) {
        build(PLANNER_SWITCHOVER, &then);
        checks.n = 1;
        checks.results[0] = (struct preflight_result){.name = comes[i], .measured = "1 running"};
        build(PLANNER_SWITCHOVER, &now);
        assert_int_equal(compare(), 0);
        checks.n = 0;
        there = false;
        for (size_t k = 0; preflight_name(k); k++)
            there |= strcmp(preflight_name(k), comes[i]) == 0;
        assert_true(there);
    }
}

static void checks_and_steps(void **unused)
{
    (void)unused;
    build(PLANNER_SWITCHOVER, &then);
    checks.n = 2;
    checks.results[0] = (struct preflight_result){.name = "replay-lag", .measured = "1 GB"};
    checks.results[1] = (struct preflight_result){.name = "cron-daemon", .measured = "is down"};
    build(PLANNER_SWITCHOVER, &now);
    assert_int_equal(compare(), 1);
    says(changes[0].text, "preflight cron-daemon: was fine, is: is down");
    then = now;
    checks.n = 0;
    build(PLANNER_SWITCHOVER, &now);
    assert_int_equal(compare(), 0); /* what has been corrected is no reason to refuse */

    STR_COPY(now.actions[2].where, "vm");
    assert_int_equal(compare(), 1);
    says(changes[0].text, "step 3: was cron-off db02, would be cron-off vm");
    now.possible = false;
    STR_COPY(now.end, "because");
    assert_int_equal(compare(), 1);
    says(changes[0].text, "it would stop: because");
    now = then;
    now.n_actions--;
    assert_int_equal(compare(), 1);
    says(changes[0].text, "would be none");
}

static void age(void **unused)
{
    struct err e;

    (void)unused;
    build(PLANNER_SWITCHOVER, &then);
    assert_int_equal(plan_check_age(&then, 60, then.made_wall_ms + 60000, &e), 0);
    assert_int_equal(plan_check_age(&then, 60, then.made_wall_ms + 61000, &e), ERR_PREFLIGHT);
    says(e.msg, "61 s old");
    assert_int_equal(plan_check_age(&then, 60, then.made_wall_ms - 400000, &e), ERR_PREFLIGHT);
    says(e.msg, "in the future");
}

/* ---- the file -------------------------------------------------------------------------------- */

static const char *path(const char *name)
{
    return arena_printf(s.cluster.arena, "%s/%s", directory, name);
}

static void refused(const char *text, const char *why)
{
    struct plan *p = NULL;
    struct err e;

    assert_int_equal(file_replace(path("bad"), text, strlen(text), 0600, NULL), 0);
    assert_int_equal(plan_load(path("bad"), s.cluster.arena, &p, &e), ERR_PREFLIGHT);
    assert_null(p);
    says(e.msg, why);
    says(e.hint, "pgtandem plan");
}

/* The saved text with one part of it replaced. */
static const char *edited(const char *text, const char *part, const char *by)
{
    const char *at = strstr(text, part);

    assert_non_null(at);
    return arena_printf(s.cluster.arena, "%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
}

static void files(void **unused)
{
    struct plan *p;
    struct err e;
    char *text;

    (void)unused;
    build(PLANNER_SWITCHOVER, &then);
    assert_int_equal(plan_save(&then, path("plan"), &e), 0);
    assert_int_equal(plan_load(path("plan"), s.cluster.arena, &p, &e), 0);
    assert_int_equal(plan_compare(&then, p, changes), 0);
    assert_memory_equal(p, &then, sizeof(then));
    assert_int_equal(file_read(path("plan"), 1 << 20, s.cluster.arena, &text, NULL, &e), 0);

    /* laid out anew it is the same plan */
    const char *same = edited(text, "{\n", "{ ");
    assert_int_equal(file_replace(path("same"), same, strlen(same), 0600, NULL), 0);
    assert_int_equal(plan_load(path("same"), s.cluster.arena, &p, &e), 0);

    refused(edited(text, "\"to\": \"db01\"", "\"to\": \"vm\""), "edited or damaged");
    refused(edited(text, "\"sha256\": \"", "\"sha256\": \"0"), "edited or damaged");
    refused(edited(text, "\"format_version\": 1", "\"format_version\": 2"), "format 2");
    refused(edited(text, "\"format_version\": 1", "\"format_version\": 0"), "format 0");
    refused(edited(text, "pgtandem-plan", "something"), "not a plan");
    refused("[]", "not a plan");
    refused("", "damaged");
    refused(arena_strndup(s.cluster.arena, text, strlen(text) / 2), "damaged");
    refused(edited(text, "{\n", "{\"to\": \"db01\", "), "damaged"); /* the same key twice */
    assert_int_equal(plan_load(path("absent"), s.cluster.arena, &p, &e), ERR_SYS);
}

/* ---- the past -------------------------------------------------------------------------------- */

static void moved(const char *txn, const char *verb, const char *outcome, int outage_ms)
{
    json_t *begin = json_pack("{s:s}", "verb", verb);
    json_t *end = json_pack("{s:s, s:i, s:[{s:s, s:i, s:i}, {s:s, s:i, s:i}]}", "outcome", outcome,
                            "outage_ms", outage_ms, "steps", "step", "seize", "at_ms", 1000, "ms",
                            5, "step", "promote", "at_ms", 1100, "ms", 50);
    struct journal *j;

    assert_int_equal(journal_open(directory, txn, begin, &j, NULL), 0);
    assert_int_equal(journal_end(j, end, NULL), 0);
    journal_close(j);
    json_decref(begin);
    json_decref(end);
}

static void the_past(void **unused)
{
    (void)unused;
    build(PLANNER_SWITCHOVER, &now);
    plan_read_history(&s, &now);
    assert_int_equal(now.outlook.measured, 0);
    says(now.outlook.outage, "not measured yet");

    moved("0000000000000001", "switchover", "done", 300);
    moved("0000000000000002", "switchover", "done", 100);
    moved("0000000000000003", "switchover", "undone", 9000);
    moved("0000000000000004", "switchover", "done", 120);
    moved("0000000000000005", "failover", "done", -1);
    moved("0000000000000006", "cron sync", "done", 7);
    plan_read_history(&s, &now);
    assert_int_equal(now.outlook.measured, 3);
    assert_int_equal(now.outlook.outage_median_ms, 120);
    assert_int_equal(now.outlook.outage_most_ms, 300);
    says(now.outlook.outage, "last 3 switchovers");

    w.nodes[A].obs.pg.role = PG_STOPPED;
    build(PLANNER_FAILOVER, &now);
    plan_read_history(&s, &now);
    assert_int_equal(now.outlook.measured, 1);
    assert_int_equal(now.outlook.outage_median_ms, 150); /* from seize to the end of promote */
}

/* What has changed names the cluster's file too: without it the command would look at another. */
static void what_has_changed_names_the_file(void **state)
{
    struct err e = {.code = 0};

    (void)state;
    s.term = term_look(stdout, COLOR_NEVER);
    s.options.config_path = "/srv/b.conf";
    build(PLANNER_SWITCHOVER, &then);
    assert_int_equal(plan_check_facts(&s, &then, &then, &e), 0);
    STR_PRINTF(w.nodes[B].obs.cron.hash, "%064d", 9);
    build(PLANNER_SWITCHOVER, &now);
    capture_begin(&capture);
    assert_int_equal(plan_check_facts(&s, &then, &now, &e), ERR_PREFLIGHT);
    const char *said = capture_end(&capture, s.cluster.arena);
    has("changed", said, "changed: db01 crontab: was ");
    has("the error", e.msg, "(pgtandem -c /srv/b.conf cron diff db01)");
    has("changed", said, "-c /srv/b.conf");
}

static int remove_all(void)
{
    AUTO(arena) a = arena_new();
    struct dirent **names;
    int n = scandir(directory, &names, NULL, NULL);

    for (int i = 0; i < n; i++) {
        unlink(arena_printf(a, "%s/%s", directory, names[i]->d_name));
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(evidence_decides_and_is_shown),
        T(todays_values),
        T(what_keeps_it_from_its_end),
        T(each_fact_is_named),
        T(looks_are_compared),
        T(what_comes_and_goes_is_no_change),
        T(checks_and_steps),
        T(age),
        T(files),
        T(the_past),
        T(what_has_changed_names_the_file),
#undef T
    };
    STR_COPY(directory, "/tmp/test_plan.XXXXXX");
    if (!mkdtemp(directory))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return remove_all() == 0 ? failed : 1;
}
