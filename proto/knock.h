/*
 * Does a host answer at all? A kernel that lives answers a SYN within one round trip, whatever its
 * processes are doing: with SYN-ACK, or with RST if nothing listens. Patience is for processes. So
 * several SYNs to several ports of one host, spread over KNOCK_MS, distinguish a host that is gone
 * (or behind a cut) from one that is busy, much sooner than a process's deadline does.
 *
 * The first try goes out only after KNOCK_FIRST_MS: whoever is well has answered the caller's own
 * connection by then, and sees nothing of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct loop;

enum {
    KNOCK_ADDRESSES = 2,
    KNOCK_TRIES = 3, /* to each address: a lost packet is not a dead host */
    KNOCK_FIRST_MS = 30,
    KNOCK_EVERY_MS = 60,
    KNOCK_MS = 300, /* from the start; the last try still has its round trip before it */
};

struct knock;
/* Called once, from the loop, unless it was freed before. */
typedef void (*knock_fn)(void *arg, bool heard);

/* `addresses` are IP:port; one that cannot be tried (no route, not an address) stays unheard. */
struct knock *knock_start(struct loop *l, const char *const *addresses, size_t n, knock_fn fn,
                          void *arg);
void knock_free(struct knock *k); /* also after its callback, also in it; NULL is fine */
