/*
 * REHEARSE: the paths of the later steps, tried now, all at once, without a change.
 *
 *   replication   to each node named in the request: the connection that `follow` would set
 *   stop, start   may the agent do it (agent/postgres/postgres.h)
 *   key           the UPDATE that changes nothing (dns_rehearse), with the agents' key: the server
 *                 must refuse it. It writes a line into the name server's log each time
 *   crontab       a dry run of crontab(1) with the text as it is
 *   archive       [archive] probe_command, when the request asks for it
 *
 * Each part ends within half of the request's time at the latest, so that the answer is always in
 * time. It waits for no other operation and takes no lock.
 */
#pragma once

struct agent;
struct rpc_request;

void rehearse_answer(struct agent *g, struct rpc_request *r);
/* End of the program: what runs is dropped. */
void rehearse_drop_all(struct agent *g);
