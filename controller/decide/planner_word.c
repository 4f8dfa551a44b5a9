/*
 * `unfence` of a held owner while the zone's primary does not respond: docs/protocol.md, section
 * 6, "By a person's word". The record is what another server of the zone shows; nothing is written
 * there.
 */
#include "controller/decide/planner_view.h"

static uint32_t owner(const struct planner_view *v)
{
    return planner_bit(planner_owner(v));
}

static uint32_t to(const struct planner_view *v)
{
    return planner_bit(v->to);
}

static bool no_owner(const struct planner_view *v)
{
    return planner_owner(v) < 0;
}

static bool to_is_not_owner(const struct planner_view *v)
{
    return v->to != planner_owner(v);
}

static bool owner_silent(const struct planner_view *v)
{
    return !planner_answers(v, planner_owner(v));
}

static bool released(const struct planner_view *v)
{
    return planner_writable(v, planner_owner(v)) && planner_done(v, STEP_LET_GO);
}

static bool not_held(const struct planner_view *v)
{
    const struct planner_node *n = &v->nodes[planner_owner(v)];

    return !n->held || n->fenced;
}

static bool not_stable(const struct planner_view *v)
{
    return !planner_state_is(v, REGISTER_STABLE);
}

static uint32_t others(const struct planner_view *v,
                       bool (*is)(const struct planner_view *v, int node))
{
    uint32_t nodes = 0;

    for (int i = 0; i < (int)v->n_nodes; i++)
        if (i != planner_owner(v) && is(v, i))
            nodes |= planner_bit(i);
    return nodes;
}

static uint32_t other_writable(const struct planner_view *v)
{
    return others(v, planner_writable);
}

static uint32_t saw_another(const struct planner_view *v)
{
    for (int i = 0; i < (int)v->n_nodes; i++)
        if (planner_answers(v, i) && (!v->nodes[i].saw_d || v->nodes[i].epoch != v->d.epoch))
            return planner_bit(i);
    return 0;
}

static bool is_no_standby(const struct planner_view *v, int node)
{
    return planner_answers(v, node) && v->nodes[node].role != PG_RECOVERY;
}

static uint32_t no_standby(const struct planner_view *v)
{
    return others(v, is_no_standby);
}

static bool is_silent(const struct planner_view *v, int node)
{
    return !planner_answers(v, node);
}

static uint32_t not_asked_about(const struct planner_view *v)
{
    return planner_done(v, STEP_EVIDENCE) ? 0 : others(v, is_silent);
}

static bool is_seen_writable(const struct planner_view *v, int node)
{
    return !planner_answers(v, node) && v->nodes[node].seen_writable;
}

static uint32_t seen_writable(const struct planner_view *v)
{
    return others(v, is_seen_writable);
}

static bool is_unspoken(const struct planner_view *v, int node)
{
    return !planner_answers(v, node) && !(v->marks.accepted & planner_bit(node));
}

static uint32_t unspoken(const struct planner_view *v)
{
    return planner_bit(planner_first(others(v, is_unspoken)));
}

/* clang-format off */
static const struct planner_row rows[] = {
    PLANNER_END ("word: a stranger is the owner",     no_owner,          NULL,  WHY_UNKNOWN_NODE, 8),
    PLANNER_END ("word: not the owner",               to_is_not_owner,   to,    WHY_NOT_OWNER, 2),
    PLANNER_END ("word: released",                    released,          owner, WHY_SETTLED, 0),
    PLANNER_END ("word: another is writable",         NULL,      other_writable, WHY_OTHER_WRITABLE, 2),
    PLANNER_END ("word: owner silent",                owner_silent,      owner, WHY_OWNER_SILENT, 2),
    PLANNER_END ("word: not held, or open",           not_held,          NULL,  WHY_DNS_SILENT_AT_FIRST, 2),
    PLANNER_END ("word: a transition is open",        not_stable,        NULL,  WHY_DNS_SILENT_AT_FIRST, 2),
    PLANNER_END ("word: another record was seen",     NULL,         saw_another, WHY_WORD_RECORD, 2),
    PLANNER_END ("word: a peer is no standby",        NULL,          no_standby, WHY_WORD_PEER, 2),
    PLANNER_STEP("word: evidence about the silent",   NULL,     not_asked_about, STEP_EVIDENCE),
    PLANNER_END ("word: silent, but seen writable",   NULL,       seen_writable, WHY_SEEN_WRITABLE, 2),
    PLANNER_END ("word: silent, nothing said of it",  NULL,            unspoken, WHY_WORD_SILENT, 2),
    PLANNER_STEP("word: held",                        NULL,              owner, STEP_LET_GO),
    {0},
};
/* clang-format on */

const struct planner_row *planner_word_rows(const struct planner_view *v)
{
    return v->command == PLANNER_UNFENCE && !v->d_answered && v->d_elsewhere ? rows : NULL;
}
