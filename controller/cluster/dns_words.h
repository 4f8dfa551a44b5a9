/* What one name server shows, in words: for `dns show`, `status` and their problems. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct cluster;
struct config;
struct dns_view;
struct err;
struct world;

/* "db02.ia2.test, epoch 5, stable, owner db02", "no alias, no ownership record" */
const char *dns_words_shows(struct arena *a, const struct dns_view *v);

/* Until when it serves this without the zone's primary: "until 2026-11-29 03:14:15 UTC", "… at the
 * latest" where it does not say itself when it heard from the primary last; "" unknown. */
const char *dns_words_serves(struct arena *a, const struct dns_view *v, int64_t wall_ms);

/* Why name server `i` of the survey does not agree with the primary, or what it still shows while
 * the primary does not respond; NULL where there is nothing to say. */
const char *dns_words_differs(struct arena *a, const struct world *w, size_t i, int64_t wall_ms);

/* That name server `i` of the survey does not take our key, though it answers who asks without one;
 * NULL: it does, or does not respond at all. */
const char *dns_words_key(struct arena *a, const struct world *w, size_t i);

/* Is it this controller's TSIG key, or a clock, that DNS refuses? Only we are kept out then. */
bool dns_words_our_key(const struct err *e);
/* Then the error says so, and what helps: the other controller, or this key file (by its name). */
void dns_words_name_key(const struct cluster *c, struct err *e);

/* What keeps the record that the zone's primary shows from being used with these nodes. */
enum record_fault {
    RECORD_USABLE,
    RECORD_OLDER,   /* than what agents have seen: an old zone or a backup of it is back */
    RECORD_GONE,    /* or no valid one, though agents have seen one */
    RECORD_FOREIGN, /* the system identifier is another one than that of every node that answers */
    RECORD_STRANGE, /* its owner is not in the configuration */
};

/* What is wrong, and the text for `dns set` that writes the record again: the newest known record
 * (here, at an agent), with the only writable node as its owner, nothing open, above every epoch
 * that an agent knows. If no node is writable (held, fenced, down), the owner stays. *ret_text is
 * NULL if no owner can be named: two nodes are writable, or the owner is unknown. `by` is who would
 * type it, for a record that no one has seen. */
enum record_fault dns_words_record(struct arena *a, const struct config *c, const struct world *w,
                                   const char *by, const char **ret_text);
