#include "proto/senders.h"

#include <string.h>

/* 0 not it; the higher the surer. */
static int match(const struct obs_sender *s, const char *node, const char *address)
{
    bool named = strcmp(s->application, node) == 0;
    bool placed = address[0] && strcmp(s->address, address) == 0;

    return strcmp(s->state, "logical") == 0 ? 0 : 2 * placed + named;
}

uint32_t senders_of(const struct obs_pg *pg, const char *node, const char *address)
{
    uint32_t found = 0;
    int best = 1;

    for (size_t i = 0; i < pg->n_senders && i < OBS_SENDERS_MAX; i++) {
        int m = match(&pg->senders[i], node, address);

        if (m > best)
            found = 0;
        if (m >= best) {
            found |= 1U << i;
            best = m;
        }
    }
    return found;
}

bool senders_attached(const struct obs_pg *pg, const char *node, const char *address)
{
    uint32_t found = senders_of(pg, node, address);

    for (size_t i = 0; i < OBS_SENDERS_MAX; i++)
        if ((found & (1U << i)) && strcmp(pg->senders[i].state, "streaming") == 0 &&
            pg->control_checkpoint && pg->senders[i].flush_lsn > pg->control_checkpoint)
            return true;
    return false;
}
