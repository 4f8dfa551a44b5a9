/* controller/cluster/view: whose WAL is the owner's (PostgreSQL, 26.3.5 Timelines). */
#include "controller/cluster/view.h"

#include <string.h>

#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
#include "tests/unit/unit.h"

enum { OWNER, OTHER };

static struct config c;
static struct world w;
static struct planner_view v;

static void history(int node, int64_t tli, uint64_t end)
{
    struct obs_pg *pg = &w.nodes[node].obs.pg;

    pg->history[pg->n_history++] = (struct obs_tli){tli, end};
}

/* The owner writes on timeline 3, which it reached at 300 and 200; the other is cleanly stopped on
 * timeline 2, and so far an ancestor. */
static int set_up(void **state)
{
    (void)state;
    memset(&c, 0, sizeof(c));
    memset(&w, 0, sizeof(w));
    memset(&v, 0, sizeof(v));
    c.n_nodes = w.n_nodes = 2;
    for (int i = 0; i < 2; i++) {
        STR_COPY(c.nodes[i].name, i == OWNER ? "a" : "b");
        STR_COPY(w.nodes[i].obs.node, c.nodes[i].name);
        w.nodes[i].answered = true;
        history(i, 1, 200);
    }
    history(OWNER, 2, 300);
    w.d.status = DNS_VIEW_OK;
    w.d.record_valid = true;
    STR_COPY(w.d.record.owner, "a");
    w.nodes[OWNER].obs.pg.role = PG_WRITABLE;
    w.nodes[OWNER].obs.pg.tli = 3;
    w.nodes[OWNER].obs.pg.insert_lsn = 500;
    w.nodes[OTHER].obs.pg.role = PG_STOPPED;
    w.nodes[OTHER].obs.pg.control_state = CONTROL_SHUTDOWNED;
    w.nodes[OTHER].obs.pg.control_tli = 2;
    w.nodes[OTHER].obs.pg.control_checkpoint = 290;
    return 0;
}

static void expect(bool history_ok, enum lineage_kind kind)
{
    static struct record known;

    view_from_world(&c, &w, &known, 0, &v);
    assert_int_equal(v.nodes[OTHER].history_ok, history_ok);
    assert_int_equal(v.nodes[OTHER].wal.kind, kind);
}

static void expect_beyond(uint64_t here, uint64_t there)
{
    expect(v.nodes[OTHER].history_ok, LINEAGE_BEYOND);
    assert_int_equal(v.nodes[OTHER].wal.here, here);
    assert_int_equal(v.nodes[OTHER].wal.there, there);
}

static void test_an_ancestor_ends_where_the_owner_left_it(void **state)
{
    struct obs_pg *pg = &w.nodes[OTHER].obs.pg;

    (void)state;
    expect(true, LINEAGE_INSIDE);
    pg->control_checkpoint = 300; /* the record begins where the owner's end */
    expect(true, LINEAGE_BEYOND);
    expect_beyond(300, 300);
    pg->control_checkpoint = 290;
    pg->newest_history_tli = 4; /* promoted, and crashed before it was in use */
    expect(true, LINEAGE_UNMEASURED);
    pg->newest_history_tli = 2;
    pg->control_state = CONTROL_IN_PRODUCTION; /* crashed: how far it wrote, nobody knows yet */
    expect(true, LINEAGE_UNMEASURED);
    pg->role = PG_RECOVERY;
    pg->tli = 2;
    pg->replay_lsn = 300;
    expect(true, LINEAGE_INSIDE);
    pg->receive_lsn = 350; /* it receives the owner's timeline, and has not replayed the switch */
    pg->receive_tli = 3;
    expect(true, LINEAGE_INSIDE);
    pg->receive_tli = 2;
    expect(false, LINEAGE_BEYOND);
    expect_beyond(350, 300);
    pg->drained = true; /* what the lost primary had sent of a record: it is no whole one */
    expect(true, LINEAGE_INSIDE);
    pg->receive_lsn = 0;
    pg->replay_lsn = 301;
    expect(false, LINEAGE_BEYOND);
    expect_beyond(301, 300);
}

