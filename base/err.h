/*
 * Errors that a person can act on.
 *
 * Every fallible function is `int f(..., struct err *reterr)`: 0 or a negative code from the one
 * table below; its outputs (`ret_x`) are untouched on failure. `reterr` may be NULL. An error says
 * what happened, with the number that decided (`msg`), and what to do next (`hint`). The caller may
 * add the node and the step; only main turns a code into an exit status, with
 * err_exit_status().
 */
#pragma once

#include <stdbool.h>

/* clang-format off */
/* code, text, exit status of the program (scripts rely on them: they are never renumbered) */
#define ERR_CODES(X)                                                                               \
    X(ERR_USAGE, "usage", 1)                                                                       \
    X(ERR_CONFIG, "configuration", 1)                                                              \
    X(ERR_SYS, "system", 1)                                                                        \
    X(ERR_INVALID, "invalid", 1)                                                                   \
    X(ERR_TOO_LONG, "too-long", 1)                                                                 \
    X(ERR_PREFLIGHT, "preflight-refused", 2)                                                       \
    X(ERR_UNDONE, "undone", 3)                                                                     \
    X(ERR_INCOMPLETE, "incomplete", 4)                                                             \
    X(ERR_TIMEOUT, "timeout", 4)                                                                   \
    X(ERR_REFUSED, "refused", 4)                                                                   \
    X(ERR_STALE, "stale", 4)                                                                       \
    X(ERR_UNREACHABLE, "unreachable", 6)                                                           \
    X(ERR_PROTOCOL, "protocol", 6)                                                                 \
    X(ERR_TLS, "tls", 6)                                                                           \
    X(ERR_HELD, "held", 7)                                                                         \
    X(ERR_LOST, "claim-lost", 7)                                                                   \
    X(ERR_DNS, "dns", 8)                                                                           \
    X(ERR_REGISTER, "register", 8)                                                                 \
    X(ERR_DECLINED, "declined", 9)                                                                 \
    X(ERR_PROBLEM, "problem", 10)                                                                  \
    X(ERR_SKEW, "version-skew", 6)                                                                 \
    X(ERR_EXPIRED, "expired", 6) /* the peer's certificate, by our clock */

enum err_code {
    ERR_NONE_ = 0,
#define X(code, text, exit) code##_INDEX_,
    ERR_CODES(X)
#undef X
    ERR_COUNT_
};
enum {
#define X(code, text, exit) code = -(int)code##_INDEX_,
    ERR_CODES(X)
#undef X
};

/* clang-format on */

struct err {
    int code;       /* 0 or negative, from ERR_CODES */
    int sys;        /* errno, or 0 */
    int detail;     /* what the module that failed knows of it besides: see its header; or 0 */
    char node[64];  /* the node that it is about, or "" */
    char step[32];  /* the step that it happened in, or "" */
    char msg[640];  /* what happened, with the number that decided */
    char hint[512]; /* what to do next; "" when there is nothing to add */
};

/* Fill *e (NULL is fine) and return `code`. `hint` may be NULL. Message and hint are one line each,
 * safe for a terminal, whatever they quote (str_make_printable). */
int err_set(struct err *e, int code, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Same, with `errno` recorded and its text appended to the message. */
int err_sys(struct err *e, int sys, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same two calls, with the code visible to compilers and analysers, which then know that a
 * caller who got an error leaves the outputs alone. (`code` must be free of side effects.) */
static inline int err_is_(int code, int returned)
{
    (void)returned;
    return code;
}
#define err_set(e, code, ...) err_is_((code), err_set((e), (code), __VA_ARGS__))
#define err_sys(e, sys, ...) err_is_(ERR_SYS, err_sys((e), (sys), __VA_ARGS__))

/* Put "<text>: " before the message (context added by a caller). Returns the code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void err_set_node(struct err *e, const char *node);
void err_set_step(struct err *e, const char *step);
void err_set_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(int code);      /* "stale"; "ok" for 0 */
int err_from_name(const char *name); /* ERR_PROTOCOL for an unknown name */
int err_exit_status(int code);       /* 0 for 0 */
