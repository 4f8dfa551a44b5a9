/* The agent as others see it: requests in, to the acts or to a look. */
#pragma once

struct agent;
struct err;
struct rpc_server;

int server_start(struct agent *g, struct rpc_server **ret_server, struct err *reterr);
