/* base/child: what a child printed and how it ended, whatever it does. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

enum { PATIENCE_MS = 20000, NO_SETUID = 77 };

struct outcome {
    bool done;
    int calls;
    struct child_result result; /* result.output is a copy */
};

static void on_end(void *arg, const struct child_result *result)
{
    struct outcome *o = arg;
    char *copy = mem_alloc(result->output_len + 1);

    assert_int_equal(result->output[result->output_len], '\0');
    memcpy(copy, result->output, result->output_len);
    o->result = *result;
    o->result.output = copy;
    o->done = true;
    o->calls++;
}

static void forget(struct outcome *o)
{
    char *copy;

    memcpy(&copy, &o->result.output, sizeof(copy));
    mem_free(copy);
    *o = (struct outcome){0};
}

/* Run to the end, and on until the loop has freed it. */
static void run(const struct child_spec *spec, struct outcome *o)
{
    AUTO(loop) l = loop_new();
    struct err e = {0};

    child_run(l, spec, on_end, o);
    assert_false(o->done); /* never from inside child_run */
    if (loop_wait(l, &o->done, PATIENCE_MS, &e) < 0)
        fail_msg("%s", e.msg);
    bool never = false;
    loop_wait(l, &never, -1, NULL);
    assert_int_equal(o->calls, 1);
}

static void sh(const char *script, struct child_spec spec, struct outcome *o)
{
    const char *argv[] = {"sh", "-c", script, NULL};

    spec.argv = argv;
    if (!spec.timeout_ms)
        spec.timeout_ms = PATIENCE_MS;
    run(&spec, o);
}

static void test_output_and_status(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("echo one; echo two >&2; echo three; exit 7", (struct child_spec){0}, &o);
    assert_true(o.result.started);
    assert_false(o.result.timed_out);
    assert_int_equal(o.result.status, 7);
    assert_int_equal(o.result.signal, 0);
    assert_string_equal(o.result.output, "one\ntwo\nthree\n"); /* one pipe: in order */
    assert_false(o.result.truncated);
    forget(&o);
}

static void test_no_shell_comes_in_between(void **state)
{
    const char *argv[] = {"printf", "%s|", "$(id)", "a b", "; exit 3", "", NULL};
    struct child_spec spec = {.argv = argv, .timeout_ms = PATIENCE_MS};
    struct outcome o = {0};

    (void)state;
    run(&spec, &o);
    assert_string_equal(o.result.output, "$(id)|a b|; exit 3||");
    forget(&o);
}

static void test_a_program_that_is_not_there(void **state)
{
    const char *argv[] = {"/absent/program", NULL};
    struct child_spec spec = {.argv = argv, .timeout_ms = PATIENCE_MS, .stdin_text = "x"};
    struct outcome o = {0};

    (void)state;
    run(&spec, &o);
    assert_false(o.result.started);
    assert_int_equal(o.result.error, ENOENT);
    assert_string_equal(o.result.output, "");
    assert_int_not_equal(o.result.status, 0);
    forget(&o);
}

static void test_ended_by_a_signal(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("echo before; kill -SEGV $$", (struct child_spec){0}, &o);
    assert_int_equal(o.result.signal, SIGSEGV);
    assert_int_equal(o.result.status, -1);
    assert_false(o.result.timed_out);
    assert_string_equal(o.result.output, "before\n");
    forget(&o);
}

static void test_deadline(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("echo before; trap '' TERM INT; exec sleep 60", (struct child_spec){.timeout_ms = 1000}, &o);
    assert_true(o.result.timed_out);
    assert_int_equal(o.result.signal, SIGKILL);
    assert_in_range(o.result.elapsed_ms, 999, PATIENCE_MS);
    assert_string_equal(o.result.output, "before\n");
    forget(&o);
}

static void test_output_past_the_cap(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("head -c 1000000 /dev/zero | tr '\\0' x; echo end",
       (struct child_spec){.output_cap_bytes = 1000}, &o);
    assert_int_equal(o.result.status, 0); /* it was not stopped by a full pipe */
    assert_true(o.result.truncated);
    assert_int_equal(o.result.output_len, 1000);
    forget(&o);

    sh("printf 12345", (struct child_spec){.output_cap_bytes = 5}, &o);
    assert_false(o.result.truncated);
    assert_string_equal(o.result.output, "12345");
    forget(&o);
}

static void test_output_is_complete(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("head -c 300000 /dev/zero | tr '\\0' x", (struct child_spec){.output_cap_bytes = 400000},
       &o);
    assert_false(o.result.truncated);
    assert_int_equal(o.result.output_len, 300000);
    forget(&o);
}

