/*
 * postgres_rehearse_service() of agent/postgres/postgres.h: may the agent stop and start
 * PostgreSQL?
 *
 *   a check command is configured         it says so
 *   no command is configured              signal 0 to the postmaster; program, PGDATA and log may
 *                                         be used; the configuration is the running postmaster's,
 *                                         and `postgres -C` reads it. A stop and a start take no
 *                                         more: proven
 *   `sudo …`                              `sudo -n -l …`: sudo's own answer
 *   `systemctl …`                         `systemctl show`: the unit is there, it may be stopped
 *                                         (started), its main process is the postmaster. Polkit
 *                                         answers about a single unit to root alone: not proven
 *   another command                       its program is there: not proven
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/postgres/pgfiles.h"
#include "agent/postgres/pgopts.h"
#include "agent/postgres/pgrecovery.h"
#include "agent/postgres/pgrehearsal.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

enum { WORDS_MAX = 32 };

struct service_op {
    struct pgrehearsal base;
    bool start;
    char words[512]; /* the command that is run */
    char config[300];
    const char *argv[WORDS_MAX + 8];
};

static const char *what(const struct service_op *s)
{
    return s->start ? "start" : "stop";
}

static void spawn(struct service_op *s, child_fn fn)
{
    static const char *const env[] = {"LC_ALL=C", NULL};
    const struct child_spec spec = {
        .argv = s->argv, .env = env, .timeout_ms = pgop_left_ms(&s->base.op)};

    s->base.op.child = child_run(s->base.op.p->loop, &spec, fn, s);
}

/* What a command printed, its first line. */
static int first_line(const struct child_result *r)
{
    return (int)strcspn(r->output, "\n");
}

static void not_run(struct service_op *s, const struct child_result *r)
{
    s->base.answer->r.late = r->timed_out; /* a busy host is not a refusal */
    if (r->started)
        pgrehearsal_end(&s->base, REHEARSAL_FAILED, "run it by hand as the agent's user",
                        "`%s` did not end within %lld ms", s->argv[0], (long long)r->elapsed_ms);
    else
        pgrehearsal_end(&s->base, REHEARSAL_FAILED, "correct the command in agent.conf",
                        "`%s` cannot be run: %s", s->argv[0], strerror(r->error));
}

/* ---- a start of our own ---------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The configuration file of a start by agent.conf, and of the postmaster that runs (or ran last):
 * with another one the agent would start another server, or none. False: it has ended, badly. */
static bool same_configuration(struct service_op *s)
{
    const struct postgres_config *c = &s->base.op.p->config;
    char inside[300], remedy[sizeof(s->base.answer->r.remedy)];
    struct pgopts o;

    if (!pgopts_read(c->data_directory, &o))
        return true;
    STR_PRINTF(inside, "%s/postgresql.conf", c->data_directory);

    const char *ours = c->config_file[0] ? c->config_file : inside;
    const char *theirs = o.config_file[0] ? o.config_file : inside;

    if (strcmp(ours, theirs) == 0 || same_file(ours, theirs))
        return true;
    STR_PRINTF(remedy, "set config_file = %s in agent.conf (or start_command)", theirs);
    pgrehearsal_end(
        &s->base, REHEARSAL_FAILED, remedy,
        "PostgreSQL was started with the configuration file %s, the agent would start it with %s",
        theirs, ours);
    return false;
}

/* What `postgres -C` prints last: before it there may be a warning. */
static bool prints_directory(const struct child_result *r, const char *directory)
{
    char line[512];
    size_t n = r->output_len;

    while (n > 0 && r->output[n - 1] == '\n')
        n--;

    size_t from = n;
    while (from > 0 && r->output[from - 1] != '\n')
        from--;
    STR_PRINTF(line, "%.*s", (int)(n - from), r->output + from);
    return same_file(line, directory);
}

