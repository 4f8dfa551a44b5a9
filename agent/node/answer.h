/*
 * The reply to a request: always with an observation of this node; what went wrong, or done.
 */
#pragma once

struct err;
struct node_obs;
struct reply;
struct rpc_request;

/* `e` NULL or without a code: it is done. The caller adds what else there is (text, ran). */
struct reply *answer_new(const struct node_obs *obs, const struct err *e);
/* Answers the request, and frees the reply; what it points to is the caller's. */
void answer_send(struct rpc_request *r, struct reply *reply);
