/*
 * The verdict rests on these facts:
 *  - nonces are never reused, so a record that has moved on from the old string never comes back to
 *    it, and no try of ours can land after that;
 *  - a read-back can be older than the state that the UPDATE met (in-line signing, Knot's batches);
 *  - a failed prerequisite can be our own earlier try's success, or a neighbour's failure in the
 *    server's batch (phantom).
 */
#include <string.h>

#include "dnsupdate/dns.h"
#include "dnsupdate/op.h"
#include "dnsupdate/reply.h"

static bool is(const char *wanted, bool present, const char *there)
{
    return wanted ? present && strcmp(wanted, there) == 0 : !present;
}

/* Can the record that was read have come only after the old string? An epoch has one writer. So
 * where ours is the first of its epoch (a claim, a takeover), any other of that epoch is another's,
 * also with the same txn; where the old one was of this epoch already, the same txn may be an
 * earlier state of our own. An epoch below the old one's is older for sure. */
static bool came_after(const struct swap_seen *s)
{
    const struct record *seen = &s->view->record;
    struct record ours, old;

    if (!s->swap->old_txt)
        return true; /* nothing was to be there */
    if (register_parse(s->swap->new_txt, &ours, NULL) < 0 || !s->view->record_valid ||
        register_parse(s->swap->old_txt, &old, NULL) < 0)
        return true; /* not comparable: whoever wrote it, it is neither the old nor ours */
    if (seen->epoch != ours.epoch)
        /* at the old epoch: its holder wrote before us, if all tries have been refused */
        return seen->epoch > ours.epoch ||
               (seen->epoch == old.epoch && s->failure && !s->accepted && s->unanswered == 0);
    return old.epoch < ours.epoch || strcmp(seen->txn, ours.txn) != 0;
}

static bool definite(int rcode)
{
    return rcode == RCODE_REFUSED || rcode == RCODE_NOTAUTH || rcode == RCODE_NOTZONE ||
           rcode == RCODE_NOTIMP || rcode == RCODE_FORMERR;
}

enum swap_judgement op_judge_swap(const struct swap_seen *s)
{
    const struct dns_view *v = s->view;
    const struct dns_swap *w = s->swap;
    bool refused = s->failure && !s->accepted && s->unanswered == 0;

    if (refused && definite(s->failure))
        return SWAP_REFUSED;
    if (!v)
        return s->accepted || s->failure ? SWAP_READ : SWAP_WAIT;
    if (is(w->new_txt, v->n_txt == 1, v->txt)) {
        if (is(w->new_cname, v->cname_present, v->cname))
            return SWAP_DONE;
        return v->alias_other_types ? SWAP_BLOCKED : SWAP_READ;
    }
    if (!is(w->old_txt, v->n_txt > 0, v->txt)) {
        if (v->n_txt > 0 && came_after(s))
            return SWAP_LOST;
        return s->accepted || s->failure ? SWAP_READ : SWAP_WAIT;
    }
    if (s->accepted)
        return SWAP_READ;
    if (!s->failure)
        return SWAP_WAIT;
    if (is(w->old_cname, v->cname_present, v->cname) && !v->alias_other_types)
        return SWAP_RETRY;
    return refused ? SWAP_LOST : SWAP_READ; /* the alias alone was changed */
}
