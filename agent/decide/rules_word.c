/* A held owner, the zone's primary silent, a peer silent too: docs/protocol.md, section 6. */
#include <string.h>

#include "agent/decide/rules.h"
#include "agent/decide/rules_words.h"

static enum rule here(const struct guard_view *v)
{
    const struct agent_state *s = v->state;

    if (!v->state_readable)
        return RULE_STATE_BAD;
    if (s->fenced)
        return RULE_FENCED;
    if (!s->held || rules_held_for_good(s, v->facts))
        return RULE_NOT_HELD;
    if (s->promoting)
        return RULE_PROMOTING;
    return v->facts->orphans ? RULE_ORPHANS : RULE_OBEY;
}

/* No older and no newer one: a secondary that lags shows what was, and so may this node's memory;
 * that both, and every peer that answers, have the same one is what makes it worth anything. */
static enum rule record(const struct guard_view *v, const char *nonce, const struct record *shown)
{
    enum rule r = rules_named_owner(v->state, v->node, nonce, shown);

    if (r != RULE_OBEY)
        return r;
    if (shown->state != REGISTER_STABLE || rules_others_unproven(shown))
        return RULE_D_STATE;
    return strcmp(v->state->seen.nonce, nonce) == 0 ? RULE_OBEY : RULE_OTHER_RECORD;
}

static enum rule peer(const struct guard_view *v, const struct guard_peer *p, const char *nonce)
{
    if (!p->answered)
        return p->declared_down ? RULE_OBEY : RULE_PEER_SILENT;
    return p->in_recovery && !p->writable && p->epoch == v->state->epoch &&
                   strcmp(p->seen_nonce, nonce) == 0
               ? RULE_OBEY
               : RULE_PEER_DIFFERS;
}

enum rule rules_release_by_word(const struct guard_view *v, const char *nonce,
                                const struct record *shown)
{
    enum rule r = here(v);

    if (r == RULE_OBEY && v->d_answered)
        r = RULE_D_ANSWERS;
    if (r == RULE_OBEY)
        r = record(v, nonce, shown);
    for (size_t i = 0; r == RULE_OBEY && i < v->n_peers; i++)
        r = peer(v, &v->peers[i], nonce);
    return r;
}
