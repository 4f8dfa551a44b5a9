/* controller/screen/topology: the picture, drawn from one look; and what `status -w` says has
 * changed since the one before. */
#include "controller/screen/topology.h"

#include "tests/unit/controller/status/status_world.h"

static char *picture(bool utf8)
{
    struct topology t;
    struct capture c;

    build();
    s.term.utf8 = utf8;
    s.options.format = FORMAT_PRETTY;
    topology_build(&t, &st);
    capture_begin(&c);
    topology_print(&s, &t);
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
    STR_PRINTF(s.cluster.config.nodes[C].address, "10.77.0.22");
    STR_PRINTF(s.cluster.config.nodes[A].address, "10.77.0.20");
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

int main(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    term_locale();
    const struct CMUnitTest tests[] = {
        TEST(topology_is_drawn),
        TEST(topology_circle_ends),
        TEST(watch_says_what_changed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_free(arena);
    return failed;
}
