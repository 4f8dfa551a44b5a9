/* agent/state/sequence: phases in order, at once or later; the end exactly once and last. */
#include "agent/state/sequence.h"

#include <string.h>

#include "base/str.h"
#include "tests/unit/unit.h"

struct run;
typedef void (*phase_fn)(struct run *r);

struct run {
    struct sequence seq;
    const phase_fn *phases;
    char trace[32];
    int ended, code;
};

static void mark(struct run *r, const char *what)
{
    size_t used = strlen(r->trace);

    str_printf(r->trace + used, sizeof(r->trace) - used, "%s", what);
}

static void at_once(struct run *r)
{

    mark(r, "a");
    sequence_next(&r->seq);
    mark(r, "-"); /* the next phase has not been called from inside this one */
}

static void later(struct run *r)
{
    mark(r, "l");
}

static void fails(struct run *r)
{
    struct err e;

    mark(r, "f");
    err_set(&e, ERR_REFUSED, NULL, "no");
    sequence_fail(&r->seq, &e);
    mark(r, ".");
}

static void finishes(struct run *r)
{

    mark(r, "d");
    sequence_finish(&r->seq);
}

static void end(void *arg, const struct err *e)
{
    struct run *r = arg;

    mark(r, "E");
    r->ended++;
    r->code = e ? e->code : 0;
}

static bool call(void *arg, size_t at)
{
    struct run *r = arg;

    if (r->phases[at])
        r->phases[at](r);
    return r->phases[at] != NULL;
}

static void begin(struct run *r, const phase_fn *phases)
{
    r->phases = phases;
    sequence_start(&r->seq, call, end, r);
}

static void test_order(void **state)
{
    static const phase_fn phases[] = {at_once, later, at_once, NULL};
    struct run r = {0};

    (void)state;
    begin(&r, phases);
    assert_string_equal(r.trace, "a-l");
    assert_int_equal(r.ended, 0);
    sequence_next(&r.seq);
    assert_string_equal(r.trace, "a-la-E");
    assert_int_equal(r.ended, 1);
    assert_int_equal(r.code, 0);
}

static void test_failure_skips_the_rest(void **state)
{
    static const phase_fn phases[] = {at_once, fails, later, NULL};
    struct run r = {0};

    (void)state;
    begin(&r, phases);
    assert_string_equal(r.trace, "a-f.E");
    assert_int_equal(r.code, ERR_REFUSED);
}

static void test_finish_skips_the_rest(void **state)
{
    static const phase_fn phases[] = {later, finishes, later, NULL};
    struct run r = {0};

    (void)state;
    begin(&r, phases);
    sequence_next_or_fail(&r.seq, NULL);
    assert_string_equal(r.trace, "ldE");
    assert_int_equal(r.code, 0);
}

static void test_late_failure(void **state)
{
    static const phase_fn phases[] = {later, later, NULL};
    struct run r = {0};
    struct err e;

    (void)state;
    begin(&r, phases);
    err_set(&e, ERR_TIMEOUT, NULL, "late");
    sequence_next_or_fail(&r.seq, &e);
    assert_string_equal(r.trace, "lE");
    assert_int_equal(r.code, ERR_TIMEOUT);
}

static void test_no_phases(void **state)
{
    static const phase_fn phases[] = {NULL};
    struct run r = {0};

    (void)state;
    begin(&r, phases);
    assert_string_equal(r.trace, "E");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_failure_skips_the_rest),
        cmocka_unit_test(test_finish_skips_the_rest),
        cmocka_unit_test(test_late_failure),
        cmocka_unit_test(test_no_phases),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
