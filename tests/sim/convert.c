/* Between the compact world and the pure parts' own structs. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "sim.h"

static const char *const names[] = {"a", "b", "c"};

const char *node_name(u8 node)
{
    return node < NODES ? names[node] : "";
}

const char *nonce_text(u8 nonce)
{
    static char texts[256][NONCE_BYTES];

    if (!texts[nonce][0])
        snprintf(texts[nonce], sizeof(texts[0]), "%032x", (unsigned)nonce);
    return texts[nonce];
}

static u8 number(const char *hex)
{
    unsigned n = 0;

    sscanf(hex + strlen(hex) - 2, "%2x", &n);
    return (u8)n;
}

static u8 index_of(const char *name)
{
    return name[0] >= 'a' && name[0] < 'a' + NODES ? (u8)(name[0] - 'a') : NOBODY;
}

void rec_to_record(const struct rec *r, struct record *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->epoch = r->epoch;
    memcpy(ret->nonce, nonce_text(r->nonce), NONCE_BYTES);
    ret->state = r->state;
    STR_COPY(ret->owner, node_name(r->owner));
    STR_COPY(ret->to, node_name(r->to));
    ret->n_from = r->n_from;
    for (size_t i = 0; i < r->n_from; i++) {
        STR_COPY(ret->from[i].node, node_name(r->from[i]));
        ret->from[i].grade = r->grade[i];
    }
    memcpy(ret->txn, nonce_text(r->txn) + 16, TXN_BYTES);
    ret->sysid = 1;
    ret->tli = r->tli;
    ret->ttl = 30;
    memcpy(ret->by, nonce_text(r->by) + 16, TXN_BYTES);
}

void rec_from_record(const struct record *r, struct rec *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->epoch = (u8)r->epoch;
    ret->nonce = number(r->nonce);
    ret->state = (u8)r->state;
    ret->owner = index_of(r->owner);
    ret->to = index_of(r->to);
    ret->n_from = (u8)r->n_from;
    for (size_t i = 0; i < r->n_from && i < NODES; i++) {
        ret->from[i] = index_of(r->from[i].node);
        ret->grade[i] = (u8)r->from[i].grade;
    }
    ret->txn = number(r->txn);
    ret->tli = (u8)r->tli;
    ret->by = number(r->by);
}

void node_load(const struct node *n, struct agent_state *s)
{
    memset(s, 0, sizeof(*s));
    s->sysid = 1;
    s->epoch = n->epoch;
    s->seq = n->seq;
    if (n->seen.epoch)
        rec_to_record(&n->seen, &s->seen);
    s->fenced = n->fenced;
    s->fence_standby_only = n->standby_only;
    s->fence_was_primary = n->was_primary;
    s->fence_tli = n->fence_tli;
    s->fence_lsn = n->fence_lsn;
    s->held = n->held;
    s->held_was_primary = n->held_primary;
    s->held_tli = n->held_tli;
    s->promoting = n->promoting;
    s->promoting_epoch = n->promoting_epoch;
    s->promoting_tli = n->promoting_tli;
    s->revoked = n->revoked;
    s->revoked_epoch = n->revoked_epoch;
    s->cron_on = n->cron_cmd;
}

void node_save(struct node *n, const struct agent_state *s)
{
    n->epoch = (u8)s->epoch;
    n->seq = (u8)s->seq;
    if (s->seen.epoch)
        rec_from_record(&s->seen, &n->seen);
    n->fenced = s->fenced;
    n->standby_only = s->fence_standby_only;
    n->was_primary = s->fence_was_primary;
    n->fence_tli = (u8)s->fence_tli;
    n->fence_lsn = (u8)s->fence_lsn;
    n->held = s->held;
    n->held_primary = s->held_was_primary;
    n->held_tli = (u8)s->held_tli;
    n->promoting = s->promoting;
    n->promoting_epoch = (u8)s->promoting_epoch;
    n->promoting_tli = (u8)s->promoting_tli;
    n->revoked = s->revoked;
    n->revoked_epoch = (u8)s->revoked_epoch;
    n->cron_cmd = s->cron_on;
}

struct facts node_facts(const struct node *n)
{
    bool blind = seed_is(SEED_PID_FILE_ONLY) && n->orphan;

    return (struct facts){.role = blind ? PG_STOPPED : n->role,
                          .orphans = n->orphan && !blind,
                          .standby_signal = n->signal,
                          .control_state = n->control,
                          .control_tli = n->control_tli,
                          .tli = n->role >= PG_RECOVERY ? n->tli : 0,
                          .newest_history_tli = n->newest_tli > 1 ? n->newest_tli : 0,
                          .sysid = 1};
}
