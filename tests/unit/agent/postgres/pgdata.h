/* A directory that passes for a data directory, and processes that pass for PostgreSQL's. */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/postgres/pgorphan.h"
#include "agent/postgres/postgres.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "tests/unit/unit.h"

static struct postgres_config made;
static char pid_file[300];

static inline void put(const char *name, const char *text)
{
    char path[600];

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_replace(path, text, strlen(text), 0600, NULL), 0);
}

static inline void make(const char *name)
{
    char path[600];

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_make_dir(path, 0700, NULL), 0);
}

static inline char *get(struct arena *a, const char *name)
{
    char path[600];
    char *text = NULL;

    STR_PRINTF(path, "%s/%s", made.data_directory, name);
    assert_int_equal(file_read(path, 1 << 20, a, &text, NULL, NULL), 0);
    return text;
}

static int make_directory(void **state)
{
    (void)state;
    memset(&made, 0, sizeof(made));
    STR_COPY(made.data_directory, "/tmp/pgtandem-test-XXXXXX");
    assert_non_null(mkdtemp(made.data_directory));
    STR_PRINTF(pid_file, "%s/postmaster.pid", made.data_directory);
    make("global");
    make("pg_wal/archive_status");
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    if (strncmp(made.data_directory, "/tmp/pgtandem-test-", 19) != 0)
        return -1;
    if (fork() == 0) {
        execlp("rm", "rm", "-rf", "--", made.data_directory, (char *)NULL);
        _exit(127);
    }
    return wait(NULL) > 0 ? 0 : -1;
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

struct stand_in {
    const char *directory, *name;
    int segment; /* attached to it; -1 none */
    bool stubborn;
};

/* A process that stands in `directory` and calls itself `name`, until end(). */
static inline int stand_in(struct stand_in s)
{
    int ready[2];
    char c;

    assert_int_equal(pipe(ready), 0);
    int pid = fork();
    if (pid == 0) {
        prctl(PR_SET_NAME, s.name);
        signal(SIGQUIT, s.stubborn ? SIG_IGN : SIG_DFL);
        if (s.segment >= 0 && (intptr_t)shmat(s.segment, NULL, 0) == -1)
            _exit(1);
        if (chdir(s.directory) == 0 && write(ready[1], "r", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &c, 1), 1);
    close(ready[0]);
    return pid;
}

static inline int process_in(const char *directory, const char *name)
{
    return stand_in((struct stand_in){directory, name, -1, false});
}

static inline void end(int pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static inline int orphans(void)
{
    struct pgorphans o;

    pgorphan_find(made.data_directory, &o);
    return o.unknown ? -1 : o.n;
}

struct ended {
    bool done;
    struct err e;
};

static inline void on_done(void *arg, const struct err *e)
{
    struct ended *end = arg;

    end->done = true;
    if (e)
        end->e = *e;
}