/* What the server said, without its time and process: the first line has the cause. */
static const char *reason_of(const struct child_result *r, int *ret_len)
{
    static const char *const before[] = {"LOG:  ", "FATAL:  ", "postgres: ", NULL};
    const char *from = r->output;
    int len = first_line(r);

    for (size_t i = 0; before[i]; i++) {
        const char *at = strstr(r->output, before[i]);

        if (at && at < r->output + len) {
            from = at + strlen(before[i]);
            break;
        }
    }
    *ret_len = len - (int)(from - r->output);
    return from;
}

static void on_configuration(void *arg, const struct child_result *r)
{
    struct service_op *s = arg;
    const struct postgres_config *c = &s->base.op.p->config;
    struct pgopts o = {.config_file = ""};
    int len;
    const char *reason = reason_of(r, &len);

    s->base.op.child = NULL;
    pgopts_read(c->data_directory, &o);
    if (!r->started || r->timed_out)
        not_run(s, r);
    else if (r->status != 0)
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        "correct what it names; postgres -D PGDATA -C data_directory tries it",
                        "PostgreSQL would not start: %.*s", len, reason);
    else if (!prints_directory(r, c->data_directory))
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        "correct data_directory in agent.conf, or in that configuration",
                        "a start would use another data directory: %.*s", first_line(r), r->output);
    else if (o.others[0])
        pgrehearsal_end(
            &s->base, REHEARSAL_UNPROVEN, "",
            "the configuration can be read; the running postmaster has options that a start by the "
            "agent does not give: %.80s",
            o.others);
    else
        pgrehearsal_end(&s->base, REHEARSAL_PASSED, "", "the postmaster may be started");
}

/* As pgspawn_start() would, up to the point where the server has read its configuration. */
static void read_configuration(struct service_op *s, const char *program)
{
    const struct postgres_config *c = &s->base.op.p->config;
    const char *options[PGRECOVERY_OPTIONS_MAX];
    size_t n = pgrecovery_options(c, options), at = 0;

    STR_COPY(s->words, program);
    s->argv[at++] = s->words;
    s->argv[at++] = "-D";
    s->argv[at++] = c->data_directory;
    if (c->config_file[0]) {
        STR_PRINTF(s->config, "config_file=%s", c->config_file);
        s->argv[at++] = "-c";
        s->argv[at++] = s->config;
    }
    for (size_t i = 0; i < n; i++) {
        s->argv[at++] = "-c";
        s->argv[at++] = options[i];
    }
    s->argv[at++] = "-C";
    s->argv[at++] = "data_directory";
    s->argv[at] = NULL;
    spawn(s, on_configuration);
}

/* ---- without a command ----------------------------------------------------------------------- */

/* False: it has ended, badly. */
static bool may_use(struct service_op *s, const char *path, int mode, const char *remedy)
{
    if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0)
        return true;
    pgrehearsal_end(&s->base, REHEARSAL_FAILED, remedy, "%s cannot be %s: %s", path,
                    mode & X_OK ? "executed" : (mode & W_OK ? "written to" : "read"),
                    strerror(errno));
    return false;
}

static void rehearse_signal(struct service_op *s)
{
    struct pgpostmaster postmaster;

    if (!pgfiles_postmaster(s->base.op.p->config.data_directory, &postmaster))
        pgrehearsal_end(&s->base, REHEARSAL_UNPROVEN, "",
                        "no postmaster runs: there is no process to signal");
    else if (postmaster.pid == 0)
        pgrehearsal_end(&s->base, REHEARSAL_FAILED, "make postmaster.pid readable for the agent",
                        "%s", postmaster.problem);
    else if (kill(postmaster.pid, 0) < 0)
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        "run pgtandem-agent as the user who owns PostgreSQL, or set stop_command",
                        "the postmaster (process %d) may not be signalled: %s", postmaster.pid,
                        strerror(errno));
    else
        pgrehearsal_end(&s->base, REHEARSAL_PASSED, "",
                        "the postmaster (process %d) may be signalled", postmaster.pid);
}

