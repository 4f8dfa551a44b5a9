/* controller/screen/status: what a tired administrator reads, for each kind of trouble: the problem
 * in words, one next command, and the same facts in all three formats. */
#include "controller/screen/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "controller/screen/topology.h"
#include "controller/session.h"
#include "controller/world/dns_words.h"
#include "tests/unit/capture.h"
#include "tests/unit/unit.h"

enum { A, B, C, NODES, SYSID = 7301, NOW = 1000000 };

static struct session s;
static struct world w;
static struct status_journal journal;
static struct status st;
static struct arena *arena;

static void make_node(int i)
{
    static const char *const names[NODES] = {"db02", "db01", "vm"};
    struct node_obs *o = &w.nodes[i].obs;

    STR_COPY(s.config.nodes[i].name, names[i]);
    STR_PRINTF(s.config.nodes[i].address, "10.77.0.%d", 20 + i);
    STR_PRINTF(s.config.nodes[i].target, "%s.ia2.test", names[i]);
    s.config.nodes[i].port = 5432;
    w.nodes[i].answered = true;
    STR_COPY(o->node, names[i]);
    STR_COPY(o->software, "pgtandem 0.1.0");
    STR_PRINTF(o->seen,
               "v=1 epoch=7 nonce=0123456789abcdef0123456789abcdef state=stable owner=db02 to=- "
               "from=- txn=0123456789abcdef sysid=%d tli=5 ttl=30 grade=- by=root@ctl",
               SYSID);
    o->epoch = 7;
    o->state_ok = o->watch_enabled = o->can_stop = true;
    o->watch_period_ms = 3000;
    o->cron = (struct obs_cron){.readable = true, .daemon_running = true, .commanded_on = i == A};
    *(i == A ? &o->cron.entries_on : &o->cron.entries_off) = 2;
    o->pg = (struct obs_pg){.role = i == A ? PG_WRITABLE : PG_RECOVERY,
                            .sysid = SYSID,
                            .tli = 5,
                            .control_tli = 5,
                            .insert_lsn = i == A ? 0x3000148 : 0,
                            .flush_lsn = i == A ? 0x3000148 : 0,
                            .receive_lsn = i == A ? 0 : 0x3000148,
                            .replay_lsn = i == A ? 0 : 0x3000148};
    if (i == A)
        return;
    STR_COPY(o->pg.receiver_status, "streaming");
    STR_PRINTF(o->pg.receiver_host, "10.77.0.%d", 20 + A);
    o->pg.receiver_port = 5432;
}

static int set_up(void **state)
{
    (void)state;
    arena_free(arena);
    arena = arena_new();
    s = (struct session){.config = {.n_nodes = NODES}, .term = term_look(stdout, COLOR_AUTO)};
    s.config.limits.clock_skew_ms = 2000;
    STR_COPY(s.config.cluster.name, "ia2");
    STR_COPY(s.zone.alias, "db.ia2.test");
    memset(&w, 0, sizeof(w));
    w.n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        make_node(i);
    w.d = (struct dns_view){
        .status = DNS_VIEW_OK, .cname_present = true, .cname_ttl = 30, .n_txt = 1};
    STR_COPY(w.d.cname, "db02.ia2.test");
    STR_COPY(w.d.txt, w.nodes[A].obs.seen);
    w.d.record_valid = register_parse(w.d.txt, &w.d.record, NULL) == 0;
    w.survey_done = true;
    w.survey.n = 2;
    w.survey.ns[0].agrees = w.survey.ns[1].agrees = true;
    journal = (struct status_journal){.verb = "", .reason = "", .began_by = ""};
    return 0;
}

static void build(void)
{
    status_build(&st, &s, arena, &w, &journal, NOW);
}

static bool says(const struct status_lines *lines, const char *text)
{
    for (size_t i = 0; i < lines->n; i++)
        if (strstr(lines->at[i].text, text))
            return true;
    return false;
}

