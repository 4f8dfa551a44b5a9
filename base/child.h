/*
 * Child processes through uv_spawn: an argv array (never a shell), a deadline, output kept up to a
 * cap. Whatever a child printed and how it ended is in the result, so that nothing is swallowed.
 *
 * A child is over when its process has ended, even if a daemon that it left behind still holds the
 * pipe. (A daemon should write to a file: its later output is lost.) At the deadline the process is
 * killed; with own_session, all of its process group. One that cannot be killed (sudo's, or within
 * a system call that does not return) is reported as timed out all the same, and ends when it will.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

struct child_result {
    bool started;       /* false: `error` says why (errno) */
    int error;          /* errno when not started */
    bool timed_out;     /* killed at the deadline */
    int status;         /* exit status; -1 when ended by a signal */
    int signal;         /* that signal, or 0 */
    const char *output; /* stdout and stderr as they came; text; valid in the callback only */
    size_t output_len;
    bool truncated; /* output went past the cap */
    int64_t elapsed_ms;
};

typedef void (*child_fn)(void *arg, const struct child_result *result);

struct child_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
    const char *const *env;  /* NULL-terminated additions "K=V", or NULL */
    const char *stdin_text;  /* fed to the child, or NULL for /dev/null */
    size_t output_cap_bytes; /* 0 means 64 KiB */
    int64_t timeout_ms;      /* must be > 0 */
    bool own_session;        /* setsid: survives us (a postmaster) */
    bool separate_stdout;    /* output is stdout alone; stderr goes to `output` only if it fails */
};

struct child;

/* Start; `fn` is called exactly once unless child_cancel() is called first. Never returns NULL. */
struct child *child_run(struct loop *l, const struct child_spec *spec, child_fn fn, void *arg);
/* SIGKILL, no callback; it is freed by the loop after its exit. */
void child_cancel(struct child *c);
/* pid of the running child, 0 if it is not running */
int child_pid(const struct child *c);
