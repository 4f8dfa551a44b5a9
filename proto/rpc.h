/*
 * One call to an agent, and the fan-out with one deadline; and the agent's side, a server that
 * hands over whole, authenticated requests.
 *
 * Stack: rpc (requests and replies matched in order) over conn (hello, deadlines) over tls (OpenSSL
 * on memory BIOs) over a libuv TCP stream; frame = 4 bytes of big-endian length, then JSON, at most
 * 80 KiB. TLS 1.3 only, certificates both ways: SAN `URI:pgtandem:<cluster>:controller`, `:monitor`
 * and `:agent:<node>`, checked against the node that we called; the server refuses what is not open
 * to the peer's role (verb_open_to). A link is up only after the hello's reply: in TLS 1.3 the
 * client's handshake ends before its certificate is judged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/messages.h"

struct arena;
struct loop;

/* Certificates and key in PEM files; loaded once, shared by all connections. */
struct tls_files {
    char ca[256];
    char certificate[256];
    char key[256];
};
struct tls_context;
/* Refuses a key file that others can read, and a certificate whose SAN is not of `cluster`, role
 * and node ("" for a controller). For a controller's role a monitor's certificate will do. */
int tls_context_new(const struct tls_files *files, const char *cluster, enum peer_role role,
                    const char *node, struct tls_context **ret_context, struct err *reterr);
void tls_context_free(struct tls_context *c);
/* The files again, for connections that are made from now on; on failure the old ones stay. */
int tls_context_reload(struct tls_context *c, const struct tls_files *files, enum peer_role role,
                       const char *node, struct err *reterr);
enum peer_role tls_context_role(const struct tls_context *c); /* of our own certificate */
/* Whole days until our own certificate expires; -1 when it has. */
int64_t tls_context_valid_until_s(const struct tls_context *c); /* Unix time */
int64_t tls_context_days_left(const struct tls_context *c, int64_t wall_ms);

/* ---- client ------------------------------------------------------------------------------- */

/* A lasting connection to one agent. Opens on demand, is kept open and authenticated between calls,
 * reopens after a failure at the next call. */
struct rpc_peer;
/* `address` is IP:port; the peer must prove to be agent `node` of `cluster`. Strings are copied.
 * `self` is what our hello says (role, node). */
struct rpc_peer *rpc_peer_new(struct loop *l, struct tls_context *tls, const char *cluster,
                              const char *node, const char *address, enum peer_role self_role,
                              const char *self_node);
void rpc_peer_free(struct rpc_peer *p); /* cancels its calls */
/* A call ends early when the peer's host is found silent (proto/knock.h): neither the agent's port
 * nor this other one of the same host answers a SYN. One that changes nothing at the first silent
 * knock, one that changes something after four in a row. ERR_UNREACHABLE before it was sent, after
 * that ERR_TIMEOUT as ever: it may have been obeyed, and may be obeyed late. On an open link the
 * host is knocked at only when its kernel has not acknowledged anything for a second. Where a port
 * answers, the call keeps its whole deadline. */
void rpc_peer_knock(struct rpc_peer *p, const char *host, int64_t port);

/* reply is NULL when there is none: e says why (ERR_UNREACHABLE with the connect error, ERR_TIMEOUT
 * after sending: the request may have been obeyed, ERR_TLS, ERR_PROTOCOL; ERR_SKEW: the agent is
 * too old for it, nothing was sent). A reply that says no is still a reply: look at reply->ok. Both
 * are valid in the callback only. */
typedef void (*rpc_reply_fn)(void *arg, const struct reply *reply, const struct err *e);
struct rpc_call;
struct rpc_call *rpc_call(struct rpc_peer *p, const struct request *q, int64_t timeout_ms,
                          rpc_reply_fn fn, void *arg);
/* No callback, from now on. A request that was sent may still be obeyed. NULL is fine. */
void rpc_call_cancel(struct rpc_call *c);

/* Straight-line form for the controller: send q[i] to peers[i], run the loop until all have
 * answered or `timeout_ms` has passed. results[i].reply is in the arena, or NULL with results[i].e
 * set. A NULL peers[i] is skipped. */
struct rpc_result {
    struct reply *reply;
    struct err e;
    int64_t elapsed_ms;
};
void rpc_fanout(struct loop *l, struct rpc_peer *const *peers, const struct request *const *q,
                size_t n, int64_t timeout_ms, struct arena *a, struct rpc_result *results);

/* ---- server ------------------------------------------------------------------------------- */

/* One request as received. The handler must answer it exactly once with rpc_answer(), now or later;
 * the request stays valid until then, even if the peer has gone away. */
struct rpc_request {
    enum peer_role from_role;
    char from_node[NODE_NAME_BYTES];
    char from_address[ADDRESS_BYTES];
    struct request q;
    void *internal;
};
typedef void (*rpc_handler_fn)(void *arg, struct rpc_request *r);
void rpc_answer(struct rpc_request *r, const struct reply *reply);

struct rpc_limits {
    int max_connections;      /* 0: 64 */
    int64_t hello_timeout_ms; /* 0: 5000 */
    int64_t idle_timeout_ms;  /* 0: 600000 */
    int64_t log_minute_ms;    /* over which refusals are counted; 0: 60000 */
};
typedef void (*rpc_log_fn)(void *arg, const struct err *e, const char *address); /* refused peers */

struct rpc_server;
/* Listen on IP:port. Peers whose certificate is not of this cluster are refused and reported to
 * `log` (of each kind five a minute, then a count: proto/refusals.h). */
int rpc_server_start(struct loop *l, struct tls_context *tls, const char *cluster, const char *node,
                     const char *listen_address, const struct rpc_limits *limits,
                     rpc_handler_fn handler, rpc_log_fn log, void *arg,
                     struct rpc_server **ret_server, struct err *reterr);
void rpc_server_free(struct rpc_server *s);      /* requests in hand must still be answered */
int rpc_server_port(const struct rpc_server *s); /* that it listens on, if port 0 was asked for */
