/*
 * Sockets to one DNS server: a connected UDP socket (the kernel drops what others send) and TCP
 * connections with their length prefix. Whole messages in, whole messages out; it knows no DNS.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct link;
struct loop;
struct sockaddr_storage;

enum link_way {
    LINK_UDP,
    LINK_TCP,       /* the connection that is open, or a new one */
    LINK_TCP_FRESH, /* a new one; answers on the older ones still count */
};

struct link_events {
    /* one message; `wire` is valid in the callback only, which may close the link */
    void (*received)(void *arg, const uint8_t *wire, size_t len);
    /* a socket failed (errno-like libuv code); nothing is to be done, a later send opens another */
    void (*failed)(void *arg, bool tcp, int sys);
    void *arg;
};

/* Parse "IP", "IP:port" or "[IP6]:port"; port 53 if none is given. False for anything else. */
bool link_address(const char *text, struct sockaddr_storage *ret_address);

/* Another host's address with the port that `server` has: "10.0.0.2", "[fd00::2]:5353". */
bool link_sibling(const char *server, const char *ip, char *ret_address, size_t bytes);

/* Nothing is opened before the first send. */
struct link *link_open(struct loop *l, const struct sockaddr_storage *to,
                       const struct link_events *events);
void link_send(struct link *k, enum link_way way, const uint8_t *wire, size_t len);
void link_close(struct link *k); /* no callback afterwards; NULL is fine */
