/*
 * A transition that is open and that no journal here tells of: another controller began it. What
 * DNS says of it, and on which host its journal is.
 */
#pragma once

#include <stdbool.h>

#include "dnsupdate/register.h"

struct session;
struct story_list;

struct elsewhere {
    bool answered;        /* DNS did; false: nothing is known */
    bool open;            /* and a transition is open that no journal here tells of */
    struct record record; /* when open */
    char host[BY_BYTES];  /* of the controller that holds it, "" unknown */
};

/* One read of the record, at most 1.5 s; the key is loaded for it. */
void elsewhere_look(struct session *s, const struct story_list *l, struct elsewhere *ret);

/* "flip, db02 -> db01, epoch 4, held by root@ctl2: …" in the session's arena. */
const char *elsewhere_text(struct session *s, const struct elsewhere *e);