static void test_stdin(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("cat", (struct child_spec){.stdin_text = "some\ntext"}, &o);
    assert_string_equal(o.result.output, "some\ntext");
    forget(&o);
    sh("cat; echo end", (struct child_spec){0}, &o); /* /dev/null: it does not wait */
    assert_string_equal(o.result.output, "end\n");
    forget(&o);
}

static void test_stdin_that_nobody_reads(void **state)
{
    enum { BYTES = 1000000 };
    char *text = mem_alloc(BYTES + 1);
    struct outcome o = {0};

    (void)state;
    memset(text, 'x', BYTES);
    sh("exit 3", (struct child_spec){.stdin_text = text}, &o);
    assert_int_equal(o.result.status, 3);
    forget(&o);
    sh("wc -c", (struct child_spec){.stdin_text = text}, &o);
    assert_string_equal(o.result.output, "1000000\n");
    forget(&o);
    mem_free(text);
}

static void test_separate_stdout(void **state)
{
    const struct child_spec separate = {.separate_stdout = true};
    struct outcome o = {0};

    (void)state;
    sh("echo out; echo err >&2", separate, &o);
    assert_string_equal(o.result.output, "out\n");
    forget(&o);
    sh("echo err >&2; echo out; exit 1", separate, &o);
    assert_string_equal(o.result.output, "out\nerr\n");
    forget(&o);
}

static void test_environment(void **state)
{
    const char *const env[] = {"PGTANDEM_A=new", "PGTANDEM_B=b", NULL};
    struct outcome o = {0};

    (void)state;
    setenv("PGTANDEM_A", "old", 1);
    setenv("PGTANDEM_AA", "kept", 1);
    sh("echo $PGTANDEM_A $PGTANDEM_AA $PGTANDEM_B; env | grep -c '^PGTANDEM_A='",
       (struct child_spec){.env = env}, &o);
    assert_string_equal(o.result.output, "new kept b\n1\n");
    forget(&o);
}

/* the daemon keeps the pipe open; the end of the process that we started is what counts */
static void test_a_daemon_does_not_keep_us_waiting(void **state)
{
    struct outcome o = {0};
    long long pid = 0;

    (void)state;
    for (int own = 0; own <= 1; own++) {
        sh("sleep 60 & echo $!", (struct child_spec){.own_session = own == 1}, &o);
        assert_true(o.result.elapsed_ms < PATIENCE_MS / 2);
        assert_int_equal(o.result.status, 0);
        assert_true(o.result.output_len > 1);

        char text[32];

        STR_COPY(text, o.result.output);
        text[strcspn(text, "\n")] = '\0';
        assert_true(str_to_int(text, 2, INT32_MAX, &pid));
        assert_int_equal(kill((pid_t)pid, SIGKILL), 0); /* it was left alone */
        forget(&o);
    }
}

static void test_own_session(void **state)
{
    struct outcome o = {0};

    (void)state;
    sh("test $(ps -o sid= -p $$) -eq $$ && echo leader", (struct child_spec){.own_session = true},
       &o);
    assert_string_equal(o.result.output, "leader\n");
    forget(&o);
}

/* false: it is gone, or a zombie that init has not reaped yet */
static bool is_running(long long pid)
{
    char path[64];
    char line[256] = "";

    STR_PRINTF(path, "/proc/%lld/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool running = fgets(line, sizeof(line), f) && !strstr(line, ") Z") && !strstr(line, ") X");
    fclose(f);
    return running;
}

/* the deadline ends all of an own session */
/* As sudo does: it becomes another user altogether, and may then not be killed by us. In a process
 * of its own, which gives up being root. */
static int out_of_reach(const char *program)
{
    const char *argv[] = {program, "--reuid", "0", "--clear-groups", "sleep", "3", NULL};
    AUTO(loop) l = loop_new();
    struct outcome o = {0};

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 2;
    child_run(l, &(struct child_spec){.argv = argv, .timeout_ms = 300}, on_end, &o);
    if (loop_wait(l, &o.done, PATIENCE_MS, NULL) < 0)
        return 3;
    if (!o.result.timed_out && o.result.status != 0)
        return NO_SETUID;
    bool timed_out = o.result.timed_out && o.result.elapsed_ms < 2500;
    forget(&o);
    bool never = false;
    loop_wait(l, &never, 3000, NULL); /* it ends, and nothing is reported twice */
    return !timed_out ? 4 : o.calls == 0 ? 0 : 5;
}