/* The guard held it: it replayed its own WAL to the end, and was stopped as a standby. Its last
 * checkpoint is as old as it was; the minimum recovery point tells how far it wrote. */
static void test_a_held_node_is_measured_by_its_recovery(void **state)
{
    struct obs_pg *pg = &w.nodes[OTHER].obs.pg;

    (void)state;
    pg->control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    w.nodes[OTHER].obs.fence.was_primary = true;
    pg->min_recovery_tli = 2;
    pg->min_recovery_lsn = 300; /* it ends exactly where the owner left the timeline */
    expect(true, LINEAGE_INSIDE);
    pg->min_recovery_lsn = 349; /* 49 commits that nobody else has */
    expect_beyond(349, 300);
    pg->control_state = CONTROL_IN_ARCHIVE_RECOVERY; /* its host died while it was held */
    expect_beyond(349, 300);
    pg->min_recovery_lsn = 300;
    expect(true, LINEAGE_UNMEASURED);
    pg->control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    pg->min_recovery_tli = 0; /* an agent of version 1 does not tell */
    expect(true, LINEAGE_UNMEASURED);
}

/* Its last restartpoint was on timeline 1, and it replayed into one of its own since. */
static void test_the_newest_timeline_of_pg_control_counts(void **state)
{
    struct obs_pg *pg = &w.nodes[OTHER].obs.pg;

    (void)state;
    pg->control_state = CONTROL_SHUTDOWNED_IN_RECOVERY;
    pg->control_tli = 1;
    pg->control_checkpoint = 190;
    pg->min_recovery_tli = 2;
    pg->min_recovery_lsn = 260;
    expect(true, LINEAGE_INSIDE);
    assert_int_equal(v.nodes[OTHER].tli, 2);
    pg->history[0].end = 180; /* not the owner's timeline 2 */
    expect(false, LINEAGE_BEYOND);
    expect_beyond(260, 180);
}

/* The owner's host is dead, and was never heard by this controller: the record's timeline is the
 * measure. */
static void test_a_branch_of_the_owners_timeline(void **state)
{
    (void)state;
    expect(true, LINEAGE_INSIDE);
    assert_false(v.nodes[OTHER].branched);
    w.nodes[OTHER].obs.pg.control_tli = 4;
    history(OTHER, 2, 300);
    history(OTHER, 3, 480);
    expect(false, LINEAGE_BEYOND);
    assert_true(v.nodes[OTHER].branched);
    assert_int_equal(v.nodes[OTHER].branch_at, 480);
    w.nodes[OTHER].obs.pg.history[1].end = 299; /* of another timeline 3 */
    expect(false, LINEAGE_BEYOND);
    assert_false(v.nodes[OTHER].branched);
    w.nodes[OTHER].obs.pg.history[1].end = 300;
    w.nodes[OWNER] = (struct world_node){.answered = false};
    w.d.record.tli = 3;
    expect(false, LINEAGE_UNMEASURED);
    assert_true(v.nodes[OTHER].branched);
    w.d.record.tli = 5;
    expect(false, LINEAGE_UNMEASURED);
    assert_false(v.nodes[OTHER].branched);
}

static void test_an_owner_that_is_down_measures_nobody(void **state)
{
    (void)state;
    w.nodes[OTHER].obs.pg.control_checkpoint = 310;
    w.nodes[OWNER].obs.pg.role = PG_STOPPED;
    expect(true, LINEAGE_UNMEASURED); /* pg_control of the owner still shows what was before */
}

/* ---- attached: what the owner's own walsenders say ------------------------------------------- */

static bool attached(void)
{
    static struct record known;

    view_from_world(&c, &w, &known, 0, &v);
    return v.nodes[OTHER].attached;
}

