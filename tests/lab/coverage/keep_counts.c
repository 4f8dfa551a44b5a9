/* Only in a build with COV=1: what ran is written down every two seconds, not at the end alone. The
 * lab takes hosts' power away, and a process that is killed would leave nothing. */
#include <gcov.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static void *keep(void *arg)
{
    static const struct timespec pause = {.tv_sec = 2};

    for (;;) {
        nanosleep(&pause, NULL);
        __gcov_dump();
        __gcov_reset();
    }
    return arg;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;
    sigset_t all, before;

    sigfillset(&all); /* signals are the program's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, keep, NULL) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