static void test_what_cannot_be_killed(void **state)
{
    char directory[] = "/var/tmp/pgtandem-child-XXXXXX", program[64], command[400];
    int status = 0;

    (void)state;
    if (geteuid() != 0 || !mkdtemp(directory))
        skip();
    STR_PRINTF(program, "%s/setpriv", directory);
    STR_PRINTF(command, "cp \"$(command -v setpriv)\" %s && chmod 4755 %s && chmod 755 %s", program,
               program, directory);
    struct outcome o = {0};
    sh(command, (struct child_spec){0}, &o);
    assert_int_equal(o.result.status, 0);
    forget(&o);
    pid_t pid = fork();
    if (pid == 0)
        _exit(out_of_reach(program));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    unlink(program);
    rmdir(directory);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NO_SETUID)
        skip(); /* a file system or a container that gives nobody another user's rights */
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_deadline_of_a_session(void **state)
{
    struct outcome o = {0};
    long long pid = 0;
    char text[32];

    (void)state;
    sh("sleep 60 & echo $!; wait", (struct child_spec){.own_session = true, .timeout_ms = 1000},
       &o);
    assert_true(o.result.timed_out);
    STR_COPY(text, o.result.output);
    text[strcspn(text, "\n")] = '\0';
    assert_true(str_to_int(text, 2, INT32_MAX, &pid));
    forget(&o);

    int64_t patience = clock_mono_ms() + PATIENCE_MS;
    while (is_running(pid))
        assert_true(clock_mono_ms() < patience);
}

static void test_cancel(void **state)
{
    AUTO(loop) l = loop_new();
    const char *argv[] = {"sleep", "60", NULL};
    struct child_spec spec = {.argv = argv, .timeout_ms = PATIENCE_MS};
    struct outcome o = {0};
    bool never = false;

    (void)state;
    struct child *c = child_run(l, &spec, on_end, &o);
    int pid = child_pid(c);
    assert_true(pid > 0);
    child_cancel(c);
    assert_int_equal(loop_wait(l, &never, -1, NULL), ERR_SYS); /* all handles are closed */
    assert_int_equal(o.calls, 0);
    assert_int_equal(kill(pid, 0), -1); /* reaped, too */

    const char *absent[] = {"/absent/program", NULL};
    spec.argv = absent;
    child_cancel(child_run(l, &spec, on_end, &o));
    assert_int_equal(loop_wait(l, &never, -1, NULL), ERR_SYS);
    assert_int_equal(o.calls, 0);
    child_cancel(NULL);
    assert_int_equal(child_pid(NULL), 0);
}

static void test_many_at_once(void **state)
{
    enum { CHILDREN = 20 };
    AUTO(loop) l = loop_new();
    struct outcome outcomes[CHILDREN] = {0};
    bool never = false;

    (void)state;
    for (int i = 0; i < CHILDREN; i++) {
        char number[8];
        const char *argv[] = {"sh", "-c", "echo $0; exit $0", number, NULL};

        STR_PRINTF(number, "%d", i);
        child_run(l, &(struct child_spec){.argv = argv, .timeout_ms = PATIENCE_MS}, on_end,
                  &outcomes[i]);
    }
    loop_wait(l, &never, -1, NULL);
    for (int i = 0; i < CHILDREN; i++) {
        char expected[8];

        STR_PRINTF(expected, "%d\n", i);
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].result.status, i);
        assert_string_equal(outcomes[i].result.output, expected);
        forget(&outcomes[i]);
    }
}

/* nothing of ours leaks into a child: its only descriptors are 0, 1 and 2 */
static void test_descriptors_are_not_inherited(void **state)
{
    enum { MOST = 256 };
    struct outcome o = {0};

    (void)state;
    for (int fd = 3; fd < MOST; fd++) /* those that the test itself was given */
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    /* no pipe in the command: the shell would hold its ends for a moment */
    sh("ls /proc/$$/fd", (struct child_spec){.stdin_text = ""}, &o);
    assert_string_equal(o.result.output, "0\n1\n2\n");
    forget(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_status),
        cmocka_unit_test(test_no_shell_comes_in_between),
        cmocka_unit_test(test_a_program_that_is_not_there),
        cmocka_unit_test(test_ended_by_a_signal),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_output_past_the_cap),
        cmocka_unit_test(test_output_is_complete),
        cmocka_unit_test(test_stdin),
        cmocka_unit_test(test_stdin_that_nobody_reads),
        cmocka_unit_test(test_separate_stdout),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_a_daemon_does_not_keep_us_waiting),
        cmocka_unit_test(test_own_session),
        cmocka_unit_test(test_deadline_of_a_session),
        cmocka_unit_test(test_what_cannot_be_killed),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_descriptors_are_not_inherited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
