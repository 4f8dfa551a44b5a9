/* controller/engine/summary, controller/engine/ops_ask: what a moving command tells of the time
 * without writes and of what may be lost. db02 had the role, db01 takes it over. */
#include "controller/engine/summary.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/view.h"
#include "controller/engine/ops.h"
#include "controller/engine/run.h"
#include "controller/session/session.h"
#include "tests/unit/capture.h"
#include "tests/unit/controller/node_world.h"
#include "tests/unit/unit.h"

enum { A, B, C, NODES };

static struct session s;
static struct run r;

/* A flip is open; this command has found it so. */
static int set_up(void **state)
{
    (void)state;
    s = (struct session){.cluster = {.config = {.n_nodes = NODES}, .arena = arena_new()},
                         .term = term_look(stdout, COLOR_NEVER)};
    STR_COPY(s.cluster.config.cluster.name, "ia2");
    memset(&r, 0, sizeof(r));
    r.session = &s;
    progress_init(&r.progress, &s, NULL);
    r.world.n_nodes = NODES;
    for (int i = 0; i < NODES; i++)
        node_in_order(&s.cluster.config.nodes[i], &r.world.nodes[i], i);
    r.world.d = (struct dns_view){
        .status = DNS_VIEW_OK,
        .record_valid = true,
        .record = {.epoch = 8, .state = REGISTER_FLIP, .sysid = NODE_SYSID, .tli = 5, .ttl = 30}};
    STR_COPY(r.world.d.record.owner, "db01");
    STR_COPY(r.world.d.record.txn, "0123456789abcdef");
    register_from_add(&r.world.d.record, "db02", GRADE_NONE);
    r.view.command = PLANNER_RESUME;
    r.view.to = -1;
    r.began_ms = 100000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(s.cluster.arena);
    return 0;
}

/* It has promoted db01, two seconds after it began. */
static const char *told(enum output_format format)
{
    const struct planner_move m = {.kind = MOVE_DONE, .node = -1, .reason = WHY_NOTHING};
    struct capture c;

    view_from_world(&s.cluster.config, &r.world, &r.known, 0, &r.view);
    r.outage_unknown = false;
    r.outage_began_ms = 0;
    summary_outage_before(&r);
    r.outage_ended_ms = r.began_ms + 2000;
    s.options.format = format;
    capture_begin(&c);
    summary_closing(&r, &m);
    return capture_end(&c, s.cluster.arena);
}

/* The stop was asked for by a command before this one, and its node does not say when. */
static void an_outage_that_nobody_can_time(void **state)
{
    static const char words[] = "not known: the stop was asked for by an earlier command";

    (void)state;
    r.world.nodes[A].answered = false;
    has("summary", told(FORMAT_PRETTY), words);
    json_t *o = json_loads(told(FORMAT_JSON), 0, NULL);
    assert_non_null(o);
    assert_int_equal(json_integer_value(json_object_get(o, "outage_ms")), -1);
    assert_null(json_object_get(o, "outage_from"));
    json_decref(o);

    r.world.nodes[A].answered = true; /* its mark is from before marks had a time */
    r.world.nodes[A].obs.pg.role = PG_STOPPED;
    r.world.nodes[A].obs.fence.fenced = true;
    has("summary", told(FORMAT_PRETTY), words);

    r.world.nodes[A].obs.wall_ms = 505000;
    r.world.nodes[A].obs.fence.wall_ms = 500000;
    const char *text = told(FORMAT_PRETTY);
    has("summary", text, "7000 ms, from the stop request to the first committed write");
    assert_null(strstr(text, "not known"));
}

static const char *loss(void)
{
    const struct planner_move m = {.kind = MOVE_STEP, .step = STEP_LOSS, .node = A};
    struct op_result *res = arena_alloc(s.cluster.arena, sizeof(*res));
    struct capture c;

    s.options.format = FORMAT_PRETTY;
    capture_begin(&c);
    op_loss(&r, &m, res);
    return capture_end(&c, s.cluster.arena);
}

/* However long DNS is repaired meanwhile: what is at risk lies behind. */
static void the_same_loss_minutes_later(void **state)
{
    enum { HEARD = (4 * 3600 + 24 * 60 + 31) * 1000 };

    (void)state;
    r.world.d.record.state = REGISTER_STABLE;
    STR_COPY(r.world.d.record.owner, "db02");
    r.world.d.record.n_from = 0;
    r.world.nodes[A].answered = false;
    r.view.to = B;
    s.options.accept_unfenced[s.options.n_accept_unfenced++] = "db02";
    view_from_world(&s.cluster.config, &r.world, &r.known, 0, &r.view);
    r.last_seen[A].lsn = 0x3000148 + 4096;
    r.last_seen[A].wall_ms = HEARD - 11000; /* the last commit that was replayed */
    r.last_seen[A].heard_wall_ms[B] = HEARD;
    r.last_seen[A].heard_wall_ms[C] = HEARD + 1000;

    const char *first = loss();
    has("loss", first, "db01 last heard from db02 at 04:24:31");
    has("loss", first, "vm last heard from db02 at 04:24:32");
    has("loss", first, "db01 has WAL up to 0/3000148: 4096 bytes less than that");
    has("loss", first, "at risk: what db02 acknowledged after 04:24:20, until it stopped");
    r.began_ms += 900000;
    r.began_wall_ms += 900000;
    for (int i = B; i <= C; i++) {
        r.world.nodes[i].obs.wall_ms += 900000;
        r.world.nodes[i].obs.pg.replay_delay_ms += 900000;
    }
    view_from_world(&s.cluster.config, &r.world, &r.known, 0, &r.view);
    assert_string_equal(loss(), first);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_outage_that_nobody_can_time),
        TEST(the_same_loss_minutes_later),
    };

    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