static void test_the_owner_says_who_is_attached(void **state)
{
    struct obs_pg *pg = &w.nodes[OWNER].obs.pg;
    struct obs_sender *s = pg->senders;

    (void)state;
    STR_COPY(c.nodes[OTHER].address, "10.0.0.2");
    pg->control_checkpoint = 450;
    STR_COPY(w.nodes[OTHER].obs.pg.receiver_status, "streaming"); /* whatever it believes */
    assert_false(attached());
    pg->n_senders = 1;
    s[0] = (struct obs_sender){.application = "walreceiver",
                               .address = "10.0.0.2",
                               .state = "streaming",
                               .flush_lsn = 451};
    assert_true(attached());
    s[0].flush_lsn = 450; /* the record begins there: it is not confirmed */
    assert_false(attached());
    s[0].flush_lsn = 451;
    STR_COPY(s[0].state, "catchup");
    assert_false(attached());
    STR_COPY(s[0].state, "streaming");
    STR_COPY(s[0].state, "logical");
    assert_false(attached());
}

/* A clone carries its origin's name; a translated address says nothing. */
static void test_a_walsender_is_known_by_address_and_name(void **state)
{
    struct obs_pg *pg = &w.nodes[OWNER].obs.pg;
    struct obs_sender *s = pg->senders;

    (void)state;
    STR_COPY(c.nodes[OTHER].name, "db-1");
    STR_COPY(c.nodes[OTHER].address, "10.0.0.2");
    pg->control_checkpoint = 450;
    pg->n_senders = 2;
    s[0] = (struct obs_sender){
        .application = "db-1", .address = "10.0.0.3", .state = "streaming", .flush_lsn = 451};
    s[1] = (struct obs_sender){.application = "walreceiver",
                               .address = "10.0.0.9",
                               .state = "streaming",
                               .flush_lsn = 440};
    assert_true(attached()); /* by its name, for nobody has its address */
    STR_COPY(s[1].address, "10.0.0.2");
    assert_false(attached()); /* the address is surer */
    STR_COPY(s[0].application, "other");
    STR_COPY(s[1].address, "10.0.0.9");
    assert_false(attached());
}

static void test_a_standby_that_crashed_is_whole(void **state)
{
    (void)state;
    w.nodes[OTHER].obs.pg.control_state = CONTROL_IN_ARCHIVE_RECOVERY;
    expect(true, LINEAGE_UNMEASURED);
    w.nodes[OTHER].obs.pg.standby_signal = true;
    expect(true, LINEAGE_INSIDE);
    w.nodes[OTHER].obs.fence.was_primary = true; /* its signal file came with the fence */
    expect(true, LINEAGE_UNMEASURED);
    w.nodes[OTHER].obs.fence.was_primary = false;
    w.nodes[OTHER].obs.pg.control_checkpoint = 310;
    expect(true, LINEAGE_BEYOND);
}

/* Promoted by hand at 150, it got the number 2 as the owner did at 200. */
static void test_one_number_two_timelines(void **state)
{
    (void)state;
    w.nodes[OTHER].obs.pg.history[0].end = 150;
    expect(false, LINEAGE_BEYOND);
    expect_beyond(290, 150);
    w.nodes[OTHER].obs.pg.control_tli = 3;
    history(OTHER, 2, 300);
    expect(false, LINEAGE_BEYOND);
    w.nodes[OTHER].obs.pg.history[0].end = 200;
    expect(true, LINEAGE_INSIDE);
    w.nodes[OTHER].obs.pg.history[1].end = 299;
    expect(false, LINEAGE_BEYOND);
    w.nodes[OTHER].obs.pg.n_history = 1; /* without a history file nothing is proven */
    expect(false, LINEAGE_UNMEASURED);
}

/* Promoted by hand off the owner's own timeline. */
static void test_a_timeline_that_the_owner_never_had(void **state)
{
    (void)state;
    w.nodes[OTHER].obs.pg.control_tli = 4;
    expect(false, LINEAGE_UNMEASURED); /* its history file cannot be read */
    history(OTHER, 2, 300);
    history(OTHER, 3, 480);
    w.nodes[OTHER].obs.pg.control_checkpoint = 490;
    expect(false, LINEAGE_BEYOND);
    expect_beyond(490, 480);
    w.nodes[OTHER].obs.pg.control_tli = 1;
    w.nodes[OTHER].obs.pg.n_history = 0;
    w.nodes[OTHER].obs.pg.control_checkpoint = 190;
    expect(true, LINEAGE_INSIDE);
    w.nodes[OTHER].obs.pg.role = PG_RECOVERY;
    w.nodes[OTHER].obs.pg.tli = 3;
    expect(false, LINEAGE_UNMEASURED);
}

