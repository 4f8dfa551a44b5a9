/*
 * What a step leaves in the journal besides its outcome: what each agent answered and what it had
 * to run for it, the verdict of DNS, the checks, what was said on the screen, and what the nodes
 * were seen to be when it was decided that the step is done.
 *
 * Acts add to the run's trace as they go; the engine takes it with each step's result. Crontabs'
 * texts and keys never get here.
 */
#pragma once

#include <jansson.h>

struct dns_swap;
struct dns_swap_result;
struct err;
struct node_obs;
struct preflight;
struct request;
struct rpc_result;

struct trace {
    json_t *data; /* an object; NULL: nothing yet */
};

/* `node` was asked `q`. */
void trace_answer(struct trace *t, const char *node, const struct request *q,
                  const struct rpc_result *result);
/* One compare-and-swap of alias and record. */
void trace_dns(struct trace *t, const struct dns_swap *swap, const struct dns_swap_result *result,
               const struct err *why);
void trace_preflight(struct trace *t, const struct preflight *p);
/* A sentence that a person was shown. */
void trace_said(struct trace *t, const char *text);
/* What a node is; `obs` NULL: it does not respond. */
void trace_seen(struct trace *t, const char *node, const struct node_obs *obs);

/* Move all of it into `data`; the trace is empty then. */
void trace_take(struct trace *t, json_t *data);
void trace_drop(struct trace *t);
