/* controller/status/status: what a tired administrator reads, for each kind of trouble: the problem
 * in words, one next command, and the same facts in all three formats. */
#include "controller/status/status.h"

#include "controller/cluster/dns_words.h"
#include "dnsupdate/tsig.h"
#include "tests/unit/controller/status/status_world.h"

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

static void all_is_well(void **state)
{
    (void)state;
    build();
    for (size_t i = 0; i < st.problems.n; i++)
        fail_msg("%s", st.problems.at[i].text);
    assert_int_equal(st.outstanding.n, 0);
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
    assert_false(says(&st.outstanding, "slot \"vm\""));
    pg->slots[0].active = false;
    build();
    assert_true(says(&st.outstanding, "db02 keeps 2.0 GB of WAL in slot \"vm\" for vm"));
    assert_true(says(&st.outstanding, "10.0 GB left until pg_wal's file system is full"));
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
    STR_COPY(w.nodes[A].obs.pg.backup_list, "process 4711 (pg_basebackup) of replicator, 40%");
    build();
    assert_true(says(&st.outstanding, "a base backup runs on db02: process 4711 (pg_basebackup)"));
}

/* An agent at work on something that lasts answers: it is busy, not absent. */
static void an_agent_that_is_busy(void **state)
{
    struct node_obs *o = &w.nodes[A].obs;

    (void)state;
    o->starting_act = true;
    STR_COPY(o->act, "fence");
    o->act_ms = 1000;
    build();
    assert_false(says(&st.outstanding, "busy"));
    o->act_ms = 12000;
    build();
    assert_true(says(&st.outstanding, "db02 is busy: fence has been running there since "));
    o->pg.role = PG_STARTING;
    o->pg.stopping = true;
    build();
    assert_null(strstr(screen(FORMAT_PRETTY), "bring"));
}

