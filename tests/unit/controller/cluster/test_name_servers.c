/* controller/cluster/name_servers: which servers are asked while the zone's primary does not
 * respond. */
#include "controller/cluster/name_servers.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "dnsupdate/dns.h"
#include "tests/unit/controller/journal/journal_dir.h"
#include "tests/unit/unit.h"

static struct dns_zone zone;
static struct dns_survey survey;

static int begin(void **state)
{
    memset(&zone, 0, sizeof(zone));
    memset(&survey, 0, sizeof(survey));
    STR_COPY(zone.zone, "ia2.test");
    STR_COPY(zone.server, "10.77.0.11");
    survey.names_known = true;
    survey.n = 3;
    STR_COPY(survey.ns[0].view.server, "10.77.0.11");
    STR_COPY(survey.ns[1].view.server, "10.77.0.12");
    STR_COPY(survey.ns[2].view.server, "?"); /* a name without an address */
    return set_up(state);
}

static int end(void **state)
{
    char path[200];

    STR_PRINTF(path, "%s/name-servers", directory);
    unlink(path);
    return tear_down(state);
}

static void what_was_named_last_is_asked(void **unused)
{
    struct dns_zone later = zone;

    (void)unused;
    name_servers_recall(directory, &later); /* nothing has been kept */
    assert_string_equal(later.others, "");
    name_servers_keep(directory, &zone, &survey);
    name_servers_recall(directory, &later);
    assert_string_equal(later.others, "10.77.0.12");
    assert_true(later.others_kept);

    survey.names_known = false; /* the primary was silent: it says nothing about others */
    survey.n = 0;
    name_servers_keep(directory, &zone, &survey);
    later = zone;
    name_servers_recall(directory, &later);
    assert_string_equal(later.others, "10.77.0.12");
}

static void configuration_comes_first_and_zones_are_told_apart(void **unused)
{
    struct dns_zone later = zone;

    (void)unused;
    name_servers_keep(directory, &zone, &survey);
    STR_COPY(later.others, "10.77.0.99");
    name_servers_recall(directory, &later);
    assert_string_equal(later.others, "10.77.0.99");
    assert_false(later.others_kept);
    later = zone;
    STR_COPY(later.zone, "ia2.tes");
    name_servers_recall(directory, &later);
    assert_string_equal(later.others, "");
}

static void a_port_is_the_primarys(void **unused)
{
    struct dns_zone later;

    (void)unused;
    STR_COPY(zone.server, "[fd00::1]:5353");
    STR_COPY(survey.ns[0].view.server, "[fd00::1]:5353");
    STR_COPY(survey.ns[1].view.server, "[fd00::2]:5353");
    STR_COPY(survey.ns[2].view.server, "10.77.0.12:5353");
    name_servers_keep(directory, &zone, &survey);
    later = zone;
    name_servers_recall(directory, &later);
    assert_string_equal(later.others, "fd00::2,10.77.0.12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_named_last_is_asked, begin, end),
        cmocka_unit_test_setup_teardown(configuration_comes_first_and_zones_are_told_apart, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_port_is_the_primarys, begin, end),
    };

    return cmocka_run_group_tests_name("name servers", tests, NULL, NULL);
}
