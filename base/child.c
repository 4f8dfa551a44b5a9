/*
 * The life of a child:
 *
 *     child_run --> RUNNING --exit--> drain the pipes --> report --> close handles --> free
 *         |            |  \                                 ^
 *         |            |   --deadline: SIGKILL, then exit---'
 *         |            '--child_cancel: SIGKILL, nothing is reported; freed after its exit
 *         '--cannot be started: reported from the loop, never from inside child_run
 *
 * The end is the exit of the process itself, not the end of its output: a daemon that it left
 * behind may hold the pipe for years. All that the process wrote is in the pipe by then and is
 * read; what its descendants write later is not ours.
 *
 * The process handle stays open until the exit after a cancel, too, or the zombie would not be
 * reaped.
 */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"

enum {
    DEFAULT_CAP_BYTES = 65536,
    READ_BYTES = 16384,
    MOST_HANDLES = 5, /* process, timer, stdin, two outputs */
    GRACE_MS = 5000,  /* for one that was killed to end */
};

/* one pipe that the child writes to */
struct stream {
    uv_pipe_t pipe;
    bool open;
    bool truncated;
    struct buf kept;
    char chunk[READ_BYTES];
};

struct child {
    uv_process_t process;
    uv_timer_t timer;
    uv_pipe_t input;
    uv_write_t write;
    struct stream out, err; /* err is in use only with separate_stdout */
    child_fn fn;            /* NULL after child_cancel */
    void *arg;
    char *stdin_text;
    bool own_session, separate, running;
    int open_handles;
    int64_t started_ms;
    struct child_result result;
};

extern char **environ;

/* ---- the end --------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct child *c = handle->data;

    if (--c->open_handles > 0)
        return;
    buf_free(&c->out.kept);
    buf_free(&c->err.kept);
    mem_free(c->stdin_text);
    mem_free(c);
}

/* Every handle that was initialised is open until it is closed here, and the last one frees. */
static void adopt(struct child *c, void *handle)
{
    ((uv_handle_t *)handle)->data = c;
    c->open_handles++;
}

static void close_one(void *handle)
{
    uv_handle_t *h = handle;

    if (h->data && !uv_is_closing(h))
        uv_close(h, on_closed);
}

static void close_all(struct child *c)
{
    void *const handles[MOST_HANDLES] = {&c->process, &c->timer, &c->input, &c->out.pipe,
                                         &c->err.pipe};

    for (int i = 0; i < MOST_HANDLES; i++)
        close_one(handles[i]);
}

static bool failed(const struct child_result *r)
{
    return !r->started || r->timed_out || r->status != 0;
}

/* Once: a child that could not be killed has been reported when it ends at last. */
static void report(struct child *c)
{
    struct child_result *r = &c->result;
    child_fn fn = c->fn;

    c->fn = NULL;
    r->truncated = c->out.truncated;
    if (c->separate && failed(r) && c->err.kept.len > 0) {
        c->out.kept.cap += c->err.kept.len;
        buf_add(&c->out.kept, c->err.kept.data, c->err.kept.len);
        r->truncated |= c->err.truncated;
    }
    r->output = c->out.kept.data;
    r->output_len = c->out.kept.len;
    r->elapsed_ms = clock_mono_ms() - c->started_ms;
    if (fn)
        fn(c->arg, r);
}

static void end(struct child *c)
{
    report(c);
    close_all(c);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void keep(struct stream *s, const char *bytes, size_t len)
{
    size_t room = s->kept.cap - s->kept.len;

    if (len > room) {
        len = room;
        s->truncated = true;
    }
    buf_add(&s->kept, bytes, len);
}

static struct stream *stream_of(void *handle)
{
    struct child *c = ((uv_handle_t *)handle)->data;

    return handle == (void *)&c->out.pipe ? &c->out : &c->err;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = stream_of(handle);

    (void)suggested;
    *buf = uv_buf_init(s->chunk, sizeof(s->chunk));
}

/* Reading goes on past the cap, or the child would block on a full pipe. */
static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = stream_of(handle);

    if (n > 0) {
        keep(s, buf->base, (size_t)n);
    } else if (n < 0) {
        s->open = false;
        close_one(handle);
    }
}

