/*
 * What the kernel knows of established TCP connections of this host, other processes' too:
 * sock_diag(7), which asks for no privilege. It distinguishes a peer that is gone, or stopped,
 * from one that has nothing to send, by our own clock and without involving the process that holds
 * the connection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

struct pgtcp {
    char address[ADDRESS_BYTES]; /* the peer's, and … */
    int64_t port;                /* … its port: which connection is meant */
    bool known;                  /* found; the rest is of the last look */
    int64_t heard_ms;            /* since data last came from it */
    bool unanswered;             /* sent again already, and its kernel has not acknowledged it */
};

/* Look all of `list` up among the connections of the local port. False: no complete answer;
 * then nothing is `known`. */
bool pgtcp_look(int64_t local_port, struct pgtcp *list, size_t n);
