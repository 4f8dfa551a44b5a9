/*
 * UNFENCE of a held owner while the zone's primary does not respond (docs/protocol.md, section 6,
 * "By a person's word"): look, admit, ask peers and the zone's primary, ask its other servers,
 * decide; then as UNFENCE, and cron as last commanded, as when a guard releases its hold.
 */
#include <string.h>

#include "agent/acts/acts.h"
#include "agent/cron/cron.h"
#include "agent/look/gather.h"
#include "base/mem.h"
#include "base/str.h"

static bool named(const char *list, const char *node)
{
    size_t len = strlen(node);

    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, node, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return true;
    return false;
}

static void word_admit(struct act *a)
{
    if (a->f.role == PG_WRITABLE && !a->s.held && !a->s.fenced)
        act_finish(a); /* done by an earlier try */
    else
        act_admit(a);
}

static void on_gathered(void *arg, const struct gathered *seen)
{
    struct act *a = arg;

    a->gather = NULL;
    a->data = mem_alloc(sizeof(*seen));
    memcpy(a->data, seen, sizeof(*seen));
    if (seen->d_answered)
        act_refuse(a, RULE_D_ANSWERS);
    else
        act_next(a);
}

static void word_gather(struct act *a)
{
    a->gather = gather_start(a->agent, on_gathered, a);
}

static void word_permitted(struct act *a)
{
    const struct config *c = a->agent->config;
    struct gathered *seen = a->data;
    struct guard_view v = gather_view(a->agent, &a->s, &a->f, seen);

    for (size_t i = 0; i < seen->n_peers; i++)
        seen->peers[i].declared_down = named(a->q->declared_down, c->peers[i].node);
    enum rule r = rules_release_by_word(&v, a->q->nonce, &a->d);
    if (r != RULE_OBEY) {
        act_refuse(a, r);
        return;
    }
    act_log(a, LOG_LEVEL_WARNING, "notes",
            "released by the word of %s, while the zone's primary does not respond: down are "
            "declared: %s; "
            "peers: %s",
            a->q->by, a->q->declared_down[0] ? a->q->declared_down : "none", seen->peers_text);
    act_next(a);
}

static const act_phase_fn word_phases[] = {
    act_look,          word_admit,           word_gather,      act_read_others, word_permitted,
    act_start_primary, act_look_after_start, act_unfence_done, act_cron_resume, NULL,
};
const struct act_kind act_unfence_by_word = {.name = "unfence-by-word", .phases = word_phases};