/* What is left in the pipe after the exit; with a descendant that writes on, up to the cap. */
static void drain(struct stream *s)
{
    uv_os_fd_t fd;

    if (!s->open || uv_fileno((const uv_handle_t *)&s->pipe, &fd) < 0)
        return;
    while (!s->truncated) {
        ssize_t n = read(fd, s->chunk, sizeof(s->chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        keep(s, s->chunk, (size_t)n);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

static void on_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct child *c = process->data;

    c->running = false;
    c->result.status = signal_number ? -1 : (int)status;
    c->result.signal = signal_number;
    drain(&c->out);
    drain(&c->err);
    end(c);
}

/* False: we may not. */
static bool kill_now(struct child *c)
{
    int pid = child_pid(c);

    return pid <= 0 || kill(c->own_session ? -pid : pid, SIGKILL) == 0 || errno != EPERM;
}

/* Another user's by now (sudo), or within a system call that does not return: it is no longer
 * waited for. What is left is freed when it has ended. */
static void on_grace(uv_timer_t *timer)
{
    struct child *c = timer->data;

    c->result.status = -1;
    drain(&c->out);
    drain(&c->err);
    report(c);
}

static void on_deadline(uv_timer_t *timer)
{
    struct child *c = timer->data;

    c->result.timed_out = true;
    if (kill_now(c))
        uv_timer_start(timer, on_grace, GRACE_MS, 0);
    else
        on_grace(timer);
}

static void on_not_started(uv_timer_t *timer)
{
    end(timer->data);
}

/* An error here means that the child did not want its input: its exit status is what counts. */
static void on_written(uv_write_t *request, int status)
{
    (void)status;
    close_one(request->handle);
}

/* ---- the start ------------------------------------------------------------------------------- */

static size_t count_strings(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

static bool same_variable(const char *a, const char *b)
{
    size_t len = strcspn(a, "=");

    return strncmp(a, b, len) == 0 && b[len] == '=';
}

static bool is_overridden(const char *variable, const char *const *additions)
{
    for (size_t i = 0; additions && additions[i]; i++)
        if (same_variable(additions[i], variable))
            return true;
    return false;
}

static char **copy_argv(struct arena *a, const char *const *argv)
{
    size_t n = count_strings(argv);
    char **copy = arena_alloc(a, (n + 1) * sizeof(*copy));

    for (size_t i = 0; i < n; i++)
        copy[i] = arena_strdup(a, argv[i]);
    return copy;
}

static char **make_env(struct arena *a, const char *const *additions)
{
    size_t inherited = 0;

    while (environ[inherited])
        inherited++;

    size_t n = 0;
    size_t added = count_strings(additions);
    char **env = arena_alloc(a, (inherited + added + 1) * sizeof(*env));

    for (size_t i = 0; i < inherited; i++)
        if (!is_overridden(environ[i], additions))
            env[n++] = environ[i];
    for (size_t i = 0; i < added; i++)
        env[n++] = arena_strdup(a, additions[i]);
    return env;
}

/* Our end becomes a libuv pipe; the child's end is returned. Both are closed on exec: libuv gives
 * the child its duplicate. */
static int open_output(struct child *c, uv_loop_t *uv, struct stream *s, int *ret_fd)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    uv_pipe_init(uv, &s->pipe, 0);
    adopt(c, &s->pipe);

    int r = uv_pipe_open(&s->pipe, ends[0]); /* makes it non-blocking */
    if (r < 0) {
        close(ends[0]);
        close(ends[1]);
        return r;
    }
    s->open = true;
    *ret_fd = ends[1];
    return 0;
}

static void feed_input(struct child *c)
{
    uv_buf_t text = uv_buf_init(c->stdin_text, (unsigned)strlen(c->stdin_text));

    if (uv_write(&c->write, (uv_stream_t *)&c->input, &text, 1, on_written) < 0)
        close_one(&c->input);
}

static int spawn(struct child *c, uv_loop_t *uv, const struct child_spec *spec, int out, int err)
{
    AUTO(arena) a = arena_new();
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = out},
        {.flags = UV_INHERIT_FD, .data.fd = err},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit,
        .args = copy_argv(a, spec->argv),
        .env = make_env(a, spec->env),
        .flags = spec->own_session ? UV_PROCESS_DETACHED : 0,
        .stdio = stdio,
        .stdio_count = 3,
    };

    options.file = options.args[0];
    if (c->stdin_text) {
        uv_pipe_init(uv, &c->input, 0);
        adopt(c, &c->input);
        stdio[0].flags = UV_CREATE_PIPE | UV_READABLE_PIPE;
        stdio[0].data.stream = (uv_stream_t *)&c->input;
    }
    adopt(c, &c->process); /* uv_spawn initialises it, also when it fails */
    return uv_spawn(uv, &c->process, &options);
}

static int start(struct child *c, uv_loop_t *uv, const struct child_spec *spec)
{
    AUTO(fd) out = -1;
    AUTO(fd) err = -1;
    int r = open_output(c, uv, &c->out, &out);

    if (r == 0 && c->separate)
        r = open_output(c, uv, &c->err, &err);
    if (r == 0)
        r = spawn(c, uv, spec, out, c->separate ? err : out);
    if (r < 0)
        return r;

    uv_read_start((uv_stream_t *)&c->out.pipe, on_alloc, on_read);
    if (c->separate)
        uv_read_start((uv_stream_t *)&c->err.pipe, on_alloc, on_read);
    if (c->stdin_text)
        feed_input(c);
    return 0;
}

struct child *child_run(struct loop *l, const struct child_spec *spec, child_fn fn, void *arg)
{
    uv_loop_t *uv = loop_uv(l);
    struct child *c = mem_alloc(sizeof(*c));
    size_t cap = spec->output_cap_bytes ? spec->output_cap_bytes : DEFAULT_CAP_BYTES;

    c->fn = fn;
    c->arg = arg;
    c->own_session = spec->own_session;
    c->separate = spec->separate_stdout;
    c->stdin_text = mem_strdup(spec->stdin_text);
    c->started_ms = clock_mono_ms();
    buf_init(&c->out.kept, cap);
    buf_init(&c->err.kept, cap);
    uv_update_time(uv); /* or the deadline would start at the loop's last look at the clock */
    uv_timer_init(uv, &c->timer);
    adopt(c, &c->timer);

    int r = start(c, uv, spec);
    c->result.started = c->running = r == 0;
    c->result.error = r < 0 ? -r : 0;
    c->result.status = -1;
    uv_timer_start(&c->timer, r < 0 ? on_not_started : on_deadline,
                   r < 0 ? 0 : (uint64_t)spec->timeout_ms, 0);
    return c;
}

void child_cancel(struct child *c)
{
    if (!c)
        return;
    c->fn = NULL;
    if (c->running)
        (void)kill_now(c);
}

int child_pid(const struct child *c)
{
    return c && c->running ? uv_process_get_pid(&c->process) : 0;
}
