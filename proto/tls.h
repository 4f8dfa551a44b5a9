/*
 * TLS without sockets: one side of one connection, ciphertext in and out by memory.
 *
 * TLS 1.3 only, certificates both ways, no tickets, no resumption, no early data. The peer's
 * certificate is judged inside the handshake, before a byte of its data is read: signed by our CA,
 * within its dates, for this use, and naming in its SAN (RFC 5280, 4.2.1.6) one URI of the scheme
 * `pgtandem:` that says what we expect: the called agent's node for a client; for a server any
 * controller or agent of the same cluster.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/messages.h"
#include "proto/rpc.h"

struct buf;
struct err;

/* `node` NULL: the server's side, any peer of our cluster; else the client's, and the peer must be
 * the agent of that node. Copied. Never NULL. The context must outlive it. */
struct tls *tls_new(struct tls_context *c, const char *node);
void tls_free(struct tls *t);

/* Ciphertext from the network. */
void tls_feed(struct tls *t, const void *bytes, size_t len);

/* Go on with the handshake as far as the bytes reach. 1: done; 0: more bytes are needed. ERR_TLS
 * says why not (take tls_output all the same: it has the alert for the peer). */
int tls_handshake(struct tls *t, struct err *reterr);

/* Append what can be decrypted to `plain`, up to its cap. 1: fine so far; 0: the peer has said
 * goodbye (close_notify). ERR_TLS: broken, or the peer refused our certificate after its
 * handshake. */
int tls_read(struct tls *t, struct buf *plain, struct err *reterr);

int tls_write(struct tls *t, const void *bytes, size_t len, struct err *reterr);
void tls_goodbye(struct tls *t); /* queue a close_notify */

/* Append ciphertext that is to be sent. */
void tls_output(struct tls *t, struct buf *out);

/* Who the peer proved to be; valid when the handshake is done. Node is "" for a controller. */
enum peer_role tls_peer_role(const struct tls *t);
const char *tls_peer_node(const struct tls *t);

/* One SAN URI against the cluster: ERR_TLS names what it is and what it should be. Pure. */
int tls_name_parse(const char *uri, const char *cluster, enum peer_role *ret_role,
                   char ret_node[NODE_NAME_BYTES], struct err *reterr);

const char *tls_context_cluster(const struct tls_context *c);