/* Both lists are full, and the owner's has lost a row more. */
static void test_long_histories_are_compared_where_they_overlap(void **state)
{
    const size_t rows = sizeof(w.nodes[0].obs.pg.history) / sizeof(w.nodes[0].obs.pg.history[0]);

    (void)state;
    for (int i = 0; i < 2; i++) {
        w.nodes[i].obs.pg.n_history = 0;
        for (size_t k = 0; k < rows; k++)
            history(i, (int64_t)k + 1 + (i == OWNER), 100 * (k + 1 + (i == OWNER)));
    }
    w.nodes[OWNER].obs.pg.tli = (int64_t)rows + 2;
    w.nodes[OWNER].obs.pg.insert_lsn = 100000;
    w.nodes[OTHER].obs.pg.control_tli = (int64_t)rows + 1;
    w.nodes[OTHER].obs.pg.control_checkpoint = 100 * (rows + 1) - 1;
    expect(true, LINEAGE_INSIDE);
    w.nodes[OTHER].obs.pg.history[rows - 1].end++;
    expect(false, LINEAGE_BEYOND);
}

/* Before "older than what an agent has seen" is said: another command may have claimed it. */
static void test_a_record_behind_its_agents_is_read_again(void **state)
{
    (void)state;
    w.d.record.epoch = 8;
    w.nodes[OTHER].obs.epoch = 8;
    assert_false(world_record_is_behind(&w));
    w.nodes[OTHER].obs.epoch = 9;
    assert_true(world_record_is_behind(&w));
    w.nodes[OTHER].answered = false;
    assert_false(world_record_is_behind(&w));
    w.nodes[OTHER].answered = true;
    w.d.status = DNS_VIEW_SILENT;
    assert_false(world_record_is_behind(&w));
}

/* Whose database it is, the nodes say; that of one that was built from another decides nothing. */
static void test_the_nodes_say_whose_it_is(void **state)
{
    (void)state;
    w.d.record.sysid = 7;
    expect(true, LINEAGE_INSIDE);
    assert_int_equal(v.sysid, 0);
    w.nodes[OTHER].obs.pg.sysid = 9;
    expect(true, LINEAGE_INSIDE);
    assert_int_equal(v.sysid, 9);
    w.nodes[OWNER].obs.pg.sysid = 8;
    expect(true, LINEAGE_INSIDE);
    assert_int_equal(v.sysid, 8);
    w.nodes[OTHER].obs.pg.sysid = 7;
    expect(true, LINEAGE_INSIDE);
    assert_int_equal(v.sysid, 7);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_record_behind_its_agents_is_read_again, set_up),
        cmocka_unit_test_setup(test_the_nodes_say_whose_it_is, set_up),
        cmocka_unit_test_setup(test_an_ancestor_ends_where_the_owner_left_it, set_up),
        cmocka_unit_test_setup(test_a_held_node_is_measured_by_its_recovery, set_up),
        cmocka_unit_test_setup(test_the_newest_timeline_of_pg_control_counts, set_up),
        cmocka_unit_test_setup(test_a_branch_of_the_owners_timeline, set_up),
        cmocka_unit_test_setup(test_an_owner_that_is_down_measures_nobody, set_up),
        cmocka_unit_test_setup(test_the_owner_says_who_is_attached, set_up),
        cmocka_unit_test_setup(test_a_walsender_is_known_by_address_and_name, set_up),
        cmocka_unit_test_setup(test_a_standby_that_crashed_is_whole, set_up),
        cmocka_unit_test_setup(test_one_number_two_timelines, set_up),
        cmocka_unit_test_setup(test_a_timeline_that_the_owner_never_had, set_up),
        cmocka_unit_test_setup(test_long_histories_are_compared_where_they_overlap, set_up),
    };

    return cmocka_run_group_tests_name("test_view", tests, NULL, NULL);
}
