/* A directory for journals, of each test its own: made before it, removed with them behind it.
 * Only test programs include this. */
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "controller/journal/journal.h"

static char directory[] = "/tmp/pgtandem-test-journal-XXXXXX";

static inline int set_up(void **state)
{
    (void)state;
    STR_COPY(directory, "/tmp/pgtandem-test-journal-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static inline int tear_down(void **state)
{
    AUTO(arena) a = arena_new();
    char **paths;
    size_t n;

    (void)state;
    if (journal_list(directory, a, &paths, &n, NULL) == 0)
        for (size_t i = 0; i < n; i++)
            unlink(paths[i]);
    unlink(arena_printf(a, "%s/lock", directory));
    return rmdir(directory);
}
