/*
 * What the parts of a status have in common while it is built: adding a line, proposing a command,
 * and the sentences that more than one part says. Texts are in the status's arena.
 *
 * status.c has the parts filled in turn: status_nodes.c, status_writable.c, status_problems.c; the
 * last calls status_headline.c, then reports what is outstanding, DNS and this host, and calls
 * status_node.c for each node.
 */
#pragma once

#include "controller/status/status.h"

/* A line about `node` ("" none). What is beyond STATUS_LINES_MAX is left out. */
void status_add(struct status *st, struct status_lines *lines, const char *node, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));
/* The command to type next; the first that is proposed stays. */
void status_propose(struct status *st, const char *command);

const char *status_name(const struct status *st, int node); /* -1: "" */
/* A sentence of the planner, about the node. */
const char *status_fill(const struct status *st, const char *sentence, const char *node);
/* ": why it does not respond", "" when it does. */
const char *status_why_silent(const struct status *st, int node);
/* Of a node that was measured to have diverged, with both LSNs. */
const char *status_diverged(const struct status *st, int node);
/* At work on something that lasts. */
bool status_is_busy(const struct node_obs *o);

/* The last week of a certificate is a problem, the weeks before it a thing to do. */
void status_certificate(struct status *st, const char *node, const char *whose, int64_t days);
/* What a person does about an expired one: no command of ours helps there. `kind` as make-certs
 * has it, `after` what is to be done once the files are there. */
const char *status_renew(const struct status *st, const char *kind, const char *name,
                         const char *after);

void status_nodes(struct status *st);    /* fills nodes */
void status_writable(struct status *st); /* fills writable */
void status_problems(struct status *st); /* fills problems, outstanding, next */
void status_headline(struct status *st);
/* The owner does not respond to us: what the other nodes say, and what to do about it. */
void status_owner_silent(struct status *st, int owner);
void status_node(struct status *st, size_t i, int owner); /* nothing, unless it answers */
