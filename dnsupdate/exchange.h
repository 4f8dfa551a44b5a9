/*
 * Questions to one server until a deadline: tries, resends, and the answers that may decide.
 *
 * Each try of a question (an `ask`) has a fresh random id and a fresh TSIG; an answer to any of its
 * outstanding tries counts. Answers that may not decide are kept as a hint, the first one; once
 * there is one, the deadline comes within EXCHANGE_HINT_MS, as waiting on would hardly change it (a
 * forged one can so end an operation early, which is never worse than what a lost answer does).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dnsupdate/wire.h"

struct ask;
struct err;
struct exchange;
struct loop;
struct reply;
struct tsig_key;

enum { EXCHANGE_HINT_MS = 1500, ASK_TRIES_MAX = 24 };

struct exchange_spec {
    const char *server;         /* "IP", "IP:port" or "[IP6]:port" */
    const struct tsig_key *key; /* NULL: unsigned; must outlive the exchange */
    int64_t timeout_ms;
    bool tcp;                   /* always */
    void (*expired)(void *arg); /* the deadline; closes the exchange */
    void *arg;
};

/* ERR_CONFIG for a server that is no IP address. */
int exchange_open(struct loop *l, const struct exchange_spec *spec, struct exchange **ret_exchange,
                  struct err *reterr);
void exchange_close(struct exchange *x); /* and all its asks; NULL is fine */

/* Why nothing was decided: the first hint, else silence. */
int exchange_explain(const struct exchange *x, struct err *reterr);
int64_t exchange_elapsed_ms(const struct exchange *x);
const char *exchange_server(const struct exchange *x);

typedef void (*ask_fn)(void *arg, const struct reply *reply);

/* Send `request` (id 0, unsigned) now. A query is sent again until it is answered; an UPDATE only
 * by ask_again(). `fn` may close the exchange or free the ask. */
struct ask *ask_start(struct exchange *x, const struct message *request, ask_fn fn, void *arg);
bool ask_again(struct ask *a); /* one more try; false when there were too many */
int ask_tries(const struct ask *a);
int ask_unanswered(const struct ask *a); /* tries without a deciding answer: they may still land */
void ask_free(struct ask *a);            /* NULL is fine */
