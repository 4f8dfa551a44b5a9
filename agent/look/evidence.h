/* EVIDENCE: what this node sees of a lost one. Changes nothing, waits for no other operation. */
#pragma once

struct agent;
struct err;
struct rpc_request;

/* A requester that is not a controller gets evidence only about configured peers, at their
 * configured addresses; ERR_REFUSED otherwise: then the caller answers. */
int evidence_answer(struct agent *g, struct rpc_request *r, struct err *reterr);
