/*
 * enter PID USER COMMAND [WORD...]: runs it on the lab's host whose PID 1 that is, with our
 * environment; its exit status (128 + n for signal n). What `lab exec` does, without a Python: a
 * test gives some hundred commands.
 *
 * SIGTERM and SIGHUP are passed on, SIGINT comes from the terminal itself; if we are killed, so is
 * the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_LAB = 125, EXIT_NO_COMMAND = 127 };

static pid_t child;

static int trouble(const char *what)
{
    fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
    return EXIT_LAB;
}

static int join(const char *pid)
{
    static const char *const kinds[] = {"uts", "ipc", "net", "pid",
                                        "mnt"}; /* /proc is ours till the end */
    int fds[sizeof(kinds) / sizeof(kinds[0])];
    char path[64];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        snprintf(path, sizeof(path), "/proc/%s/ns/%s", pid, kinds[i]);
        fds[i] = open(path, O_RDONLY | O_CLOEXEC);
        if (fds[i] < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (setns(fds[i], 0) < 0)
            return -1;
    return 0;
}

static int become(const char *user)
{
    const struct passwd *pw = getpwnam(user);

    if (!pw)
        return -1;
    setenv("HOME", pw->pw_dir, 1);
    setenv("USER", user, 1);
    setenv("LOGNAME", user, 1);
    if (pw->pw_uid == 0)
        return 0;
    return initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0 ? -1
                                                                                                : 0;
}

static void pass_on(int number)
{
    kill(child, number);
}

int main(int argc, char **argv)
{
    int status;

    if (argc < 4) {
        fputs("usage: enter PID USER COMMAND...\n", stderr);
        return EXIT_LAB;
    }
    if (join(argv[1]) < 0)
        return trouble(argv[1]);
    child = fork(); /* into the host's pid namespace */
    if (child < 0)
        return trouble("fork");
    if (child == 0) {
        if (chdir("/") < 0 || become(argv[2]) < 0)
            _exit(trouble(argv[2]));
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* after setuid, which clears it */
        execvp(argv[3], argv + 3);
        trouble(argv[3]);
        _exit(EXIT_NO_COMMAND);
    }
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, pass_on);
    signal(SIGHUP, pass_on);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return trouble("waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
