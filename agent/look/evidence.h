/* EVIDENCE: what this node sees of a lost one. Changes nothing and waits for nobody's turn. */
#pragma once

struct agent;
struct rpc_request;

void evidence_answer(struct agent *g, struct rpc_request *r);
