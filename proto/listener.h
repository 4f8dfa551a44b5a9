/*
 * A listening TCP socket, of which no flood of newcomers makes more than a small part of the loop's
 * work: LISTENER_AT_ONCE of them a turn, then a pause of LISTENER_PAUSE_MS in which the kernel's
 * queue holds the others. Whoever is not taken is reset at once: nothing was allocated, and
 * no socket lingers (TIME_WAIT).
 */
#pragma once

#include <stdbool.h>

struct err;
struct listener;
struct loop;

enum {
    LISTENER_QUEUE = 4096, /* that the kernel holds, if net.core.somaxconn lets it */
    LISTENER_AT_ONCE = 64, /* with the pause: at most 32,000 newcomers a second */
    LISTENER_PAUSE_MS = 2,
    LISTENER_RETRY_MS = 100, /* when there is no descriptor left */
};

struct listener_events {
    /* True: `fd` (non-blocking) is the owner's from now on; false: it is reset. */
    bool (*newcomer)(void *arg, int fd, const char *address);
    void (*failed)(void *arg, const struct err *e); /* accepting failed: it goes on */
    void *arg;
};

/* On IP:port; port 0 gets a free one. ERR_CONFIG, or ERR_SYS with the reason. */
int listener_start(struct loop *l, const char *address, const struct listener_events *on,
                   struct listener **ret_listener, struct err *reterr);
int listener_port(const struct listener *n);
void listener_free(struct listener *n); /* no events afterwards; NULL is fine */
