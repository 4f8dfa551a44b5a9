/* What the operations of dns.h share. Private to dnsupdate/. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_swap;
struct dns_view;
struct dns_zone;
struct err;
struct exchange;

/* The first member of each operation. `cancel` frees it without a callback. */
struct dns_op {
    void (*cancel)(struct dns_op *op);
};

/* One read over an exchange that is open: sends all its questions at once, calls back once with the
 * view (status OK or REFUSED; silence is the exchange's deadline). `fn` may close the exchange. */
struct reader;
typedef void (*reader_fn)(void *arg, const struct dns_view *view, const struct err *e);
struct reader *reader_start(struct exchange *x, const struct dns_zone *z, unsigned what,
                            reader_fn fn, void *arg);
void reader_free(struct reader *r); /* before the exchange is closed; NULL is fine */

/* ---- what a swap's answers and read-backs mean (pure, judge.c) ------------------------------- */

struct swap_seen {
    const struct dns_swap *swap;
    const struct dns_view *view; /* the latest read-back with status OK, or NULL */
    bool accepted;               /* a signed NOERROR to one of the tries */
    int failure;                 /* the latest other rcode, or 0 */
    int unanswered;              /* tries that may still land */
};
enum swap_judgement {
    SWAP_DONE, /* our string is there, and the alias is right */
    SWAP_LOST, /* another string is there that came after the old one; ours cannot land any more */
    SWAP_REFUSED, /* every try was refused */
    SWAP_BLOCKED, /* our string is there, but the alias holds other records */
    SWAP_RETRY,   /* a failed prerequisite with the state unchanged: the same again */
    SWAP_READ,    /* read again shortly */
    SWAP_WAIT,    /* nothing is known: on with the tries */
};
enum swap_judgement op_judge_swap(const struct swap_seen *seen);
