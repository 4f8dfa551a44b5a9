/* controller/cluster/dns_words: what a name server shows that differs, and what that is. */
#include "controller/cluster/dns_words.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/cluster/observe.h"
#include "tests/unit/unit.h"

static struct world w;
static struct arena *arena;

static void make_server(struct dns_survey_ns *ns, const char *name, const char *address)
{
    STR_COPY(ns->name, name);
    ns->view = (struct dns_view){
        .status = DNS_VIEW_OK, .cname_present = true, .serial = 12, .serves_s = -1};
    STR_COPY(ns->view.server, address);
    STR_COPY(ns->view.cname, "db02.ia2.test");
}

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    memset(&w, 0, sizeof(w));
    w.d = (struct dns_view){.status = DNS_VIEW_OK};
    STR_COPY(w.d.server, "10.77.0.11");
    w.survey_done = true;
    w.survey.n = 2;
    w.survey.primary.serial = 12;
    make_server(&w.survey.ns[0], "ns1.ia2.test", "10.77.0.11");
    make_server(&w.survey.ns[1], "ns2.ia2.test", "10.77.0.12");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void expect(size_t i, const char *text)
{
    const char *differs = dns_words_differs(arena, &w, i, 0);

    assert_non_null(differs);
    assert_string_equal(differs, text);
}

/* The zone's primary, a lagging secondary, and one with other content at the very serial: three
 * different things to look for. */
static void another_view_is_no_lag(void **state)
{
    (void)state;
    expect(0, "the zone's primary (10.77.0.11) shows those who ask without a key another view: "
              "db02.ia2.test, no ownership record");
    expect(1, "name server ns2.ia2.test (10.77.0.12) shows db02.ia2.test, no ownership record, at "
              "the primary's serial 12: another view of the zone");
    w.survey.ns[1].view.serial = 11;
    expect(1, "name server ns2.ia2.test (10.77.0.12) still shows db02.ia2.test, no ownership "
              "record");
    w.survey.ns[1].view.serial = w.survey.primary.serial = -1; /* nobody has said any */
    expect(1, "name server ns2.ia2.test (10.77.0.12) still shows db02.ia2.test, no ownership "
              "record");
    w.survey.ns[1].agrees = true;
    assert_null(dns_words_differs(arena, &w, 1, 0));
}

/* Nothing differs from a primary that does not answer: what it serves, and until when. */
static void without_its_primary(void **state)
{
    (void)state;
    w.d.status = DNS_VIEW_SILENT;
    w.survey.ns[1].view.serves_s = 3600;
    expect(1, "name server ns2.ia2.test (10.77.0.12) serves db02.ia2.test, no ownership record, "
              "until 1970-01-01 01:00:00 UTC at the latest");
    w.survey.ns[1].view.status = DNS_VIEW_SILENT;
    expect(1, "name server ns2.ia2.test (10.77.0.12): no answer");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(another_view_is_no_lag),
        TEST(without_its_primary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
