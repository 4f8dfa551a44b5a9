#include "agent/postgres/pgspawn.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/postgres/pgrecovery.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    PATH_BYTES = 512,
    TAIL_BYTES = 2048,
    COMMAND_BYTES = 1024,
    ARGUMENTS_MAX = 3 + 2 * (1 + PGRECOVERY_OPTIONS_MAX + PGSPAWN_SETTINGS_MAX) + 1,
};

struct pgspawn {
    uv_process_t process;
    bool ended, freed;
    int status;
    char command[COMMAND_BYTES];
    char log_path[PATH_BYTES];
    off_t log_from; /* the log's size before the start */
};

static void on_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void on_ended(uv_process_t *process, int64_t status, int signal_number)
{
    struct pgspawn *s = process->data;

    s->status = signal_number ? -1 : (int)status;
    s->ended = true;
}

static int open_log(struct pgspawn *s, const struct postgres_config *c, int *ret_fd,
                    struct err *reterr)
{
    struct stat st;
    bool fits = c->log_file[0]
                    ? STR_COPY(s->log_path, c->log_file)
                    : STR_PRINTF(s->log_path, "%s/pgtandem-start.log", c->data_directory);

    if (!fits)
        return err_set(reterr, ERR_TOO_LONG, NULL, "the name of the log file is too long");

    int fd = open(s->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

    if (fd < 0)
        return err_sys(reterr, errno, "check log_file in the configuration", "cannot open %s",
                       s->log_path);
    s->log_from = fstat(fd, &st) == 0 ? st.st_size : 0;
    *ret_fd = fd;
    return 0;
}

/* The command line, and what of it is shown: not the settings of `more`, which may hold a password.
 */
struct arguments {
    const char *argv[ARGUMENTS_MAX];
    size_t n;
    char config[PATH_BYTES];
};

static void add_setting(struct arguments *a, const char *setting)
{
    a->argv[a->n++] = "-c";
    a->argv[a->n++] = setting;
}

static void make_arguments(struct arguments *a, const struct postgres_config *c,
                           const char *program, const char *const *more, char *ret_shown)
{
    const char *options[PGRECOVERY_OPTIONS_MAX];
    size_t n = pgrecovery_options(c, options);

    a->argv[a->n++] = program;
    a->argv[a->n++] = "-D";
    a->argv[a->n++] = c->data_directory;
    if (c->config_file[0]) {
        STR_PRINTF(a->config, "config_file=%s", c->config_file);
        add_setting(a, a->config);
    }
    for (size_t i = 0; i < n; i++)
        add_setting(a, options[i]);
    str_copy(ret_shown, COMMAND_BYTES, program);
    for (size_t i = 1; i < a->n; i++) {
        size_t len = strlen(ret_shown);

        str_printf(ret_shown + len, COMMAND_BYTES - len, " %s", a->argv[i]);
    }
    for (size_t i = 0; more && more[i] && i < PGSPAWN_SETTINGS_MAX; i++)
        add_setting(a, more[i]);
}

static int spawn(struct pgspawn *s, struct loop *l, const struct postgres_config *c,
                 const char *const *more, int log_fd, struct err *reterr)
{
    char program[PATH_BYTES];
    struct arguments args = {.n = 0};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = log_fd},
        {.flags = UV_INHERIT_FD, .data.fd = log_fd},
    };
    uv_process_options_t options = {
        .exit_cb = on_ended,
        .file = program,
        .args = (char **)(uintptr_t)args.argv, /* uv_spawn() changes none of them */
        .cwd = c->data_directory,              /* a directory that this user may stand in */
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };

    STR_PRINTF(program, "%s/postgres", c->bin_directory);
    make_arguments(&args, c, program, more, s->command);
    s->process.data = s;

    int r = uv_spawn(loop_uv(l), &s->process, &options);

    if (r < 0)
        return err_sys(reterr, -r, "check bin_directory in the configuration", "cannot start %s",
                       program);
    uv_unref((uv_handle_t *)&s->process); /* it is not what the agent waits for */
    return 0;
}

int pgspawn_start(struct loop *l, const struct postgres_config *c, const char *const *more,
                  struct pgspawn **ret_spawn, struct err *reterr)
{
    struct pgspawn *s = mem_alloc(sizeof(*s));
    AUTO(fd) log_fd = -1;
    int r = open_log(s, c, &log_fd, reterr);

    if (r < 0) {
        mem_free(s);
        return r;
    }
    r = spawn(s, l, c, more, log_fd, reterr);
    if (r < 0) {
        pgspawn_free(s); /* uv_spawn initialised the handle, also in failing */
        return r;
    }
    *ret_spawn = s;
    return 0;
}

bool pgspawn_ended(const struct pgspawn *s)
{
    return s->ended;
}

int pgspawn_status(const struct pgspawn *s)
{
    return s->status;
}

const char *pgspawn_command(const struct pgspawn *s)
{
    return s->command;
}

void pgspawn_log_tail(const struct pgspawn *s, char *ret_text, size_t bytes)
{
    char tail[TAIL_BYTES];
    struct stat st;
    AUTO(fd) fd = open(s->log_path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t want = bytes - 1 < sizeof(tail) ? bytes - 1 : sizeof(tail);

    ret_text[0] = '\0';
    if (fd < 0 || fstat(fd, &st) < 0)
        return;

    off_t from = st.st_size - (off_t)want;

    if (from < s->log_from)
        from = s->log_from;

    ssize_t n = pread(fd, tail, want, from);

    if (n <= 0)
        return;
    for (ssize_t i = 0; i < n; i++)
        ret_text[i] = tail[i] == '\n' || tail[i] == '\t' ? ' ' : tail[i];
    while (n > 0 && ret_text[n - 1] == ' ')
        n--;
    ret_text[n] = '\0';
}

void pgspawn_free(struct pgspawn *s)
{
    if (!s || s->freed)
        return;
    s->freed = true;
    uv_close((uv_handle_t *)&s->process, on_closed);
}
