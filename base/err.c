#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#undef err_set
#undef err_sys

struct err_row {
    const char *name;
    int exit_status;
};

/* clang-format off */
static const struct err_row rows[] = {
    {"ok", 0},
#define X(code, text, exit) {text, exit},
    ERR_CODES(X)
#undef X
};
/* clang-format on */
_Static_assert(sizeof(rows) / sizeof(rows[0]) == ERR_COUNT_, "one row for each code");

/* The arguments may point into *e itself (err_set(e, code, e->hint, "…: %s", e->msg)), so the new
 * error is made aside and then copied over the old one. */
static int fill_err(struct err *e, int code, int sys, const char *hint, const char *fmt,
                    va_list args) __attribute__((format(printf, 5, 0)));

static int fill_err(struct err *e, int code, int sys, const char *hint, const char *fmt,
                    va_list args)
{
    if (!e)
        return code;

    struct err made = {.code = code, .sys = sys};
    int used = vsnprintf(made.msg, sizeof(made.msg), fmt, args);

    if (sys && used >= 0 && (size_t)used < sizeof(made.msg))
        str_printf(made.msg + used, sizeof(made.msg) - (size_t)used, ": %s (errno %d)",
                   strerror(sys), sys);
    if (hint)
        STR_COPY(made.hint, hint);
    str_make_printable(made.msg); /* it may quote a peer, a file, a DNS record */
    str_make_printable(made.hint);
    *e = made;
    return code;
}

int err_set(struct err *e, int code, const char *hint, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill_err(e, code, 0, hint, fmt, args);
    va_end(args);
    return code;
}

int err_sys(struct err *e, int sys, const char *hint, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fill_err(e, ERR_SYS, sys, hint, fmt, args);
    va_end(args);
    return ERR_SYS;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_SYS;

    char text[sizeof(e->msg)];
    char before[sizeof(e->msg)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    STR_COPY(before, e->msg);
    STR_PRINTF(e->msg, "%s: %s", text, before);
    str_make_printable(e->msg);
    return e->code;
}

void err_set_node(struct err *e, const char *node)
{
    if (e)
        STR_COPY(e->node, node);
}

void err_set_step(struct err *e, const char *step)
{
    if (e)
        STR_COPY(e->step, step);
}

void err_set_hint(struct err *e, const char *fmt, ...)
{
    if (!e)
        return;

    char text[sizeof(e->hint)];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    str_make_printable(text);
    STR_COPY(e->hint, text);
}

/* A code that is not in the table can only come from a bug; it is shown as the gravest there is. */
static const struct err_row *row_of(int code)
{
    static const struct err_row unknown = {"unknown", 4};

    return code <= 0 && code > -(int)ERR_COUNT_ ? &rows[-code] : &unknown;
}

const char *err_name(int code)
{
    return row_of(code)->name;
}

int err_exit_status(int code)
{
    return row_of(code)->exit_status;
}

int err_from_name(const char *name)
{
    for (int i = 0; i < (int)ERR_COUNT_; i++)
        if (strcmp(rows[i].name, name) == 0)
            return -i;
    return ERR_PROTOCOL;
}
