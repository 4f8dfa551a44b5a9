/* What a function prints on standard output, as text, and what must be in it. */
#pragma once

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/unit/unit.h"

enum { CAPTURE_BYTES = 1 << 19 };

struct capture {
    FILE *file;
    int real;
};

static inline void capture_begin(struct capture *c)
{
    fflush(stdout);
    c->file = tmpfile();
    c->real = dup(STDOUT_FILENO);
    dup2(fileno(c->file), STDOUT_FILENO);
}

/* In the arena. */
static inline char *capture_end(struct capture *c, struct arena *a)
{
    char *text = arena_alloc(a, CAPTURE_BYTES);

    fflush(stdout);
    dup2(c->real, STDOUT_FILENO);
    close(c->real);
    rewind(c->file);
    (void)!fread(text, 1, CAPTURE_BYTES - 1, c->file);
    fclose(c->file);
    return text;
}

static inline void has(const char *where, const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("%s lacks \"%s\"", where, part);
}
