#include "proto/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/mem.h"
#include "proto/address.h"

/* libuv's own listener accepts until no connection is waiting, which a flood can put off for ever,
 * and shows a newcomer's address only when a handle has been made for it. So this one calls accept4
 * itself. */
struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    int open_handles;
    int fd;
    bool closing;
    struct listener_events on;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *n = timer->data;

    uv_poll_start(&n->poll, UV_READABLE, on_readable);
}

static void pause_for(struct listener *n, uint64_t ms)
{
    if (n->closing)
        return;
    uv_poll_stop(&n->poll);
    uv_timer_start(&n->pause, on_pause_over, ms, 0);
}

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

/* False: no connection is waiting, or accepting has to wait. */
static bool accept_one(struct listener *n)
{
    struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof(from);
    char address[ADDRESS_BYTES];
    struct err e;
    int fd = accept4(n->fd, (struct sockaddr *)&from, &bytes, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        if (!n->on.newcomer(n->on.arg, fd, address_text((const struct sockaddr *)&from, address)))
            reset(fd);
        return true;
    }
    if (errno == EINTR || errno == ECONNABORTED)
        return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK) {
        err_sys(&e, errno, NULL, "accepting a connection failed");
        pause_for(n, LISTENER_RETRY_MS);
        n->on.failed(n->on.arg, &e);
    }
    return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *n = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < LISTENER_AT_ONCE; i++)
        if (n->closing || !accept_one(n))
            return;
    pause_for(n, LISTENER_PAUSE_MS);
}

static int open_socket(const struct sockaddr_storage *at, int *ret_fd)
{
    int fd = socket(at->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    socklen_t bytes =
        at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);

    if (fd < 0)
        return errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (const struct sockaddr *)at, bytes) < 0 || listen(fd, LISTENER_QUEUE) < 0) {
        int sys = errno;
        close(fd);
        return sys;
    }
    *ret_fd = fd;
    return 0;
}

int listener_start(struct loop *l, const char *address, const struct listener_events *on,
                   struct listener **ret_listener, struct err *reterr)
{
    struct sockaddr_storage at;
    int fd = -1, r = address_parse(address, &at, reterr);

    if (r < 0)
        return r;
    r = open_socket(&at, &fd);
    if (r != 0)
        return err_sys(reterr, r, r == EADDRINUSE ? "Does another agent run there? ss -tlnp" : NULL,
                       "listening on %s failed", address);

    struct listener *n = mem_alloc(sizeof(*n));

    n->fd = fd;
    n->on = *on;
    uv_poll_init_socket(loop_uv(l), &n->poll, fd);
    uv_timer_init(loop_uv(l), &n->pause);
    n->open_handles = 2;
    n->poll.data = n->pause.data = n;
    uv_poll_start(&n->poll, UV_READABLE, on_readable);
    *ret_listener = n;
    return 0;
}

int listener_port(const struct listener *n)
{
    struct sockaddr_in6 at = {.sin6_port = 0}; /* an IPv4 address has its port at the same place */
    socklen_t bytes = sizeof(at);

    (void)getsockname(n->fd, (struct sockaddr *)&at, &bytes);
    return ntohs(at.sin6_port);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *n = handle->data;

    if (--n->open_handles > 0)
        return;
    mem_free(n);
}

void listener_free(struct listener *n)
{
    if (!n)
        return;
    n->closing = true;
    uv_close((uv_handle_t *)&n->poll, on_handle_closed);
    uv_close((uv_handle_t *)&n->pause, on_handle_closed);
    close(n->fd);
}