/* No circle (`dns show` says the same): the other controller, or this key file. */
static void our_key_is_refused(void **state)
{
    static const struct {
        int error;
        const char *next;
    } cases[] = {
        {TSIG_BADSIG, "copy the secret of that key from the name server into /srv/dns.key here"},
        {TSIG_BADKEY, "correct name and algorithm of the key in /srv/dns.key here"},
        {TSIG_BADTIME, "correct the clock that is wrong, here or at 10.77.0.11"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up(NULL);
        s.cluster.key_file = "/srv/dns.key";
        STR_COPY(s.cluster.zone.server, "10.77.0.11");
        w.d = (struct dns_view){.status = DNS_VIEW_REFUSED};
        w.survey_done = false;
        err_set(&w.d_error, ERR_DNS, "as the server has it", "10.77.0.11 refuses it");
        w.d_error.detail = cases[i].error;
        dns_words_name_key(&s.cluster, &w.d_error);
        build();
        assert_non_null(strstr(st.next, cases[i].next));
        assert_true(says(&st.problems, "the ownership record cannot be read: the "));
        assert_true(says(&st.problems, "of this controller is refused: 10.77.0.11 refuses it"));
        assert_non_null(strstr(st.next, "the other controller"));
        assert_int_equal(st.problems.n, 1);                       /* the cluster itself is well */
        assert_int_not_equal(strncmp(st.next, "pgtandem", 8), 0); /* what fails here as this did */
    }
    w.d_error = (struct err){.code = 0};
    err_set(&w.d_error, ERR_DNS, "look into its log", "REFUSED"); /* by its policy: all of us */
    dns_words_name_key(&s.cluster, &w.d_error);
    assert_string_equal(w.d_error.hint, "look into its log");
    trouble("REFUSED", "pgtandem dns show");
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
    w.survey_done = true; /* nothing agrees with what is not known */
    build();
    assert_null(strstr(screen(FORMAT_PRETTY), "of 2 name servers agree"));
    assert_non_null(strstr(screen(FORMAT_PRETTY), "the zone's primary does not respond"));
    w.survey_done = false;

    set_up(NULL);
    w.nodes[C].answered = false;
    err_set(&w.nodes[C].error, ERR_UNREACHABLE, NULL, "timed out");
    trouble(
        "vm does not respond: timed out",
        "ping 10.77.0.22; if vm is up, there: systemctl status pgtandem-agent; if it is lost for "
        "good, here: pgtandem forget vm");
    assert_int_equal(st.problems.n, 1); /* told once */

    set_up(NULL);
    w.nodes[A].answered = false;
    trouble("the owner db02 does not respond",
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

    /* the owner is held: what is missing, and the way without it */
    w.nodes[A].obs.fence.held = true;
    w.nodes[A].obs.pg.role = PG_RECOVERY;
    w.nodes[C].answered = false;
    w.survey.ns[1].record_valid =
        register_parse(w.nodes[A].obs.seen, &w.survey.ns[1].record, NULL) == 0;
    STR_COPY(w.nodes[B].obs.seen, w.nodes[A].obs.seen);
    STR_COPY(s.cluster.zone.server, "10.77.0.11");
    trouble("the owner db02 is held by its guard; it is released automatically as soon as the "
            "zone's primary (10.77.0.11) responds, or vm does",
            "bring back vm; if it is lost, make sure that it stays down, then: pgtandem unfence "
            "db02 --accept-unfenced vm");

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
    w.evidence.began_ms = 1;
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

/* The zone's primary is gone as well: who the owner is, the agents know, and it is asked about. */
static void what_others_see_without_dns(void **state)
{
    (void)state;
    witnessed(false, true);
    for (int i = B; i <= C; i++)
        STR_COPY(w.nodes[i].obs.seen, w.nodes[A].obs.seen);
    w.nodes[A].obs.seen[0] = '\0';
    w.d = (struct dns_view){.status = DNS_VIEW_SILENT};
    w.survey_done = false;
    assert_int_equal(world_owner_as_known(&s.cluster.config, &w), A);
    assert_true(world_owner_is_silent(&s.cluster, &w));
    trouble("db01 sees db02: agent silent, port open, WRITABLE", "pgtandem dns show");
    assert_true(says(&st.problems, "vm sees db02: agent silent, port open, WRITABLE"));
    assert_null(strstr(screen(FORMAT_PRETTY), "its state is unknown"));
    assert_null(strstr(screen(FORMAT_PRETTY), "failover"));
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
    STR_COPY(s.cluster.config.cluster.name, "ia2");
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
    assert_true(says(&st.problems, "db01 does not respond: no route"));
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
    assert_int_equal(st.problems.n, 0); /* outstanding, but nobody need hurry */
    assert_true(says(&st.outstanding, "vm is fenced"));
    assert_string_equal(st.next, "pgtandem rejoin vm");

    w.nodes[C].obs.pg.control_state = CONTROL_IN_PRODUCTION; /* a crash: nothing is measured */
    build();
    assert_true(says(&st.outstanding, "`pgtandem rejoin vm` measures how far its WAL goes"));
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

/* A record that cannot be used: what is to be typed follows from the agents, and `next:` leads
 * there, not to `dns init`, which refuses. */
static const char *to_type(enum record_fault fault)
{
    const char *text;

    assert_int_equal(dns_words_record(arena, &s.cluster.config, &w, "root@ctl", &text), fault);
    return text;
}

static void record_of_a_restored_zone(void **state)
{
    (void)state;
    assert_null(to_type(RECORD_USABLE)); /* it is not older */
    w.d.record.epoch = 3;
    STR_COPY(w.d.record.owner, "vm");
    w.nodes[B].obs.epoch = 9; /* it obeyed what the others never heard of */
    const char *text = to_type(RECORD_OLDER);
    assert_non_null(text);
    has("record", text, "v=1 epoch=10 nonce=new state=stable owner=db02 to=- from=- txn=");
    has("record", text, " tli=5 ttl=30 grade=- by=");
    w.nodes[B].obs.pg.role = PG_WRITABLE; /* which one is it? */
    assert_null(to_type(RECORD_OLDER));
    w.nodes[B].obs.pg.role = w.nodes[A].obs.pg.role = PG_RECOVERY; /* as it was */
    has("record", to_type(RECORD_OLDER), " owner=db02 ");
}

/* What the older record makes of the roles is not wrong with the nodes. */
static void one_cause_of_a_restored_zone(void **state)
{
    (void)state;
    w.d.record.epoch = 3;
    STR_COPY(w.d.record.owner, "vm"); /* as it was then, the alias too */
    STR_COPY(w.d.cname, "vm.ia2.test");
    trouble("the ownership record is older than what db02 has seen", "pgtandem dns show");
    for (size_t i = 1; i < st.problems.n; i++)
        fail_msg("of the same cause: %s", st.problems.at[i].text);
    w.nodes[B].answered = false; /* that is another */
    err_set(&w.nodes[B].error, ERR_UNREACHABLE, NULL, "timed out");
    build();
    assert_int_equal(st.problems.n, 2);
    assert_true(says(&st.problems, "timed out"));

    set_up(NULL);
    w.d.record.sysid++;
    STR_COPY(w.d.record.owner, "vm");
    STR_COPY(w.d.cname, "vm.ia2.test");
    trouble("the ownership record belongs to another system identifier", "pgtandem dns show");
    assert_int_equal(st.problems.n, 1);
}

static void record_that_is_gone(void **state)
{
    (void)state;
    w.d.n_txt = 0;
    w.d.record_valid = false;
    w.d.txt[0] = '\0';
    trouble("there is no valid ownership record, though db02 has seen one", "pgtandem dns show");
    has("record", to_type(RECORD_GONE), " owner=db02 ");
    w.d.n_txt = 1; /* somebody's, or a broken one */
    STR_COPY(w.d.txt, "v=1 epoch=");
    has("record", to_type(RECORD_GONE), " owner=db02 ");
    for (size_t i = 0; i < w.n_nodes; i++) /* all agents are new: only what they see is known */
        w.nodes[i].obs.seen[0] = '\0';
    const char *text = to_type(RECORD_GONE);
    has("record", text, "nonce=new state=stable owner=db02 to=- from=- txn=");
    has("record", text, " tli=5 ttl=30 grade=- by=root@ctl");
    w.nodes[A].obs.pg.role = PG_STOPPED; /* and who it was is in nobody's mind */
    assert_null(to_type(RECORD_GONE));
    for (size_t i = 0; i < w.n_nodes; i++)
        w.nodes[i].obs.epoch = 0;
    assert_null(to_type(RECORD_USABLE));
    w.d.n_txt = 0;
    trouble("there is no ownership record", "pgtandem dns init");
}

static void record_of_others(void **state)
{
    (void)state;
    w.d.record.sysid++;
    trouble("the ownership record belongs to another system identifier", "pgtandem dns show");
    char sysid[40];
    STR_PRINTF(sysid, " sysid=%llu ", (unsigned long long)w.nodes[A].obs.pg.sysid);
    has("record", to_type(RECORD_FOREIGN), sysid);
    w.d.record.sysid--;
    STR_COPY(w.d.record.owner, "db09");
    trouble("names a node that the configuration does not have", "pgtandem dns show");
    has("record", to_type(RECORD_STRANGE), " owner=db02 ");
}

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    term_locale();
    const struct CMUnitTest tests[] = {
        TEST(all_is_well),
        TEST(lag_is_in_bytes_and_seconds),
        TEST(slots_that_hold_wal),
        TEST(backups_that_run),
        TEST(an_agent_that_is_busy),
        TEST(our_key_is_refused),
        TEST(dns_and_nodes_that_are_silent),
        TEST(what_others_see_of_a_silent_owner),
        TEST(what_others_see_without_dns),
        TEST(an_expired_certificate_is_the_cause),
        TEST(everything_is_silent),
        TEST(two_nodes_are_writable),
        TEST(open_transition),
        TEST(debts_and_drift),
        TEST(caches_clear),
        TEST(record_of_a_restored_zone),
        TEST(one_cause_of_a_restored_zone),
        TEST(record_that_is_gone),
        TEST(record_of_others),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
