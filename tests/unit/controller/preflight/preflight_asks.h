/* Running the preflight of preflight_world.h, and what is expected of it. */
#pragma once

#include <string.h>

#include "tests/unit/controller/preflight/preflight_world.h"
#include "tests/unit/unit.h"

static bool absent(const char *name)
{
    for (size_t i = 0; i < p.n; i++)
        if (strcmp(p.results[i].name, name) == 0)
            return false;
    return true;
}

static const struct preflight_result *result(const char *name)
{
    size_t i = 0;

    while (i + 1 < p.n && strcmp(p.results[i].name, name) != 0)
        i++;
    assert_string_equal(p.results[i].name, name);
    return &p.results[i];
}

static bool failed(const struct preflight_result *r)
{
    return !r->ok && !r->unchecked;
}

static void run(enum preflight_kind kind)
{
    preflight_run(&s, &w, kind, A, B, &p);
}

/* In a switchover exactly this check refuses, says so with `measured` in it, and has a remedy. */
static void refuses(const char *name, const char *measured)
{
    run(PREFLIGHT_PLANNED);
    const struct preflight_result *r = result(name);

    for (size_t i = 0; i < p.n; i++)
        if (failed(&p.results[i]) && p.results[i].severity == SEVERITY_BLOCK)
            assert_string_equal(p.results[i].name, name);
    assert_false(r->ok);
    assert_int_equal(p.blocking, 1);
    if (!strstr(r->measured, measured))
        fail_msg("%s: measured \"%s\", expected \"%s\" in it", name, r->measured, measured);
    assert_true(*r->remedy != '\0');
    assert_true(*r->threshold != '\0');
}

static void warns(const char *name)
{
    run(PREFLIGHT_PLANNED);
    assert_int_equal(p.blocking, 0);
    assert_int_equal(p.warnings, 1);
    assert_false(result(name)->ok);
}
