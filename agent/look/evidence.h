/* EVIDENCE: what this node sees of a lost one. Changes nothing and waits for nobody's turn. */
#pragma once

struct agent;
struct err;
struct rpc_request;

/* Who is no controller is told of the peers of the configuration alone, at the addresses that it
 * has; ERR_REFUSED otherwise: then the caller answers. */
int evidence_answer(struct agent *g, struct rpc_request *r, struct err *reterr);
