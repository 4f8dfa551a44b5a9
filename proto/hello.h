/*
 * The first message each way. Pure.
 *
 * Versions are compared before anything else in a hello is judged, so that a newer program, whose
 * hello may hold keys that we do not know, still learns what is wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

struct err;

/* What a program of this version says of itself. `node` is cut to fit for a controller. */
void hello_fill(struct hello *h, enum peer_role role, const char *cluster, const char *node);

/* Read the peer's hello. ERR_PROTOCOL when the version ranges do not overlap (the message names
 * both), or when it is not a hello. */
int hello_read(const char *json, size_t len, const struct hello *ours, struct hello *ret_hello,
               struct err *reterr);

/* ERR_PROTOCOL when the hello claims what the certificate does not. */
int hello_check_identity(const struct hello *h, const char *cluster, enum peer_role role,
                         const char *node, struct err *reterr);
