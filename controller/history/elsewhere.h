/*
 * An open transition that no journal here mentions: another controller began it. What DNS says
 * about it, and which host has its journal.
 */
#pragma once

#include <stdbool.h>

#include "dnsupdate/register.h"

struct session;
struct story_list;

struct elsewhere {
    bool answered;        /* DNS did; false: nothing is known */
    bool open;            /* and a transition is open that no journal here mentions */
    struct record record; /* when open */
    char host[BY_BYTES];  /* of the controller that holds it, "" unknown */
};

/* One read of the record, at most 1.5 s; the key is loaded for it. */
void elsewhere_look(struct session *s, const struct story_list *l, struct elsewhere *ret);

/* "flip, db02 -> db01, epoch 4, held by root@ctl2: …" in the session's arena. */
const char *elsewhere_text(struct session *s, const struct elsewhere *e);