/* The screen as printed. */
static char *screen(enum output_format format)
{
    char *text = arena_alloc(arena, 65536);
    FILE *f = tmpfile();
    int out = dup(STDOUT_FILENO);

    fflush(stdout);
    dup2(fileno(f), STDOUT_FILENO);
    s.options.format = format;
    status_print(&st);
    dup2(out, STDOUT_FILENO);
    close(out);
    rewind(f);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

static void trouble(const char *text, const char *next)
{
    build();
    if (!says(&st.problems, text))
        fail_msg("\"%s\" is not among the problems:\n%s", text, screen(FORMAT_PRETTY));
    if (strcmp(st.next, next) != 0)
        fail_msg("next: \"%s\", not \"%s\"", st.next, next);
    json_t *o = json_loads(screen(FORMAT_JSON), 0, NULL);
    assert_non_null(o);
    assert_true(json_is_false(json_object_get(o, "ok")));
    assert_int_equal(json_array_size(json_object_get(o, "problems")), st.problems.n);
    json_decref(o);
    assert_non_null(strstr(screen(FORMAT_TSV), text));
    assert_non_null(strstr(screen(FORMAT_PRETTY), text));
}

/* ---- the first line -------------------------------------------------------------------------- */

static void can_write(enum writable_state state, const char *first_line)
{
    build();
    const char *pretty = screen(FORMAT_PRETTY);

    if (strncmp(pretty, first_line, strlen(first_line)) != 0 || pretty[strlen(first_line)] != '\n')
        fail_msg("not \"%s\":\n%s", first_line, pretty);
    assert_int_equal(st.writable.state, state);
    json_t *o = json_loads(screen(FORMAT_JSON), 0, NULL);
    json_t *j = json_object_get(o, "writable");
    assert_string_equal(json_string_value(json_object_get(j, "state")),
                        writable_state_names[state]);
    assert_string_equal(json_string_value(json_object_get(j, "text")), st.writable.text);
    assert_int_equal(json_is_null(json_object_get(j, "since")), st.writable.since_wall_ms == 0);
    json_decref(o);
    assert_non_null(strstr(screen(FORMAT_TSV), "\nwritable\t"));
    if (state != WRITABLE_ONE) /* exit 10 then */
        assert_true(st.problems.n > 0);
}

static void open_record(const char *state, const char *owner, const char *to, const char *from)
{
    STR_PRINTF(w.d.txt,
               "v=1 epoch=8 nonce=0123456789abcdef0123456789abcdef state=%s owner=%s to=%s "
               "from=%s txn=00000000000000aa sysid=%d tli=5 ttl=30 grade=- by=root@ctl",
               state, owner, to, from, SYSID);
    w.d.record_valid = register_parse(w.d.txt, &w.d.record, NULL) == 0;
    assert_true(w.d.record_valid);
}

static void stopped(int i, bool fenced)
{
    struct node_obs *o = &w.nodes[i].obs;

    o->pg.role = PG_STOPPED;
    o->pg.control_state = CONTROL_SHUTDOWNED;
    o->pg.control_wall_ms = NOW - 5000;
    o->fence = (struct obs_fence){.fenced = fenced, .was_primary = fenced, .wall_ms = NOW - 5100};
}

static void the_first_line_says_who_can_write(void **state)
{
    (void)state;
    can_write(WRITABLE_ONE, "writable: db02");
    STR_COPY(w.d.cname, "vm.ia2.test");
    can_write(WRITABLE_ONE, "writable: db02; the alias points to vm, which is not");
    set_up(NULL);
    open_record("claim", "db02", "db01", "-");
    can_write(WRITABLE_ONE, "writable: db02"); /* an open claim has stopped nothing */
    w.nodes[B].obs.pg.role = PG_WRITABLE;
    can_write(WRITABLE_SEVERAL, "MORE THAN ONE NODE IS WRITABLE: db02, db01");
}

static void the_first_line_says_since_when_nobody_can_write(void **state)
{
    char hms[CLOCK_TEXT_BYTES];

    (void)state;
    clock_text_hms(NOW - 5000, hms);
    stopped(A, false);
    can_write(WRITABLE_NONE, arena_printf(arena, "NOT WRITABLE since %s: db02 is shut down", hms));
    stopped(A, true);
    open_record("claim", "db02", "db01", "-");
    const char *line =
        arena_printf(arena, "NOT WRITABLE since %s: db02 is fenced, db01 is not yet promoted", hms);
    can_write(WRITABLE_NONE, line);
    open_record("flip", "db01", "-", "db02");
    can_write(WRITABLE_NONE, line);
    w.nodes[C].answered = false;
    can_write(WRITABLE_NONE, arena_printf(arena, "%s; no response either from vm", line));
    w.nodes[A].obs.pg.control_state = CONTROL_IN_PRODUCTION; /* killed: its fence is later */
    w.nodes[C].answered = true;
    can_write(WRITABLE_NONE, "NOT WRITABLE: db02 is fenced, db01 is not yet promoted");
    w.nodes[B].obs.pg.heard_wall_ms = NOW - 5000;
    w.nodes[C].obs.pg.heard_wall_ms = NOW - 9000;
    for (int i = B; i <= C; i++)
        STR_COPY(w.nodes[i].obs.pg.heard_host, s.config.nodes[A].address);
    can_write(WRITABLE_NONE,
              arena_printf(arena,
                           "NOT WRITABLE since about %s: db02 is fenced, db01 is not "
                           "yet promoted",
                           hms));
}

static void the_first_line_says_what_is_not_known(void **state)
{
    (void)state;
    w.nodes[A].obs.pg.role = PG_UNKNOWN;
    build();
    can_write(WRITABLE_UNKNOWN,
              "no node is known to be writable: db02 does not say (its PostgreSQL "
              "does not respond)");
    w.nodes[A].obs.pg.control_state = CONTROL_IN_PRODUCTION;
    w.nodes[A].obs.pg.orphans = 2;
    can_write(WRITABLE_UNKNOWN, "no node is known to be writable: db02 has no postmaster, but "
                                "processes of it live and may commit");
    w.nodes[A].answered = false;
    can_write(WRITABLE_UNKNOWN, "no node is known to be writable: db02 does not respond");
    w.evidence.about = A;
    w.evidence.began_ms = 1;
    w.evidence.from = 1U << B | 1U << C;
    w.evidence.seen[B].writable_seen = w.evidence.seen[C].writable_seen = true;
    can_write(WRITABLE_ONE, "writable: db02 (db02, which does not respond to this host, is seen "
                            "writable by db01, vm)");
    w.nodes[B].answered = w.nodes[C].answered = false;
    w.evidence.from = 0;
    can_write(WRITABLE_UNKNOWN, "no node is known to be writable: db02 does not respond; no "
                                "response either from db01, vm");
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    for (int i = 0; i < NODES; i++)
        w.nodes[i].obs.seen[0] = '\0';
    can_write(WRITABLE_UNKNOWN, "no node is known to be writable: the owner is not known; no "
                                "response either from db02, db01, vm");
}

/* (e): any controller, an empty journal */
static void the_agents_know_who_began(void **state)
{
    (void)state;
    open_record("claim", "db02", "db01", "-");
    build();
    assert_non_null(strstr(screen(FORMAT_PRETTY), "no agent that responds was told"));
    for (int i = B; i <= C; i++) {
        struct obs_begun *b = &w.nodes[i].obs.begun;

        STR_COPY(b->txn, "00000000000000aa");
        STR_COPY(b->command, i == B ? "switchover" : "resume");
        STR_COPY(b->by, i == B ? "anna@ctl" : "bert@ctl2");
        STR_COPY(b->reason, "kernel update");
        b->wall_ms = NOW - 60000 + i;
    }
    build();
    const char *pretty = screen(FORMAT_PRETTY);
    assert_non_null(strstr(pretty, "TRANSITION switchover db02 to db01"));
    assert_non_null(strstr(pretty, "begun by anna@ctl at 1970-01-01"));
    assert_non_null(strstr(pretty, "kernel update"));
    assert_non_null(strstr(pretty, "last continued by root@ctl"));
    assert_non_null(strstr(screen(FORMAT_JSON), "\"begun_by\":\"anna@ctl\""));
    STR_COPY(w.nodes[B].obs.begun.txn, "00000000000000ab"); /* another transition's */
    w.nodes[C].answered = false;
    build();
    assert_null(strstr(screen(FORMAT_PRETTY), "anna@ctl"));
}

static void all_is_well(void **state)
{
    (void)state;
    build();
    for (size_t i = 0; i < st.problems.n; i++)
        fail_msg("%s", st.problems.at[i].text);
    assert_int_equal(st.owed.n, 0);
    assert_string_equal(st.next, "");

    char *pretty = screen(FORMAT_PRETTY);
    assert_non_null(strstr(pretty, "db.ia2.test -> db02.ia2.test, TTL 30 s"));
    assert_non_null(strstr(pretty, "owner db02, epoch 7, stable; 2 of 2 name servers agree"));
    assert_non_null(strstr(pretty, "no problem found"));
    assert_null(strstr(pretty, "\033")); /* not a terminal: no colour */

    json_t *o = json_loads(screen(FORMAT_JSON), 0, NULL);
    const json_t *node = json_array_get(json_object_get(o, "nodes"), B);
    assert_true(json_is_true(json_object_get(o, "ok")));
    assert_string_equal(json_string_value(json_object_get(node, "received")), "0/3000148");
    assert_int_equal(json_integer_value(json_object_get(node, "lag_bytes")), 0);
    assert_true(json_is_false(json_object_get(node, "owner")));
    json_decref(o);
}

/* The owner's walsender for node `i`. */
static struct obs_sender *sender(int i)
{
    struct obs_sender *one = &w.nodes[A].obs.pg.senders[w.nodes[A].obs.pg.n_senders++];

    STR_PRINTF(one->address, "10.77.0.%d", 20 + i);
    STR_COPY(one->state, "streaming");
    return one;
}

static void lag_is_in_bytes_and_seconds(void **state)
{
    (void)state;
    w.nodes[B].obs.pg.replay_lsn = 0x3000148 - 2048;
    sender(B)->replay_lag_ms = 1500;
    w.nodes[C].obs.pg.replay_delay_ms = 86400000; /* an idle primary: no lag at all */
    build();
    char *pretty = screen(FORMAT_PRETTY);
    assert_non_null(strstr(pretty, "2.0 kB 1.5 s"));
    assert_non_null(strstr(pretty, "0 B 0.0 s"));
    assert_null(strstr(pretty, "86400"));

    /* a checkpoint's record, or the padding after a restart, on an idle primary: nothing
     * measured */
    set_up(NULL);
    sender(B)->replay_lag_ms = -1;
    w.nodes[B].obs.pg.replay_lsn = 0x3000148 - 1331;
    w.nodes[B].obs.pg.replay_delay_ms = 557900;
    build();
    pretty = screen(FORMAT_PRETTY);
    assert_non_null(strstr(pretty, "1.3 kB"));
    assert_null(strstr(pretty, "557"));

    /* the owner is silent: the age of its last commit is all there is, and says so */
    w.nodes[A].answered = false;
    build();
    assert_non_null(strstr(screen(FORMAT_PRETTY), "? 557.9 s"));
}

/* A slot of a node that is away holds WAL without a limit. */
static void slots_that_hold_wal(void **state)
{
    struct obs_pg *pg = &w.nodes[A].obs.pg;

    (void)state;
    pg->insert_lsn = pg->flush_lsn = UINT64_C(3) << 30;
    pg->free_bytes = INT64_C(10) << 30;
    pg->slot_keep_bytes = -1;
    pg->n_slots = 1;
    pg->slots[0] = (struct obs_slot){
        .name = "vm", .physical = true, .active = true, .restart_lsn = UINT64_C(1) << 30};
    build();
    assert_false(says(&st.owed, "slot \"vm\""));
    pg->slots[0].active = false;
    build();
    assert_true(says(&st.owed, "db02 keeps 2.0 GB of WAL in slot \"vm\" for vm"));
    assert_true(says(&st.owed, "10.0 GB left until pg_wal's file system is full"));
    pg->free_bytes = INT64_C(1) << 30;
    build();
    assert_true(says(&st.problems, "1.0 GB left until pg_wal's file system is full"));
    pg->slot_keep_bytes = INT64_C(2560) << 20;
    build();
    assert_true(says(&st.problems, "512.0 MB left until max_slot_wal_keep_size"));
    pg->slots[0].restart_lsn = pg->flush_lsn - 4096; /* a short absence */
    build();
    assert_false(says(&st.problems, "slot \"vm\""));
}

static void backups_that_run(void **state)
{
    (void)state;
    w.nodes[A].obs.pg.backups_running = 1;
    STR_COPY(w.nodes[A].obs.pg.backups, "process 4711 (pg_basebackup) of replicator, 40%");
    build();
    assert_true(says(&st.owed, "a base backup runs on db02: process 4711 (pg_basebackup)"));
}

static void dns_and_nodes_that_are_silent(void **state)
{
    (void)state;
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    err_set(&w.d_error, ERR_DNS, NULL, "10.77.0.11 gave no answer");
    w.survey_done = false;
    trouble("10.77.0.11 gave no answer", "pgtandem dns show");
    assert_non_null(
        strstr(screen(FORMAT_PRETTY), "owner db02, epoch 7, stable, as db02 last read"));

    set_up(NULL);
    w.nodes[C].answered = false;
    err_set(&w.nodes[C].error, ERR_UNREACHABLE, NULL, "timed out");
    trouble(
        "vm does not answer: timed out",
        "ping 10.77.0.22; if vm is up, there: systemctl status pgtandem-agent; if it is lost for "
        "good, here: pgtandem forget vm");
    assert_int_equal(st.problems.n, 1); /* told once */

    set_up(NULL);
    w.nodes[A].answered = false;
    trouble("the owner db02 does not answer",
            "bring back db02; if it is lost, make sure that it stays down, then: pgtandem failover "
            "--to db01 --accept-unfenced db02");

    set_up(NULL);
    w.survey.ns[1].agrees = false;
    STR_COPY(w.survey.ns[1].name, "ns2.ia2.test");
    STR_COPY(w.survey.ns[1].view.server, "10.77.0.12");
    w.survey.ns[1].view.status = DNS_VIEW_SILENT;
    trouble("name server ns2.ia2.test (10.77.0.12): no answer", "pgtandem dns show");

    /* what the secondary serves does not depend on the primary */
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    w.survey.ns[1].view = w.survey.ns[0].view;
    w.survey.ns[1].view.status = DNS_VIEW_OK;
    w.survey.ns[1].view.cname_present = true;
    STR_COPY(w.survey.ns[1].view.cname, "db02.ia2.test");
    STR_COPY(w.survey.ns[1].view.server, "10.77.0.12");
    w.survey.ns[1].view.serves_s = 3600;
    trouble("name server ns2.ia2.test (10.77.0.12) serves db02.ia2.test, ", "pgtandem dns show");
    trouble(", until 1970-01-01 01:", "pgtandem dns show");

    set_up(NULL);
    STR_COPY(w.d.cname, "vm.ia2.test");
    trouble("the alias points to vm.ia2.test, but the owner is db02", "pgtandem dns show");
}

/* B and C have been asked about the silent owner. */
static void witnessed(bool agent, bool writable)
{
    set_up(NULL);
    w.nodes[A].answered = false;
    w.evidence.about = A;
    w.evidence.from = 1U << B | 1U << C;
    for (int i = B; i <= C; i++) {
        w.evidence.seen[i] = (struct obs_peer){
            .agent_answers = agent, .port_open = writable, .writable_seen = writable};
        STR_COPY(w.evidence.seen[i].node, "db02");
    }
}

static void what_others_see_of_a_silent_owner(void **state)
{
    (void)state;
    witnessed(false, true); /* its agent alone is down */
    trouble("db01 sees db02: agent silent, port open, WRITABLE",
            "on db02: systemctl status pgtandem-agent; PostgreSQL serves there");
    witnessed(true, true); /* we alone do not reach it */
    trouble("vm sees db02: agent answers",
            "look at the network from here to db02 (ping 10.77.0.20), or use pgtandem on another "
            "controller; it is not lost");
    witnessed(false, false);
    trouble("db01 sees db02: agent silent, port closed, no answer",
            "bring back db02; if it is lost, make sure that it stays down, then: pgtandem failover "
            "--to db01 --accept-unfenced db02");
}

static void expired_at(int i)
{
    w.nodes[i].answered = false;
    err_set(&w.nodes[i].error, ERR_EXPIRED, NULL,
            "certificate has expired (valid until 2026-11-28)");
}

/* (d): never ping, never failover; the host, the date and the commands */
static void an_expired_certificate_is_the_cause(void **state)
{
    (void)state;
    STR_COPY(s.config.cluster.name, "ia2");
    for (int i = A; i <= B; i++) {
        set_up(NULL);
        expired_at(i);
        build();
        assert_true(says(&st.problems, "certificate has expired (valid until 2026-11-28)"));
        assert_non_null(strstr(st.next, i == A ? "make-certs agent DIR ia2 db02; copy both"
                                               : "make-certs agent DIR ia2 db01; copy both"));
        assert_non_null(strstr(st.next, "systemctl reload pgtandem-agent"));
    }
    set_up(NULL);
    w.certificate_known = true;
    w.certificate_days = -1;
    for (int i = 0; i < NODES; i++)
        w.nodes[i].answered = false;
    build();
    assert_non_null(strstr(st.problems.at[0].text, "this controller's certificate has expired"));
    assert_non_null(strstr(st.next, "make-certs controller DIR ia2"));
    assert_non_null(strstr(st.next, "another controller"));
}

static void everything_is_silent(void **state)
{
    (void)state;
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    w.survey_done = false;
    for (int i = 0; i < NODES; i++)
        w.nodes[i] = (struct world_node){.error = {.code = ERR_UNREACHABLE, .msg = "no route"}};
    trouble("this host's own network", "ip address; ip route");
    assert_true(says(&st.problems, "db01 does not answer: no route"));
}

static void two_nodes_are_writable(void **state)
{
    (void)state;
    w.nodes[C].obs.pg.role = PG_WRITABLE;
    w.nodes[C].obs.pg.tli = 6;
    w.nodes[C].obs.pg.insert_lsn = 0x4000000;
    trouble("docs/two-writable.md", "read docs/two-writable.md; change nothing before");
    assert_true(
        says(&st.problems, "db02 is writable: timeline 5, LSN 0/3000148, the record's owner"));
    assert_true(says(&st.problems, "vm is writable: timeline 6, LSN 0/4000000"));
    assert_int_equal(st.problems.n, 3);
}

static void open_transition(void **state)
{
    (void)state;
    w.d.record.state = REGISTER_CLAIM;
    STR_COPY(w.d.record.to, "db01");
    STR_COPY(w.d.record.by, "eve@ctl2");
    trouble("before the point of no return", "pgtandem resume");
    assert_non_null(strstr(screen(FORMAT_PRETTY), "by eve@ctl2"));

    journal = (struct status_journal){.transition_known = true,
                                      .since_wall_ms = 5000,
                                      .verb = "switchover",
                                      .reason = "kernel update",
                                      .began_by = "eve@ctl2",
                                      .running_pid = 4711};
    build();
    assert_string_equal(st.next, "pgtandem status -w 2"); /* it is being done right now */
    assert_non_null(strstr(screen(FORMAT_PRETTY), "kernel update"));
    assert_non_null(strstr(screen(FORMAT_PRETTY), "pid 4711"));

    set_up(NULL);
    w.d.record.state = REGISTER_FLIP;
    STR_COPY(w.d.record.owner, "db01");
    STR_COPY(w.d.cname, "db01.ia2.test");
    register_from_add(&w.d.record, "db02", GRADE_NONE);
    w.nodes[A].obs.pg.role = PG_STOPPED;
    w.nodes[A].obs.fence.fenced = w.nodes[A].obs.pg.standby_signal = true;
    w.nodes[B].obs.fence.promoting = true;
    trouble("past the point of no return", "pgtandem resume");
    assert_true(st.situation.past_no_return);
}

static void debts_and_drift(void **state)
{
    (void)state;
    w.nodes[C].obs.pg.role = PG_STOPPED;
    w.nodes[C].obs.pg.control_state = CONTROL_SHUTDOWNED;
    w.nodes[C].obs.fence.fenced = true;
    build();
    assert_int_equal(st.problems.n, 0); /* owed, but nobody need hurry */
    assert_true(says(&st.owed, "vm is fenced"));
    assert_string_equal(st.next, "pgtandem rejoin vm");

    w.nodes[C].obs.pg.control_state = CONTROL_IN_PRODUCTION; /* a crash: nothing is measured */
    build();
    assert_true(says(&st.owed, "`pgtandem rejoin vm` measures how far its WAL goes"));
    assert_string_equal(st.next, "pgtandem rejoin vm");

    w.nodes[C].obs.pg.control_state = CONTROL_SHUTDOWNED_IN_RECOVERY; /* it wrote while cut off */
    w.nodes[C].obs.pg.control_tli = w.nodes[C].obs.pg.min_recovery_tli = 4;
    w.nodes[C].obs.pg.min_recovery_lsn = 0x2000049;
    for (int i = A; i <= C; i += C)
        w.nodes[i].obs.pg.n_history = 4;
    for (int i = 0; i < 4; i++)
        w.nodes[A].obs.pg.history[i] = (struct obs_tli){i + 1, 0x1000000 + (uint64_t)i};
    w.nodes[A].obs.pg.history[3].end = 0x2000000;
    memcpy(w.nodes[C].obs.pg.history, w.nodes[A].obs.pg.history, sizeof(w.nodes[C].obs.pg.history));
    w.nodes[C].obs.pg.n_history = 3;
    trouble("vm is fenced and has WAL that the owner does not have: it reaches 0/2000049 on "
            "timeline 4, the owner's history has it up to 0/2000000",
            "read docs/two-writable.md, \"Afterwards\"");

    set_up(NULL);
    STR_COPY(w.nodes[B].obs.cron.parity, "other");
    trouble("the managed crontab entries of db01 differ from db02's", "pgtandem cron diff db01");

    set_up(NULL);
    w.nodes[A].obs.cron =
        (struct obs_cron){.readable = true, .daemon_running = true, .entries_off = 2};
    trouble("the scheduled jobs of the owner db02 are off", "pgtandem resume");

    set_up(NULL);
    w.nodes[B].skew_ms = -9000;
    trouble("the clock of db01 is 9000 ms behind ours", "");
}

static void caches_clear(void **state)
{
    (void)state;
    journal.alias_moved_wall_ms = NOW - 10000;
    build();
    assert_int_equal(st.caches_clear_wall_ms, NOW + 20000);
    assert_non_null(strstr(screen(FORMAT_PRETTY), "caches clear by "));
    journal.alias_moved_wall_ms = NOW - 31000;
    build();
    assert_int_equal(st.caches_clear_wall_ms, 0);
}

/* ---- the picture, and the watch -------------------------------------------------------------- */

static char *picture(bool utf8)
{
    struct topology t;
    struct capture c;

    build();
    s.term.utf8 = utf8;
    s.options.format = FORMAT_PRETTY;
    topology_build(&t, &st);
    capture_begin(&c);
    topology_print(&t);
    return capture_end(&c, arena);
}

static void shows(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in:\n%s", part, text);
}

static void topology_is_drawn(void **state)
{
    (void)state;
    shows(picture(true), "db.ia2.test ──▶ db02.ia2.test");
    shows(picture(true), "├─▶ db01");
    shows(picture(false), "+-> db01");
    shows(picture(false), "`-> vm");
    assert_null(strstr(picture(false), "apart"));

    /* a cascade, a stranger and silence */
    STR_COPY(w.nodes[C].obs.pg.receiver_host, "10.77.0.21");
    shows(picture(false), "    `-> vm");
    shows(picture(false), "streams from db01, which is not the owner");
    STR_COPY(w.nodes[C].obs.pg.receiver_host, "10.9.9.9");
    shows(picture(false), "\napart\n  vm");
    shows(picture(false), "10.9.9.9:5432, which is no node of this cluster");
    w.nodes[B].answered = false;
    STR_COPY(w.nodes[B].error.msg, "no answer within 2000 ms");
    shows(picture(false), "SILENT: no answer within 2000 ms");
    STR_COPY(w.d.cname, "elsewhere.ia2.test");
    shows(picture(false), "NO NODE OF THIS CLUSTER");
}

/* Two nodes that stream from each other end the drawing all the same. */
static void topology_circle_ends(void **state)
{
    (void)state;
    STR_COPY(w.nodes[B].obs.pg.receiver_host, "10.77.0.22");
    STR_COPY(w.nodes[C].obs.pg.receiver_host, "10.77.0.21");
    STR_PRINTF(s.config.nodes[C].address, "10.77.0.22");
    STR_PRINTF(s.config.nodes[A].address, "10.77.0.20");
    shows(picture(false), "apart\n  db01");
}

static void watch_says_what_changed(void **state)
{
    struct status_past *past = status_past_new();

    (void)state;
    build();
    status_compare(past, &st);
    assert_int_equal(st.changes.n, 0);
    w.nodes[B].answered = false;
    build();
    status_compare(past, &st);
    assert_true(says(&st.changes, "db01: role standby -> silent"));
    shows(screen(FORMAT_PRETTY), "changed while this watch ran");
    shows(screen(FORMAT_TSV), "change\tdb01\tdb01: role standby -> silent");
    build();
    status_compare(past, &st);
    assert_int_equal(st.changes.n, 0);
    assert_true(says(&st.recent, "db01: role standby -> silent"));
    status_past_free(past);
}

/* An old backup of the zone is back: what is to be typed follows from the agents. */
static void record_of_a_restored_zone(void **state)
{
    (void)state;
    assert_null(dns_words_restored(arena, &s.config, &w)); /* it is not older */
    w.d.record.epoch = 3;
    STR_COPY(w.d.record.owner, "vm");
    w.nodes[B].obs.epoch = 9; /* it obeyed what the others never heard of */
    const char *text = dns_words_restored(arena, &s.config, &w);
    assert_non_null(text);
    has("record", text, "v=1 epoch=10 nonce=new state=stable owner=db02 to=- from=- txn=");
    has("record", text, " tli=5 ttl=30 grade=- by=");
    w.nodes[B].obs.pg.role = PG_WRITABLE; /* which one is it? */
    assert_null(dns_words_restored(arena, &s.config, &w));
    w.nodes[B].obs.pg.role = w.nodes[A].obs.pg.role = PG_RECOVERY;
    assert_null(dns_words_restored(arena, &s.config, &w));
}

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    term_locale();
#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
    const struct CMUnitTest tests[] = {
        TEST(all_is_well),
        TEST(the_first_line_says_who_can_write),
        TEST(the_first_line_says_since_when_nobody_can_write),
        TEST(the_first_line_says_what_is_not_known),
        TEST(the_agents_know_who_began),
        TEST(lag_is_in_bytes_and_seconds),
        TEST(slots_that_hold_wal),
        TEST(backups_that_run),
        TEST(dns_and_nodes_that_are_silent),
        TEST(what_others_see_of_a_silent_owner),
        TEST(an_expired_certificate_is_the_cause),
        TEST(everything_is_silent),
        TEST(two_nodes_are_writable),
        TEST(open_transition),
        TEST(debts_and_drift),
        TEST(caches_clear),
        TEST(topology_is_drawn),
        TEST(topology_circle_ends),
        TEST(watch_says_what_changed),
        TEST(record_of_a_restored_zone),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
