/* controller/status/status: the first line, which says whether anybody can write, since when not,
 * and what is not known; and who began what is open. */
#include "controller/status/status.h"

#include "base/clock.h"
#include "tests/unit/controller/status/status_world.h"

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
        STR_COPY(w.nodes[i].obs.pg.heard_host, s.cluster.config.nodes[A].address);
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
    assert_non_null(strstr(screen(FORMAT_PRETTY), "no agent that responds has recorded"));
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

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    term_locale();
    const struct CMUnitTest tests[] = {
        TEST(the_first_line_says_who_can_write),
        TEST(the_first_line_says_since_when_nobody_can_write),
        TEST(the_first_line_says_what_is_not_known),
        TEST(the_agents_know_who_began),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