static void rehearse_spawn(struct service_op *s)
{
    const struct postgres_config *c = &s->base.op.p->config;
    char program[300], log[300];

    STR_PRINTF(program, "%s/postgres", c->bin_directory);
    STR_COPY(log, c->log_file);
    if (log[0] && access(log, F_OK) < 0) { /* then its directory decides */
        char *slash = strrchr(log, '/');

        if (slash)
            *slash = '\0';
    }
    if (!may_use(s, program, X_OK, "correct bin_directory in agent.conf"))
        return;
    if (c->config_file[0] && !may_use(s, c->config_file, R_OK, "correct config_file in agent.conf"))
        return;
    if (log[0] && !may_use(s, log, W_OK, "correct log_file in agent.conf, or its owner"))
        return;
    if (same_configuration(s))
        read_configuration(s, program);
}

/* ---- with one -------------------------------------------------------------------------------- */

/* One that says yes by its exit status: a configured check, or sudo -l. */
static void on_check(void *arg, const struct child_result *r)
{
    struct service_op *s = arg;
    bool sudo = strcmp(s->argv[0], "sudo") == 0;

    s->base.op.child = NULL;
    if (!r->started || r->timed_out)
        not_run(s, r);
    else if (r->status == 0)
        pgrehearsal_end(&s->base, REHEARSAL_PASSED, "",
                        sudo ? "sudo would let %s_command" : "%s_check_command says yes", what(s));
    else
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        sudo ? "a rule in sudoers for the agent's user, with NOPASSWD"
                             : "run it by hand as the agent's user; is the polkit rule there?",
                        "`%s` ended with status %d: %.*s", s->argv[0], r->status, first_line(r),
                        r->output);
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);

    for (; text; text = strchr(text, '\n')) {
        text += *text == '\n';
        if (strncmp(text, line, len) == 0 && (text[len] == '\n' || text[len] == '\0'))
            return true;
    }
    return false;
}

static int main_pid(const char *text)
{
    const char *at = strstr(text, "MainPID=");

    return at ? (int)strtol(at + strlen("MainPID="), NULL, 10) : 0;
}

static void on_show(void *arg, const struct child_result *r)
{
    struct service_op *s = arg;
    struct pgpostmaster postmaster = {.pid = 0};
    const char *unit = s->argv[2];

    s->base.op.child = NULL;
    if (!r->started || r->timed_out) {
        not_run(s, r);
        return;
    }
    pgfiles_postmaster(s->base.op.p->config.data_directory, &postmaster);
    if (r->status != 0)
        pgrehearsal_end(&s->base, REHEARSAL_FAILED, "run it by hand as the agent's user",
                        "`systemctl show %s` ended with status %d: %.*s", unit, r->status,
                        first_line(r), r->output);
    else if (!has_line(r->output, "LoadState=loaded"))
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        "correct the unit's name in start_command and stop_command",
                        "systemd has no unit %s", unit);
    else if (!has_line(r->output, s->start ? "CanStart=yes" : "CanStop=yes"))
        pgrehearsal_end(&s->base, REHEARSAL_FAILED,
                        "remove RefuseManualStart= or RefuseManualStop= from the unit",
                        "systemd does not permit to %s %s by hand", what(s), unit);
    else if (!s->start && postmaster.pid && main_pid(r->output) != postmaster.pid)
        pgrehearsal_end(
            &s->base, REHEARSAL_FAILED,
            "start PostgreSQL through that unit, or correct stop_command",
            "the main process of %s is %d, the postmaster is %d: stop_command would not stop it",
            unit, main_pid(r->output), postmaster.pid);
    else
        pgrehearsal_end(&s->base, REHEARSAL_UNPROVEN, "",
                        "%s can be %s%s; polkit was not asked (%s_check_command can)", unit,
                        s->start ? "started" : "stopped",
                        !s->start && postmaster.pid ? ", its main process is the postmaster" : "",
                        what(s));
}

