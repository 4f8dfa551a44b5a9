/* Only in a build with COV=1: what ran is written down every two seconds, not at the end alone. The
 * lab takes hosts' power away, and a process that is killed would leave nothing. */
#include <gcov.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

enum { PERIOD_S = 2 };

static sem_t
    ended; /* not a lock: in a child after fork(), without the thread, no one would leave it */

/* Until the program ends, at most a period. */
static int wait_for_the_end(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PERIOD_S;
    return sem_clockwait(&ended, CLOCK_MONOTONIC, &until);
}

static void *keep(void *arg)
{
    while (wait_for_the_end() != 0) {
        __gcov_dump();
        __gcov_reset();
    }
    return arg;
}

__attribute__((constructor)) static void start(void)
{
    pthread_t thread;
    sigset_t all, before;

    sem_init(&ended, 0, 0);
    sigfillset(&all); /* signals are the program's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, keep, NULL) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

__attribute__((destructor)) static void end(void)
{
    sem_post(&ended); /* gcov writes the rest itself */
}
