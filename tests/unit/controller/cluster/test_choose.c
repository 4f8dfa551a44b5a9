/* controller/cluster/choose: which standby a failover without --to proposes, and when. */
#include "controller/cluster/choose.h"

#include <string.h>

#include "base/str.h"
#include "controller/cluster/config.h"
#include "controller/cluster/observe.h"
#include "tests/unit/unit.h"

enum { A, B, C };

static struct config c;
static struct world w;

static int set_up(void **state)
{
    static const char *const names[] = {"db02", "db01", "vm"};

    (void)state;
    memset(&c, 0, sizeof(c));
    memset(&w, 0, sizeof(w));
    c.n_nodes = w.n_nodes = 3;
    for (int i = A; i <= C; i++) {
        STR_COPY(c.nodes[i].name, names[i]);
        w.nodes[i].answered = i != A;
        w.nodes[i].obs.pg.role = PG_RECOVERY;
        w.nodes[i].obs.pg.receive_lsn = 1000;
        w.nodes[i].obs.pg.replay_lsn = 900;
    }
    STR_COPY(w.d.record.owner, "db02");
    return 0;
}

/* 240 bytes were still on their way to vm when it was looked at first. */
static void chosen_when_nothing_comes_in_any_more(void **unused)
{
    struct choose_look first, second, third;

    (void)unused;
    w.nodes[C].obs.pg.receive_lsn = 760;
    choose_look(&c, &w, &first);
    assert_int_equal(choose_most_wal(&first), B);
    w.nodes[C].obs.pg.receive_lsn = 1240;
    choose_look(&c, &w, &second);
    assert_false(choose_at_rest(&first, &second));
    choose_look(&c, &w, &third);
    assert_true(choose_at_rest(&second, &third));
    assert_int_equal(choose_most_wal(&third), C);
    w.nodes[C].obs.pg.replay_lsn = 1240; /* replayed counts, but is no news */
    choose_look(&c, &w, &second);
    assert_true(choose_at_rest(&third, &second));
}

static void only_standbys_that_answer(void **unused)
{
    struct choose_look l;

    (void)unused;
    w.nodes[A].answered = true; /* the owner, held */
    w.nodes[A].obs.pg.receive_lsn = 9000;
    w.nodes[B].answered = false;
    w.nodes[C].obs.pg.role = PG_STOPPED;
    choose_look(&c, &w, &l);
    assert_int_equal(choose_most_wal(&l), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(chosen_when_nothing_comes_in_any_more, set_up),
        cmocka_unit_test_setup(only_standbys_that_answer, set_up),
    };

    return cmocka_run_group_tests_name("choose", tests, NULL, NULL);
}