/* False: no such program. */
static bool program_found(const char *name)
{
    const char *path = getenv("PATH");
    char full[400];

    if (strchr(name, '/'))
        return access(name, X_OK) == 0;
    for (path = path ? path : "/usr/bin:/bin"; *path; path += *path == ':') {
        size_t len = strcspn(path, ":");

        if (STR_PRINTF(full, "%.*s/%s", (int)len, path, name) && access(full, X_OK) == 0)
            return true;
        path += len;
    }
    return false;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* systemctl [options] stop UNIT */
static const char *unit_of(const char *const *argv, size_t n)
{
    size_t words = 0;

    for (size_t i = 1; i < n; i++)
        if (argv[i][0] != '-' && ++words == 2)
            return argv[i];
    return NULL;
}

/* sudo [options] COMMAND -> sudo -n -l COMMAND */
static void ask_sudo(struct service_op *s, const char *const *argv, size_t n)
{
    size_t from = 1, to = 3;

    while (from < n && argv[from][0] == '-')
        from++;
    s->argv[0] = "sudo";
    s->argv[1] = "-n";
    s->argv[2] = "-l";
    while (from < n)
        s->argv[to++] = argv[from++];
    s->argv[to] = NULL;
    spawn(s, on_check);
}

static void rehearse_command(struct service_op *s, const char *command)
{
    const char *argv[WORDS_MAX + 1], *unit;
    size_t n;

    STR_COPY(s->words, command);
    n = str_words(s->words, argv, WORDS_MAX);
    if (n == 0 || !program_found(argv[0])) {
        pgrehearsal_end(&s->base, REHEARSAL_FAILED, "correct the command in agent.conf",
                        "%s_command: no program \"%s\"", what(s), n ? argv[0] : "");
    } else if (strcmp(base_name(argv[0]), "sudo") == 0) {
        ask_sudo(s, argv, n);
    } else if (strcmp(base_name(argv[0]), "systemctl") == 0 && (unit = unit_of(argv, n)) != NULL) {
        static const char *const show[] = {"-p", "LoadState,CanStart,CanStop,MainPID", NULL};

        s->argv[0] = argv[0];
        s->argv[1] = "show";
        s->argv[2] = unit;
        memcpy(&s->argv[3], show, sizeof(show));
        spawn(s, on_show);
    } else {
        pgrehearsal_end(&s->base, REHEARSAL_UNPROVEN, "",
                        "%s is there; that it may %s was not asked (%s_check_command)", argv[0],
                        what(s), what(s));
    }
}

static void run_check(struct service_op *s, const char *command)
{
    STR_COPY(s->words, command);
    str_words(s->words, s->argv, WORDS_MAX);
    spawn(s, on_check);
}

static void begin(struct pgop *op)
{
    struct service_op *s = (struct service_op *)op;
    const struct postgres_config *c = &op->p->config;
    const char *command = s->start ? c->start_command : c->stop_command;
    const char *check = s->start ? c->start_check_command : c->stop_check_command;

    /* marks and signal files, whoever stops and starts */
    if (!may_use(s, c->data_directory, W_OK,
                 "run pgtandem-agent as the user who owns PostgreSQL; is the disk read-only?"))
        return;
    if (check[0])
        run_check(s, check);
    else if (command[0])
        rehearse_command(s, command);
    else if (s->start)
        rehearse_spawn(s);
    else
        rehearse_signal(s);
}

void postgres_rehearse_service(struct postgres *p, bool start, int64_t timeout_ms, rehearsal_fn fn,
                               void *arg)
{
    struct service_op *s = pgrehearsal_new(p, sizeof(*s), start ? REHEARSAL_START : REHEARSAL_STOP,
                                           timeout_ms, begin, fn, arg);

    s->start = start;
}
